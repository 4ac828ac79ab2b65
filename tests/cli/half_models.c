/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models for halves_test.sh: half_models FOLDER writes NAME.onnx of each, products of x [n, 64] and
 * weights [64, 48], 3 KiB in halves.
 *
 *     usual       weights in f32 that no half holds
 *     large       the same, one of them 70000
 *     small       the same times 2^-24
 *     cast16      weights in f16 behind a Cast
 *     castb16     weights in bf16 behind a Cast
 *     throughout  input, weights and output in f16
 *     table       rows of the weights, gathered
 *     window      a 3x3 convolution, which Winograd's form would take
 */
#include <string.h>

#include <hmlc/types.h>

#include "wire_writer.h"

enum { DEPTH = 64, COLUMNS = 48, COUNT = DEPTH * COLUMNS, WINDOW = 64 * 64 * 9 };
enum { ONNX_FLOAT16 = 10, ONNX_BFLOAT16 = 16 };

/* In (-1, 1), all 24 bits in use. */
static float number(uint32_t k)
{
    uint32_t mixed = (k + 1) * 2654435761u;
    return ((float)(mixed >> 8) + 0.5f) / 8388608.0f - 1;
}

/* `count` numbers times `scale`, of which `first` is the first one; 0: as the others. */
static void put(wire_buffer *graph, const char *dims, uint32_t count, float scale, float first)
{
    static float weights[WINDOW];
    for (uint32_t k = 0; k < count; k++) {
        weights[k] = number(k) * scale;
    }
    weights[0] = first != 0 ? first : weights[0];
    graph_constant(graph, "w", ONNX_FLOAT, dims, weights, count * sizeof *weights);
}

static bool save(wire_buffer *graph, const char *folder, const char *name)
{
    return model_save(graph, 18, "%s/%s.onnx", folder, name);
}

static bool product(const char *folder, const char *name, float scale, float first)
{
    wire_buffer graph = {0};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "n 64");
    put(&graph, "64 48", COUNT, scale, first);
    graph_add(&graph, "MatMul", "x w", "y");
    graph_value(&graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, "n 48");
    return save(&graph, folder, name);
}

static bool product_of_halves(const char *folder, const char *name, int64_t type, bool throughout)
{
    uint16_t weights[COUNT];
    wire_buffer graph = {0};
    for (uint32_t k = 0; k < COUNT; k++) {
        weights[k] = type == ONNX_FLOAT16 ? hmlc_f16_from_double((double)number(k))
                                          : hmlc_bf16_from_double((double)number(k));
    }
    int64_t outside = throughout ? type : ONNX_FLOAT;
    graph_value(&graph, GRAPH_INPUT, "x", outside, "n 64");
    graph_constant(&graph, "w", type, "64 48", weights, sizeof weights);
    if (!throughout) {
        wire_buffer cast = node_begin("Cast", "w", "wide");
        node_int(&cast, "to", ONNX_FLOAT);
        graph_node(&graph, &cast);
    }
    graph_add(&graph, "MatMul", throughout ? "x w" : "x wide", "y");
    graph_value(&graph, GRAPH_OUTPUT, "y", outside, "n 48");
    return save(&graph, folder, name);
}

static bool table(const char *folder)
{
    wire_buffer graph = {0};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_INT64, "n");
    put(&graph, "64 48", COUNT, 1, 0);
    graph_add(&graph, "Gather", "w x", "y");
    graph_value(&graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, "n 48");
    return save(&graph, folder, "table");
}

static bool window(const char *folder)
{
    static const int64_t pads[] = {1, 1, 1, 1};
    wire_buffer graph = {0}, node = node_begin("Conv", "x w", "y");
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "1 64 28 28");
    put(&graph, "64 64 3 3", WINDOW, 1, 0);
    node_ints(&node, "pads", pads, 4);
    graph_node(&graph, &node);
    graph_value(&graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, "1 64 28 28");
    return save(&graph, folder, "window");
}

int main(int argc, char **argv)
{
    const char *folder = argc == 2 ? argv[1] : NULL;
    bool saved = folder != NULL && product(folder, "usual", 1, 0) &&
                 product(folder, "large", 1, 70000) && product(folder, "small", 0x1p-24f, 0) &&
                 product_of_halves(folder, "cast16", ONNX_FLOAT16, false) &&
                 product_of_halves(folder, "castb16", ONNX_BFLOAT16, false) &&
                 product_of_halves(folder, "throughout", ONNX_FLOAT16, true) && window(folder) &&
                 table(folder);
    return saved ? 0 : 1;
}

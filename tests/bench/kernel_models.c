/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_models FOLDER: a model for each kind of kernel whose instructions are counted,
 * FOLDER/NAME.onnx each. */
#include "wire_writer.h"

static void ends(wire_buffer *graph, const char *from, const char *to)
{
    graph_value(graph, GRAPH_INPUT, "x", ONNX_FLOAT, from);
    graph_value(graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, to);
}

static void pointwise(wire_buffer *graph)
{
    ends(graph, "1 128 28 28", "1 64 28 28");
    graph_weights(graph, "w", "64 128 1 1");
    graph_weights(graph, "b", "64");
    graph_conv(graph, "x w b", "c", 1, 1, 1);
    graph_add(graph, "Relu", "c", "y");
}

static void direct(wire_buffer *graph)
{
    ends(graph, "1 32 56 56", "1 64 28 28");
    graph_weights(graph, "w", "64 32 3 3");
    graph_conv(graph, "x w", "y", 3, 2, 1);
}

static void winograd(wire_buffer *graph)
{
    ends(graph, "1 64 28 28", "1 64 28 28");
    graph_weights(graph, "w", "64 64 3 3");
    graph_conv(graph, "x w", "y", 3, 1, 1);
}

static void first_layer(wire_buffer *graph)
{
    ends(graph, "1 3 112 112", "1 16 56 56");
    graph_weights(graph, "w", "16 3 7 7");
    graph_conv(graph, "x w", "y", 7, 2, 1);
}

static void depthwise(wire_buffer *graph)
{
    ends(graph, "1 96 28 28", "1 96 28 28");
    graph_weights(graph, "w", "96 1 3 3");
    graph_conv(graph, "x w", "c", 3, 1, 96);
    graph_add(graph, "HardSwish", "c", "y");
}

static void grouped(wire_buffer *graph)
{
    ends(graph, "1 64 14 14", "1 64 14 14");
    graph_weights(graph, "w", "64 8 3 3");
    graph_conv(graph, "x w", "y", 3, 1, 8);
}

static void product(wire_buffer *graph)
{
    ends(graph, "64 256", "64 512");
    graph_weights(graph, "w", "256 512");
    graph_weights(graph, "b", "512");
    graph_add(graph, "Gemm", "x w b", "c");
    graph_add(graph, "Tanh", "c", "y");
}

static void row(wire_buffer *graph)
{
    ends(graph, "1 1024", "1 1000");
    graph_weights(graph, "w", "1024 1000");
    graph_add(graph, "MatMul", "x w", "y");
}

static void attention(wire_buffer *graph)
{
    ends(graph, "4 64 32", "4 64 32");
    graph_value(graph, GRAPH_INPUT, "k", ONNX_FLOAT, "4 32 64");
    graph_value(graph, GRAPH_INPUT, "v", ONNX_FLOAT, "4 64 32");
    graph_add(graph, "MatMul", "x k", "s");
    graph_add(graph, "Softmax", "s", "p");
    graph_add(graph, "MatMul", "p v", "y");
}

static void lstm_of(wire_buffer *graph, const char *input, const char *output)
{
    ends(graph, input, output);
    graph_weights(graph, "w", "1 256 48");
    graph_weights(graph, "r", "1 256 64");
    graph_weights(graph, "b", "1 512");
    wire_buffer node = node_begin("LSTM", "x w r b", "y");
    node_int(&node, "hidden_size", 64);
    graph_node(graph, &node);
}

static void lstm(wire_buffer *graph)
{
    lstm_of(graph, "20 1 48", "20 1 1 64");
}

static void lstm_rows(wire_buffer *graph)
{
    lstm_of(graph, "20 4 48", "20 1 4 64");
}

static void rows(wire_buffer *graph)
{
    ends(graph, "200 197", "200 197");
    graph_weights(graph, "g", "197");
    graph_weights(graph, "b", "197");
    graph_add(graph, "LayerNormalization", "x g b", "n");
    graph_add(graph, "Softmax", "n", "y");
}

static void moves(wire_buffer *graph)
{
    ends(graph, "1 24 30 40", "1 40 30 48");
    wire_buffer turn = node_begin("Transpose", "x", "t"), join = node_begin("Concat", "t s", "y");
    const int64_t order[] = {0, 3, 2, 1};
    node_ints(&turn, "perm", order, 4);
    graph_node(graph, &turn);
    graph_add(graph, "Exp", "t", "s");
    node_int(&join, "axis", 3);
    graph_node(graph, &join);
}

static void sums(wire_buffer *graph)
{
    ends(graph, "8 60 90", "90");
    wire_buffer node = node_begin("ReduceMean", "x", "y");
    const int64_t axes[] = {0, 1};
    node_ints(&node, "axes", axes, 2);
    node_int(&node, "keepdims", 0);
    graph_node(graph, &node);
}

static void bytes(wire_buffer *graph)
{
    static signed char weights[64 * 32 * 9];
    for (int k = 0; k < (int)sizeof weights; k++) {
        weights[k] = (signed char)(k * 37 % 255 - 127);
    }
    graph_value(graph, GRAPH_INPUT, "x", ONNX_UINT8, "1 32 28 28");
    graph_value(graph, GRAPH_OUTPUT, "y", ONNX_INT32, "1 64 28 28");
    graph_constant(graph, "w", ONNX_INT8, "64 32 3 3", weights, sizeof weights);
    wire_buffer node = node_begin("ConvInteger", "x w", "y");
    const int64_t pads[] = {1, 1, 1, 1};
    node_ints(&node, "pads", pads, 4);
    graph_node(graph, &node);
}

static const struct {
    const char *name;
    void (*build)(wire_buffer *graph);
} models[] = {{"pointwise", pointwise}, {"direct", direct},
              {"winograd", winograd},   {"first", first_layer},
              {"depthwise", depthwise}, {"grouped", grouped},
              {"product", product},     {"row", row},
              {"attention", attention}, {"lstm", lstm},
              {"lstm_rows", lstm_rows}, {"rows", rows},
              {"moves", moves},         {"sums", sums},
              {"bytes", bytes}};

int main(int argc, char **argv)
{
    bool written = argc == 2;
    for (size_t k = 0; written && k < sizeof models / sizeof models[0]; k++) {
        wire_buffer graph = {0};
        models[k].build(&graph);
        written = model_save(&graph, 17, "%s/%s.onnx", argv[1], models[k].name);
    }
    return written ? 0 : 1;
}

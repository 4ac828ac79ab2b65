/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products and convolutions of bytes in one graph, whose outputs are integers: the ends of the
 * types and what lies between them, both signs on either side, zero points, depths from 1 to
 * 70,000, groups, depthwise windows, a number of rows that is an input's, and results that are
 * quantized again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "byte_models.h"

/* What the bytes of one side are: any, the ends of the type, or its lower end alone. */
enum { ANY, ENDS, LOWER_END, KINDS };

/* As a constant of the graph. */
static void weights(wire_buffer *graph, const char *name, int64_t type, const char *dims,
                    int64_t count, int kind)
{
    static uint32_t random = 12345;
    int lower = type == ONNX_INT8 ? -128 : 0;
    unsigned char *bytes = malloc((size_t)count);
    if (bytes == NULL) {
        exit(1);
    }
    for (int64_t k = 0; k < count; k++) {
        random = random * 1664525U + 1013904223U;
        int any = lower + 1 + (int)(random >> 24) % 255; /* without the lower end */
        int end = random >> 31 ? lower : lower + 255;
        bytes[k] = (unsigned char)(kind == ANY ? any : kind == ENDS ? end : lower);
    }
    wire_buffer tensor = tensor_begin(name, type, dims);
    wire_put_bytes(&tensor, TENSOR_RAW, bytes, (size_t)count);
    graph_tensor(graph, &tensor);
    free(bytes);
}

static void byte_scalar(wire_buffer *graph, const char *name, int64_t type, int value)
{
    unsigned char byte = (unsigned char)value;
    wire_buffer tensor = tensor_begin(name, type, "");
    wire_put_bytes(&tensor, TENSOR_RAW, &byte, 1);
    graph_tensor(graph, &tensor);
}

static void float_scalar(wire_buffer *graph, const char *name, float value)
{
    wire_buffer tensor = tensor_begin(name, ONNX_FLOAT, "");
    wire_put_bytes(&tensor, TENSOR_RAW, &value, sizeof value);
    graph_tensor(graph, &tensor);
}

/* The left side: quantized floats, of which a small step makes the ends of the type, and the lower
 * one of floats that are all negative. The zero point is `name`_z. */
static void left_side(wire_buffer *graph, const char *name, const char *from, int64_t type,
                      int kind, int zero)
{
    static const char *const steps[KINDS] = {"step", "small_step", "small_step"};
    char inputs[256], negative[64], positive[64], point[64];
    snprintf(negative, sizeof negative, "%s_n", name);
    snprintf(positive, sizeof positive, "%s_p", name);
    snprintf(point, sizeof point, "%s_z", name);
    if (kind == LOWER_END) {
        graph_add(graph, "Abs", from, positive);
        graph_add(graph, "Neg", positive, negative);
    }
    byte_scalar(graph, point, type, zero);
    snprintf(inputs, sizeof inputs, "%s %s %s", kind == LOWER_END ? negative : from, steps[kind],
             point);
    graph_add(graph, "QuantizeLinear", inputs, name);
}

typedef struct side {
    int64_t type;
    int kind, zero;
} side;

typedef struct pair {
    side left, right;
} pair;

static const pair pairs[] = {
    {{ONNX_UINT8, ANY, 131}, {ONNX_INT8, ANY, 0}},
    {{ONNX_UINT8, ENDS, 0}, {ONNX_INT8, ENDS, 0}},
    {{ONNX_INT8, LOWER_END, 127}, {ONNX_INT8, LOWER_END, 0}},
    {{ONNX_INT8, ENDS, -128}, {ONNX_INT8, ANY, -128}},
    {{ONNX_INT8, ANY, 5}, {ONNX_UINT8, ENDS, 77}},
};
enum { PAIRS = sizeof pairs / sizeof pairs[0] };

/* y = operator(x, w): the names of a case. */
static void add_case(wire_buffer *graph, wire_buffer *node, const char *name, const char *dims)
{
    graph_node(graph, node);
    graph_value(graph, GRAPH_OUTPUT, name, ONNX_INT32, dims);
}

static void product(wire_buffer *graph, int index, int64_t m, int64_t k, int64_t n)
{
    char from[64], dims[80], name[64], inputs[320], right[64];
    snprintf(from, sizeof from, "a%d", index);
    snprintf(dims, sizeof dims, "%lld %lld", (long long)m, (long long)k);
    graph_value(graph, GRAPH_INPUT, from, ONNX_FLOAT, dims);
    for (size_t p = 0; p < PAIRS; p++) {
        const pair *of = &pairs[p];
        snprintf(name, sizeof name, "x%d_%d", index, (int)p);
        snprintf(right, sizeof right, "w%d_%d", index, (int)p);
        left_side(graph, name, from, of->left.type, of->left.kind, of->left.zero);
        snprintf(dims, sizeof dims, "%lld %lld", (long long)k, (long long)n);
        weights(graph, right, of->right.type, dims, k * n, of->right.kind);
        snprintf(inputs, sizeof inputs, "%s %s %s_z %s_z", name, right, name, right);
        snprintf(dims, sizeof dims, "%s_z", right);
        byte_scalar(graph, dims, of->right.type, of->right.zero);
        snprintf(name, sizeof name, "y%d_%d", index, (int)p);
        wire_buffer node = node_begin("MatMulInteger", inputs, name);
        snprintf(dims, sizeof dims, "%lld %lld", (long long)m, (long long)n);
        add_case(graph, &node, name, dims);
    }
}

typedef struct window {
    const char *x, *w; /* dims */
    int64_t count;     /* of the weights */
    int64_t groups, stride, pad;
} window;

static void convolution(wire_buffer *graph, int index, const window *of)
{
    char from[64], name[64], inputs[320], right[64];
    int64_t strides[] = {of->stride, of->stride}, pads[] = {of->pad, of->pad, of->pad, of->pad};
    snprintf(from, sizeof from, "c%d", index);
    graph_value(graph, GRAPH_INPUT, from, ONNX_FLOAT, of->x);
    for (size_t p = 0; p < PAIRS; p++) {
        side left = pairs[p].left, w = pairs[p].right;
        if (w.type != ONNX_INT8 || w.zero != 0) {
            continue;
        }
        snprintf(name, sizeof name, "u%d_%d", index, (int)p);
        snprintf(right, sizeof right, "v%d_%d", index, (int)p);
        left_side(graph, name, from, left.type, left.kind, left.zero);
        weights(graph, right, w.type, of->w, of->count, w.kind);
        snprintf(inputs, sizeof inputs, "%s %s %s_z", name, right, name);
        snprintf(name, sizeof name, "z%d_%d", index, (int)p);
        wire_buffer node = node_begin("ConvInteger", inputs, name);
        node_ints(&node, "strides", strides, 2);
        node_ints(&node, "pads", pads, 4);
        node_int(&node, "group", of->groups);
        add_case(graph, &node, name, "? ? ? ?");
    }
}

/* Rows that the run alone knows, by columns of several tiles. */
static void open_rows(wire_buffer *graph)
{
    graph_value(graph, GRAPH_INPUT, "o", ONNX_FLOAT, "rows 72");
    graph_value(graph, GRAPH_OUTPUT, "o_y", ONNX_INT32, "rows 100");
    left_side(graph, "o_x", "o", ONNX_INT8, ENDS, -3);
    weights(graph, "o_w", ONNX_INT8, "72 100", 72 * 100L, ENDS);
    graph_add(graph, "MatMulInteger", "o_x o_w o_x_z", "o_y");
}

/* Sums that become bytes again, of which a second product and a sum read. */
static void requantized(wire_buffer *graph)
{
    graph_value(graph, GRAPH_INPUT, "r", ONNX_FLOAT, "5 48");
    graph_value(graph, GRAPH_OUTPUT, "bytes", ONNX_UINT8, "5 48");
    weights(graph, "r_w", ONNX_INT8, "48 48", 48 * 48L, ANY);
    byte_scalar(graph, "r_wz", ONNX_INT8, 0);
    float_scalar(graph, "r_ws", 0.0037F);
    left_side(graph, "r_x", "r", ONNX_UINT8, ANY, 121);
    graph_add(graph, "DequantizeLinear", "r_x step r_x_z", "r_d");
    graph_add(graph, "DequantizeLinear", "r_w r_ws r_wz", "r_dw");
    graph_add(graph, "MatMul", "r_d r_dw", "r_p");
    graph_add(graph, "QuantizeLinear", "r_p step r_x_z", "r_q");
    graph_add(graph, "DequantizeLinear", "r_q step r_x_z", "r_e");
    graph_add(graph, "MatMul", "r_e r_dw", "r_s");
    graph_add(graph, "Add", "r_s r_e", "r_t");
    graph_add(graph, "QuantizeLinear", "r_t step r_x_z", "bytes");
}

void byte_product(wire_buffer *graph, const int64_t sizes[3])
{
    char dims[3][64];
    for (int i = 0; i < 3; i++) { /* M K, K N, M N */
        snprintf(dims[i], sizeof dims[i], "%lld %lld", (long long)sizes[i == 1 ? 1 : 0],
                 (long long)sizes[i == 0 ? 1 : 2]);
    }
    graph_value(graph, GRAPH_INPUT, "a", ONNX_INT8, dims[0]);
    graph_value(graph, GRAPH_OUTPUT, "sums", ONNX_INT32, dims[2]);
    weights(graph, "b", ONNX_INT8, dims[1], sizes[1] * sizes[2], ANY);
    graph_add(graph, "MatMulInteger", "a b", "sums");
}

void byte_models(wire_buffer *graph)
{
    static const int64_t products[][3] = {
        {1, 1, 1},    {2, 3, 5},    {3, 16, 17},   {1, 20, 48},   {5, 35, 33},   {4, 64, 70},
        {7, 131, 40}, {6, 200, 16}, {13, 128, 64}, {1, 4097, 19}, {2, 70000, 5},
    };
    static const window windows[] = {
        {"1 8 7 9", "19 8 3 3", 19 * 8 * 9, 1, 1, 1},
        {"1 8 33 31", "24 8 3 3", 24 * 8 * 9, 1, 2, 1},
        {"2 5 6 6", "7 5 1 1", 7 * 5, 1, 1, 0},
        {"1 16 8 8", "6 8 3 3", 6 * 8 * 9, 2, 1, 1},
        {"1 3 31 29", "8 3 3 3", 8 * 3 * 9, 1, 2, 1},
        {"1 4 30 40", "8 4 2 3", 8 * 4 * 6, 1, 1, 2},
        {"1 32 14 14", "20 32 3 3", 20 * 32 * 9, 1, 1, 1},
        {"1 37 9 8", "37 1 3 3", 37 * 9, 37, 1, 1},
        {"1 16 9 12", "16 1 5 5", 16 * 25, 16, 2, 2},
    };
    float_scalar(graph, "step", 0.02F);
    float_scalar(graph, "small_step", 0.0001F);
    for (int k = 0; k < (int)(sizeof products / sizeof products[0]); k++) {
        product(graph, k, products[k][0], products[k][1], products[k][2]);
    }
    for (int k = 0; k < (int)(sizeof windows / sizeof windows[0]); k++) {
        convolution(graph, k, &windows[k]);
    }
    open_rows(graph);
    requantized(graph);
}

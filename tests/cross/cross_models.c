/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cross_models FILE: products whose sizes the run alone knows, for arm_test.sh: columns that end
 * within a vector, sums and results whose columns lie behind each other and apart, a long epilogue,
 * steps that are no multiple of four.
 *
 * cross_models FILE M K N: one product of these sizes and a sum; cross_models FILE M K N bytes: one
 * of bytes.
 *
 * cross_models FILE bytes: products and convolutions of bytes, see byte_models.c.
 *
 * cross_models FILE M K N rounded: a product by constant weights, and a convolution 3x3 of K
 * channels by N.
 *
 * cross_models FILE numbers: rounding, conversions, divisions and quantization of all element types
 * that have them.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "byte_models.h"

static void products(wire_buffer *graph)
{
    static const char *const lefts[] = {"a0", "a1", "a2", "a3"};
    static const char *const outputs[] = {"plain", "sum", "curve", "apart"};
    for (size_t i = 0; i < sizeof lefts / sizeof lefts[0]; i++) {
        graph_value(graph, GRAPH_INPUT, lefts[i], ONNX_FLOAT, "m k");
        graph_value(graph, GRAPH_OUTPUT, outputs[i], ONNX_FLOAT, "m n");
    }
    graph_value(graph, GRAPH_INPUT, "b", ONNX_FLOAT, "k n");
    graph_value(graph, GRAPH_INPUT, "c", ONNX_FLOAT, "m n");
    graph_value(graph, GRAPH_INPUT, "d", ONNX_FLOAT, "n m");
    graph_add(graph, "MatMul", "a0 b", "plain");
    graph_add(graph, "MatMul", "a1 b", "p1");
    graph_add(graph, "Add", "p1 c", "sum");
    graph_add(graph, "MatMul", "a2 b", "p2");
    graph_add(graph, "Add", "p2 c", "s2");
    graph_add(graph, "Sigmoid", "s2", "curve");
    graph_add(graph, "Transpose", "d", "turned");
    graph_add(graph, "MatMul", "a3 b", "p3");
    graph_add(graph, "Add", "p3 turned", "apart");
}

static void product(wire_buffer *graph, char *const *sizes)
{
    char dims[3][64];
    for (int i = 0; i < 3; i++) { /* M K, K N, M N */
        snprintf(dims[i], sizeof dims[i], "%s %s", sizes[i == 1 ? 1 : 0], sizes[i == 0 ? 1 : 2]);
    }
    graph_value(graph, GRAPH_INPUT, "a", ONNX_FLOAT, dims[0]);
    graph_value(graph, GRAPH_INPUT, "b", ONNX_FLOAT, dims[1]);
    graph_value(graph, GRAPH_INPUT, "c", ONNX_FLOAT, dims[2]);
    graph_value(graph, GRAPH_OUTPUT, "sum", ONNX_FLOAT, dims[2]);
    graph_add(graph, "MatMul", "a b", "p");
    graph_add(graph, "Add", "p c", "sum");
}

static void rounded(wire_buffer *graph, char *const *sizes)
{
    char dims[5][64];
    snprintf(dims[0], sizeof dims[0], "%s %s", sizes[0], sizes[1]);
    snprintf(dims[1], sizeof dims[1], "%s %s", sizes[0], sizes[2]);
    snprintf(dims[2], sizeof dims[2], "1 %s 9 7", sizes[1]);
    snprintf(dims[3], sizeof dims[3], "1 %s 9 7", sizes[2]);
    snprintf(dims[4], sizeof dims[4], "%s %s", sizes[1], sizes[2]);
    graph_value(graph, GRAPH_INPUT, "a", ONNX_FLOAT, dims[0]);
    graph_value(graph, GRAPH_INPUT, "x", ONNX_FLOAT, dims[2]);
    graph_value(graph, GRAPH_OUTPUT, "product", ONNX_FLOAT, dims[1]);
    graph_value(graph, GRAPH_OUTPUT, "map", ONNX_FLOAT, dims[3]);
    graph_weights(graph, "b", dims[4]);
    snprintf(dims[4], sizeof dims[4], "%s %s 3 3", sizes[2], sizes[1]);
    graph_weights(graph, "w", dims[4]);
    graph_add(graph, "MatMul", "a b", "product");
    graph_conv(graph, "x w", "map", 3, 1, 1);
}

static void convert(wire_buffer *graph, const char *from, int64_t to, const char *output)
{
    wire_buffer node = node_begin("Cast", from, output);
    node_int(&node, "to", to);
    graph_node(graph, &node);
}

/* Steps of a half and zero points as whole_numbers.py has them. */
static void quantized(wire_buffer *graph)
{
    enum { UINT16 = 4, INT16 = 5 };
    static const struct {
        const char *name;
        int64_t type;
        uint16_t zero;
    } sides[] = {{"q_s8", ONNX_INT8, (uint8_t)-7},
                 {"q_s8_0", ONNX_INT8, 0},
                 {"q_u8", ONNX_UINT8, 131},
                 {"q_s16", INT16, (uint16_t)-1000},
                 {"q_u16", UINT16, 40000}};
    const float half = 0.5F;
    wire_buffer step = tensor_begin("half_step", ONNX_FLOAT, "");
    wire_put_bytes(&step, TENSOR_RAW, &half, sizeof half);
    graph_tensor(graph, &step);
    for (size_t k = 0; k < sizeof sides / sizeof sides[0]; k++) {
        char zero[32], inputs[64];
        snprintf(zero, sizeof zero, "%s_zero", sides[k].name);
        snprintf(inputs, sizeof inputs, "x half_step %s", zero);
        wire_buffer point = tensor_begin(zero, sides[k].type, "");
        bool bytes = sides[k].type == ONNX_INT8 || sides[k].type == ONNX_UINT8;
        wire_put_bytes(&point, TENSOR_RAW, &sides[k].zero, bytes ? 1 : 2); /* little-endian */
        graph_tensor(graph, &point);
        graph_value(graph, GRAPH_OUTPUT, sides[k].name, sides[k].type, "n");
        graph_add(graph, "QuantizeLinear", inputs, sides[k].name);
    }
}

/* Inputs and outputs as whole_numbers.py has them, in this order. */
static void numbers(wire_buffer *graph)
{
    enum { FLOAT16 = 10, DOUBLE = 11 };
    static const struct {
        const char *name;
        int64_t type;
    } inputs[] = {{"x", ONNX_FLOAT}, {"y", DOUBLE},     {"s", ONNX_FLOAT}, {"a", ONNX_INT64},
                  {"b", ONNX_INT64}, {"c", ONNX_INT32}, {"d", ONNX_INT32}},
      outputs[] = {{"floor_x", ONNX_FLOAT}, {"ceil_x", ONNX_FLOAT}, {"round_x", ONNX_FLOAT},
                   {"floor_y", DOUBLE},     {"ceil_y", DOUBLE},     {"round_y", DOUBLE},
                   {"half", FLOAT16},       {"wide", ONNX_FLOAT},   {"word", ONNX_INT32},
                   {"quad", ONNX_INT64},    {"a_real", ONNX_FLOAT}, {"a_double", DOUBLE},
                   {"divided", ONNX_INT64}, {"rest", ONNX_INT64},   {"c_divided", ONNX_INT32},
                   {"c_rest", ONNX_INT32}};
    for (size_t k = 0; k < sizeof inputs / sizeof inputs[0]; k++) {
        graph_value(graph, GRAPH_INPUT, inputs[k].name, inputs[k].type, "n");
    }
    for (size_t k = 0; k < sizeof outputs / sizeof outputs[0]; k++) {
        graph_value(graph, GRAPH_OUTPUT, outputs[k].name, outputs[k].type, "n");
    }
    graph_add(graph, "Floor", "x", "floor_x");
    graph_add(graph, "Ceil", "x", "ceil_x");
    graph_add(graph, "Round", "x", "round_x");
    graph_add(graph, "Floor", "y", "floor_y");
    graph_add(graph, "Ceil", "y", "ceil_y");
    graph_add(graph, "Round", "y", "round_y");
    convert(graph, "x", FLOAT16, "half");
    convert(graph, "half", ONNX_FLOAT, "wide");
    convert(graph, "s", ONNX_INT32, "word");
    convert(graph, "s", ONNX_INT64, "quad");
    convert(graph, "a", ONNX_FLOAT, "a_real");
    convert(graph, "a", DOUBLE, "a_double");
    graph_add(graph, "Div", "a b", "divided");
    graph_add(graph, "Mod", "a b", "rest");
    graph_add(graph, "Div", "c d", "c_divided");
    graph_add(graph, "Mod", "c d", "c_rest");
    quantized(graph);
}

int main(int argc, char **argv)
{
    wire_buffer graph = {0};
    int64_t opset = 17;
    if (argc == 5) {
        product(&graph, argv + 2);
    } else if (argc == 6 && strcmp(argv[5], "rounded") == 0) {
        rounded(&graph, argv + 2);
    } else if (argc == 6) {
        byte_product(&graph, (int64_t[]){strtol(argv[2], NULL, 10), strtol(argv[3], NULL, 10),
                                         strtol(argv[4], NULL, 10)});
    } else if (argc == 3 && strcmp(argv[2], "bytes") == 0) {
        byte_models(&graph);
    } else if (argc == 3 && strcmp(argv[2], "numbers") == 0) {
        numbers(&graph);
        opset = 21; /* 16 bits, quantized */
    } else {
        products(&graph);
    }
    return argc >= 2 && model_save(&graph, opset, "%s", argv[1]) ? 0 : 1;
}

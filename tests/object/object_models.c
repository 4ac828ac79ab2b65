/* SPDX-License-Identifier: Apache-2.0 */
/* object_models FOLDER: small models for the tests of objects, FOLDER/NAME.onnx each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire_writer.h"

static void input(wire_buffer *graph, const char *name, const char *dims)
{
    graph_value(graph, GRAPH_INPUT, name, ONNX_FLOAT, dims);
}

static void output(wire_buffer *graph, const char *name, const char *dims)
{
    graph_value(graph, GRAPH_OUTPUT, name, ONNX_FLOAT, dims);
}

static void mlp(wire_buffer *graph)
{
    input(graph, "x", "3 20");
    output(graph, "y", "3 5");
    graph_weights(graph, "w0", "20 33");
    graph_weights(graph, "b0", "33");
    graph_weights(graph, "w1", "33 5");
    graph_add(graph, "Gemm", "x w0 b0", "h");
    graph_add(graph, "Tanh", "h", "t");
    graph_add(graph, "Sigmoid", "h", "s");
    graph_add(graph, "Mul", "t s", "g");
    graph_add(graph, "MatMul", "g w1", "z");
    graph_add(graph, "Softmax", "z", "y");
}

/* A cut of a mobile network: 3x3, depthwise with and without a stride, 1x1, mean, product. */
static void depthwise(wire_buffer *graph)
{
    input(graph, "image", "1 3 20 18");
    output(graph, "scores", "1 7");
    graph_weights(graph, "w0", "8 3 3 3");
    graph_weights(graph, "w1", "8 1 3 3");
    graph_weights(graph, "w2", "20 8 1 1");
    graph_weights(graph, "w3", "20 1 3 3");
    graph_weights(graph, "w4", "20 7");
    graph_conv(graph, "image w0", "a", 3, 2, 1);
    graph_add(graph, "Relu", "a", "b");
    graph_conv(graph, "b w1", "c", 3, 1, 8);
    graph_add(graph, "Relu", "c", "d");
    graph_conv(graph, "d w2", "e", 1, 1, 1);
    graph_add(graph, "HardSwish", "e", "f");
    graph_conv(graph, "f w3", "g", 3, 2, 20);
    graph_add(graph, "GlobalAveragePool", "g", "m");
    graph_add(graph, "Flatten", "m", "n");
    graph_add(graph, "MatMul", "n w4", "scores");
}

/* -- on 8 bits: QuantizeLinear and DequantizeLinear around what a runtime puts on integers */

static uint32_t next_random(void)
{
    static uint32_t state = 7;
    state = state * 1664525U + 1013904223U; /* Numerical Recipes */
    return state >> 8;
}

/* Weights in i8 over all of its range, with a scale for each of the outputs, which axis `axis`
 * has; "<name>_f" are the floats. */
static void byte_weights(wire_buffer *graph, const char *name, const char *dims, size_t count,
                         size_t outputs, int64_t axis)
{
    char names[4][32], operands[128], outputs_dim[16];
    static const char *const endings[] = {"", "_scale", "_zero", "_f"};
    int8_t *data = malloc(count), *zeros = calloc(outputs, 1);
    float *scales = malloc(outputs * sizeof *scales);
    for (size_t k = 0; k < 4; k++) {
        snprintf(names[k], sizeof names[k], "%s%s", name, endings[k]);
    }
    snprintf(operands, sizeof operands, "%s %s %s", names[0], names[1], names[2]);
    snprintf(outputs_dim, sizeof outputs_dim, "%zu", outputs);
    for (size_t k = 0; data != NULL && k < count; k++) {
        data[k] = (int8_t)(next_random() & 0xff);
    }
    for (size_t k = 0; scales != NULL && k < outputs; k++) {
        scales[k] = (float)(next_random() % 64 + 32) / (float)(1 << 14);
    }
    graph_constant(graph, names[0], ONNX_INT8, dims, data, count);
    graph_constant(graph, names[1], ONNX_FLOAT, outputs_dim, scales, outputs * sizeof *scales);
    graph_constant(graph, names[2], ONNX_INT8, outputs_dim, zeros, outputs);
    wire_buffer node = node_begin("DequantizeLinear", operands, names[3]);
    node_int(&node, "axis", axis);
    graph_node(graph, &node);
    free(data);
    free(zeros);
    free(scales);
}

/* `to` is `from` in steps of `scale` from -scale * zero on. */
static void through_bytes(wire_buffer *graph, const char *from, const char *to, float scale,
                          uint8_t zero)
{
    char names[3][32], operands[128];
    static const char *const endings[] = {"_scale", "_zero", "_q"};
    for (size_t k = 0; k < 3; k++) {
        snprintf(names[k], sizeof names[k], "%s%s", to, endings[k]);
    }
    graph_constant(graph, names[0], ONNX_FLOAT, "", &scale, sizeof scale);
    graph_constant(graph, names[1], ONNX_UINT8, "", &zero, 1);
    snprintf(operands, sizeof operands, "%s %s %s", from, names[0], names[1]);
    graph_add(graph, "QuantizeLinear", operands, names[2]);
    snprintf(operands, sizeof operands, "%s %s %s", names[2], names[0], names[1]);
    graph_add(graph, "DequantizeLinear", operands, to);
}

/* Convolutions with and without padding, depthwise, 1x1 and a product, of sizes that fill nothing:
 * 3, 13, 18 and 38 channels, rows and columns that are odd. */
static void bytes(wire_buffer *graph)
{
    input(graph, "image", "1 3 13 11");
    output(graph, "scores", "1 9");
    byte_weights(graph, "w0", "13 3 3 3", 351, 13, 0);
    byte_weights(graph, "w1", "13 1 3 3", 117, 13, 0);
    byte_weights(graph, "w2", "18 13 1 1", 234, 18, 0);
    byte_weights(graph, "w3", "38 18 3 3", 6156, 38, 0);
    byte_weights(graph, "w4", "228 9", 2052, 9, 1);
    graph_weights(graph, "b2", "18");
    through_bytes(graph, "image", "a", 0.03F, 128);
    graph_conv(graph, "a w0_f", "b", 3, 1, 1);
    graph_add(graph, "Relu", "b", "c");
    through_bytes(graph, "c", "d", 0.02F, 0);
    graph_conv(graph, "d w1_f", "e", 3, 2, 13);
    through_bytes(graph, "e", "f", 0.05F, 117);
    graph_conv(graph, "f w2_f b2", "g", 1, 1, 1);
    graph_add(graph, "Relu", "g", "h");
    through_bytes(graph, "h", "i", 0.04F, 3);
    wire_buffer node = node_begin("Conv", "i w3_f", "j");
    const int64_t window[] = {3, 3}, steps[] = {3, 2}, pads[] = {0, 0, 0, 1};
    node_ints(&node, "kernel_shape", window, 2);
    node_ints(&node, "strides", steps, 2);
    node_ints(&node, "pads", pads, 4);
    graph_node(graph, &node);
    through_bytes(graph, "j", "k", 0.06F, 131);
    graph_add(graph, "Flatten", "k", "l");
    graph_add(graph, "MatMul", "l w4_f", "scores");
}

static void branch_graph(wire_buffer *choice, const char *name, const char *first,
                         const char *second)
{
    wire_buffer graph = {0};
    graph_add(&graph, first, "h", "t");
    graph_add(&graph, second, "t", "b");
    output(&graph, "b", NULL);
    node_graph(choice, name, &graph);
}

/* The sum decides which of two branches runs; a row is gathered by an index. */
static void branches(wire_buffer *graph)
{
    input(graph, "x", "4 6");
    graph_value(graph, GRAPH_INPUT, "row", ONNX_INT64, "2");
    output(graph, "y", "2 6");
    wire_buffer zero = tensor_begin("zero", ONNX_FLOAT, ""),
                sum = node_begin("ReduceSum", "x", "s");
    wire_put_bytes(&zero, TENSOR_RAW, "\0\0\0\0", 4);
    graph_tensor(graph, &zero);
    node_int(&sum, "keepdims", 0);
    graph_node(graph, &sum);
    graph_add(graph, "Greater", "s zero", "positive");
    graph_add(graph, "Tanh", "x", "h");
    wire_buffer choice = node_begin("If", "positive", "c");
    branch_graph(&choice, "then_branch", "Exp", "Neg");
    branch_graph(&choice, "else_branch", "Neg", "Sigmoid");
    graph_node(graph, &choice);
    graph_add(graph, "Gather", "c row", "y");
}

/* Three times and as often as the input says: v -> tanh(v) + x. */
static void repeat(wire_buffer *graph)
{
    static const int64_t three = 3;
    wire_buffer tensor = tensor_begin("three", ONNX_INT64, ""), body = {0};
    wire_put_bytes(&tensor, TENSOR_RAW, &three, sizeof three);
    graph_tensor(graph, &tensor);
    input(graph, "x", "5");
    graph_value(graph, GRAPH_INPUT, "more", ONNX_INT64, "");
    output(graph, "y", "5");
    graph_add(graph, "Add", "three more", "count");
    graph_value(&body, GRAPH_INPUT, "i", ONNX_INT64, "");
    graph_value(&body, GRAPH_INPUT, "go", ONNX_BOOL, "");
    graph_value(&body, GRAPH_INPUT, "v", ONNX_FLOAT, "5");
    graph_value(&body, GRAPH_OUTPUT, "on", ONNX_BOOL, "");
    graph_value(&body, GRAPH_OUTPUT, "w", ONNX_FLOAT, "5");
    graph_add(&body, "Identity", "go", "on");
    graph_add(&body, "Tanh", "v", "t");
    graph_add(&body, "Add", "t x", "w");
    wire_buffer loop = node_begin("Loop", "count - x", "z");
    node_graph(&loop, "body", &body);
    graph_node(graph, &loop);
    graph_add(graph, "Neg", "z", "y");
}

/* Names that are no identifiers, and two that are one. */
static void odd_names(wire_buffer *graph)
{
    input(graph, "1.float", "2");
    input(graph, "int", "2");
    input(graph, "arena", "2");
    input(graph, "*/", "2");
    output(graph, "a/b", "2");
    graph_add(graph, "Add", "1.float int", "s");
    graph_add(graph, "Add", "s arena", "t");
    graph_add(graph, "Sub", "t */", "a/b");
}

static void clash(wire_buffer *graph)
{
    input(graph, "a.b", "2");
    input(graph, "A_B", "2");
    output(graph, "y", "2");
    graph_add(graph, "Add", "a.b A_B", "y");
}

static void doubles(wire_buffer *graph)
{
    enum { ONNX_DOUBLE = 11 };
    graph_value(graph, GRAPH_INPUT, "x", ONNX_DOUBLE, "6");
    graph_value(graph, GRAPH_OUTPUT, "y", ONNX_DOUBLE, "6");
    graph_add(graph, "Mul", "x x", "y");
}

static void i64_constant(wire_buffer *graph, const char *name, const char *dims,
                         const int64_t *values, size_t count)
{
    graph_constant(graph, name, ONNX_INT64, dims, values, count * sizeof *values);
}

static void cast_to(wire_buffer *graph, int64_t type, const char *from, const char *to)
{
    wire_buffer cast = node_begin("Cast", from, to);
    node_int(&cast, "to", type);
    graph_node(graph, &cast);
}

/* Quotients and remainders of 64 bits, signed and not, of numbers that lie at the ends of 32 and 64
 * bits: what is nothing but calls for 32-bit processors. */
static void divide(wire_buffer *graph)
{
    enum { ONNX_UINT64 = 13 };
    static const int64_t from[] = {0,
                                   100,
                                   -100,
                                   INT64_MAX - 10,
                                   INT64_MIN + 10,
                                   UINT32_MAX,
                                   -(INT64_C(1) << 45),
                                   INT64_C(81985529216486895)};
    static const int64_t by[] = {10,
                                 -10,
                                 1000,
                                 INT64_C(1) << 31,
                                 (INT64_C(1) << 32) + 5,
                                 -77,
                                 -(INT64_C(1) << 40),
                                 INT64_C(1) << 62,
                                 INT64_MAX - 10,
                                 INT64_MIN + 10};
    static const char *const outputs[] = {"quotients", "remainders", "unsigned_quotients",
                                          "unsigned_remainders"};
    graph_value(graph, GRAPH_INPUT, "x", ONNX_INT64, "8 1");
    graph_value(graph, GRAPH_INPUT, "z", ONNX_INT64, "1 10");
    i64_constant(graph, "from", "8 1", from, sizeof from / sizeof from[0]);
    i64_constant(graph, "by", "1 10", by, sizeof by / sizeof by[0]);
    graph_add(graph, "Add", "x from", "a");
    graph_add(graph, "Add", "z by", "b");
    graph_add(graph, "Div", "a b", "quotients");
    graph_add(graph, "Mod", "a b", "remainders");
    cast_to(graph, ONNX_UINT64, "a", "c");
    cast_to(graph, ONNX_UINT64, "b", "d");
    graph_add(graph, "Div", "c d", "e");
    graph_add(graph, "Mod", "c d", "f");
    cast_to(graph, ONNX_INT64, "e", "unsigned_quotients");
    cast_to(graph, ONNX_INT64, "f", "unsigned_remainders");
    for (size_t k = 0; k < 4; k++) {
        graph_value(graph, GRAPH_OUTPUT, outputs[k], ONNX_INT64, "8 10");
    }
}

/* Kernels that compute in f64, although the graph has f32 alone: a loop's and a portable one. */
static void arcs(wire_buffer *graph)
{
    input(graph, "x", "6");
    output(graph, "y", "6");
    graph_add(graph, "Neg", "x", "n");
    graph_add(graph, "Asinh", "n", "y");
}

static void grid(wire_buffer *graph)
{
    input(graph, "x", "1 1 4 4");
    input(graph, "places", "1 3 3 2");
    output(graph, "y", "1 1 3 3");
    graph_add(graph, "GridSample", "x places", "y");
}

/* As many results as the data says. */
static void found(wire_buffer *graph)
{
    input(graph, "x", "6");
    graph_value(graph, GRAPH_OUTPUT, "y", ONNX_INT64, "1 n");
    graph_add(graph, "NonZero", "x", "y");
}

static void large(wire_buffer *graph)
{
    input(graph, "x", "n 1024");
    output(graph, "y", "n 1024");
    graph_add(graph, "Exp", "x", "y");
}

static const struct {
    const char *name;
    void (*build)(wire_buffer *graph);
} models[] = {{"mlp", mlp},           {"depthwise", depthwise}, {"bytes", bytes},
              {"branches", branches}, {"repeat", repeat},       {"odd", odd_names},
              {"clash", clash},       {"doubles", doubles},     {"divide", divide},
              {"found", found},       {"large", large},         {"arcs", arcs},
              {"grid", grid}};

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

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
} models[] = {{"mlp", mlp},         {"depthwise", depthwise}, {"branches", branches},
              {"repeat", repeat},   {"odd", odd_names},       {"clash", clash},
              {"doubles", doubles}, {"found", found},         {"large", large}};

int main(int argc, char **argv)
{
    bool written = argc == 2;
    for (size_t k = 0; written && k < sizeof models / sizeof models[0]; k++) {
        char path[1024];
        wire_buffer graph = {0};
        models[k].build(&graph);
        wire_buffer model = model_end(&graph, 17);
        snprintf(path, sizeof path, "%s/%s.onnx", argv[1], models[k].name);
        written = wire_save(path, model.data, model.size);
        wire_free(&model);
    }
    return written ? 0 : 1;
}

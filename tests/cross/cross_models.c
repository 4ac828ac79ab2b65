/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cross_models FILE: products whose sizes the run alone knows, for arm_test.sh: columns that end
 * within a vector, sums and results whose columns lie behind each other and apart, a long epilogue,
 * steps that are no multiple of four.
 *
 * cross_models FILE M K N: one product of these sizes and a sum.
 */
#include <stdio.h>

#include "wire_writer.h"

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

int main(int argc, char **argv)
{
    wire_buffer graph = {0};
    if (argc == 5) {
        product(&graph, argv + 2);
    } else {
        products(&graph);
    }
    wire_buffer model = model_end(&graph, 17);
    bool written = argc >= 2 && wire_save(argv[1], model.data, model.size);
    wire_free(&model);
    return written ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One node behind the other: what is done per node must not look at all others. */
#include <stdio.h>
#include <string.h>

#include "costly_models.h"

/* x -> type -> ... -> y */
static void chain_of(wire_buffer *graph, const char *const *types, uint32_t count, uint32_t size)
{
    input(graph, "x", "2 4");
    for (uint32_t k = 0; k < size; k++) {
        graph_add(graph, types[k % count], k == 0 ? "x" : numbered("v", k - 1),
                  k == size - 1 ? "y" : numbered("v", k));
    }
    output(graph, "y");
}

static void relu_chain(wire_buffer *graph, uint32_t size)
{
    static const char *const types[] = {"Relu"};
    chain_of(graph, types, 1, size);
}

/* Every value is an output: no two nodes become one kernel. */
static void relu_outputs(wire_buffer *graph, uint32_t size)
{
    static const char *const types[] = {"Relu", "Neg"};
    chain_of(graph, types, 2, size);
    for (uint32_t k = 0; k + 1 < size; k++) {
        output(graph, numbered("v", k));
    }
}

static void mixed_chain(wire_buffer *graph, uint32_t size)
{
    static const char *const types[] = {"Sigmoid", "Neg", "Exp", "Transpose", "Tanh"};
    chain_of(graph, types, 5, size);
}

static void softmax_chain(wire_buffer *graph, uint32_t size)
{
    static const char *const types[] = {"Softmax"};
    chain_of(graph, types, 1, size);
}

static void unknown_chain(wire_buffer *graph, uint32_t size)
{
    input(graph, "x", "2 4");
    for (uint32_t k = 0; k < size; k++) {
        graph_add(graph, numbered("Frobnicate", k), k == 0 ? "x" : numbered("v", k - 1),
                  k == size - 1 ? "y" : numbered("v", k));
    }
    output(graph, "y");
}

/* v = v + v: as a tree, 2^size terms. */
static void doubling_chain(wire_buffer *graph, uint32_t size)
{
    input(graph, "x", "2 4");
    for (uint32_t k = 0; k < size; k++) {
        const char *from = k == 0 ? "x" : numbered("v", k - 1);
        char pair[80];
        (void)snprintf(pair, sizeof pair, "%s %s", from, from);
        graph_add(graph, k % 2 == 0 ? "Add" : "Mul", pair, k == size - 1 ? "y" : numbered("v", k));
    }
    output(graph, "y");
}

/* Each node is the sum of the two before: paths through the graph grow as Fibonacci's numbers. */
static void braid(wire_buffer *graph, uint32_t size)
{
    input(graph, "v0", "2 4");
    input(graph, "v1", "2 4");
    for (uint32_t k = 2; k < size + 2; k++) {
        char pair[160];
        (void)snprintf(pair, sizeof pair, "%s %s", numbered("v", k - 1), numbered("v", k - 2));
        graph_add(graph, k % 3 == 0 ? "Mul" : "Add", pair, k == size + 1 ? "y" : numbered("v", k));
    }
    output(graph, "y");
}

/* x, x + 0, x + 1, ... each with a constant of its own. */
static void bias_chain(wire_buffer *graph, uint32_t size)
{
    input(graph, "x", "2 4");
    for (uint32_t k = 0; k < size; k++) {
        char pair[160];
        const float value = (float)k + 0.5F;
        floats(graph, numbered("c", k), "", &value, 1);
        (void)snprintf(pair, sizeof pair, "%s %s", k == 0 ? "x" : numbered("v", k - 1),
                       numbered("c", k));
        graph_add(graph, k % 2 == 0 ? "Add" : "Max", pair, k == size - 1 ? "y" : numbered("v", k));
    }
    output(graph, "y");
}

/* A product of other widths each: no two kernels are equal. */
static void matmul_chain(wire_buffer *graph, uint32_t size)
{
    input(graph, "x", "2 1");
    for (uint32_t k = 0; k < size; k++) {
        char pair[160], dims[40];
        (void)snprintf(dims, sizeof dims, "%u %u", k + 1, k + 2);
        zeros(graph, numbered("w", k), dims, (size_t)(k + 1) * (k + 2));
        (void)snprintf(pair, sizeof pair, "%s %s", k == 0 ? "x" : numbered("v", k - 1),
                       numbered("w", k));
        graph_add(graph, "MatMul", pair, k == size - 1 ? "y" : numbered("v", k));
    }
    output(graph, "y");
}

/* Two branches that take each other's result, `size` deep. */
static void nested_branch(wire_buffer *graph, uint32_t depth)
{
    wire_buffer branches[2] = {{0}, {0}};
    const char *name = numbered("r", depth);
    for (int k = 0; k < 2; k++) {
        const char *result = numbered(k == 0 ? "then" : "else", depth);
        if (depth == 0 || k == 1) {
            graph_add(&branches[k], k == 0 ? "Relu" : "Neg", "x", result);
        } else {
            nested_branch(&branches[k], depth - 1);
            graph_add(&branches[k], "Exp", numbered("r", depth - 1), result);
        }
        graph_value(&branches[k], GRAPH_OUTPUT, result, ONNX_FLOAT, "2 4");
    }
    wire_buffer node = node_begin("If", "c", name);
    node_graph(&node, "then_branch", &branches[0]);
    node_graph(&node, "else_branch", &branches[1]);
    graph_node(graph, &node);
}

static void nested_ifs(wire_buffer *graph, uint32_t size)
{
    input(graph, "x", "2 4");
    graph_value(graph, GRAPH_INPUT, "c", ONNX_BOOL, "1");
    nested_branch(graph, size);
    graph_add(graph, "Identity", numbered("r", size), "y");
    output(graph, "y");
}

static void if_chain(wire_buffer *graph, uint32_t size)
{
    input(graph, "v0", "2 4");
    graph_value(graph, GRAPH_INPUT, "c", ONNX_BOOL, "1");
    for (uint32_t k = 0; k < size; k++) {
        wire_buffer branches[2] = {{0}, {0}};
        for (int b = 0; b < 2; b++) {
            const char *result = numbered(b == 0 ? "t" : "e", k);
            graph_add(&branches[b], b == 0 ? "Exp" : "Neg", numbered("v", k), result);
            graph_value(&branches[b], GRAPH_OUTPUT, result, ONNX_FLOAT, "2 4");
        }
        wire_buffer node = node_begin("If", "c", k == size - 1 ? "y" : numbered("v", k + 1));
        node_graph(&node, "then_branch", &branches[0]);
        node_graph(&node, "else_branch", &branches[1]);
        graph_node(graph, &node);
    }
    output(graph, "y");
}

const costly_model costly_chains[] = {
    {"relu_chain", 16000, relu_chain},
    {"relu_outputs", 4000, relu_outputs},
    {"mixed_chain", 4000, mixed_chain},
    {"softmax_chain", 2000, softmax_chain},
    {"unknown_chain", 100000, unknown_chain},
    {"doubling_chain", 2000, doubling_chain},
    {"braid", 2000, braid},
    {"bias_chain", 2000, bias_chain},
    {"matmul_chain", 300, matmul_chain},
    {"nested_ifs", 60, nested_ifs},
    {"if_chain", 300, if_chain},
    {NULL, 0, NULL},
};

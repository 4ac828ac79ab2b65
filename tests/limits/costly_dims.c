/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes that grow as expressions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "costly_models.h"

static void slice(wire_buffer *graph, const char *from, const char *starts, const char *ends,
                  const char *to)
{
    char names[160];
    (void)snprintf(names, sizeof names, "%s %s %s axis", from, starts, ends);
    graph_add(graph, "Slice", names, to);
}

static void constants(wire_buffer *graph)
{
    static const int64_t one = 1, two = 2, zero = 0, less = -1, many = INT64_MAX;
    integers(graph, "zero", &zero, 1);
    integers(graph, "one", &one, 1);
    integers(graph, "two", &two, 1);
    integers(graph, "less", &less, 1);
    integers(graph, "many", &many, 1);
    integers(graph, "axis", &one, 1);
}

/* y = conv(x)[:-1 or 1:] + x[1:]: residual layers over a length that shrinks. */
static void residual_slices(wire_buffer *graph, uint32_t size)
{
    char names[160];
    constants(graph);
    graph_value(graph, GRAPH_INPUT, "v0", ONNX_FLOAT, "batch length 4");
    graph_value(graph, GRAPH_INPUT, "k", ONNX_INT64, "1");
    for (uint32_t k = 0; k < size; k++) {
        slice(graph, numbered("v", k), "k", "many", numbered("a", k));
        slice(graph, numbered("v", k), "zero", "less", numbered("b", k));
        slice(graph, numbered("b", k), "k", "many", numbered("c", k));
        (void)snprintf(names, sizeof names, "%s %s", numbered("a", k), numbered("c", k));
        graph_add(graph, "Add", names, k == size - 1 ? "y" : numbered("v", k + 1));
    }
    output(graph, "y");
}

/* The end of a slice by the other's length, as exporters of causal convolutions write it. */
static void residual_lengths(wire_buffer *graph, uint32_t size)
{
    char names[160];
    constants(graph);
    input(graph, "v0", "batch 4 length");
    for (uint32_t k = 0; k < size; k++) {
        wire_buffer conv;
        zeros(graph, numbered("w", k), "4 4 3", 48);
        (void)snprintf(names, sizeof names, "%s %s", numbered("v", k), numbered("w", k));
        conv = node_begin("Conv", names, numbered("c", k));
        const int64_t stride = k % 2 == 0 ? 2 : 1;
        node_ints(&conv, "strides", &stride, 1);
        graph_node(graph, &conv);
        graph_add(graph, "Shape", numbered("c", k), numbered("s", k));
        (void)snprintf(names, sizeof names, "%s two", numbered("s", k));
        graph_add(graph, "Gather", names, numbered("n", k));
        graph_add(graph, "Neg", numbered("n", k), numbered("m", k));
        (void)snprintf(names, sizeof names, "%s %s many two", numbered("v", k), numbered("m", k));
        graph_add(graph, "Slice", names, numbered("t", k));
        (void)snprintf(names, sizeof names, "%s %s", numbered("c", k), numbered("t", k));
        graph_add(graph, "Add", names, k == size - 1 ? "y" : numbered("v", k + 1));
    }
    output(graph, "y");
}

static void many_symbols(wire_buffer *graph, uint32_t size)
{
    wire_buffer names = {0};
    for (uint32_t k = 0; k < size; k++) {
        char dims[64];
        (void)snprintf(dims, sizeof dims, "n%u 4", k);
        input(graph, numbered("x", k), dims);
        append_name(&names, numbered("x", k));
    }
    wire_buffer node = node_begin("Concat", names_of(&names), "y");
    node_int(&node, "axis", 0);
    graph_node(graph, &node);
    output(graph, "y");
    wire_free(&names);
}

/* Inputs of unknown length, added: each sum broadcasts. */
static void broadcast_chain(wire_buffer *graph, uint32_t size)
{
    char names[160];
    input(graph, "v0", "m 4");
    for (uint32_t k = 0; k < size; k++) {
        char dims[64];
        (void)snprintf(dims, sizeof dims, "n%u 4", k);
        input(graph, numbered("x", k), dims);
        (void)snprintf(names, sizeof names, "%s %s", numbered("v", k), numbered("x", k));
        graph_add(graph, "Add", names, k == size - 1 ? "y" : numbered("v", k + 1));
    }
    output(graph, "y");
}

/* Half the length, rounded up, and again. */
static void pool_chain(wire_buffer *graph, uint32_t size)
{
    static const int64_t three = 3, stride = 2, pads[] = {1, 1};
    input(graph, "v0", "batch 4 length");
    for (uint32_t k = 0; k < size; k++) {
        wire_buffer node =
            node_begin("MaxPool", numbered("v", k), k == size - 1 ? "y" : numbered("v", k + 1));
        node_ints(&node, "kernel_shape", &three, 1);
        node_ints(&node, "strides", k % 3 == 0 ? &stride : &three, 1);
        node_ints(&node, "pads", pads, 2);
        node_int(&node, "ceil_mode", k % 2);
        graph_node(graph, &node);
    }
    output(graph, "y");
}

/* Reshapes to a matrix of two columns and back to a row. */
static void reshape_chain(wire_buffer *graph, uint32_t size)
{
    static const int64_t pair[] = {-1, 2}, row[] = {1, -1}, four[] = {4, -1};
    char names[160];
    integers(graph, "pair", pair, 2);
    integers(graph, "row", row, 2);
    integers(graph, "four", four, 2);
    input(graph, "v0", "a b c");
    for (uint32_t k = 0; k < size; k++) {
        static const char *const shapes[] = {"pair", "row", "four"};
        (void)snprintf(names, sizeof names, "%s %s", numbered("v", k), shapes[k % 3]);
        graph_add(graph, "Reshape", names, numbered("r", k));
        graph_add(graph, k % 2 == 0 ? "Exp" : "Transpose", numbered("r", k),
                  k == size - 1 ? "y" : numbered("v", k + 1));
    }
    output(graph, "y");
}

/* n = n * n + m, as the size of what is made. */
static void size_chain(wire_buffer *graph, uint32_t size)
{
    char names[160];
    constants(graph);
    input(graph, "x", "m n");
    graph_add(graph, "Shape", "x", "s");
    graph_add(graph, "Gather", "s zero", "n0");
    graph_add(graph, "Gather", "s one", "m");
    for (uint32_t k = 0; k < size; k++) {
        (void)snprintf(names, sizeof names, "%s m", numbered("n", k));
        graph_add(graph, k % 2 == 0 ? "Div" : "Mul", names, numbered("p", k));
        (void)snprintf(names, sizeof names, "%s two", numbered("p", k));
        graph_add(graph, "Add", names, numbered("n", k + 1));
    }
    graph_add(graph, "ConstantOfShape", numbered("n", size), "y");
    output(graph, "y");
}

static void tile_chain(wire_buffer *graph, uint32_t size)
{
    char names[160];
    wire_buffer node;
    input(graph, "v0", "m n");
    for (uint32_t k = 0; k < size; k++) {
        (void)snprintf(names, sizeof names, "%s %s", numbered("v", k), numbered("v", k));
        node = node_begin("Concat", names, numbered("c", k));
        node_int(&node, "axis", k % 2);
        graph_node(graph, &node);
        graph_add(graph, "Transpose", numbered("c", k), k == size - 1 ? "y" : numbered("v", k + 1));
    }
    output(graph, "y");
}

static void dynamic_convs(wire_buffer *graph, uint32_t size)
{
    static const int64_t pads[] = {1, 1, 1, 1}, strides[] = {2, 2};
    char names[160], dims[64];
    input(graph, "v0", "batch 3 height width");
    for (uint32_t k = 0; k < size; k++) {
        uint32_t from = k == 0 ? 3 : 3 + k, to = 4 + k;
        (void)snprintf(dims, sizeof dims, "%u %u 3 3", to, from);
        zeros(graph, numbered("w", k), dims, (size_t)to * from * 9);
        (void)snprintf(names, sizeof names, "%s %s", numbered("v", k), numbered("w", k));
        wire_buffer node = node_begin("Conv", names, k == size - 1 ? "y" : numbered("v", k + 1));
        node_ints(&node, "pads", pads, 4);
        if (k % 8 == 3) {
            node_ints(&node, "strides", strides, 2);
        }
        graph_node(graph, &node);
    }
    output(graph, "y");
}

const costly_model costly_dims[] = {
    {"residual_slices", 5, residual_slices}, {"residual_lengths", 12, residual_lengths},
    {"many_symbols", 1000, many_symbols},    {"broadcast_chain", 300, broadcast_chain},
    {"pool_chain", 100, pool_chain},         {"reshape_chain", 300, reshape_chain},
    {"size_chain", 300, size_chain},         {"tile_chain", 40, tile_chain},
    {"dynamic_convs", 30, dynamic_convs},    {NULL, 0, NULL},
};

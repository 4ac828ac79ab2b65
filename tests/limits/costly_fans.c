/* SPDX-License-Identifier: Apache-2.0 */
/* Many beside each other: inputs, outputs, readers, operands, initializers, elements of a list. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "costly_models.h"

static void concat_of_inputs(wire_buffer *graph, uint32_t size)
{
    wire_buffer names = {0};
    for (uint32_t k = 0; k < size; k++) {
        input(graph, numbered("x", k), "2 4");
        append_name(&names, numbered("x", k));
    }
    wire_buffer node = node_begin("Concat", names_of(&names), "y");
    node_int(&node, "axis", 0);
    graph_node(graph, &node);
    output(graph, "y");
    wire_free(&names);
}

/* The same operand again and again, the last axis. */
static void concat_of_one(wire_buffer *graph, uint32_t size)
{
    wire_buffer names = {0};
    input(graph, "x", "4 3");
    for (uint32_t k = 0; k < size; k++) {
        append_name(&names, "x");
    }
    wire_buffer node = node_begin("Concat", names_of(&names), "y");
    node_int(&node, "axis", 1);
    graph_node(graph, &node);
    output(graph, "y");
    wire_free(&names);
}

static void sum_of_inputs(wire_buffer *graph, uint32_t size)
{
    wire_buffer names = {0};
    for (uint32_t k = 0; k < size; k++) {
        input(graph, numbered("x", k), "2 4");
        append_name(&names, numbered("x", k));
    }
    graph_add(graph, "Sum", names_of(&names), "y");
    output(graph, "y");
    wire_free(&names);
}

static void many_outputs(wire_buffer *graph, uint32_t size)
{
    input(graph, "x", "2 4");
    for (uint32_t k = 0; k < size; k++) {
        char pair[80];
        const float value = (float)k;
        floats(graph, numbered("c", k), "", &value, 1);
        (void)snprintf(pair, sizeof pair, "x %s", numbered("c", k));
        graph_add(graph, "Add", pair, numbered("y", k));
        output(graph, numbered("y", k));
    }
}

static void relu_fan(wire_buffer *graph, uint32_t size)
{
    for (uint32_t k = 0; k < size; k++) {
        input(graph, numbered("x", k), "2 4");
        graph_add(graph, "Relu", numbered("x", k), numbered("y", k));
        output(graph, numbered("y", k));
    }
}

static void split_of_many(wire_buffer *graph, uint32_t size)
{
    wire_buffer names = {0};
    input(graph, "x", numbered("", size));
    for (uint32_t k = 0; k < size; k++) {
        append_name(&names, numbered("y", k));
        output(graph, numbered("y", k));
    }
    graph_add(graph, "Split", "x", names_of(&names));
    wire_free(&names);
}

/* Split, one node on each part, and Concat again. */
static void split_and_join(wire_buffer *graph, uint32_t size)
{
    wire_buffer parts = {0}, results = {0};
    char dims[40];
    (void)snprintf(dims, sizeof dims, "2 %u", size * 3);
    input(graph, "x", dims);
    for (uint32_t k = 0; k < size; k++) {
        append_name(&parts, numbered("p", k));
        append_name(&results, numbered("r", k));
    }
    wire_buffer node = node_begin("Split", "x", names_of(&parts));
    node_int(&node, "axis", 1);
    graph_node(graph, &node);
    for (uint32_t k = 0; k < size; k++) {
        graph_add(graph, k % 2 == 0 ? "Exp" : "Neg", numbered("p", k), numbered("r", k));
    }
    node = node_begin("Concat", names_of(&results), "y");
    node_int(&node, "axis", 1);
    graph_node(graph, &node);
    output(graph, "y");
    wire_free(&parts);
    wire_free(&results);
}

static void initializers(wire_buffer *graph, uint32_t size)
{
    input(graph, "x", "2 4");
    for (uint32_t k = 0; k < size; k++) {
        const float value = (float)k;
        floats(graph, numbered("c", k), "", &value, 1);
    }
    graph_add(graph, "Relu", "x", "y");
    output(graph, "y");
}

/* One value with many readers, joined by a tree of sums. */
static void many_readers(wire_buffer *graph, uint32_t size)
{
    input(graph, "x", "2 4");
    for (uint32_t k = 0; k < size; k++) {
        char pair[80];
        const float value = (float)k;
        floats(graph, numbered("c", k), "", &value, 1);
        (void)snprintf(pair, sizeof pair, "x %s", numbered("c", k));
        graph_add(graph, k % 2 == 0 ? "Mul" : "Pow", pair, numbered("v", k));
    }
    for (uint32_t k = 0; k + 1 < size; k++) {
        char pair[160];
        (void)snprintf(pair, sizeof pair, "%s %s", numbered("v", 2 * k), numbered("v", 2 * k + 1));
        graph_add(graph, "Add", pair, k + 2 == size ? "y" : numbered("v", size + k));
    }
    output(graph, "y");
}

/* Kernels of one kind and no two alike. */
static void distinct_loops(wire_buffer *graph, uint32_t size)
{
    for (uint32_t k = 0; k < size; k++) {
        char dims[40];
        (void)snprintf(dims, sizeof dims, "3 %u", k + 2);
        input(graph, numbered("x", k), dims);
        graph_add(graph, "Softmax", numbered("x", k), numbered("y", k));
        output(graph, numbered("y", k));
    }
}

static void distinct_sorts(wire_buffer *graph, uint32_t size)
{
    for (uint32_t k = 0; k < size; k++) {
        char dims[40], two[80];
        (void)snprintf(dims, sizeof dims, "3 %u", k + 2);
        input(graph, numbered("x", k), dims);
        (void)snprintf(two, sizeof two, "%s one", numbered("x", k));
        wire_buffer axis = node_begin("CumSum", two, numbered("y", k));
        graph_node(graph, &axis);
        output(graph, numbered("y", k));
    }
    const int64_t one = 1;
    integers(graph, "one", &one, 1);
}

static void long_names(wire_buffer *graph, uint32_t size)
{
    char *name = malloc((size_t)size + 1);
    memset(name, 'n', size);
    name[size] = '\0';
    input(graph, "x", "2 4");
    wire_buffer from = {0}, to = {0};
    append_name(&from, "x");
    for (uint32_t k = 0; k < 20; k++) {
        to = (wire_buffer){0};
        wire_put_raw(&to, name, size);
        append_name(&to, numbered("", k));
        graph_add(graph, k % 2 == 0 ? "Sigmoid" : "Neg", names_of(&from), names_of(&to));
        wire_free(&from);
        from = to;
        from.size--;
    }
    graph_add(graph, "Relu", names_of(&from), "y");
    output(graph, "y");
    wire_free(&from);
    free(name);
}

static void long_list(wire_buffer *graph, uint32_t size)
{
    int64_t *values = calloc(size, sizeof *values);
    input(graph, "x", "2 4");
    wire_buffer node = node_begin("Transpose", "x", "y");
    node_ints(&node, "perm", values, size);
    graph_node(graph, &node);
    output(graph, "y");
    free(values);
}

static void equations(wire_buffer *graph, uint32_t size)
{
    wire_buffer names = {0}, equation = {0};
    input(graph, "x", "2 3");
    for (uint32_t k = 0; k < size; k++) {
        append_name(&names, "x");
        wire_put_raw(&equation, k == 0 ? "ab" : ",ab", k == 0 ? 2 : 3);
    }
    wire_put_raw(&equation, "->ab", 5);
    wire_buffer node = node_begin("Einsum", names_of(&names), "y");
    node_text(&node, "equation", (const char *)equation.data);
    graph_node(graph, &node);
    output(graph, "y");
    wire_free(&names);
    wire_free(&equation);
}

const costly_model costly_fans[] = {
    {"concat_of_inputs", 5000, concat_of_inputs},
    {"concat_of_one", 5000, concat_of_one},
    {"sum_of_inputs", 2000, sum_of_inputs},
    {"many_outputs", 2000, many_outputs},
    {"relu_fan", 16000, relu_fan},
    {"split_of_many", 2000, split_of_many},
    {"split_and_join", 1000, split_and_join},
    {"initializers", 50000, initializers},
    {"many_readers", 2000, many_readers},
    {"distinct_loops", 300, distinct_loops},
    {"distinct_sorts", 300, distinct_sorts},
    {"long_names", 100000, long_names},
    {"long_list", 1000000, long_list},
    {"equations", 200, equations},
    {NULL, 0, NULL},
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Few bytes that stand for many: constants, windows, counts. */
#include <stdio.h>
#include <string.h>

#include "costly_models.h"

/* A sum of constants of 800 KB, of which only the last is needed. */
static void constant_adds(wire_buffer *graph, uint32_t size)
{
    char names[160];
    zeros(graph, "c0", "200000", 200000);
    input(graph, "x", "200000");
    for (uint32_t k = 0; k < size; k++) {
        (void)snprintf(names, sizeof names, "%s c0", numbered("c", k));
        graph_add(graph, "Add", names, numbered("c", k + 1));
    }
    (void)snprintf(names, sizeof names, "x %s", numbered("c", size));
    graph_add(graph, "Add", names, "y");
    output(graph, "y");
}

/* The same, all of them needed. */
static void constant_fan(wire_buffer *graph, uint32_t size)
{
    char names[160];
    zeros(graph, "c", "200000", 200000);
    input(graph, "v0", "200000");
    for (uint32_t k = 0; k < size; k++) {
        const float value = (float)k;
        floats(graph, numbered("k", k), "", &value, 1);
        (void)snprintf(names, sizeof names, "c %s", numbered("k", k));
        graph_add(graph, "Add", names, numbered("c", k));
        (void)snprintf(names, sizeof names, "%s %s", numbered("v", k), numbered("c", k));
        graph_add(graph, "Mul", names, k == size - 1 ? "y" : numbered("v", k + 1));
    }
    output(graph, "y");
}

static void of_shape(wire_buffer *graph, const char *name, const int64_t *dims, size_t rank)
{
    char shape[80];
    (void)snprintf(shape, sizeof shape, "%s_shape", name);
    integers(graph, shape, dims, rank);
    graph_add(graph, "ConstantOfShape", shape, name);
}

/* Products of constants that no file holds. */
static void constant_products(wire_buffer *graph, uint32_t size)
{
    const int64_t dims[] = {size, size};
    char names[160];
    of_shape(graph, "c0", dims, 2);
    for (uint32_t k = 0; k < 8; k++) {
        (void)snprintf(names, sizeof names, "%s c0", numbered("c", k));
        graph_add(graph, "MatMul", names, numbered("c", k + 1));
    }
    input(graph, "x", "1");
    graph_add(graph, "Add", "x c8", "y");
    output(graph, "y");
}

static void constant_conv(wire_buffer *graph, uint32_t size)
{
    const int64_t dims[] = {1, 1, size, size}, half[] = {1, 1, size / 2, size / 2};
    of_shape(graph, "c", dims, 4);
    of_shape(graph, "w", half, 4);
    graph_add(graph, "Conv", "c w", "d");
    input(graph, "x", "1");
    graph_add(graph, "Add", "x d", "y");
    output(graph, "y");
}

static void constant_range(wire_buffer *graph, uint32_t size)
{
    const float values[] = {0, (float)size, 1};
    floats(graph, "start", "", &values[0], 1);
    floats(graph, "limit", "", &values[1], 1);
    floats(graph, "delta", "", &values[2], 1);
    input(graph, "x", "1");
    graph_add(graph, "Range", "start limit delta", "r");
    graph_add(graph, "CumSum", "r zero", "s");
    graph_add(graph, "Mul", "x s", "y");
    const int64_t zero = 0;
    integers(graph, "zero", &zero, 1);
    output(graph, "y");
}

/* A window of size x size taps. */
static void large_window(wire_buffer *graph, uint32_t size, const char *type)
{
    char dims[80];
    const int64_t shape[] = {size, size};
    (void)snprintf(dims, sizeof dims, "1 1 %u %u", size * 2, size * 2);
    input(graph, "x", dims);
    if (strcmp(type, "Conv") == 0) {
        (void)snprintf(dims, sizeof dims, "1 1 %u %u", size, size);
        zeros(graph, "w", dims, (size_t)size * size);
        graph_add(graph, type, "x w", "y");
    } else {
        wire_buffer node = node_begin(type, "x", "y");
        node_ints(&node, "kernel_shape", shape, 2);
        graph_node(graph, &node);
    }
    output(graph, "y");
}

static void conv_window(wire_buffer *graph, uint32_t size)
{
    large_window(graph, size, "Conv");
}

static void pool_window(wire_buffer *graph, uint32_t size)
{
    large_window(graph, size, "MaxPool");
}

/* Borders wider than the map: every output pixel has taps of its own. */
static void conv_borders(wire_buffer *graph, uint32_t size)
{
    const int64_t pads[] = {size, size, size, size};
    char dims[80];
    (void)snprintf(dims, sizeof dims, "16 16 %u %u", size, size);
    zeros(graph, "w", dims, (size_t)256 * size * size);
    (void)snprintf(dims, sizeof dims, "1 16 %u %u", size, size);
    input(graph, "x", dims);
    wire_buffer node = node_begin("Conv", "x w", "y");
    node_ints(&node, "pads", pads, 4);
    graph_node(graph, &node);
    output(graph, "y");
}

static void depthwise_window(wire_buffer *graph, uint32_t size)
{
    char dims[80];
    (void)snprintf(dims, sizeof dims, "32 1 %u %u", size, size);
    zeros(graph, "w", dims, (size_t)32 * size * size);
    (void)snprintf(dims, sizeof dims, "1 32 %u %u", size * 2, size * 2);
    input(graph, "x", dims);
    wire_buffer node = node_begin("Conv", "x w", "y");
    const int64_t pads[] = {size / 2, size / 2, size / 2, size / 2};
    node_int(&node, "group", 32);
    node_ints(&node, "pads", pads, 4);
    graph_node(graph, &node);
    output(graph, "y");
}

static void resize_scale(wire_buffer *graph, uint32_t size)
{
    const float scales[] = {1, 1, (float)size, (float)size};
    floats(graph, "scales", "4", scales, 4);
    input(graph, "x", "1 1 16 16");
    wire_buffer node = node_begin("Resize", "x - scales", "y");
    node_text(&node, "mode", "linear");
    graph_node(graph, &node);
    output(graph, "y");
}

/* Channels of which each is a group. */
static void group_conv(wire_buffer *graph, uint32_t size)
{
    char dims[80];
    (void)snprintf(dims, sizeof dims, "%u 2 3 3", size * 2);
    zeros(graph, "w", dims, (size_t)size * 36);
    (void)snprintf(dims, sizeof dims, "1 %u 9 9", size * 2);
    input(graph, "x", dims);
    wire_buffer node = node_begin("Conv", "x w", "y");
    node_int(&node, "group", size);
    graph_node(graph, &node);
    output(graph, "y");
}

const costly_model costly_values[] = {
    {"constant_adds", 2000, constant_adds},
    {"constant_fan", 300, constant_fan},
    {"constant_products", 500, constant_products},
    {"constant_conv", 500, constant_conv},
    {"constant_range", 100000000, constant_range},
    {"conv_window", 300, conv_window},
    {"pool_window", 300, pool_window},
    {"conv_borders", 31, conv_borders},
    {"depthwise_window", 31, depthwise_window},
    {"resize_scale", 1000, resize_scale},
    {"group_conv", 4096, group_conv},
    {NULL, 0, NULL},
};

/* SPDX-License-Identifier: Apache-2.0 */
/* What the families of costly models share: names, initializers, inputs and outputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "costly_models.h"

const char *numbered(const char *stem, uint32_t number)
{
    static char buffers[8][64];
    static unsigned next;
    char *text = buffers[next++ % 8];
    (void)snprintf(text, sizeof buffers[0], "%s%u", stem, number);
    return text;
}

void append_name(wire_buffer *list, const char *name)
{
    wire_put_raw(list, name, strlen(name));
    wire_put_raw(list, " ", 1);
}

const char *names_of(wire_buffer *list)
{
    wire_put_raw(list, "", 1);
    return (const char *)list->data;
}

void input(wire_buffer *graph, const char *name, const char *dims)
{
    graph_value(graph, GRAPH_INPUT, name, ONNX_FLOAT, dims);
}

void output(wire_buffer *graph, const char *name)
{
    graph_value(graph, GRAPH_OUTPUT, name, ONNX_FLOAT, NULL);
}

void floats(wire_buffer *graph, const char *name, const char *dims, const float *values,
            size_t count)
{
    wire_buffer tensor = tensor_begin(name, ONNX_FLOAT, dims);
    wire_put_bytes(&tensor, TENSOR_RAW, values, count * sizeof *values);
    graph_tensor(graph, &tensor);
}

void zeros(wire_buffer *graph, const char *name, const char *dims, size_t count)
{
    float *values = calloc(count, sizeof *values);
    floats(graph, name, dims, values, count);
    free(values);
}

void integers(wire_buffer *graph, const char *name, const int64_t *values, size_t count)
{
    wire_buffer tensor = tensor_begin(name, ONNX_INT64, numbered("", (uint32_t)count));
    wire_put_bytes(&tensor, TENSOR_RAW, values, count * sizeof *values);
    graph_tensor(graph, &tensor);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Test helper: importing from memory and looking at what came out. */
#ifndef TEST_MODULE_H
#define TEST_MODULE_H

#include <hmlc/frontend.h>

#include "wire_writer.h"

typedef struct imported {
    hmlc_module *module;
    hmlc_status status;
    wire_buffer file; /* constants may point into it */
} imported;

/* Takes the graph and ends it as a model of that opset. */
imported import_graph(wire_buffer *graph, int64_t opset);
imported import_graph_with(wire_buffer *graph, int64_t opset, const hmlc_import_options *options);
imported import_bytes(wire_buffer *file, const hmlc_import_options *options);
void imported_free(imported *model);

/* The identifier of the first error, "" without one; how many errors there are. */
const char *first_error(const imported *model);
uint32_t error_count(const imported *model);
/* True when some diagnostic's message or hint holds the text. */
bool says(const imported *model, const char *text);
/* Ops of a kind in the main graph, regions inside included. */
uint32_t count_ops(const imported *model, hmlc_opcode opcode);
/* "f32[2, batch]" of an output; valid until the next call. */
const char *output_type(const imported *model, uint32_t index);
const char *input_type(const imported *model, uint32_t index);

/* A graph x -> op -> y over f32, with x of these dims. */
wire_buffer one_node(const char *type, const char *dims);

#endif

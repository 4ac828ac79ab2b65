/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that name subgraphs. */
#ifndef HMLC_TFLITE_CALLS_H
#define HMLC_TFLITE_CALLS_H

#include "tflite_import.h"

/* A chain of calls longer than this goes in a circle, or might as well. */
enum { HMLC_TFLITE_MOST_CALLS = 16, HMLC_TFLITE_MOST_CALLED = 2 };

/* The subgraphs that an operator names, in the order of its options; they may not exist. Their
 * number. */
uint32_t hmlc_tflite_called(const hmlc_tflite_operator *stored,
                            int64_t called[HMLC_TFLITE_MOST_CALLED]);

/*
 * Imports subgraph `index` into scope->names.body with `inputs` as its arguments. Its outputs, or
 * NULL when something in it was refused.
 */
hmlc_value **hmlc_tflite_import_subgraph(hmlc_node *node, hmlc_tflite_scope *scope, int64_t index,
                                         hmlc_value *const *inputs, uint32_t input_count,
                                         uint32_t output_count);
/* True where two values that meet have one type and shape; else the node says what and which. */
bool hmlc_tflite_same_type(hmlc_node *node, const hmlc_value *a, const hmlc_value *b,
                           const char *problem, uint32_t index);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Recurrent layers that are written out step by step. */
#ifndef HMLC_TFLITE_RECURRENT_H
#define HMLC_TFLITE_RECURRENT_H

#include "tflite_import.h"

/* Steps that are written out one by one are at most so many. */
enum { HMLC_TFLITE_MOST_STEPS = 256 };

/* One step: from x [batch, depth] and the states to the result [batch, units], which replaces the
 * states. `context` is the caller's. */
typedef hmlc_value *hmlc_tflite_step(hmlc_node *node, hmlc_value *x, void *context);

/* Input 0 with time first: [time, batch, depth]. NULL, and the node says so, where it has another
 * rank. */
hmlc_value *hmlc_tflite_time_first(hmlc_node *node);
/* All steps of x [time, batch, depth], from the last one on where `backward`: the results in the
 * order of time, as the node's output has it. */
hmlc_value *hmlc_tflite_write_out(hmlc_node *node, hmlc_value *x, bool backward,
                                  hmlc_tflite_step *step, void *context);
/* [time, batch, units] as the node's output has it. */
hmlc_value *hmlc_tflite_as_given(hmlc_node *node, hmlc_value *y);
/* Of two directions: outputs of their own, or joined (merge_outputs). */
void hmlc_tflite_give_directions(hmlc_node *node, hmlc_value *forward, hmlc_value *backward);
/* x times the matrix of input `index`, turned. */
hmlc_value *hmlc_tflite_times_weight(hmlc_node *node, hmlc_value *x, uint32_t index);
/* Integer weights of float data as the floats that they stand for; false, and the node says so,
 * where something else is no float. */
bool hmlc_tflite_float_weights(hmlc_node *node);
/* Is input `index` a variable? The node says so where it is not. */
bool hmlc_tflite_is_state(hmlc_node *node, uint32_t index);

/* tflite_lstm.c. UNIDIRECTIONAL_SEQUENCE_LSTM in any form of floats. */
void hmlc_tflite_write_out_lstm(hmlc_node *node);

#endif

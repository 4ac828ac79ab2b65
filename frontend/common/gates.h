/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of recurrent layers from the order of Keras to the IR's. */
#ifndef HMLC_GATES_H
#define HMLC_GATES_H

#include "importer/emit.h"

enum { HMLC_MOST_GATES = 4 };

/* A kind of cell as Keras has it. */
typedef struct hmlc_gates {
    uint32_t count;
    int64_t places[HMLC_MOST_GATES]; /* of the op's gates among Keras' */
} hmlc_gates;

extern const hmlc_gates hmlc_lstm_gates, hmlc_gru_gates, hmlc_rnn_gates;

/* The gates of a weight, along its last dim, in the op's order; a matrix turned, a dim of 1 for the
 * direction in front. NULL where `weight` is. */
hmlc_value *hmlc_emit_gates(hmlc_emitter *emitter, const hmlc_gates *gates, hmlc_value *weight);
/* [S, B, X] from [B, S, X], and back. */
hmlc_value *hmlc_emit_steps_first(hmlc_emitter *emitter, hmlc_value *x);
/* The steps, along `axis`, in the other order. */
hmlc_value *hmlc_emit_steps_turned(hmlc_emitter *emitter, hmlc_value *x, int32_t axis);

#endif

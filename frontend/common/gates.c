/* SPDX-License-Identifier: Apache-2.0 */
#include "gates.h"

/* Keras has i f c o, the op i o f c. */
const hmlc_gates hmlc_lstm_gates = {4, {0, 3, 1, 2}};
const hmlc_gates hmlc_gru_gates = {3, {0, 1, 2}};
const hmlc_gates hmlc_rnn_gates = {1, {0}};

hmlc_value *hmlc_emit_gates(hmlc_emitter *emit, const hmlc_gates *gates, hmlc_value *weight)
{
    static const int64_t turn[] = {1, 0};
    hmlc_dims *table = hmlc_emit_table(emit);
    hmlc_value *parts[HMLC_MOST_GATES];
    if (weight == NULL) {
        return NULL;
    }
    int32_t last = weight->type->rank - 1;
    hmlc_dim size =
        hmlc_dim_floordiv(table, weight->type->dims[last], hmlc_emit_number(emit, gates->count));
    for (uint32_t i = 0; i < gates->count; i++) {
        hmlc_dim start = hmlc_dim_multiply(table, size, hmlc_emit_number(emit, gates->places[i]));
        parts[i] = hmlc_emit_slice_axis(emit, weight, last, start, size);
    }
    hmlc_value *ordered =
        emit->status == HMLC_OK ? hmlc_emit_concat(emit, parts, gates->count, last) : NULL;
    if (ordered != NULL && last == 1) {
        ordered = hmlc_emit_transpose(emit, ordered, turn);
    }
    return ordered != NULL ? hmlc_emit_unsqueeze(emit, ordered, 0) : NULL;
}

hmlc_value *hmlc_emit_steps_first(hmlc_emitter *emit, hmlc_value *x)
{
    static const int64_t swap[] = {1, 0, 2};
    return x != NULL ? hmlc_emit_transpose(emit, x, swap) : NULL;
}

hmlc_value *hmlc_emit_steps_turned(hmlc_emitter *emit, hmlc_value *x, int32_t axis)
{
    hmlc_dim starts[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    if (x == NULL) {
        return NULL;
    }
    for (int32_t i = 0; i < x->type->rank; i++) {
        starts[i] = i == axis ? hmlc_dim_subtract(hmlc_emit_table(emit), x->type->dims[i],
                                                  hmlc_emit_number(emit, 1))
                              : hmlc_emit_number(emit, 0);
        steps[i] = hmlc_emit_number(emit, i == axis ? -1 : 1);
    }
    return hmlc_emit_slice(emit, x, starts, x->type->dims, steps);
}

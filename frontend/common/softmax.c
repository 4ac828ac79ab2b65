/* SPDX-License-Identifier: Apache-2.0 */
#include "softmax.h"

static hmlc_value *stepwise(hmlc_emitter *emit, bool log_form, hmlc_value *x, const int64_t *axes,
                            uint32_t axis_count)
{
    hmlc_value *most = hmlc_emit_reduce(emit, HMLC_OP_reduce_max, x, axes, axis_count, true);
    hmlc_value *away = hmlc_emit_binary(emit, HMLC_OP_sub, x, most);
    hmlc_value *power = hmlc_emit_unary(emit, HMLC_OP_exp, away);
    hmlc_value *sum = hmlc_emit_reduce(emit, HMLC_OP_reduce_sum, power, axes, axis_count, true);
    if (!log_form) {
        return hmlc_emit_binary(emit, HMLC_OP_div, power, sum);
    }
    return hmlc_emit_binary(emit, HMLC_OP_sub, away, hmlc_emit_unary(emit, HMLC_OP_log, sum));
}

hmlc_value *hmlc_emit_softmax(hmlc_emitter *emit, hmlc_opcode opcode, hmlc_value *x,
                              const int64_t *axes, uint32_t axis_count)
{
    if (emit->status == HMLC_OK && hmlc_dtype_is_half(x->type->dtype)) {
        bool log_form = opcode == HMLC_OP_log_softmax;
        return stepwise(emit, log_form, x, axes, axis_count);
    }
    return hmlc_emit(emit, opcode, HMLC_OPERANDS(x),
                     HMLC_ATTRS(hmlc_attr_ints(HMLC_ATTR_axes, axes, axis_count)));
}

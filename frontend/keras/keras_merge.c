/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of several inputs. */
#include "keras_call.h"

#include <inttypes.h>
#include <string.h>

/* Inputs of lower rank get dims of 1 behind the batch, as Keras does. */
static hmlc_value *widen(hmlc_keras_call *call, hmlc_value *x, int32_t rank)
{
    while (x != NULL && x->type->rank < rank && x->type->rank > 0) {
        x = hmlc_emit_unsqueeze(hmlc_keras_emitter(call), x, 1);
    }
    return x;
}

static int32_t highest_rank(const hmlc_keras_call *call)
{
    int32_t rank = 0;
    for (uint32_t i = 0; i < call->node.input_count; i++) {
        int32_t own = hmlc_node_rank(&call->node, i);
        rank = own > rank ? own : rank;
    }
    return rank;
}

static bool check_inputs(hmlc_keras_call *call, uint32_t least, uint32_t most)
{
    if (call->node.input_count < least || call->node.input_count > most) {
        hmlc_keras_fail(call, HMLC_ERROR_graph_invalid, NULL, "has %" PRIu32 " inputs",
                        call->node.input_count);
    }
    return hmlc_keras_ok(call);
}

static hmlc_value *combine(hmlc_keras_call *call, hmlc_opcode opcode)
{
    int32_t rank = highest_rank(call);
    if (!check_inputs(call, 1, UINT32_MAX)) {
        return NULL;
    }
    hmlc_value *y = widen(call, call->node.inputs[0], rank);
    for (uint32_t i = 1; i < call->node.input_count; i++) {
        y = hmlc_emit_binary(hmlc_keras_emitter(call), opcode, y,
                             widen(call, call->node.inputs[i], rank));
    }
    return y;
}

void hmlc_keras_import_merge(hmlc_keras_call *call)
{
    call->node.outputs[0] = combine(call, call->node.opcode);
}

void hmlc_keras_import_subtract(hmlc_keras_call *call)
{
    if (check_inputs(call, 2, 2)) {
        call->node.outputs[0] = combine(call, HMLC_OP_sub);
    }
}

void hmlc_keras_import_average(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *sum = combine(call, HMLC_OP_add);
    hmlc_value *count = hmlc_emit_scalar(emit, HMLC_DTYPE_f32, call->node.input_count);
    call->node.outputs[0] = hmlc_emit_binary(emit, HMLC_OP_div, sum, count);
}

static void concatenate(hmlc_keras_call *call, const char *key)
{
    if (!check_inputs(call, 1, UINT32_MAX)) {
        return;
    }
    int64_t axis =
        hmlc_node_axis(&call->node, hmlc_keras_int(call, key, -1), hmlc_node_rank(&call->node, 0));
    if (hmlc_keras_ok(call)) {
        call->node.outputs[0] = hmlc_emit_concat(hmlc_keras_emitter(call), call->node.inputs,
                                                 call->node.input_count, axis);
    }
}

void hmlc_keras_import_concatenate(hmlc_keras_call *call)
{
    concatenate(call, "axis");
}

/* Keras 1: one layer for all of them. */
void hmlc_keras_import_merge_1(hmlc_keras_call *call)
{
    static const struct {
        const char *mode;
        hmlc_opcode opcode;
    } rows[] = {{"sum", HMLC_OP_add}, {"mul", HMLC_OP_mul}, {"max", HMLC_OP_max}};
    const char *mode = hmlc_keras_text(call, "mode", "sum");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].mode, mode) == 0) {
            call->node.outputs[0] = combine(call, rows[i].opcode);
            return;
        }
    }
    if (strcmp(mode, "ave") == 0) {
        hmlc_keras_import_average(call);
    } else if (strcmp(mode, "concat") == 0) {
        concatenate(call, "concat_axis");
    } else {
        hmlc_keras_fail(call, HMLC_ERROR_op_unsupported, NULL, "with mode '%s' is not supported",
                        mode);
    }
}

/* Two vectors per sample: the sum of products along the axes, [B, 1]. Matrices contract the named
 * axis of each. */
void hmlc_keras_import_dot(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    const hmlc_json *entry = hmlc_keras_entry(call, "axes");
    int64_t axes[2] = {-1, -1};
    if (!check_inputs(call, 2, 2)) {
        return;
    }
    for (uint32_t i = 0; i < 2; i++) {
        const hmlc_json *axis =
            hmlc_json_is(entry, HMLC_JSON_ARRAY) ? hmlc_json_at(entry, i) : entry;
        int32_t rank = hmlc_node_rank(&call->node, i);
        if (!hmlc_json_integer(axis, &axes[i]) || rank < 2 || rank > 3) {
            hmlc_keras_fail(call, HMLC_ERROR_not_implemented, NULL,
                            "of inputs of rank %d is not supported", rank);
            return;
        }
        axes[i] = hmlc_node_axis(&call->node, axes[i], rank);
        if (axes[i] == 0 && hmlc_keras_ok(call)) {
            hmlc_keras_fail(call, HMLC_ERROR_graph_invalid, NULL, "'axes' names the batch");
        }
    }
    if (hmlc_keras_flag(call, "normalize", false)) {
        hmlc_keras_fail(call, HMLC_ERROR_not_implemented, NULL, "with normalize is not supported");
    }
    if (!hmlc_keras_ok(call)) {
        return;
    }
    hmlc_value *left = call->node.inputs[0], *right = call->node.inputs[1];
    bool flat_left = left->type->rank == 2, flat_right = right->type->rank == 2;
    left = flat_left ? hmlc_emit_unsqueeze(emit, left, 1) : left;
    right = flat_right ? hmlc_emit_unsqueeze(emit, right, 2) : right;
    bool turn_left = !flat_left && axes[0] == 1, turn_right = !flat_right && axes[1] == 2;
    hmlc_value *y = hmlc_emit(emit, HMLC_OP_matmul, HMLC_OPERANDS(left, right),
                              HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_transpose_a, turn_left),
                                         hmlc_attr_int(HMLC_ATTR_transpose_b, turn_right)));
    if (y != NULL && flat_left) {
        y = hmlc_emit_squeeze(emit, y, 1); /* of two vectors: [B, 1] is left */
    } else if (y != NULL && flat_right) {
        y = hmlc_emit_squeeze(emit, y, 2);
    }
    call->node.outputs[0] = y;
}

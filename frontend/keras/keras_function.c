/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow's functions between layers, which Keras 2 keeps as TFOpLambda: a table of those that
 * are one op. Their arguments stand beside the tensors that they read.
 */
#include "keras_call.h"

#include <string.h>

typedef void function_import(hmlc_keras_call *call, hmlc_opcode opcode);

typedef struct function_row {
    const char *name;
    function_import *import;
    hmlc_opcode opcode;
} function_row;

static const hmlc_json *argument(const hmlc_keras_call *call, const char *name)
{
    const hmlc_json *value =
        call->source != NULL ? hmlc_json_get(call->source->arguments, name) : NULL;
    return hmlc_json_is(value, HMLC_JSON_NULL) ? NULL : value;
}

static void bad_argument(hmlc_keras_call *call, const char *name)
{
    hmlc_keras_fail(call, HMLC_ERROR_op_unsupported, NULL,
                    "of '%s': its argument '%s' is not supported",
                    hmlc_keras_text(call, "function", ""), name);
}

static void unary(hmlc_keras_call *call, hmlc_opcode opcode)
{
    call->node.outputs[0] = hmlc_emit_unary(hmlc_keras_emitter(call), opcode, call->node.inputs[0]);
}

/* The second operand is a tensor or a number. */
static void binary(hmlc_keras_call *call, hmlc_opcode opcode)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *x = call->node.inputs[0], *y = NULL;
    const hmlc_json *other = argument(call, "y");
    if (call->node.input_count > 1) {
        y = call->node.inputs[1];
    } else if (hmlc_json_is(other, HMLC_JSON_NUMBER)) {
        y = hmlc_emit_scalar_like(emit, x, other->number);
    } else if (hmlc_keras_tensors(call, "y", &y, 1) == 0) {
        bad_argument(call, "y");
        return;
    }
    call->node.outputs[0] = hmlc_emit_binary(emit, opcode, x, y);
}

static bool dtype_of(hmlc_keras_call *call, const char *name, hmlc_dtype *dtype)
{
    static const struct {
        const char *name;
        hmlc_dtype dtype;
    } rows[] = {{"float32", HMLC_DTYPE_f32}, {"float64", HMLC_DTYPE_f64},
                {"int32", HMLC_DTYPE_i32},   {"int64", HMLC_DTYPE_i64},
                {"uint8", HMLC_DTYPE_u8},    {"bool", HMLC_DTYPE_bool}};
    const char *text = hmlc_json_text(argument(call, name));
    for (size_t i = 0; text != NULL && i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, text) == 0) {
            *dtype = rows[i].dtype;
            return true;
        }
    }
    return false;
}

static void cast(hmlc_keras_call *call, hmlc_opcode opcode)
{
    hmlc_dtype dtype;
    (void)opcode;
    if (!dtype_of(call, "dtype", &dtype)) {
        bad_argument(call, "dtype");
        return;
    }
    call->node.outputs[0] = hmlc_emit_cast(hmlc_keras_emitter(call), call->node.inputs[0], dtype);
}

static double number_or(const hmlc_keras_call *call, const char *name, double otherwise)
{
    const hmlc_json *value = argument(call, name);
    return hmlc_json_is(value, HMLC_JSON_NUMBER) ? value->number : otherwise;
}

/* Indices outside of the depth give rows without a one, as the IR's op does for the negative ones
 * only from the end: these are compared instead. */
static void one_hot(hmlc_keras_call *call, hmlc_opcode opcode)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *x = call->node.inputs[0];
    hmlc_dtype dtype = HMLC_DTYPE_f32;
    int64_t depth;
    (void)opcode;
    if (!hmlc_json_integer(argument(call, "depth"), &depth) || depth < 1 ||
        !hmlc_dtype_is_integer(x->type->dtype)) {
        bad_argument(call, "depth");
        return;
    }
    if (argument(call, "axis") != NULL && number_or(call, "axis", -1) != -1) {
        bad_argument(call, "axis");
        return;
    }
    (void)dtype_of(call, "dtype", &dtype);
    hmlc_dim size = hmlc_emit_number(emit, depth);
    hmlc_value *places = hmlc_emit(emit, HMLC_OP_iota, NULL, 0,
                                   HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, &size, 1),
                                              hmlc_attr_int(HMLC_ATTR_axis, 0),
                                              hmlc_attr_dtype(HMLC_ATTR_to, x->type->dtype)));
    hmlc_value *wide = hmlc_emit_unsqueeze(emit, x, x->type->rank);
    hmlc_value *hot = hmlc_emit_binary(emit, HMLC_OP_equal, wide, places);
    hmlc_value *on = hmlc_emit_scalar(emit, dtype, number_or(call, "on_value", 1));
    hmlc_value *off = hmlc_emit_scalar(emit, dtype, number_or(call, "off_value", 0));
    call->node.outputs[0] = hmlc_emit_select(emit, hot, on, off);
}

static void reduce(hmlc_keras_call *call, hmlc_opcode opcode)
{
    hmlc_value *x = call->node.inputs[0];
    const hmlc_json *axis = argument(call, "axis"), *keep = argument(call, "keepdims");
    int64_t list[HMLC_MAX_RANK], axes[HMLC_MAX_RANK];
    uint32_t count = axis == NULL                    ? (uint32_t)x->type->rank
                     : axis->kind == HMLC_JSON_ARRAY ? axis->count
                                                     : 1;
    for (uint32_t i = 0; i < count && count <= HMLC_MAX_RANK; i++) {
        const hmlc_json *entry = hmlc_json_is(axis, HMLC_JSON_ARRAY) ? hmlc_json_at(axis, i) : axis;
        list[i] = i;
        if (axis != NULL && !hmlc_json_integer(entry, &list[i])) {
            bad_argument(call, "axis");
            return;
        }
    }
    if (count > HMLC_MAX_RANK) {
        bad_argument(call, "axis");
        return;
    }
    count = hmlc_node_axes(&call->node, list, count, x->type->rank, axes);
    call->node.outputs[0] = hmlc_emit_reduce(hmlc_keras_emitter(call), opcode, x, axes, count,
                                             keep != NULL && keep->number != 0);
}

static void concat(hmlc_keras_call *call, hmlc_opcode opcode)
{
    (void)opcode;
    int64_t axis = hmlc_node_axis(&call->node, hmlc_truncate_to_int(number_or(call, "axis", 0)),
                                  hmlc_node_rank(&call->node, 0));
    if (hmlc_keras_ok(call)) {
        call->node.outputs[0] = hmlc_emit_concat(hmlc_keras_emitter(call), call->node.inputs,
                                                 call->node.input_count, axis);
    }
}

static void expand_dims(hmlc_keras_call *call, hmlc_opcode opcode)
{
    (void)opcode;
    int64_t axis = hmlc_node_axis(&call->node, hmlc_truncate_to_int(number_or(call, "axis", -1)),
                                  hmlc_node_rank(&call->node, 0) + 1);
    if (hmlc_keras_ok(call)) {
        call->node.outputs[0] =
            hmlc_emit_unsqueeze(hmlc_keras_emitter(call), call->node.inputs[0], axis);
    }
}

static const function_row rows[] = {
    {"cast", cast, HMLC_OP_COUNT},
    {"one_hot", one_hot, HMLC_OP_COUNT},
    {"math.add", binary, HMLC_OP_add},
    {"__operators__.add", binary, HMLC_OP_add},
    {"math.subtract", binary, HMLC_OP_sub},
    {"math.multiply", binary, HMLC_OP_mul},
    {"math.truediv", binary, HMLC_OP_div},
    {"math.divide", binary, HMLC_OP_div},
    {"math.maximum", binary, HMLC_OP_max},
    {"math.minimum", binary, HMLC_OP_min},
    {"nn.relu", unary, HMLC_OP_relu},
    {"nn.silu", unary, HMLC_OP_silu},
    {"math.sigmoid", unary, HMLC_OP_sigmoid},
    {"math.tanh", unary, HMLC_OP_tanh},
    {"math.exp", unary, HMLC_OP_exp},
    {"math.abs", unary, HMLC_OP_abs},
    {"math.sqrt", unary, HMLC_OP_sqrt},
    {"math.negative", unary, HMLC_OP_neg},
    {"math.reduce_mean", reduce, HMLC_OP_reduce_mean},
    {"math.reduce_sum", reduce, HMLC_OP_reduce_sum},
    {"math.reduce_max", reduce, HMLC_OP_reduce_max},
    {"concat", concat, HMLC_OP_COUNT},
    {"expand_dims", expand_dims, HMLC_OP_COUNT},
};

void hmlc_keras_import_tf_function(hmlc_keras_call *call)
{
    const char *name = hmlc_keras_text(call, "function", "");
    if (call->node.input_count == 0) {
        bad_argument(call, "x");
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            rows[i].import(call, rows[i].opcode);
            return;
        }
    }
    hmlc_keras_fail(call, HMLC_ERROR_op_unsupported, "use a layer of Keras in its place",
                    "of the function '%s' is not supported", name);
}

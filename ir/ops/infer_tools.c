/* SPDX-License-Identifier: Apache-2.0 */
/* Checks and messages shared by the inference functions. */
#include <stdarg.h>
#include <stdio.h>

#include "infer_tools.h"

unsigned hmlc_dtype_group(hmlc_dtype dtype)
{
    switch (dtype) {
    case HMLC_DTYPE_bool:
        return HMLC_ACCEPT_BOOL;
    case HMLC_DTYPE_f16:
    case HMLC_DTYPE_bf16:
    case HMLC_DTYPE_f32:
    case HMLC_DTYPE_f64:
        return HMLC_ACCEPT_FLOAT;
    default:
        break;
    }
    if (hmlc_dtype_bytes(dtype) == 0) {
        return 0;
    }
    return hmlc_dtype_is_integer(dtype) ? HMLC_ACCEPT_INTEGER
                                        : HMLC_ACCEPT_BYTES & ~(unsigned)HMLC_ACCEPT_COMPUTED;
}

static void report(const hmlc_infer *context, hmlc_status *status, hmlc_error error,
                   const char *hint, const char *format, va_list arguments)
{
    if (hmlc_dims_status(context->module->dims) == HMLC_RESOURCE) {
        *status = HMLC_RESOURCE; /* dims are 0 since memory ran out: not the op's fault */
        return;
    }
    char message[512];
    vsnprintf(message, sizeof message, format, arguments);
    hmlc_status found =
        hmlc_error_add(context->module->diagnostics, error, context->op->location, hint, "%s: %s",
                       hmlc_op_get_info(context->op->opcode)->name, message);
    if (*status == HMLC_OK || found == HMLC_DAMAGED) {
        *status = found;
    }
}

void hmlc_infer_fail(const hmlc_infer *context, hmlc_status *status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report(context, status, HMLC_ERROR_graph_invalid, NULL, format, arguments);
    va_end(arguments);
}

void hmlc_infer_refuse(const hmlc_infer *context, hmlc_status *status, const char *hint,
                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report(context, status, HMLC_ERROR_not_implemented, hint, format, arguments);
    va_end(arguments);
}

static const char *accepted_text(unsigned accepted)
{
    static const struct {
        unsigned accepted;
        const char *text;
    } table[] = {
        {HMLC_ACCEPT_BOOL, "bool"},
        {HMLC_ACCEPT_INTEGER, "an integer type"},
        {HMLC_ACCEPT_FLOAT, "f16, bf16, f32 or f64"},
        {HMLC_ACCEPT_NUMERIC, "an integer or floating-point type"},
        {HMLC_ACCEPT_BOOL | HMLC_ACCEPT_INTEGER, "bool or an integer type"},
        {HMLC_ACCEPT_COMPUTED, "bool, an integer or a floating-point type"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; ++i) {
        if (table[i].accepted == accepted) {
            return table[i].text;
        }
    }
    return "a type of whole bytes";
}

static void report_dtype(const hmlc_infer *context, uint32_t index, hmlc_dtype dtype,
                         unsigned accepted, hmlc_status *status)
{
    hmlc_status found = hmlc_error_add(context->module->diagnostics, HMLC_ERROR_op_unsupported_type,
                                       context->op->location,
                                       "cast the tensor to a supported type before this node",
                                       "%s: operand %u has element type %s; expected %s",
                                       hmlc_op_get_info(context->op->opcode)->name, index,
                                       hmlc_dtype_name(dtype), accepted_text(accepted));
    if (*status == HMLC_OK) {
        *status = found;
    }
}

const hmlc_type *hmlc_infer_optional(const hmlc_infer *context, uint32_t index, unsigned accepted,
                                     hmlc_status *status)
{
    const hmlc_value *value = hmlc_op_operand(context->op, index);
    if (value == NULL) {
        return NULL;
    }
    if (value->type->kind != HMLC_KIND_TENSOR) {
        hmlc_infer_refuse(context, status, NULL, "operand %u is not a tensor", index);
        return NULL;
    }
    if ((hmlc_dtype_group(value->type->dtype) & accepted) == 0) {
        report_dtype(context, index, value->type->dtype, accepted, status);
        return NULL;
    }
    return value->type;
}

const hmlc_type *hmlc_infer_operand(const hmlc_infer *context, uint32_t index, unsigned accepted,
                                    hmlc_status *status)
{
    if (hmlc_op_operand(context->op, index) == NULL) {
        hmlc_infer_fail(context, status, "operand %u is missing", index);
        return NULL;
    }
    return hmlc_infer_optional(context, index, accepted, status);
}

void hmlc_infer_same_dtype(const hmlc_infer *context, uint32_t index, const hmlc_type *expected,
                           const hmlc_type *found, hmlc_status *status)
{
    if (expected != NULL && found != NULL && expected->dtype != found->dtype) {
        hmlc_infer_fail(context, status,
                        "operand %u has element type %s; expected %s as operand 0 has", index,
                        hmlc_dtype_name(found->dtype), hmlc_dtype_name(expected->dtype));
    }
}

/* A conv with as many groups as outputs, each of one input. */
static bool is_depthwise(const hmlc_op *op, const hmlc_type *weights)
{
    if (op->opcode != HMLC_OP_conv || weights->rank < 3) {
        return false;
    }
    bool last = hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
    int64_t groups = hmlc_op_int(op, HMLC_ATTR_groups);
    return groups > 1 && hmlc_dim_is(weights->dims[0], groups) &&
           hmlc_dim_is(weights->dims[last ? weights->rank - 1 : 1], 1);
}

hmlc_dtype hmlc_infer_accumulator(const hmlc_infer *context, const hmlc_type *a, const hmlc_type *b,
                                  hmlc_status *status)
{
    if (a == NULL || b == NULL) {
        return HMLC_DTYPE_f32; /* reported before */
    }
    bool integers = context->op->opcode == HMLC_OP_matmul_integer ||
                    context->op->opcode == HMLC_OP_conv_integer;
    if (integers) {
        if (!hmlc_dtype_is_byte(a->dtype) || !hmlc_dtype_is_byte(b->dtype)) {
            hmlc_infer_fail(context, status, "the operands are %s and %s; expected 8-bit integers",
                            hmlc_dtype_name(a->dtype), hmlc_dtype_name(b->dtype));
        }
        return HMLC_DTYPE_i32;
    }
    const hmlc_attr *attr = hmlc_op_attr(context->op, HMLC_ATTR_accumulator);
    if (attr == NULL) {
        hmlc_infer_same_dtype(context, 1, a, b, status);
        return a->dtype;
    }
    bool wide = b->dtype == HMLC_DTYPE_i16 && is_depthwise(context->op, b);
    bool bytes = attr->as.dtype == HMLC_DTYPE_i32 && hmlc_dtype_is_byte(a->dtype) &&
                 (hmlc_dtype_is_byte(b->dtype) || wide);
    bool halves =
        attr->as.dtype == HMLC_DTYPE_f32 && hmlc_dtype_is_half(a->dtype) && a->dtype == b->dtype;
    if (!bytes && !halves) {
        hmlc_infer_refuse(context, status, "cast the operands to the accumulator's type before",
                          "sums in %s of operands in %s and %s; the attribute accumulator is for "
                          "sums in i32 of u8 and i8, and in f32 of halves",
                          hmlc_dtype_name(attr->as.dtype), hmlc_dtype_name(a->dtype),
                          hmlc_dtype_name(b->dtype));
    }
    return attr->as.dtype;
}

void hmlc_infer_rank(const hmlc_infer *context, uint32_t index, const hmlc_type *type,
                     int32_t least, int32_t most, hmlc_status *status)
{
    if (type == NULL || (type->rank >= least && type->rank <= most)) {
        return;
    }
    if (least == most) {
        hmlc_infer_fail(context, status, "operand %u has rank %d; expected %d", index, type->rank,
                        least);
    } else {
        hmlc_infer_fail(context, status, "operand %u has rank %d; expected %d to %d", index,
                        type->rank, least, most);
    }
}

const hmlc_attr *hmlc_infer_list(const hmlc_infer *context, hmlc_attr_name name, int64_t count,
                                 hmlc_status *status)
{
    const hmlc_attr *attr = hmlc_op_attr(context->op, name);
    if (attr == NULL) {
        hmlc_infer_fail(context, status, "attribute %s is missing", hmlc_attr_name_text(name));
        return NULL;
    }
    if (count >= 0 && (int64_t)attr->count != count) {
        hmlc_infer_fail(context, status, "attribute %s has %u entries; expected %lld",
                        hmlc_attr_name_text(name), attr->count, (long long)count);
        return NULL;
    }
    return attr;
}

int32_t hmlc_infer_axis(const hmlc_infer *context, int32_t limit, hmlc_status *status)
{
    int64_t axis = hmlc_op_int(context->op, HMLC_ATTR_axis);
    if (axis < 0 || axis >= limit) {
        hmlc_infer_fail(context, status, "axis %lld is out of range; expected 0 to %d",
                        (long long)axis, limit - 1);
        return 0;
    }
    return (int32_t)axis;
}

void hmlc_infer_axes(const hmlc_infer *context, int32_t rank, bool *flags, hmlc_status *status)
{
    const hmlc_attr *axes = hmlc_infer_list(context, HMLC_ATTR_axes, -1, status);
    for (int32_t i = 0; i < rank; ++i) {
        flags[i] = false;
    }
    for (uint32_t i = 0; axes != NULL && i < axes->count; ++i) {
        int64_t axis = axes->as.integers[i];
        if (axis < 0 || axis >= rank) {
            hmlc_infer_fail(context, status, "axis %lld is out of range for rank %d",
                            (long long)axis, rank);
        } else if (flags[axis]) {
            hmlc_infer_fail(context, status, "axis %lld is named twice", (long long)axis);
        } else {
            flags[axis] = true;
        }
    }
}

const char *hmlc_infer_dim_text(const hmlc_infer *context, hmlc_dim dim)
{
    char text[160];
    hmlc_dim_format(dim, text, sizeof text);
    const char *copy = hmlc_arena_string(context->module->arena, text);
    return copy != NULL ? copy : "?";
}

const char *hmlc_infer_shape_text(const hmlc_infer *context, int32_t rank, const hmlc_dim *dims)
{
    char text[256] = "[";
    size_t used = 1;
    for (int32_t i = 0; i < rank && used < sizeof text - 8; ++i) {
        char dim[80];
        hmlc_dim_format(dims[i], dim, sizeof dim);
        int more = snprintf(text + used, sizeof text - used, "%s%s", i == 0 ? "" : ", ", dim);
        used += more > 0 ? (size_t)more : 0;
    }
    if (used < sizeof text - 1) {
        text[used] = ']';
        text[used + 1] = '\0';
    }
    const char *copy = hmlc_arena_string(context->module->arena, text);
    return copy != NULL ? copy : "?";
}

hmlc_dim hmlc_infer_unify(const hmlc_infer *context, hmlc_dim expected, hmlc_dim found,
                          const char *what, hmlc_status *status)
{
    hmlc_dims *dims = context->module->dims;
    if (hmlc_dim_known_equal(dims, expected, found)) {
        return hmlc_dim_is_constant(found, NULL) ? found : expected;
    }
    if (hmlc_dim_known_unequal(dims, expected, found)) {
        hmlc_infer_fail(context, status, "%s: expected %s, found %s", what,
                        hmlc_infer_dim_text(context, expected),
                        hmlc_infer_dim_text(context, found));
        return expected;
    }
    hmlc_status recorded = hmlc_dims_require_equal(dims, expected, found, context->op->location);
    if (recorded != HMLC_OK) {
        *status = recorded;
    }
    return hmlc_dim_is_constant(found, NULL) ? found : expected;
}

void hmlc_infer_at_most(const hmlc_infer *context, hmlc_dim dim, hmlc_dim limit, const char *what,
                        hmlc_status *status)
{
    hmlc_dims *dims = context->module->dims;
    if (hmlc_dim_known_at_most(dims, dim, limit)) {
        return;
    }
    if (hmlc_dim_known_at_most(dims, hmlc_infer_plus(context, limit, 1), dim)) {
        hmlc_infer_fail(context, status, "%s: expected at most %s, found %s", what,
                        hmlc_infer_dim_text(context, limit), hmlc_infer_dim_text(context, dim));
        return;
    }
    hmlc_status recorded = hmlc_dims_require_equal(dims, hmlc_dim_minimum(dims, dim, limit), dim,
                                                   context->op->location);
    *status = recorded != HMLC_OK ? recorded : *status;
}

void hmlc_infer_shape(const hmlc_infer *context, uint32_t index, const hmlc_type *type,
                      int32_t rank, const hmlc_dim *dims, hmlc_status *status)
{
    if (type == NULL) {
        return;
    }
    if (type->rank != rank) {
        hmlc_infer_fail(context, status, "operand %u has shape %s; expected %s", index,
                        hmlc_infer_shape_text(context, type->rank, type->dims),
                        hmlc_infer_shape_text(context, rank, dims));
        return;
    }
    for (int32_t i = 0; i < rank; ++i) {
        char what[48];
        snprintf(what, sizeof what, "dim %d of operand %u", i, index);
        hmlc_infer_unify(context, dims[i], type->dims[i], what, status);
    }
}

/* `dim` must be 1 or `target`: the check at run time is (dim == 1 ? target : dim) == target. */
static bool dim_expands(const hmlc_infer *context, hmlc_dim dim, hmlc_dim target,
                        hmlc_status *status)
{
    hmlc_dims *dims = context->module->dims;
    hmlc_dim one = hmlc_dim_constant(dims, 1);
    if (hmlc_dim_is(dim, 1) || hmlc_dim_known_equal(dims, dim, target)) {
        return true;
    }
    hmlc_dim widened = hmlc_dim_select(dims, hmlc_dim_equal(dims, dim, one), target, dim);
    if (hmlc_dim_known_unequal(dims, dim, target) && hmlc_dim_known_unequal(dims, dim, one)) {
        return false;
    }
    if (!hmlc_dim_known_equal(dims, widened, target)) {
        hmlc_status recorded =
            hmlc_dims_require_equal(dims, widened, target, context->op->location);
        *status = recorded != HMLC_OK ? recorded : *status;
    }
    return true;
}

void hmlc_infer_expands_to(const hmlc_infer *context, const hmlc_type *type, int32_t rank,
                           const hmlc_dim *dims, hmlc_status *status)
{
    bool fits = type->rank <= rank;
    for (int32_t i = 0; fits && i < type->rank; ++i) {
        fits = dim_expands(context, type->dims[i], dims[rank - type->rank + i], status);
    }
    if (!fits) {
        hmlc_infer_fail(context, status, "shape %s does not broadcast to %s",
                        hmlc_infer_shape_text(context, type->rank, type->dims),
                        hmlc_infer_shape_text(context, rank, dims));
    }
}

void hmlc_infer_result(hmlc_infer *context, uint32_t index, hmlc_dtype dtype, int32_t rank,
                       const hmlc_dim *dims, hmlc_status *status)
{
    if (*status != HMLC_OK) {
        return;
    }
    if (rank > HMLC_MAX_RANK) {
        hmlc_infer_refuse(context, status, NULL, "the result has rank %d; at most %d is supported",
                          rank, HMLC_MAX_RANK);
        return;
    }
    for (int32_t i = 0; i < rank; ++i) {
        if (dims[i]->maximum < 0) {
            hmlc_infer_fail(context, status, "dim %d of the result would be %s, below zero", i,
                            hmlc_infer_dim_text(context, dims[i]));
        } else {
            hmlc_infer_at_most(context, hmlc_infer_number(context, 0), dims[i], "", status);
        }
    }
    context->types[index] = hmlc_type_tensor(context->module->arena, dtype, rank, dims);
    if (context->types[index] == NULL) {
        *status = HMLC_RESOURCE;
    }
}

hmlc_status hmlc_infer_size_results(hmlc_infer *context, uint32_t count)
{
    hmlc_arena *arena = context->module->arena;
    context->types = HMLC_NEW_ARRAY(arena, const hmlc_type *, count);
    context->elements = HMLC_NEW_ARRAY(arena, const hmlc_dim *, count);
    context->result_count = count;
    HMLC_TRY_MEMORY(context->types);
    HMLC_TRY_MEMORY(context->elements);
    return HMLC_OK;
}

hmlc_dim hmlc_infer_number(const hmlc_infer *context, int64_t value)
{
    return hmlc_dim_constant(context->module->dims, value);
}

hmlc_dim hmlc_infer_plus(const hmlc_infer *context, hmlc_dim dim, int64_t value)
{
    return hmlc_dim_add(context->module->dims, dim, hmlc_infer_number(context, value));
}

hmlc_dim hmlc_infer_times(const hmlc_infer *context, hmlc_dim dim, int64_t value)
{
    return hmlc_dim_multiply(context->module->dims, dim, hmlc_infer_number(context, value));
}

int64_t hmlc_infer_list_length(const hmlc_infer *context, uint32_t index, hmlc_status *status)
{
    const hmlc_type *type = hmlc_infer_operand(context, index, HMLC_ACCEPT_INTEGER, status);
    int64_t length;
    hmlc_infer_rank(context, index, type, 1, 1, status);
    if (type == NULL || *status != HMLC_OK) {
        return -1;
    }
    if (type->dtype != HMLC_DTYPE_i64) {
        hmlc_infer_fail(context, status, "operand %u has element type %s; expected i64", index,
                        hmlc_dtype_name(type->dtype));
        return -1;
    }
    if (!hmlc_dim_is_constant(type->dims[0], &length)) {
        hmlc_infer_refuse(context, status,
                          "give its length with --dim NAME=SIZE, or export the model with a "
                          "constant number of dims",
                          "operand %u has a length of %s; expected a constant, because it decides "
                          "the rank",
                          index, hmlc_infer_dim_text(context, type->dims[0]));
        return -1;
    }
    if (length > HMLC_MAX_RANK) {
        hmlc_infer_refuse(context, status, NULL,
                          "operand %u describes rank %lld; at most %d is "
                          "supported",
                          index, (long long)length, HMLC_MAX_RANK);
        return -1;
    }
    return length;
}

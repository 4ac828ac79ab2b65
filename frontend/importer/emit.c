/* SPDX-License-Identifier: Apache-2.0 */
#include "emit.h"

#include <string.h>

hmlc_op *hmlc_emit_op(hmlc_emitter *emitter, hmlc_opcode opcode, hmlc_value *const *operands,
                      uint32_t operand_count, const hmlc_attr *attrs, uint32_t attr_count)
{
    hmlc_op *op = NULL;
    if (emitter->status == HMLC_OK) {
        emitter->status = hmlc_op_create(&emitter->builder, opcode, operands, operand_count, attrs,
                                         attr_count, &op);
    }
    return emitter->status == HMLC_OK ? op : NULL;
}

hmlc_value *hmlc_emit(hmlc_emitter *emitter, hmlc_opcode opcode, hmlc_value *const *operands,
                      uint32_t operand_count, const hmlc_attr *attrs, uint32_t attr_count)
{
    hmlc_op *op = hmlc_emit_op(emitter, opcode, operands, operand_count, attrs, attr_count);
    return op != NULL ? op->results[0] : NULL;
}

hmlc_value *hmlc_emit_unary(hmlc_emitter *emitter, hmlc_opcode opcode, hmlc_value *a)
{
    return hmlc_emit(emitter, opcode, HMLC_OPERANDS(a), HMLC_NO_ATTRS);
}

hmlc_value *hmlc_emit_binary(hmlc_emitter *emitter, hmlc_opcode opcode, hmlc_value *a,
                             hmlc_value *b)
{
    return hmlc_emit(emitter, opcode, HMLC_OPERANDS(a, b), HMLC_NO_ATTRS);
}

hmlc_value *hmlc_emit_select(hmlc_emitter *emitter, hmlc_value *condition, hmlc_value *then_value,
                             hmlc_value *else_value)
{
    return hmlc_emit(emitter, HMLC_OP_select, HMLC_OPERANDS(condition, then_value, else_value),
                     HMLC_NO_ATTRS);
}

hmlc_value *hmlc_emit_scalar(hmlc_emitter *emitter, hmlc_dtype dtype, double number)
{
    hmlc_value *result = NULL;
    if (emitter->status == HMLC_OK) {
        emitter->status = hmlc_build_scalar(&emitter->builder, dtype, number, &result);
    }
    return result;
}

hmlc_value *hmlc_emit_scalar_like(hmlc_emitter *emitter, const hmlc_value *like, double number)
{
    return emitter->status == HMLC_OK ? hmlc_emit_scalar(emitter, like->type->dtype, number) : NULL;
}

hmlc_value *hmlc_emit_constant(hmlc_emitter *emitter, const hmlc_tensor *tensor)
{
    hmlc_value *result = NULL;
    if (emitter->status == HMLC_OK) {
        emitter->status = hmlc_build_constant(&emitter->builder, tensor, &result);
    }
    return result;
}

hmlc_value *hmlc_emit_cast(hmlc_emitter *emitter, hmlc_value *a, hmlc_dtype dtype)
{
    if (emitter->status != HMLC_OK || a->type->dtype == dtype) {
        return a;
    }
    return hmlc_emit(emitter, HMLC_OP_cast, HMLC_OPERANDS(a),
                     HMLC_ATTRS(hmlc_attr_dtype(HMLC_ATTR_to, dtype)));
}

hmlc_value *hmlc_emit_reduce(hmlc_emitter *emitter, hmlc_opcode opcode, hmlc_value *a,
                             const int64_t *axes, uint32_t axis_count, bool keep_dims)
{
    return hmlc_emit(emitter, opcode, HMLC_OPERANDS(a),
                     HMLC_ATTRS(hmlc_attr_ints(HMLC_ATTR_axes, axes, axis_count),
                                hmlc_attr_int(HMLC_ATTR_keep_dims, keep_dims)));
}

static bool has_shape(const hmlc_value *a, const hmlc_dim *shape, uint32_t rank)
{
    if (a->type->rank != (int32_t)rank) {
        return false;
    }
    for (uint32_t i = 0; i < rank; i++) {
        if (a->type->dims[i] != shape[i]) {
            return false;
        }
    }
    return true;
}

static hmlc_value *emit_shaped(hmlc_emitter *emitter, hmlc_opcode opcode, hmlc_value *a,
                               const hmlc_dim *shape, uint32_t rank)
{
    if (emitter->status != HMLC_OK || has_shape(a, shape, rank)) {
        return a;
    }
    return hmlc_emit(emitter, opcode, HMLC_OPERANDS(a),
                     HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, shape, rank)));
}

hmlc_value *hmlc_emit_reshape(hmlc_emitter *emitter, hmlc_value *a, const hmlc_dim *shape,
                              uint32_t rank)
{
    return emit_shaped(emitter, HMLC_OP_reshape, a, shape, rank);
}

hmlc_value *hmlc_emit_expand(hmlc_emitter *emitter, hmlc_value *a, const hmlc_dim *shape,
                             uint32_t rank)
{
    return emit_shaped(emitter, HMLC_OP_expand, a, shape, rank);
}

hmlc_value *hmlc_emit_transpose(hmlc_emitter *emitter, hmlc_value *a, const int64_t *permutation)
{
    if (emitter->status != HMLC_OK) {
        return NULL;
    }
    uint32_t rank = (uint32_t)a->type->rank;
    bool identity = true;
    for (uint32_t i = 0; i < rank; i++) {
        identity = identity && permutation[i] == (int64_t)i;
    }
    if (identity) {
        return a;
    }
    return hmlc_emit(emitter, HMLC_OP_transpose, HMLC_OPERANDS(a),
                     HMLC_ATTRS(hmlc_attr_ints(HMLC_ATTR_permutation, permutation, rank)));
}

hmlc_value *hmlc_emit_slice(hmlc_emitter *emitter, hmlc_value *a, const hmlc_dim *starts,
                            const hmlc_dim *sizes, const hmlc_dim *steps)
{
    if (emitter->status != HMLC_OK) {
        return NULL;
    }
    uint32_t rank = (uint32_t)a->type->rank;
    bool whole = has_shape(a, sizes, rank);
    for (uint32_t i = 0; i < rank; i++) {
        whole = whole && hmlc_dim_is(starts[i], 0) && hmlc_dim_is(steps[i], 1);
    }
    if (whole) {
        return a;
    }
    return hmlc_emit(emitter, HMLC_OP_slice, HMLC_OPERANDS(a),
                     HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_starts, starts, rank),
                                hmlc_attr_dims(HMLC_ATTR_sizes, sizes, rank),
                                hmlc_attr_dims(HMLC_ATTR_steps, steps, rank)));
}

hmlc_value *hmlc_emit_slice_axis(hmlc_emitter *emitter, hmlc_value *a, int64_t axis, hmlc_dim start,
                                 hmlc_dim size)
{
    if (emitter->status != HMLC_OK) {
        return NULL;
    }
    hmlc_dim starts[HMLC_MAX_RANK], sizes[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    for (int32_t i = 0; i < a->type->rank; i++) {
        starts[i] = i == axis ? start : hmlc_emit_number(emitter, 0);
        sizes[i] = i == axis ? size : a->type->dims[i];
        steps[i] = hmlc_emit_number(emitter, 1);
    }
    return hmlc_emit_slice(emitter, a, starts, sizes, steps);
}

hmlc_value *hmlc_emit_concat(hmlc_emitter *emitter, hmlc_value *const *values, uint32_t count,
                             int64_t axis)
{
    if (count == 1) {
        return values[0];
    }
    return hmlc_emit(emitter, HMLC_OP_concat, values, count,
                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis)));
}

hmlc_value *hmlc_emit_unsqueeze(hmlc_emitter *emitter, hmlc_value *a, int64_t axis)
{
    hmlc_dim shape[HMLC_MAX_RANK + 1];
    if (emitter->status != HMLC_OK) {
        return NULL;
    }
    int32_t rank = a->type->rank;
    for (int32_t i = 0; i <= rank; i++) {
        shape[i] = i < axis    ? a->type->dims[i]
                   : i == axis ? hmlc_emit_number(emitter, 1)
                               : a->type->dims[i - 1];
    }
    return hmlc_emit_reshape(emitter, a, shape, (uint32_t)rank + 1);
}

hmlc_value *hmlc_emit_squeeze(hmlc_emitter *emitter, hmlc_value *a, int64_t axis)
{
    hmlc_dim shape[HMLC_MAX_RANK];
    if (emitter->status != HMLC_OK) {
        return NULL;
    }
    uint32_t count = 0;
    for (int32_t i = 0; i < a->type->rank; i++) {
        if (i != axis) {
            shape[count++] = a->type->dims[i];
        }
    }
    return hmlc_emit_reshape(emitter, a, shape, count);
}

hmlc_value *hmlc_emit_dims(hmlc_emitter *emitter, const hmlc_dim *elements, uint32_t count,
                           hmlc_dtype dtype)
{
    hmlc_dim shape = hmlc_emit_number(emitter, count);
    return hmlc_emit(emitter, HMLC_OP_dims_tensor, NULL, 0,
                     HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_elements, elements, count),
                                hmlc_attr_dims(HMLC_ATTR_shape, &shape, 1),
                                hmlc_attr_dtype(HMLC_ATTR_to, dtype)));
}

hmlc_value *hmlc_emit_dim(hmlc_emitter *emitter, hmlc_dim dim, hmlc_dtype dtype)
{
    return hmlc_emit(emitter, HMLC_OP_dims_tensor, NULL, 0,
                     HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_elements, &dim, 1),
                                hmlc_attr_dims(HMLC_ATTR_shape, NULL, 0),
                                hmlc_attr_dtype(HMLC_ATTR_to, dtype)));
}

hmlc_value *hmlc_emit_shape(hmlc_emitter *emitter, const hmlc_value *a)
{
    if (emitter->status != HMLC_OK) {
        return NULL;
    }
    return hmlc_emit_dims(emitter, a->type->dims, (uint32_t)a->type->rank, HMLC_DTYPE_i64);
}

const hmlc_dim *hmlc_emit_bind(hmlc_emitter *emitter, hmlc_value *a, const char *prefix,
                               int64_t minimum, int64_t maximum, uint32_t most, uint32_t *count)
{
    if (emitter->status != HMLC_OK) {
        return NULL;
    }
    const hmlc_dim *known = hmlc_emit_elements(emitter, a, count);
    if (known != NULL) {
        return known;
    }
    hmlc_module *module = emitter->builder.module;
    int64_t size;
    if (!hmlc_dim_is_constant(hmlc_type_count(module->dims, a->type), &size) || size > most) {
        emitter->status = hmlc_error_add(
            module->diagnostics, HMLC_ERROR_rank_unknown, emitter->builder.location,
            "give its length with --dim NAME=SIZE, or export the model with a constant number of "
            "dims",
            "the number of elements of a shape-like input is not known at compile time");
        return NULL;
    }
    *count = (uint32_t)size;
    hmlc_dim *symbols = HMLC_NEW_ARRAY(module->arena, hmlc_dim, size);
    if (symbols == NULL) {
        emitter->status = HMLC_RESOURCE;
        return NULL;
    }
    for (uint32_t i = 0; i < *count; i++) {
        hmlc_symbol *symbol = hmlc_symbol_fresh(module->dims, prefix);
        if (symbol == NULL) {
            emitter->status = HMLC_RESOURCE;
            return NULL;
        }
        symbol->minimum = minimum;
        symbol->maximum = maximum;
        symbols[i] = hmlc_dim_symbol(module->dims, symbol);
    }
    hmlc_dim length = hmlc_emit_number(emitter, size);
    hmlc_value *flat = hmlc_emit_reshape(emitter, a, &length, 1);
    flat = hmlc_emit_cast(emitter, flat, HMLC_DTYPE_i64);
    (void)hmlc_emit_op(emitter, HMLC_OP_bind_dims, HMLC_OPERANDS(flat),
                       HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_symbols, symbols, *count)));
    return emitter->status == HMLC_OK ? symbols : NULL;
}

void hmlc_emit_require_equal(hmlc_emitter *emitter, hmlc_dim a, hmlc_dim b)
{
    hmlc_module *module = emitter->builder.module;
    if (emitter->status != HMLC_OK) {
        return;
    }
    const hmlc_region *branch = NULL;
    (void)hmlc_region_branch(emitter->builder.region, &branch);
    if (branch == NULL && hmlc_dim_known_unequal(module->dims, a, b)) {
        char left[96], right[96];
        hmlc_dim_format(a, left, sizeof left);
        hmlc_dim_format(b, right, sizeof right);
        emitter->status =
            hmlc_error_add(module->diagnostics, HMLC_ERROR_graph_invalid, emitter->builder.location,
                           NULL, "dims must be equal, and are %s and %s", left, right);
        return;
    }
    emitter->status =
        hmlc_dims_require_equal_in(module->dims, branch, a, b, emitter->builder.location);
}

const hmlc_dim *hmlc_emit_elements(hmlc_emitter *emitter, hmlc_value *a, uint32_t *count)
{
    hmlc_module *module = emitter->builder.module;
    int64_t size;
    if (emitter->status != HMLC_OK ||
        !hmlc_dim_is_constant(hmlc_type_count(module->dims, a->type), &size)) {
        return NULL;
    }
    *count = (uint32_t)size;
    if (a->elements != NULL) {
        return a->elements;
    }
    if (size == 0) {
        return HMLC_NEW(module->arena, hmlc_dim);
    }
    if (size > HMLC_EMIT_MAX_ELEMENTS || hmlc_dtype_is_float(a->type->dtype)) {
        return NULL;
    }
    const hmlc_tensor *tensor = hmlc_emit_constant_of(emitter, a);
    hmlc_dim *elements = tensor != NULL ? HMLC_NEW_ARRAY(module->arena, hmlc_dim, size + 1) : NULL;
    for (int64_t i = 0; elements != NULL && i < size; i++) {
        elements[i] = hmlc_dim_constant(module->dims, hmlc_tensor_get_int(tensor, i));
    }
    return elements;
}

/* Operations between a shape and its use are few; a longer chain is left to the passes. */
enum { MOST_FOLDED_DEPTH = 64, MOST_FOLDED_BYTES = 65536 };

static const hmlc_tensor *fold(hmlc_module *module, hmlc_value *a, uint32_t depth);

/* A known-elements value as a tensor. */
static const hmlc_tensor *from_elements(hmlc_module *module, const hmlc_value *a)
{
    hmlc_tensor *tensor = HMLC_NEW(module->arena, hmlc_tensor);
    int64_t count;
    if (tensor == NULL || !hmlc_dim_is_constant(hmlc_type_count(module->dims, a->type), &count)) {
        return NULL;
    }
    size_t bytes = (size_t)count * hmlc_dtype_bytes(a->type->dtype);
    void *data = hmlc_arena_allocate(module->arena, bytes);
    if (data == NULL) {
        return NULL;
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t element;
        if (!hmlc_dim_is_constant(a->elements[i], &element)) {
            return NULL;
        }
        hmlc_element_set_int(a->type->dtype, data, i, element);
    }
    *tensor =
        (hmlc_tensor){.dtype = a->type->dtype, .rank = a->type->rank, .data = data, .bytes = bytes};
    for (int32_t i = 0; i < a->type->rank; i++) {
        (void)hmlc_dim_is_constant(a->type->dims[i], &tensor->dims[i]);
    }
    return tensor;
}

/* Replaces the producers of `op`'s operands by constants where they can be computed. */
static bool fold_operands(hmlc_module *module, hmlc_op *op, uint32_t depth)
{
    for (uint32_t i = 0; i < op->operand_count; i++) {
        hmlc_value *operand = op->operands[i].value;
        if (operand == NULL || hmlc_value_constant(operand) != NULL) {
            continue;
        }
        const hmlc_tensor *tensor = fold(module, operand, depth + 1);
        if (tensor == NULL) {
            return false;
        }
        hmlc_builder builder = hmlc_builder_before(op);
        hmlc_value *constant;
        builder.location = op->location;
        if (hmlc_build_constant(&builder, tensor, &constant) != HMLC_OK) {
            return false;
        }
        hmlc_op_set_operand(op, i, constant);
    }
    return true;
}

static const hmlc_tensor *fold(hmlc_module *module, hmlc_value *a, uint32_t depth)
{
    const hmlc_tensor *constant = hmlc_value_constant(a);
    if (constant != NULL) {
        return constant;
    }
    if (a->elements != NULL) {
        return from_elements(module, a);
    }
    hmlc_op *op = a->producer;
    if (op == NULL || depth > MOST_FOLDED_DEPTH || op->region_count != 0 ||
        !hmlc_op_has(op, HMLC_TRAIT_PURE) || !hmlc_type_is_static(a->type) ||
        !fold_operands(module, op, depth)) {
        return NULL;
    }
    hmlc_tensor *results = HMLC_NEW_ARRAY(module->arena, hmlc_tensor, op->result_count);
    if (results == NULL ||
        hmlc_eval_constant_op(op, module->arena, MOST_FOLDED_BYTES, results) != HMLC_OK) {
        return NULL;
    }
    return &results[a->index];
}

const hmlc_tensor *hmlc_emit_constant_of(hmlc_emitter *emitter, hmlc_value *a)
{
    return emitter->status == HMLC_OK ? fold(emitter->builder.module, a, 0) : NULL;
}

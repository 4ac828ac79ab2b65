/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk over the region without emission: checks every op, records how each load and each use of
 * an index depends on the loop variables, asks for splits and cuts.
 */
#include "loop.h"
#include "llvm/elementwise/elementwise.h"

/* A value walked at an index. */
typedef struct walk_memo {
    const hmlc_value *value;
    uint64_t hash; /* of value and index */
    hmlc_loop_index *index;
} walk_memo;

typedef struct walk {
    hmlc_loop_context *context;
    walk_memo *seen; /* open addressing; capacity is a power of two above twice the count */
    uint32_t seen_count, seen_capacity;
} walk;

static hmlc_status refuse(hmlc_loop_context *context, const hmlc_op *op, const char *reason)
{
    return hmlc_error_add(context->module->diagnostics, HMLC_ERROR_kernel_unsupported, op->location,
                          NULL, "operator '%s' (%s in, %s out) has no loop code: %s",
                          hmlc_op_get_info(op->opcode)->name,
                          op->operand_count > 0 && op->operands[0].value != NULL
                              ? hmlc_dtype_name(op->operands[0].value->type->dtype)
                              : "nothing",
                          hmlc_dtype_name(op->results[0]->type->dtype), reason);
}

static bool grow(hmlc_loop_context *context, hmlc_loop_index **list, uint32_t count,
                 uint32_t *capacity)
{
    if (count < *capacity) {
        return true;
    }
    uint32_t wanted = *capacity == 0 ? 32 : *capacity * 2;
    hmlc_loop_index *larger = HMLC_NEW_ARRAY(context->arena, hmlc_loop_index, wanted);
    if (larger == NULL) {
        context->status = HMLC_RESOURCE;
        return false;
    }
    for (uint32_t k = 0; k < count; k++) {
        larger[k] = (*list)[k];
    }
    *list = larger;
    *capacity = wanted;
    return true;
}

void hmlc_loop_record_access(hmlc_loop_context *context, const hmlc_loop_index *index)
{
    hmlc_loop_analysis *analysis = context->analysis;
    if (grow(context, &analysis->accesses, analysis->access_count, &analysis->access_capacity)) {
        analysis->accesses[analysis->access_count++] = *index;
    }
}

static void record_load(hmlc_loop_context *context, const hmlc_loop_index *offset, hmlc_dtype dtype)
{
    hmlc_loop_analysis *analysis = context->analysis;
    uint32_t capacity = analysis->load_capacity;
    if (!grow(context, &analysis->loads, analysis->load_count, &analysis->load_capacity)) {
        return;
    }
    if (capacity != analysis->load_capacity) {
        uint32_t *larger = HMLC_NEW_ARRAY(context->arena, uint32_t, analysis->load_capacity);
        if (larger == NULL) {
            context->status = HMLC_RESOURCE;
            return;
        }
        for (uint32_t k = 0; k < analysis->load_count; k++) {
            larger[k] = analysis->load_bytes[k];
        }
        analysis->load_bytes = larger;
    }
    uint32_t bytes = (uint32_t)hmlc_dtype_bytes(dtype);
    analysis->load_bytes[analysis->load_count] = bytes;
    analysis->loads[analysis->load_count++] = *offset;
    analysis->element_bytes = bytes > analysis->element_bytes ? bytes : analysis->element_bytes;
    hmlc_loop_record_access(context, offset);
}

static uint64_t mix(uint64_t hash, uint64_t part)
{
    return (hash ^ part) * UINT64_C(0x9e3779b97f4a7c15) + (hash >> 29);
}

static uint64_t dim_number(hmlc_dim dim)
{
    return dim == NULL ? 0 : (uint64_t)dim->id + 1;
}

/* Equal for equal indices (hmlc_loop_index_equal), whatever else. */
static uint64_t hash_index(const hmlc_value *value, const hmlc_loop_index *index)
{
    uint64_t hash = mix(0, value->id);
    for (int32_t k = 0; k < value->type->rank; k++) {
        for (uint32_t var = 0; var < HMLC_LOOP_MAX_VARS; var++) {
            hash = mix(hash, dim_number(index[k].coefficient[var]));
        }
        hash = mix(hash, dim_number(index[k].constant));
        hash = mix(hash, index[k].computed_serial);
    }
    return hash ^ (hash >> 32);
}

/* The entry of that value at that index, or the free one where it belongs. */
static walk_memo *find_memo(const walk *self, const hmlc_value *value, const hmlc_loop_index *index,
                            uint64_t hash)
{
    int32_t rank = value->type->rank;
    for (uint64_t at = hash;; at++) {
        walk_memo *entry = &self->seen[at & (self->seen_capacity - 1)];
        int32_t k = entry->value == value && entry->hash == hash ? 0 : -1;
        while (k >= 0 && k < rank && hmlc_loop_index_equal(&entry->index[k], &index[k])) {
            k++;
        }
        if (entry->value == NULL || k == rank) {
            return entry;
        }
    }
}

static bool grow_memo(walk *self)
{
    uint32_t capacity = self->seen_capacity == 0 ? 64 : self->seen_capacity * 2;
    walk_memo *larger = HMLC_NEW_ARRAY(self->context->arena, walk_memo, capacity);
    for (uint32_t k = 0; larger != NULL && k < self->seen_capacity; k++) {
        const walk_memo *entry = &self->seen[k];
        uint64_t at = entry->hash & (capacity - 1);
        while (entry->value != NULL && larger[at].value != NULL) {
            at = (at + 1) & (capacity - 1);
        }
        if (entry->value != NULL) {
            larger[at] = *entry;
        }
    }
    self->seen = larger;
    self->seen_capacity = capacity;
    return larger != NULL;
}

/* Seen before at this index: the walk need not repeat it. */
static bool seen_before(walk *self, const hmlc_value *value, const hmlc_loop_index *index)
{
    hmlc_loop_context *context = self->context;
    if (2 * (self->seen_count + 1) > self->seen_capacity && !grow_memo(self)) {
        context->status = HMLC_RESOURCE;
        return true;
    }
    uint64_t hash = hash_index(value, index);
    walk_memo *entry = find_memo(self, value, index, hash);
    if (entry->value != NULL) {
        return true;
    }
    int32_t rank = value->type->rank;
    hmlc_loop_index *copy =
        hmlc_arena_copy(context->arena, index, (size_t)(rank > 0 ? rank : 0) * sizeof *index);
    if (copy == NULL) {
        context->status = HMLC_RESOURCE;
        return true;
    }
    *entry = (walk_memo){value, hash, copy};
    self->seen_count++;
    return false;
}

static void walk_value(walk *self, const hmlc_value *value, const hmlc_loop_index *index);

static void walk_operands(walk *self, const hmlc_op *op, const hmlc_loop_index *index)
{
    for (uint32_t k = 0; k < op->operand_count; k++) {
        const hmlc_value *operand = hmlc_op_operand(op, k);
        hmlc_loop_index operand_index[HMLC_MAX_RANK];
        if (operand != NULL && !hmlc_loop_type_empty(operand->type)) {
            hmlc_loop_view_index(self->context, op, k, index, operand_index);
            walk_value(self, operand, operand_index);
        }
    }
}

/* Boundaries of a concat's inputs along its axis. */
static void cut_concat(walk *self, const hmlc_op *op, const hmlc_loop_index *index)
{
    hmlc_loop_context *context = self->context;
    int64_t axis = hmlc_op_int(op, HMLC_ATTR_axis);
    hmlc_dim bounds[HMLC_LOOP_MAX_SEGMENTS + 1];
    if (!context->analysis->segments || op->operand_count > HMLC_LOOP_MAX_SEGMENTS) {
        return;
    }
    bounds[0] = hmlc_dim_constant(context->dims, 0);
    for (uint32_t k = 0; k < op->operand_count; k++) {
        bounds[k + 1] =
            hmlc_dim_add(context->dims, bounds[k], hmlc_op_operand(op, k)->type->dims[axis]);
    }
    hmlc_loop_space_cut(context, op, (int32_t)axis, &index[axis], bounds, op->operand_count);
}

static void walk_concat(walk *self, const hmlc_op *op, const hmlc_loop_index *index)
{
    int64_t axis = hmlc_op_int(op, HMLC_ATTR_axis);
    cut_concat(self, op, index);
    if (hmlc_loop_segment_of(self->context, op, (int32_t)axis, &index[axis]) < 0) {
        hmlc_loop_record_access(self->context, &index[axis]);
    }
    walk_operands(self, op, index);
}

static void cut_pad(walk *self, const hmlc_op *op, int32_t dim, const hmlc_loop_index *index)
{
    hmlc_loop_context *context = self->context;
    const hmlc_attr *pads = hmlc_op_attr(op, HMLC_ATTR_pads);
    hmlc_dim size = hmlc_op_operand(op, 0)->type->dims[dim];
    hmlc_dim bounds[] = {hmlc_dim_constant(context->dims, 0), pads->as.dims[dim],
                         hmlc_dim_add(context->dims, pads->as.dims[dim], size),
                         op->results[0]->type->dims[dim]};
    if (context->analysis->segments) {
        hmlc_loop_space_cut(context, op, dim, index, bounds, 3);
    }
}

static void walk_pad(walk *self, const hmlc_op *op, const hmlc_loop_index *index)
{
    const hmlc_attr *pads = hmlc_op_attr(op, HMLC_ATTR_pads);
    int32_t rank = (int32_t)pads->count / 2;
    if (hmlc_op_int(op, HMLC_ATTR_pad_mode) != HMLC_PAD_CONSTANT) {
        self->context->status = refuse(self->context, op, "only constant padding is a loop");
        return;
    }
    for (int32_t k = rank - 1; k >= 0; k--) {
        if (hmlc_dim_is(pads->as.dims[k], 0) && hmlc_dim_is(pads->as.dims[k + rank], 0)) {
            continue;
        }
        cut_pad(self, op, k, &index[k]);
        if (hmlc_loop_segment_of(self->context, op, k, &index[k]) < 0) {
            hmlc_loop_record_access(self->context, &index[k]);
        }
    }
    walk_operands(self, op, index);
}

static void record_indices(hmlc_loop_context *context, const hmlc_op *op,
                           const hmlc_loop_index *index)
{
    for (int32_t k = 0; k < op->results[0]->type->rank; k++) {
        hmlc_loop_record_access(context, &index[k]);
    }
}

/* gather, gather_elements, gather_nd: the index operand is walked on the way. */
static void walk_gather(walk *self, const hmlc_op *op, const hmlc_loop_index *index)
{
    hmlc_loop_context *context = self->context;
    hmlc_loop_index operand[HMLC_MAX_RANK];
    const hmlc_value *indices = hmlc_op_operand(op, 1);
    if (!hmlc_dtype_is_integer(indices->type->dtype)) {
        context->status = refuse(context, op, "indices are not integers");
        return;
    }
    context->analysis->failing = true;
    context->analysis->cost += 10;
    hmlc_loop_indices_index(context, op, index, operand);
    if (op->opcode == HMLC_OP_gather_nd) { /* its last dim is walked element by element */
        int32_t last = indices->type->rank - 1;
        int64_t depth = 0;
        hmlc_dim_is_constant(indices->type->dims[last], &depth);
        for (int64_t k = 0; k < depth; k++) {
            operand[last] = hmlc_loop_index_constant(hmlc_dim_constant(context->dims, k));
            walk_value(self, indices, operand);
        }
    } else {
        walk_value(self, indices, operand);
    }
    hmlc_loop_gather_index(context, op, index, operand);
    walk_value(self, hmlc_op_operand(op, 0), operand);
}

static void walk_one_hot(walk *self, const hmlc_op *op, const hmlc_loop_index *index)
{
    hmlc_loop_context *context = self->context;
    hmlc_loop_index operand[HMLC_MAX_RANK];
    record_indices(context, op, index);
    hmlc_loop_indices_index(context, op, index, operand);
    walk_value(self, hmlc_op_operand(op, 0), operand);
    for (int k = 0; k < 2; k++) {
        operand[0] = hmlc_loop_index_constant(hmlc_dim_constant(context->dims, k));
        walk_value(self, hmlc_op_operand(op, 1), operand);
    }
}

static void walk_indexed(walk *self, const hmlc_op *op, const hmlc_loop_index *index)
{
    hmlc_loop_context *context = self->context;
    hmlc_loop_index none[1];
    switch (op->opcode) {
    case HMLC_OP_gather:
    case HMLC_OP_gather_elements:
    case HMLC_OP_gather_nd:
        walk_gather(self, op, index);
        return;
    case HMLC_OP_one_hot:
        walk_one_hot(self, op, index);
        return;
    case HMLC_OP_trilu:
        record_indices(context, op, index);
        walk_value(self, hmlc_op_operand(op, 0), index);
        if (hmlc_op_operand(op, 1) != NULL) {
            none[0] = hmlc_loop_index_zero(context);
            walk_value(self, hmlc_op_operand(op, 1), none);
        }
        return;
    default: /* range */
        record_indices(context, op, index);
        for (uint32_t k = 0; k < 3; k++) {
            none[0] = hmlc_loop_index_zero(context);
            walk_value(self, hmlc_op_operand(op, k), none);
        }
        return;
    }
}

static void walk_elementwise(walk *self, const hmlc_op *op, const hmlc_loop_index *index)
{
    hmlc_loop_context *context = self->context;
    const char *reason = NULL;
    if (!hmlc_elementwise_supported(op, &reason)) {
        context->status = refuse(context, op, reason);
        return;
    }
    context->analysis->movement = false;
    context->analysis->cost += hmlc_op_get_info(op->opcode)->cost.tenths;
    walk_operands(self, op, index);
}

/* Constants and dim tables: loads when they are neither a scalar nor all equal. */
static void walk_table(walk *self, const hmlc_op *op, const hmlc_loop_index *index)
{
    hmlc_loop_context *context = self->context;
    const hmlc_type *type = op->results[0]->type;
    double splat;
    if (op->opcode == HMLC_OP_iota) {
        record_indices(context, op, index);
    } else if (op->opcode == HMLC_OP_dims_tensor || !hmlc_value_splat(op->results[0], &splat)) {
        hmlc_loop_index offset = hmlc_loop_dense_index(context, type, index);
        hmlc_loop_record_access(context, &offset);
    }
}

/* A reduction or rowwise op reads all of F's row: its operands are walked at F's own index. */
static void walk_row(walk *self, const hmlc_op *op)
{
    hmlc_loop_context *context = self->context;
    const char *reason = NULL;
    if (!hmlc_loop_row_supported(op, &reason)) {
        context->status = refuse(context, op, reason);
        return;
    }
    context->analysis->movement = false;
    context->analysis->cost += hmlc_op_get_info(op->opcode)->cost.tenths;
    hmlc_loop_index full[HMLC_MAX_RANK], index[HMLC_MAX_RANK];
    const hmlc_type *type = hmlc_op_operand(op, 0)->type;
    for (int32_t k = 0; k < type->rank; k++) {
        full[k] = hmlc_loop_index_of_dim(context, k);
    }
    if (op->opcode == HMLC_OP_arg_max || op->opcode == HMLC_OP_arg_min) {
        hmlc_loop_record_access(context, &full[hmlc_op_int(op, HMLC_ATTR_axis)]);
    }
    for (uint32_t k = 0; k < op->operand_count; k++) {
        const hmlc_value *operand = hmlc_op_operand(op, k);
        if (operand != NULL) {
            hmlc_loop_broadcast_index(context, operand->type, type, full, index);
            walk_value(self, operand, index);
        }
    }
}

static void walk_op(walk *self, const hmlc_op *op, const hmlc_loop_index *index)
{
    hmlc_loop_context *context = self->context;
    if (hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE)) {
        walk_elementwise(self, op, index);
    } else if (hmlc_op_has(op, HMLC_TRAIT_VIEW) || op->opcode == HMLC_OP_tile) {
        walk_operands(self, op, index);
    } else if (op->opcode == HMLC_OP_concat) {
        walk_concat(self, op, index);
    } else if (op->opcode == HMLC_OP_pad) {
        walk_pad(self, op, index);
    } else if (hmlc_op_has(op, HMLC_TRAIT_INDEXED)) {
        walk_indexed(self, op, index);
    } else if (hmlc_op_has(op, HMLC_TRAIT_CONSTANT | HMLC_TRAIT_GENERATOR)) {
        walk_table(self, op, index);
    } else if (hmlc_op_has(op, HMLC_TRAIT_REDUCTION | HMLC_TRAIT_ROWWISE) &&
               context->state->rows != NULL) {
        walk_row(self, op);
    } else {
        context->status = refuse(context, op, "it does not belong into a loop kernel");
    }
}

static void walk_value(walk *self, const hmlc_value *value, const hmlc_loop_index *index)
{
    hmlc_loop_context *context = self->context;
    if (context->status != HMLC_OK || seen_before(self, value, index)) {
        return;
    }
    if (hmlc_dtype_bytes(value->type->dtype) == 0 || hmlc_dtype_bytes(value->type->dtype) > 16) {
        context->status = hmlc_error_add(
            context->module->diagnostics, HMLC_ERROR_kernel_unsupported, context->kernel->location,
            NULL, "element type %s has no dense form", hmlc_dtype_name(value->type->dtype));
        return;
    }
    if (value->producer != NULL) {
        walk_op(self, value->producer, index);
        return;
    }
    hmlc_loop_index offset =
        hmlc_loop_access_index(context, context->kernel->operands[value->index].value, index);
    record_load(context, &offset, value->type->dtype);
}

/* -- the whole region -- */

static hmlc_status walk_region(hmlc_loop_context *context)
{
    walk self = {.context = context};
    const hmlc_op *yield = hmlc_kernel_yield(context->kernel);
    for (uint32_t k = 0; k < yield->operand_count; k++) {
        const hmlc_value *value = hmlc_op_operand(yield, k);
        hmlc_loop_index index[HMLC_MAX_RANK];
        hmlc_loop_result_index(context, value->type, index);
        walk_value(&self, value, index);
        hmlc_loop_index offset =
            hmlc_loop_access_index(context, context->kernel->results[k], index);
        record_load(context, &offset, value->type->dtype);
    }
    return context->status;
}

static void forget_cuts(hmlc_loop_space *space)
{
    space->cut_count = 0;
    for (uint32_t k = 0; k < space->count; k++) {
        space->vars[k].segment_count = 0;
    }
}

hmlc_status hmlc_loop_analyze(hmlc_loop_context *context)
{
    hmlc_loop_analysis *analysis = context->analysis;
    hmlc_loop_space *space = context->space;
    for (uint32_t round = 0; round <= HMLC_LOOP_MAX_VARS; round++) {
        *analysis =
            (hmlc_loop_analysis){.split_var = UINT32_MAX, .movement = true, .segments = true};
        analysis->segments = context->state->rows == NULL;
        forget_cuts(space);
        HMLC_TRY(walk_region(context));
        if (analysis->split_var == UINT32_MAX ||
            !hmlc_loop_space_split(space, context->dims, analysis->split_var,
                                   analysis->split_inner)) {
            break;
        }
    }
    hmlc_loop_space_fuse(space, context->dims, analysis->accesses, analysis->access_count);
    return HMLC_OK;
}

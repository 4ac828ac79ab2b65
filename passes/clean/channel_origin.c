/* SPDX-License-Identifier: Apache-2.0 */
/* Where channels come from, found through slices, concats, gathers and channel shuffles. */
#include "channel_origin.h"

enum { MAX_CHANNELS = 16384, MAX_DEPTH = 200 };

typedef struct finder {
    hmlc_arena *scratch;
    int32_t axis;
} finder;

static hmlc_status find(finder *state, hmlc_value *value, int depth, hmlc_channel_origin **origin);

static hmlc_status new_origin(const finder *state, int64_t count, hmlc_channel_origin **origin)
{
    *origin = HMLC_NEW(state->scratch, hmlc_channel_origin);
    HMLC_TRY_MEMORY(*origin);
    (*origin)->axis = state->axis;
    (*origin)->count = count;
    (*origin)->channels = HMLC_NEW_ARRAY(state->scratch, hmlc_channel, count);
    HMLC_TRY_MEMORY((*origin)->channels);
    return HMLC_OK;
}

static hmlc_status own_channels(const finder *state, hmlc_value *value, int64_t count,
                                hmlc_channel_origin **origin)
{
    HMLC_TRY(new_origin(state, count, origin));
    for (int64_t i = 0; i < count; i++) {
        (*origin)->channels[i] = (hmlc_channel){value, i};
    }
    return HMLC_OK;
}

/* A slice of the channels alone, with constant start and step. */
static bool read_channel_slice(const hmlc_op *op, int32_t axis, int64_t *start, int64_t *step)
{
    const hmlc_type *type = op->operands[0].value->type;
    const hmlc_dim *starts = hmlc_list_attr(op, HMLC_ATTR_starts)->as.dims;
    const hmlc_dim *sizes = hmlc_list_attr(op, HMLC_ATTR_sizes)->as.dims;
    const hmlc_dim *steps = hmlc_list_attr(op, HMLC_ATTR_steps)->as.dims;
    for (int32_t i = 0; i < type->rank; i++) {
        if (i != axis && (sizes[i] != type->dims[i] || !hmlc_dim_is(steps[i], 1))) {
            return false;
        }
    }
    return hmlc_dim_is_constant(starts[axis], start) && hmlc_dim_is_constant(steps[axis], step);
}

/*
 * reshape(transpose(reshape(x))) that exchanges the two factors of the channels. *factor is the
 * outer one: channel j * inner + i of x becomes channel i * factor + j.
 */
static hmlc_value *shuffled_value(const hmlc_value *value, int32_t axis, int64_t *factor)
{
    const hmlc_op *joined = hmlc_producer_of(value, HMLC_OP_reshape);
    const hmlc_op *swapped =
        joined != NULL ? hmlc_producer_of(joined->operands[0].value, HMLC_OP_transpose) : NULL;
    const hmlc_op *split =
        swapped != NULL ? hmlc_producer_of(swapped->operands[0].value, HMLC_OP_reshape) : NULL;
    if (split == NULL) {
        return NULL;
    }
    hmlc_value *x = split->operands[0].value;
    const hmlc_type *five = split->results[0]->type;
    const int64_t *permutation = hmlc_list_attr(swapped, HMLC_ATTR_permutation)->as.integers;
    if (!hmlc_type_equal(x->type, value->type) || five->rank != x->type->rank + 1 ||
        !hmlc_dim_is_constant(five->dims[axis], factor)) {
        return NULL;
    }
    for (int32_t i = 0; i < five->rank; i++) {
        int32_t expected = i == axis ? axis + 1 : i == axis + 1 ? axis : i;
        bool outside = i < axis || i > axis + 1;
        if (permutation[i] != expected ||
            (outside && five->dims[i] != x->type->dims[i > axis ? i - 1 : i])) {
            return NULL;
        }
    }
    return x;
}

static hmlc_status find_shuffled(finder *state, hmlc_value *x, int64_t factor, int depth,
                                 hmlc_channel_origin **origin)
{
    hmlc_channel_origin *inner;
    HMLC_TRY(find(state, x, depth, &inner));
    if (inner == NULL) {
        *origin = NULL;
        return HMLC_OK;
    }
    HMLC_TRY(new_origin(state, inner->count, origin));
    (*origin)->shuffled = true;
    int64_t size = inner->count / factor;
    for (int64_t i = 0; i < inner->count; i++) {
        (*origin)->channels[i] = inner->channels[i % factor * size + i / factor];
    }
    return HMLC_OK;
}

static hmlc_status find_slice(finder *state, const hmlc_op *op, int64_t start, int64_t step,
                              int depth, hmlc_channel_origin **origin)
{
    hmlc_channel_origin *inner;
    HMLC_TRY(find(state, op->operands[0].value, depth, &inner));
    int64_t count = op->results[0]->type->dims[state->axis]->value;
    if (inner == NULL) {
        *origin = NULL;
        return HMLC_OK;
    }
    HMLC_TRY(new_origin(state, count, origin));
    (*origin)->shuffled = inner->shuffled;
    for (int64_t i = 0; i < count; i++) {
        (*origin)->channels[i] = inner->channels[start + i * step];
    }
    return HMLC_OK;
}

static hmlc_status find_concat(finder *state, const hmlc_op *op, int64_t count, int depth,
                               hmlc_channel_origin **origin)
{
    int64_t at = 0;
    HMLC_TRY(new_origin(state, count, origin));
    for (uint32_t i = 0; i < op->operand_count; i++) {
        hmlc_channel_origin *part;
        HMLC_TRY(find(state, op->operands[i].value, depth, &part));
        if (part == NULL) {
            *origin = NULL;
            return HMLC_OK;
        }
        for (int64_t k = 0; k < part->count && at < count; k++) {
            (*origin)->channels[at++] = part->channels[k];
        }
        (*origin)->shuffled = (*origin)->shuffled || part->shuffled;
    }
    return HMLC_OK;
}

static hmlc_status find_gather(finder *state, const hmlc_op *op, const hmlc_tensor *indices,
                               int depth, hmlc_channel_origin **origin)
{
    hmlc_channel_origin *inner;
    HMLC_TRY(find(state, op->operands[0].value, depth, &inner));
    int64_t count = hmlc_tensor_count(indices);
    if (inner == NULL) {
        *origin = NULL;
        return HMLC_OK;
    }
    HMLC_TRY(new_origin(state, count, origin));
    (*origin)->shuffled = true;
    for (int64_t i = 0; i < count; i++) {
        int64_t index = hmlc_tensor_get_int(indices, i);
        index += index < 0 ? inner->count : 0;
        if (index < 0 || index >= inner->count) {
            *origin = NULL;
            return HMLC_OK;
        }
        (*origin)->channels[i] = inner->channels[index];
    }
    return HMLC_OK;
}

/* By what makes the value; its own channels where that moves more than channels. */
static hmlc_status find_fresh(finder *state, hmlc_value *value, int64_t count, int depth,
                              hmlc_channel_origin **origin)
{
    const hmlc_op *op = value->producer;
    int64_t start, step, factor;
    hmlc_value *x = shuffled_value(value, state->axis, &factor);
    if (x != NULL) {
        return find_shuffled(state, x, factor, depth, origin);
    }
    if (op != NULL && op->opcode == HMLC_OP_slice &&
        read_channel_slice(op, state->axis, &start, &step)) {
        return find_slice(state, op, start, step, depth, origin);
    }
    if (op != NULL && op->opcode == HMLC_OP_concat &&
        hmlc_op_int(op, HMLC_ATTR_axis) == state->axis) {
        return find_concat(state, op, count, depth, origin);
    }
    if (op != NULL && op->opcode == HMLC_OP_gather &&
        hmlc_op_int(op, HMLC_ATTR_axis) == state->axis) {
        const hmlc_tensor *indices = hmlc_value_constant(op->operands[1].value);
        if (indices != NULL && indices->rank == 1) {
            return find_gather(state, op, indices, depth, origin);
        }
    }
    return own_channels(state, value, count, origin);
}

static hmlc_status find(finder *state, hmlc_value *value, int depth, hmlc_channel_origin **origin)
{
    int64_t count;
    *origin = value->note;
    if (*origin != NULL && (*origin)->axis == state->axis) {
        return HMLC_OK;
    }
    *origin = NULL;
    if (value->type->kind != HMLC_KIND_TENSOR || value->type->rank <= state->axis || depth == 0 ||
        !hmlc_dim_is_constant(value->type->dims[state->axis], &count) || count > MAX_CHANNELS) {
        return HMLC_OK;
    }
    HMLC_TRY(find_fresh(state, value, count, depth - 1, origin));
    value->note = *origin;
    return HMLC_OK;
}

hmlc_status hmlc_channel_origin_find(hmlc_arena *scratch, hmlc_value *value, int32_t axis,
                                     const hmlc_channel_origin **origin)
{
    finder state = {.scratch = scratch, .axis = axis};
    hmlc_channel_origin *found;
    HMLC_TRY(find(&state, value, MAX_DEPTH, &found));
    *origin = found;
    return HMLC_OK;
}

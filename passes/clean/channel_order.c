/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channel shuffles vanish into weights. A convolution sums over its input channels in any order, so
 * its input may hold them as they lie in the tensors they come from, and its weights follow.
 * Depthwise convolutions and elementwise ops pass an order on to the convolution behind them. What
 * ShuffleNet passes by unchanged is then never copied.
 */
#include <stdlib.h>

#include "channel_origin.h"
#include "fold/weight_tools.h"

/* More pieces than this, and joining them costs more than the shuffle. */
enum { MAX_RUNS = 24, MAX_CHAIN = 4 };

/* The channels of a consumer's input in the order of their sources. */
typedef struct reordered {
    hmlc_value *input;
    int64_t *order; /* channel i of `input` is channel order[i] of the former input */
} reordered;

typedef struct sort_key {
    hmlc_channel channel;
    int64_t position;
} sort_key;

static int compare_keys(const void *left, const void *right)
{
    const sort_key *a = left, *b = right;
    if (a->channel.source->id != b->channel.source->id) {
        return a->channel.source->id < b->channel.source->id ? -1 : 1;
    }
    if (a->channel.index != b->channel.index) {
        return a->channel.index < b->channel.index ? -1 : 1;
    }
    return a->position < b->position ? -1 : 1;
}

static int64_t run_length(const sort_key *keys, int64_t from, int64_t count)
{
    int64_t length = 1;
    while (from + length < count &&
           keys[from + length].channel.source == keys[from].channel.source &&
           keys[from + length].channel.index == keys[from].channel.index + length) {
        length++;
    }
    return length;
}

static uint32_t count_runs(const sort_key *keys, int64_t count)
{
    uint32_t runs = 0;
    for (int64_t i = 0; i < count; i += run_length(keys, i, count)) {
        runs++;
    }
    return runs;
}

static hmlc_status build_run(hmlc_builder *builder, const hmlc_channel *first, int64_t length,
                             int32_t axis, hmlc_value **result)
{
    hmlc_dims *dims = builder->module->dims;
    const hmlc_type *type = first->source->type;
    hmlc_dim starts[HMLC_MAX_RANK], sizes[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    uint32_t rank = (uint32_t)type->rank;
    *result = first->source;
    if (first->index == 0 && hmlc_dim_is(type->dims[axis], length)) {
        return HMLC_OK;
    }
    for (uint32_t i = 0; i < rank; i++) {
        bool here = i == (uint32_t)axis;
        starts[i] = hmlc_dim_constant(dims, here ? first->index : 0);
        sizes[i] = here ? hmlc_dim_constant(dims, length) : type->dims[i];
        steps[i] = hmlc_dim_constant(dims, 1);
    }
    hmlc_attr attrs[] = {
        hmlc_attr_dims(HMLC_ATTR_starts, starts, rank),
        hmlc_attr_dims(HMLC_ATTR_sizes, sizes, rank),
        hmlc_attr_dims(HMLC_ATTR_steps, steps, rank),
    };
    return hmlc_build(builder, HMLC_OP_slice, &first->source, 1, attrs, 3, result);
}

static hmlc_status join_runs(hmlc_builder *builder, hmlc_arena *scratch, const sort_key *keys,
                             int64_t count, int32_t axis, hmlc_value **result)
{
    uint32_t runs = 0;
    hmlc_value **parts = HMLC_NEW_ARRAY(scratch, hmlc_value *, MAX_RUNS);
    HMLC_TRY_MEMORY(parts);
    for (int64_t i = 0; i < count;) {
        int64_t length = run_length(keys, i, count);
        HMLC_TRY(build_run(builder, &keys[i].channel, length, axis, &parts[runs++]));
        i += length;
    }
    *result = parts[0];
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_axis, axis);
    return runs == 1 ? HMLC_OK : hmlc_build(builder, HMLC_OP_concat, parts, runs, &attr, 1, result);
}

/* result->input stays NULL where the input is not shuffled, or not worth it. */
static hmlc_status reorder_input(hmlc_rewriter *rewriter, hmlc_builder *builder, const hmlc_op *op,
                                 reordered *result)
{
    hmlc_arena *scratch = hmlc_rewrite_scratch(rewriter);
    hmlc_value *x = op->operands[0].value;
    bool last = hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
    int32_t axis = last ? x->type->rank - 1 : 1;
    const hmlc_channel_origin *origin;
    *result = (reordered){NULL, NULL};
    HMLC_TRY(hmlc_channel_origin_find(scratch, x, axis, &origin));
    if (origin == NULL || !origin->shuffled || origin->count == 0) {
        return HMLC_OK;
    }
    sort_key *keys = HMLC_NEW_ARRAY(scratch, sort_key, origin->count);
    result->order = HMLC_NEW_ARRAY(scratch, int64_t, origin->count);
    HMLC_TRY_MEMORY(keys);
    HMLC_TRY_MEMORY(result->order);
    for (int64_t i = 0; i < origin->count; i++) {
        keys[i] = (sort_key){origin->channels[i], i};
    }
    qsort(keys, (size_t)origin->count, sizeof keys[0], compare_keys);
    for (int64_t i = 0; i < origin->count; i++) {
        result->order[i] = keys[i].position;
    }
    /* Profiles name what the runs stand for: the nodes that moved the channels. */
    hmlc_builder here = *builder;
    here.location = x->producer != NULL ? x->producer->location : builder->location;
    return count_runs(keys, origin->count) > MAX_RUNS
               ? HMLC_OK
               : join_runs(&here, scratch, keys, origin->count, axis, &result->input);
}

/* A convolution over all channels: its weights' input channels take the order. */
static hmlc_status reorder_convolution(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_weighted_op contraction;
    reordered of;
    if (!hmlc_contraction_read(op, &contraction) || contraction.groups != 1) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    HMLC_TRY(reorder_input(rewriter, &builder, op, &of));
    if (of.input == NULL) {
        return HMLC_OK;
    }
    hmlc_value *operands[] = {of.input, NULL, hmlc_op_operand(op, 2)};
    HMLC_TRY(hmlc_permute_constant(&builder, contraction.tensor, contraction.input_axis, of.order,
                                   &operands[1]));
    hmlc_value *value = NULL;
    HMLC_TRY(hmlc_build(&builder, HMLC_OP_conv, operands, op->operand_count, op->attrs,
                        op->attr_count, &value));
    return hmlc_rewrite_replace(rewriter, op, value);
}

/* Constants of a channelwise op can follow an order: one number, or one per channel. */
static bool constant_follows(const hmlc_value *constant, int32_t rank, int32_t axis)
{
    const hmlc_tensor *tensor = hmlc_value_constant(constant);
    if (tensor == NULL || tensor->rank > rank) {
        return false;
    }
    for (int32_t i = 0; i < tensor->rank; i++) {
        if (tensor->dims[i] != 1 && i != axis - (rank - tensor->rank)) {
            return false;
        }
    }
    return true;
}

static bool passes_order_on(const hmlc_op *op, int32_t axis)
{
    if (!hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE) || op->opcode == HMLC_OP_quantize ||
        op->opcode == HMLC_OP_dequantize || op->operand_count < 1 || op->operand_count > 2) {
        return false;
    }
    const hmlc_type *type = op->results[0]->type;
    return hmlc_type_equal(type, op->operands[0].value->type) &&
           (op->operand_count == 1 || constant_follows(op->operands[1].value, type->rank, axis));
}

/* Do all users, through channelwise ops, end in convolutions that can take any order? */
static bool users_take_order(const hmlc_value *value, int32_t axis, int depth)
{
    hmlc_weighted_op contraction;
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        hmlc_op *user = use->op;
        bool convolution = user->opcode == HMLC_OP_conv && use->index == 0 &&
                           hmlc_contraction_read(user, &contraction) && contraction.groups == 1;
        bool passed = depth > 0 && use->index == 0 && passes_order_on(user, axis) &&
                      users_take_order(user->results[0], axis, depth - 1);
        if (!convolution && !passed) {
            return false;
        }
    }
    return value->uses != NULL;
}

/* The former order of a value whose channels lie in another: channel c is where order[i] = c. */
static hmlc_status build_restored(hmlc_rewriter *rewriter, hmlc_builder *builder, hmlc_value *value,
                                  int32_t axis, const int64_t *order, hmlc_value **result)
{
    hmlc_tensor indices = {.dtype = HMLC_DTYPE_i64, .rank = 1};
    int64_t count = value->type->dims[axis]->value;
    int64_t *data = HMLC_NEW_ARRAY(hmlc_rewrite_module(rewriter)->arena, int64_t, count);
    HMLC_TRY_MEMORY(data);
    for (int64_t i = 0; i < count; i++) {
        data[order[i]] = i;
    }
    indices.dims[0] = count;
    indices.data = data;
    indices.bytes = (size_t)count * sizeof(int64_t);
    hmlc_value *operands[] = {value, NULL};
    HMLC_TRY(hmlc_build_constant(builder, &indices, &operands[1]));
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_axis, axis);
    return hmlc_build(builder, HMLC_OP_gather, operands, 2, &attr, 1, result);
}

static bool is_depthwise(const hmlc_op *op, const hmlc_weighted_op *contraction)
{
    return contraction->groups > 1 && contraction->groups == contraction->inputs &&
           contraction->groups == contraction->outputs &&
           (hmlc_op_operand(op, 2) == NULL || hmlc_is_constant(op->operands[2].value));
}

/* A depthwise convolution keeps the order, which a gather undoes behind it until it is absorbed. */
static hmlc_status reorder_depthwise(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_weighted_op contraction;
    reordered of;
    if (!hmlc_contraction_read(op, &contraction) || !is_depthwise(op, &contraction) ||
        !users_take_order(op->results[0], contraction.result_axis, MAX_CHAIN)) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    HMLC_TRY(reorder_input(rewriter, &builder, op, &of));
    if (of.input == NULL) {
        return HMLC_OK;
    }
    hmlc_value *operands[] = {of.input, NULL, hmlc_op_operand(op, 2)}, *value = NULL;
    HMLC_TRY(hmlc_permute_constant(&builder, contraction.tensor, 0, of.order, &operands[1]));
    if (operands[2] != NULL) {
        HMLC_TRY(hmlc_permute_constant(&builder, hmlc_value_constant(operands[2]), 0, of.order,
                                       &operands[2]));
    }
    HMLC_TRY(hmlc_build(&builder, HMLC_OP_conv, operands, op->operand_count, op->attrs,
                        op->attr_count, &value));
    HMLC_TRY(build_restored(rewriter, &builder, value, contraction.result_axis, of.order, &value));
    return hmlc_rewrite_replace(rewriter, op, value);
}

/* The indices of a gather that only changes the order of an axis; NULL where it does more. */
static hmlc_status read_order(hmlc_rewriter *rewriter, const hmlc_op *gather, int64_t **order)
{
    const hmlc_tensor *indices = hmlc_value_constant(gather->operands[1].value);
    int64_t axis = hmlc_op_int(gather, HMLC_ATTR_axis), size;
    *order = NULL;
    if (indices == NULL || indices->rank != 1 ||
        !hmlc_type_equal(gather->results[0]->type, gather->operands[0].value->type) ||
        !hmlc_dim_is_constant(gather->results[0]->type->dims[axis], &size)) {
        return HMLC_OK;
    }
    int64_t *found = HMLC_NEW_ARRAY(hmlc_rewrite_scratch(rewriter), int64_t, size);
    HMLC_TRY_MEMORY(found);
    for (int64_t i = 0; i < size; i++) {
        found[i] = -1;
    }
    for (int64_t i = 0; i < size; i++) {
        int64_t index = hmlc_tensor_get_int(indices, i);
        if (index < 0 || index >= size || found[index] >= 0) {
            return HMLC_OK;
        }
        found[index] = i;
    }
    *order = found;
    return HMLC_OK;
}

/* op(gather(x), c) is gather(op(x, c in x's order)). */
static hmlc_status pass_order_on(hmlc_rewriter *rewriter, hmlc_op *op)
{
    const hmlc_op *gather = hmlc_producer_of(op->operands[0].value, HMLC_OP_gather);
    int64_t *order;
    if (gather == NULL) {
        return HMLC_OK;
    }
    int32_t axis = (int32_t)hmlc_op_int(gather, HMLC_ATTR_axis);
    if (!passes_order_on(op, axis) || !users_take_order(op->results[0], axis, MAX_CHAIN)) {
        return HMLC_OK;
    }
    HMLC_TRY(read_order(rewriter, gather, &order));
    if (order == NULL) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[] = {gather->operands[0].value, hmlc_op_operand(op, 1)}, *value = NULL;
    if (operands[1] != NULL) {
        const hmlc_tensor *constant = hmlc_value_constant(operands[1]);
        int32_t own = axis - (op->results[0]->type->rank - constant->rank);
        if (own >= 0 && constant->dims[own] != 1) {
            HMLC_TRY(hmlc_permute_constant(&builder, constant, own, order, &operands[1]));
        }
    }
    HMLC_TRY(hmlc_build(&builder, op->opcode, operands, op->operand_count, op->attrs,
                        op->attr_count, &value));
    operands[0] = value;
    operands[1] = gather->operands[1].value;
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_gather, operands, 2, gather->attrs,
                                   gather->attr_count);
}

hmlc_status hmlc_pass_channel_order(hmlc_pass_context *context)
{
    static const hmlc_rewrite_rule rules[] = {
        {HMLC_OP_conv, 0, reorder_convolution},
        {HMLC_OP_conv, 0, reorder_depthwise},
        {HMLC_OP_COUNT, HMLC_TRAIT_ELEMENTWISE, pass_order_on},
    };
    const hmlc_rewrite_rules sets[] = {HMLC_RULES(rules)};
    hmlc_clear_value_notes(context->module->main);
    return hmlc_rewrite_run(context, sets, 1, NULL);
}

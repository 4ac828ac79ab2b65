/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contractions that share their left operand and geometry become one with the weights side by side,
 * and each result a slice of its result: matmuls (query, key and value) whose results are only
 * viewed, and convolutions that together fill fewer weight panels. Elementwise users directly
 * behind a contraction speak against it: they would no longer be part of its kernel.
 */
#include <string.h>

#include "fold/weight_tools.h"
#include "query.h"

enum { MAX_MEMBERS = 16, MAX_MERGED_BYTES = 512 << 20 };

typedef struct member {
    hmlc_weighted_op contraction;
    hmlc_op *root;       /* the contraction, the sum with its bias, or the activation behind */
    double *bias;        /* per output; NULL: none */
    hmlc_op *activation; /* NULL: none */
} member;

typedef struct group {
    member members[MAX_MEMBERS];
    uint32_t count;
    struct group *next; /* of the same left operand */
} group;

static bool is_view(hmlc_opcode opcode)
{
    return opcode == HMLC_OP_reshape || opcode == HMLC_OP_transpose || opcode == HMLC_OP_slice;
}

static bool only_viewed(const hmlc_value *value)
{
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        const hmlc_op *user = use->op;
        if (!is_view(user->opcode) && user->opcode != HMLC_OP_matmul) {
            return false;
        }
    }
    return true;
}

static bool has_one_user(const hmlc_op *op, hmlc_op **user)
{
    if (!hmlc_value_has_one_use(op->results[0])) {
        return false;
    }
    *user = op->results[0]->uses->op;
    return true;
}

static hmlc_status read_own_bias(hmlc_arena *arena, member *entry)
{
    const hmlc_weighted_op *contraction = &entry->contraction;
    const hmlc_value *operand = hmlc_op_operand(contraction->op, 2);
    hmlc_op *user;
    if (operand != NULL) {
        return hmlc_read_channels(arena, operand, 1, 0, contraction->outputs, &entry->bias);
    }
    if (contraction->has_bias_operand || !has_one_user(contraction->op, &user) ||
        user->opcode != HMLC_OP_add ||
        !hmlc_type_equal(user->results[0]->type, contraction->op->results[0]->type)) {
        return HMLC_OK;
    }
    HMLC_TRY(hmlc_read_channels(arena, user->operands[1].value, user->results[0]->type->rank,
                                contraction->result_axis, contraction->outputs, &entry->bias));
    entry->root = entry->bias != NULL ? user : entry->root;
    return HMLC_OK;
}

/* Fills `entry`; *fits tells whether the contraction may be merged at all. */
static hmlc_status read_member(hmlc_arena *arena, hmlc_op *op, member *entry, bool *fits)
{
    *fits = false;
    *entry = (member){.root = op};
    if ((op->opcode != HMLC_OP_matmul && op->opcode != HMLC_OP_conv) ||
        !hmlc_contraction_read(op, &entry->contraction) || entry->contraction.groups != 1) {
        return HMLC_OK;
    }
    HMLC_TRY(read_own_bias(arena, entry));
    if (hmlc_op_operand(op, 2) != NULL && entry->bias == NULL) {
        return HMLC_OK;
    }
    hmlc_op *user;
    if (op->opcode == HMLC_OP_conv && has_one_user(entry->root, &user) &&
        user->operand_count == 1 && hmlc_op_has(user, HMLC_TRAIT_ELEMENTWISE) &&
        user->opcode != HMLC_OP_cast) {
        entry->activation = user;
        entry->root = user;
        *fits = true;
        return HMLC_OK;
    }
    *fits = only_viewed(entry->root->results[0]);
    return HMLC_OK;
}

static bool same_attrs(const hmlc_op *left, const hmlc_op *right)
{
    if (left->opcode != right->opcode || left->attr_count != right->attr_count) {
        return false;
    }
    for (uint32_t i = 0; i < left->attr_count; i++) {
        if (!hmlc_attr_equal(&left->attrs[i], &right->attrs[i])) {
            return false;
        }
    }
    return true;
}

/* Equal but for the number of outputs. */
static bool goes_with(const member *left, const member *right)
{
    const hmlc_tensor *a = left->contraction.tensor, *b = right->contraction.tensor;
    bool alike = same_attrs(left->contraction.op, right->contraction.op) &&
                 left->contraction.op->parent == right->contraction.op->parent &&
                 a->dtype == b->dtype && a->rank == b->rank &&
                 (left->activation == NULL) == (right->activation == NULL) &&
                 (left->activation == NULL || same_attrs(left->activation, right->activation));
    for (int32_t i = 0; alike && i < a->rank; i++) {
        alike = i == left->contraction.output_axis || a->dims[i] == b->dims[i];
    }
    return alike;
}

static int64_t panels(int64_t outputs)
{
    return (outputs + HMLC_PACK_WIDTH - 1) / HMLC_PACK_WIDTH;
}

static bool is_profitable(const group *set)
{
    int64_t outputs = 0, apart = 0;
    size_t bytes = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        outputs += set->members[i].contraction.outputs;
        apart += panels(set->members[i].contraction.outputs);
        bytes += set->members[i].contraction.tensor->bytes;
    }
    bool matmul = set->members[0].contraction.op->opcode == HMLC_OP_matmul;
    return set->count > 1 && bytes <= MAX_MERGED_BYTES && (matmul || panels(outputs) < apart);
}

/* Weights side by side along the output axis. */
static hmlc_status build_weights(hmlc_builder *builder, const group *set, int64_t outputs,
                                 hmlc_value **result)
{
    const hmlc_weighted_op *first = &set->members[0].contraction;
    int32_t axis = first->output_axis;
    hmlc_tensor merged = *first->tensor;
    int64_t outer = 1;
    size_t inner = hmlc_dtype_bytes(merged.dtype);
    for (int32_t i = 0; i < merged.rank; i++) {
        outer *= i < axis ? merged.dims[i] : 1;
        inner *= i > axis ? (size_t)merged.dims[i] : 1;
    }
    merged.dims[axis] = outputs;
    merged.bytes = (size_t)outer * (size_t)outputs * inner;
    char *data = hmlc_arena_allocate(builder->module->arena, merged.bytes);
    HMLC_TRY_MEMORY(data);
    merged.data = data;
    for (int64_t row = 0; row < outer; row++) {
        for (uint32_t i = 0; i < set->count; i++) {
            const hmlc_tensor *part = set->members[i].contraction.tensor;
            size_t bytes = (size_t)part->dims[axis] * inner;
            memcpy(data, (const char *)part->data + (size_t)row * bytes, bytes);
            data += bytes;
        }
    }
    return hmlc_build_constant(builder, &merged, result);
}

static hmlc_status build_bias(hmlc_builder *builder, hmlc_arena *scratch, const group *set,
                              int64_t outputs, hmlc_value **result)
{
    bool any = false;
    int64_t at = 0;
    double *numbers = HMLC_NEW_ARRAY(scratch, double, outputs);
    HMLC_TRY_MEMORY(numbers);
    for (uint32_t i = 0; i < set->count; i++) {
        const member *entry = &set->members[i];
        for (int64_t k = 0; entry->bias != NULL && k < entry->contraction.outputs; k++) {
            numbers[at + k] = entry->bias[k];
        }
        any = any || entry->bias != NULL;
        at += entry->contraction.outputs;
    }
    *result = NULL;
    return any ? hmlc_build_vector(builder, set->members[0].contraction.tensor->dtype, numbers,
                                   outputs, result)
               : HMLC_OK;
}

/* The merged contraction with bias and activation. */
static hmlc_status build_merged(hmlc_builder *builder, hmlc_arena *scratch, const group *set,
                                int64_t outputs, hmlc_value **result)
{
    const member *first = &set->members[0];
    const hmlc_op *op = first->contraction.op;
    hmlc_value *operands[] = {op->operands[0].value, NULL, NULL};
    HMLC_TRY(build_weights(builder, set, outputs, &operands[1]));
    HMLC_TRY(build_bias(builder, scratch, set, outputs, &operands[2]));
    bool takes_bias = first->contraction.has_bias_operand && operands[2] != NULL;
    HMLC_TRY(hmlc_build(builder, op->opcode, operands, takes_bias ? 3 : 2, op->attrs,
                        op->attr_count, result));
    if (operands[2] != NULL && !takes_bias) {
        HMLC_TRY(hmlc_build_binary(builder, HMLC_OP_add, *result, operands[2], result));
    }
    return first->activation == NULL
               ? HMLC_OK
               : hmlc_build(builder, first->activation->opcode, result, 1, first->activation->attrs,
                            first->activation->attr_count, result);
}

static hmlc_status build_part(hmlc_builder *builder, hmlc_value *merged, int32_t axis,
                              int64_t start, int64_t size, hmlc_value **result)
{
    hmlc_dims *dims = builder->module->dims;
    hmlc_dim starts[HMLC_MAX_RANK], sizes[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    uint32_t rank = (uint32_t)merged->type->rank;
    for (uint32_t i = 0; i < rank; i++) {
        bool here = i == (uint32_t)axis;
        starts[i] = hmlc_dim_constant(dims, here ? start : 0);
        sizes[i] = here ? hmlc_dim_constant(dims, size) : merged->type->dims[i];
        steps[i] = hmlc_dim_constant(dims, 1);
    }
    hmlc_attr attrs[] = {
        hmlc_attr_dims(HMLC_ATTR_starts, starts, rank),
        hmlc_attr_dims(HMLC_ATTR_sizes, sizes, rank),
        hmlc_attr_dims(HMLC_ATTR_steps, steps, rank),
    };
    return hmlc_build(builder, HMLC_OP_slice, &merged, 1, attrs, 3, result);
}

static hmlc_status merge(hmlc_pass_context *context, const group *set)
{
    int64_t outputs = 0;
    hmlc_builder builder = hmlc_builder_before(set->members[0].contraction.op);
    builder.location = NULL;
    for (uint32_t i = 0; i < set->count; i++) {
        const member *entry = &set->members[i];
        outputs += entry->contraction.outputs;
        builder.location = hmlc_location_join(context->module->arena, builder.location,
                                              entry->contraction.op->location);
    }
    hmlc_value *merged = NULL;
    HMLC_TRY(build_merged(&builder, context->scratch, set, outputs, &merged));
    int64_t start = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        const member *entry = &set->members[i];
        hmlc_value *part = NULL;
        builder.location = entry->root->location;
        HMLC_TRY(build_part(&builder, merged, entry->contraction.result_axis, start,
                            entry->contraction.outputs, &part));
        part->name = entry->root->results[0]->name;
        hmlc_value_replace_uses(entry->root->results[0], part);
        start += entry->contraction.outputs;
    }
    return HMLC_OK;
}

/* Adds the contraction to the groups of its left operand. */
static hmlc_status collect(hmlc_pass_context *context, hmlc_op *op)
{
    member entry;
    bool fits;
    HMLC_TRY(read_member(context->scratch, op, &entry, &fits));
    if (!fits) {
        return HMLC_OK;
    }
    hmlc_value *left = op->operands[0].value;
    group *set = left->note;
    while (set != NULL && (set->count == MAX_MEMBERS || !goes_with(&set->members[0], &entry))) {
        set = set->next;
    }
    if (set == NULL) {
        set = HMLC_NEW(context->scratch, group);
        HMLC_TRY_MEMORY(set);
        set->next = left->note;
        left->note = set;
    }
    set->members[set->count++] = entry;
    return HMLC_OK;
}

static hmlc_status collect_region(hmlc_pass_context *context, hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        HMLC_TRY(collect(context, op));
        for (uint32_t i = 0; i < op->region_count; i++) {
            HMLC_TRY(collect_region(context, op->regions[i]));
        }
    }
    return HMLC_OK;
}

static hmlc_status merge_groups(hmlc_pass_context *context, hmlc_value *left)
{
    for (const group *set = left->note; set != NULL; set = set->next) {
        if (is_profitable(set)) {
            HMLC_TRY(merge(context, set));
        }
    }
    left->note = NULL;
    return HMLC_OK;
}

static hmlc_status merge_region(hmlc_pass_context *context, hmlc_region *region)
{
    for (uint32_t i = 0; i < region->argument_count; i++) {
        HMLC_TRY(merge_groups(context, region->arguments[i]));
    }
    HMLC_FOR_EACH_OP(op, region)
    {
        for (uint32_t i = 0; i < op->result_count; i++) {
            HMLC_TRY(merge_groups(context, op->results[i]));
        }
        for (uint32_t i = 0; i < op->region_count; i++) {
            HMLC_TRY(merge_region(context, op->regions[i]));
        }
    }
    return HMLC_OK;
}

/* What was merged stays behind unused, for dce. */
hmlc_status hmlc_pass_merge_contractions(hmlc_pass_context *context)
{
    hmlc_clear_value_notes(context->module->main);
    HMLC_TRY(collect_region(context, context->module->main));
    return merge_region(context, context->module->main);
}

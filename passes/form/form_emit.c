/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel formation, last phase: writes one `kernel` op per group. The new ops and those that stay
 * outside are lined up before the region's yield, each behind what it reads; then the old ones go.
 */
#include "form.h"

static hmlc_value *outer_value(const hmlc_form_state *state, hmlc_value *value)
{
    if (value == NULL || value->id >= state->value_count || state->replaced[value->id] == NULL) {
        return value;
    }
    return state->replaced[value->id];
}

static hmlc_status emit_node(hmlc_form_state *state, hmlc_form_op *node);

static hmlc_status emit_producer(hmlc_form_state *state, const hmlc_value *value)
{
    hmlc_form_op *node =
        value != NULL && value->producer != NULL ? hmlc_form_node(state, value->producer) : NULL;
    return node != NULL ? emit_node(state, node) : HMLC_OK;
}

/* What a kernel under construction consists of. */
typedef struct kernel_draft {
    hmlc_form_group *group;
    hmlc_region *region;
    hmlc_builder inside;
    hmlc_value *operands[HMLC_FORM_MAX_OPERANDS];
    uint32_t operand_count;
    hmlc_value *yields[HMLC_FORM_MAX_MEMBERS];  /* inside the region */
    hmlc_value *results[HMLC_FORM_MAX_MEMBERS]; /* old values that they stand for */
    uint32_t yield_count;
    const hmlc_location *location;
} kernel_draft;

/* The operand's value inside the region: made on first sight, an argument or a copied constant. */
static hmlc_status draft_operand(hmlc_form_state *state, kernel_draft *draft, const hmlc_use *use)
{
    hmlc_value *value = use->value;
    if (value == NULL || state->inner[value->id] != NULL) {
        return HMLC_OK;
    }
    if (hmlc_form_is_inline_constant(use)) {
        return hmlc_build_constant(&draft->inside, hmlc_value_constant(value),
                                   &state->inner[value->id]);
    }
    if (draft->operand_count == HMLC_FORM_MAX_OPERANDS) {
        return hmlc_error_add(state->module->diagnostics, HMLC_ERROR_not_implemented,
                              use->op->location, NULL, "operator '%s' has more than %d operands",
                              hmlc_op_get_info(use->op->opcode)->name, HMLC_FORM_MAX_OPERANDS);
    }
    state->inner[value->id] = hmlc_region_add_argument(draft->region, value->type, NULL);
    HMLC_TRY_MEMORY(state->inner[value->id]);
    draft->operands[draft->operand_count++] = outer_value(state, value);
    return HMLC_OK;
}

static hmlc_status draft_member(hmlc_form_state *state, kernel_draft *draft,
                                const hmlc_form_member *member)
{
    const hmlc_op *op = member->node->op;
    for (uint32_t i = 0; i < op->operand_count; i++) {
        HMLC_TRY(draft_operand(state, draft, &op->operands[i]));
    }
    hmlc_op *copy = NULL;
    draft->inside.location = op->location;
    HMLC_TRY(hmlc_op_clone(&draft->inside, op, state->inner, &copy));
    draft->location = hmlc_location_join(state->module->arena, draft->location, op->location);
    for (uint32_t i = 0; i < op->result_count; i++) {
        state->inner[op->results[i]->id] = copy->results[i];
        if (!member->copied && member->node->required) {
            draft->yields[draft->yield_count] = copy->results[i];
            draft->results[draft->yield_count++] = op->results[i];
        }
    }
    return HMLC_OK;
}

/* Values must not leak from one region into the next. */
static void draft_forget(hmlc_form_state *state, const hmlc_form_group *group)
{
    for (uint32_t i = 0; i < group->member_count; i++) {
        const hmlc_op *op = group->members[i].node->op;
        for (uint32_t k = 0; k < op->operand_count; k++) {
            if (op->operands[k].value != NULL) {
                state->inner[op->operands[k].value->id] = NULL;
            }
        }
        for (uint32_t k = 0; k < op->result_count; k++) {
            state->inner[op->results[k]->id] = NULL;
        }
    }
}

static hmlc_status draft_kernel(hmlc_form_state *state, kernel_draft *draft)
{
    draft->region = hmlc_region_create(state->module, NULL);
    HMLC_TRY_MEMORY(draft->region);
    draft->inside = hmlc_builder_at_end(draft->region);
    for (uint32_t i = 0; i < draft->group->member_count; i++) {
        HMLC_TRY(draft_member(state, draft, &draft->group->members[i]));
    }
    return hmlc_build_yield(&draft->inside, draft->yields, draft->yield_count);
}

static bool is_needed(const hmlc_form_group *group)
{
    for (uint32_t i = 0; i < group->member_count; i++) {
        if (!group->members[i].copied && group->members[i].node->required) {
            return true;
        }
    }
    return false;
}

static hmlc_status emit_kernel(hmlc_form_state *state, hmlc_form_group *group)
{
    hmlc_arena_mark before = hmlc_arena_get_mark(state->scratch);
    kernel_draft *draft = HMLC_NEW(state->scratch, kernel_draft); /* 2 KiB that no kernel keeps */
    HMLC_TRY_MEMORY(draft);
    draft->group = group;
    HMLC_TRY(draft_kernel(state, draft));
    draft_forget(state, group);
    hmlc_builder builder = hmlc_builder_before(state->region->last);
    builder.location = draft->location;
    hmlc_attr form = hmlc_attr_int(HMLC_ATTR_form, group->form);
    hmlc_op *kernel = NULL;
    HMLC_TRY(hmlc_op_create_with_regions(&builder, HMLC_OP_kernel, draft->operands,
                                         draft->operand_count, &form, 1, &draft->region, 1,
                                         &kernel));
    for (uint32_t i = 0; i < draft->yield_count; i++) {
        kernel->results[i]->name = draft->results[i]->name;
        state->replaced[draft->results[i]->id] = kernel->results[i];
    }
    hmlc_arena_rewind(state->scratch, before);
    return HMLC_OK;
}

static hmlc_status emit_group(hmlc_form_state *state, hmlc_form_group *group)
{
    if (group->emitted || !is_needed(group)) {
        return HMLC_OK;
    }
    group->emitted = true;
    for (uint32_t i = 0; i < group->member_count; i++) {
        const hmlc_op *op = group->members[i].node->op;
        for (uint32_t k = 0; k < op->operand_count; k++) {
            if (hmlc_form_group_reads(group, &op->operands[k])) {
                HMLC_TRY(emit_producer(state, op->operands[k].value));
            }
        }
    }
    return emit_kernel(state, group);
}

static hmlc_status emit_captured(hmlc_form_state *state, const hmlc_op *op)
{
    for (uint32_t i = 0; i < op->operand_count; i++) {
        HMLC_TRY(emit_producer(state, op->operands[i].value));
    }
    for (uint32_t i = 0; i < op->region_count; i++) {
        HMLC_FOR_EACH_OP(inner, op->regions[i])
        {
            HMLC_TRY(emit_captured(state, inner));
        }
    }
    return HMLC_OK;
}

static hmlc_status emit_node(hmlc_form_state *state, hmlc_form_op *node)
{
    if (node->group != NULL) {
        return emit_group(state, node->group);
    }
    if (node->emitted || !node->required) {
        return HMLC_OK;
    }
    node->emitted = true;
    hmlc_op *op = node->op;
    HMLC_TRY(emit_captured(state, op));
    if (op != state->region->last) {
        hmlc_op_move_before(op, state->region->last);
    }
    for (uint32_t i = 0; i < op->region_count; i++) {
        HMLC_TRY(hmlc_form_region(state, op->regions[i]));
    }
    return HMLC_OK;
}

/* Last of all: until then a view outside may also be copied into kernels as it was. */
static void rewire_outside(hmlc_form_state *state)
{
    for (uint32_t i = 0; i < state->op_count; i++) {
        hmlc_op *op = state->ops[i].op;
        for (uint32_t k = 0; state->ops[i].emitted && k < op->operand_count; k++) {
            hmlc_op_set_operand(op, k, outer_value(state, op->operands[k].value));
        }
    }
}

static void erase_old(hmlc_form_state *state)
{
    for (uint32_t i = state->op_count; i-- > 0;) {
        hmlc_form_op *node = &state->ops[i];
        bool unused_constant = node->emitted && node->op->opcode == HMLC_OP_constant &&
                               !hmlc_value_has_uses(node->op->results[0]);
        if (!node->emitted || unused_constant) {
            hmlc_op_erase(node->op);
        }
    }
}

hmlc_status hmlc_form_emit(hmlc_form_state *state)
{
    for (uint32_t i = 0; i < state->op_count; i++) {
        hmlc_form_op *node = &state->ops[i];
        if (node->group == NULL || node->group->last == i) {
            HMLC_TRY(emit_node(state, node));
        }
    }
    rewire_outside(state);
    erase_old(state);
    return HMLC_OK;
}

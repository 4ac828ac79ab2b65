/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel formation, third phase: everything that is left, from the last op up. Each op that must
 * lie in memory and is no alias becomes the root of a loop kernel, which takes in its producers.
 */
#include "form.h"
#include "query.h"

/* A value read through so many transposes is worth one dense copy. */
enum { MAX_VIEW_USES = 3, MAX_REPEATED_DEPTH = 4 };

/* Chains of cheap ops that all lie in memory: each kernel copies a few of them, not the chain. */
enum { MAX_COPIES = 16 };

static bool is_loop_op(const hmlc_op *op)
{
    return hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE | HMLC_TRAIT_VIEW | HMLC_TRAIT_MOVEMENT |
                               HMLC_TRAIT_INDEXED | HMLC_TRAIT_GENERATOR) &&
           op->opcode != HMLC_OP_pack_panels;
}

/* The operand that an indexed op loads from at computed indices. */
static bool is_table(const hmlc_op *op, uint32_t operand)
{
    return hmlc_op_has(op, HMLC_TRAIT_INDEXED) && op->opcode != HMLC_OP_trilu &&
           operand == (op->opcode == HMLC_OP_one_hot ? 1u : 0u);
}

/* How evaluating `user` at one index evaluates its operand: adds to what `member` knows. */
static void add_edge(hmlc_form_state *state, hmlc_form_member *member, const hmlc_form_member *user,
                     const hmlc_value *value)
{
    const hmlc_op *op = user->node->op;
    bool same = hmlc_type_same_shape(state->module->dims, value->type, op->results[0]->type);
    bool elementwise = hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE);
    bool renames = op->opcode == HMLC_OP_transpose || op->opcode == HMLC_OP_reshape ||
                   op->opcode == HMLC_OP_slice || (op->opcode == HMLC_OP_trilu && same);
    member->moved |= user->moved || !elementwise || !same;
    member->repeated |= user->repeated || !((elementwise && same) || renames);
    member->depth = user->depth > member->depth ? user->depth : member->depth;
}

static hmlc_form_member describe(hmlc_form_state *state, hmlc_form_group *group, hmlc_form_op *node)
{
    hmlc_form_member member = {.node = node};
    uint32_t users = 0;
    for (uint32_t i = 0; i < group->member_count; i++) {
        const hmlc_form_member *user = &group->members[i];
        const hmlc_op *op = user->node->op;
        for (uint32_t k = 0; k < op->operand_count; k++) {
            const hmlc_value *value = op->operands[k].value;
            if (value != NULL && value->producer == node->op) {
                add_edge(state, &member, user, value);
                users++;
            }
        }
    }
    member.repeated |= users > 1 && member.moved;
    bool computes = !hmlc_op_has(node->op, HMLC_TRAIT_VIEW);
    member.depth += member.repeated && computes ? 1 : 0;
    return member;
}

static bool feeds_table(hmlc_form_group *group, const hmlc_form_op *node)
{
    for (uint32_t i = 0; i < group->member_count; i++) {
        const hmlc_op *op = group->members[i].node->op;
        for (uint32_t k = 0; k < op->operand_count; k++) {
            const hmlc_value *value = op->operands[k].value;
            if (value != NULL && value->producer == node->op && is_table(op, k)) {
                return true;
            }
        }
    }
    return false;
}

static bool add_described(hmlc_form_group *group, const hmlc_form_member *member, bool copied)
{
    if (!hmlc_form_group_add(group, member->node, copied)) {
        return false;
    }
    hmlc_form_member *added = &group->members[group->member_count - 1];
    added->moved = member->moved;
    added->repeated = member->repeated;
    added->depth = member->depth;
    if (hmlc_form_group_fits(group)) {
        return true;
    }
    hmlc_form_group_drop_last(group);
    return false;
}

static uint32_t use_count(const hmlc_value *value)
{
    uint32_t count = 0;
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        count++;
    }
    return count;
}

/* Repeated elements (an expand) that a reshape merges into its dims: those only split a loop. */
static bool reshape_repeats(const hmlc_op *reshape)
{
    const hmlc_op *expand = hmlc_op_operand(reshape, 0)->producer;
    if (expand->opcode != HMLC_OP_expand) {
        return false;
    }
    const hmlc_type *from = hmlc_op_operand(expand, 0)->type, *to = expand->results[0]->type;
    for (int32_t i = 0; i < to->rank; i++) {
        bool repeated =
            from->rank == to->rank && hmlc_dim_is(from->dims[i], 1) && !hmlc_dim_is(to->dims[i], 1);
        if (repeated && !hmlc_dim_is_constant(to->dims[i], NULL)) {
            return false;
        }
    }
    return from->rank == to->rank;
}

/* A dense reshape stays outside, unless what it reads can be computed, or viewed, right here. */
static bool reshape_joins(hmlc_form_state *state, hmlc_form_group *group, hmlc_form_op *node)
{
    hmlc_form_views views;
    hmlc_form_chain(state, node->op->results[0], &views);
    if (views.count > 0) {
        return true;
    }
    const hmlc_value *source = hmlc_op_operand(node->op, 0);
    const hmlc_form_op *producer =
        source->producer != NULL && source->producer->parent == state->region
            ? source->producer->note
            : NULL;
    return producer != NULL && producer->group == NULL && is_loop_op(producer->op) &&
           !hmlc_form_is_alias(state->module->dims, producer->op) &&
           hmlc_value_has_one_use(source) && hmlc_form_group_has_all_uses(group, node) &&
           (hmlc_form_reshape_splits(state->module->dims, node->op) || reshape_repeats(node->op));
}

static void take_view(hmlc_form_state *state, hmlc_form_group *group,
                      const hmlc_form_member *member)
{
    hmlc_form_op *node = member->node;
    bool all_uses = hmlc_form_group_has_all_uses(group, node);
    if (hmlc_form_is_alias(state->module->dims, node->op)) {
        if (reshape_joins(state, group, node)) {
            add_described(group, member, !all_uses);
        }
        return;
    }
    if (all_uses || use_count(node->op->results[0]) <= MAX_VIEW_USES) {
        add_described(group, member, !all_uses);
    }
}

static uint32_t copy_count(const hmlc_form_group *group)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < group->member_count; i++) {
        const hmlc_form_member *member = &group->members[i];
        count += member->copied && hmlc_op_has(member->node->op, HMLC_TRAIT_ELEMENTWISE) ? 1 : 0;
    }
    return count;
}

/*
 * The parts of a concat in a concat multiply, and each has code of its own, with transposes a
 * tile's in both directions: what many parts make lies in memory. (Concats side by side only add
 * up; they are counted alike.)
 */
static bool multiplies_parts(const hmlc_form_group *group, const hmlc_op *op)
{
    enum { MANY_PARTS = 12, MOST_PRODUCTS = 256, MOST_TRANSPOSED = 4 };
    uint32_t product = op->operand_count, most = MOST_PRODUCTS;
    bool found = false;
    if (op->opcode != HMLC_OP_concat) {
        return false;
    }
    for (uint32_t i = 0; i < group->member_count && product <= MOST_PRODUCTS; i++) {
        const hmlc_op *member = group->members[i].node->op;
        most = member->opcode == HMLC_OP_transpose ? MOST_TRANSPOSED : most;
        if (member->opcode == HMLC_OP_concat) {
            product *= member->operand_count;
            found = true;
        }
    }
    return found && (op->operand_count > MANY_PARTS || product > most);
}

static void take_computation(hmlc_form_state *state, hmlc_form_group *group,
                             const hmlc_form_member *member)
{
    hmlc_form_op *node = member->node;
    if (multiplies_parts(group, node->op)) {
        return;
    }
    if (member->repeated &&
        (hmlc_op_has_cost(node->op, HMLC_COST_ONCE) || member->depth > MAX_REPEATED_DEPTH)) {
        return;
    }
    if (hmlc_form_group_has_all_uses(group, node)) {
        add_described(group, member, false);
    } else if (hmlc_form_is_copyable(state, node)) {
        if (copy_count(group) < MAX_COPIES) {
            add_described(group, member, true);
        }
    } else if (!member->moved && hmlc_form_group_results(group) < group->family->kernel_results &&
               hmlc_type_same_shape(state->module->dims, node->op->results[0]->type, group->full) &&
               !hmlc_form_producer_escapes(state, group, node)) {
        add_described(group, member, false);
    }
}

static void take_producer(hmlc_form_state *state, hmlc_form_group *group, hmlc_form_op *node)
{
    if (!is_loop_op(node->op)) {
        return;
    }
    hmlc_form_member member = describe(state, group, node);
    bool view = hmlc_op_has(node->op, HMLC_TRAIT_VIEW);
    if (feeds_table(group, node)) {
        hmlc_form_views views;
        hmlc_form_chain(state, node->op->results[0], &views);
        if (!view || views.count == 0) {
            return;
        }
    }
    if (view) {
        take_view(state, group, &member);
    } else {
        take_computation(state, group, &member);
    }
}

/* The producer of a member's operand that stands last in the list among those not looked at. */
static hmlc_form_op *next_producer(hmlc_form_state *state, hmlc_form_group *group)
{
    hmlc_form_op *best = NULL;
    for (uint32_t i = 0; i < group->member_count; i++) {
        const hmlc_op *op = group->members[i].node->op;
        for (uint32_t k = 0; k < op->operand_count; k++) {
            const hmlc_value *value = op->operands[k].value;
            const hmlc_op *producer = value != NULL ? value->producer : NULL;
            if (producer == NULL || producer->parent != state->region) {
                continue;
            }
            hmlc_form_op *node = producer->note;
            if (node->group == NULL && node->tried != group->number &&
                (best == NULL || node->position > best->position)) {
                best = node;
            }
        }
    }
    return best;
}

static hmlc_status form_loop_group(hmlc_form_state *state, hmlc_form_op *root)
{
    hmlc_form_group *group = hmlc_form_group_create(state, HMLC_FORM_LOOP);
    HMLC_TRY_MEMORY(group);
    group->full = root->op->results[0]->type;
    hmlc_form_group_add(group, root, false);
    root->tried = group->number;
    hmlc_form_op *node = next_producer(state, group);
    while (node != NULL) {
        node->tried = group->number;
        take_producer(state, group, node);
        node = next_producer(state, group);
    }
    hmlc_form_group_finish(state, group);
    return HMLC_OK;
}

static void require_value(const hmlc_form_state *state, const hmlc_value *value)
{
    hmlc_form_op *node =
        value != NULL && value->producer != NULL ? hmlc_form_node(state, value->producer) : NULL;
    if (node != NULL) {
        node->required = true;
    }
}

/* An op outside kernels reads its operands from memory, and so do the regions in it. */
static void require_operands(const hmlc_form_state *state, const hmlc_op *op)
{
    for (uint32_t i = 0; i < op->operand_count; i++) {
        require_value(state, op->operands[i].value);
    }
    for (uint32_t i = 0; i < op->region_count; i++) {
        HMLC_FOR_EACH_OP(inner, op->regions[i])
        {
            require_operands(state, inner);
        }
    }
}

static hmlc_status refuse(const hmlc_form_state *state, const hmlc_op *op)
{
    return hmlc_error_add(state->module->diagnostics, HMLC_ERROR_not_implemented, op->location,
                          "models with this operator cannot be compiled yet",
                          "operator '%s' has no kernel form", hmlc_op_get_info(op->opcode)->name);
}

hmlc_status hmlc_form_loops(hmlc_form_state *state)
{
    for (uint32_t i = state->op_count; i-- > 0;) {
        hmlc_form_op *node = &state->ops[i];
        if (node->group != NULL) {
            continue;
        }
        bool repeats = node->op->opcode == HMLC_OP_loop || node->op->opcode == HMLC_OP_scan;
        if (repeats && !hmlc_loop_is_lowered(node->op)) {
            return refuse(state, node->op);
        }
        if (hmlc_form_is_outside(node->op)) {
            node->required = true;
            require_operands(state, node->op);
        } else if (node->required && hmlc_form_is_alias(state->module->dims, node->op)) {
            require_operands(state, node->op);
        } else if (node->required && is_loop_op(node->op)) {
            HMLC_TRY(form_loop_group(state, node));
        } else if (node->required) {
            return refuse(state, node->op);
        }
    }
    return HMLC_OK;
}

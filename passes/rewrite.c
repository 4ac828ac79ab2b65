/* SPDX-License-Identifier: Apache-2.0 */
/* The rewriter's worklist: a ring of ops; hmlc_op.note says whether an op is queued or erased. */
#include "rewrite.h"

struct hmlc_rewriter {
    hmlc_pass_context *context;
    void *user;
    hmlc_op **ring; /* capacity is a power of two */
    size_t capacity, first, count;
    hmlc_op **stack; /* candidates for erasure */
    size_t stack_capacity, stack_count;
    hmlc_op *anchor; /* the op before the one being visited: newer ops lie behind it */
    uint64_t rewrites;
    bool changed; /* by the rule that runs */
};

/* Tags for hmlc_op.note; only their addresses matter. */
static const char queued_tag, erased_tag;

static void *tag(const char *address)
{
    union {
        const char *address;
        void *note;
    } tag = {.address = address};
    return tag.note;
}

hmlc_module *hmlc_rewrite_module(const hmlc_rewriter *rewriter)
{
    return rewriter->context->module;
}

hmlc_arena *hmlc_rewrite_scratch(const hmlc_rewriter *rewriter)
{
    return rewriter->context->scratch;
}

void *hmlc_rewrite_user(const hmlc_rewriter *rewriter)
{
    return rewriter->user;
}

hmlc_builder hmlc_rewrite_builder(const hmlc_op *op)
{
    union {
        const hmlc_op *readable;
        hmlc_op *writable;
    } position = {.readable = op};
    hmlc_builder builder = hmlc_builder_before(position.writable);
    builder.location = op->location;
    return builder;
}

static hmlc_status grow_ring(hmlc_rewriter *rewriter)
{
    size_t capacity = rewriter->capacity > 0 ? 2 * rewriter->capacity : 1024;
    hmlc_op **ring = HMLC_NEW_ARRAY(rewriter->context->scratch, hmlc_op *, capacity);
    HMLC_TRY_MEMORY(ring);
    for (size_t i = 0; i < rewriter->count; i++) {
        ring[i] = rewriter->ring[(rewriter->first + i) & (rewriter->capacity - 1)];
    }
    rewriter->ring = ring;
    rewriter->capacity = capacity;
    rewriter->first = 0;
    return HMLC_OK;
}

hmlc_status hmlc_rewrite_push(hmlc_rewriter *rewriter, hmlc_op *op)
{
    if (op == NULL || op->note != NULL) {
        return HMLC_OK;
    }
    if (rewriter->count == rewriter->capacity) {
        HMLC_TRY(grow_ring(rewriter));
    }
    rewriter->ring[(rewriter->first + rewriter->count) & (rewriter->capacity - 1)] = op;
    rewriter->count++;
    op->note = tag(&queued_tag);
    return HMLC_OK;
}

static hmlc_op *pop(hmlc_rewriter *rewriter)
{
    while (rewriter->count > 0) {
        hmlc_op *op = rewriter->ring[rewriter->first];
        rewriter->first = (rewriter->first + 1) & (rewriter->capacity - 1);
        rewriter->count--;
        if (op->note != tag(&erased_tag)) {
            op->note = NULL;
            return op;
        }
    }
    return NULL;
}

static hmlc_status push_users(hmlc_rewriter *rewriter, const hmlc_value *value)
{
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        HMLC_TRY(hmlc_rewrite_push(rewriter, use->op));
    }
    return HMLC_OK;
}

static bool is_removable(const hmlc_op *op)
{
    for (uint32_t i = 0; i < op->result_count; i++) {
        if (hmlc_value_has_uses(op->results[i])) {
            return false;
        }
    }
    return op->note != tag(&erased_tag) && hmlc_op_has(op, HMLC_TRAIT_PURE);
}

static void mark_erased(hmlc_op *op)
{
    op->note = tag(&erased_tag);
    for (uint32_t i = 0; i < op->region_count; i++) {
        HMLC_FOR_EACH_OP(inner, op->regions[i])
        {
            mark_erased(inner);
        }
    }
}

static hmlc_status push_candidate(hmlc_rewriter *rewriter, hmlc_op *op)
{
    if (rewriter->stack_count == rewriter->stack_capacity) {
        size_t capacity = rewriter->stack_capacity > 0 ? 2 * rewriter->stack_capacity : 256;
        hmlc_op **stack = HMLC_NEW_ARRAY(rewriter->context->scratch, hmlc_op *, capacity);
        HMLC_TRY_MEMORY(stack);
        for (size_t i = 0; i < rewriter->stack_count; i++) {
            stack[i] = rewriter->stack[i];
        }
        rewriter->stack = stack;
        rewriter->stack_capacity = capacity;
    }
    rewriter->stack[rewriter->stack_count++] = op;
    return HMLC_OK;
}

/* Unlinks one op; its operands' producers may be dead now, or at least see one use less. */
static hmlc_status erase_one(hmlc_rewriter *rewriter, hmlc_op *op)
{
    for (uint32_t i = 0; i < op->operand_count; i++) {
        const hmlc_value *operand = op->operands[i].value;
        if (operand == NULL) {
            continue;
        }
        if (operand->producer != NULL) {
            HMLC_TRY(push_candidate(rewriter, operand->producer));
            HMLC_TRY(hmlc_rewrite_push(rewriter, operand->producer));
        }
        if (operand->uses != NULL && operand->uses->next != NULL &&
            operand->uses->next->next == NULL) {
            /* Two uses, one of them ours: the other user will own the value. */
            HMLC_TRY(push_users(rewriter, operand));
        }
    }
    if (rewriter->anchor == op) {
        rewriter->anchor = op->previous;
    }
    mark_erased(op);
    hmlc_op_erase(op);
    return HMLC_OK;
}

/* Iterative: chains of dead ops may be long. */
hmlc_status hmlc_rewrite_erase(hmlc_rewriter *rewriter, hmlc_op *op)
{
    HMLC_TRY(erase_one(rewriter, op));
    while (rewriter->stack_count > 0) {
        hmlc_op *candidate = rewriter->stack[--rewriter->stack_count];
        if (is_removable(candidate)) {
            HMLC_TRY(erase_one(rewriter, candidate));
        }
    }
    rewriter->changed = true;
    return HMLC_OK;
}

/* Ops that the running rule made: everything between the anchor and `op`. */
static hmlc_status push_new_ops(hmlc_rewriter *rewriter, const hmlc_op *op)
{
    for (hmlc_op *made = op->previous; made != NULL && made != rewriter->anchor;
         made = made->previous) {
        HMLC_TRY(hmlc_rewrite_push(rewriter, made));
    }
    return HMLC_OK;
}

/* Result 0 takes the place of the op where the others are unused. */
static bool only_first_used(const hmlc_op *op)
{
    for (uint32_t i = 1; i < op->result_count; i++) {
        if (hmlc_value_has_uses(op->results[i])) {
            return false;
        }
    }
    return op->result_count > 0;
}

static bool fits(const hmlc_op *op, hmlc_value *const *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (values[i] == op->results[i] ||
            !hmlc_type_equal(op->results[i]->type, values[i]->type)) {
            return false;
        }
    }
    return true;
}

static hmlc_status replace_results(hmlc_rewriter *rewriter, hmlc_op *op, hmlc_value *const *values,
                                   uint32_t count)
{
    if (!fits(op, values, count)) {
        return HMLC_OK;
    }
    HMLC_TRY(push_new_ops(rewriter, op));
    for (uint32_t i = 0; i < count; i++) {
        hmlc_value *result = op->results[i];
        if (values[i]->name == NULL && values[i]->producer != NULL) {
            values[i]->name = result->name;
        }
        HMLC_TRY(hmlc_rewrite_push(rewriter, values[i]->producer));
        HMLC_TRY(push_users(rewriter, result));
        hmlc_value_replace_uses(result, values[i]);
    }
    return hmlc_rewrite_erase(rewriter, op);
}

hmlc_status hmlc_rewrite_replace(hmlc_rewriter *rewriter, hmlc_op *op, hmlc_value *value)
{
    return only_first_used(op) ? replace_results(rewriter, op, &value, 1) : HMLC_OK;
}

hmlc_status hmlc_rewrite_replace_all(hmlc_rewriter *rewriter, hmlc_op *op,
                                     hmlc_value *const *values)
{
    return replace_results(rewriter, op, values, op->result_count);
}

hmlc_status hmlc_rewrite_replace_op(hmlc_rewriter *rewriter, hmlc_op *op, hmlc_opcode opcode,
                                    hmlc_value *const *operands, uint32_t operand_count,
                                    const hmlc_attr *attrs, uint32_t attr_count)
{
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *value = NULL;
    HMLC_TRY(hmlc_build(&builder, opcode, operands, operand_count, attrs, attr_count, &value));
    return hmlc_rewrite_replace(rewriter, op, value);
}

hmlc_status hmlc_rewrite_set_operand(hmlc_rewriter *rewriter, hmlc_op *op, uint32_t index,
                                     hmlc_value *value)
{
    hmlc_value *old = op->operands[index].value;
    HMLC_TRY(push_new_ops(rewriter, op));
    hmlc_op_set_operand(op, index, value);
    if (old != NULL && old->producer != NULL) {
        if (is_removable(old->producer)) {
            HMLC_TRY(hmlc_rewrite_erase(rewriter, old->producer));
        } else {
            HMLC_TRY(hmlc_rewrite_push(rewriter, old->producer));
            HMLC_TRY(push_users(rewriter, old));
        }
    }
    return hmlc_rewrite_changed(rewriter, op);
}

hmlc_status hmlc_rewrite_changed(hmlc_rewriter *rewriter, hmlc_op *op)
{
    rewriter->changed = true;
    HMLC_TRY(push_new_ops(rewriter, op));
    HMLC_TRY(hmlc_rewrite_push(rewriter, op));
    for (uint32_t i = 0; i < op->result_count; i++) {
        HMLC_TRY(push_users(rewriter, op->results[i]));
    }
    return HMLC_OK;
}

/* A rule made ops and then gave up: they are unused, newest first. */
static void remove_leftovers(hmlc_rewriter *rewriter, const hmlc_op *op)
{
    hmlc_op *made = op->previous;
    while (made != NULL && made != rewriter->anchor) {
        hmlc_op *previous = made->previous;
        if (is_removable(made)) {
            mark_erased(made);
            hmlc_op_erase(made);
        }
        made = previous;
    }
}

static bool rule_wants(const hmlc_rewrite_rule *rule, const hmlc_op *op)
{
    return rule->opcode == HMLC_OP_COUNT ? hmlc_op_has(op, rule->traits)
                                         : rule->opcode == op->opcode;
}

static hmlc_status apply_set(hmlc_rewriter *rewriter, const hmlc_rewrite_rules *set, hmlc_op *op)
{
    for (uint32_t i = 0; i < set->count && !rewriter->changed; i++) {
        if (!rule_wants(&set->rules[i], op)) {
            continue;
        }
        rewriter->anchor = op->previous;
        HMLC_TRY(set->rules[i].apply(rewriter, op));
        if (!rewriter->changed) {
            remove_leftovers(rewriter, op);
        }
    }
    return HMLC_OK;
}

static hmlc_status visit(hmlc_rewriter *rewriter, const hmlc_rewrite_rules *sets,
                         uint32_t set_count, hmlc_op *op)
{
    if (is_removable(op)) {
        return hmlc_rewrite_erase(rewriter, op);
    }
    rewriter->changed = false;
    for (uint32_t i = 0; i < set_count && !rewriter->changed; i++) {
        HMLC_TRY(apply_set(rewriter, &sets[i], op));
    }
    rewriter->rewrites += rewriter->changed ? 1 : 0;
    return HMLC_OK;
}

static hmlc_status push_region(hmlc_rewriter *rewriter, hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        op->note = NULL;
        HMLC_TRY(hmlc_rewrite_push(rewriter, op));
        for (uint32_t i = 0; i < op->region_count; i++) {
            HMLC_TRY(push_region(rewriter, op->regions[i]));
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_rewrite_run(hmlc_pass_context *context, const hmlc_rewrite_rules *sets,
                             uint32_t set_count, void *user)
{
    hmlc_rewriter rewriter = {.context = context, .user = user};
    HMLC_TRY(push_region(&rewriter, context->module->main));
    /* Far above what terminating rules need; stopping early is safe at any point. */
    uint64_t limit = 64 * (uint64_t)rewriter.count + 65536;
    for (hmlc_op *op = pop(&rewriter); op != NULL; op = pop(&rewriter)) {
        HMLC_TRY(visit(&rewriter, sets, set_count, op));
        if (rewriter.rewrites > limit) {
            hmlc_warning_add(context->module->diagnostics, HMLC_ERROR_pass_endless, op->location,
                             NULL, "rewriting stopped after %llu steps",
                             (unsigned long long)rewriter.rewrites);
            return HMLC_OK;
        }
    }
    return HMLC_OK;
}

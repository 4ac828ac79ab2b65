/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies that the memory plan relies on: a graph output that is an input, a constant, part of a
 * value or the same memory as another output gets a kernel that writes it; so does what a branch of
 * an `if` yields without making it. A value that a loop carries has one place: a kernel of its own
 * writes it before the loop, and one at the end of the body where the kernel that makes the next
 * value could not write it there itself, because somebody still reads the old one.
 */
#include "form.h"

/* The value whose bytes `value` shares through aliases; NULL when it shares a part of them only. */
static hmlc_value *whole_root(hmlc_value *value)
{
    while (value->producer != NULL && value->producer->opcode == HMLC_OP_reshape) {
        value = hmlc_op_operand(value->producer, 0);
    }
    bool part = value->producer != NULL && value->producer->opcode == HMLC_OP_slice;
    return part ? NULL : value;
}

/* A kernel right before `before` that copies what its operand is, and takes that one's place. */
static hmlc_status insert_copy(hmlc_module *module, hmlc_op *op, uint32_t operand, hmlc_op *before)
{
    hmlc_value *value = hmlc_op_operand(op, operand);
    hmlc_region *region = hmlc_region_create(module, NULL);
    HMLC_TRY_MEMORY(region);
    hmlc_value *argument = hmlc_region_add_argument(region, value->type, NULL);
    HMLC_TRY_MEMORY(argument);
    hmlc_builder inside = hmlc_builder_at_end(region);
    HMLC_TRY(hmlc_build_yield(&inside, &argument, 1));
    hmlc_builder builder = hmlc_builder_before(before);
    builder.location = value->producer != NULL ? value->producer->location : NULL;
    hmlc_attr form = hmlc_attr_int(HMLC_ATTR_form, HMLC_FORM_LOOP);
    hmlc_op *kernel = NULL;
    HMLC_TRY(hmlc_op_create_with_regions(&builder, HMLC_OP_kernel, &value, 1, &form, 1, &region, 1,
                                         &kernel));
    hmlc_op_set_operand(op, operand, kernel->results[0]);
    return HMLC_OK;
}

/* Made by a kernel or an `if` of the same region, and not yet given to another yield operand. */
static bool may_write_directly(const hmlc_value *root, const hmlc_region *region,
                               const hmlc_value *const *claimed, uint32_t claimed_count)
{
    bool computed = root != NULL && root->producer != NULL && root->producer->parent == region &&
                    hmlc_op_has(root->producer, HMLC_TRAIT_REGIONS);
    for (uint32_t i = 0; i < claimed_count && computed; i++) {
        computed = claimed[i] != root;
    }
    return computed;
}

/* Each yield operand, but those of a loop's body, becomes a value of its own. */
static hmlc_status copy_yields(hmlc_module *module, hmlc_arena *scratch, hmlc_region *region)
{
    hmlc_op *yield = region->last;
    const hmlc_value **claimed =
        HMLC_NEW_ARRAY(scratch, const hmlc_value *, yield->operand_count + 1);
    HMLC_TRY_MEMORY(claimed);
    for (uint32_t i = 0; i < yield->operand_count; i++) {
        const hmlc_value *root = whole_root(hmlc_op_operand(yield, i));
        if (!may_write_directly(root, region, claimed, i)) {
            HMLC_TRY(insert_copy(module, yield, i, yield));
            root = hmlc_op_operand(yield, i);
        }
        claimed[i] = root;
    }
    return HMLC_OK;
}

/* -- loops ------------------------------------------------------------------------------------- */

enum { CARRIED = 2 }; /* operands and arguments of a loop in front of what it carries */

/* Made by a kernel of the loop's own region, for the loop alone. */
static bool is_made_for(const hmlc_value *value, const hmlc_op *loop)
{
    while (hmlc_value_has_one_use(value) && value->producer != NULL &&
           value->producer->opcode == HMLC_OP_reshape) {
        value = hmlc_op_operand(value->producer, 0);
    }
    return hmlc_value_has_one_use(value) && value->producer != NULL &&
           value->producer->opcode == HMLC_OP_kernel && value->producer->parent == loop->parent;
}

static hmlc_value *root_of(hmlc_value *value)
{
    while (value->producer != NULL && (value->producer->opcode == HMLC_OP_reshape ||
                                       value->producer->opcode == HMLC_OP_slice)) {
        value = hmlc_op_operand(value->producer, 0);
    }
    return value;
}

/* The op of `region` in which `op` lies, or is. */
static const hmlc_op *op_in(const hmlc_region *region, const hmlc_op *op)
{
    while (op != NULL && op->parent != region) {
        op = op->parent != NULL ? op->parent->parent : NULL;
    }
    return op;
}

static bool stands_before(const hmlc_op *op, const hmlc_op *later)
{
    while (op != NULL && op != later) {
        op = op->next;
    }
    return op != NULL;
}

/* A kernel whose only op replaces rows of its operand `index`, and does so in place. */
static bool updates(const hmlc_op *kernel, uint32_t index)
{
    const hmlc_op *op = kernel->regions[0]->first;
    return op->opcode == HMLC_OP_update_rows &&
           kernel->regions[0]->arguments[index] == hmlc_op_operand(op, 0);
}

/* Does nobody read the value, or a part of it, from `writer` on? */
static bool is_read_before(const hmlc_region *region, const hmlc_value *value,
                           const hmlc_op *writer)
{
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        const hmlc_op *user = op_in(region, use->op);
        bool alias = use->op->opcode == HMLC_OP_reshape || use->op->opcode == HMLC_OP_slice;
        bool in_place = user == writer && use->op == writer && updates(writer, use->index);
        if (alias ? !is_read_before(region, use->op->results[0], writer)
                  : !in_place && (user == NULL || user == writer || !stands_before(user, writer))) {
            return false;
        }
    }
    return true;
}

/* May the kernel that makes operand `index` of the body's yield write it where the loop carries it?
 */
static bool may_overwrite(const hmlc_region *body, uint32_t index)
{
    const hmlc_op *yield = body->last;
    hmlc_value *root = whole_root(hmlc_op_operand(yield, index));
    bool made = root != NULL && root->producer != NULL && root->producer->parent == body &&
                root->producer->opcode == HMLC_OP_kernel;
    for (uint32_t k = 0; made && k < index; k++) {
        made = root_of(hmlc_op_operand(yield, k)) != root;
    }
    return made && is_read_before(body, body->arguments[CARRIED + index - 1], root->producer);
}

/* What is carried lies in one place from before the loop on: see the head of this file. */
static hmlc_status copy_loop(hmlc_module *module, hmlc_op *loop)
{
    const hmlc_region *body = loop->regions[0];
    hmlc_op *yield = body->last;
    for (uint32_t k = CARRIED; k < loop->operand_count; k++) {
        if (!is_made_for(hmlc_op_operand(loop, k), loop)) {
            HMLC_TRY(insert_copy(module, loop, k, loop));
        }
    }
    /* Old values that are needed behind the first copy are saved before it; so is a condition. */
    for (uint32_t i = 0; i < yield->operand_count; i++) {
        const hmlc_value *root = root_of(hmlc_op_operand(yield, i));
        bool own = i > 0 && whole_root(hmlc_op_operand(yield, i)) == body->arguments[i + 1];
        if (root->producer == NULL && root->region == body && !own) {
            HMLC_TRY(insert_copy(module, yield, i, yield));
        }
    }
    for (uint32_t i = 1; i < yield->operand_count; i++) {
        bool own = whole_root(hmlc_op_operand(yield, i)) == body->arguments[i + 1];
        if (!own && !may_overwrite(body, i)) {
            HMLC_TRY(insert_copy(module, yield, i, yield));
        }
    }
    return HMLC_OK;
}

static hmlc_status copy_in_region(hmlc_module *module, hmlc_arena *scratch, hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        for (uint32_t i = 0; op->opcode != HMLC_OP_kernel && i < op->region_count; i++) {
            HMLC_TRY(copy_in_region(module, scratch, op->regions[i]));
        }
        if (op->opcode == HMLC_OP_loop) {
            HMLC_TRY(copy_loop(module, op));
        }
    }
    bool is_body = region->parent != NULL && region->parent->opcode == HMLC_OP_loop;
    return is_body ? HMLC_OK : copy_yields(module, scratch, region);
}

hmlc_status hmlc_form_copies(hmlc_module *module, hmlc_arena *scratch)
{
    return copy_in_region(module, scratch, module->main);
}

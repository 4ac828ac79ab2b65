/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies that the memory plan relies on: a graph output that is an input, a constant, part of a
 * value or the same memory as another output gets a kernel that writes it; so does what a branch of
 * an `if` yields without making it.
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

static hmlc_status insert_copy(hmlc_module *module, hmlc_op *yield, uint32_t operand)
{
    hmlc_value *value = hmlc_op_operand(yield, operand);
    hmlc_region *region = hmlc_region_create(module, NULL);
    HMLC_TRY_MEMORY(region);
    hmlc_value *argument = hmlc_region_add_argument(region, value->type, NULL);
    HMLC_TRY_MEMORY(argument);
    hmlc_builder inside = hmlc_builder_at_end(region);
    HMLC_TRY(hmlc_build_yield(&inside, &argument, 1));
    hmlc_builder builder = hmlc_builder_before(yield);
    builder.location = value->producer != NULL ? value->producer->location : NULL;
    hmlc_attr form = hmlc_attr_int(HMLC_ATTR_form, HMLC_FORM_LOOP);
    hmlc_op *kernel = NULL;
    HMLC_TRY(hmlc_op_create_with_regions(&builder, HMLC_OP_kernel, &value, 1, &form, 1, &region, 1,
                                         &kernel));
    hmlc_op_set_operand(yield, operand, kernel->results[0]);
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

static hmlc_status copy_in_region(hmlc_module *module, hmlc_arena *scratch, hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        for (uint32_t i = 0; op->opcode == HMLC_OP_if && i < op->region_count; i++) {
            HMLC_TRY(copy_in_region(module, scratch, op->regions[i]));
        }
    }
    hmlc_op *yield = region->last;
    const hmlc_value **claimed =
        HMLC_NEW_ARRAY(scratch, const hmlc_value *, yield->operand_count + 1);
    HMLC_TRY_MEMORY(claimed);
    for (uint32_t i = 0; i < yield->operand_count; i++) {
        const hmlc_value *root = whole_root(hmlc_op_operand(yield, i));
        if (!may_write_directly(root, region, claimed, i)) {
            HMLC_TRY(insert_copy(module, yield, i));
            root = hmlc_op_operand(yield, i);
        }
        claimed[i] = root;
    }
    return HMLC_OK;
}

hmlc_status hmlc_form_copies(hmlc_module *module, hmlc_arena *scratch)
{
    return copy_in_region(module, scratch, module->main);
}

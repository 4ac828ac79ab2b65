/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a contraction's region: views before the anchor, elementwise ops and views behind it. */
#include "contraction.h"
#include "llvm/elementwise/elementwise.h"

hmlc_status hmlc_contraction_refuse(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                                    const char *reason)
{
    return hmlc_error_add(context->module->diagnostics, HMLC_ERROR_kernel_unsupported,
                          plan->kernel->location, NULL, "no %s kernel: %s", plan->class_->name,
                          reason);
}

bool hmlc_contraction_is_argument(const hmlc_value *value)
{
    return value->producer == NULL;
}

static bool compose(hmlc_dims *dims, const hmlc_kernel_plan *plan, const hmlc_value *value,
                    uint32_t *argument, hmlc_access *access)
{
    if (hmlc_contraction_is_argument(value)) {
        *argument = value->index;
        hmlc_access_of_value(dims, hmlc_op_operand(plan->kernel, value->index), access);
        return true;
    }
    hmlc_access below;
    return hmlc_op_has(value->producer, HMLC_TRAIT_VIEW) &&
           compose(dims, plan, hmlc_op_operand(value->producer, 0), argument, &below) &&
           hmlc_access_compose(dims, value->producer, &below, access);
}

hmlc_status hmlc_contraction_argument(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                                      const hmlc_value *value, uint32_t *argument,
                                      hmlc_access *access)
{
    if (!compose(context->module->dims, plan, value, argument, access)) {
        return hmlc_contraction_refuse(context, plan, "an operand is not an affine view");
    }
    return HMLC_OK;
}

hmlc_status hmlc_contraction_add_leaf(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                                      hmlc_contraction *contraction, const hmlc_value *leaf)
{
    for (uint32_t k = 0; k < contraction->leaf_count; k++) {
        if (contraction->leaves[k] == leaf) {
            return HMLC_OK;
        }
    }
    if (contraction->leaf_count == HMLC_LEAVES || leaf->type->rank > contraction->rank) {
        return hmlc_contraction_refuse(context, plan,
                                       "the fused operations have other operands "
                                       "than the kernel can take");
    }
    contraction->leaves[contraction->leaf_count++] = leaf;
    return HMLC_OK;
}

/* Scales of quantize and dequantize lie along `axis`: the last one is where numpy puts them. */
static bool axis_fits(const hmlc_op *op, uint32_t operand)
{
    if (operand == 0 || (op->opcode != HMLC_OP_quantize && op->opcode != HMLC_OP_dequantize)) {
        return true;
    }
    const hmlc_value *value = hmlc_op_operand(op, operand);
    int64_t last = hmlc_op_operand(op, 0)->type->rank - 1;
    return value->type->rank == 0 || hmlc_op_int(op, HMLC_ATTR_axis) == last;
}

static hmlc_status check_elementwise(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                                     hmlc_contraction *contraction, const hmlc_op *op)
{
    const char *reason = NULL;
    if (!hmlc_elementwise_supported(op, &reason)) {
        return hmlc_contraction_refuse(context, plan,
                                       reason != NULL ? reason : "a fused operation");
    }
    /* Where vectors are computed side by side they are narrowed together, too. */
    bool one_step = op->opcode == HMLC_OP_quantize && context->target->nearest != NULL &&
                    context->target->rates.chains == 1;
    bool is_long = hmlc_op_has_cost(op, HMLC_COST_LONG) && !one_step;
    contraction->heavy = contraction->heavy || is_long;
    for (uint32_t k = 0; k < op->operand_count; k++) {
        const hmlc_value *operand = hmlc_op_operand(op, k);
        if (operand == NULL) {
            continue;
        }
        if (!axis_fits(op, k)) {
            return hmlc_contraction_refuse(context, plan, "quantization along another axis");
        }
        bool leaf = hmlc_contraction_is_argument(operand) || hmlc_value_constant(operand) != NULL;
        if (leaf) {
            HMLC_TRY(hmlc_contraction_add_leaf(context, plan, contraction, operand));
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_contraction_read_output(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                                         hmlc_contraction *contraction)
{
    hmlc_dims *dims = context->module->dims;
    const hmlc_value *value = hmlc_op_operand(hmlc_kernel_yield(plan->kernel), 0);
    hmlc_access access;
    hmlc_access_of_value(dims, plan->kernel->results[0], &access);
    while (value->producer != NULL && value->producer != contraction->anchor &&
           hmlc_op_has(value->producer, HMLC_TRAIT_VIEW)) {
        hmlc_access below;
        if (!hmlc_access_invert(dims, value->producer, &access, &below)) {
            return hmlc_contraction_refuse(context, plan, "the result's view is not affine");
        }
        access = below;
        value = hmlc_op_operand(value->producer, 0);
    }
    contraction->root = value;
    contraction->output = access;
    return HMLC_OK;
}

void hmlc_contraction_begin(hmlc_contraction *contraction, const hmlc_op *anchor)
{
    const hmlc_type *type = anchor->results[0]->type;
    contraction->groups = 1;
    contraction->anchor = anchor;
    contraction->rank = type->rank;
    for (int32_t k = 0; k < type->rank; k++) {
        contraction->dims[k] = type->dims[k];
    }
}

/* `done` by id - ids.first: values that were looked at. */
static hmlc_status fuse_value(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                              hmlc_contraction *contraction, const hmlc_value *value,
                              hmlc_id_range ids, bool *done)
{
    bool leaf = value == NULL || hmlc_contraction_is_argument(value) ||
                hmlc_value_constant(value) != NULL || value->producer == contraction->anchor;
    if (leaf || done[value->id - ids.first]) {
        return HMLC_OK;
    }
    done[value->id - ids.first] = true;
    if (!hmlc_op_has(value->producer, HMLC_TRAIT_ELEMENTWISE)) {
        return hmlc_contraction_refuse(context, plan, "an operation that cannot be fused");
    }
    HMLC_TRY(check_elementwise(context, plan, contraction, value->producer));
    for (uint32_t k = 0; k < value->producer->operand_count; k++) {
        HMLC_TRY(
            fuse_value(context, plan, contraction, hmlc_op_operand(value->producer, k), ids, done));
    }
    return HMLC_OK;
}

hmlc_status hmlc_contraction_fuse(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                                  hmlc_contraction *contraction)
{
    hmlc_id_range ids = hmlc_region_ids(plan->kernel->regions[0]);
    bool *done = HMLC_NEW_ARRAY(context->arena, bool, ids.count + 1);
    HMLC_TRY_MEMORY(done);
    return fuse_value(context, plan, contraction, contraction->root, ids, done);
}

hmlc_status hmlc_contraction_epilogue(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                                      const hmlc_op *anchor, hmlc_contraction *contraction)
{
    const hmlc_type *type = anchor->results[0]->type;
    hmlc_contraction_begin(contraction, anchor);
    HMLC_TRY(hmlc_contraction_read_output(context, plan, contraction));
    if (contraction->output.rank != type->rank) {
        return hmlc_contraction_refuse(context, plan, "the fused operations change the shape");
    }
    for (int32_t k = 0; k < type->rank; k++) {
        if (!hmlc_dim_known_equal(context->module->dims, contraction->root->type->dims[k],
                                  type->dims[k])) {
            return hmlc_contraction_refuse(context, plan, "the fused operations change the shape");
        }
    }
    HMLC_FOR_EACH_OP(op, plan->kernel->regions[0])
    {
        if (op == hmlc_right_unpacking(anchor)) {
            continue; /* applied to panels as they are read */
        }
        if (hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE)) {
            HMLC_TRY(check_elementwise(context, plan, contraction, op));
        } else if (op != anchor && !hmlc_op_has(op, HMLC_TRAIT_VIEW | HMLC_TRAIT_CONSTANT |
                                                        HMLC_TRAIT_TERMINATOR)) {
            return hmlc_contraction_refuse(context, plan, "an operation that cannot be fused");
        }
    }
    return HMLC_OK;
}

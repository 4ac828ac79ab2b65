/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of matmul, pack_panels and matmul_packed. */
#include <hmlc/packing.h>

#include "infer_tools.h"

/* Broadcasts the leading dims of both sides into dims; gives their number. */
static int32_t batch_dims(const hmlc_infer *context, const hmlc_type *a, int32_t skip_a,
                          const hmlc_type *b, int32_t skip_b, hmlc_dim *dims, hmlc_status *status)
{
    int32_t rank = 0;
    hmlc_status broadcast =
        hmlc_infer_broadcast(context->module, context->op->location, a->rank - skip_a, a->dims,
                             b->rank - skip_b, b->dims, &rank, dims);
    *status = broadcast != HMLC_OK ? broadcast : *status;
    return rank;
}

static bool is_power(int64_t value, int64_t most)
{
    return value >= 1 && value <= most && (value & (value - 1)) == 0;
}

static hmlc_pack_layout read_layout(const hmlc_infer *context, hmlc_status *status)
{
    hmlc_pack_layout layout = hmlc_pack_layout_of(context->op);
    if (!is_power(layout.width, HMLC_PACK_MAX_WIDTH)) {
        hmlc_infer_fail(context, status, "panel_width is %lld; expected a power of two up to %d",
                        (long long)layout.width, HMLC_PACK_MAX_WIDTH);
    }
    if (!is_power(layout.group, HMLC_PACK_MAX_GROUP)) {
        hmlc_infer_fail(context, status, "depth_group is %lld; expected a power of two up to %d",
                        (long long)layout.group, HMLC_PACK_MAX_GROUP);
    }
    return layout;
}

/* Where the packing op is known, it packs as the product reads: equal shapes would not tell. */
static void check_packer(const hmlc_infer *context, hmlc_pack_layout layout, hmlc_status *status)
{
    const hmlc_op *packer = hmlc_op_operand(context->op, 1)->producer;
    if (packer == NULL || packer->opcode != HMLC_OP_pack_panels) {
        return;
    }
    hmlc_pack_layout packed = hmlc_pack_layout_of(packer);
    if (packed.width != layout.width || packed.group != layout.group) {
        hmlc_infer_fail(context, status,
                        "operand 1 is packed %lld wide in groups of %lld; this product reads "
                        "panels %lld wide in groups of %lld",
                        (long long)packed.width, (long long)packed.group, (long long)layout.width,
                        (long long)layout.group);
    }
}

hmlc_status hmlc_infer_matmul(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *a = hmlc_infer_operand(context, 0, HMLC_ACCEPT_NUMERIC, &status);
    const hmlc_type *b = hmlc_infer_operand(context, 1, HMLC_ACCEPT_NUMERIC, &status);
    hmlc_dtype dtype = hmlc_infer_accumulator(context, a, b, &status);
    hmlc_infer_rank(context, 0, a, 2, HMLC_MAX_RANK, &status);
    hmlc_infer_rank(context, 1, b, 2, HMLC_MAX_RANK, &status);
    if (status != HMLC_OK) {
        return status;
    }
    int32_t swap_a = hmlc_op_int(context->op, HMLC_ATTR_transpose_a) != 0;
    int32_t swap_b = hmlc_op_int(context->op, HMLC_ATTR_transpose_b) != 0;
    hmlc_dim dims[HMLC_MAX_RANK];
    int32_t rank = batch_dims(context, a, 2, b, 2, dims, &status);
    hmlc_infer_unify(context, a->dims[a->rank - 1 - swap_a], b->dims[b->rank - 2 + swap_b],
                     "inner dim (columns of operand 0, rows of operand 1)", &status);
    dims[rank] = a->dims[a->rank - 2 + swap_a];
    dims[rank + 1] = b->dims[b->rank - 1 - swap_b];
    hmlc_infer_result(context, 0, dtype, rank + 2, dims, &status);
    return status;
}

/* A zero point has its side's type, broadcasts to it, and is the same for all that is summed. */
static void check_zero(const hmlc_infer *context, uint32_t index, const hmlc_type *side,
                       int32_t summed, hmlc_status *status)
{
    const hmlc_type *zero = hmlc_infer_optional(context, index, HMLC_ACCEPT_INTEGER, status);
    if (zero == NULL || side == NULL) {
        return;
    }
    hmlc_infer_same_dtype(context, index, side, zero, status);
    hmlc_infer_rank(context, index, zero, 0, side->rank, status);
    if (zero->rank > side->rank) {
        return;
    }
    hmlc_infer_expands_to(context, zero, side->rank, side->dims, status);
    int32_t axis = summed - (side->rank - zero->rank);
    if (axis >= 0 && !hmlc_dim_is(zero->dims[axis], 1)) {
        hmlc_infer_fail(context, status, "the zero point (operand %u) differs along the summed dim",
                        index);
    }
}

hmlc_status hmlc_infer_matmul_integer(hmlc_infer *context)
{
    hmlc_status status = hmlc_infer_matmul(context);
    HMLC_TRY(status);
    const hmlc_type *a = hmlc_op_operand(context->op, 0)->type;
    const hmlc_type *b = hmlc_op_operand(context->op, 1)->type;
    bool swap_a = hmlc_op_int(context->op, HMLC_ATTR_transpose_a) != 0;
    bool swap_b = hmlc_op_int(context->op, HMLC_ATTR_transpose_b) != 0;
    check_zero(context, 2, a, a->rank - (swap_a ? 2 : 1), &status);
    check_zero(context, 3, b, b->rank - (swap_b ? 1 : 2), &status);
    return status;
}

hmlc_status hmlc_infer_matmul_packed(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *a = hmlc_infer_operand(context, 0, HMLC_ACCEPT_NUMERIC, &status);
    const hmlc_type *b = hmlc_infer_operand(context, 1, HMLC_ACCEPT_NUMERIC, &status);
    hmlc_dtype dtype = hmlc_infer_accumulator(context, a, b, &status);
    hmlc_infer_rank(context, 0, a, 2, HMLC_MAX_RANK, &status);
    hmlc_infer_rank(context, 1, b, 3, HMLC_MAX_RANK, &status);
    const hmlc_attr *shape = hmlc_infer_list(context, HMLC_ATTR_shape, 1, &status);
    hmlc_pack_layout layout = read_layout(context, &status);
    check_packer(context, layout, &status);
    if (status != HMLC_OK) {
        return status;
    }
    int32_t swap_a = hmlc_op_int(context->op, HMLC_ATTR_transpose_a) != 0;
    hmlc_dims *table = context->module->dims;
    hmlc_dim columns = shape->as.dims[0], depth = a->dims[a->rank - 1 - swap_a];
    hmlc_dim dims[HMLC_MAX_RANK];
    int32_t rank = batch_dims(context, a, 2, b, 3, dims, &status);
    hmlc_infer_unify(context,
                     hmlc_dim_ceildiv(table, columns, hmlc_infer_number(context, layout.width)),
                     b->dims[b->rank - 3], "number of panels", &status);
    hmlc_infer_unify(
        context, hmlc_dim_ceildiv(table, depth, hmlc_infer_number(context, layout.group)),
        b->dims[b->rank - 2], "inner dim (columns of operand 0, rows of the panels)", &status);
    hmlc_infer_unify(context, hmlc_infer_number(context, hmlc_pack_row(layout)),
                     b->dims[b->rank - 1], "elements of a panel's row (width times group)",
                     &status);
    dims[rank] = a->dims[a->rank - 2 + swap_a];
    dims[rank + 1] = columns;
    hmlc_infer_result(context, 0, dtype, rank + 2, dims, &status);
    return status;
}

hmlc_status hmlc_infer_pack_panels(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_COMPUTED, &status);
    hmlc_infer_rank(context, 0, x, 2, HMLC_MAX_RANK - 1, &status);
    hmlc_pack_layout layout = read_layout(context, &status);
    if (x == NULL || status != HMLC_OK) {
        return status;
    }
    bool transposed = hmlc_op_int(context->op, HMLC_ATTR_transpose_b) != 0;
    hmlc_dim depth = x->dims[x->rank - (transposed ? 1 : 2)];
    hmlc_dim columns = x->dims[x->rank - (transposed ? 2 : 1)];
    hmlc_dim dims[HMLC_MAX_RANK];
    for (int32_t i = 0; i < x->rank - 2; ++i) {
        dims[i] = x->dims[i];
    }
    hmlc_dims *table = context->module->dims;
    dims[x->rank - 2] = hmlc_dim_ceildiv(table, columns, hmlc_infer_number(context, layout.width));
    dims[x->rank - 1] = hmlc_dim_ceildiv(table, depth, hmlc_infer_number(context, layout.group));
    dims[x->rank] = hmlc_infer_number(context, hmlc_pack_row(layout));
    hmlc_infer_result(context, 0, x->dtype, x->rank + 1, dims, &status);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Planning of matmul with constant or packed right-hand side: index space, panels, sections. */
#include "contraction.h"
#include "microkernel_digits.h"
#include "pack_scaled.h"

enum { APART_ROWS = 32 }; /* so many fill tiles well without the next batch element's */

static hmlc_dim integer(hmlc_plan_context *context, int64_t value)
{
    return hmlc_dim_constant(context->module->dims, value);
}

/* Element types of sums. */
static bool takes(hmlc_dtype dtype)
{
    static const hmlc_dtype taken[] = {HMLC_DTYPE_f32, HMLC_DTYPE_f16, HMLC_DTYPE_bf16,
                                       HMLC_DTYPE_f64, HMLC_DTYPE_i32, HMLC_DTYPE_u32,
                                       HMLC_DTYPE_i64, HMLC_DTYPE_u64};
    for (size_t k = 0; k < sizeof taken / sizeof taken[0]; k++) {
        if (taken[k] == dtype) {
            return true;
        }
    }
    return false;
}

hmlc_status hmlc_contraction_types(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                                   hmlc_contraction *contraction)
{
    const hmlc_op *anchor = contraction->anchor;
    hmlc_dtype left = hmlc_op_operand(anchor, 0)->type->dtype;
    hmlc_dtype right = hmlc_right_stored(anchor)->type->dtype;
    hmlc_dtype sums = anchor->results[0]->type->dtype;
    bool packed = anchor->opcode == HMLC_OP_matmul_packed, half = hmlc_dtype_is_half(sums);
    if (!takes(sums)) {
        return hmlc_contraction_refuse(context, plan, "its element type");
    }
    contraction->left_dtype = left;
    contraction->dtype = half ? HMLC_DTYPE_f32 : sums;
    contraction->right_dtype = half && !packed ? HMLC_DTYPE_f32 : right;
    contraction->half_products = context->target->multiplies_half && left == HMLC_DTYPE_f16 &&
                                 right == HMLC_DTYPE_f16 && sums == HMLC_DTYPE_f32;
    return HMLC_OK;
}

hmlc_status hmlc_contraction_take_layout(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                         hmlc_contraction *contraction, hmlc_pack_layout layout)
{
    const hmlc_op *anchor = contraction->anchor;
    hmlc_dtype left = hmlc_op_operand(anchor, 0)->type->dtype;
    hmlc_dtype right = hmlc_op_operand(anchor, 1)->type->dtype;
    if (!hmlc_microkernel_takes(context->target, layout, left, right,
                                anchor->results[0]->type->dtype)) {
        return hmlc_contraction_refuse(context, plan,
                                       "no step multiplies such groups of its panels");
    }
    contraction->layout = layout;
    hmlc_dtype products = contraction->half_products ? HMLC_DTYPE_f16 : contraction->dtype;
    contraction->lanes = hmlc_microkernel_lanes(context->target, products, layout);
    contraction->step =
        hmlc_bytes_step(context->target, layout, left, right, contraction->lanes, false);
    if (contraction->step == HMLC_BYTE_STEP_DOT || contraction->step == HMLC_BYTE_STEP_SQUARE ||
        contraction->half_products) {
        plan->variant = "dot"; /* the row without it has other code */
    }
    return HMLC_OK;
}

/* Steps of the left side that lie behind each other, as many as are known; 0: none. */
static int64_t dense_depth(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                           const hmlc_op *anchor)
{
    hmlc_access access;
    uint32_t argument;
    int64_t depth = 0;
    hmlc_status status =
        hmlc_contraction_argument(context, plan, hmlc_op_operand(anchor, 0), &argument, &access);
    bool transposed = hmlc_op_int(anchor, HMLC_ATTR_transpose_a) != 0;
    bool dense = status == HMLC_OK && !transposed && access.rank > 0 &&
                 hmlc_dim_is(access.strides[access.rank - 1], 1);
    return dense && hmlc_dim_is_constant(access.dims[access.rank - 1], &depth) ? depth : 0;
}

/* What the anchor says of its panels, or what is best for its types. */
static hmlc_pack_layout panels_of(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                                  const hmlc_op *anchor)
{
    if (anchor->opcode == HMLC_OP_matmul_packed) {
        return hmlc_pack_layout_of(anchor);
    }
    int64_t depth = dense_depth(context, plan, anchor);
    return hmlc_bytes_layout(context->target, hmlc_op_operand(anchor, 0)->type->dtype,
                             hmlc_op_operand(anchor, 1)->type->dtype,
                             anchor->results[0]->type->dtype, depth, depth);
}

/* The left side over the result's batch dims, M and K. */
hmlc_status hmlc_matmul_left(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                             hmlc_contraction *contraction)
{
    const hmlc_op *anchor = contraction->anchor;
    hmlc_access access;
    HMLC_TRY(hmlc_contraction_argument(context, plan, hmlc_op_operand(anchor, 0),
                                       &contraction->left_argument, &access));
    int32_t last = access.rank - 1;
    if (hmlc_op_int(anchor, HMLC_ATTR_transpose_a)) {
        hmlc_dim dim = access.dims[last], stride = access.strides[last];
        access.dims[last] = access.dims[last - 1];
        access.strides[last] = access.strides[last - 1];
        access.dims[last - 1] = dim;
        access.strides[last - 1] = stride;
    }
    hmlc_dim shape[HMLC_MAX_RANK];
    for (int32_t k = 0; k < contraction->rank; k++) {
        shape[k] = contraction->dims[k];
    }
    shape[contraction->rank - 1] = access.dims[last];
    hmlc_access_broadcast(context->module->dims, &access, contraction->rank, shape,
                          &contraction->left);
    return HMLC_OK;
}

/* Strides of the panels over the result's batch dims; `batch` holds the right side's leading dims
 * and what one step along each of them skips. */
static void right_batches(hmlc_plan_context *context, hmlc_contraction *contraction,
                          const hmlc_access *batch)
{
    hmlc_access over;
    hmlc_access_broadcast(context->module->dims, batch, contraction->rank - 2, contraction->dims,
                          &over);
    for (int32_t k = 0; k < contraction->rank - 2; k++) {
        contraction->right_strides[k] = over.strides[k];
    }
}

static hmlc_status plan_constant(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                 hmlc_contraction *contraction)
{
    const hmlc_op *anchor = contraction->anchor;
    const hmlc_value *right = hmlc_right_stored(anchor);
    const hmlc_tensor *tensor = hmlc_contraction_is_argument(right)
                                    ? hmlc_kernel_argument_constant(plan->kernel, right->index)
                                    : NULL;
    if (tensor == NULL) {
        return hmlc_contraction_refuse(context, plan, "the right-hand side is not a constant");
    }
    bool transposed = hmlc_op_int(anchor, HMLC_ATTR_transpose_b) != 0;
    int64_t rows = tensor->dims[tensor->rank - 2], columns = tensor->dims[tensor->rank - 1];
    hmlc_pack_weights panels = {.dtype = tensor->dtype,
                                .packed_dtype = contraction->right_dtype,
                                .layout = contraction->layout,
                                .tap_count = 1,
                                .taps = hmlc_pack_one_tap,
                                .batches = 1,
                                .depth = transposed ? columns : rows,
                                .columns = transposed ? rows : columns,
                                .depth_stride = transposed ? 1 : columns,
                                .column_stride = transposed ? columns : 1,
                                .batch_stride = rows * columns};
    contraction->right_argument = right->index;
    hmlc_access batch = {.rank = tensor->rank - 2, .offset = integer(context, 0)};
    int64_t skip = hmlc_pack_weights_elements(&panels);
    for (int32_t k = tensor->rank - 2; k-- > 0;) {
        batch.dims[k] = integer(context, tensor->dims[k]);
        batch.strides[k] = integer(context, skip * panels.batches);
        panels.batches *= tensor->dims[k];
    }
    right_batches(context, contraction, &batch);
    const hmlc_op *unpacking = hmlc_right_unpacking(anchor);
    if (unpacking == NULL || unpacking->opcode != HMLC_OP_dequantize) {
        return hmlc_pack_weights_plan(context, plan, right->index, &panels);
    }
    return hmlc_op_int(unpacking, HMLC_ATTR_block) > 0 && tensor->rank == 2
               ? hmlc_pack_scaled_plan(context, plan, unpacking, &panels)
               : hmlc_contraction_refuse(context, plan, "weights whose scales are in no blocks");
}

hmlc_status hmlc_matmul_packed(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                               hmlc_contraction *contraction)
{
    hmlc_dims *dims = context->module->dims;
    hmlc_access access;
    HMLC_TRY(hmlc_contraction_argument(context, plan, hmlc_op_operand(contraction->anchor, 1),
                                       &contraction->right_argument, &access));
    int32_t rank = access.rank;
    int64_t row = hmlc_pack_row(contraction->layout);
    contraction->depth = contraction->panel_rows = access.dims[rank - 2];
    if (contraction->layout.group > 1) {
        contraction->depth = contraction->left.dims[contraction->rank - 1];
        if (!hmlc_dim_is_constant(contraction->depth, NULL)) {
            return hmlc_contraction_refuse(context, plan,
                                           "groups of a depth that is known at run time only");
        }
    }
    bool dense = hmlc_dim_is(access.strides[rank - 1], 1) &&
                 hmlc_dim_is(access.strides[rank - 2], row) && hmlc_dim_is(access.offset, 0);
    dense = dense && hmlc_dim_known_equal(
                         dims, access.strides[rank - 3],
                         hmlc_dim_multiply(dims, contraction->panel_rows, integer(context, row)));
    if (!dense) {
        return hmlc_contraction_refuse(context, plan, "the packed operand is not dense");
    }
    access.rank = rank - 3;
    right_batches(context, contraction, &access);
    return HMLC_OK;
}

static int32_t row_groups(hmlc_dims *dims, const hmlc_access *access, int32_t first, int32_t last)
{
    hmlc_row_map map;
    hmlc_row_map_create(dims, access, first, last, &map);
    return map.count;
}

/*
 * Rows of a batch element whose number is known stay apart from a batch that only a run knows: they
 * need code for two heights of tiles, not for all. Floats take what is faster with many batches.
 */
static bool stays_apart(const hmlc_contraction *contraction, int32_t first)
{
    int64_t rows = 1, size;
    for (int32_t k = first; k < contraction->rank - 1; k++) {
        if (!hmlc_dim_is_constant(contraction->dims[k], &size)) {
            return false;
        }
        rows *= size < APART_ROWS ? size : APART_ROWS;
        rows = rows < APART_ROWS ? rows : APART_ROWS;
    }
    return rows == APART_ROWS && hmlc_op_sums_bytes(contraction->anchor) &&
           !hmlc_dim_is_constant(contraction->dims[first - 1], NULL);
}

void hmlc_contraction_set_batches(hmlc_plan_context *context, hmlc_contraction *contraction,
                                  int32_t batch_rank)
{
    contraction->batch_rank = batch_rank;
    contraction->batches = contraction->rows = integer(context, 1);
    for (int32_t k = 0; k < contraction->rank - 1; k++) {
        hmlc_dim *product = k < batch_rank ? &contraction->batches : &contraction->rows;
        *product = hmlc_dim_multiply(context->module->dims, *product, contraction->dims[k]);
    }
}

/* Leading dims join the rows while the panels do not depend on them and rows stay evenly spaced. */
void hmlc_contraction_collapse(hmlc_plan_context *context, hmlc_contraction *contraction)
{
    hmlc_dims *dims = context->module->dims;
    int32_t last = contraction->rank - 1, first = contraction->batch_rank;
    while (first > 0 && hmlc_dim_is(contraction->right_strides[first - 1], 0) &&
           row_groups(dims, &contraction->left, first - 1, last) <= 1 &&
           row_groups(dims, &contraction->output, first - 1, last) <= 1 &&
           !stays_apart(contraction, first)) {
        first -= 1;
    }
    hmlc_contraction_set_batches(context, contraction, first);
}

bool hmlc_contraction_needs_pointers(hmlc_plan_context *context,
                                     const hmlc_contraction *contraction)
{
    hmlc_row_map map;
    hmlc_row_map_create(context->module->dims, &contraction->left, contraction->batch_rank,
                        contraction->rank - 1, &map);
    return map.count > 1 || (map.count == 1 && !hmlc_dim_is_constant(map.strides[0], NULL));
}

hmlc_status hmlc_matmul_begin(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                              hmlc_contraction *contraction)
{
    hmlc_pack_layout layout = panels_of(context, plan, contraction->anchor);
    HMLC_TRY(hmlc_contraction_types(context, plan, contraction));
    contraction->columns = contraction->dims[contraction->rank - 1];
    return hmlc_contraction_take_layout(context, plan, contraction, layout);
}

hmlc_status hmlc_matmul_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                             hmlc_contraction *contraction)
{
    const hmlc_op *anchor = contraction->anchor;
    HMLC_TRY(hmlc_matmul_begin(context, plan, contraction));
    HMLC_TRY(hmlc_matmul_left(context, plan, contraction));
    if (anchor->opcode == HMLC_OP_matmul) {
        HMLC_TRY(plan_constant(context, plan, contraction));
    } else {
        HMLC_TRY(hmlc_matmul_packed(context, plan, contraction));
    }
    contraction->batch_rank = contraction->rank - 2;
    hmlc_contraction_collapse(context, contraction);
    bool pointers = hmlc_contraction_needs_pointers(context, contraction);
    HMLC_TRY(hmlc_contraction_sections(context, contraction, pointers));
    if (hmlc_contraction_has_digits(contraction)) {
        const hmlc_scaled_plan *scaled = contraction->scaled;
        plan->scratch_bytes =
            integer(context, hmlc_digits_bytes(scaled->blocks * scaled->block, scaled->block));
    }
    double row_bytes = (double)hmlc_dim_hint(contraction->depth) *
                       (double)hmlc_dtype_bytes(contraction->left_dtype);
    return hmlc_contraction_units(context, plan, contraction, row_bytes);
}

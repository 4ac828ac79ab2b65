/* SPDX-License-Identifier: Apache-2.0 */
#include "pack_scaled.h"
#include "microkernel_digits.h"

enum { LONGEST_BLOCK = 256 }; /* sums of more products in one register lose too much */

/* -- what follows from the constants */

/* The elements fit four bits, with a sign or without. */
static bool fits_nibbles(const hmlc_tensor *weights, bool *is_signed)
{
    int64_t count = hmlc_tensor_count(weights), least = 0, most = 0;
    bool bytes_signed = weights->dtype == HMLC_DTYPE_i8;
    const uint8_t *data = weights->data;
    for (int64_t k = 0; k < count && most - least <= 15; k++) {
        int64_t value = bytes_signed ? (int64_t)(int8_t)data[k] : (int64_t)data[k];
        least = value < least ? value : least;
        most = value > most ? value : most;
    }
    *is_signed = least < 0;
    return *is_signed ? least >= -8 && most <= 7 : most <= 15;
}

/* Halves hold all of these numbers. */
static bool fits_halves(const hmlc_tensor *scales)
{
    int64_t count = hmlc_tensor_count(scales);
    for (int64_t k = 0; k < count; k++) {
        double value = hmlc_tensor_get_double(scales, k);
        if ((double)hmlc_f16_to_f32(hmlc_f16_from_double(value)) != value) {
            return false;
        }
    }
    return true;
}

/* A block that is too long is cut into equal parts, of which each repeats its scales. */
static int64_t part_of(int64_t block)
{
    enum { SHORTEST = 64 };
    for (int64_t part = LONGEST_BLOCK; block > LONGEST_BLOCK && part >= SHORTEST; part -= 8) {
        if (block % part == 0) {
            return part;
        }
    }
    return block;
}

static void read_blocks(const hmlc_op *dequantize, const hmlc_pack_weights *panels,
                        hmlc_scaled_plan *scaled)
{
    const hmlc_type *type = hmlc_op_operand(dequantize, 1)->type;
    int64_t block = hmlc_op_int(dequantize, HMLC_ATTR_block), columns = 1;
    block = block > panels->depth ? panels->depth : block;
    bool across = hmlc_op_int(dequantize, HMLC_ATTR_axis) == 0; /* [blocks, columns] */
    (void)hmlc_dim_is_constant(type->dims[1], &columns);
    scaled->block_stride = across ? columns : 1;
    scaled->column_stride = across ? 1 : columns;
    scaled->block = part_of(block);
    scaled->repeated = block / scaled->block;
    scaled->blocks = (panels->depth + scaled->block - 1) / scaled->block;
}

/* -- packing */

static hmlc_status pack_nibbles(const hmlc_kernel_plan *plan, const hmlc_tensor *constant,
                                void *out)
{
    const hmlc_contraction *contraction = plan->state;
    const hmlc_pack_weights *panels = contraction->panels;
    const uint8_t *from = constant->data;
    uint8_t *to = out;
    int64_t width = panels->layout.width, rows = panels->depth / HMLC_NIBBLES;
    uint8_t sign = contraction->scaled->is_signed ? 8 : 0;
    for (int64_t column = 0; column < panels->columns; column++) {
        int64_t word = column / width * rows * width + column % width;
        for (int64_t k = 0; k < panels->depth; k++) {
            uint8_t value = from[k * panels->depth_stride + column * panels->column_stride];
            int64_t place = (word + k / HMLC_NIBBLES * width) * 4 + k % 4;
            to[place] |= (uint8_t)(((value & 15) ^ sign) << (k / 4 % 2 * 4));
        }
    }
    return HMLC_OK;
}

static void pack_blocks(const hmlc_kernel_plan *plan, const hmlc_tensor *constant, hmlc_dtype dtype,
                        void *out)
{
    const hmlc_contraction *contraction = plan->state;
    const hmlc_pack_weights *panels = contraction->panels;
    const hmlc_scaled_plan *scaled = contraction->scaled;
    int64_t width = panels->layout.width;
    for (int64_t column = 0; column < panels->columns; column++) {
        for (int64_t b = 0; b < scaled->blocks; b++) {
            int64_t from = b / scaled->repeated * scaled->block_stride;
            int64_t place = (column / width * scaled->blocks + b) * width + column % width;
            double value = hmlc_tensor_get_double(constant, from + column * scaled->column_stride);
            hmlc_element_set_double(dtype, out, place, value);
        }
    }
}

static hmlc_status pack_scales(const hmlc_kernel_plan *plan, const hmlc_tensor *constant, void *out)
{
    const hmlc_contraction *contraction = plan->state;
    pack_blocks(plan, constant, contraction->scaled->scale_dtype, out);
    return HMLC_OK;
}

static hmlc_status pack_zeros(const hmlc_kernel_plan *plan, const hmlc_tensor *constant, void *out)
{
    pack_blocks(plan, constant, constant->dtype, out);
    return HMLC_OK;
}

/* -- planning */

static hmlc_status plan_blocks(hmlc_arena *arena, const hmlc_pack_weights *panels,
                               const hmlc_scaled_plan *scaled, hmlc_dtype dtype,
                               hmlc_kernel_operand *operand)
{
    int64_t count = hmlc_pack_count(panels->layout, panels->columns), bytes;
    if (!hmlc_int64_multiply(count, panels->layout.width, &bytes) ||
        !hmlc_int64_multiply(bytes, scaled->blocks, &bytes) ||
        !hmlc_int64_multiply(bytes, (int64_t)hmlc_dtype_bytes(dtype), &bytes)) {
        return HMLC_RESOURCE;
    }
    operand->kind = HMLC_OPERAND_PACKED;
    operand->bytes = (size_t)bytes;
    operand->packing = hmlc_arena_printf(
        arena, "blocks%lld %s B=%lld/%lld*%lld N=%lld/%lld", (long long)panels->layout.width,
        hmlc_dtype_name(dtype), (long long)scaled->blocks, (long long)scaled->block_stride,
        (long long)scaled->repeated, (long long)panels->columns, (long long)scaled->column_stride);
    HMLC_TRY_MEMORY(operand->packing);
    return HMLC_OK;
}

/* Eight steps to an element of the panels; the text says so, and whether they have a sign: kernels
 * that are equal in all else have other code for it. */
static hmlc_status plan_nibbles(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                uint32_t argument)
{
    hmlc_contraction *contraction = plan->state;
    const hmlc_pack_weights *panels = contraction->panels;
    hmlc_kernel_operand *operand = &plan->operands[argument];
    operand->bytes = operand->bytes / 2;
    operand->packing = hmlc_arena_printf(context->arena, "%s %snibbles", operand->packing,
                                         contraction->scaled->is_signed ? "signed " : "");
    HMLC_TRY_MEMORY(operand->packing);
    operand->pack = pack_nibbles;
    contraction->right_dtype = HMLC_DTYPE_i32;
    contraction->step = HMLC_BYTE_STEP_NIBBLES;
    contraction->panel_rows =
        hmlc_dim_constant(context->module->dims, panels->depth / HMLC_NIBBLES);
    return HMLC_OK;
}

/* Blocks of four bits are no longer than those of a row's digits, on every target: so all share
 * their scales. */
static void plan_digits(const hmlc_target *target, const hmlc_contraction *contraction,
                        const hmlc_pack_weights *panels, hmlc_scaled_plan *scaled)
{
    int64_t part = hmlc_digits_block(scaled->block);
    scaled->repeated *= scaled->block / part;
    scaled->block = part;
    scaled->blocks = (panels->depth + part - 1) / part;
    scaled->digits = panels->depth % part == 0 && scaled->blocks > 1 &&
                     contraction->left_dtype == HMLC_DTYPE_f32 &&
                     contraction->dtype == HMLC_DTYPE_f32 &&
                     hmlc_dim_is(contraction->left.strides[contraction->rank - 1], 1) &&
                     hmlc_digits_step(target, contraction->lanes) != HMLC_BYTE_STEP_NONE;
}

hmlc_status hmlc_pack_scaled_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                  const hmlc_op *dequantize, const hmlc_pack_weights *panels)
{
    hmlc_contraction *contraction = plan->state;
    const hmlc_value *weights = hmlc_op_operand(dequantize, 0),
                     *zero = hmlc_op_operand(dequantize, 2);
    hmlc_scaled_plan *scaled = HMLC_NEW(context->arena, hmlc_scaled_plan);
    HMLC_TRY_MEMORY(scaled);
    contraction->scaled = scaled;
    read_blocks(dequantize, panels, scaled);
    scaled->scale_argument = hmlc_op_operand(dequantize, 1)->index;
    scaled->scale_dtype =
        fits_halves(hmlc_kernel_argument_constant(plan->kernel, scaled->scale_argument))
            ? HMLC_DTYPE_f16
            : HMLC_DTYPE_f32;
    scaled->nibbles = panels->depth % HMLC_NIBBLES == 0 && scaled->block % HMLC_NIBBLES == 0 &&
                      fits_nibbles(hmlc_kernel_argument_constant(plan->kernel, weights->index),
                                   &scaled->is_signed);
    HMLC_TRY(hmlc_pack_weights_plan(context, plan, weights->index, panels));
    if (scaled->nibbles) {
        plan_digits(context->target, contraction, panels, scaled);
        HMLC_TRY(plan_nibbles(context, plan, weights->index));
    }
    hmlc_kernel_operand *operand = &plan->operands[scaled->scale_argument];
    operand->pack = pack_scales;
    HMLC_TRY(plan_blocks(context->arena, panels, scaled, scaled->scale_dtype, operand));
    if (zero == NULL) {
        return HMLC_OK;
    }
    scaled->has_zeros = true;
    scaled->zero_argument = zero->index;
    scaled->zero_dtype = zero->type->dtype;
    operand = &plan->operands[zero->index];
    operand->pack = pack_zeros;
    return plan_blocks(context->arena, panels, scaled, scaled->zero_dtype, operand);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Planning of Winograd's form: blocks, scratch memory, and the transformed weights. */
#include "winograd_plan.h"
#include "pack.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_TILES = 48, /* of a block: more gain nothing on their panels */
    LEAST_TILES = 12,
    BLOCK_PANELS = 4,  /* of the columns of a unit */
    PADDING = 16,      /* floats: rows and planes that lie 4 KiB apart would meet in one set */
    UNITS_WANTED = 20, /* five per thread at four threads */
};

static hmlc_dim integer(hmlc_plan_context *context, int64_t value)
{
    return hmlc_dim_constant(context->module->dims, value);
}

static int64_t ceil_divide(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* -- the transformed weights */

/* [n * n][O][C] of [O][3][3][C]. */
static void transform_weights(const hmlc_winograd_plan *winograd, const char *from, float *to)
{
    enum { TAPS = HMLC_WINOGRAD_WINDOW * HMLC_WINOGRAD_WINDOW };
    int32_t points = winograd->form.points * winograd->form.points;
    int64_t channels = winograd->channels, columns = winograd->columns;
    for (int64_t o = 0; o < columns; o++) {
        for (int64_t c = 0; c < channels; c++) {
            double window[TAPS], transformed[HMLC_WINOGRAD_POINTS * HMLC_WINOGRAD_POINTS];
            for (int64_t k = 0; k < TAPS; k++) {
                float weight; /* a constant may lie at any address */
                memcpy(&weight, from + ((o * TAPS + k) * channels + c) * (int64_t)sizeof weight,
                       sizeof weight);
                window[k] = (double)weight;
            }
            hmlc_winograd_transform_weights(&winograd->form, window, transformed);
            for (int64_t k = 0; k < points; k++) {
                to[(k * columns + o) * channels + c] = (float)transformed[k];
            }
        }
    }
}

/* [n * n][O][C] of [O][3][3][C], four times U. */
static void transform_bytes(const hmlc_winograd_plan *winograd, const int8_t *from, int16_t *to)
{
    enum { TAPS = HMLC_WINOGRAD_WINDOW * HMLC_WINOGRAD_WINDOW };
    int32_t points = winograd->form.points * winograd->form.points;
    int64_t channels = winograd->channels, columns = winograd->columns;
    for (int64_t o = 0; o < columns; o++) {
        for (int64_t c = 0; c < channels; c++) {
            double window[TAPS], transformed[HMLC_WINOGRAD_POINTS * HMLC_WINOGRAD_POINTS];
            for (int64_t k = 0; k < TAPS; k++) {
                window[k] = from[(o * TAPS + k) * channels + c];
            }
            hmlc_winograd_transform_weights(&winograd->form, window, transformed);
            for (int64_t k = 0; k < points; k++) {
                to[(k * columns + o) * channels + c] = (int16_t)(4 * transformed[k]);
            }
        }
    }
}

static hmlc_status pack_transformed(const hmlc_kernel_plan *plan, const hmlc_tensor *constant,
                                    void *out)
{
    const hmlc_contraction *contraction = plan->state;
    const hmlc_pack_weights *panels = contraction->panels;
    const hmlc_winograd_plan *winograd = contraction->winograd;
    hmlc_tensor transformed = {.dtype = winograd->dtype};
    int64_t elements = panels->batches * panels->batch_stride;
    void *data = calloc((size_t)elements, hmlc_dtype_bytes(winograd->dtype));
    HMLC_TRY_MEMORY(data);
    if (winograd->dtype == HMLC_DTYPE_i16) {
        transform_bytes(winograd, constant->data, data);
    } else {
        transform_weights(winograd, constant->data, data);
    }
    transformed.data = data;
    hmlc_pack_weights_fill(panels, &transformed, out);
    free(data);
    return HMLC_OK;
}

static hmlc_status plan_weights(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                hmlc_contraction *contraction, const hmlc_winograd_plan *winograd)
{
    hmlc_kernel_operand *operand = &plan->operands[contraction->right_argument];
    hmlc_pack_weights panels = {
        .dtype = winograd->dtype,
        .packed_dtype = winograd->dtype,
        .layout = {.width = contraction->layout.width,
                   .group = winograd->dtype == HMLC_DTYPE_i16 ? 2 : contraction->layout.group},
        .batches = (int64_t)winograd->form.points * winograd->form.points,
        .depth = winograd->channels,
        .columns = winograd->columns,
        .batch_stride = winograd->channels * winograd->columns,
        .depth_stride = 1,
        .column_stride = winograd->channels,
        .tap_count = 1,
        .taps = hmlc_pack_one_tap,
    };
    contraction->panels = hmlc_arena_copy(context->arena, &panels, sizeof panels);
    HMLC_TRY_MEMORY(contraction->panels);
    HMLC_TRY(hmlc_pack_weights_operand(context->arena, contraction->panels, operand));
    operand->packing = hmlc_arena_printf(context->arena, "winograd%d %s", winograd->form.outputs,
                                         operand->packing);
    operand->pack = pack_transformed;
    return operand->packing == NULL ? HMLC_RESOURCE : HMLC_OK;
}

/* -- blocks */

/* Tiles of a block: V and M stay in half of L2. */
static int64_t tiles_in_cache(const hmlc_target *target, const hmlc_winograd_plan *winograd)
{
    int64_t points = (int64_t)winograd->form.points * winograd->form.points;
    int64_t tile = points * (winograd->input_row + winograd->column_block) * (int64_t)sizeof(float);
    int64_t tiles = target->l2_bytes / 2 / tile;
    return tiles < LEAST_TILES ? LEAST_TILES : tiles > MOST_TILES ? MOST_TILES : tiles;
}

static void plan_blocks(const hmlc_target *target, hmlc_winograd_plan *winograd, int64_t width)
{
    int64_t tiles = winograd->down.tiles * winograd->along.tiles;
    winograd->column_block = BLOCK_PANELS * width;
    if (winograd->column_block > winograd->columns) {
        winograd->column_block = winograd->columns;
    }
    winograd->input_row = winograd->channels + PADDING;
    int64_t most = tiles_in_cache(target, winograd);
    int64_t wanted =
        ceil_divide(UNITS_WANTED, ceil_divide(winograd->columns, winograd->column_block));
    winograd->blocks = ceil_divide(tiles, most);
    while (winograd->blocks < wanted && tiles / (winograd->blocks + 1) >= LEAST_TILES) {
        winograd->blocks += 1;
    }
    winograd->most_tiles = ceil_divide(tiles, winograd->blocks);
    winograd->input_plane = winograd->most_tiles * winograd->input_row + PADDING;
    winograd->product_plane = winograd->most_tiles * winograd->column_block + PADDING;
}

static void plan_cost(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                      const hmlc_contraction *contraction, const hmlc_winograd_plan *winograd)
{
    hmlc_dims *dims = context->module->dims;
    int64_t blocks = winograd->blocks * ceil_divide(winograd->columns, winograd->column_block);
    double flops = 2.0 * 9 * (double)winograd->channels * (double)winograd->columns;
    flops *= (double)winograd->down.output * (double)winograd->along.output;
    plan->units = hmlc_dim_multiply(dims, contraction->batches, integer(context, blocks));
    plan->work = hmlc_dim_multiply(dims, contraction->batches, integer(context, (int64_t)flops));
    double products = winograd->form.points * winograd->form.points / 9.0 /
                      (winograd->form.outputs * winograd->form.outputs);
    plan->unit_cost =
        hmlc_kernel_unit_cost(flops * products / (double)blocks / context->target->rates.flops);
}

hmlc_status hmlc_winograd_plan_units(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                     hmlc_contraction *contraction, hmlc_winograd_plan *winograd)
{
    hmlc_winograd_create((int32_t)hmlc_op_int(contraction->anchor, HMLC_ATTR_winograd),
                         &winograd->form);
    int32_t outputs = winograd->form.outputs;
    contraction->winograd = winograd;
    contraction->batches = contraction->dims[0];
    winograd->down.tiles = ceil_divide(winograd->down.output, outputs);
    winograd->along.tiles = ceil_divide(winograd->along.output, outputs);
    winograd->vectors = context->target->tiles.usual;
    plan_blocks(context->target, winograd, contraction->layout.width);
    HMLC_TRY(plan_weights(context, plan, contraction, winograd));
    plan_cost(context, plan, contraction, winograd);
    int64_t points = (int64_t)winograd->form.points * winograd->form.points;
    int64_t inputs = winograd->input_plane * (int64_t)hmlc_dtype_bytes(winograd->dtype);
    int64_t products = winograd->product_plane * (int64_t)sizeof(float); /* or sums in i32 */
    plan->scratch_bytes = integer(context, points * (inputs + products));
    return HMLC_OK;
}

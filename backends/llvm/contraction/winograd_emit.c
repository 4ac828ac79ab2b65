/* SPDX-License-Identifier: Apache-2.0 */
/* The units of Winograd's form: inputs, products, outputs. */
#include "winograd_plan.h"
#include "winograd_transform.h"

enum { MOST_FETCHES = 8 }; /* places from which one pass over the depth fetches panels */

typedef struct winograd_nest {
    hmlc_frame *frame;
    hmlc_tile_context *tile;
    const hmlc_contraction *contraction;
    const hmlc_winograd_plan *plan;
    hmlc_section section;          /* of the outputs */
    LLVMValueRef inputs, products; /* V and M in scratch memory */
    LLVMValueRef pointers;         /* alloca: n * n pixels of a tile */
    LLVMValueRef sums;             /* see hmlc_microkernel */
    /* Of the unit: */
    LLVMValueRef image, weights;
    LLVMValueRef first_tile, tiles; /* of its block */
    LLVMValueRef first_column, columns;
} winograd_nest;

static LLVMValueRef number(const winograd_nest *nest, int64_t value)
{
    return hmlc_frame_int(nest->frame, value);
}

static LLVMValueRef scaled(const winograd_nest *nest, LLVMValueRef value, int64_t by)
{
    return LLVMBuildMul(nest->frame->builder, value, number(nest, by), "");
}

static LLVMValueRef sum(const winograd_nest *nest, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildAdd(nest->frame->builder, a, b, "");
}

static LLVMValueRef element_at(const winograd_nest *nest, hmlc_dtype dtype, LLVMValueRef base,
                               LLVMValueRef index)
{
    return hmlc_frame_element(nest->frame, hmlc_frame_type(nest->frame, dtype), base, index);
}

/* Of M: f32, or i32 sums of bytes. */
static LLVMValueRef product_at(const winograd_nest *nest, LLVMValueRef base, LLVMValueRef index)
{
    return element_at(nest, nest->contraction->dtype, base, index);
}

static LLVMTypeRef vector_type(const winograd_nest *nest)
{
    return hmlc_frame_vector(nest->frame, nest->contraction->dtype, nest->contraction->lanes);
}

static bool has_words(const winograd_nest *nest)
{
    return nest->plan->dtype == HMLC_DTYPE_i16;
}

/* What the micro-kernel counts the depth in, of an element of V and U: floats, or bytes. */
static int64_t kernel_units(const winograd_nest *nest)
{
    return has_words(nest) ? (int64_t)sizeof(int16_t) : 1;
}

static hmlc_dtype kernel_dtype(const winograd_nest *nest)
{
    return has_words(nest) ? HMLC_DTYPE_i8 : HMLC_DTYPE_f32;
}

/* Where a tile lies: its index down and along the image. */
typedef struct tile_place {
    LLVMValueRef down, along;
} tile_place;

static tile_place place_of(const winograd_nest *nest, LLVMValueRef index)
{
    LLVMBuilderRef builder = nest->frame->builder;
    LLVMValueRef tile = sum(nest, nest->first_tile, index);
    LLVMValueRef along = number(nest, nest->plan->along.tiles);
    return (tile_place){.down = LLVMBuildUDiv(builder, tile, along, ""),
                        .along = LLVMBuildURem(builder, tile, along, "")};
}

/* -- inputs */

/* Index 0 to n - 1 along an axis of a tile's inputs: its place in the image, and whether it lies
 * in it. */
static LLVMValueRef input_index(const winograd_nest *nest, const hmlc_winograd_axis *axis,
                                LLVMValueRef tile, int64_t k, LLVMValueRef *inside)
{
    LLVMValueRef index = scaled(nest, tile, nest->plan->form.outputs);
    index = sum(nest, index, number(nest, k - axis->pad));
    *inside = LLVMBuildICmp(nest->frame->builder, LLVMIntULT, index, number(nest, axis->input), "");
    return index;
}

/* The pointers to a tile's pixels; those outside of the image lead to zeros. */
static void point_at_pixels(winograd_nest *nest, const tile_place *place)
{
    hmlc_frame *frame = nest->frame;
    const hmlc_winograd_axis *down = &nest->plan->down, *along = &nest->plan->along;
    LLVMTypeRef type = hmlc_frame_type(frame, nest->contraction->left_dtype);
    LLVMValueRef zeros = frame->operands[nest->plan->zero_operand];
    int32_t points = nest->plan->form.points;
    for (int32_t j = 0; j < points; j++) {
        LLVMValueRef row_inside, column_inside;
        LLVMValueRef row = input_index(nest, down, place->down, j, &row_inside);
        row = scaled(nest, row, down->stride);
        for (int32_t i = 0; i < points; i++) {
            LLVMValueRef column = input_index(nest, along, place->along, i, &column_inside);
            LLVMValueRef offset = sum(nest, row, scaled(nest, column, along->stride));
            LLVMValueRef inside = LLVMBuildAnd(frame->builder, row_inside, column_inside, "");
            /* May lie outside, so that it is no element of the image. */
            LLVMValueRef pixel = LLVMBuildGEP2(frame->builder, type, nest->image, &offset, 1, "");
            pixel = LLVMBuildSelect(frame->builder, inside, pixel, zeros, "");
            LLVMValueRef slot = hmlc_frame_element(frame, frame->pointer, nest->pointers,
                                                   number(nest, j * points + i));
            hmlc_frame_store(frame, pixel, slot, 8);
        }
    }
}

/* Channels that are transformed at once: a vector of V's elements where these fill it. */
static uint32_t input_lanes(const winograd_nest *nest)
{
    uint32_t lanes = nest->contraction->lanes;
    return has_words(nest) && nest->plan->channels % (2 * lanes) == 0 ? 2 * lanes : lanes;
}

/* B^T d B of `input_lanes` channels from `channel` on, into V of tile `index`. */
static void transform_input(winograd_nest *nest, LLVMValueRef index, LLVMValueRef channel)
{
    hmlc_frame *frame = nest->frame;
    const hmlc_winograd_plan *plan = nest->plan;
    int32_t points = plan->form.points;
    uint32_t lanes = input_lanes(nest), size = (uint32_t)hmlc_dtype_bytes(plan->dtype);
    hmlc_dtype left = nest->contraction->left_dtype;
    LLVMTypeRef loaded = hmlc_frame_vector(frame, left, lanes);
    LLVMTypeRef words = hmlc_frame_vector(frame, plan->dtype, lanes);
    LLVMValueRef values[HMLC_WINOGRAD_POINTS * HMLC_WINOGRAD_POINTS];
    for (int32_t k = 0; k < points * points; k++) {
        LLVMValueRef slot =
            hmlc_frame_element(frame, frame->pointer, nest->pointers, number(nest, k));
        LLVMValueRef pixel = hmlc_frame_load(frame, frame->pointer, slot, 8);
        LLVMValueRef from = element_at(nest, left, pixel, channel);
        values[k] = hmlc_frame_load(frame, loaded, from, (uint32_t)hmlc_dtype_bytes(left));
        if (has_words(nest)) {
            values[k] = LLVMBuildZExt(frame->builder, values[k], words, "");
        }
    }
    hmlc_winograd_transform_inputs(frame, &plan->form, lanes, has_words(nest), values);
    LLVMValueRef place = sum(nest, scaled(nest, index, plan->input_row), channel);
    for (int32_t k = 0; k < points * points; k++) {
        LLVMValueRef to = sum(nest, place, number(nest, k * plan->input_plane));
        hmlc_frame_store(frame, values[k], element_at(nest, plan->dtype, nest->inputs, to), size);
    }
}

static void emit_inputs(winograd_nest *nest)
{
    hmlc_frame *frame = nest->frame;
    hmlc_frame_loop tiles, channels;
    hmlc_frame_loop_begin(frame, &tiles, number(nest, 0), nest->tiles, 1, NULL, 0);
    tile_place place = place_of(nest, tiles.index);
    point_at_pixels(nest, &place);
    hmlc_frame_loop_begin(frame, &channels, number(nest, 0), number(nest, nest->plan->channels),
                          input_lanes(nest), NULL, 0);
    transform_input(nest, tiles.index, channels.index);
    hmlc_frame_loop_end(frame, &channels, NULL);
    hmlc_frame_loop_end(frame, &tiles, NULL);
}

/* -- products */

/* One product: M[point], rows from `row` on, columns from `column` of the unit on. */
typedef struct product_site {
    LLVMValueRef point, column, panel;
    uint32_t vectors;
    int64_t row_tiles; /* of the block */
} product_site;

static void fetch_next(const winograd_nest *nest, const product_site *site,
                       hmlc_microkernel *kernel, LLVMValueRef row_tile)
{
    int64_t width = (int64_t)site->vectors * nest->contraction->lanes;
    int64_t eighths = width / HMLC_PREFETCH_COLUMNS;
    int64_t count = (eighths + site->row_tiles - 1) / site->row_tiles;
    int64_t eighth = nest->plan->channels * HMLC_PREFETCH_COLUMNS * (int64_t)sizeof(float);
    if (count > MOST_FETCHES || eighths < 8 || has_words(nest)) {
        return;
    }
    LLVMValueRef first = hmlc_frame_minimum(nest->frame, scaled(nest, row_tile, count),
                                            number(nest, eighths - count));
    LLVMValueRef offset = sum(nest, number(nest, eighth * eighths), scaled(nest, first, eighth));
    kernel->prefetch = hmlc_frame_element(nest->frame, nest->frame->i8, site->panel, offset);
    kernel->prefetch_stride = number(nest, eighth);
    kernel->prefetch_count = (uint32_t)count;
}

static void emit_product(winograd_nest *nest, const product_site *site, uint32_t rows,
                         LLVMValueRef row, LLVMValueRef row_tile)
{
    hmlc_frame *frame = nest->frame;
    const hmlc_winograd_plan *plan = nest->plan;
    const hmlc_contraction *contraction = nest->contraction;
    hmlc_dtype dtype = kernel_dtype(nest);
    int64_t units = kernel_units(nest), steps = plan->channels * units;
    LLVMValueRef left = scaled(nest, row, plan->input_row * units);
    left = sum(nest, scaled(nest, site->point, plan->input_plane * units), left);
    hmlc_microkernel kernel = {
        .rows = rows,
        .vectors = site->vectors,
        .lanes = contraction->lanes,
        .step = contraction->step,
        .dtype = contraction->dtype,
        .left_dtype = dtype,
        .right_dtype = dtype,
        .layout = contraction->layout,
        .row = {element_at(nest, dtype, nest->inputs, left)},
        .immediate = true,
        .row_stride = plan->input_row * units,
        .depth_stride = number(nest, 1),
        .panel = site->panel,
        .panel_stride = number(nest, hmlc_pack_rows(contraction->layout, steps) *
                                         hmlc_pack_row(contraction->layout)),
        .panel_alignment = (uint32_t)sizeof(float) * contraction->lanes,
        .sums = nest->sums,
        .part_steps = (uint32_t)plan->form.part_steps,
    };
    fetch_next(nest, site, &kernel, row_tile);
    LLVMValueRef accumulators[HMLC_TILE_ACCUMULATORS];
    for (uint32_t k = 0; k < rows * site->vectors; k++) {
        accumulators[k] = LLVMConstNull(vector_type(nest));
    }
    hmlc_microkernel_begin_sums(frame, &kernel, accumulators);
    hmlc_microkernel_emit(frame, &kernel, number(nest, steps), accumulators);
    hmlc_microkernel_end_sums(frame, &kernel, accumulators);
    LLVMValueRef place = scaled(nest, row, plan->column_block);
    place = sum(nest, scaled(nest, site->point, plan->product_plane), place);
    place = sum(nest, place, site->column);
    for (uint32_t k = 0; k < rows * site->vectors; k++) {
        int64_t ahead = k / site->vectors * plan->column_block +
                        (int64_t)(k % site->vectors) * contraction->lanes;
        LLVMValueRef to = product_at(nest, nest->products, sum(nest, place, number(nest, ahead)));
        hmlc_frame_store(frame, accumulators[k], to, 4);
    }
}

/* Tiles [first, first + count) of `rows` rows, from row `row` on. */
static void row_tiles(winograd_nest *nest, const product_site *site, uint32_t rows, int64_t first,
                      int64_t count, int64_t row)
{
    hmlc_frame_loop loop;
    if (count == 0) {
        return;
    }
    hmlc_frame_loop_begin(nest->frame, &loop, number(nest, 0), number(nest, count), 1, NULL, 0);
    LLVMValueRef at = sum(nest, number(nest, row), scaled(nest, loop.index, rows));
    emit_product(nest, site, rows, at, sum(nest, loop.index, number(nest, first)));
    hmlc_frame_loop_end(nest->frame, &loop, NULL);
}

/* All rows of a block of `tiles` tiles, in row tiles of nearly one height. */
static void block_rows(winograd_nest *nest, product_site *site, int64_t tiles)
{
    int64_t most = hmlc_microkernel_rows(nest->frame->target, nest->contraction->step,
                                         site->vectors, false, false);
    site->row_tiles = (tiles + most - 1) / most;
    int64_t low = tiles / site->row_tiles, big = tiles % site->row_tiles;
    row_tiles(nest, site, (uint32_t)low + 1, 0, big, 0);
    row_tiles(nest, site, (uint32_t)low, big, site->row_tiles - big, big * (low + 1));
}

/* One tile of columns, from `column` of the unit on. */
static void product_columns(winograd_nest *nest, LLVMValueRef point, LLVMValueRef column,
                            uint32_t vectors, int64_t tiles)
{
    const hmlc_winograd_plan *plan = nest->plan;
    LLVMBuilderRef builder = nest->frame->builder;
    int64_t width = nest->contraction->layout.width;
    LLVMValueRef absolute = sum(nest, nest->first_column, column);
    LLVMValueRef panel = LLVMBuildUDiv(builder, absolute, number(nest, width), "");
    int64_t steps = plan->channels * kernel_units(nest), group = nest->contraction->layout.group;
    LLVMValueRef offset = scaled(nest, panel, steps * width);
    LLVMValueRef within = LLVMBuildURem(builder, absolute, number(nest, width), "");
    offset = sum(nest, offset, group > 1 ? scaled(nest, within, group) : within);
    offset = sum(nest, offset, scaled(nest, point, steps * plan->columns));
    product_site site = {.point = point,
                         .column = column,
                         .panel = element_at(nest, kernel_dtype(nest), nest->weights, offset),
                         .vectors = vectors};
    block_rows(nest, &site, tiles);
}

/* The products of a block of `tiles` tiles: wide tiles of columns, then a panel that is left. */
static void emit_products(winograd_nest *nest, int64_t tiles)
{
    hmlc_frame *frame = nest->frame;
    const hmlc_winograd_plan *plan = nest->plan;
    uint32_t lanes = nest->contraction->lanes;
    int64_t wide = (int64_t)plan->vectors * lanes, panel = nest->contraction->layout.width;
    bool rest = wide > panel && plan->columns % wide != 0;
    LLVMValueRef left = LLVMBuildURem(frame->builder, nest->columns, number(nest, wide), "");
    LLVMValueRef end = LLVMBuildSub(frame->builder, nest->columns, left, "");
    hmlc_frame_loop points, columns;
    hmlc_frame_loop_begin(frame, &points, number(nest, 0),
                          number(nest, (int64_t)plan->form.points * plan->form.points), 1, NULL, 0);
    hmlc_frame_loop_begin(frame, &columns, number(nest, 0), rest ? end : nest->columns, wide, NULL,
                          0);
    product_columns(nest, points.index, columns.index, plan->vectors, tiles);
    hmlc_frame_loop_end(frame, &columns, NULL);
    if (rest) {
        hmlc_frame_loop_begin(frame, &columns, end, nest->columns, panel, NULL, 0);
        product_columns(nest, points.index, columns.index, (uint32_t)panel / lanes, tiles);
        hmlc_frame_loop_end(frame, &columns, NULL);
    }
    hmlc_frame_loop_end(frame, &points, NULL);
}

/* -- outputs */

/* The first `width` outputs of row `row` of a tile go through the epilogue. */
static void store_row(winograd_nest *nest, const tile_place *place, int64_t row, int64_t width,
                      LLVMValueRef const *outputs)
{
    int64_t size = nest->plan->form.outputs;
    LLVMValueRef down = sum(nest, scaled(nest, place->down, size), number(nest, row));
    LLVMValueRef first = scaled(nest, place->along, size);
    first = sum(nest, scaled(nest, down, nest->plan->along.output), first);
    hmlc_tile_place(nest->tile, (uint32_t)width, first);
    hmlc_tile_store(nest->tile, outputs);
}

/* Row `row`: whole tiles, and the last along the image where it is narrower. */
static void store_either(winograd_nest *nest, const tile_place *place, int64_t row,
                         LLVMValueRef const *outputs)
{
    hmlc_frame *frame = nest->frame;
    int64_t size = nest->plan->form.outputs;
    int64_t rest = nest->plan->along.output % size;
    if (rest == 0) {
        store_row(nest, place, row, size, outputs);
        return;
    }
    LLVMValueRef whole = LLVMBuildICmp(frame->builder, LLVMIntNE, place->along,
                                       number(nest, nest->plan->along.tiles - 1), "");
    hmlc_frame_branch branch;
    hmlc_frame_branch_begin(frame, &branch, whole);
    store_row(nest, place, row, size, outputs);
    hmlc_frame_branch_else(frame, &branch);
    store_row(nest, place, row, rest, outputs);
    hmlc_frame_branch_end(frame, &branch);
}

/* Sums of bytes come four times, exactly. */
static LLVMValueRef take_sum(const winograd_nest *nest, LLVMValueRef value)
{
    hmlc_frame *frame = nest->frame;
    LLVMValueRef two = LLVMConstInt(frame->i32, 2, 0);
    return has_words(nest)
               ? LLVMBuildAShr(frame->builder, value,
                               hmlc_frame_splat(frame, two, nest->contraction->lanes), "")
               : value;
}

/* A^T m A of the section's columns, stored row by row; `outputs` hold row * n * vectors ... */
static void transform_output(winograd_nest *nest, LLVMValueRef index, const tile_place *place,
                             LLVMValueRef column)
{
    hmlc_frame *frame = nest->frame;
    const hmlc_winograd_plan *plan = nest->plan;
    int32_t points = plan->form.points, size = plan->form.outputs;
    uint32_t vectors = nest->section.vectors, lanes = nest->contraction->lanes;
    LLVMValueRef rows[HMLC_WINOGRAD_OUTPUTS][HMLC_TILE_ACCUMULATORS];
    LLVMValueRef at = sum(nest, scaled(nest, index, plan->column_block), column);
    for (uint32_t v = 0; v < vectors; v++) {
        LLVMValueRef values[HMLC_WINOGRAD_POINTS * HMLC_WINOGRAD_POINTS];
        for (int32_t k = 0; k < points * points; k++) {
            LLVMValueRef ahead = number(nest, k * plan->product_plane + (int64_t)v * lanes);
            values[k] = hmlc_frame_load(frame, vector_type(nest),
                                        product_at(nest, nest->products, sum(nest, at, ahead)), 4);
        }
        hmlc_winograd_transform_products(frame, &plan->form, lanes, has_words(nest), values);
        for (int32_t k = 0; k < size * size; k++) {
            rows[k / size][(uint32_t)(k % size) * vectors + v] = take_sum(nest, values[k]);
        }
    }
    nest->tile->column = sum(nest, nest->first_column, column);
    int64_t rest = plan->down.output % size;
    for (int32_t r = 0; r < size; r++) {
        if (rest == 0 || r < rest) {
            store_either(nest, place, r, rows[r]);
            continue;
        }
        hmlc_frame_branch branch;
        hmlc_frame_branch_begin(frame, &branch,
                                LLVMBuildICmp(frame->builder, LLVMIntNE, place->down,
                                              number(nest, plan->down.tiles - 1), ""));
        store_either(nest, place, r, rows[r]);
        hmlc_frame_branch_end(frame, &branch);
    }
}

static void emit_outputs(winograd_nest *nest)
{
    hmlc_frame *frame = nest->frame;
    hmlc_frame_loop tiles, columns;
    int64_t width = (int64_t)nest->section.vectors * nest->contraction->lanes;
    hmlc_frame_loop_begin(frame, &tiles, number(nest, 0), nest->tiles, 1, NULL, 0);
    tile_place place = place_of(nest, tiles.index);
    hmlc_frame_loop_begin(frame, &columns, number(nest, 0), nest->columns, width, NULL, 0);
    transform_output(nest, tiles.index, &place, columns.index);
    hmlc_frame_loop_end(frame, &columns, NULL);
    hmlc_frame_loop_end(frame, &tiles, NULL);
}

/* -- units */

static void decode_unit(winograd_nest *nest, LLVMValueRef unit)
{
    hmlc_frame *frame = nest->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_winograd_plan *plan = nest->plan;
    const hmlc_contraction *contraction = nest->contraction;
    int64_t tiles = plan->down.tiles * plan->along.tiles;
    int64_t low = tiles / plan->blocks, big = tiles % plan->blocks;
    int64_t column_blocks = (plan->columns + plan->column_block - 1) / plan->column_block;
    LLVMValueRef block = LLVMBuildURem(builder, unit, number(nest, plan->blocks), "");
    unit = LLVMBuildUDiv(builder, unit, number(nest, plan->blocks), "");
    LLVMValueRef columns = LLVMBuildURem(builder, unit, number(nest, column_blocks), "");
    nest->tile->batch[0] = LLVMBuildUDiv(builder, unit, number(nest, column_blocks), "");
    LLVMValueRef bigger = hmlc_frame_minimum(frame, block, number(nest, big));
    LLVMValueRef is_big = LLVMBuildICmp(builder, LLVMIntULT, block, number(nest, big), "");
    nest->first_tile = sum(nest, scaled(nest, block, low), bigger);
    nest->tiles = LLVMBuildSelect(builder, is_big, number(nest, low + 1), number(nest, low), "");
    nest->first_column = scaled(nest, columns, plan->column_block);
    LLVMValueRef left = LLVMBuildSub(builder, number(nest, plan->columns), nest->first_column, "");
    nest->columns = hmlc_frame_minimum(frame, left, number(nest, plan->column_block));
    LLVMValueRef image = LLVMBuildMul(builder, nest->tile->batch[0],
                                      hmlc_frame_dim(frame, contraction->left.strides[0]), "");
    image = sum(nest, image, hmlc_frame_dim(frame, contraction->left.offset));
    uint32_t left_operand = hmlc_frame_argument(frame, contraction->left_argument);
    nest->image = element_at(nest, contraction->left_dtype, frame->operands[left_operand], image);
    hmlc_tile_begin_batch(nest->tile);
}

static void emit_unit(winograd_nest *nest)
{
    hmlc_frame *frame = nest->frame;
    int64_t tiles = nest->plan->down.tiles * nest->plan->along.tiles;
    int64_t low = tiles / nest->plan->blocks, big = tiles % nest->plan->blocks;
    emit_inputs(nest);
    if (big == 0) {
        emit_products(nest, low);
    } else {
        hmlc_frame_branch branch;
        hmlc_frame_branch_begin(
            frame, &branch,
            LLVMBuildICmp(frame->builder, LLVMIntEQ, nest->tiles, number(nest, low), ""));
        emit_products(nest, low);
        hmlc_frame_branch_else(frame, &branch);
        emit_products(nest, low + 1);
        hmlc_frame_branch_end(frame, &branch);
    }
    emit_outputs(nest);
}

hmlc_status hmlc_winograd_emit(hmlc_tile_context *tile, const hmlc_winograd_plan *plan)
{
    hmlc_frame *frame = tile->frame;
    const hmlc_contraction *contraction = tile->contraction;
    uint32_t panel = (uint32_t)contraction->layout.width / contraction->lanes;
    int64_t points = (int64_t)plan->form.points * plan->form.points;
    winograd_nest nest = {
        .frame = frame,
        .tile = tile,
        .contraction = contraction,
        .plan = plan,
        .section = {.vectors = contraction->heavy ? panel : 1},
        .inputs = frame->scratch,
        .weights = frame->operands[hmlc_frame_argument(frame, contraction->right_argument)],
    };
    nest.products =
        element_at(&nest, plan->dtype, frame->scratch, number(&nest, points * plan->input_plane));
    nest.pointers = hmlc_frame_alloca(frame, frame->pointer, (uint32_t)points, 64);
    if (plan->channels > plan->form.part_steps && !has_words(&nest)) {
        nest.sums = hmlc_frame_alloca(frame, vector_type(&nest), HMLC_TILE_ACCUMULATORS,
                                      HMLC_SUMS_ALIGNMENT);
    }
    tile->section = &nest.section;
    tile->group = number(&nest, 0);
    hmlc_frame_loop loop;
    hmlc_dim first = hmlc_dim_constant(frame->ir->dims, 0);
    decode_unit(&nest, hmlc_contraction_units_begin(frame, &loop, first, frame->plan->units));
    emit_unit(&nest);
    hmlc_frame_loop_end(frame, &loop, NULL);
    return HMLC_OK;
}

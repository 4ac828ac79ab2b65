/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nest of every contraction: the column tiles of a unit, and inside them its row tiles. One
 * column tile's panels stay in L1 or L2 while all row tiles of the unit pass over them.
 */
#include "contraction_nest.h"
#include "conv.h"
#include "microkernel_digits.h"
#include "pack.h"
#include "pack_scaled.h"

#include <string.h>

/* From this tile height on, code for every height costs more than tails gain by it. */
enum { MAP_ROWS = 6 };
/* Fewer rows are few enough streams for the processor to see where they lead. */
enum { FETCHED_ROWS = 8 };

static LLVMValueRef add_product(hmlc_frame *frame, LLVMValueRef sum, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildAdd(frame->builder, sum, LLVMBuildMul(frame->builder, a, b, ""), "");
}

/* -- one tile */

/*
 * Each row tile of a unit fetches some eighths of the next column tile's panels; the last eighths
 * again where there are more row tiles than that.
 */
static void set_prefetch(hmlc_nest *nest, hmlc_microkernel *kernel, LLVMValueRef row_tile)
{
    hmlc_frame *frame = nest->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_section *section = nest->section;
    int64_t width = (int64_t)section->vectors * nest->contraction->lanes;
    int64_t last = width / hmlc_prefetch_columns(nest->contraction) - section->prefetch;
    LLVMValueRef eighth = LLVMBuildMul(builder, hmlc_frame_dim(frame, nest->contraction->depth),
                                       hmlc_frame_int(frame, 8), "");
    LLVMValueRef size =
        hmlc_frame_int(frame, (int64_t)hmlc_dtype_bytes(nest->contraction->right_dtype) * width);
    LLVMValueRef next =
        LLVMBuildMul(builder, size, hmlc_frame_dim(frame, nest->contraction->depth), "");
    LLVMValueRef first = LLVMBuildSub(builder, row_tile, nest->row_begin, "");
    first = LLVMBuildMul(builder, first, hmlc_frame_int(frame, section->prefetch), "");
    first = hmlc_frame_minimum(frame, first, hmlc_frame_int(frame, last));
    LLVMValueRef offset = add_product(frame, next, first, eighth);
    kernel->prefetch = hmlc_frame_element(frame, frame->i8, nest->panel, offset);
    kernel->prefetch_stride = eighth;
    kernel->prefetch_count = section->prefetch;
}

/* From one panel to the next. */
static LLVMValueRef panel_elements(const hmlc_nest *nest)
{
    hmlc_frame *frame = nest->frame;
    const hmlc_contraction *contraction = nest->contraction;
    return LLVMBuildMul(frame->builder, hmlc_frame_dim(frame, contraction->panel_rows),
                        hmlc_frame_int(frame, hmlc_pack_row(contraction->layout)), "");
}

static LLVMValueRef scaled_operand(const hmlc_nest *nest, uint32_t argument, hmlc_dtype dtype)
{
    hmlc_frame *frame = nest->frame;
    return hmlc_frame_element(frame, hmlc_frame_type(frame, dtype),
                              frame->operands[hmlc_frame_argument(frame, argument)], nest->scales);
}

static void set_scaled(const hmlc_nest *nest, hmlc_microkernel *kernel)
{
    const hmlc_scaled_plan *scaled = nest->contraction->scaled;
    if (scaled == NULL) {
        return;
    }
    kernel->scaled = (hmlc_scaled_panels){
        .scales = scaled_operand(nest, scaled->scale_argument, scaled->scale_dtype),
        .scale_dtype = scaled->scale_dtype,
        .zero_dtype = scaled->zero_dtype,
        .block = scaled->block,
        .blocks = scaled->blocks,
        .nibbles = scaled->nibbles,
        .is_signed = scaled->is_signed,
        .digits = nest->section->digits ? nest->frame->scratch : NULL,
    };
    if (scaled->has_zeros) {
        kernel->scaled.zeros = scaled_operand(nest, scaled->zero_argument, scaled->zero_dtype);
    }
}

/* Of a tile of one row, if the registers hold as many. */
static uint32_t splits_of(const hmlc_nest *nest, const hmlc_row_class *class_)
{
    enum { APART = 3 }; /* vectors beside the sums */
    uint32_t splits = nest->contraction->splits, sums = splits * nest->section->vectors;
    uint32_t registers = (uint32_t)nest->frame->target->vector_registers;
    return class_->rows == 1 && splits > 1 && sums + APART <= registers &&
                   sums <= HMLC_TILE_ACCUMULATORS
               ? splits
               : 1;
}

static void tile_kernel(hmlc_nest *nest, const hmlc_row_class *class_, hmlc_microkernel *kernel,
                        LLVMValueRef row_tile)
{
    const hmlc_contraction *contraction = nest->contraction;
    hmlc_frame *frame = nest->frame;
    uint32_t size = (uint32_t)hmlc_dtype_bytes(contraction->right_dtype);
    int64_t first_column = 0;
    bool one_tile = hmlc_dim_is(nest->section->column_tiles, 1) &&
                    hmlc_dim_is_constant(nest->section->first_column, &first_column);
    *kernel = (hmlc_microkernel){
        .rows = class_->rows,
        .vectors = nest->section->vectors,
        .lanes = contraction->lanes,
        .step = contraction->step,
        .dtype = contraction->dtype,
        .left_dtype = contraction->left_dtype,
        .right_dtype = contraction->right_dtype,
        .half_products = contraction->half_products,
        .part_steps = contraction->half_products ? HMLC_HALF_STEPS : 0,
        .depth_stride = hmlc_frame_dim(frame, contraction->left.strides[contraction->rank - 1]),
        .panel = nest->panel,
        .panel_stride = panel_elements(nest),
        .layout = contraction->layout,
        .panel_alignment = contraction->panels != NULL ? size * contraction->lanes : size,
        .first_lane = one_tile ? (uint32_t)(first_column % contraction->layout.width) : 0,
        .splits = splits_of(nest, class_),
        .sums = nest->sums,
    };
    set_scaled(nest, kernel);
    /* Twelve row pointers leave no register for another. */
    bool full = contraction->conv != NULL && class_->rows >= 12;
    if (nest->section->prefetch > 0 && !full) {
        set_prefetch(nest, kernel, row_tile);
    }
}

static LLVMValueRef left_element(hmlc_nest *nest, LLVMValueRef offset)
{
    LLVMTypeRef type = hmlc_frame_type(nest->frame, nest->contraction->left_dtype);
    return hmlc_frame_element(nest->frame, type, nest->left, offset);
}

/* From one step of the left side to the next. */
static hmlc_dim contraction_step(const hmlc_nest *nest)
{
    const hmlc_contraction *contraction = nest->contraction;
    return contraction->left.strides[contraction->rank - 1];
}

/* Rows by the left side's access: immediates of one pointer where the stride is known. */
static void matmul_rows(hmlc_nest *nest, hmlc_microkernel *kernel)
{
    hmlc_frame *frame = nest->frame;
    const hmlc_row_map *map = &nest->left_rows;
    int64_t stride = 0;
    kernel->immediate =
        map->count == 0 ||
        (map->count == 1 && hmlc_dim_is_constant(map->strides[0], &stride) && stride < (1 << 26));
    kernel->row_stride = stride;
    bool lines = kernel->immediate && kernel->left_dtype == HMLC_DTYPE_f32 &&
                 kernel->rows >= FETCHED_ROWS && hmlc_dim_is(contraction_step(nest), 1);
    kernel->ahead = lines ? frame->target->rates.fetched_steps : 0;
    uint32_t pointers = kernel->immediate ? 1 : kernel->rows;
    for (uint32_t r = 0; r < pointers; r++) {
        LLVMValueRef offset = hmlc_row_map_offset(frame, map, nest->tile.row[r]);
        if (nest->left_before != NULL) {
            offset = LLVMBuildSub(frame->builder, offset, nest->left_before, "");
        }
        kernel->row[r] = left_element(nest, offset);
    }
}

/* The k loop, left out where there is nothing to add up. */
static void run_depth(hmlc_nest *nest, const hmlc_microkernel *kernel, LLVMValueRef steps,
                      bool may_be_empty, LLVMValueRef *accumulators)
{
    hmlc_frame *frame = nest->frame;
    if (!may_be_empty) {
        hmlc_microkernel_emit(frame, kernel, steps, accumulators);
        return;
    }
    uint32_t count = hmlc_microkernel_carried(kernel);
    LLVMValueRef before[HMLC_TILE_ACCUMULATORS];
    memcpy(before, accumulators, count * sizeof *before);
    LLVMBasicBlockRef from = LLVMGetInsertBlock(frame->builder);
    hmlc_frame_branch branch;
    hmlc_frame_branch_begin(
        frame, &branch,
        LLVMBuildICmp(frame->builder, LLVMIntSGT, steps, hmlc_frame_int(frame, 0), ""));
    hmlc_microkernel_emit(frame, kernel, steps, accumulators);
    LLVMBasicBlockRef inside = LLVMGetInsertBlock(frame->builder);
    hmlc_frame_branch_end(frame, &branch);
    for (uint32_t k = 0; k < count; k++) {
        LLVMValueRef phi = LLVMBuildPhi(frame->builder, LLVMTypeOf(before[k]), "");
        LLVMAddIncoming(phi, &before[k], &from, 1);
        LLVMAddIncoming(phi, &accumulators[k], &inside, 1);
        accumulators[k] = phi;
    }
}

static void scale_rows(hmlc_nest *nest, LLVMValueRef *accumulators)
{
    hmlc_frame *frame = nest->frame;
    uint32_t vectors = nest->section->vectors;
    for (uint32_t r = 0; r < nest->tile.rows; r++) {
        LLVMValueRef row =
            LLVMBuildSub(frame->builder, nest->tile.row[r], nest->factors_before, "");
        LLVMValueRef address = hmlc_frame_element(frame, frame->f32, nest->factors, row);
        LLVMValueRef factor =
            hmlc_frame_splat(frame, hmlc_frame_load(frame, frame->f32, address, sizeof(float)),
                             nest->contraction->lanes);
        for (uint32_t v = 0; v < vectors; v++) {
            LLVMValueRef *sum = &accumulators[r * vectors + v];
            *sum = LLVMBuildFMul(frame->builder, *sum, factor, "");
        }
    }
}

/* Where a row tile's pairs are. */
static LLVMValueRef tile_pairs(const hmlc_nest *nest, LLVMValueRef row_tile)
{
    hmlc_frame *frame = nest->frame;
    const hmlc_contraction *contraction = nest->contraction;
    int64_t elements = hmlc_contraction_pairs(contraction, nest->section);
    LLVMValueRef place = LLVMBuildSub(frame->builder, row_tile, nest->row_begin, "");
    place = LLVMBuildMul(frame->builder, place, hmlc_frame_int(frame, elements), "");
    return hmlc_frame_element(frame, hmlc_frame_type(frame, contraction->left_dtype),
                              frame->scratch, place);
}

static void matmul_tile(hmlc_nest *nest, const hmlc_row_class *class_, LLVMValueRef row_tile,
                        LLVMValueRef first_row)
{
    hmlc_frame *frame = nest->frame;
    hmlc_tile_context *tile = &nest->tile;
    hmlc_dim depth = nest->contraction->depth;
    LLVMValueRef accumulators[HMLC_TILE_ACCUMULATORS];
    hmlc_microkernel kernel;
    hmlc_tile_place(tile, class_->rows, first_row);
    tile_kernel(nest, class_, &kernel, row_tile);
    matmul_rows(nest, &kernel);
    if (nest->section->pairs) {
        kernel.pairs = tile_pairs(nest, row_tile);
    }
    if (nest->packing) {
        hmlc_microkernel_pack_pairs(frame, &kernel, depth->minimum, kernel.pairs);
        return;
    }
    hmlc_tile_start(tile, accumulators);
    hmlc_microkernel_begin_sums(frame, &kernel, accumulators);
    if (!hmlc_dim_is(depth, 0)) {
        run_depth(nest, &kernel, hmlc_frame_dim(frame, depth), depth->minimum < 1, accumulators);
    }
    hmlc_microkernel_end_sums(frame, &kernel, accumulators);
    if (nest->factors != NULL) {
        scale_rows(nest, accumulators);
    }
    hmlc_tile_store(tile, accumulators);
}

/* -- row tiles of a unit, one column tile */

/* A convolution tile of the table: number `ahead` of its class. */
static void begin_conv_tile(void *context, const hmlc_row_class *class_, LLVMValueRef ahead,
                            hmlc_conv_site *site)
{
    hmlc_nest *nest = context;
    LLVMValueRef row_tile =
        LLVMBuildAdd(nest->frame->builder, ahead, hmlc_frame_int(nest->frame, class_->first), "");
    tile_kernel(nest, class_, &nest->kernel, row_tile);
    *site = (hmlc_conv_site){.tile = &nest->tile, .kernel = &nest->kernel, .left = nest->left};
}

static void conv_class(hmlc_nest *nest, const hmlc_row_class *class_, LLVMValueRef from,
                       LLVMValueRef to)
{
    hmlc_frame *frame = nest->frame;
    const hmlc_conv *conv = nest->contraction->conv;
    LLVMValueRef first = hmlc_frame_int(frame, class_->first);
    from = LLVMBuildSub(frame->builder, from, first, "");
    to = LLVMBuildSub(frame->builder, to, first, "");
    if (!conv->explicit_tiles) {
        hmlc_conv_regular_loop(frame, conv, class_, from, to, begin_conv_tile, nest);
        return;
    }
    hmlc_frame_loop loop;
    hmlc_conv_site site;
    hmlc_frame_loop_begin(frame, &loop, from, to, 1, NULL, 0);
    begin_conv_tile(nest, class_, loop.index, &site);
    hmlc_conv_explicit_tile(&site, class_, loop.index);
    hmlc_frame_loop_end(frame, &loop, NULL);
}

/* Tiles [first, end) of one height; row tile `first` begins at row `row`. */
static void row_class(hmlc_nest *nest, const hmlc_row_class *class_, LLVMValueRef first,
                      LLVMValueRef end, LLVMValueRef row)
{
    hmlc_frame *frame = nest->frame;
    const hmlc_conv *conv = nest->contraction->conv;
    LLVMValueRef from = hmlc_frame_maximum(frame, nest->row_begin, first);
    LLVMValueRef to = hmlc_frame_minimum(frame, nest->row_end, end);
    if (conv != NULL && !conv->dynamic) {
        conv_class(nest, class_, from, to);
        return;
    }
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, from, to, 1, NULL, 0);
    LLVMValueRef ahead = LLVMBuildSub(frame->builder, loop.index, first, "");
    LLVMValueRef first_row = add_product(frame, row, ahead, hmlc_frame_int(frame, class_->rows));
    if (conv != NULL) {
        tile_kernel(nest, class_, &nest->kernel, loop.index);
        hmlc_conv_dynamic_tile(&nest->tile, &nest->kernel, nest->left, first_row);
    } else {
        matmul_tile(nest, class_, loop.index, first_row);
    }
    hmlc_frame_loop_end(frame, &loop, NULL);
}

static void static_rows(hmlc_nest *nest)
{
    hmlc_frame *frame = nest->frame;
    int64_t row = 0;
    for (uint32_t k = 0; k < nest->section->class_count; k++) {
        const hmlc_row_class *class_ = &nest->section->classes[k];
        row_class(nest, class_, hmlc_frame_int(frame, class_->first),
                  hmlc_frame_int(frame, class_->first + class_->tiles), hmlc_frame_int(frame, row));
        row += class_->tiles * class_->rows;
    }
}

/* Rows known at run time, spread evenly: `big` tiles of low + 1 rows, then tiles of low rows; every
 * height has its code, and those that do not occur run no iteration. */
static void dynamic_rows(hmlc_nest *nest)
{
    hmlc_frame *frame = nest->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_section *section = nest->section;
    LLVMValueRef rows = hmlc_frame_dim(frame, nest->contraction->rows);
    LLVMValueRef tiles = hmlc_frame_dim(frame, section->row_tiles);
    LLVMValueRef low = LLVMBuildUDiv(builder, rows, tiles, "");
    LLVMValueRef big = LLVMBuildURem(builder, rows, tiles, "");
    LLVMValueRef zero = hmlc_frame_int(frame, 0);
    for (uint32_t r = section->rows; r >= 1; r--) {
        hmlc_row_class class_ = {.rows = r};
        LLVMValueRef is_low = LLVMBuildICmp(builder, LLVMIntEQ, low, hmlc_frame_int(frame, r), "");
        LLVMValueRef is_big =
            LLVMBuildICmp(builder, LLVMIntEQ, low, hmlc_frame_int(frame, (int64_t)r - 1), "");
        LLVMValueRef first = LLVMBuildSelect(builder, is_low, big, zero, "");
        LLVMValueRef end = LLVMBuildSelect(builder, is_big, big, zero, "");
        end = LLVMBuildSelect(builder, is_low, tiles, end, "");
        LLVMValueRef above = LLVMBuildAdd(builder, low, hmlc_frame_int(frame, 1), "");
        LLVMValueRef row =
            LLVMBuildSelect(builder, is_low, LLVMBuildMul(builder, big, above, ""), zero, "");
        row_class(nest, &class_, first, end, row);
    }
}

/* The last tile of a map, `rest` rows from `row` on, as tiles of halved heights. */
static void map_tail(hmlc_nest *nest, LLVMValueRef tile, LLVMValueRef row, LLVMValueRef rest)
{
    hmlc_frame *frame = nest->frame;
    LLVMBuilderRef builder = frame->builder;
    for (uint32_t most = nest->section->rows - 1; most > 0;) {
        hmlc_row_class class_ = {.rows = (most + 1) / 2};
        LLVMValueRef height = hmlc_frame_int(frame, class_.rows);
        LLVMValueRef fits = LLVMBuildICmp(builder, LLVMIntSGE, rest, height, "");
        LLVMValueRef used = LLVMBuildZExt(builder, fits, frame->index, "");
        row_class(nest, &class_, tile, LLVMBuildAdd(builder, tile, used, ""), row);
        LLVMValueRef done = LLVMBuildSelect(builder, fits, height, hmlc_frame_int(frame, 0), "");
        row = LLVMBuildAdd(builder, row, done, "");
        rest = LLVMBuildSub(builder, rest, done, "");
        most = most - class_.rows > class_.rows - 1 ? most - class_.rows : class_.rows - 1;
    }
}

/*
 * Pixels of a map whose size is known at run time: tiles of the full height and of one row less
 * where these two make up all, as they do from rows * (rows - 1) pixels on; else full tiles and a
 * tail. Code for every height would be more than twice as much.
 */
static void map_rows(hmlc_nest *nest)
{
    hmlc_frame *frame = nest->frame;
    LLVMBuilderRef builder = frame->builder;
    hmlc_row_class full = {.rows = nest->section->rows}, less = {.rows = full.rows - 1};
    LLVMValueRef rows = hmlc_frame_dim(frame, nest->contraction->rows);
    LLVMValueRef tiles = hmlc_frame_dim(frame, nest->section->row_tiles);
    LLVMValueRef zero = hmlc_frame_int(frame, 0), height = hmlc_frame_int(frame, full.rows);
    LLVMValueRef low = LLVMBuildUDiv(builder, rows, tiles, "");
    LLVMValueRef big = LLVMBuildURem(builder, rows, tiles, "");
    LLVMValueRef whole = LLVMBuildUDiv(builder, rows, height, "");
    LLVMValueRef even =
        LLVMBuildICmp(builder, LLVMIntEQ, low, hmlc_frame_int(frame, less.rows), "");
    row_class(nest, &full, zero, LLVMBuildSelect(builder, even, big, whole, ""), zero);
    LLVMValueRef less_row = LLVMBuildMul(builder, big, height, "");
    row_class(nest, &less, big, LLVMBuildSelect(builder, even, tiles, zero, ""), less_row);
    LLVMValueRef row = LLVMBuildMul(builder, whole, height, "");
    LLVMValueRef rest = LLVMBuildSub(builder, rows, row, "");
    map_tail(nest, whole, row, LLVMBuildSelect(builder, even, zero, rest, ""));
}

static void row_tiles(hmlc_nest *nest)
{
    if (nest->section->class_count > 0) {
        static_rows(nest);
    } else if (nest->contraction->many_rows && nest->section->rows >= MAP_ROWS) {
        map_rows(nest);
    } else {
        dynamic_rows(nest);
    }
}

void hmlc_nest_tiles(hmlc_nest *nest, const hmlc_section *section)
{
    hmlc_frame *frame = nest->frame;
    nest->section = section;
    nest->tile.section = section;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_contraction *contraction = nest->contraction;
    LLVMValueRef panel = hmlc_frame_int(frame, contraction->layout.width);
    if (section->pairs) {
        nest->panel = nest->right;
        nest->packing = true;
        row_tiles(nest);
        nest->packing = false;
    }
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, nest->column_begin, nest->column_end, 1, NULL, 0);
    LLVMValueRef width =
        hmlc_frame_int(frame, (int64_t)nest->section->vectors * contraction->lanes);
    LLVMValueRef column =
        add_product(frame, hmlc_frame_dim(frame, nest->section->first_column), loop.index, width);
    LLVMValueRef columns = hmlc_frame_dim(frame, contraction->columns);
    LLVMValueRef elements = panel_elements(nest);
    LLVMValueRef number = LLVMBuildUDiv(builder, column, panel, "");
    LLVMValueRef place = LLVMBuildURem(builder, column, panel, "");
    if (contraction->layout.group > 1) {
        place = LLVMBuildMul(builder, place, hmlc_frame_int(frame, contraction->layout.group), "");
    }
    LLVMValueRef offset = add_product(frame, place, number, elements);
    nest->panel = hmlc_frame_element(frame, hmlc_frame_type(frame, contraction->right_dtype),
                                     nest->right, offset);
    if (contraction->scaled != NULL) {
        int64_t panel_width = contraction->layout.width;
        nest->scales = add_product(
            frame, place, number, hmlc_frame_int(frame, contraction->scaled->blocks * panel_width));
    }
    nest->tile.valid = LLVMBuildSub(builder, columns, column, "");
    nest->tile.column = add_product(frame, column, nest->tile.group, columns);
    row_tiles(nest);
    hmlc_frame_loop_end(frame, &loop, NULL);
}

/* -- beginnings */

void hmlc_nest_begin_batch(hmlc_nest *nest)
{
    hmlc_frame *frame = nest->frame;
    const hmlc_contraction *contraction = nest->contraction;
    hmlc_tile_context *tile = &nest->tile;
    LLVMValueRef left = hmlc_frame_dim(frame, contraction->left.offset);
    LLVMValueRef right = hmlc_frame_int(frame, 0);
    for (int32_t k = 0; k < contraction->batch_rank; k++) {
        left = add_product(frame, left, tile->batch[k],
                           hmlc_frame_dim(frame, contraction->left.strides[k]));
        right = add_product(frame, right, tile->batch[k],
                            hmlc_frame_dim(frame, contraction->right_strides[k]));
    }
    left = add_product(frame, left, tile->group,
                       hmlc_frame_int(frame, contraction->left_group_stride));
    hmlc_dims *dims = frame->ir->dims;
    hmlc_dim panels = hmlc_dim_ceildiv(dims, contraction->columns,
                                       hmlc_dim_constant(dims, contraction->layout.width));
    LLVMValueRef group_panels =
        LLVMBuildMul(frame->builder, hmlc_frame_dim(frame, panels),
                     hmlc_frame_int(frame, hmlc_pack_row(contraction->layout)), "");
    group_panels = LLVMBuildMul(frame->builder, group_panels,
                                hmlc_frame_dim(frame, contraction->panel_rows), "");
    right = add_product(frame, right, tile->group, group_panels);
    uint32_t left_operand = hmlc_frame_argument(frame, contraction->left_argument);
    uint32_t right_operand = hmlc_frame_argument(frame, contraction->right_argument);
    LLVMValueRef panels_at =
        contraction->packs_weights ? frame->scratch : frame->operands[right_operand];
    nest->left = hmlc_frame_element(frame, hmlc_frame_type(frame, contraction->left_dtype),
                                    frame->operands[left_operand], left);
    nest->right = hmlc_frame_element(frame, hmlc_frame_type(frame, contraction->right_dtype),
                                     panels_at, right);
    hmlc_tile_begin_batch(tile);
}

static void reserve_tile(hmlc_nest *nest)
{
    hmlc_frame *frame = nest->frame;
    const hmlc_contraction *contraction = nest->contraction;
    LLVMTypeRef vector = hmlc_frame_vector(frame, contraction->dtype, contraction->lanes);
    nest->tile.store_tile = hmlc_frame_alloca(frame, vector, HMLC_TILE_ACCUMULATORS, 64);
    nest->tile.store_rows = hmlc_frame_alloca(frame, frame->index, HMLC_TILE_ROWS, 16);
}

static void reserve_rows(hmlc_nest *nest)
{
    hmlc_frame *frame = nest->frame;
    hmlc_tile_context *tile = &nest->tile;
    tile->row_origins = hmlc_frame_alloca(frame, frame->index, HMLC_TILE_ROWS * HMLC_SPATIAL, 16);
    tile->row_pointers = hmlc_frame_alloca(frame, frame->pointer, HMLC_TILE_ROWS, 16);
    tile->row_insides = hmlc_frame_alloca(frame, frame->i8, HMLC_TILE_ROWS, 16);
}

/* Sums of many f32 products are cut into parts, unless a convolution's taps, whose runs are at
 * least `channels` long, are too short for that to be cheap. */
static bool has_partial_sums(const hmlc_contraction *contraction)
{
    bool long_runs =
        contraction->conv == NULL || contraction->conv->channels >= HMLC_PARTIAL_STEPS / 4;
    return contraction->half_products ||
           (contraction->dtype == HMLC_DTYPE_f32 &&
            contraction->depth->maximum > HMLC_PARTIAL_STEPS && long_runs);
}

hmlc_nest *hmlc_nest_create(hmlc_frame *frame, const hmlc_contraction *contraction)
{
    hmlc_nest *nest = HMLC_NEW(frame->arena, hmlc_nest);
    if (nest == NULL) {
        return NULL;
    }
    nest->frame = frame;
    nest->contraction = contraction;
    nest->tile.frame = frame;
    nest->tile.contraction = contraction;
    hmlc_row_map_create(frame->ir->dims, &contraction->left, contraction->batch_rank,
                        contraction->rank - 1, &nest->left_rows);
    return nest;
}

/* The one row, before the first tile; where there are more, no section asks. */
void hmlc_nest_digits(const hmlc_nest *nest)
{
    hmlc_frame *frame = nest->frame;
    const hmlc_contraction *contraction = nest->contraction;
    const hmlc_scaled_plan *scaled = contraction->scaled;
    if (!hmlc_contraction_has_digits(contraction)) {
        return;
    }
    uint32_t left = hmlc_frame_argument(frame, contraction->left_argument);
    LLVMValueRef row = hmlc_frame_element(frame, frame->f32, frame->operands[left],
                                          hmlc_frame_dim(frame, contraction->left.offset));
    LLVMValueRef rows = hmlc_frame_dim(frame, contraction->rows);
    hmlc_frame_branch branch;
    hmlc_frame_branch_begin(
        frame, &branch,
        LLVMBuildICmp(frame->builder, LLVMIntEQ, rows, hmlc_frame_int(frame, 1), ""));
    int64_t factor = scaled->has_zeros ? 1 : hmlc_digits_bias(scaled->is_signed);
    hmlc_digits_emit(frame, row, scaled->blocks * scaled->block, scaled->block, -factor,
                     frame->scratch);
    hmlc_frame_branch_end(frame, &branch);
}

void hmlc_nest_reserve(hmlc_nest *nest)
{
    hmlc_frame *frame = nest->frame;
    const hmlc_contraction *contraction = nest->contraction;
    if (contraction->heavy) {
        reserve_tile(nest);
    }
    if (contraction->winograd != NULL) {
        return;
    }
    if (contraction->conv != NULL && contraction->conv->dynamic) {
        reserve_rows(nest);
    }
    if (has_partial_sums(contraction) || contraction->scaled != NULL) {
        LLVMTypeRef vector = hmlc_frame_vector(frame, contraction->dtype, contraction->lanes);
        nest->sums = hmlc_frame_alloca(frame, vector, HMLC_TILE_ACCUMULATORS, HMLC_SUMS_ALIGNMENT);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Sections, row tiles, blocks and units of a contraction: everything that is decided by sizes. */
#include "conv.h"
#include "pack_scaled.h"

#include <hmlc/assert.h>

enum {
    UNITS_WANTED = 20,       /* five per thread at four threads */
    UNIT_FLOPS = 200 * 1000, /* a smaller unit costs more to hand out than it is worth */
    SMALL_ROWS = 3,          /* up to here streaming the panels is what takes the time */
    MOST_PANELS = 6,         /* that one tile streams side by side */
    PAIRS_TILES = 3,         /* column tiles from which on packing rows in pairs gains something */
    FEW_ROWS = 128,          /* of one batch element, where the rows have no other bound */
};

_Static_assert(HMLC_SECTIONS >= 2 * (SMALL_ROWS + 1), "two sections for each choice of rows");

static hmlc_dim constant(hmlc_plan_context *context, int64_t value)
{
    return hmlc_dim_constant(context->module->dims, value);
}

/* Vectors per tile for many rows. Spread sums hold few of them: all columns of a panel, then, where
 * two rows fit, so that what is made of a row's groups serves many products. */
static uint32_t plain_vectors(const hmlc_target *target, const hmlc_contraction *contraction,
                              bool pointers)
{
    hmlc_byte_step step = contraction->step;
    uint32_t panel = (uint32_t)contraction->layout.width / contraction->lanes;
    bool spread = step == HMLC_BYTE_STEP_SPREAD || step == HMLC_BYTE_STEP_SPREAD_TWO;
    return spread && hmlc_microkernel_rows(target, step, panel, pointers, false) >= 2
               ? panel
               : hmlc_bytes_tiles(target, step)->usual;
}

/* Most rows of a tile. Widening an f16 takes time, for which the next one needs a register. */
static uint32_t tile_rows(const hmlc_target *target, const hmlc_contraction *contraction,
                          uint32_t vectors, bool pointers, bool apart)
{
    uint32_t rows = hmlc_microkernel_rows(target, contraction->step, vectors, pointers, apart);
    bool lanes = target->tiles.style != HMLC_LEFT_SPLAT;
    bool widens =
        contraction->right_dtype == HMLC_DTYPE_f16 && !contraction->half_products && lanes;
    uint32_t spare = 5; /* vectors on their way from memory to products */
    while (widens && rows > 1 &&
           rows * vectors + rows + spare > (uint32_t)target->vector_registers) {
        rows -= 1;
    }
    return rows;
}

/*
 * A single row streams panels of bytes one by one, since places a few KiB apart are what keeps
 * memory from being read in time. Enough sums are independent then where steps go to several in
 * turn: of known steps, which divide into as many. Halves have the sums of floats, bit for bit.
 */
static void plan_splits(const hmlc_target *target, hmlc_contraction *contraction)
{
    enum { SPLITS = 4 };
    const hmlc_scaled_plan *scaled = contraction->scaled;
    uint32_t panel = (uint32_t)contraction->layout.width / contraction->lanes;
    bool integers = scaled != NULL || hmlc_dtype_is_integer(contraction->right_dtype);
    bool whole = hmlc_dim_divisible(contraction->depth, SPLITS) &&
                 hmlc_dim_is_constant(contraction->depth, NULL) &&
                 (scaled == NULL || scaled->block % SPLITS == 0);
    contraction->splits = 1;
    if (integers && whole && contraction->dtype == HMLC_DTYPE_f32 && contraction->conv == NULL &&
        contraction->layout.group == 1 && target->tiles.style == HMLC_LEFT_SPLAT) {
        contraction->splits = SPLITS * panel * 2 <= (uint32_t)target->vector_registers ? SPLITS : 2;
    }
}

/* A single row is multiplied in integers, and streams panels one by one, too. */
static bool takes_digits(const hmlc_contraction *contraction)
{
    return contraction->scaled != NULL && contraction->scaled->digits &&
           hmlc_dim_is(contraction->batches, 1) && contraction->conv == NULL;
}

static bool has_single_row(const hmlc_contraction *contraction)
{
    return contraction->splits > 1 || takes_digits(contraction);
}

/* Vectors per tile for `rows` rows: few rows take several panels at once, so that the weights
 * stream in several places and enough sums are independent. */
static uint32_t tile_vectors(const hmlc_target *target, const hmlc_contraction *contraction,
                             int64_t rows, bool pointers)
{
    uint32_t panel = (uint32_t)contraction->layout.width / contraction->lanes;
    const hmlc_tiles *tiles = hmlc_bytes_tiles(target, contraction->step);
    if (rows == 1 && has_single_row(contraction)) {
        return panel;
    }
    for (size_t k = 0; k < HMLC_TILE_CHOICES && tiles->few[k] != 0; k++) {
        uint32_t wide = tiles->few[k];
        bool whole = wide % panel == 0, streams = wide / panel <= MOST_PANELS;
        if (whole && streams && rows > 0 &&
            tile_rows(target, contraction, wide, pointers, false) >= rows) {
            return wide;
        }
    }
    return plain_vectors(target, contraction, pointers);
}

/* Rows a multiple of what one way of L1 holds apart meet in one set: fewer rows and more columns
 * where they are more than its ways. */
static uint32_t usual_vectors(hmlc_plan_context *context, const hmlc_contraction *contraction,
                              bool pointers)
{
    hmlc_row_map map;
    int64_t stride = 1;
    hmlc_row_map_create(context->module->dims, &contraction->left, contraction->batch_rank,
                        contraction->rank - 1, &map);
    bool known = map.count == 1 && hmlc_dim_is_constant(map.strides[0], &stride);
    int64_t bytes = stride * (int64_t)hmlc_dtype_bytes(contraction->left_dtype);
    const hmlc_target *target = context->target;
    const hmlc_tiles *tiles = hmlc_bytes_tiles(target, contraction->step);
    uint32_t usual = plain_vectors(target, contraction, pointers);
    uint32_t rows = tile_rows(target, contraction, usual, pointers, false);
    bool crowded = known && bytes != 0 && bytes % (target->l1_bytes / target->l1_ways) == 0 &&
                   rows > (uint32_t)target->l1_ways;
    return crowded && tiles->crowded > usual ? tiles->crowded : usual;
}

static hmlc_section *add_section(hmlc_plan_context *context, hmlc_contraction *contraction,
                                 uint32_t vectors, bool pointers)
{
    HMLC_ASSERT(contraction->section_count < HMLC_SECTIONS);
    hmlc_section *section = &contraction->sections[contraction->section_count++];
    *section = (hmlc_section){.vectors = vectors};
    bool panels = vectors * contraction->lanes > contraction->layout.width;
    bool apart = panels && !hmlc_dim_is_constant(contraction->depth, NULL);
    section->rows = tile_rows(context->target, contraction, vectors, pointers, apart);
    section->first_column = constant(context, 0);
    return section;
}

/* Static columns: full tiles, then one tile of another width; a tile whose last vector is not full
 * stands alone. */
static void static_columns(hmlc_plan_context *context, hmlc_contraction *contraction,
                           uint32_t vectors, int64_t columns, bool pointers, hmlc_dim guard)
{
    uint32_t lanes = contraction->lanes, last_lanes = (uint32_t)(columns % lanes);
    bool three = vectors == 2 &&
                 hmlc_microkernel_rows(context->target, contraction->step, 3, pointers, false) > 0;
    int64_t left = (columns + lanes - 1) / lanes, first = 0;
    while (left > 0) {
        uint32_t width = left < vectors ? (uint32_t)left : vectors;
        if (three && left == 3) {
            width = 3;
        }
        int64_t tiles = left / width;
        if (three && left % 2 == 1 && left > 3) {
            tiles -= 1;
        }
        if (last_lanes != 0 && tiles > 1 && tiles * width == left) {
            tiles -= 1;
        }
        hmlc_section *section = add_section(context, contraction, width, pointers);
        section->guard = guard;
        section->first_column = constant(context, first * lanes);
        section->column_tiles = constant(context, tiles);
        left -= tiles * width;
        first += tiles * width;
        section->last_lanes = left == 0 ? last_lanes : 0;
    }
}

/* Columns known at run time: tiles that are full, then tiles of a panel at most with masked ends.
 */
static void dynamic_columns(hmlc_plan_context *context, hmlc_contraction *contraction,
                            uint32_t vectors, bool pointers, hmlc_dim guard)
{
    hmlc_dims *dims = context->module->dims;
    int64_t width = (int64_t)vectors * contraction->lanes;
    uint32_t tail_vectors = (uint32_t)contraction->layout.width / contraction->lanes;
    if (tail_vectors > vectors) {
        tail_vectors = vectors;
    }
    int64_t tail_width = (int64_t)tail_vectors * contraction->lanes;
    hmlc_dim full = hmlc_dim_floordiv(dims, contraction->columns, constant(context, width));
    hmlc_section *section = add_section(context, contraction, vectors, pointers);
    section->column_tiles = full;
    section->guard = guard;
    if (hmlc_dim_divisible(contraction->columns, width)) {
        return;
    }
    section = add_section(context, contraction, tail_vectors, pointers);
    section->first_column = hmlc_dim_multiply(dims, full, constant(context, width));
    hmlc_dim rest = hmlc_dim_subtract(dims, contraction->columns, section->first_column);
    section->column_tiles = hmlc_dim_ceildiv(dims, rest, constant(context, tail_width));
    section->masked = true;
    section->guard = guard;
}

static void add_columns(hmlc_plan_context *context, hmlc_contraction *contraction, uint32_t vectors,
                        bool pointers, hmlc_dim guard)
{
    int64_t columns;
    if (hmlc_dim_is_constant(contraction->columns, &columns)) {
        static_columns(context, contraction, vectors, columns, pointers, guard);
    } else {
        dynamic_columns(context, contraction, vectors, pointers, guard);
    }
}

static void add_class(hmlc_section *section, int64_t rows, int64_t first, int64_t tiles)
{
    if (tiles > 0) {
        section->classes[section->class_count++] =
            (hmlc_row_class){.rows = (uint32_t)rows, .first = first, .tiles = tiles};
    }
}

/* Balanced row tiles of a static row count; squares have rows in pairs, but for the last. */
static void balance_rows(hmlc_section *section, const hmlc_contraction *contraction, int64_t rows)
{
    section->class_count = 0;
    if (rows <= 0) {
        return;
    }
    bool pairs = contraction->step == HMLC_BYTE_STEP_SQUARE && section->rows > 1;
    int64_t unit = pairs ? 2 : 1;
    int64_t units = (rows + unit - 1) / unit, missing = units * unit - rows;
    int64_t tiles = (rows + section->rows - 1) / section->rows;
    int64_t low = units / tiles, big = units % tiles;
    add_class(section, (low + 1) * unit, 0, big);
    add_class(section, low * unit, big, tiles - big - missing);
    add_class(section, low * unit - missing, tiles - missing, missing);
}

/*
 * Rows known at run time: sections for each number of rows that wants tiles of its own, of which
 * one exists in a run. Guards are 1 or 0.
 */
static void dynamic_rows(hmlc_plan_context *context, hmlc_contraction *contraction, uint32_t usual,
                         bool pointers)
{
    hmlc_dims *dims = context->module->dims;
    hmlc_dim below = NULL; /* 1 where the rows are no more than those already provided for */
    for (int64_t few = 1; few <= SMALL_ROWS && contraction->rows->minimum <= SMALL_ROWS;) {
        uint32_t vectors = tile_vectors(context->target, contraction, few, pointers);
        int64_t most = tile_rows(context->target, contraction, vectors, pointers, false);
        bool single = few == 1 && has_single_row(contraction);
        most = vectors <= usual ? few - 1 : most < SMALL_ROWS ? most : SMALL_ROWS;
        most = single ? 1 : most;
        if (most < few) {
            break;
        }
        hmlc_dim within = hmlc_dim_less(dims, contraction->rows, constant(context, most + 1));
        hmlc_dim guard = below == NULL ? within : hmlc_dim_subtract(dims, within, below);
        add_columns(context, contraction, vectors, pointers, guard);
        for (uint32_t k = 0; single && k < contraction->section_count; k++) {
            contraction->sections[k].rows = 1;
            contraction->sections[k].digits = takes_digits(contraction);
        }
        below = within;
        few = most + 1;
    }
    hmlc_dim many = below == NULL ? NULL : hmlc_dim_subtract(dims, constant(context, 1), below);
    add_columns(context, contraction, usual, pointers, many);
}

/* The row tiles of a section, of which it says the most rows. */
static void count_row_tiles(hmlc_plan_context *context, const hmlc_contraction *contraction,
                            hmlc_section *section)
{
    int64_t known;
    section->row_tiles = hmlc_dim_ceildiv(context->module->dims, contraction->rows,
                                          constant(context, section->rows));
    if (hmlc_dim_is_constant(contraction->rows, &known)) {
        balance_rows(section, contraction, known);
    }
}

hmlc_status hmlc_contraction_sections(hmlc_plan_context *context, hmlc_contraction *contraction,
                                      bool pointers)
{
    int64_t rows;
    bool known = hmlc_dim_is_constant(contraction->rows, &rows);
    const hmlc_target *target = context->target;
    uint32_t usual = usual_vectors(context, contraction, pointers);
    contraction->section_count = 0;
    plan_splits(target, contraction);
    if (known) {
        uint32_t few = tile_vectors(target, contraction, rows, pointers);
        bool single = rows == 1 && has_single_row(contraction);
        add_columns(context, contraction, few < usual && !single ? usual : few, pointers, NULL);
        for (uint32_t k = 0; single && k < contraction->section_count; k++) {
            contraction->sections[k].digits = takes_digits(contraction);
        }
    } else {
        dynamic_rows(context, contraction, usual, pointers);
    }
    for (uint32_t k = 0; k < contraction->section_count; k++) {
        count_row_tiles(context, contraction, &contraction->sections[k]);
    }
    return HMLC_OK;
}

bool hmlc_contraction_has_digits(const hmlc_contraction *contraction)
{
    bool any = false;
    for (uint32_t k = 0; k < contraction->section_count; k++) {
        any = any || contraction->sections[k].digits;
    }
    return any;
}

void hmlc_contraction_columns(hmlc_plan_context *context, hmlc_contraction *contraction,
                              bool pointers)
{
    uint32_t usual = usual_vectors(context, contraction, pointers);
    contraction->section_count = 0;
    add_columns(context, contraction, usual, pointers, NULL);
}

int64_t hmlc_contraction_pairs(const hmlc_contraction *contraction, const hmlc_section *section)
{
    int64_t depth = 0, even = (section->rows + 1) / 2 * 2;
    hmlc_dim_is_constant(contraction->depth, &depth);
    return even * depth;
}

uint32_t hmlc_contraction_least_rows(const hmlc_contraction *contraction)
{
    uint32_t rows = HMLC_TILE_ROWS;
    for (uint32_t k = 0; k < contraction->section_count; k++) {
        rows = contraction->sections[k].rows < rows ? contraction->sections[k].rows : rows;
    }
    return rows;
}

void hmlc_contraction_set_rows(hmlc_plan_context *context, hmlc_contraction *contraction,
                               uint32_t rows)
{
    for (uint32_t k = 0; k < contraction->section_count; k++) {
        contraction->sections[k].rows = rows;
        count_row_tiles(context, contraction, &contraction->sections[k]);
    }
}

/* -- blocks */

static int64_t at_least_one(int64_t value)
{
    return value < 1 ? 1 : value;
}

static int64_t ceil_divide(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Sizes of a small run: one with more rows or batch elements has more units of the same size. */
typedef struct block_sizes {
    int64_t row_tiles, column_tiles;
    double row_tile_bytes, column_tile_bytes; /* of the left side and of the panels */
    double tile_flops;
    int64_t outer;         /* batches x groups */
    int64_t least_columns; /* column tiles that a unit has where there are as many */
    double cache;
} block_sizes;

/* Of an element: panels of bytes in groups and of halves are what they are, others as wide as the
 * sums. */
static size_t panel_bytes(const hmlc_contraction *contraction)
{
    bool narrow = contraction->layout.group > 1 || hmlc_dtype_is_half(contraction->right_dtype);
    return hmlc_dtype_bytes(narrow ? contraction->right_dtype : contraction->dtype);
}

static block_sizes section_sizes(hmlc_plan_context *context, const hmlc_contraction *contraction,
                                 const hmlc_section *section, double left_row_bytes)
{
    double depth = (double)at_least_one(hmlc_dim_hint(contraction->depth));
    double width = (double)section->vectors * contraction->lanes;
    int64_t few = ceil_divide(FEW_ROWS, section->rows);
    bool pairs = contraction->step == HMLC_BYTE_STEP_SQUARE && contraction->conv == NULL;
    /* With a single one LLVM keeps the row pointers on the stack. */
    bool two = contraction->conv != NULL && contraction->conv->dynamic;
    return (block_sizes){
        .row_tiles = at_least_one(hmlc_dim_few(section->row_tiles, few)),
        .column_tiles = at_least_one(hmlc_dim_hint(section->column_tiles)),
        .row_tile_bytes = left_row_bytes * section->rows,
        .column_tile_bytes = depth * width * (double)panel_bytes(contraction),
        .tile_flops = 2 * depth * width * section->rows,
        .outer = at_least_one(hmlc_dim_few(contraction->batches, 1)) * contraction->groups,
        .least_columns = pairs ? PAIRS_TILES
                         : two ? 2
                               : 1,
        .cache = (double)context->target->l2_bytes / 2,
    };
}

/* How many tiles the cache holds; without depth a tile has no bytes. */
static int64_t tiles_in_cache(const block_sizes *sizes, double tile_bytes)
{
    return at_least_one((int64_t)(sizes->cache / (tile_bytes < 1 ? 1 : tile_bytes)));
}

/* Blocks that the cache holds: rows first, then columns where neither side fits. */
static void blocks_by_cache(const block_sizes *sizes, int64_t *row_blocks, int64_t *col_blocks)
{
    double left = sizes->row_tile_bytes * (double)sizes->row_tiles;
    double right = sizes->column_tile_bytes * (double)sizes->column_tiles;
    int64_t rows = tiles_in_cache(sizes, sizes->row_tile_bytes);
    *row_blocks = ceil_divide(sizes->row_tiles, rows);
    *col_blocks = 1;
    if (right > sizes->cache && *row_blocks > 1) {
        int64_t columns = tiles_in_cache(sizes, sizes->column_tile_bytes);
        int64_t blocks = ceil_divide(sizes->column_tiles, columns);
        /* Streaming the left side per column block against the panels per row block. */
        if (left * (double)blocks < right * (double)*row_blocks) {
            *col_blocks = blocks;
        }
    }
}

/* More blocks until every thread has its share, along the side that costs less to read again. */
static void blocks_by_units(const block_sizes *sizes, int64_t *row_blocks, int64_t *col_blocks)
{
    double flops = sizes->tile_flops * (double)sizes->row_tiles * (double)sizes->column_tiles;
    for (int k = 0; k < 32; k++) {
        int64_t blocks = *row_blocks * *col_blocks;
        bool enough = blocks * sizes->outer >= UNITS_WANTED;
        if (enough || flops / (double)(blocks * 2) < (double)UNIT_FLOPS) {
            return;
        }
        bool more_columns = *col_blocks * 2 * sizes->least_columns <= sizes->column_tiles;
        bool more_rows = *row_blocks * 2 <= sizes->row_tiles;
        double left = sizes->row_tile_bytes * (double)sizes->row_tiles / (double)*row_blocks;
        double right = sizes->column_tile_bytes * (double)sizes->column_tiles / (double)*col_blocks;
        if (more_columns && (right >= left || !more_rows)) {
            *col_blocks *= 2;
        } else if (more_rows) {
            *row_blocks *= 2;
        } else {
            return;
        }
    }
}

/*
 * The panels of the next column tile are fetched while a few row tiles use this one: with many row
 * tiles the first one's misses do not count, with one or two there is no time for it.
 */
static uint32_t plan_prefetch(const hmlc_rates *rates, const hmlc_contraction *contraction,
                              const hmlc_section *section, const block_sizes *sizes)
{
    int64_t tiles = sizes->row_tiles < section->row_block ? sizes->row_tiles : section->row_block;
    int64_t eighths =
        (int64_t)section->vectors * contraction->lanes / hmlc_prefetch_columns(contraction);
    int64_t count = ceil_divide(eighths, tiles);
    bool streams =
        sizes->column_tiles > 1 && sizes->column_tile_bytes >= (double)rates->prefetch_bytes;
    bool dense = hmlc_dim_is(contraction->left.strides[contraction->rank - 1], 1);
    bool whole = contraction->right_dtype == contraction->dtype ||
                 hmlc_dtype_is_half(contraction->right_dtype);
    return contraction->panels != NULL && contraction->layout.group == 1 && whole && streams &&
                   dense && eighths >= 8 && count <= 4 && tiles <= rates->prefetch_tiles
               ? (uint32_t)count
               : 0;
}

static void plan_blocks(hmlc_plan_context *context, const hmlc_contraction *contraction,
                        hmlc_section *section, double left_row_bytes)
{
    hmlc_dims *dims = context->module->dims;
    block_sizes sizes = section_sizes(context, contraction, section, left_row_bytes);
    int64_t row_blocks, col_blocks;
    blocks_by_cache(&sizes, &row_blocks, &col_blocks);
    blocks_by_units(&sizes, &row_blocks, &col_blocks);
    section->row_block = ceil_divide(sizes.row_tiles, row_blocks);
    section->col_block = ceil_divide(sizes.column_tiles, col_blocks);
    section->row_blocks =
        hmlc_dim_ceildiv(dims, section->row_tiles, constant(context, section->row_block));
    section->col_blocks =
        hmlc_dim_ceildiv(dims, section->column_tiles, constant(context, section->col_block));
    section->prefetch = plan_prefetch(&context->target->rates, contraction, section, &sizes);
    double left = sizes.row_tile_bytes * (double)sizes.row_tiles;
    double right = sizes.column_tile_bytes * (double)sizes.column_tiles;
    section->columns_first = right * (double)row_blocks < left * (double)col_blocks;
}

/* Squares' rows are packed in pairs once for all column tiles of a unit, where each row tile has a
 * number. */
static bool wants_pairs(const hmlc_contraction *contraction, const hmlc_section *section)
{
    bool numbered = section->class_count > 0 || !contraction->many_rows;
    return contraction->step == HMLC_BYTE_STEP_SQUARE && contraction->conv == NULL && numbered &&
           !contraction->packs_weights && section->rows > 1 && section->col_block >= PAIRS_TILES &&
           hmlc_dim_is_constant(contraction->depth, NULL);
}

/* Scratch memory for the pairs of the largest unit; false where it overflows. */
static bool plan_pairs(hmlc_contraction *contraction, int64_t *most)
{
    *most = 0;
    for (uint32_t k = 0; k < contraction->section_count; k++) {
        hmlc_section *section = &contraction->sections[k];
        section->pairs = wants_pairs(contraction, section);
        int64_t bytes = hmlc_contraction_pairs(contraction, section);
        if (section->pairs &&
            (!hmlc_int64_multiply(bytes, (int64_t)hmlc_dtype_bytes(contraction->left_dtype),
                                  &bytes) ||
             !hmlc_int64_multiply(bytes, section->row_block, &bytes))) {
            return false;
        }
        *most = section->pairs && bytes > *most ? bytes : *most;
    }
    return true;
}

/* Nanoseconds of the kernel on one core: those of its products, or of reading the panels once,
 * which take longer where there are few rows. */
static double whole_cost(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                         const hmlc_contraction *contraction)
{
    const hmlc_rates *rates = &context->target->rates;
    double products = (double)hmlc_dim_hint(plan->work) / rates->flops;
    double bytes = (double)hmlc_dim_hint(contraction->depth) *
                   (double)hmlc_dim_hint(contraction->columns) * (double)contraction->groups *
                   (double)panel_bytes(contraction);
    double reading = rates->stream > 0 ? bytes / rates->stream : 0;
    return reading > products ? reading : products;
}

hmlc_status hmlc_contraction_units(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                   hmlc_contraction *contraction, double left_row_bytes)
{
    hmlc_dims *dims = context->module->dims;
    hmlc_dim units = constant(context, 0);
    hmlc_dim outer =
        hmlc_dim_multiply(dims, contraction->batches, constant(context, contraction->groups));
    for (uint32_t k = 0; k < contraction->section_count; k++) {
        hmlc_section *section = &contraction->sections[k];
        plan_blocks(context, contraction, section, left_row_bytes);
        section->first_unit = units;
        section->units = hmlc_dim_multiply(
            dims, outer, hmlc_dim_multiply(dims, section->row_blocks, section->col_blocks));
        if (section->guard != NULL) {
            section->units =
                hmlc_dim_select(dims, section->guard, section->units, constant(context, 0));
        }
        units = hmlc_dim_add(dims, units, section->units);
    }
    int64_t pairs;
    if (!plan_pairs(contraction, &pairs)) {
        return HMLC_RESOURCE;
    }
    plan->scratch_bytes = pairs > 0 ? constant(context, pairs) : plan->scratch_bytes;
    hmlc_dim work = hmlc_dim_multiply(dims, contraction->columns, contraction->depth);
    work = hmlc_dim_multiply(dims, hmlc_dim_multiply(dims, contraction->batches, contraction->rows),
                             work);
    plan->work = hmlc_dim_multiply(dims, work, constant(context, 2 * contraction->groups));
    plan->units = units;
    plan->unit_cost = hmlc_kernel_unit_cost(whole_cost(context, plan, contraction) /
                                            (double)at_least_one(hmlc_dim_hint(units)));
    return HMLC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Planning of windows: axes, tiles with known borders, units. */
#include "window.h"
#include "llvm/contraction/pack.h"

#include <string.h>

enum {
    UNIT_NANOSECONDS = 4000,
    UNITS_WANTED = 20,
    CODE_LIMIT = 24000, /* taps of all tiles of the static form; above it taps are looped over */
};

static hmlc_dim integer(hmlc_plan_context *context, int64_t value)
{
    return hmlc_dim_constant(context->module->dims, value);
}

/* -- tiles along an axis */

/* Valid taps of one output, and how many an average counts there. */
static void describe_output(const hmlc_window *window, const hmlc_window_axis *axis, int64_t output,
                            int64_t *from, int64_t *to, int64_t *counted)
{
    int64_t limit = axis->input + axis->pad_end - axis->extra;
    *from = *to = *counted = 0;
    for (int64_t tap = 0; tap < axis->window; tap++) {
        int64_t at = output * axis->stride - axis->pad + tap * axis->dilation;
        bool inside = at >= 0 && at < axis->input && at < limit;
        if (inside) {
            *from = *to == 0 ? tap : *from;
            *to = tap + 1;
        }
        *counted += inside || (window->counts_padding && at < limit);
    }
}

static bool same_strip(const hmlc_window_strip *a, const hmlc_window_strip *b)
{
    size_t bytes = (size_t)a->size * sizeof(int64_t);
    return a->size == b->size && memcmp(a->from, b->from, bytes) == 0 &&
           memcmp(a->to, b->to, bytes) == 0 && memcmp(a->counted, b->counted, bytes) == 0;
}

/* Cuts an axis into tiles of at most `size` outputs, evenly. */
static hmlc_status cut_axis(hmlc_arena *arena, const hmlc_window *window,
                            const hmlc_window_axis *axis, int64_t size, hmlc_window_strips *strips)
{
    strips->count = strips->tiles = 0;
    strips->strips = HMLC_NEW_ARRAY(arena, hmlc_window_strip, axis->output / size + 1);
    HMLC_TRY_MEMORY(strips->strips);
    for (int64_t first = 0; first < axis->output; first += size) {
        int64_t left = axis->output - first;
        hmlc_window_strip strip = {.first = first,
                                   .size = left < size ? left : size,
                                   .count = 1,
                                   .first_tile = strips->tiles++};
        for (int64_t k = 0; k < strip.size; k++) {
            describe_output(window, axis, first + k, &strip.from[k], &strip.to[k],
                            &strip.counted[k]);
        }
        if (strips->count > 0 && same_strip(&strips->strips[strips->count - 1], &strip)) {
            strips->strips[strips->count - 1].count += 1;
        } else {
            strips->strips[strips->count++] = strip;
        }
    }
    return HMLC_OK;
}

/* Columns x rows of a tile. Large windows take one row: the sums and taps of two do not fit into
 * the registers. */
static void choose_tile(const hmlc_target *target, const hmlc_window *window, int64_t *columns,
                        int64_t *rows)
{
    const hmlc_window_axis *y = &window->axis[1], *x = &window->axis[2];
    bool depthwise = window->kind == HMLC_WINDOW_DEPTHWISE;
    bool large = x->window * y->window > 9, small = x->output <= 28 || x->stride > 1;
    bool two_rows = depthwise && !large;
    const hmlc_window_tiles *tiles = &target->window;
    bool pays = !two_rows || tiles->wide_has_rows || x->output == tiles->wide;
    *columns = tiles->columns;
    *rows = depthwise ? tiles->rows : 1;
    if (tiles->wide != 0 && x->output % tiles->wide == 0 && (small || large) && pays) {
        *columns = tiles->wide;
        *rows = two_rows ? tiles->rows : 1;
    }
    *columns = x->output < *columns ? x->output : *columns;
    *rows = y->output < *rows ? y->output : *rows;
}

/* Maxima go down the columns that a tile reads, then along its outputs. */
static double tile_code(const hmlc_window *window, int64_t rows, int64_t columns)
{
    const hmlc_window_axis *y = &window->axis[1], *x = &window->axis[2];
    int64_t read = (columns - 1) * x->stride + x->window;
    int64_t code = window->by_columns
                       ? rows * (read * y->window + columns * x->window)
                       : rows * columns * y->window * x->window * window->group_inputs;
    return (double)code;
}

static double static_code(const hmlc_window *window)
{
    double code = 0;
    for (int64_t r = 0; r < window->rows.count; r++) {
        for (int64_t c = 0; c < window->columns.count; c++) {
            code += tile_code(window, window->rows.strips[r].size, window->columns.strips[c].size);
        }
    }
    return code;
}

/* -- reading the op */

static void read_axes(hmlc_plan_context *context, const hmlc_op *anchor, const hmlc_access *input,
                      const int64_t *sizes, hmlc_window *window)
{
    const hmlc_attr *strides = hmlc_op_attr(anchor, HMLC_ATTR_strides);
    const hmlc_attr *pads = hmlc_op_attr(anchor, HMLC_ATTR_pads);
    const hmlc_attr *dilations = hmlc_op_attr(anchor, HMLC_ATTR_dilations);
    const hmlc_attr *extra =
        window->kind == HMLC_WINDOW_AVERAGE ? hmlc_op_attr(anchor, HMLC_ATTR_output_padding) : NULL;
    int32_t spatial = input->rank - 2, lead = HMLC_WINDOW_AXES - spatial;
    hmlc_dim one = integer(context, 1), zero = integer(context, 0);
    for (int32_t k = 0; k < HMLC_WINDOW_AXES; k++) {
        hmlc_window_axis *axis = &window->axis[k];
        int32_t s = k - lead;
        *axis = (hmlc_window_axis){.window = 1,
                                   .stride = 1,
                                   .dilation = 1,
                                   .input_dim = one,
                                   .output_dim = one,
                                   .pad_dim = zero,
                                   .pad_end_dim = zero};
        window->input_strides[k] = zero;
        if (s >= 0) {
            axis->window = sizes[s];
            axis->stride = strides->as.integers[s];
            axis->dilation = dilations->as.integers[s];
            axis->extra = extra != NULL ? extra->as.integers[s] : 0;
            axis->input_dim = input->dims[1 + s];
            axis->output_dim = window->tile.dims[1 + s];
            axis->pad_dim = pads->as.dims[s];
            axis->pad_end_dim = pads->as.dims[spatial + s];
            window->input_strides[k] = input->strides[1 + s];
        }
        axis->known = hmlc_dim_is_constant(axis->input_dim, &axis->input) &&
                      hmlc_dim_is_constant(axis->output_dim, &axis->output) &&
                      hmlc_dim_is_constant(axis->pad_dim, &axis->pad) &&
                      hmlc_dim_is_constant(axis->pad_end_dim, &axis->pad_end);
    }
}

static hmlc_status pack_weights(const hmlc_kernel_plan *plan, const hmlc_tensor *constant,
                                void *out)
{
    const hmlc_window *window = plan->state;
    hmlc_pack_weights_fill(window->tile.panels, constant, out);
    return HMLC_OK;
}

/* Panels of the weights: a packed operand, or made in scratch memory when a call begins. */
static hmlc_status take_weights(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                hmlc_window *window)
{
    hmlc_contraction *tile = &window->tile;
    hmlc_kernel_operand *operand = &plan->operands[tile->right_argument];
    if (hmlc_kernel_argument_constant(plan->kernel, tile->right_argument) != NULL) {
        operand->pack = pack_weights;
        return hmlc_pack_weights_operand(context->arena, tile->panels, operand);
    }
    size_t bytes;
    if (!hmlc_pack_weights_bytes(tile->panels, &bytes) || bytes > INT64_MAX) {
        return HMLC_RESOURCE;
    }
    tile->packs_weights = true;
    plan->scratch_bytes = integer(context, (int64_t)bytes);
    return HMLC_OK;
}

/* Sizes of a window and its groups, from weights [C, k..., inputs]; false where it is none. */
static bool read_sizes(const hmlc_kernel_plan *plan, hmlc_window *window, const hmlc_value *weights,
                       int64_t *channels, int64_t *sizes)
{
    const hmlc_type *type = weights->type;
    int64_t groups = hmlc_op_int(window->tile.anchor, HMLC_ATTR_groups);
    if (!hmlc_contraction_is_argument(weights) ||
        hmlc_op_operand(plan->kernel, weights->index)->storage.strides != NULL) {
        return false;
    }
    for (int32_t k = 1; k < type->rank - 1; k++) {
        if (!hmlc_dim_is_constant(type->dims[k], &sizes[k - 1])) {
            return false;
        }
    }
    if (!hmlc_conv_is_window(window->tile.anchor) ||
        !hmlc_dim_is_constant(type->dims[0], channels) ||
        !hmlc_dim_is_constant(type->dims[type->rank - 1], &window->group_inputs) ||
        !hmlc_dim_is(window->channels, *channels)) {
        return false;
    }
    window->group_outputs = *channels / groups;
    return true;
}

/* Panels of channels, whose steps are the taps, and of each the inputs of a group. */
static hmlc_status read_weights(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                hmlc_window *window, int64_t *sizes)
{
    hmlc_contraction *tile = &window->tile;
    const hmlc_value *right = hmlc_op_operand(tile->anchor, 1);
    int64_t channels, taps = 1;
    if (!read_sizes(plan, window, right, &channels, sizes)) {
        return hmlc_contraction_refuse(context, plan,
                                       "only windows of narrow groups and known weights");
    }
    for (int32_t k = 0; k < right->type->rank - 2; k++) {
        taps *= sizes[k];
    }
    taps *= window->group_inputs;
    bool bytes = hmlc_op_sums_bytes(tile->anchor) && tile->dtype == HMLC_DTYPE_i32;
    tile->right_dtype = bytes ? right->type->dtype : tile->dtype;
    hmlc_pack_weights panels = {.dtype = right->type->dtype,
                                .packed_dtype = tile->right_dtype,
                                .layout = tile->layout,
                                .tap_count = 1,
                                .taps = hmlc_pack_one_tap,
                                .batches = 1,
                                .depth = taps,
                                .columns = channels,
                                .depth_stride = 1,
                                .column_stride = taps};
    tile->panels = hmlc_arena_copy(context->arena, &panels, sizeof panels);
    HMLC_TRY_MEMORY(tile->panels);
    tile->right_argument = right->index;
    tile->bias = hmlc_op_operand(tile->anchor, 2);
    if (tile->bias != NULL) {
        HMLC_TRY(hmlc_contraction_add_leaf(context, plan, tile, tile->bias));
    }
    return take_weights(context, plan, window);
}

/* -- units */

static void plan_units(hmlc_plan_context *context, hmlc_kernel_plan *plan, hmlc_window *window)
{
    hmlc_dims *dims = context->module->dims;
    const hmlc_rates *rates = &context->target->rates;
    hmlc_dim row_tiles = window->dynamic ? hmlc_dim_multiply(dims, window->axis[0].output_dim,
                                                             window->axis[1].output_dim)
                                         : integer(context, window->rows.tiles);
    int64_t taps = window->axis[0].window * window->axis[1].window * window->axis[2].window *
                   window->group_inputs;
    double pixels = (double)hmlc_dim_hint(window->tile.rows);
    int64_t channels = hmlc_dim_hint(window->channels),
            batches = hmlc_dim_few(window->tile.batches, 1);
    int64_t rows = hmlc_dim_hint(row_tiles);
    double cost = pixels * (double)channels * (double)(taps + 2) /
                  (window->dynamic ? rates->window_dynamic : rates->window);
    double wanted = cost * (double)batches / (double)UNIT_NANOSECONDS;
    int64_t blocks = wanted<1 ? 1 : wanted>(double) UNITS_WANTED ? UNITS_WANTED : (int64_t)wanted;
    blocks = (blocks + batches - 1) / (batches < 1 ? 1 : batches);
    int64_t row_blocks = blocks < rows ? blocks : rows, width = window->tile.layout.width;
    int64_t panels = hmlc_pack_count(window->tile.layout, channels);
    row_blocks = row_blocks < 1 ? 1 : row_blocks;
    int64_t channel_blocks = (blocks + row_blocks - 1) / row_blocks;
    channel_blocks = channel_blocks < panels ? channel_blocks : panels;
    channel_blocks = channel_blocks < 1 ? 1 : channel_blocks;
    window->row_block = rows < 1 ? 1 : (rows + row_blocks - 1) / row_blocks;
    window->channel_block = width * ((panels + channel_blocks - 1) / channel_blocks);
    window->channel_block = window->channel_block < 1 ? width : window->channel_block;
    window->row_blocks = hmlc_dim_ceildiv(dims, row_tiles, integer(context, window->row_block));
    window->channel_blocks =
        hmlc_dim_ceildiv(dims, window->channels, integer(context, window->channel_block));
    plan->units =
        hmlc_dim_multiply(dims, window->tile.batches,
                          hmlc_dim_multiply(dims, window->row_blocks, window->channel_blocks));
    plan->unit_cost = hmlc_kernel_unit_cost(cost / (double)(row_blocks * channel_blocks));
    if (window->kind == HMLC_WINDOW_DEPTHWISE) {
        hmlc_dim work = integer(context, 2 * taps);
        plan->work = hmlc_dim_multiply(
            dims, hmlc_type_count(dims, window->tile.anchor->results[0]->type), work);
    }
}

static hmlc_status plan_static(hmlc_plan_context *context, hmlc_window *window)
{
    bool known = hmlc_dim_is_constant(window->channels, NULL);
    for (int32_t k = 0; k < HMLC_WINDOW_AXES; k++) {
        known = known && window->axis[k].known && window->axis[k].window <= HMLC_WINDOW_TAPS;
    }
    const hmlc_window_axis *depth = &window->axis[0];
    bool flat = known && depth->input == 1 && depth->output == 1 && depth->window == 1;
    flat = flat && window->axis[1].window * window->axis[2].window * window->group_inputs <=
                       HMLC_WINDOW_STEPS;
    window->dynamic = !flat || window->axis[1].output < 1 || window->axis[2].output < 1;
    if (window->dynamic) {
        return HMLC_OK;
    }
    int64_t columns, rows;
    window->by_columns =
        window->kind == HMLC_WINDOW_MAXIMUM && context->target->nan_extrema_bits == 0;
    choose_tile(context->target, window, &columns, &rows);
    HMLC_TRY(cut_axis(context->arena, window, &window->axis[1], rows, &window->rows));
    HMLC_TRY(cut_axis(context->arena, window, &window->axis[2], columns, &window->columns));
    window->dynamic = static_code(window) > (double)CODE_LIMIT;
    return HMLC_OK;
}

/*
 * Sums of so few products of bytes are whole numbers that f32 holds, and for which there is FMA.
 * The weights are packed as f32, too: to widen them costs as much as to multiply. Those that meet
 * in i32 stay bytes, which loads widen.
 */
enum { EXACT_TAPS = 128 }; /* 2 * 128 * 255 * 255 < 2^24 */

static hmlc_dtype sums_of_bytes(const hmlc_target *target, const hmlc_op *anchor)
{
    const hmlc_type *weights = hmlc_op_operand(anchor, 1)->type;
    int64_t taps = 1, size;
    for (int32_t k = 1; k < weights->rank - 1; k++) {
        taps *= hmlc_dim_is_constant(weights->dims[k], &size) ? size : EXACT_TAPS + 1;
        taps = taps > EXACT_TAPS ? EXACT_TAPS + 1 : taps;
    }
    return taps > EXACT_TAPS || target->bytes.in_windows ? HMLC_DTYPE_i32 : HMLC_DTYPE_f32;
}

static hmlc_status read_anchor(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                               hmlc_window *window)
{
    hmlc_contraction *tile = &window->tile;
    const hmlc_op *anchor = tile->anchor;
    hmlc_dtype dtype = anchor->results[0]->type->dtype;
    int64_t sizes[HMLC_WINDOW_AXES] = {0};
    HMLC_TRY(hmlc_contraction_argument(context, plan, hmlc_op_operand(anchor, 0),
                                       &tile->left_argument, &tile->left));
    bool half = hmlc_dtype_is_half(dtype);
    bool real = half || dtype == HMLC_DTYPE_f32 || dtype == HMLC_DTYPE_f64;
    bool whole = window->kind == HMLC_WINDOW_MAXIMUM && hmlc_dtype_is_integer(dtype) &&
                 hmlc_dtype_bytes(dtype) > 0;
    whole = whole || (window->kind == HMLC_WINDOW_DEPTHWISE && hmlc_op_sums_bytes(anchor));
    if (tile->rank < 3 || tile->rank > 5 || anchor->result_count > 1 ||
        hmlc_op_int(anchor, HMLC_ATTR_layout) != HMLC_LAYOUT_CHANNELS_LAST || !(real || whole)) {
        return hmlc_contraction_refuse(context, plan, "this window's type, rank or layout");
    }
    tile->left_dtype = hmlc_op_operand(anchor, 0)->type->dtype;
    tile->dtype = half ? HMLC_DTYPE_f32 : dtype;
    window->pad_value =
        anchor->opcode == HMLC_OP_conv ? hmlc_op_int(anchor, HMLC_ATTR_pad_value) : 0;
    if (hmlc_op_sums_bytes(anchor)) {
        tile->dtype = sums_of_bytes(context->target, anchor);
    }
    tile->layout = hmlc_pack_layout_default();
    tile->lanes = hmlc_microkernel_lanes(context->target, tile->dtype, tile->layout);
    window->channels = tile->dims[tile->rank - 1];
    window->group_inputs = window->group_outputs = 1;
    if (window->kind == HMLC_WINDOW_DEPTHWISE) {
        HMLC_TRY(read_weights(context, plan, window, sizes));
    } else {
        memcpy(sizes, hmlc_op_attr(anchor, HMLC_ATTR_window)->as.integers,
               (size_t)(tile->rank - 2) * sizeof *sizes);
    }
    window->counts_padding = window->kind == HMLC_WINDOW_AVERAGE &&
                             hmlc_op_int(anchor, HMLC_ATTR_count_include_pad) != 0;
    read_axes(context, anchor, &tile->left, sizes, window);
    return HMLC_OK;
}

hmlc_status hmlc_window_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan)
{
    static const struct {
        hmlc_opcode opcode;
        hmlc_window_kind kind;
    } kinds[] = {{HMLC_OP_conv, HMLC_WINDOW_DEPTHWISE},
                 {HMLC_OP_max_pool, HMLC_WINDOW_MAXIMUM},
                 {HMLC_OP_avg_pool, HMLC_WINDOW_AVERAGE}};
    const hmlc_op *anchor = hmlc_kernel_anchor(plan->kernel, HMLC_TRAIT_WINDOW);
    hmlc_window *window = HMLC_NEW(context->arena, hmlc_window);
    HMLC_TRY_MEMORY(window);
    size_t k = 0;
    while (anchor != NULL && k < 3 && kinds[k].opcode != anchor->opcode) {
        k++;
    }
    if (anchor == NULL || k == 3 || plan->kernel->result_count != 1) {
        return hmlc_contraction_refuse(context, plan, "it needs one window and one result");
    }
    window->kind = kinds[k].kind;
    plan->state = window;
    hmlc_contraction *tile = &window->tile;
    HMLC_TRY(hmlc_contraction_epilogue(context, plan, anchor, tile));
    HMLC_TRY(read_anchor(context, plan, window));
    tile->groups = 1;
    tile->batch_rank = 1;
    tile->batches = tile->dims[0];
    tile->columns = window->channels;
    tile->rows = integer(context, 1);
    for (int32_t i = 1; i < tile->rank - 1; i++) {
        tile->rows = hmlc_dim_multiply(context->module->dims, tile->rows, tile->dims[i]);
    }
    HMLC_TRY(plan_static(context, window));
    plan_units(context, plan, window);
    return HMLC_OK;
}

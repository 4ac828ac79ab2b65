/* SPDX-License-Identifier: Apache-2.0 */
/* Planning of convolutions: index space, panels, and tap tables where the spatial dims are known.
 */
#include "conv.h"
#include "pack.h"
#include "winograd_plan.h"

#include <string.h>

enum {
    EXPLICIT_TAPS = 64,
    TABLE_BYTES = 64,     /* tables are whole cache lines */
    NARROW_CHANNELS = 16, /* fewer channels that lie apart: runs go along the window instead */
};

static hmlc_dim integer(hmlc_plan_context *context, int64_t value)
{
    return hmlc_dim_constant(context->module->dims, value);
}

/* A dim's value, or `otherwise` where it is not known. */
static int64_t known(hmlc_dim dim, int64_t otherwise)
{
    int64_t value;
    return hmlc_dim_is_constant(dim, &value) ? value : otherwise;
}

/* Window sizes: [O, k..., C] and [I, k..., O/g] both hold them behind the first dim. */
static void read_axes(hmlc_plan_context *context, hmlc_conv *conv, const hmlc_op *anchor,
                      const hmlc_access *input, const hmlc_tensor *weights)
{
    const hmlc_attr *strides = hmlc_op_attr(anchor, HMLC_ATTR_strides);
    const hmlc_attr *pads = hmlc_op_attr(anchor, HMLC_ATTR_pads);
    const hmlc_attr *dilations = hmlc_op_attr(anchor, HMLC_ATTR_dilations);
    int32_t lead = HMLC_SPATIAL - conv->spatial;
    for (int32_t k = 0; k < HMLC_SPATIAL; k++) {
        hmlc_conv_axis *axis = &conv->axis[k];
        *axis = (hmlc_conv_axis){.input = 1, .output = 1, .window = 1, .stride = 1, .dilation = 1};
        conv->input_dims[k] = conv->output_dims[k] = integer(context, 1);
        conv->pad_dims[k] = conv->input_strides[k] = integer(context, 0);
        if (k < lead) {
            continue;
        }
        int32_t s = k - lead;
        conv->input_dims[k] = input->dims[1 + s];
        conv->input_strides[k] = input->strides[1 + s];
        conv->output_dims[k] = anchor->results[0]->type->dims[1 + s];
        conv->pad_dims[k] = pads->as.dims[s];
        *axis = (hmlc_conv_axis){
            .input = known(conv->input_dims[k], 0),
            .output = known(conv->output_dims[k], 0),
            .window = weights->dims[1 + s],
            .stride = strides->as.integers[s],
            .dilation = dilations->as.integers[s],
            .pad = known(conv->pad_dims[k], 0),
            .input_stride = known(conv->input_strides[k], 0),
            .transposed = anchor->opcode == HMLC_OP_conv_transpose,
        };
    }
}

/* True when sizes, pads and strides are all numbers that table words hold. */
static bool is_static(const hmlc_conv *conv)
{
    int64_t reach = 1;
    for (int32_t k = 0; k < HMLC_SPATIAL; k++) {
        int64_t dim, stride, part;
        bool fits = hmlc_dim_is_constant(conv->input_dims[k], &dim) &&
                    hmlc_dim_is_constant(conv->output_dims[k], NULL) &&
                    hmlc_dim_is_constant(conv->pad_dims[k], NULL) &&
                    hmlc_dim_is_constant(conv->input_strides[k], &stride) && stride >= 0 &&
                    hmlc_int64_multiply(dim, stride, &part) && hmlc_int64_add(reach, part, &reach);
        if (!fits) {
            return false;
        }
    }
    return reach < INT32_MAX && conv->channel_stride >= 0 &&
           conv->channels * conv->channel_stride < INT32_MAX - reach;
}

/*
 * A window of one element without pads in front or behind: a matrix product whose rows are output
 * pixels, each of which reads an input element.
 */
static bool is_pointwise(const hmlc_conv *conv, const hmlc_op *anchor)
{
    const hmlc_attr *pads = hmlc_op_attr(anchor, HMLC_ATTR_pads);
    for (int32_t k = 0; k < HMLC_SPATIAL; k++) {
        if (conv->axis[k].window != 1 || conv->axis[k].transposed) {
            return false;
        }
    }
    for (uint32_t k = 0; k < pads->count; k++) {
        if (!hmlc_dim_is(pads->as.dims[k], 0)) {
            return false;
        }
    }
    return true;
}

/* Output pixels of a pointwise window whose input elements are evenly spaced. */
static bool rows_even(hmlc_plan_context *context, const hmlc_contraction *contraction,
                      const hmlc_conv *conv)
{
    hmlc_dims *dims = context->module->dims;
    hmlc_access rows = contraction->left;
    for (int32_t k = 1; k < contraction->rank - 1; k++) {
        int64_t stride = conv->axis[HMLC_SPATIAL - conv->spatial + k - 1].stride;
        rows.dims[k] = contraction->dims[k];
        rows.strides[k] = hmlc_dim_multiply(dims, rows.strides[k], integer(context, stride));
    }
    hmlc_row_map map;
    hmlc_row_map_create(dims, &rows, 1, contraction->rank - 1, &map);
    return map.count <= 1;
}

/* The packed order of k. */
static hmlc_status plan_weights(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                hmlc_contraction *contraction, const hmlc_conv *conv,
                                const hmlc_tensor *weights)
{
    int64_t taps = 1, last = conv->axis[HMLC_SPATIAL - 1].window;
    for (int32_t k = 0; k < HMLC_SPATIAL; k++) {
        taps *= conv->axis[k].window;
    }
    bool transposed = conv->axis[HMLC_SPATIAL - 1].transposed;
    int64_t columns =
        transposed ? weights->dims[weights->rank - 1] : weights->dims[0] / contraction->groups;
    hmlc_pack_weights panels = {.dtype = weights->dtype,
                                .packed_dtype = contraction->right_dtype,
                                .layout = contraction->layout,
                                .tap_count = 1,
                                .batches = contraction->groups,
                                .depth = taps * conv->channels,
                                .columns = columns,
                                .batch_stride = taps * conv->channels * columns,
                                .depth_stride = 1,
                                .column_stride = taps * conv->channels};
    int64_t tap_stride = conv->channels;
    if (transposed) {
        tap_stride = columns;
        panels.depth_stride = taps * columns;
        panels.column_stride = 1;
    }
    if (conv->taps_inside) {
        panels.tap_count = taps / last * conv->channels;
        panels.depth_stride = conv->channels;
    } else if (transposed) {
        panels.tap_count = taps;
    }
    int64_t *order = HMLC_NEW_ARRAY(context->arena, int64_t, panels.tap_count);
    HMLC_TRY_MEMORY(order);
    for (int64_t k = 0; k < panels.tap_count; k++) {
        int64_t outer = taps / last;
        order[k] =
            conv->taps_inside ? k / outer + k % outer * last * conv->channels : k * tap_stride;
    }
    panels.taps = order;
    contraction->columns = integer(context, columns);
    return hmlc_pack_weights_plan(context, plan, contraction->right_argument, &panels);
}

static hmlc_status plan_pointwise(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                  hmlc_contraction *contraction, const hmlc_conv *conv)
{
    hmlc_dims *dims = context->module->dims;
    for (int32_t k = 0; k < contraction->rank - 1; k++) {
        contraction->left.dims[k] = contraction->dims[k];
        if (k > 0) {
            int64_t stride = conv->axis[HMLC_SPATIAL - conv->spatial + k - 1].stride;
            contraction->left.strides[k] =
                hmlc_dim_multiply(dims, contraction->left.strides[k], integer(context, stride));
        }
    }
    hmlc_contraction_collapse(context, contraction);
    bool pointers = hmlc_contraction_needs_pointers(context, contraction);
    HMLC_TRY(hmlc_contraction_sections(context, contraction, pointers));
    double row_bytes = (double)conv->channels * (double)hmlc_dtype_bytes(contraction->left_dtype);
    return hmlc_contraction_units(context, plan, contraction, row_bytes);
}

static hmlc_status add_table(hmlc_plan_context *context, hmlc_kernel_plan *plan, const void *bytes,
                             size_t size, uint32_t *operand)
{
    hmlc_kernel_operand *grown =
        HMLC_NEW_ARRAY(context->arena, hmlc_kernel_operand, plan->operand_count + 1);
    HMLC_TRY_MEMORY(grown);
    for (uint32_t k = 0; k < plan->operand_count; k++) {
        grown[k] = plan->operands[k];
    }
    *operand = plan->operand_count;
    grown[plan->operand_count++] =
        (hmlc_kernel_operand){.kind = HMLC_OPERAND_TABLE, .bytes = size, .table = bytes};
    plan->operands = grown;
    return HMLC_OK;
}

static hmlc_status add_zeros(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                             const hmlc_contraction *contraction, hmlc_conv *conv, int64_t elements)
{
    size_t bytes;
    if (!hmlc_size_multiply((size_t)elements, hmlc_dtype_bytes(contraction->left_dtype), &bytes)) {
        return HMLC_RESOURCE;
    }
    bytes = bytes < TABLE_BYTES ? TABLE_BYTES : bytes;
    void *zeros = hmlc_arena_allocate(context->arena, bytes);
    HMLC_TRY_MEMORY(zeros);
    if (conv->pad_value != 0) { /* of bytes */
        memset(zeros, (int)(conv->pad_value & 0xff), bytes);
    }
    return add_table(context, plan, zeros, bytes, &conv->zero_operand);
}

/* Small images have every row's offsets in the table. */
static bool wants_explicit(const hmlc_target *target, const hmlc_conv *conv)
{
    int64_t pixels = 1, taps = 1;
    for (int32_t k = 0; k < HMLC_SPATIAL; k++) {
        pixels *= conv->axis[k].output;
        taps *= conv->axis[k].window;
        if (pixels > target->listed_pixels || taps > EXPLICIT_TAPS) {
            return false;
        }
    }
    return conv->channel_stride == 1 && !conv->taps_inside;
}

static hmlc_status plan_tables(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                               hmlc_contraction *contraction, hmlc_conv *conv)
{
    hmlc_words words = {.arena = context->arena};
    for (uint32_t k = 0; k < contraction->section_count; k++) {
        hmlc_section *section = &contraction->sections[k];
        if (conv->explicit_tiles) {
            HMLC_TRY(hmlc_conv_explicit_tiles(context, conv, &words, section));
        } else {
            HMLC_TRY(hmlc_conv_regular_tiles(context, conv, &words, section));
        }
    }
    while (words.count % (TABLE_BYTES / sizeof *words.words) != 0 && !words.failed &&
           !words.beyond) {
        hmlc_words_add(&words, 0);
    }
    if (words.beyond) {
        return hmlc_error_add(context->module->diagnostics, HMLC_ERROR_kernel_unsupported,
                              plan->kernel->location, NULL,
                              "the image of a convolution has more than 2^31 elements");
    }
    if (words.failed) {
        return HMLC_RESOURCE;
    }
    HMLC_TRY(add_table(context, plan, words.words, words.count * sizeof *words.words,
                       &conv->table_operand));
    if (!conv->reads_zeros) {
        return HMLC_OK;
    }
    int64_t apart = conv->channel_stride > 1 ? conv->channel_stride : 1; /* steps of a run */
    return add_zeros(context, plan, contraction, conv, (conv->longest_run - 1) * apart + 1);
}

static hmlc_status plan_taps(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                             hmlc_contraction *contraction, hmlc_conv *conv)
{
    hmlc_dims *dims = context->module->dims;
    contraction->conv = conv;
    contraction->batches = contraction->dims[0];
    contraction->rows = integer(context, 1);
    double row_bytes = (double)conv->channels * (double)hmlc_dtype_bytes(contraction->left_dtype);
    for (int32_t k = 0; k < HMLC_SPATIAL; k++) {
        contraction->rows = hmlc_dim_multiply(dims, contraction->rows, conv->output_dims[k]);
        bool down = !conv->axis[k].transposed && conv->axis[k].stride <= conv->axis[k].window;
        row_bytes *= down ? (double)conv->axis[k].stride : 1;
    }
    HMLC_TRY(hmlc_contraction_sections(context, contraction, true));
    if (conv->dynamic) {
        HMLC_TRY(add_zeros(context, plan, contraction, conv, conv->channels + 1));
    } else {
        HMLC_TRY(plan_tables(context, plan, contraction, conv));
    }
    int32_t last = contraction->rank - 1;
    if (conv->taps_inside) {
        const hmlc_conv_axis *axis = &conv->axis[HMLC_SPATIAL - 1];
        contraction->left.strides[last] = integer(context, axis->dilation * axis->input_stride);
    }
    return hmlc_contraction_units(context, plan, contraction, row_bytes);
}

/* Dims of the weights; NULL, or why they cannot be used. */
static const char *weights_shape(const hmlc_kernel_plan *plan, const hmlc_value *right,
                                 hmlc_tensor *weights)
{
    if (!hmlc_contraction_is_argument(right)) {
        return "the weights are not an operand";
    }
    if (hmlc_op_operand(plan->kernel, right->index)->storage.strides != NULL) {
        return "the weights are not dense";
    }
    *weights = (hmlc_tensor){.dtype = right->type->dtype, .rank = right->type->rank};
    for (int32_t k = 0; k < weights->rank; k++) {
        if (!hmlc_dim_is_constant(right->type->dims[k], &weights->dims[k])) {
            return "the weights' shape is not known";
        }
    }
    return NULL;
}

static hmlc_status read_operands(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                 hmlc_contraction *contraction, hmlc_tensor *weights)
{
    const hmlc_op *anchor = contraction->anchor;
    const hmlc_value *right = hmlc_right_stored(anchor);
    HMLC_TRY(hmlc_contraction_types(context, plan, contraction));
    contraction->groups = hmlc_op_int(anchor, HMLC_ATTR_groups);
    const char *reason = weights_shape(plan, right, weights);
    if (hmlc_op_int(anchor, HMLC_ATTR_layout) != HMLC_LAYOUT_CHANNELS_LAST) {
        reason = "channels are not last";
    }
    if (reason != NULL) {
        return hmlc_contraction_refuse(context, plan, reason);
    }
    contraction->right_argument = right->index;
    contraction->bias = hmlc_op_operand(anchor, 2);
    if (contraction->bias != NULL) {
        HMLC_TRY(hmlc_contraction_add_leaf(context, plan, contraction, contraction->bias));
    }
    return hmlc_contraction_argument(context, plan, hmlc_op_operand(anchor, 0),
                                     &contraction->left_argument, &contraction->left);
}

/* The pass says where Winograd's form pays; layout and sizes may have become others since. */
static bool takes_winograd(const hmlc_kernel_plan *plan, const hmlc_contraction *contraction,
                           const hmlc_conv *conv)
{
    int64_t width = contraction->layout.width;
    const hmlc_tensor *weights =
        hmlc_kernel_argument_constant(plan->kernel, contraction->right_argument);
    int64_t outputs = hmlc_op_int(contraction->anchor, HMLC_ATTR_winograd);
    if (outputs == 0 || weights == NULL) {
        return false;
    }
    bool floats = weights->dtype == HMLC_DTYPE_f32 && contraction->left_dtype == HMLC_DTYPE_f32 &&
                  contraction->layout.group == 1;
    /* All four products of a group at once are faster than two of fewer. */
    bool bytes = weights->dtype == HMLC_DTYPE_i8 && contraction->left_dtype == HMLC_DTYPE_u8 &&
                 contraction->step == HMLC_BYTE_STEP_PAIRS && outputs == 2;
    return (floats || bytes) && !conv->dynamic && conv->channel_stride == 1 &&
           conv->channels % width == 0 && weights->dims[0] % width == 0;
}

static hmlc_winograd_axis winograd_axis(const hmlc_conv_axis *axis)
{
    return (hmlc_winograd_axis){.input = axis->input,
                                .output = axis->output,
                                .pad = axis->pad,
                                .stride = axis->input_stride};
}

static hmlc_status plan_winograd(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                 hmlc_contraction *contraction, hmlc_conv *conv)
{
    hmlc_winograd_plan *winograd = HMLC_NEW(context->arena, hmlc_winograd_plan);
    HMLC_TRY_MEMORY(winograd);
    winograd->down = winograd_axis(&conv->axis[HMLC_SPATIAL - 2]);
    winograd->along = winograd_axis(&conv->axis[HMLC_SPATIAL - 1]);
    winograd->channels = conv->channels;
    winograd->dtype = HMLC_DTYPE_f32;
    if (contraction->step == HMLC_BYTE_STEP_PAIRS) {
        contraction->step = HMLC_BYTE_STEP_I16;
        winograd->dtype = HMLC_DTYPE_i16;
    }
    winograd->columns =
        hmlc_kernel_argument_constant(plan->kernel, contraction->right_argument)->dims[0];
    HMLC_TRY(hmlc_winograd_plan_units(context, plan, contraction, winograd));
    HMLC_TRY(add_zeros(context, plan, contraction, conv, conv->channels));
    winograd->zero_operand = conv->zero_operand;
    return HMLC_OK;
}

/* Groups of bytes where each tap's channels fill them, or all channels lie behind each other. */
static hmlc_pack_layout panels_of(const hmlc_target *target, const hmlc_conv *conv,
                                  const hmlc_op *anchor, bool constant, bool product)
{
    bool transposed = anchor->opcode == HMLC_OP_conv_transpose;
    int64_t depth = conv->dynamic && !product ? 0 : conv->channels;
    for (int32_t k = 0; k < HMLC_SPATIAL; k++) {
        depth *= conv->axis[k].window;
    }
    int64_t run = product ? depth : conv->channels;
    hmlc_pack_layout layout = hmlc_bytes_layout(target, hmlc_op_operand(anchor, 0)->type->dtype,
                                                hmlc_op_operand(anchor, 1)->type->dtype,
                                                anchor->results[0]->type->dtype, depth, run);
    bool whole = conv->channels % layout.group == 0 || product || hmlc_bytes_whole_columns(layout);
    bool dense = conv->channel_stride == 1 && !conv->taps_inside;
    return constant && !transposed && whole && dense && conv->channels > 0
               ? layout
               : hmlc_pack_layout_default();
}

/* What the input has where there is none. */
static int64_t pad_value(const hmlc_op *anchor)
{
    return anchor->opcode == HMLC_OP_conv ? hmlc_op_int(anchor, HMLC_ATTR_pad_value) : 0;
}

hmlc_status hmlc_conv_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                           hmlc_contraction *contraction)
{
    hmlc_tensor weights;
    HMLC_TRY(read_operands(context, plan, contraction, &weights));
    hmlc_conv *conv = HMLC_NEW(context->arena, hmlc_conv);
    HMLC_TRY_MEMORY(conv);
    conv->spatial = contraction->rank - 2;
    if (conv->spatial < 1 || conv->spatial > HMLC_SPATIAL) {
        return hmlc_contraction_refuse(context, plan, "only one to three spatial dims");
    }
    bool transposed = contraction->anchor->opcode == HMLC_OP_conv_transpose;
    conv->channels =
        transposed ? weights.dims[0] / contraction->groups : weights.dims[weights.rank - 1];
    int32_t last = contraction->rank - 1;
    conv->channel_dim = contraction->left.strides[last];
    conv->channel_stride = known(contraction->left.strides[last], -1);
    read_axes(context, conv, contraction->anchor, &contraction->left, &weights);
    contraction->batch_rank = 1;
    contraction->many_rows = true;
    contraction->right_strides[0] = integer(context, 0);
    contraction->left_group_stride = conv->channels * conv->channel_stride;
    bool unknown = !hmlc_dim_is_constant(conv->channel_dim, NULL);
    if (unknown && contraction->groups > 1) {
        return hmlc_contraction_refuse(context, plan, "groups of channels that lie apart");
    }
    bool constant =
        hmlc_kernel_argument_constant(plan->kernel, contraction->right_argument) != NULL;
    bool pointwise = is_pointwise(conv, contraction->anchor);
    const hmlc_conv_axis *inner = &conv->axis[HMLC_SPATIAL - 1];
    conv->dynamic = !is_static(conv);
    conv->taps_inside = constant && !conv->dynamic && !transposed && conv->channel_stride != 1 &&
                        conv->channels < NARROW_CHANNELS && inner->window > 1 &&
                        pad_value(contraction->anchor) == 0;
    bool product = pointwise && (conv->dynamic || rows_even(context, contraction, conv));
    hmlc_pack_layout layout =
        panels_of(context->target, conv, contraction->anchor, constant, product);
    HMLC_TRY(hmlc_contraction_take_layout(context, plan, contraction, layout));
    conv->pad_value = pad_value(contraction->anchor);
    if (takes_winograd(plan, contraction, conv)) {
        return plan_winograd(context, plan, contraction, conv);
    }
    conv->explicit_tiles = !conv->dynamic && wants_explicit(context->target, conv);
    HMLC_TRY(plan_weights(context, plan, contraction, conv, &weights));
    if (product) {
        return plan_pointwise(context, plan, contraction, conv);
    }
    return plan_taps(context, plan, contraction, conv);
}

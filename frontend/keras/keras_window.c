/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions and pools. Data stay in their order: only weights are transposed, once. */
#include "common/hwio_kernel.h"
#include "keras_call.h"

#include <inttypes.h>
#include <string.h>

typedef enum padding_kind { PAD_VALID, PAD_SAME, PAD_CAUSAL, PAD_UNKNOWN } padding_kind;

static padding_kind read_padding(hmlc_keras_call *call)
{
    static const char *const words[] = {"valid", "same", "causal"};
    const char *word =
        hmlc_keras_text(call, "padding", hmlc_keras_text(call, "border_mode", "valid"));
    for (int32_t i = PAD_VALID; i < PAD_UNKNOWN; i++) {
        if (strcmp(word, words[i]) == 0) {
            return (padding_kind)i;
        }
    }
    hmlc_keras_fail(call, HMLC_ERROR_attribute_invalid, NULL,
                    "'padding' is '%s'; supported are valid, same and causal", word);
    return PAD_UNKNOWN;
}

/* The entry of one of several keys that versions of Keras have. */
static void read_positive(hmlc_keras_call *call, const char *const *keys, int32_t spatial,
                          int64_t otherwise, int64_t *values)
{
    while (keys[1] != NULL && hmlc_keras_entry(call, keys[0]) == NULL) {
        keys++;
    }
    hmlc_keras_positive(call, keys[0], spatial, otherwise, values);
}

/* Padding in front alone: no output sees what comes later. */
static void pad_causally(const hmlc_keras_call *call, hmlc_window_spec *window)
{
    const hmlc_emitter *emit = &call->node.emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    hmlc_dim before =
        hmlc_dim_subtract(table, hmlc_window_extent(emit, window, 0), hmlc_emit_number(emit, 1));
    hmlc_window_set_pads(window, 0, (hmlc_pads){before, hmlc_emit_number(emit, 0)});
}

bool hmlc_keras_read_window(hmlc_keras_call *call, const char *size_key, int32_t spatial,
                            const hmlc_value *x, hmlc_window_spec *window)
{
    static const char *const stride_keys[] = {"strides", "subsample", "subsample_length", "stride",
                                              NULL},
                             *const rate_keys[] = {"dilation_rate", "atrous_rate", NULL};
    const hmlc_emitter *emit = &call->node.emit;
    hmlc_dim zero = hmlc_emit_number(emit, 0);
    *window = (hmlc_window_spec){.spatial = spatial, .layout = hmlc_keras_layout(call)};
    if (size_key != NULL) {
        const char *const size_keys[] = {size_key, "pool_length", NULL};
        read_positive(call, size_keys, spatial, 2, window->size);
    }
    read_positive(call, stride_keys, spatial, 1, window->strides);
    read_positive(call, rate_keys, spatial, 1, window->dilations);
    for (int32_t i = 0; i < spatial; i++) {
        window->extra[i] = zero;
        hmlc_window_set_pads(window, i, (hmlc_pads){zero, zero});
    }
    return x->type->rank == spatial + 2 && hmlc_keras_ok(call);
}

/* Pads, once sizes are known. */
static bool pad_window(hmlc_keras_call *call, const hmlc_value *x, hmlc_window_spec *window)
{
    padding_kind padding = read_padding(call);
    if (padding == PAD_SAME) {
        hmlc_window_pad_same(hmlc_keras_emitter(call), window, x, HMLC_ODD_PAD_BEHIND);
    } else if (padding == PAD_CAUSAL) {
        pad_causally(call, window);
    }
    return hmlc_keras_ok(call);
}

/* -- convolutions ------------------------------------------------------------------------------ */

/* The window of a kernel [k ..., in, out]; false on failure. */
static bool read_conv_window(hmlc_keras_call *call, const hmlc_value *kernel, const hmlc_value *x,
                             hmlc_window_spec *window)
{
    int32_t spatial = x->type->rank - 2;
    if (kernel == NULL || !hmlc_keras_read_window(call, NULL, spatial, x, window)) {
        return false;
    }
    int64_t said[HMLC_MOST_SPATIAL];
    hmlc_keras_positive(call, "kernel_size", spatial, 1, said);
    for (int32_t i = 0; i < spatial; i++) {
        (void)hmlc_dim_is_constant(kernel->type->dims[i], &window->size[i]);
        if (hmlc_keras_entry(call, "kernel_size") != NULL && said[i] != window->size[i]) {
            hmlc_keras_fail(
                call, HMLC_ERROR_tensor_data_invalid, "give the file that the model was saved to",
                "has 'kernel_size' %" PRId64 ", but its kernel has %" PRId64 " along dim %d",
                said[i], window->size[i], i);
        }
    }
    return hmlc_keras_ok(call);
}

/* Theano's convolutions of Keras 1 turn the kernel round: [out, in, k ...], flipped. */
static hmlc_value *from_theano(hmlc_keras_call *call, hmlc_value *kernel)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    int64_t permutation[HMLC_MAX_RANK];
    hmlc_dim starts[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    int32_t rank = kernel->type->rank;
    hmlc_warning_add(
        emit->builder.module->diagnostics, HMLC_ERROR_path_assumed, emit->builder.location,
        "where it was trained on TensorFlow, save it anew with dim_ordering \"tf\"",
        "the kernel is taken for Theano's, which turns it round: the file does not say");
    for (int32_t i = 0; i < rank; i++) {
        permutation[i] = i < rank - 2 ? i + 2 : rank - 1 - i;
        starts[i] = i < 2 ? hmlc_emit_number(emit, 0)
                          : hmlc_dim_subtract(hmlc_emit_table(emit), kernel->type->dims[i],
                                              hmlc_emit_number(emit, 1));
        steps[i] = hmlc_emit_number(emit, i < 2 ? 1 : -1);
    }
    kernel = hmlc_emit_slice(emit, kernel, starts, kernel->type->dims, steps);
    return hmlc_keras_ok(call) ? hmlc_emit_transpose(emit, kernel, permutation) : NULL;
}

/* Does a file of Keras 1 hold Theano's kernels? Their order says so too: out comes first. */
static bool is_theano(hmlc_keras_call *call)
{
    return call->importer->version == 1 &&
           strcmp(hmlc_keras_text(call, "dim_ordering", ""), "th") == 0;
}

static int64_t channels_of(const hmlc_value *x, int64_t layout)
{
    int64_t channels = -1;
    (void)hmlc_dim_is_constant(x->type->dims[hmlc_keras_channel_axis(layout, x->type->rank)],
                               &channels);
    return channels;
}

static int64_t dim_of(const hmlc_value *value, int32_t axis)
{
    int64_t size = -1;
    (void)hmlc_dim_is_constant(value->type->dims[axis], &size);
    return size;
}

static bool check_spatial(hmlc_keras_call *call)
{
    int32_t rank = hmlc_node_rank(&call->node, 0);
    const char *digit = strpbrk(call->layer->class_name, "123");
    return hmlc_keras_check_rank(call, digit != NULL ? *digit - '0' + 2 : rank);
}

void hmlc_keras_import_conv(hmlc_keras_call *call)
{
    hmlc_value *x = call->node.inputs[0];
    hmlc_window_spec window;
    if (!check_spatial(call)) {
        return;
    }
    /* Keras 1 stores the kernel of a Conv1D as that of an image of width 1. */
    bool flat = call->importer->version == 1 && x->type->rank == 3;
    hmlc_value *kernel = hmlc_keras_weight_of(call, "kernel", x->type->rank + (flat ? 1 : 0));
    hmlc_value *bias = hmlc_keras_weight_of(call, "bias", 1);
    if (kernel != NULL && flat) {
        kernel = hmlc_emit_squeeze(hmlc_keras_emitter(call), kernel, 1);
    }
    if (kernel != NULL && is_theano(call)) {
        kernel = from_theano(call, kernel);
    }
    hmlc_keras_check_dim(call, kernel, x->type->rank - 1,
                         (const char *const[2]){"filters", "nb_filter"}, 1);
    if (!read_conv_window(call, kernel, x, &window) || !pad_window(call, x, &window)) {
        return;
    }
    int64_t channels = channels_of(x, window.layout), depth = dim_of(kernel, x->type->rank - 2);
    if (channels < 1 || depth < 1 || channels % depth != 0) {
        hmlc_keras_fail(call, HMLC_ERROR_graph_invalid, NULL,
                        "the input has %d channels and the kernel takes %d", (int)channels,
                        (int)depth);
        return;
    }
    kernel = hmlc_emit_hwio_kernel(hmlc_keras_emitter(call), kernel, window.layout);
    hmlc_value *y =
        hmlc_emit_conv(hmlc_keras_emitter(call), x, kernel, bias, &window, channels / depth);
    call->node.outputs[0] = hmlc_keras_activate(call, "activation", y);
}

/* The depthwise part of a layer, without activation. */
static hmlc_value *depthwise(hmlc_keras_call *call, hmlc_value *bias, int64_t *layout)
{
    hmlc_value *x = call->node.inputs[0];
    hmlc_window_spec window;
    if (!check_spatial(call)) {
        return NULL;
    }
    hmlc_value *kernel = hmlc_keras_weight_of(call, "depthwise_kernel", x->type->rank);
    hmlc_keras_check_dim(call, kernel, x->type->rank - 1,
                         (const char *const[2]){"depth_multiplier", NULL}, 1);
    if (!read_conv_window(call, kernel, x, &window) || !pad_window(call, x, &window)) {
        return NULL;
    }
    int64_t channels = channels_of(x, window.layout);
    if (channels < 1 || channels != dim_of(kernel, x->type->rank - 2)) {
        hmlc_keras_fail(call, HMLC_ERROR_graph_invalid, NULL,
                        "the input has %d channels and the kernel %d", (int)channels,
                        (int)dim_of(kernel, x->type->rank - 2));
        return NULL;
    }
    *layout = window.layout;
    kernel = hmlc_emit_depthwise_kernel(hmlc_keras_emitter(call), kernel, window.layout);
    return hmlc_emit_conv(hmlc_keras_emitter(call), x, kernel, bias, &window, channels);
}

void hmlc_keras_import_depthwise_conv(hmlc_keras_call *call)
{
    int64_t layout;
    hmlc_value *bias = hmlc_keras_weight_of(call, "bias", 1);
    hmlc_value *y = depthwise(call, bias, &layout);
    call->node.outputs[0] = hmlc_keras_activate(call, "activation", y);
}

/* Depthwise, then pointwise: a convolution of size 1. */
void hmlc_keras_import_separable_conv(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    int64_t layout = HMLC_LAYOUT_CHANNELS_LAST;
    int32_t rank = hmlc_node_rank(&call->node, 0);
    hmlc_value *between = depthwise(call, NULL, &layout);
    hmlc_value *kernel = hmlc_keras_weight_of(call, "pointwise_kernel", rank);
    hmlc_value *bias = hmlc_keras_weight_of(call, "bias", 1);
    hmlc_keras_check_dim(call, kernel, rank - 1, (const char *const[2]){"filters", "nb_filter"}, 1);
    if (between == NULL || kernel == NULL || !hmlc_keras_ok(call)) {
        return;
    }
    hmlc_window_spec window = {.spatial = rank - 2, .layout = layout};
    hmlc_dim zero = hmlc_emit_number(emit, 0);
    for (int32_t i = 0; i < rank - 2; i++) {
        window.size[i] = window.strides[i] = window.dilations[i] = 1;
        hmlc_window_set_pads(&window, i, (hmlc_pads){zero, zero});
    }
    kernel = hmlc_emit_hwio_kernel(hmlc_keras_emitter(call), kernel, layout);
    hmlc_value *y = hmlc_emit_conv(emit, between, kernel, bias, &window, 1);
    call->node.outputs[0] = hmlc_keras_activate(call, "activation", y);
}

/*
 * The kernel is [k ..., out, in]. "valid" gives what the strides need, (n - 1) s + max(k, s);
 * "same" n * s: deconv_output_length in Keras.
 */
void hmlc_keras_import_conv_transpose(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_dims *table = hmlc_emit_table(emit);
    hmlc_value *x = call->node.inputs[0];
    hmlc_window_spec window;
    if (!check_spatial(call)) {
        return;
    }
    hmlc_value *kernel = hmlc_keras_weight_of(call, "kernel", x->type->rank);
    hmlc_value *bias = hmlc_keras_weight_of(call, "bias", 1);
    padding_kind padding = read_padding(call);
    hmlc_keras_check_dim(call, kernel, x->type->rank - 2,
                         (const char *const[2]){"filters", "nb_filter"}, 1);
    if (hmlc_keras_entry(call, "output_padding") != NULL || padding == PAD_CAUSAL) {
        hmlc_keras_fail(call, HMLC_ERROR_not_implemented, NULL,
                        "with an output_padding or causal padding is not supported");
    }
    if (!read_conv_window(call, kernel, x, &window)) {
        return;
    }
    hmlc_dim sizes[HMLC_MOST_SPATIAL];
    int32_t first = hmlc_keras_first_axis(window.layout);
    int64_t output_padding[HMLC_MOST_SPATIAL] = {0};
    for (int32_t i = 0; i < window.spatial; i++) {
        hmlc_dim stride = hmlc_emit_number(emit, window.strides[i]);
        sizes[i] = hmlc_dim_multiply(table, x->type->dims[first + i], stride);
        int64_t extent = (window.size[i] - 1) * window.dilations[i] + 1;
        int64_t more = extent > window.strides[i] ? extent - window.strides[i] : 0;
        if (padding == PAD_VALID) {
            sizes[i] = hmlc_dim_add(table, sizes[i], hmlc_emit_number(emit, more));
        }
    }
    kernel = hmlc_emit_hwio_kernel(hmlc_keras_emitter(call), kernel, window.layout);
    hmlc_value *const operands[3] = {x, kernel, bias};
    hmlc_value *y = hmlc_emit_conv_transpose(emit, operands, &window, 1, sizes, HMLC_ODD_PAD_BEHIND,
                                             output_padding);
    call->node.outputs[0] = hmlc_keras_activate(call, "activation", y);
}

/* -- pools ------------------------------------------------------------------------------------- */

void hmlc_keras_import_pool(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *x = call->node.inputs[0];
    hmlc_window_spec window;
    if (!check_spatial(call) ||
        !hmlc_keras_read_window(call, "pool_size", x->type->rank - 2, x, &window)) {
        return;
    }
    bool given =
        hmlc_keras_entry(call, "strides") != NULL || hmlc_keras_entry(call, "stride") != NULL;
    for (int32_t i = 0; !given && i < window.spatial; i++) {
        window.strides[i] = window.size[i];
    }
    if (!pad_window(call, x, &window)) {
        return;
    }
    if (call->node.opcode == HMLC_OP_avg_pool) {
        call->node.outputs[0] = hmlc_emit_avg_pool(emit, x, &window, false);
        return;
    }
    hmlc_op *op = hmlc_emit_max_pool(emit, x, &window);
    call->node.outputs[0] = op != NULL ? op->results[0] : NULL;
}

void hmlc_keras_import_global_pool(hmlc_keras_call *call)
{
    int64_t axes[HMLC_MAX_RANK];
    int64_t layout = hmlc_keras_layout(call);
    hmlc_value *x = call->node.inputs[0];
    if (!check_spatial(call)) {
        return;
    }
    for (int32_t i = 0; i < x->type->rank - 2; i++) {
        axes[i] = hmlc_keras_first_axis(layout) + i;
    }
    call->node.outputs[0] =
        hmlc_emit_reduce(hmlc_keras_emitter(call), call->node.opcode, x, axes,
                         (uint32_t)x->type->rank - 2, hmlc_keras_flag(call, "keepdims", false));
}

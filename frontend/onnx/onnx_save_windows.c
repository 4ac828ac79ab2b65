/* SPDX-License-Identifier: Apache-2.0 */
/* Contractions, windows, resizes and recurrent cells. */
#include "onnx_save.h"

#include <hmlc/activation.h>
#include <string.h>

enum { MOST_ATTRS = 10 };

/* -- products ---------------------------------------------------------------------------------- */

/* The operand with its last two dims swapped. */
static const char *save_swapped(hmlc_saver *saver, uint32_t index)
{
    int32_t rank = hmlc_op_operand(saver->op, index)->type->rank;
    int64_t *order = HMLC_NEW_ARRAY(saver->arena, int64_t, HMLC_MAX_RANK);
    if (order == NULL) {
        saver->status = HMLC_RESOURCE;
        return "";
    }
    for (int32_t i = 0; i < rank; i++) {
        order[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
    }
    hmlc_save_attr perm = hmlc_save_ints_attr("perm", order, (uint32_t)rank);
    return hmlc_save_node1(saver, "Transpose", NULL,
                           HMLC_SAVE_NAMES(hmlc_save_operand(saver, index)), &perm, 1);
}

/* ONNX's operators sum in their operands' type, which are floats, of matrices 32-bit integers too.
 */
static bool sums_elsewhere(hmlc_saver *saver)
{
    hmlc_dtype dtype = hmlc_op_operand(saver->op, 0)->type->dtype;
    bool wide = saver->op->opcode == HMLC_OP_matmul && hmlc_dtype_bits(dtype) >= 32;
    bool other = hmlc_op_attr(saver->op, HMLC_ATTR_accumulator) != NULL ||
                 (!hmlc_dtype_is_float(dtype) && !wide);
    if (other) {
        hmlc_save_refuse(saver, "the type of its sums");
    }
    return other;
}

/* Both sides, as they are multiplied. */
static void save_sides(hmlc_saver *saver, const char *sides[2])
{
    static const hmlc_attr_name swaps[] = {HMLC_ATTR_transpose_a, HMLC_ATTR_transpose_b};
    for (uint32_t i = 0; i < 2; i++) {
        sides[i] = hmlc_op_int(saver->op, swaps[i]) != 0 ? save_swapped(saver, i)
                                                         : hmlc_save_operand(saver, i);
    }
}

void hmlc_save_op_matmul(hmlc_saver *saver, const char *type)
{
    if (sums_elsewhere(saver)) {
        return;
    }
    const char *sides[2];
    save_sides(saver, sides);
    (void)hmlc_save_node1(saver, type, hmlc_save_result(saver, 0), sides, 2, NULL, 0);
}

/* Of zero points, ONNX's runtimes take one for a side, and one for each column of the weights. */
void hmlc_save_op_matmul_integer(hmlc_saver *saver, const char *type)
{
    for (uint32_t i = 2; i < saver->op->operand_count; i++) {
        const hmlc_value *zero = hmlc_op_operand(saver->op, i);
        int32_t rank = zero != NULL ? zero->type->rank : 0;
        if (rank > 1 || (rank == 1 && i == 2 && !hmlc_dim_is(zero->type->dims[0], 1))) {
            hmlc_save_refuse(saver, "zero points of this shape");
            return;
        }
    }
    const char *operands[4];
    save_sides(saver, operands);
    operands[2] = hmlc_save_operand(saver, 2);
    operands[3] = hmlc_save_operand(saver, 3);
    hmlc_save_attr none = {0};
    const char *result = hmlc_save_result(saver, 0);
    hmlc_save_node_full(saver, type, operands, 4, &result, 1, &none, 0);
}

/* -- windows ----------------------------------------------------------------------------------- */

static bool is_channels_last(const hmlc_saver *saver)
{
    return hmlc_op_int(saver->op, HMLC_ATTR_layout) != HMLC_LAYOUT_CHANNELS_FIRST;
}

/* The order that brings channels from the last dim to dim 1, or back. */
static int64_t *channel_order(hmlc_saver *saver, int32_t rank, bool to_front)
{
    int64_t *order = HMLC_NEW_ARRAY(saver->arena, int64_t, HMLC_MAX_RANK);
    if (order == NULL) {
        saver->status = HMLC_RESOURCE;
        return NULL;
    }
    for (int32_t i = 2; i < rank; i++) {
        order[i] = to_front ? i - 1 : i == rank - 1 ? 1 : i + 1;
    }
    order[1] = rank < 3 ? 1 : to_front ? rank - 1 : 2;
    return order;
}

static const char *save_moved(hmlc_saver *saver, const char *x, const char *result, int32_t rank,
                              bool to_front)
{
    const int64_t *order = channel_order(saver, rank, to_front);
    hmlc_save_attr perm = hmlc_save_ints_attr("perm", order, order != NULL ? (uint32_t)rank : 0);
    return hmlc_save_node1(saver, "Transpose", result, HMLC_SAVE_NAMES(x), &perm, 1);
}

/* The image that the op reads, channels at dim 1. */
static const char *save_image(hmlc_saver *saver)
{
    const char *x = hmlc_save_operand(saver, 0);
    int32_t rank = hmlc_op_operand(saver->op, 0)->type->rank;
    return is_channels_last(saver) ? save_moved(saver, x, NULL, rank, true) : x;
}

bool hmlc_save_is_moved(const hmlc_value *value)
{
    bool moved = value->uses != NULL;
    for (const hmlc_use *use = value->uses; moved && use != NULL; use = use->next) {
        bool window = use->op->opcode == HMLC_OP_conv || use->op->opcode == HMLC_OP_conv_transpose;
        bool filter = window && use->index == 1 &&
                      hmlc_op_int(use->op, HMLC_ATTR_layout) != HMLC_LAYOUT_CHANNELS_FIRST;
        bool inner = use->op->opcode == HMLC_OP_dequantize && use->index == 0;
        moved = filter || (inner && hmlc_save_is_moved(use->op->results[0]));
    }
    return moved;
}

/* A constant with its last dim at dim 1. */
static const char *save_moved_constant(hmlc_saver *saver, const hmlc_tensor *tensor)
{
    hmlc_tensor moved = *tensor;
    size_t bytes = hmlc_dtype_bytes(tensor->dtype);
    int64_t taps = 1, inner = tensor->dims[tensor->rank - 1];
    char *data = hmlc_arena_allocate(saver->arena, tensor->bytes);
    if (data == NULL) {
        saver->status = HMLC_RESOURCE;
        return "";
    }
    for (int32_t i = 1; i + 1 < tensor->rank; i++) {
        taps *= tensor->dims[i];
        moved.dims[i + 1] = tensor->dims[i];
    }
    moved.dims[1] = inner;
    const char *from = tensor->data;
    for (int64_t o = 0; o < tensor->dims[0]; o++) {
        for (int64_t t = 0; t < taps; t++) {
            for (int64_t c = 0; c < inner; c++) {
                memcpy(data + (size_t)((o * inner + c) * taps + t) * bytes,
                       from + (size_t)((o * taps + t) * inner + c) * bytes, bytes);
            }
        }
    }
    moved.data = data;
    return hmlc_save_tensor(saver, NULL, &moved);
}

/* Weights as ONNX has them. What is dequantized is moved before that, so that readers still see a
 * constant there. */
static const char *save_filter(hmlc_saver *saver)
{
    const hmlc_value *w = hmlc_op_operand(saver->op, 1);
    const hmlc_op *producer = w->producer;
    const hmlc_tensor *tensor = hmlc_value_constant(w);
    if (!is_channels_last(saver)) {
        return hmlc_save_operand(saver, 1);
    }
    if (tensor != NULL) {
        return save_moved_constant(saver, tensor);
    }
    bool dequantized = producer != NULL && producer->opcode == HMLC_OP_dequantize;
    tensor = dequantized ? hmlc_value_constant(hmlc_op_operand(producer, 0)) : NULL;
    if (tensor == NULL) {
        return save_moved(saver, hmlc_save_operand(saver, 1), NULL, w->type->rank, true);
    }
    int64_t axis = hmlc_op_int(producer, HMLC_ATTR_axis);
    hmlc_save_attr attr = hmlc_save_int_attr("axis", axis == 0                   ? 0
                                                     : axis == w->type->rank - 1 ? 1
                                                                                 : axis + 1);
    return hmlc_save_node1(saver, "DequantizeLinear", NULL,
                           HMLC_SAVE_NAMES(save_moved_constant(saver, tensor),
                                           hmlc_save_name(saver, hmlc_op_operand(producer, 1)),
                                           hmlc_save_name(saver, hmlc_op_operand(producer, 2))),
                           &attr, 1);
}

/* The name for what the node gives: the op's result, or what is moved to become it. */
static const char *window_result(hmlc_saver *saver)
{
    return is_channels_last(saver) ? hmlc_save_fresh(saver, "") : hmlc_save_result(saver, 0);
}

static void finish_window(hmlc_saver *saver, const char *result)
{
    if (is_channels_last(saver)) {
        (void)save_moved(saver, result, hmlc_save_result(saver, 0),
                         saver->op->results[0]->type->rank, false);
    }
}

static size_t save_window(hmlc_saver *saver, hmlc_save_attr attrs[MOST_ATTRS])
{
    size_t count = 0;
    attrs[count++] = hmlc_save_list_attr(saver, "strides", HMLC_ATTR_strides);
    attrs[count++] = hmlc_save_list_attr(saver, "pads", HMLC_ATTR_pads);
    attrs[count++] = hmlc_save_list_attr(saver, "dilations", HMLC_ATTR_dilations);
    return count;
}

/* conv and conv_transpose */
void hmlc_save_op_conv(hmlc_saver *saver, const char *type)
{
    hmlc_save_attr attrs[MOST_ATTRS];
    int64_t kernel[HMLC_MAX_RANK];
    const hmlc_type *weights = hmlc_op_operand(saver->op, 1)->type;
    if (sums_elsewhere(saver)) {
        return;
    }
    size_t count = save_window(saver, attrs);
    int32_t first = is_channels_last(saver) ? 1 : 2;
    attrs[count++] = hmlc_save_int_attr("group", hmlc_op_int(saver->op, HMLC_ATTR_groups));
    if (saver->op->opcode == HMLC_OP_conv_transpose) {
        attrs[count++] = hmlc_save_list_attr(saver, "output_padding", HMLC_ATTR_output_padding);
    }
    if (hmlc_type_static_dims(weights, kernel)) {
        int64_t *kept =
            hmlc_arena_copy(saver->arena, kernel + first, sizeof kernel - 2 * sizeof *kernel);
        if (kept != NULL) {
            attrs[count++] = hmlc_save_ints_attr("kernel_shape", kept, (uint32_t)weights->rank - 2);
        }
    }
    const char *result = window_result(saver), *x = save_image(saver), *w = save_filter(saver);
    (void)hmlc_save_node1(saver, type, result, HMLC_SAVE_NAMES(x, w, hmlc_save_operand(saver, 2)),
                          attrs, count);
    finish_window(saver, result);
}

/* What ceil_mode added to the end pads, and an average never counts, comes by ceil_mode again. */
static bool take_back_extra(hmlc_saver *saver, hmlc_save_attr *pads)
{
    const hmlc_attr *extra = hmlc_op_attr(saver->op, HMLC_ATTR_output_padding);
    if (saver->op->opcode != HMLC_OP_avg_pool || extra == NULL) {
        return false;
    }
    int64_t *less =
        hmlc_arena_copy(saver->arena, pads->as.integers, pads->count * sizeof *pads->as.integers);
    for (uint32_t i = 0; less != NULL && i < extra->count; i++) {
        less[extra->count + i] -= extra->as.integers[i];
    }
    pads->as.integers = less != NULL ? less : pads->as.integers;
    return true;
}

void hmlc_save_op_pool(hmlc_saver *saver, const char *type)
{
    hmlc_save_attr attrs[MOST_ATTRS];
    const hmlc_op *op = saver->op;
    size_t count = save_window(saver, attrs);
    bool ceil = take_back_extra(saver, &attrs[1]);
    attrs[count++] = hmlc_save_list_attr(saver, "kernel_shape", HMLC_ATTR_window);
    attrs[count++] = hmlc_save_int_attr("ceil_mode", ceil ? 1 : 0);
    if (op->opcode == HMLC_OP_avg_pool) {
        attrs[count++] =
            hmlc_save_int_attr("count_include_pad", hmlc_op_int(op, HMLC_ATTR_count_include_pad));
    }
    const char *x = save_image(saver), *result = window_result(saver), *second = "";
    if (op->result_count > 1 && hmlc_value_has_uses(op->results[1])) {
        second = hmlc_save_result(saver, 1); /* made for channels at dim 1 alone */
    }
    hmlc_save_node_full(saver, type, HMLC_SAVE_NAMES(x), HMLC_SAVE_NAMES(result, second), attrs,
                        count);
    finish_window(saver, result);
}

/* -- resize ------------------------------------------------------------------------------------ */

static hmlc_save_attr word_attr(hmlc_saver *saver, const char *name, hmlc_attr_name from)
{
    size_t length = 0;
    const char *word = hmlc_attr_enum_word(from, hmlc_op_int(saver->op, from), &length);
    const char *text = hmlc_arena_string_n(saver->arena, word, length);
    return hmlc_save_text_attr(name, text != NULL ? text : "");
}

/* A list of reals as a constant; "" without one. */
static const char *save_reals(hmlc_saver *saver, hmlc_attr_name from)
{
    const hmlc_attr *list = hmlc_op_attr(saver->op, from);
    if (list == NULL || list->count == 0) {
        return "";
    }
    hmlc_tensor tensor = {
        .dtype = HMLC_DTYPE_f32, .rank = 1, .dims = {list->count}, .bytes = list->count * 4};
    float *data = HMLC_NEW_ARRAY(saver->arena, float, list->count);
    for (uint32_t i = 0; data != NULL && i < list->count; i++) {
        data[i] = (float)list->as.reals[i];
    }
    tensor.data = data;
    saver->status = data != NULL ? saver->status : HMLC_RESOURCE;
    return hmlc_save_tensor(saver, NULL, &tensor);
}

/* The sizes that scales give are dims of the graph: with scales the reader computes them anew. */
void hmlc_save_op_resize(hmlc_saver *saver, const char *type)
{
    const hmlc_op *op = saver->op;
    const hmlc_attr *sizes = hmlc_op_attr(op, HMLC_ATTR_sizes);
    const char *x = hmlc_save_operand(saver, 0), *scales = hmlc_save_operand(saver, 1);
    const char *region = hmlc_save_operand(saver, 2), *size_list = "";
    scales = scales[0] != '\0' ? scales : save_reals(saver, HMLC_ATTR_scales);
    region = region[0] != '\0' ? region : save_reals(saver, HMLC_ATTR_region_of_interest);
    if (scales[0] == '\0') {
        size_list = hmlc_save_dims(saver, sizes->as.dims, sizes->count);
    }
    hmlc_save_attr attrs[] = {
        word_attr(saver, "mode", HMLC_ATTR_resize_mode),
        word_attr(saver, "coordinate_transformation_mode", HMLC_ATTR_coordinates),
        word_attr(saver, "nearest_mode", HMLC_ATTR_nearest_mode),
        hmlc_save_float_attr("cubic_coeff_a", hmlc_op_float(op, HMLC_ATTR_cubic_coefficient)),
        hmlc_save_int_attr("exclude_outside", hmlc_op_int(op, HMLC_ATTR_exclude_outside)),
        hmlc_save_int_attr("antialias", hmlc_op_int(op, HMLC_ATTR_antialias)),
        hmlc_save_float_attr("extrapolation_value", hmlc_op_float(op, HMLC_ATTR_extrapolation))};
    if (hmlc_op_int(op, HMLC_ATTR_coordinates) == HMLC_COORDINATES_TF_HALF_PIXEL_FOR_NN) {
        hmlc_save_refuse(saver, "coordinates that opset 13 dropped");
        return;
    }
    (void)hmlc_save_node1(saver, type, hmlc_save_result(saver, 0),
                          HMLC_SAVE_NAMES(x, region, scales, size_list), attrs,
                          sizeof attrs / sizeof attrs[0]);
}

/* -- recurrent --------------------------------------------------------------------------------- */

static const char *const activation_names[HMLC_ACTIVATION_COUNT] = {
    [HMLC_ACTIVATION_sigmoid] = "Sigmoid",
    [HMLC_ACTIVATION_tanh] = "Tanh",
    [HMLC_ACTIVATION_relu] = "Relu",
    [HMLC_ACTIVATION_affine] = "Affine",
    [HMLC_ACTIVATION_leaky_relu] = "LeakyRelu",
    [HMLC_ACTIVATION_thresholded_relu] = "ThresholdedRelu",
    [HMLC_ACTIVATION_scaled_tanh] = "ScaledTanh",
    [HMLC_ACTIVATION_hard_sigmoid] = "HardSigmoid",
    [HMLC_ACTIVATION_elu] = "Elu",
    [HMLC_ACTIVATION_softsign] = "Softsign",
    [HMLC_ACTIVATION_softplus] = "Softplus",
};

/* Sigmoid and tanh have neither alpha nor beta; lists of others would have to skip theirs. */
static size_t save_activations(hmlc_saver *saver, hmlc_save_attr *attrs, size_t count)
{
    const hmlc_attr *kinds = hmlc_op_attr(saver->op, HMLC_ATTR_activations);
    if (kinds == NULL) {
        return count;
    }
    const char **words = hmlc_arena_allocate_array(saver->arena, kinds->count + 1, sizeof *words);
    for (uint32_t i = 0; words != NULL && i < kinds->count; i++) {
        int64_t kind = kinds->as.integers[i];
        bool plain = kind == HMLC_ACTIVATION_sigmoid || kind == HMLC_ACTIVATION_tanh ||
                     kind == HMLC_ACTIVATION_relu || kind == HMLC_ACTIVATION_softsign ||
                     kind == HMLC_ACTIVATION_softplus;
        if (!plain) {
            hmlc_save_refuse(saver, "activations with parameters");
            return count;
        }
        words[i] = activation_names[kind];
    }
    attrs[count] = (hmlc_save_attr){.name = "activations",
                                    .kind = HMLC_SAVE_STRINGS,
                                    .count = words != NULL ? kinds->count : 0,
                                    .as.texts = words};
    return count + 1;
}

/* lstm, gru and rnn: ONNX's inputs and gates stand in the same order. */
void hmlc_save_op_recurrent(hmlc_saver *saver, const char *type)
{
    enum { MOST_INPUTS = 8, MOST_OUTPUTS = 3 };
    const hmlc_op *op = saver->op;
    hmlc_save_attr attrs[MOST_ATTRS];
    const char *inputs[MOST_INPUTS], *outputs[MOST_OUTPUTS];
    int64_t hidden;
    size_t count = 0;
    attrs[count++] = word_attr(saver, "direction", HMLC_ATTR_direction);
    if (hmlc_dim_is_constant(hmlc_op_operand(op, 2)->type->dims[2], &hidden)) {
        attrs[count++] = hmlc_save_int_attr("hidden_size", hidden);
    }
    if (op->opcode == HMLC_OP_lstm) {
        attrs[count++] =
            hmlc_save_int_attr("input_forget", hmlc_op_int(op, HMLC_ATTR_input_forget));
    } else if (op->opcode == HMLC_OP_gru) {
        attrs[count++] = hmlc_save_int_attr("linear_before_reset",
                                            hmlc_op_int(op, HMLC_ATTR_linear_before_reset));
    }
    if (hmlc_op_float(op, HMLC_ATTR_clip) != 0) {
        attrs[count++] = hmlc_save_float_attr("clip", hmlc_op_float(op, HMLC_ATTR_clip));
    }
    count = save_activations(saver, attrs, count);
    for (uint32_t i = 0; i < MOST_INPUTS; i++) {
        inputs[i] = hmlc_save_operand(saver, i);
    }
    for (uint32_t i = 0; i < op->result_count && i < MOST_OUTPUTS; i++) {
        outputs[i] = hmlc_value_has_uses(op->results[i]) ? hmlc_save_result(saver, i) : "";
    }
    hmlc_save_node_full(saver, type, inputs, MOST_INPUTS, outputs, op->result_count, attrs, count);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which convolutions are computed in Winograd's form (winograd.h). It pays where the products that
 * it saves are more than its transforms cost, and where enough tiles share the transformed weights,
 * which are larger than the window's own: 1.8 times with tiles of 2 x 2, 4 times with 4 x 4. Its
 * rounding errors depend on the weights: larger tiles are taken where a sample of the layer shows
 * that they are near those of the direct form. Products of bytes have no rounding errors, with
 * tiles of 2 x 2; their weights become words, 3.6 times the window's own.
 */
#include "lower.h"
#include "winograd_error.h"

enum { LEAST_CHANNELS = 16 }; /* and a multiple of it: whole panels and vectors */

/* Operations on vectors that transform one channel of a tile, its loads and stores among them. */
static double transform_cost(const hmlc_winograd *winograd, bool input)
{
    double points = winograd->points, outputs = winograd->outputs;
    double rows = input ? 2 * points : points + outputs;
    double memory = input ? 2 * points * points : points * points + outputs * outputs;
    return rows * (2.5 * points - 1) + memory;
}

/* Products in the time in which a weight comes from memory: 16 GB/s for 100 GFLOP/s. */
static const double weight_cost = 12.5;
/* Time of the direct form over that of Winograd's must be larger, */
static const double least_gain = 1.25;
/* and so must that of small tiles over that of large ones, which need twice as many weights. */
static const double least_gain_of_large = 1.1;

/* Of bytes a direct kernel adds up two products where Winograd's adds up one and a half. */
static const double least_gain_of_bytes = 1.5;
/* Sums of bytes come four times, and must fit i32 then. */
static const int64_t most_of_bytes = (int64_t)1 << 29;

typedef struct conv_sizes {
    int64_t height, width; /* of the result */
    int64_t inputs, outputs;
    bool bytes;
} conv_sizes;

static bool is_static(hmlc_dim dim, int64_t *value)
{
    return hmlc_dim_is_constant(dim, value);
}

/* u8 by i8 whose sums are far from what i32 holds. */
static bool has_bytes(const hmlc_op *op, const hmlc_tensor *weights)
{
    if (!hmlc_op_sums_bytes(op) || weights->dtype != HMLC_DTYPE_i8 ||
        hmlc_op_operand(op, 0)->type->dtype != HMLC_DTYPE_u8) {
        return false;
    }
    int64_t outputs = weights->dims[0], count = hmlc_tensor_count(weights);
    int64_t steps = outputs > 0 ? count / outputs : 0;
    for (int64_t o = 0; o < outputs; o++) {
        int64_t most = 0;
        for (int64_t k = 0; k < steps; k++) {
            int64_t weight = hmlc_tensor_get_int(weights, o * steps + k);
            most += 255 * (weight < 0 ? -weight : weight);
        }
        if (most >= most_of_bytes) {
            return false;
        }
    }
    return true;
}

static bool has_floats(const hmlc_op *op, const hmlc_tensor *weights)
{
    return op->results[0]->type->dtype == HMLC_DTYPE_f32 && weights->dtype == HMLC_DTYPE_f32 &&
           hmlc_op_operand(op, 0)->type->dtype == HMLC_DTYPE_f32;
}

/* A convolution that Winograd's form computes and a kernel takes; its sizes. */
static bool read_sizes(const hmlc_op *op, conv_sizes *sizes)
{
    const hmlc_type *result = op->results[0]->type;
    const hmlc_tensor *weights = hmlc_value_constant(hmlc_op_operand(op, 1));
    bool taken = hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST &&
                 hmlc_op_int(op, HMLC_ATTR_groups) == 1 && result->rank == 4 && weights != NULL &&
                 weights->dims[1] == HMLC_WINOGRAD_WINDOW &&
                 weights->dims[2] == HMLC_WINOGRAD_WINDOW &&
                 hmlc_ints_all(hmlc_list_attr(op, HMLC_ATTR_strides)->as.integers, 2, 1) &&
                 hmlc_ints_all(hmlc_list_attr(op, HMLC_ATTR_dilations)->as.integers, 2, 1);
    if (!taken || !is_static(result->dims[1], &sizes->height) ||
        !is_static(result->dims[2], &sizes->width)) {
        return false;
    }
    sizes->outputs = weights->dims[0];
    sizes->inputs = weights->dims[3];
    if (sizes->inputs % LEAST_CHANNELS != 0 || sizes->outputs % LEAST_CHANNELS != 0) {
        return false;
    }
    sizes->bytes = has_bytes(op, weights);
    return sizes->bytes || has_floats(op, weights);
}

static int64_t tiles_along(int64_t size, int32_t outputs)
{
    return (size + outputs - 1) / outputs;
}

/* Time in that of a product of two vectors. */
static double direct_time(const conv_sizes *sizes)
{
    double window = HMLC_WINOGRAD_WINDOW * HMLC_WINOGRAD_WINDOW;
    double weights = window * (double)sizes->inputs * (double)sizes->outputs;
    return weights * ((double)sizes->height * (double)sizes->width + weight_cost);
}

static double winograd_time(const conv_sizes *sizes, const hmlc_winograd *winograd)
{
    double inputs = (double)sizes->inputs, outputs = (double)sizes->outputs;
    double weights = (double)winograd->points * winograd->points * inputs * outputs;
    double tiles = (double)tiles_along(sizes->height, winograd->outputs) *
                   (double)tiles_along(sizes->width, winograd->outputs);
    double transforms =
        transform_cost(winograd, true) * inputs + transform_cost(winograd, false) * outputs;
    return tiles * (weights + transforms) + weights * weight_cost;
}

/* The sizes of tiles that pay, the best first; 0 behind them. */
static void order_forms(const conv_sizes *sizes, int32_t forms[3])
{
    double times[2], direct = direct_time(sizes);
    for (int32_t k = 0; k < 2; k++) {
        hmlc_winograd winograd;
        hmlc_winograd_create(2 + 2 * k, &winograd);
        times[k] = winograd_time(sizes, &winograd);
    }
    uint32_t count = 0;
    forms[0] = forms[1] = forms[2] = 0;
    if (sizes->bytes) {
        forms[0] = direct > times[0] * least_gain_of_bytes ? 2 : 0;
        return;
    }
    if (times[0] > times[1] * least_gain_of_large && direct > times[1] * least_gain) {
        forms[count++] = 4;
    }
    if (direct > times[0] * least_gain) {
        forms[count++] = 2;
    }
}

/* The same convolution with the attribute. */
static hmlc_status mark(hmlc_rewriter *rewriter, hmlc_op *op, int32_t outputs)
{
    hmlc_value *operands[] = {hmlc_op_operand(op, 0), hmlc_op_operand(op, 1),
                              hmlc_op_operand(op, 2)};
    return hmlc_rewrite_with_attr(rewriter, op, operands, op->operand_count,
                                  hmlc_attr_int(HMLC_ATTR_winograd, outputs));
}

static hmlc_status choose(hmlc_rewriter *rewriter, hmlc_op *op)
{
    conv_sizes sizes;
    int32_t forms[3];
    if (hmlc_op_int(op, HMLC_ATTR_winograd) != 0 || !read_sizes(op, &sizes)) {
        return HMLC_OK;
    }
    order_forms(&sizes, forms);
    for (uint32_t k = 0; forms[k] != 0; k++) {
        hmlc_winograd winograd;
        bool precise = sizes.bytes;
        hmlc_winograd_create(forms[k], &winograd);
        if (!precise) {
            HMLC_TRY(hmlc_winograd_is_precise(hmlc_rewrite_scratch(rewriter), &winograd,
                                              hmlc_value_constant(hmlc_op_operand(op, 1)),
                                              &precise));
        }
        if (precise) {
            return mark(rewriter, op, forms[k]);
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_pass_choose_winograd(hmlc_pass_context *context)
{
    static const hmlc_rewrite_rule rules[] = {{HMLC_OP_conv, 0, choose}};
    const hmlc_rewrite_rules sets[] = {HMLC_RULES(rules)};
    bool halves = context->options->weights == HMLC_WEIGHTS_F16 ||
                  context->options->weights == HMLC_WEIGHTS_BF16 ||
                  hmlc_dtype_is_half(context->options->products); /* few bytes are asked for */
    if (context->options->prefer_size || halves) {
        return HMLC_OK;
    }
    return hmlc_rewrite_run(context, sets, 1, NULL);
}

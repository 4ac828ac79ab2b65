/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weights on 8 bits with a sign, a scale for each output channel.
 *
 * Pairs: machines without VNNI multiply u8 by s8 and add neighbours along the depth in 16 bits,
 * which end at 32767 (vpmaddubsw). A pair is safe for all activations when its positive weights sum
 * to at most 128 and its negative ones to at least -128: 255 * 128 = 32640. The scale of a channel
 * grows until all its pairs are safe, so that the fast instruction is exact here and elsewhere.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "quantize_plan.h"

enum { MOST = 127, SAFE = 128, COARSE = 24, FINE = 8 };

/* The least scale that is tried is this part of the largest. */
static const double LEAST_PART = 0.4;

/* The weights of one channel in the order of the depth. */
typedef struct channel_weights {
    const float *values;
    int8_t *quantized, *best;
    int64_t count;
    int64_t row; /* elements of one tap of a window: pairs may end there; count where there is
                    none */
    bool pairs;
} channel_weights;

/* Ties to even, for numbers far below 2^51: the sum has no room for a fraction. */
static double round_even(double value)
{
    return (value + 0x1.8p52) - 0x1.8p52;
}

static int clip(double value)
{
    return (int)fmin(fmax(value, -MOST), MOST);
}

/* How far a pair is beyond what is safe; negative: on the other side. */
static int excess_of(int a, int b)
{
    int positive = (a > 0 ? a : 0) + (b > 0 ? b : 0);
    int negative = (a < 0 ? a : 0) + (b < 0 ? b : 0);
    return positive > SAFE ? positive - SAFE : negative < -SAFE ? negative + SAFE : 0;
}

/* A pair that is over by one step through rounding gives it back where that costs least. */
static bool settle_pair(const channel_weights *c, int64_t i, int64_t k, double scale)
{
    int excess = excess_of(c->quantized[i], c->quantized[k]);
    if (excess == 0) {
        return true;
    }
    if (excess > 1 || excess < -1) {
        return false;
    }
    double left = c->quantized[i] - (double)c->values[i] / scale;
    double right = c->quantized[k] - (double)c->values[k] / scale;
    int64_t gives = (excess > 0) == (left > right) ? i : k;
    c->quantized[gives] = (int8_t)(c->quantized[gives] - excess);
    return true;
}

/* Pairs of the depth as a whole, and of each tap by itself: kernels pack in either way. */
static bool settle_pairs(const channel_weights *c, double scale)
{
    for (int64_t i = 0; i + 1 < c->count; i += 2) {
        if (!settle_pair(c, i, i + 1, scale)) {
            return false;
        }
    }
    bool same = c->row % 2 == 0 || c->row >= c->count;
    for (int64_t start = 0; !same && start < c->count; start += c->row) {
        for (int64_t i = start; i + 1 < start + c->row; i += 2) {
            if (!settle_pair(c, i, i + 1, scale)) {
                return false;
            }
        }
    }
    return true;
}

/* Squared error with a scale; infinite where its pairs are not safe. */
static double try_scale(const channel_weights *c, double scale)
{
    double error = 0, inverse = 1 / scale;
    for (int64_t i = 0; i < c->count; i++) {
        c->quantized[i] = (int8_t)clip(round_even((double)c->values[i] * inverse));
    }
    if (c->pairs && !settle_pairs(c, scale)) {
        return INFINITY;
    }
    for (int64_t i = 0; i < c->count; i++) {
        double difference = c->quantized[i] * scale - (double)c->values[i];
        error += difference * difference;
    }
    return error;
}

/* The largest scale that may be needed: that of the largest weight, or of the largest pair. */
static double largest_scale(const channel_weights *c)
{
    double largest = 0, pair = 0;
    for (int64_t i = 0; i < c->count; i++) {
        double value = (double)c->values[i];
        largest = fmax(largest, fabs(value));
        if (c->pairs && i > 0) {
            double before = (double)c->values[i - 1];
            pair = fmax(pair, value * before > 0 ? fabs(value + before) : 0);
        }
    }
    return fmax(largest / (double)MOST, pair / (double)SAFE);
}

/* Tries a scale, and keeps its weights where it is the best so far. */
static void consider(const channel_weights *c, float tried, float *scale, double *error)
{
    double found = try_scale(c, (double)tried);
    if (found < *error) {
        *error = found;
        *scale = tried;
        memcpy(c->best, c->quantized, (size_t)c->count);
    }
}

/* The scale with the least error: on a grid below the largest, then around the best of it. */
static float fit_channel(const channel_weights *c, double *error)
{
    double largest = largest_scale(c), step = largest * (1 - LEAST_PART) / (double)COARSE;
    for (int64_t i = 0; i < c->count; i++) {
        c->best[i] = 0;
    }
    *error = 0;
    if (!(largest > 0x1p-120)) { /* nothing, or as good as */
        for (int64_t i = 0; i < c->count; i++) {
            *error += (double)c->values[i] * (double)c->values[i];
        }
        return 0x1p-20F;
    }
    float scale = (float)largest;
    *error = INFINITY;
    for (int i = 0; i < COARSE; i++) {
        consider(c, (float)(largest - i * step), &scale, error);
    }
    /* Rounding may leave a pair at the largest scale one over: a hair more settles it. */
    for (int i = 0; i < 8 && *error == INFINITY; i++) {
        consider(c, (float)(largest * (1 + 0.004 * (i + 1))), &scale, error);
    }
    double middle = (double)scale;
    for (int i = 1 - FINE; i < FINE; i++) {
        consider(c, (float)(middle + i * step / (double)FINE), &scale, error);
    }
    return scale;
}

/* -- the order of the depth -------------------------------------------------------------------- */

/* Where the elements of a channel lie: depth is taps times channels of the input, the latter next
 * to each other, as convolutions are packed. */
typedef struct weight_order {
    int64_t taps, inputs;
    int64_t channel_stride, tap_stride, input_stride;
} weight_order;

static weight_order order_of(const hmlc_quantize_node *node)
{
    const hmlc_tensor *w = node->weights;
    weight_order order = {.taps = 1};
    if (strcmp(node->type, "matmul") == 0) {
        bool swapped = node->weight_axis == 0;
        order.inputs = w->dims[swapped ? 1 : 0];
        order.input_stride = swapped ? 1 : w->dims[1];
        order.channel_stride = swapped ? w->dims[1] : 1;
        return order;
    }
    /* Channels of one side at dim 0, of the other at dim 1 or behind the window. */
    int32_t inner = node->channels_last ? w->rank - 1 : 1, outer = 0;
    for (int32_t i = 1; i < w->rank; i++) {
        order.taps *= i != inner ? w->dims[i] : 1;
    }
    int64_t outer_stride = order.taps * w->dims[inner];
    int64_t inner_stride = node->channels_last ? 1 : order.taps;
    bool by_outer = node->weight_axis == outer;
    order.tap_stride = node->channels_last ? w->dims[inner] : 1;
    order.inputs = w->dims[by_outer ? inner : outer];
    order.channel_stride = by_outer ? outer_stride : inner_stride;
    order.input_stride = by_outer ? inner_stride : outer_stride;
    return order;
}

static int64_t place_of(const weight_order *order, int64_t channel, int64_t i)
{
    int64_t tap = i / order->inputs, input = i % order->inputs;
    return channel * order->channel_stride + tap * order->tap_stride + input * order->input_stride;
}

/* False where a weight is no number. */
static bool gather(const hmlc_quantize_node *node, const weight_order *order, int64_t channel,
                   float *values)
{
    const char *data = node->weights->data;
    for (int64_t i = 0; i < order->taps * order->inputs; i++) {
        memcpy(&values[i], data + place_of(order, channel, i) * (int64_t)sizeof(float),
               sizeof(float));
        if (!isfinite(values[i])) {
            return false;
        }
    }
    return true;
}

static hmlc_status fit_all(hmlc_quantize_node *node, channel_weights *c, float *values)
{
    weight_order order = order_of(node);
    double signal = 0, noise = 0;
    for (int64_t channel = 0; channel < node->channels; channel++) {
        double error;
        if (!gather(node, &order, channel, values)) {
            return HMLC_NO;
        }
        node->scales[channel] = fit_channel(c, &error);
        noise += error;
        for (int64_t i = 0; i < c->count; i++) {
            node->quantized[place_of(&order, channel, i)] = c->best[i];
            signal += (double)values[i] * (double)values[i];
        }
    }
    node->weight_sqnr = noise > 0 ? 10 * log10(signal / noise) : INFINITY;
    return HMLC_OK;
}

hmlc_status hmlc_weights_quantize(hmlc_arena *arena, hmlc_quantize_node *node, bool pairs)
{
    weight_order order = order_of(node);
    int64_t count = order.taps * order.inputs;
    node->quantized = HMLC_NEW_ARRAY(arena, int8_t, hmlc_tensor_count(node->weights) + 1);
    node->scales = HMLC_NEW_ARRAY(arena, float, node->channels + 1);
    HMLC_TRY_MEMORY(node->quantized);
    HMLC_TRY_MEMORY(node->scales);
    float *values = calloc((size_t)count + 1, sizeof *values);
    int8_t *room = calloc(2 * (size_t)count + 2, 1);
    hmlc_status status = HMLC_RESOURCE;
    if (values != NULL && room != NULL) {
        channel_weights c = {.values = values,
                             .quantized = room,
                             .best = room + count + 1,
                             .count = count,
                             .row = order.inputs,
                             .pairs = pairs && node->pairs};
        status = fit_all(node, &c, values);
    }
    free(values);
    free(room);
    return status;
}

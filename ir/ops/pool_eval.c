/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of max_pool and avg_pool. */
#include <math.h>

#include "eval_tools.h"
#include "integer_math.h"
#include "window_eval.h"

typedef struct pooling {
    hmlc_window_geometry geometry;
    int64_t extra[3]; /* avg_pool: end padding that is never counted */
    bool counts_padding;
} pooling;

static hmlc_status read_pooling(hmlc_eval *context, pooling *pool)
{
    HMLC_TRY(hmlc_window_geometry_read(context, &pool->geometry));
    const int64_t *window = hmlc_eval_ints(context, HMLC_ATTR_window);
    bool average = context->op->opcode == HMLC_OP_avg_pool;
    const int64_t *extra = average ? hmlc_eval_ints(context, HMLC_ATTR_output_padding) : NULL;
    int32_t count = context->operands[0]->rank - 2;
    for (int32_t i = 0; i < 3; ++i) {
        int32_t from = i - (3 - count);
        pool->geometry.window[i] = from >= 0 ? window[from] : 1;
        pool->extra[i] = from >= 0 && extra != NULL ? extra[from] : 0;
    }
    pool->counts_padding = average && hmlc_op_int(context->op, HMLC_ATTR_count_include_pad) != 0;
    return HMLC_OK;
}

/* Where a tap of the window at a position lies: in the input, in counted padding, or neither. */
typedef enum tap_place { TAP_INSIDE, TAP_PADDING, TAP_OUTSIDE } tap_place;

static tap_place place_tap(const pooling *pool, const int64_t position[3], int64_t number,
                           int64_t at[3])
{
    const hmlc_window_geometry *g = &pool->geometry;
    int64_t tap[3];
    tap_place place = TAP_INSIDE;
    hmlc_split(number, g->window, tap);
    for (int32_t d = 0; d < 3; ++d) {
        at[d] = position[d] * g->step[d] - g->begin[d] + tap[d] * g->dilation[d];
        if (at[d] >= g->in.size[d] + g->end[d] - pool->extra[d]) {
            return TAP_OUTSIDE;
        }
        if (at[d] < 0 || at[d] >= g->in.size[d]) {
            place = TAP_PADDING;
        }
    }
    return place;
}

static int64_t offset_of(const hmlc_spatial *spatial, const int64_t at[3])
{
    return at[0] * spatial->stride[0] + at[1] * spatial->stride[1] + at[2] * spatial->stride[2];
}

/* The winner's offset within the channel, -1 where the window holds padding alone. */
static int64_t window_maximum(const pooling *pool, const hmlc_tensor *x, int64_t base,
                              const int64_t position[3], int64_t winner[3])
{
    int64_t best = -1, taps = hmlc_volume(pool->geometry.window);
    for (int64_t t = 0; t < taps; ++t) {
        int64_t at[3];
        if (place_tap(pool, position, t, at) != TAP_INSIDE) {
            continue;
        }
        int64_t offset = base + offset_of(&pool->geometry.in, at);
        bool better = best < 0;
        if (!better && hmlc_eval_is_float(x)) {
            double old = hmlc_tensor_get_double(x, best), new = hmlc_tensor_get_double(x, offset);
            better = new > old || (isnan(new) && !isnan(old));
        } else if (!better) {
            better = hmlc_integer_less(x->dtype, hmlc_tensor_get_int(x, best),
                                       hmlc_tensor_get_int(x, offset));
        }
        if (better) {
            best = offset;
            winner[0] = at[0], winner[1] = at[1], winner[2] = at[2];
        }
    }
    return best;
}

/* One output element; `number` counts positions. */
static void max_element(hmlc_eval *context, const pooling *pool, int64_t plane, int64_t base,
                        int64_t to, const int64_t position[3])
{
    const hmlc_tensor *x = context->operands[0];
    hmlc_tensor *result = &context->results[0];
    const int64_t *size = pool->geometry.in.size;
    int64_t winner[3] = {0};
    int64_t best = window_maximum(pool, x, base, position, winner);
    if (best >= 0) {
        hmlc_eval_copy_element(result, to, x, best);
    } else if (hmlc_eval_is_float(x)) {
        hmlc_element_set_double(result->dtype, hmlc_eval_data(result), to, -INFINITY);
    } else if (hmlc_dtype_class_of(x->dtype) == HMLC_CLASS_INT) {
        int64_t least = INT64_MIN >> (64 - hmlc_dtype_bits(x->dtype));
        hmlc_element_set_int(result->dtype, hmlc_eval_data(result), to, least);
    }
    if (context->result_count > 1) {
        /* ONNX: the index in the flattened channels-first tensor. */
        int64_t index = ((plane * size[0] + winner[0]) * size[1] + winner[1]) * size[2] + winner[2];
        hmlc_element_set_int(HMLC_DTYPE_i64, hmlc_eval_data(&context->results[1]), to, index);
    }
}

static void average_element(hmlc_eval *context, const pooling *pool, int64_t base, int64_t to,
                            const int64_t position[3])
{
    const hmlc_tensor *x = context->operands[0];
    hmlc_tensor *result = &context->results[0];
    int64_t taps = hmlc_volume(pool->geometry.window), counted = 0;
    double sum = 0;
    for (int64_t t = 0; t < taps; ++t) {
        int64_t at[3];
        tap_place place = place_tap(pool, position, t, at);
        counted += place == TAP_INSIDE || (place == TAP_PADDING && pool->counts_padding);
        if (place == TAP_INSIDE) {
            sum += hmlc_tensor_get_double(x, base + offset_of(&pool->geometry.in, at));
        }
    }
    hmlc_element_set_double(result->dtype, hmlc_eval_data(result), to,
                            counted == 0 ? 0 : sum / (double)counted);
}

hmlc_status hmlc_eval_pool(hmlc_eval *context)
{
    pooling pool;
    HMLC_TRY(read_pooling(context, &pool));
    const hmlc_spatial *in = &pool.geometry.in, *out = &pool.geometry.out;
    int64_t positions = hmlc_volume(out->size);
    bool average = context->op->opcode == HMLC_OP_avg_pool;
    for (int64_t plane = 0; plane < out->batch * out->channels; ++plane) {
        int64_t batch = plane / out->channels, channel = plane % out->channels;
        int64_t from = batch * in->batch_stride + channel * in->channel_stride;
        int64_t to = batch * out->batch_stride + channel * out->channel_stride;
        for (int64_t i = 0; i < positions; ++i) {
            int64_t position[3];
            hmlc_split(i, out->size, position);
            int64_t at = to + offset_of(out, position);
            if (average) {
                average_element(context, &pool, from, at, position);
            } else {
                max_element(context, &pool, plane, from, at, position);
            }
        }
    }
    return HMLC_OK;
}

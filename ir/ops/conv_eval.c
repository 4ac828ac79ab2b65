/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evaluation of conv and conv_transpose: patches of the input are laid out as a matrix, block by
 * block of positions, and multiplied by the weights of a group.
 */
#include "eval_tools.h"
#include "gemm.h"
#include "window_eval.h"

enum { BLOCK_POSITIONS = 256 };

typedef struct convolution {
    hmlc_window_geometry geometry;
    bool floats;
    int64_t groups, in_channels, out_channels; /* channels per group */
    int64_t taps;                              /* elements of the window */
    const hmlc_word *x;
    hmlc_word outside;  /* what padding counts as */
    hmlc_word *weights; /* one group's matrix */
    hmlc_word *patches; /* depth x BLOCK_POSITIONS */
    hmlc_word *block;   /* rows x BLOCK_POSITIONS */
    hmlc_word *y;
} convolution;

/* Operand 0 or 1, less its zero point where the op has one: then padding counts as 0. */
static hmlc_word *load(const hmlc_eval *context, uint32_t index)
{
    const hmlc_tensor *of = context->operands[index];
    bool integers = context->op->opcode == HMLC_OP_conv_integer;
    const hmlc_tensor *zero = integers ? hmlc_eval_operand(context, index + 2) : NULL;
    hmlc_word *words = hmlc_gemm_load(context, of);
    if (words == NULL || zero == NULL) {
        return words;
    }
    hmlc_tensor channels = *zero; /* [O] beside [O, ...] */
    for (int32_t i = 0; zero->rank == 1 && i < of->rank; ++i) {
        channels.rank = of->rank;
        channels.dims[i] = i == 0 ? zero->dims[0] : 1;
    }
    return hmlc_gemm_centre(context, words, of, &channels);
}

static hmlc_status read_convolution(hmlc_eval *context, convolution *conv, bool transposed)
{
    const hmlc_tensor *x = context->operands[0], *w = context->operands[1];
    HMLC_TRY(hmlc_window_geometry_read(context, &conv->geometry));
    hmlc_spatial kernel;
    hmlc_spatial_read(context, w, &kernel);
    for (int32_t i = 0; i < 3; ++i) {
        conv->geometry.window[i] = kernel.size[i];
    }
    conv->floats = hmlc_eval_is_float(x);
    conv->groups = hmlc_op_int(context->op, HMLC_ATTR_groups);
    conv->in_channels = conv->geometry.in.channels / conv->groups;
    conv->out_channels = conv->geometry.out.channels / conv->groups;
    conv->taps = hmlc_volume(conv->geometry.window);
    int64_t outer = transposed ? conv->geometry.in.channels : conv->geometry.out.channels;
    int64_t inner = transposed ? conv->out_channels : conv->in_channels;
    if (kernel.batch != outer || kernel.channels != inner) {
        return hmlc_eval_fail(context, HMLC_ERROR_dims_unequal,
                              "the weights are for %lld and %lld channels; expected %lld "
                              "and %lld",
                              (long long)kernel.batch, (long long)kernel.channels, (long long)outer,
                              (long long)inner);
    }
    int64_t rows = conv->out_channels * (transposed ? conv->taps : 1);
    int64_t depth = conv->in_channels * (transposed ? 1 : conv->taps);
    conv->x = load(context, 0);
    bool pads = context->op->opcode == HMLC_OP_conv;
    conv->outside.integer = pads ? (uint64_t)hmlc_op_int(context->op, HMLC_ATTR_pad_value) : 0;
    conv->weights = HMLC_NEW_ARRAY(context->arena, hmlc_word, rows * depth);
    conv->patches = HMLC_NEW_ARRAY(context->arena, hmlc_word, depth * BLOCK_POSITIONS);
    conv->block = HMLC_NEW_ARRAY(context->arena, hmlc_word, rows * BLOCK_POSITIONS);
    conv->y = HMLC_NEW_ARRAY(context->arena, hmlc_word, hmlc_tensor_count(&context->results[0]));
    HMLC_TRY_MEMORY(conv->x);
    HMLC_TRY_MEMORY(conv->weights);
    HMLC_TRY_MEMORY(conv->patches);
    HMLC_TRY_MEMORY(conv->block);
    HMLC_TRY_MEMORY(conv->y);
    return HMLC_OK;
}

/* Offset of weight (outer, inner, tap) in the weights tensor. */
static int64_t weight_offset(const hmlc_spatial *kernel, const int64_t window[3], int64_t outer,
                             int64_t inner, int64_t tap)
{
    int64_t at[3];
    hmlc_split(tap, window, at);
    return outer * kernel->batch_stride + inner * kernel->channel_stride +
           at[0] * kernel->stride[0] + at[1] * kernel->stride[1] + at[2] * kernel->stride[2];
}

/* Adds the bias and writes the result. */
static hmlc_status finish(hmlc_eval *context, convolution *conv)
{
    bool integers = context->op->opcode == HMLC_OP_conv_integer; /* operand 2 is a zero point */
    const hmlc_tensor *bias = integers ? NULL : hmlc_eval_operand(context, 2);
    const hmlc_spatial *out = &conv->geometry.out;
    if (bias != NULL) {
        const hmlc_word *words = hmlc_gemm_load(context, bias);
        HMLC_TRY_MEMORY(words);
        int64_t count = hmlc_tensor_count(&context->results[0]);
        for (int64_t i = 0; i < count; ++i) {
            const hmlc_word *with = &words[i / out->channel_stride % out->channels];
            if (conv->floats) {
                conv->y[i].real += with->real;
            } else {
                conv->y[i].integer += with->integer;
            }
        }
    }
    hmlc_gemm_store(&context->results[0], conv->y);
    return HMLC_OK;
}

/* Row `row` (channel, tap) of the patch matrix for positions [first, first + count); padding
 * outside. */
static void fill_patch_row(const convolution *conv, const hmlc_word *x, int64_t row, int64_t first,
                           int64_t count)
{
    const hmlc_window_geometry *g = &conv->geometry;
    int64_t tap[3], position[3];
    hmlc_split(row % conv->taps, g->window, tap);
    const hmlc_word *channel = x + row / conv->taps * g->in.channel_stride;
    hmlc_word *to = conv->patches + row * BLOCK_POSITIONS;
    for (int64_t i = 0; i < count; ++i) {
        hmlc_split(first + i, g->out.size, position);
        int64_t offset = 0;
        bool inside = true;
        for (int32_t d = 0; d < 3; ++d) {
            int64_t at = position[d] * g->step[d] - g->begin[d] + tap[d] * g->dilation[d];
            inside = inside && at >= 0 && at < g->in.size[d];
            offset += at * g->in.stride[d];
        }
        to[i] = inside ? channel[offset] : conv->outside;
    }
}

/* block[rows][count] = weights[rows][depth] * patches[depth][count] */
static void multiply_block(convolution *conv, int64_t rows, int64_t depth, int64_t count)
{
    for (int64_t i = 0; i < rows * BLOCK_POSITIONS; ++i) {
        conv->block[i].integer = 0;
    }
    hmlc_gemm gemm = {.rows = rows,
                      .columns = count,
                      .depth = depth,
                      .a = conv->weights,
                      .b = conv->patches,
                      .c = conv->block,
                      .a_stride = depth,
                      .b_stride = BLOCK_POSITIONS,
                      .c_stride = BLOCK_POSITIONS};
    hmlc_gemm_run(&gemm, conv->floats);
}

/* One block of positions of one group. */
static void convolve_block(convolution *conv, int64_t batch, int64_t group, int64_t first,
                           int64_t count)
{
    const hmlc_window_geometry *g = &conv->geometry;
    int64_t depth = conv->in_channels * conv->taps, rows = conv->out_channels;
    const hmlc_word *x =
        conv->x + batch * g->in.batch_stride + group * conv->in_channels * g->in.channel_stride;
    for (int64_t row = 0; row < depth; ++row) {
        fill_patch_row(conv, x, row, first, count);
    }
    multiply_block(conv, rows, depth, count);
    /* The innermost spatial stride steps over all positions of a dense tensor of either layout. */
    int64_t step = g->out.stride[2];
    hmlc_word *y =
        conv->y + batch * g->out.batch_stride + group * rows * g->out.channel_stride + first * step;
    for (int64_t m = 0; m < rows; ++m) {
        for (int64_t i = 0; i < count; ++i) {
            y[m * g->out.channel_stride + i * step] = conv->block[m * BLOCK_POSITIONS + i];
        }
    }
}

hmlc_status hmlc_eval_conv(hmlc_eval *context)
{
    convolution conv;
    HMLC_TRY(read_convolution(context, &conv, false));
    const hmlc_word *weights = load(context, 1);
    HMLC_TRY_MEMORY(weights);
    hmlc_spatial kernel;
    hmlc_spatial_read(context, context->operands[1], &kernel);
    int64_t depth = conv.in_channels * conv.taps, positions = hmlc_volume(conv.geometry.out.size);
    for (int64_t group = 0; group < conv.groups; ++group) {
        for (int64_t i = 0; i < conv.out_channels * depth; ++i) {
            int64_t outer = group * conv.out_channels + i / depth;
            conv.weights[i] = weights[weight_offset(&kernel, conv.geometry.window, outer,
                                                    i % depth / conv.taps, i % conv.taps)];
        }
        for (int64_t batch = 0; batch < conv.geometry.out.batch; ++batch) {
            for (int64_t first = 0; first < positions; first += BLOCK_POSITIONS) {
                int64_t rest = positions - first;
                convolve_block(&conv, batch, group, first,
                               rest < BLOCK_POSITIONS ? rest : BLOCK_POSITIONS);
            }
        }
    }
    return finish(context, &conv);
}

hmlc_status hmlc_eval_conv_integer(hmlc_eval *context)
{
    return hmlc_eval_conv(context);
}

/* Adds row `row` (channel, tap) of the products of positions [first, first + count) to the output.
 */
static void scatter_row(const convolution *conv, hmlc_word *y, int64_t row, int64_t first,
                        int64_t count)
{
    const hmlc_window_geometry *g = &conv->geometry;
    int64_t tap[3], position[3];
    hmlc_split(row % conv->taps, g->window, tap);
    hmlc_word *channel = y + row / conv->taps * g->out.channel_stride;
    const hmlc_word *from = conv->block + row * BLOCK_POSITIONS;
    for (int64_t i = 0; i < count; ++i) {
        hmlc_split(first + i, g->in.size, position);
        int64_t offset = 0;
        bool inside = true;
        for (int32_t d = 0; d < 3; ++d) {
            int64_t at = position[d] * g->step[d] - g->begin[d] + tap[d] * g->dilation[d];
            inside = inside && at >= 0 && at < g->out.size[d];
            offset += at * g->out.stride[d];
        }
        if (inside && conv->floats) {
            channel[offset].real += from[i].real;
        } else if (inside) {
            channel[offset].integer += from[i].integer;
        }
    }
}

static void transpose_block(convolution *conv, int64_t batch, int64_t group, int64_t first,
                            int64_t count)
{
    const hmlc_window_geometry *g = &conv->geometry;
    int64_t depth = conv->in_channels, rows = conv->out_channels * conv->taps;
    const hmlc_word *x = conv->x + batch * g->in.batch_stride +
                         group * depth * g->in.channel_stride + first * g->in.stride[2];
    for (int64_t k = 0; k < depth; ++k) {
        for (int64_t i = 0; i < count; ++i) {
            conv->patches[k * BLOCK_POSITIONS + i] =
                x[k * g->in.channel_stride + i * g->in.stride[2]];
        }
    }
    multiply_block(conv, rows, depth, count);
    hmlc_word *y =
        conv->y + batch * g->out.batch_stride + group * conv->out_channels * g->out.channel_stride;
    for (int64_t row = 0; row < rows; ++row) {
        scatter_row(conv, y, row, first, count);
    }
}

hmlc_status hmlc_eval_conv_transpose(hmlc_eval *context)
{
    convolution conv;
    HMLC_TRY(read_convolution(context, &conv, true));
    const hmlc_word *weights = hmlc_gemm_load(context, context->operands[1]);
    HMLC_TRY_MEMORY(weights);
    hmlc_spatial kernel;
    hmlc_spatial_read(context, context->operands[1], &kernel);
    int64_t depth = conv.in_channels, rows = conv.out_channels * conv.taps;
    int64_t positions = hmlc_volume(conv.geometry.in.size);
    for (int64_t group = 0; group < conv.groups; ++group) {
        for (int64_t i = 0; i < rows * depth; ++i) {
            int64_t row = i / depth, outer = group * depth + i % depth;
            conv.weights[i] = weights[weight_offset(&kernel, conv.geometry.window, outer,
                                                    row / conv.taps, row % conv.taps)];
        }
        for (int64_t batch = 0; batch < conv.geometry.out.batch; ++batch) {
            for (int64_t first = 0; first < positions; first += BLOCK_POSITIONS) {
                int64_t rest = positions - first;
                transpose_block(&conv, batch, group, first,
                                rest < BLOCK_POSITIONS ? rest : BLOCK_POSITIONS);
            }
        }
    }
    return finish(context, &conv);
}

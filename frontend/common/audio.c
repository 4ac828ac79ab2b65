/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples, spectra and cepstra as the IR's operators: what is the same in all runs (Hann windows,
 * cosines) is constant; the mel scale depends on the samples a second, which a file says.
 */
#include "audio.h"

#include <hmlc/audio_rules.h>
#include <inttypes.h>
#include <math.h>

static const double pi = 3.14159265358979323846;

static hmlc_value *binary(hmlc_node *node, hmlc_opcode opcode, hmlc_value *a, hmlc_value *b)
{
    return hmlc_emit_binary(&node->emit, opcode, a, b);
}

/* -- samples ----------------------------------------------------------------------------------- */

static hmlc_value *part_of(hmlc_node *node, hmlc_value *header, int64_t part)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *slice = hmlc_emit_slice_axis(emit, header, 0, hmlc_emit_number(emit, part),
                                             hmlc_emit_number(emit, 1));
    return slice != NULL ? hmlc_emit_reshape(emit, slice, NULL, 0) : NULL;
}

/* 0 to size - 1 along one axis of [samples, channels]. */
static hmlc_value *count_along(hmlc_node *node, hmlc_dim size, int64_t axis)
{
    hmlc_dim one = hmlc_emit_number(&node->emit, 1);
    const hmlc_dim shape[] = {axis == 0 ? size : one, axis == 0 ? one : size};
    return hmlc_emit(&node->emit, HMLC_OP_iota, NULL, 0,
                     HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, shape, 2),
                                hmlc_attr_int(HMLC_ATTR_axis, axis),
                                hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_i64)));
}

/* Two bytes from `at` on as a number of 16 bits with a sign, over 2^15. */
static hmlc_value *sample_at(hmlc_node *node, hmlc_value *bytes, hmlc_value *at)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *parts[2];
    for (uint32_t i = 0; i < 2; i++) {
        hmlc_value *place =
            binary(node, HMLC_OP_add, at, hmlc_emit_scalar(emit, HMLC_DTYPE_i64, i));
        parts[i] = hmlc_emit(emit, HMLC_OP_gather, HMLC_OPERANDS(bytes, place),
                             HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0)));
        parts[i] = parts[i] != NULL ? hmlc_emit_cast(emit, parts[i], HMLC_DTYPE_i32) : NULL;
    }
    hmlc_value *high =
        binary(node, HMLC_OP_mul, parts[1], hmlc_emit_scalar(emit, HMLC_DTYPE_i32, 256));
    hmlc_value *number = binary(node, HMLC_OP_add, parts[0], high);
    hmlc_value *half = hmlc_emit_scalar(emit, HMLC_DTYPE_i32, 32768);
    hmlc_value *wrapped =
        binary(node, HMLC_OP_sub, number, hmlc_emit_scalar(emit, HMLC_DTYPE_i32, 65536));
    number = hmlc_emit_select(emit, binary(node, HMLC_OP_less, number, half), number, wrapped);
    number = number != NULL ? hmlc_emit_cast(emit, number, HMLC_DTYPE_f32) : NULL;
    return binary(node, HMLC_OP_mul, number, hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 1.0 / 32768));
}

hmlc_value *hmlc_node_decode_wav(hmlc_node *node, hmlc_value *bytes, int64_t samples,
                                 int64_t channels, hmlc_value **rate)
{
    hmlc_emitter *emit = &node->emit;
    uint32_t length = 0;
    if (samples < -1 || channels < -1 || channels == 0 || channels > INT32_MAX) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "wants %" PRId64 " samples of %" PRId64 " channels", samples, channels);
        return NULL;
    }
    hmlc_value *header = hmlc_emit(emit, HMLC_OP_wav_header, HMLC_OPERANDS(bytes), HMLC_NO_ATTRS);
    hmlc_dim found[HMLC_WAV_PARTS] = {0};
    if (header != NULL && (samples < 0 || channels < 0)) {
        const hmlc_dim *bound =
            hmlc_emit_bind(emit, header, "wav", 0, HMLC_DIM_UNBOUNDED, HMLC_WAV_PARTS, &length);
        for (uint32_t i = 0; bound != NULL && i < HMLC_WAV_PARTS; i++) {
            found[i] = bound[i];
        }
    }
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    hmlc_value *frames = part_of(node, header, HMLC_WAV_FRAMES);
    hmlc_value *own = part_of(node, header, HMLC_WAV_CHANNELS);
    hmlc_value *one = hmlc_emit_scalar(emit, HMLC_DTYPE_i64, 1);
    hmlc_value *two = hmlc_emit_scalar(emit, HMLC_DTYPE_i64, 2);
    hmlc_value *frame = count_along(
        node, samples < 0 ? found[HMLC_WAV_FRAMES] : hmlc_emit_number(emit, samples), 0);
    hmlc_value *channel = count_along(
        node, channels < 0 ? found[HMLC_WAV_CHANNELS] : hmlc_emit_number(emit, channels), 1);
    hmlc_value *there = binary(node, HMLC_OP_less, frame, frames);
    channel = binary(node, HMLC_OP_min, channel, binary(node, HMLC_OP_sub, own, one));
    hmlc_value *at = binary(node, HMLC_OP_add, binary(node, HMLC_OP_mul, frame, own), channel);
    at = binary(node, HMLC_OP_add, part_of(node, header, HMLC_WAV_DATA),
                binary(node, HMLC_OP_mul, at, two));
    /* What lies behind the samples is read as well, within the file, and not taken. */
    hmlc_value *last =
        binary(node, HMLC_OP_sub, hmlc_emit_dim(emit, bytes->type->dims[0], HMLC_DTYPE_i64), two);
    hmlc_value *sample = sample_at(node, bytes, binary(node, HMLC_OP_min, at, last));
    *rate = hmlc_emit_cast(emit, part_of(node, header, HMLC_WAV_RATE), HMLC_DTYPE_i32);
    return hmlc_emit_select(emit, there, sample, hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 0));
}

/* -- constants --------------------------------------------------------------------------------- */

/* -- spectrogram ------------------------------------------------------------------------------- */

/*
 * A window, continued with zeros to the next power of two, in two steps (Cooley and Tukey): samples
 * are numbered n = right * a + b, frequencies k = c + left * d. The sum over a, then the one over b
 * of what is turned by b * c, are products with small matrices. Real samples give conjugates at
 * left - c, so that half of the c are enough.
 */
typedef struct spectrum {
    int64_t window, length, bins;
    int64_t left, right; /* length = left * right */
    int64_t half, rows;  /* of the c that are computed; of the a that hold samples */
} spectrum;

static double part_of_turn(int64_t turns, int64_t whole, bool imaginary)
{
    double angle = 2 * pi * (double)(turns % whole) / (double)whole;
    return imaginary ? -sin(angle) : cos(angle);
}

static double sample_index(int64_t b, int64_t a, const void *context)
{
    const spectrum *s = context;
    int64_t n = s->right * a + b;
    return (double)(n < s->window ? n : s->window - 1);
}

/* A periodic Hann window. */
static double hann(int64_t b, int64_t a, const void *context)
{
    const spectrum *s = context;
    int64_t n = s->right * a + b;
    return n < s->window ? 0.5 - 0.5 * cos(2 * pi * (double)n / (double)s->window) : 0;
}

static double first_sum(int64_t a, int64_t column, const void *context)
{
    const spectrum *s = context;
    return part_of_turn(a * (column % s->half), s->left, column >= s->half);
}

static double turn_real(int64_t b, int64_t c, const void *context)
{
    return part_of_turn(b * c, ((const spectrum *)context)->length, false);
}

static double turn_imaginary(int64_t b, int64_t c, const void *context)
{
    return part_of_turn(b * c, ((const spectrum *)context)->length, true);
}

/* Rows: real parts, imaginary parts; columns too. */
static double second_sum(int64_t row, int64_t column, const void *context)
{
    int64_t size = ((const spectrum *)context)->right;
    bool from = row >= size, to = column >= size;
    double value = part_of_turn(row % size * (column % size), size, from != to);
    return from && !to ? -value : value;
}

/* Where frequency k stands among [half, right]; its conjugate has the same power. */
static double frequency_index(int64_t row, int64_t k, const void *context)
{
    const spectrum *s = context;
    int64_t c = k % s->left, d = k / s->left;
    (void)row;
    return (double)(c < s->half ? c * s->right + d : (s->left - c) * s->right + s->right - 1 - d);
}

static bool spectrum_of(hmlc_node *node, const hmlc_value *x, int64_t window, int64_t stride,
                        spectrum *s)
{
    enum { MOST_SAMPLES = 1 << 16 };
    int64_t samples;
    if (x->type->rank != 2 || x->type->dtype != HMLC_DTYPE_f32 || window < 2 || stride < 1 ||
        window > MOST_SAMPLES || stride > INT32_MAX) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "takes f32[samples, channels], windows of 2 to %d samples and a stride of 1 "
                       "or more; the window has %" PRId64 ", the stride is %" PRId64,
                       MOST_SAMPLES, window, stride);
        return false;
    }
    if (hmlc_dim_is_constant(x->type->dims[0], &samples) && samples < window) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "%" PRId64 " samples are fewer than a window of %" PRId64
                       ": there is no spectrum",
                       samples, window);
        return false;
    }
    *s = (spectrum){.window = window, .length = 1, .left = 1};
    while (s->length < window) {
        s->length *= 2;
    }
    while (s->left * s->left * 4 <= s->length) {
        s->left *= 2;
    }
    s->bins = s->length / 2 + 1;
    s->right = s->length / s->left;
    s->half = s->left / 2 + 1;
    s->rows = (window + s->right - 1) / s->right;
    return true;
}

/* Windows as [channels, windows, right, rows]. */
static hmlc_value *windows_of(hmlc_node *node, hmlc_value *x, int64_t stride, const spectrum *s)
{
    static const int64_t turn[] = {1, 0};
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    hmlc_dim one = hmlc_emit_number(emit, 1), by = hmlc_emit_number(emit, stride);
    hmlc_dim room =
        hmlc_dim_subtract(table, x->type->dims[0], hmlc_emit_number(emit, s->window - stride));
    room = hmlc_dim_maximum(table, room, hmlc_emit_number(emit, 0));
    const hmlc_dim shape[] = {hmlc_dim_floordiv(table, room, by), one, one};
    hmlc_value *first = hmlc_emit(emit, HMLC_OP_iota, NULL, 0,
                                  HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, shape, 3),
                                             hmlc_attr_int(HMLC_ATTR_axis, 0),
                                             hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_i64)));
    first =
        binary(node, HMLC_OP_mul, first, hmlc_emit_scalar(emit, HMLC_DTYPE_i64, (double)stride));
    hmlc_value *at =
        binary(node, HMLC_OP_add, first,
               hmlc_node_table(node, HMLC_DTYPE_i64, s->right, s->rows, sample_index, s));
    hmlc_value *taken =
        hmlc_emit(emit, HMLC_OP_gather, HMLC_OPERANDS(hmlc_emit_transpose(emit, x, turn), at),
                  HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 1)));
    return binary(node, HMLC_OP_mul, taken,
                  hmlc_node_table(node, HMLC_DTYPE_f32, s->right, s->rows, hann, s));
}

/* The halves of the last dim. */
static hmlc_value *half_of(hmlc_node *node, hmlc_value *x, int64_t part, int64_t size)
{
    hmlc_emitter *emit = &node->emit;
    return x != NULL ? hmlc_emit_slice_axis(emit, x, x->type->rank - 1,
                                            hmlc_emit_number(emit, part * size),
                                            hmlc_emit_number(emit, size))
                     : NULL;
}

/* After the first sum: turned by b * c, as [channels, windows, half, 2 right]. */
static hmlc_value *turned(hmlc_node *node, hmlc_value *sums, const spectrum *s)
{
    static const int64_t swap[] = {0, 1, 3, 2};
    hmlc_emitter *emit = &node->emit;
    hmlc_value *re = half_of(node, sums, 0, s->half), *im = half_of(node, sums, 1, s->half);
    hmlc_value *cosine = hmlc_node_table(node, HMLC_DTYPE_f32, s->right, s->half, turn_real, s);
    hmlc_value *sine = hmlc_node_table(node, HMLC_DTYPE_f32, s->right, s->half, turn_imaginary, s);
    hmlc_value *parts[] = {binary(node, HMLC_OP_sub, binary(node, HMLC_OP_mul, re, cosine),
                                  binary(node, HMLC_OP_mul, im, sine)),
                           binary(node, HMLC_OP_add, binary(node, HMLC_OP_mul, re, sine),
                                  binary(node, HMLC_OP_mul, im, cosine))};
    for (uint32_t i = 0; i < 2 && parts[i] != NULL; i++) {
        parts[i] = hmlc_emit_transpose(emit, parts[i], swap);
    }
    return parts[0] != NULL && parts[1] != NULL ? hmlc_emit_concat(emit, parts, 2, 3) : NULL;
}

static hmlc_value *product(hmlc_node *node, hmlc_value *a, hmlc_value *b)
{
    return hmlc_emit(&node->emit, HMLC_OP_matmul, HMLC_OPERANDS(a, b), HMLC_NO_ATTRS);
}

hmlc_value *hmlc_node_spectrogram(hmlc_node *node, hmlc_value *x, int64_t window, int64_t stride,
                                  bool squared)
{
    hmlc_emitter *emit = &node->emit;
    spectrum s;
    if (!spectrum_of(node, x, window, stride, &s)) {
        return NULL;
    }
    hmlc_value *sums =
        product(node, windows_of(node, x, stride, &s),
                hmlc_node_table(node, HMLC_DTYPE_f32, s.rows, 2 * s.half, first_sum, &s));
    sums = product(node, turned(node, sums, &s),
                   hmlc_node_table(node, HMLC_DTYPE_f32, 2 * s.right, 2 * s.right, second_sum, &s));
    hmlc_value *re = half_of(node, sums, 0, s.right), *im = half_of(node, sums, 1, s.right);
    hmlc_value *power = binary(node, HMLC_OP_add, binary(node, HMLC_OP_mul, re, re),
                               binary(node, HMLC_OP_mul, im, im));
    hmlc_value *places = hmlc_node_table(node, HMLC_DTYPE_i64, 1, s.bins, frequency_index, &s);
    hmlc_dim bins = hmlc_emit_number(emit, s.bins);
    places = hmlc_emit_reshape(emit, places, &bins, 1);
    if (power == NULL || places == NULL) {
        return NULL;
    }
    const hmlc_dim flat[] = {power->type->dims[0], power->type->dims[1],
                             hmlc_emit_number(emit, s.half * s.right)};
    power = hmlc_emit(emit, HMLC_OP_gather,
                      HMLC_OPERANDS(hmlc_emit_reshape(emit, power, flat, 3), places),
                      HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 2)));
    return squared ? power : hmlc_emit_unary(emit, HMLC_OP_sqrt, power);
}

/* -- cepstrum ---------------------------------------------------------------------------------- */

/* A channel's share in a coefficient: the second cosine transform. */
static double cosine(int64_t row, int64_t column, const void *context)
{
    const hmlc_cepstrum *c = context;
    return sqrt(2.0 / (double)c->channels) *
           cos((double)column * (pi / (double)c->channels) * ((double)row + 0.5));
}

static bool check_cepstrum(hmlc_node *node, const hmlc_value *power, const hmlc_value *rate,
                           const hmlc_cepstrum *c)
{
    int64_t bins;
    if (power->type->rank != 3 || power->type->dtype != HMLC_DTYPE_f32 ||
        !hmlc_dim_is_constant(power->type->dims[2], &bins) || bins < 2 ||
        hmlc_dtype_is_float(rate->type->dtype) || rate->type->rank > 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "takes f32[channels, windows, bins] and samples a second");
        return false;
    }
    if (c->channels < 1 || c->coefficients < 1 || c->coefficients > c->channels ||
        c->channels > 4096 || !(c->lower >= 0) || !(c->upper > c->lower)) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "%" PRId64 " coefficients of %" PRId64 " channels from %g to %g hertz",
                       c->coefficients, c->channels, c->lower, c->upper);
        return false;
    }
    return true;
}

hmlc_value *hmlc_node_cepstrum(hmlc_node *node, hmlc_value *power, hmlc_value *rate,
                               const hmlc_cepstrum *cepstrum)
{
    hmlc_emitter *emit = &node->emit;
    if (!check_cepstrum(node, power, rate, cepstrum)) {
        return NULL;
    }
    const hmlc_dim shape[] = {power->type->dims[2], hmlc_emit_number(emit, cepstrum->channels)};
    rate = hmlc_emit_reshape(emit, rate, NULL, 0);
    hmlc_value *weights =
        hmlc_emit(emit, HMLC_OP_mel_weights, HMLC_OPERANDS(rate),
                  HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, shape, 2),
                             hmlc_attr_float(HMLC_ATTR_lower_hertz, cepstrum->lower),
                             hmlc_attr_float(HMLC_ATTR_upper_hertz, cepstrum->upper)));
    hmlc_value *size = hmlc_emit_unary(emit, HMLC_OP_sqrt, power);
    hmlc_value *mel = hmlc_emit(emit, HMLC_OP_matmul, HMLC_OPERANDS(size, weights), HMLC_NO_ATTRS);
    mel = binary(node, HMLC_OP_max, mel, hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 1e-12));
    mel = hmlc_emit_unary(emit, HMLC_OP_log, mel);
    hmlc_value *cosines = hmlc_node_table(node, HMLC_DTYPE_f32, cepstrum->channels,
                                          cepstrum->coefficients, cosine, cepstrum);
    return product(node, mel, cosines);
}

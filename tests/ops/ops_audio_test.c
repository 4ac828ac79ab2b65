/* SPDX-License-Identifier: Apache-2.0 */
/* WAV files and mel scales. */
#include "ops_testing.h"

#include <hmlc/audio_rules.h>

#include <math.h>
#include <string.h>

/* A file of two frames of two channels at 8000 Hz: 44 bytes of headers, 8 of samples. */
static const double file[] = {
    'R', 'I', 'F', 'F', 44, 0, 0,  0,  'W', 'A', 'V', 'E', 'f', 'm', 't', ' ', 16, 0,
    0,   0,   1,   0,   2,  0, 64, 31, 0,   0,   0,   125, 0,   0,   4,   0,   16, 0,
    'd', 'a', 't', 'a', 8,  0, 0,  0,  1,   2,   3,   4,   5,   6,   7,   8,
};
enum { FILE_BYTES = sizeof file / sizeof file[0] };

static void refuse_to_evaluate(ops_test *test, hmlc_op *op, const char *text)
{
    hmlc_tensor result;
    assert_int_equal(hmlc_eval_constant_op(op, test->module->arena, SIZE_MAX, &result), HMLC_USAGE);
    const hmlc_diagnostic *found = hmlc_diagnostics_first(test->module->diagnostics);
    assert_non_null(found);
    assert_non_null(strstr(found->message, text));
}

/* The file with one byte changed, or cut. */
static hmlc_value *bytes_of(ops_test *test, int32_t changed, double value, int64_t length)
{
    double bytes[FILE_BYTES];
    for (int32_t i = 0; i < FILE_BYTES; i++) {
        bytes[i] = i == changed ? value : file[i];
    }
    return ops_constant(test, HMLC_DTYPE_u8, SHAPE(length), bytes);
}

static void a_header_tells_where_samples_are(void **state)
{
    ops_test *test = *state;
    hmlc_op *op =
        ops_build(test, HMLC_OP_wav_header, OPERANDS(bytes_of(test, -1, 0, FILE_BYTES)), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(4), 0, FLOATS(44, 2, 2, 8000));
}

/* Each byte that says something, and every length. */
static void what_is_no_wav_file_is_refused(void **state)
{
    static const struct {
        int32_t byte;
        uint8_t value;
        int64_t wrong;
    } rows[] = {
        {0, 'X', 0}, {8, 'X', 8}, {12, 'X', 8}, {16, 20, 16},  {20, 3, 20},  {22, 0, 22},
        {34, 8, 34}, {32, 2, 32}, {28, 1, 28},  {36, 'X', 52}, {40, 12, 44}, {43, 255, 36},
    };
    ops_test *test = *state;
    uint8_t bytes[FILE_BYTES];
    int64_t parts[HMLC_WAV_PARTS];
    for (int64_t length = 0; length <= FILE_BYTES; length++) {
        for (int64_t i = 0; i < FILE_BYTES; i++) {
            bytes[i] = (uint8_t)file[i];
        }
        assert_true((hmlc_wav_read(bytes, length, parts) < 0) == (length == FILE_BYTES));
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t kept = bytes[rows[i].byte];
        bytes[rows[i].byte] = rows[i].value;
        assert_int_equal(hmlc_wav_read(bytes, FILE_BYTES, parts), rows[i].wrong);
        bytes[rows[i].byte] = kept;
    }
    hmlc_value *damaged = bytes_of(test, 20, 3, FILE_BYTES);
    refuse_to_evaluate(test, ops_build(test, HMLC_OP_wav_header, OPERANDS(damaged), NO_ATTRS),
                       "no WAV file of 16-bit samples: byte 20");
}

/* The rows of a triangle add up to 1 between the first and the last corner. */
static void mel_weights_are_triangles(void **state)
{
    ops_test *test = *state;
    hmlc_value *rate = ops_constant(test, HMLC_DTYPE_i32, SCALAR, FLOATS(16000));
    hmlc_tensor weights;
    hmlc_op *op = ops_build(test, HMLC_OP_mel_weights, OPERANDS(rate),
                            ATTRS(DIMS_ATTR(test, shape, "257, 20"), FLOAT_ATTR(lower_hertz, 80),
                                  FLOAT_ATTR(upper_hertz, 7600)));
    ops_evaluate(test, op, &weights);
    for (int64_t bin = 0; bin < 257; bin++) {
        double hertz = (double)bin * 8000 / 256, sum = 0;
        double mel = 1127 * log(1 + hertz / 700), low = 1127 * log(1 + 80.0 / 700);
        double step = (1127 * log(1 + 7600.0 / 700) - low) / 21;
        for (int64_t k = 0; k < 20; k++) {
            double far = fabs(mel - low - step * (double)(k + 1)) / step;
            bool inside = bin >= 4 && bin <= 243;
            double weight = hmlc_tensor_get_double(&weights, bin * 20 + k);
            assert_true(fabs(weight - (inside && far < 1 ? 1 - far : 0)) < 1e-6);
            sum += weight;
        }
        assert_true(sum <= 1 + 1e-6);
    }
}

static void a_scale_beyond_the_spectrum_is_refused(void **state)
{
    ops_test *test = *state;
    hmlc_value *rate = ops_constant(test, HMLC_DTYPE_i32, SCALAR, FLOATS(6000));
    hmlc_op *op = ops_build(test, HMLC_OP_mel_weights, OPERANDS(rate),
                            ATTRS(DIMS_ATTR(test, shape, "129, 20")));
    refuse_to_evaluate(test, op, "6000 samples a second hold no 4000 hertz");
    ops_refuse(test, HMLC_ERROR_graph_invalid, "a scale from 9 to 5 hertz", HMLC_OP_mel_weights,
               OPERANDS(rate),
               ATTRS(DIMS_ATTR(test, shape, "9, 2"), FLOAT_ATTR(lower_hertz, 9),
                     FLOAT_ATTR(upper_hertz, 5)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(a_header_tells_where_samples_are),
        OPS_TEST(what_is_no_wav_file_is_refused),
        OPS_TEST(mel_weights_are_triangles),
        OPS_TEST(a_scale_beyond_the_spectrum_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantization of small graphs: what it decides, and what is left of them. Models run in the
 * reference interpreter; the graph before is the oracle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hmlc/passes.h>
#include <hmlc/quantize.h>
#include <math.h>

#include "interpreted_runner.h"

/* -- a runner on the interpreter --------------------------------------------------------------- */

enum { SAMPLES = 12, MOST_ELEMENTS = 4096 };

typedef struct bench {
    hmlc_arena *arena; /* first: interpreted_runner.h */
    hmlc_module *module;
    float input[SAMPLES][MOST_ELEMENTS];
    int64_t dims[4];
    int32_t rank;
} bench;

static hmlc_tensor tensor_of(bench *b, uint32_t index)
{
    hmlc_tensor tensor = {.dtype = HMLC_DTYPE_f32, .rank = b->rank, .data = b->input[index]};
    memcpy(tensor.dims, b->dims, sizeof b->dims);
    tensor.bytes = (size_t)hmlc_tensor_count(&tensor) * sizeof(float);
    return tensor;
}

static hmlc_status read_sample(void *context, uint32_t index, hmlc_tensor *inputs, uint64_t *hash)
{
    *inputs = tensor_of(context, index);
    *hash = index;
    return HMLC_OK;
}

static hmlc_runner runner_of(bench *b)
{
    hmlc_runner runner = interpreted_runner(b);
    runner.sample = read_sample;
    runner.sample_count = SAMPLES;
    return runner;
}

/* Uniform in [-1, 1). */
static float next_value(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (float)((double)(*state >> 40) / 0x1p23 - 1);
}

/* The module from text, behind `clean`. */
static void begin(bench *b, const char *text, int32_t rank, const int64_t *dims)
{
    uint64_t state = 7;
    *b =
        (bench){.module = hmlc_module_create(NULL), .arena = hmlc_arena_create(NULL), .rank = rank};
    memcpy(b->dims, dims, (size_t)rank * sizeof *dims);
    for (int s = 0; s < SAMPLES; s++) {
        for (int i = 0; i < MOST_ELEMENTS; i++) {
            b->input[s][i] = next_value(&state);
        }
    }
    if (hmlc_module_parse(b->module, text, strlen(text), NULL, 0) != HMLC_OK) {
        fail_msg("%s", hmlc_diagnostics_first(b->module->diagnostics)->message);
    }
}

static void end(bench *b)
{
    hmlc_module_destroy(b->module);
    hmlc_arena_destroy(b->arena);
}

/* -- graphs ------------------------------------------------------------------------------------ */

/* A convolution of 2 channels with 3 x 3 windows, then a product; weights from a seed. */
static hmlc_value *weights_of(hmlc_builder *builder, int32_t rank, const int64_t *dims,
                              uint64_t seed, double spread)
{
    hmlc_tensor tensor = {.dtype = HMLC_DTYPE_f32, .rank = rank};
    memcpy(tensor.dims, dims, (size_t)rank * sizeof *dims);
    int64_t count = hmlc_tensor_count(&tensor);
    float *data = HMLC_NEW_ARRAY(builder->module->arena, float, count);
    hmlc_value *value = NULL;
    assert_non_null(data);
    for (int64_t i = 0; i < count; i++) {
        data[i] = next_value(&seed) * (float)spread;
    }
    tensor.data = data;
    tensor.bytes = (size_t)count * sizeof *data;
    assert_int_equal(hmlc_build_constant(builder, &tensor, &value), HMLC_OK);
    return value;
}

static const char *const network = "hir 1\n"
                                   "main(%x: f32[1, 4, 6, 6]) {\n"
                                   "  yield(%x)\n"
                                   "}\n";
static const int64_t network_dims[] = {1, 4, 6, 6};
static const char *const last_network = "hir 1\n"
                                        "main(%x: f32[1, 6, 6, 4]) {\n"
                                        "  yield(%x)\n"
                                        "}\n";
static const int64_t last_dims[] = {1, 6, 6, 4};

/* x -> conv (bias) -> relu -> reshape -> matmul -> y. `dead`: channel 1 has weights of 0; `huge`:
 * its bias does not fit 32 bits. */
static void build_network_in(bench *b, bool dead, bool huge, int64_t layout)
{
    hmlc_module *module = b->module;
    hmlc_op *yield = module->main->last;
    hmlc_builder builder = hmlc_builder_before(yield);
    const int64_t conv_dims[] = {5, layout == HMLC_LAYOUT_CHANNELS_FIRST ? 4 : 3, 3,
                                 layout == HMLC_LAYOUT_CHANNELS_FIRST ? 3 : 4};
    const int64_t bias_dims[] = {5}, matrix_dims[] = {180, 7};
    hmlc_value *w = weights_of(&builder, 4, conv_dims, 3, 0.5);
    hmlc_value *bias = weights_of(&builder, 1, bias_dims, 4, 1);
    hmlc_value *matrix = weights_of(&builder, 2, matrix_dims, 5, 0.2), *y = NULL;
    union {
        const void *readable;
        float *data;
    } weights = {hmlc_value_constant(w)->data}, biases = {hmlc_value_constant(bias)->data};
    for (int i = 0; dead && i < 36; i++) {
        weights.data[36 + i] = huge ? 1e-12F : 0;
    }
    biases.data[1] = huge ? 100 : biases.data[1];
    static const int64_t ones[] = {1, 1};
    hmlc_dim pads[4];
    for (int i = 0; i < 4; i++) {
        pads[i] = hmlc_dim_constant(module->dims, 1);
    }
    hmlc_attr attrs[] = {
        hmlc_attr_ints(HMLC_ATTR_strides, ones, 2), hmlc_attr_dims(HMLC_ATTR_pads, pads, 4),
        hmlc_attr_ints(HMLC_ATTR_dilations, ones, 2), hmlc_attr_int(HMLC_ATTR_groups, 1),
        hmlc_attr_int(HMLC_ATTR_layout, layout)};
    hmlc_value *operands[] = {module->main->arguments[0], w, bias};
    assert_int_equal(hmlc_build(&builder, HMLC_OP_conv, operands, 3, attrs, 5, &y), HMLC_OK);
    assert_int_equal(hmlc_build_unary(&builder, HMLC_OP_relu, y, &y), HMLC_OK);
    hmlc_dim shape[] = {hmlc_dim_constant(module->dims, 1), hmlc_dim_constant(module->dims, 180)};
    assert_int_equal(hmlc_build_reshape(&builder, y, shape, 2, &y), HMLC_OK);
    hmlc_value *sides[] = {y, matrix};
    assert_int_equal(hmlc_build(&builder, HMLC_OP_matmul, sides, 2, NULL, 0, &y), HMLC_OK);
    hmlc_op_set_operand(yield, 0, y);
    assert_int_equal(hmlc_verify(module, "build"), HMLC_OK);
}

static void build_network(bench *b, bool dead, bool huge)
{
    build_network_in(b, dead, huge, HMLC_LAYOUT_CHANNELS_FIRST);
}

static void quantize(bench *b, const hmlc_quantize_options *options, hmlc_quantize_plan **plan)
{
    hmlc_runner runner = runner_of(b);
    assert_int_equal(hmlc_quantize_plan_create(b->module, plan), HMLC_OK);
    hmlc_statistics *statistics = hmlc_quantize_statistics(*plan, 1);
    assert_non_null(statistics);
    assert_int_equal(hmlc_quantize_calibrate(*plan, &runner, statistics), HMLC_OK);
    assert_int_equal(hmlc_quantize_decide(*plan, options, statistics), HMLC_OK);
    hmlc_statistics_release(statistics);
}

/* Signal over noise of the outputs, in dB, of the graph that the plan makes. */
static double sqnr_of(bench *b, const hmlc_quantize_plan *plan)
{
    hmlc_module *quantized = NULL;
    double signal = 0, noise = 0;
    assert_int_equal(hmlc_module_clone(b->module, NULL, &quantized), HMLC_OK);
    assert_int_equal(hmlc_quantize_apply(plan, quantized), HMLC_OK);
    assert_int_equal(hmlc_verify(quantized, "quantize"), HMLC_OK);
    for (uint32_t s = 0; s < SAMPLES; s++) {
        hmlc_tensor input = tensor_of(b, s), wanted, found;
        assert_int_equal(hmlc_interpret(b->module, &input, 1, b->arena, &wanted, 1), HMLC_OK);
        assert_int_equal(hmlc_interpret(quantized, &input, 1, b->arena, &found, 1), HMLC_OK);
        for (int64_t i = 0; i < hmlc_tensor_count(&wanted); i++) {
            double x = hmlc_tensor_get_double(&wanted, i), y = hmlc_tensor_get_double(&found, i);
            signal += x * x;
            noise += (x - y) * (x - y);
        }
    }
    hmlc_module_destroy(quantized);
    return 10 * log10(signal / noise);
}

static const hmlc_quantize_node *anchor_at(const hmlc_quantize_plan *plan, uint32_t index)
{
    for (uint32_t i = 0; i < plan->node_count; i++) {
        if (plan->nodes[i].anchor && index-- == 0) {
            return &plan->nodes[i];
        }
    }
    fail_msg("the plan has no such node");
    return NULL;
}

/* -- tests ------------------------------------------------------------------------------------- */

static void every_rule_keeps_the_numbers(void **state)
{
    (void)state;
    static const hmlc_ranges rules[] = {HMLC_RANGES_AUTO, HMLC_RANGES_MINMAX,
                                        HMLC_RANGES_PERCENTILE, HMLC_RANGES_ENTROPY,
                                        HMLC_RANGES_MSE};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        bench b;
        hmlc_quantize_plan *plan;
        hmlc_quantize_options options = {.ranges = rules[i], .percentile = 99.999};
        begin(&b, network, 4, network_dims);
        build_network(&b, false, false);
        quantize(&b, &options, &plan);
        assert_int_equal(hmlc_quantize_count(plan), 2);
        double sqnr = sqnr_of(&b, plan);
        /* Entropy cuts a flat histogram of so few samples hardest. */
        if (sqnr < (rules[i] == HMLC_RANGES_ENTROPY ? 20 : 32)) {
            fail_msg("rule %zu leaves %.1f dB", i, sqnr);
        }
        hmlc_quantize_plan_release(plan);
        end(&b);
    }
}

/* u8 by s8, two of them added: 16 bits hold them only where the weights are small enough. */
static void pairs_fit_16_bits(void **state)
{
    (void)state;
    bench b;
    hmlc_quantize_plan *plan;
    hmlc_quantize_options options = {.ranges = HMLC_RANGES_MINMAX};
    begin(&b, network, 4, network_dims);
    build_network(&b, false, false);
    quantize(&b, &options, &plan);
    const hmlc_quantize_node *conv = anchor_at(plan, 0), *matmul = anchor_at(plan, 1);
    for (int64_t o = 0; o < 5; o++) { /* [O, 4, 3, 3]: taps outside, channels inside */
        for (int64_t tap = 0; tap < 9; tap++) {
            for (int64_t c = 0; c < 4; c += 2) {
                int a = (int)conv->quantized[(o * 4 + c) * 9 + tap];
                int d = (int)conv->quantized[(o * 4 + c + 1) * 9 + tap];
                assert_true((a > 0 ? a : 0) + (d > 0 ? d : 0) <= 128);
                assert_true((a < 0 ? a : 0) + (d < 0 ? d : 0) >= -128);
            }
        }
    }
    for (int64_t n = 0; n < 7; n++) {
        for (int64_t k = 0; k < 180; k += 2) {
            int a = (int)matmul->quantized[k * 7 + n];
            int d = (int)matmul->quantized[(k + 1) * 7 + n];
            assert_true((a > 0 ? a : 0) + (d > 0 ? d : 0) <= 128);
            assert_true((a < 0 ? a : 0) + (d < 0 ? d : 0) >= -128);
        }
    }
    hmlc_quantize_plan_release(plan);
    end(&b);
}

/* A channel of zeros gets a scale that is a number; a bias too large for its steps stays float. */
static void odd_channels_stay_finite(void **state)
{
    (void)state;
    for (int huge = 0; huge < 2; huge++) {
        bench b;
        hmlc_quantize_plan *plan;
        hmlc_quantize_options options = {.ranges = HMLC_RANGES_MINMAX};
        begin(&b, network, 4, network_dims);
        build_network(&b, true, huge != 0);
        quantize(&b, &options, &plan);
        const hmlc_quantize_node *conv = anchor_at(plan, 0);
        assert_true(isfinite(conv->scales[1]) && conv->scales[1] > 0);
        assert_true(sqnr_of(&b, plan) > 30);
        hmlc_quantize_plan_release(plan);
        end(&b);
    }
}

static void constant_inputs_have_a_range(void **state)
{
    (void)state;
    static const float numbers[] = {0, 3, -2, 1e-30F, 1e30F};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        bench b;
        hmlc_quantize_plan *plan;
        hmlc_quantize_options options = {.ranges = HMLC_RANGES_AUTO};
        begin(&b, network, 4, network_dims);
        build_network(&b, false, false);
        for (int s = 0; s < SAMPLES; s++) {
            for (int k = 0; k < MOST_ELEMENTS; k++) {
                b.input[s][k] = numbers[i];
            }
        }
        quantize(&b, &options, &plan);
        for (uint32_t t = 0; t < plan->tensor_count; t++) {
            assert_true(isfinite(plan->tensors[t].range.scale) && plan->tensors[t].range.scale > 0);
        }
        assert_true(sqnr_of(&b, plan) > 25);
        hmlc_quantize_plan_release(plan);
        end(&b);
    }
}

static void numbers_that_are_none_keep_a_node_float(void **state)
{
    (void)state;
    bench b;
    hmlc_quantize_plan *plan;
    hmlc_quantize_options options = {.ranges = HMLC_RANGES_MINMAX};
    begin(&b, network, 4, network_dims);
    build_network(&b, false, false);
    for (int s = 0; s < SAMPLES; s++) {
        for (int k = 0; k < 100; k++) {
            b.input[s][k] = NAN;
        }
    }
    quantize(&b, &options, &plan);
    assert_int_equal(anchor_at(plan, 0)->reason, HMLC_QUANTIZE_not_finite);
    const hmlc_diagnostic *d = hmlc_diagnostics_first(b.module->diagnostics);
    assert_non_null(d);
    assert_int_equal(hmlc_error_get_info(d->error)->number, 706);
    hmlc_quantize_plan_release(plan);
    end(&b);
}

static void kept_nodes_stay_float(void **state)
{
    (void)state;
    bench b;
    hmlc_quantize_plan *plan;
    begin(&b, network, 4, network_dims);
    build_network(&b, false, false);
    assert_int_equal(hmlc_quantize_plan_create(b.module, &plan), HMLC_OK);
    assert_false(hmlc_quantize_keep(plan, "softmax"));
    assert_true(hmlc_quantize_keep(plan, "conv"));
    assert_int_equal(hmlc_quantize_count(plan), 1);
    hmlc_quantize_plan_release(plan);
    end(&b);
}

/* Decides as the commands do, samples measured. */
static hmlc_status tune(bench *b, const hmlc_quantize_options *options, hmlc_quantize_plan **plan)
{
    hmlc_runner runner = runner_of(b);
    begin(b, network, 4, network_dims);
    build_network(b, false, false);
    assert_int_equal(hmlc_quantize_plan_create(b->module, plan), HMLC_OK);
    hmlc_statistics *statistics = hmlc_quantize_statistics(*plan, 1);
    assert_non_null(statistics);
    assert_int_equal(hmlc_quantize_calibrate(*plan, &runner, statistics), HMLC_OK);
    assert_int_equal(hmlc_quantize_decide(*plan, options, statistics), HMLC_OK);
    hmlc_status status = hmlc_quantize_tune(*plan, options, statistics, &runner);
    hmlc_statistics_release(statistics);
    return status;
}

/* What was measured with flags is what the graph with quantize and dequantize does. */
static void measured_losses_are_those_of_the_graph(void **state)
{
    (void)state;
    bench b;
    hmlc_quantize_plan *plan;
    hmlc_quantize_options options = {.ranges = HMLC_RANGES_AUTO};
    assert_int_equal(tune(&b, &options, &plan), HMLC_OK);
    double measured = -10 * log10(plan->loss.noise), found = sqnr_of(&b, plan);
    assert_true(plan->loss.samples == SAMPLES / 2 && plan->loss.cosine > 0.999);
    assert_true(fabs(measured - found) < 1.5); /* half of the samples, and all of them */
    for (uint32_t i = 0; i < plan->node_count; i++) {
        const hmlc_quantize_node *node = &plan->nodes[i];
        assert_true(!node->anchor || (node->sqnr > 30 && node->loss_alone > 0));
    }
    hmlc_quantize_plan_release(plan);
    end(&b);
}

/* As importers of other formats leave images. */
static void channels_may_be_last(void **state)
{
    (void)state;
    bench b;
    hmlc_quantize_plan *plan;
    hmlc_quantize_options options = {.ranges = HMLC_RANGES_MINMAX};
    begin(&b, last_network, 4, last_dims);
    build_network_in(&b, false, false, HMLC_LAYOUT_CHANNELS_LAST);
    quantize(&b, &options, &plan);
    const hmlc_quantize_node *conv = anchor_at(plan, 0);
    for (int64_t i = 0; i < 5 * 9 * 4; i += 2) { /* [5, 3, 3, 4]: channels lie side by side */
        int a = (int)conv->quantized[i], d = (int)conv->quantized[i + 1];
        assert_true((a > 0 ? a : 0) + (d > 0 ? d : 0) <= 128);
        assert_true((a < 0 ? a : 0) + (d < 0 ? d : 0) >= -128);
    }
    assert_true(sqnr_of(&b, plan) > 32);
    hmlc_quantize_plan_release(plan);
    end(&b);
}

static void budgets_are_kept(void **state)
{
    (void)state;
    bench b;
    hmlc_quantize_plan *plan;
    hmlc_quantize_options options = {.ranges = HMLC_RANGES_AUTO};
    assert_int_equal(tune(&b, &options, &plan), HMLC_OK);
    double whole = -10 * log10(plan->loss.noise);
    hmlc_quantize_plan_release(plan);
    end(&b);
    options.metric = HMLC_METRIC_SQNR;
    options.max_drop = whole + 0.5; /* a bit more than both nodes leave */
    assert_int_equal(tune(&b, &options, &plan), HMLC_OK);
    assert_int_equal(hmlc_quantize_count(plan), 1);
    assert_true(-10 * log10(plan->loss.noise) >= options.max_drop);
    hmlc_quantize_plan_release(plan);
    end(&b);
    options.max_drop = 500;
    assert_int_equal(tune(&b, &options, &plan), HMLC_NO);
    const hmlc_diagnostic *d = hmlc_diagnostics_first(b.module->diagnostics);
    assert_int_equal(hmlc_error_get_info(d->error)->number, 709);
    assert_true(hmlc_quantize_count(plan) > 0);
    hmlc_quantize_plan_release(plan);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_keeps_the_numbers),
        cmocka_unit_test(pairs_fit_16_bits),
        cmocka_unit_test(odd_channels_stay_finite),
        cmocka_unit_test(constant_inputs_have_a_range),
        cmocka_unit_test(numbers_that_are_none_keep_a_node_float),
        cmocka_unit_test(kept_nodes_stay_float),
        cmocka_unit_test(measured_losses_are_those_of_the_graph),
        cmocka_unit_test(channels_may_be_last),
        cmocka_unit_test(budgets_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* LSTM cells against the reference evaluation: sizes, directions, lengths, states, peepholes, clip.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "kernel_graph.h"
#include "kernel_harness.h"

enum { LENGTHS = 1, STATES = 2, PEEPHOLES = 4, CONSTANT_WEIGHTS = 8, FORGET = 16, CLIP = 32 };

/* Of all directions; count 0: the usual ones. */
typedef struct activation_lists {
    uint32_t count;
    int64_t kinds[6];
} activation_lists;

typedef struct lstm_case {
    kernel_graph graph;
    kernel_random random;
    hmlc_tensor inputs[8];
    uint32_t count;
} lstm_case;

static hmlc_tensor random_tensor(lstm_case *test, hmlc_dtype dtype, int32_t rank,
                                 const int64_t *dims, double low, double high)
{
    return kernel_random_tensor(&test->random, test->graph.module->arena, dtype, rank, dims, low,
                                high);
}

static hmlc_value *input(lstm_case *test, hmlc_dtype dtype, int32_t rank, const int64_t *dims,
                         double low, double high)
{
    char text[128] = "";
    int used = 0;
    for (int32_t k = 0; k < rank; k++) {
        used += snprintf(text + used, sizeof text - (size_t)used, "%lld ", (long long)dims[k]);
    }
    test->inputs[test->count++] = random_tensor(test, dtype, rank, dims, low, high);
    return kernel_graph_input(&test->graph, dtype, text);
}

static void check_activations(int64_t steps, int64_t batch, int64_t hidden, int64_t direction,
                              int options, const activation_lists *lists)
{
    lstm_case test = {.graph = kernel_graph_create(),
                      .random = {(uint64_t)(steps * 7919 + hidden * 31 + options)}};
    int64_t directions = direction == HMLC_DIRECTION_BIDIRECTIONAL ? 2 : 1;
    int64_t x[] = {steps, batch, directions * 4 * hidden}, r[] = {directions, 4 * hidden, hidden};
    int64_t state[] = {directions, batch, hidden}, peepholes[] = {directions, 3 * hidden};
    hmlc_value *operands[6] = {input(&test, HMLC_DTYPE_f32, 3, x, -1, 1)};
    if (options & CONSTANT_WEIGHTS) {
        hmlc_tensor weights = random_tensor(&test, HMLC_DTYPE_f32, 3, r, -0.4, 0.4);
        operands[1] = kernel_graph_outer_constant(&test.graph, &weights);
    } else {
        operands[1] = input(&test, HMLC_DTYPE_f32, 3, r, -0.4, 0.4);
    }
    if (options & LENGTHS) {
        operands[2] = input(&test, HMLC_DTYPE_i32, 1, &batch, 0, (double)steps + 1);
    }
    if (options & STATES) {
        operands[3] = input(&test, HMLC_DTYPE_f32, 3, state, -1, 1);
        operands[4] = input(&test, HMLC_DTYPE_f32, 3, state, -1, 1);
    }
    if (options & PEEPHOLES) {
        operands[5] = input(&test, HMLC_DTYPE_f32, 2, peepholes, -1, 1);
    }
    static const double alpha[6] = {0.5, 0.75, 0.25, 0.625, 0.375, 0.125};
    static const double beta[6] = {0.25, 0.5, 0.75, 0.375, 1.0, 0.875};
    hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_direction, direction),
                         hmlc_attr_int(HMLC_ATTR_input_forget, (options & FORGET) != 0),
                         hmlc_attr_float(HMLC_ATTR_clip, options & CLIP ? 0.5 : 0.0),
                         hmlc_attr_ints(HMLC_ATTR_activations, lists->kinds, lists->count),
                         hmlc_attr_floats(HMLC_ATTR_activation_alpha, alpha, lists->count),
                         hmlc_attr_floats(HMLC_ATTR_activation_beta, beta, lists->count)};
    hmlc_op *op;
    assert_int_equal(hmlc_op_create(&test.graph.builder, HMLC_OP_lstm_cells, operands, 6, attrs,
                                    lists->count > 0 ? 6 : 3, &op),
                     HMLC_OK);
    kernel_graph_finish(&test.graph, HMLC_FORM_RECURRENT, op->results, 3);
    harness_verify_targets(test.graph.module, test.inputs, (harness_tolerance){2e-5, 2e-5});
    kernel_graph_destroy(&test.graph);
}

static void check_lstm(int64_t steps, int64_t batch, int64_t hidden, int64_t direction, int options)
{
    const activation_lists usual = {0};
    check_activations(steps, batch, hidden, direction, options, &usual);
}

static void sizes_and_tails(void **state)
{
    (void)state;
    static const int64_t hidden[] = {1, 3, 8, 15, 16, 17, 33, 64, 100};
    for (size_t k = 0; k < sizeof hidden / sizeof hidden[0]; k++) {
        check_lstm(3, 2, hidden[k], HMLC_DIRECTION_FORWARD, CONSTANT_WEIGHTS | STATES);
        check_lstm(2, 1, hidden[k], HMLC_DIRECTION_BIDIRECTIONAL, 0);
    }
}

static void directions_and_lengths(void **state)
{
    (void)state;
    for (int64_t direction = 0; direction < 3; direction++) {
        check_lstm(5, 4, 20, direction, LENGTHS | CONSTANT_WEIGHTS);
        check_lstm(5, 4, 20, direction, LENGTHS | STATES);
        check_lstm(1, 1, 5, direction, STATES | PEEPHOLES | CONSTANT_WEIGHTS);
    }
}

static void variants_of_the_cell(void **state)
{
    (void)state;
    check_lstm(4, 3, 18, HMLC_DIRECTION_BIDIRECTIONAL, PEEPHOLES | STATES | CONSTANT_WEIGHTS);
    check_lstm(4, 3, 18, HMLC_DIRECTION_REVERSE, FORGET | PEEPHOLES);
    check_lstm(4, 3, 18, HMLC_DIRECTION_FORWARD, CLIP | STATES);
    check_lstm(4, 3, 18, HMLC_DIRECTION_FORWARD,
               CLIP | FORGET | PEEPHOLES | LENGTHS | STATES | CONSTANT_WEIGHTS);
}

/* Each kind at each place; in the second direction another one. */
static void every_activation(void **state)
{
    (void)state;
    for (int64_t kind = 0; kind < HMLC_ACTIVATION_COUNT; kind++) {
        int64_t next = (kind + 1) % HMLC_ACTIVATION_COUNT,
                last = (kind + 5) % HMLC_ACTIVATION_COUNT;
        const activation_lists one = {3, {kind, next, last}};
        const activation_lists two = {6, {kind, next, last, last, kind, next}};
        check_activations(3, 2, 19, HMLC_DIRECTION_REVERSE, STATES | CONSTANT_WEIGHTS | CLIP, &one);
        check_activations(3, 2, 5, HMLC_DIRECTION_BIDIRECTIONAL, PEEPHOLES | LENGTHS, &two);
    }
}

static void nothing_to_do(void **state)
{
    (void)state;
    check_lstm(0, 2, 8, HMLC_DIRECTION_FORWARD, STATES | CONSTANT_WEIGHTS);
    check_lstm(3, 0, 8, HMLC_DIRECTION_BIDIRECTIONAL, CONSTANT_WEIGHTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_tails),      cmocka_unit_test(directions_and_lengths),
        cmocka_unit_test(variants_of_the_cell), cmocka_unit_test(every_activation),
        cmocka_unit_test(nothing_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

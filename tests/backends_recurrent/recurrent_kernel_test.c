/* SPDX-License-Identifier: Apache-2.0 */
/* Recurrent cells against the reference evaluation: sizes, directions, lengths, states, peepholes,
 * clip, the two forms of a GRU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "kernel_graph.h"
#include "kernel_harness.h"

enum {
    LENGTHS = 1,
    STATES = 2,
    PEEPHOLES = 4, /* gru: the candidate's bias */
    CONSTANT_WEIGHTS = 8,
    FORGET = 16, /* gru: linear_before_reset */
    CLIP = 32,
    DYNAMIC = 64 /* the batch is known at run time */
};

/* Of all directions; count 0: the usual ones. */
typedef struct activation_lists {
    uint32_t count;
    int64_t kinds[6];
} activation_lists;

typedef struct cell_case {
    hmlc_opcode opcode;
    kernel_graph graph;
    kernel_random random;
    bool dynamic; /* the batch is a symbol */
    hmlc_tensor inputs[8];
    uint32_t count;
} cell_case;

static hmlc_tensor random_tensor(cell_case *test, hmlc_dtype dtype, int32_t rank,
                                 const int64_t *dims, double low, double high)
{
    return kernel_random_tensor(&test->random, test->graph.module->arena, dtype, rank, dims, low,
                                high);
}

/* `batch_axis` is that of the batch, -1 where there is none. */
static hmlc_value *input(cell_case *test, hmlc_dtype dtype, int32_t rank, const int64_t *dims,
                         int32_t batch_axis, double low, double high)
{
    char text[128] = "";
    int used = 0;
    for (int32_t k = 0; k < rank; k++) {
        size_t rest = sizeof text - (size_t)used;
        bool symbol = test->dynamic && k == batch_axis;
        used += symbol ? snprintf(text + used, rest, "n ")
                       : snprintf(text + used, rest, "%lld ", (long long)dims[k]);
    }
    test->inputs[test->count++] = random_tensor(test, dtype, rank, dims, low, high);
    return kernel_graph_input(&test->graph, dtype, text);
}

/* Behind the initial h: c and peepholes of lstm_cells, the candidate's bias of gru_cells. */
static void add_own_operands(cell_case *test, hmlc_value **operands, int options,
                             const int64_t *state)
{
    int64_t bias[] = {state[0], state[2]}, peepholes[] = {state[0], 3 * state[2]};
    if (test->opcode == HMLC_OP_lstm_cells && (options & STATES)) {
        operands[4] = input(test, HMLC_DTYPE_f32, 3, state, 1, -1, 1);
    }
    if (test->opcode == HMLC_OP_lstm_cells && (options & PEEPHOLES)) {
        operands[5] = input(test, HMLC_DTYPE_f32, 2, peepholes, -1, -1, 1);
    }
    if (test->opcode == HMLC_OP_gru_cells && (options & PEEPHOLES)) {
        operands[4] = input(test, HMLC_DTYPE_f32, 2, bias, -1, -1, 1);
    }
}

static void check_cells(hmlc_opcode opcode, const int64_t sizes[3], int64_t direction, int options,
                        const activation_lists *lists)
{
    int64_t steps = sizes[0], batch = sizes[1], hidden = sizes[2];
    cell_case test = {.opcode = opcode,
                      .graph = kernel_graph_create(),
                      .dynamic = (options & DYNAMIC) != 0,
                      .random = {(uint64_t)(steps * 7919 + hidden * 31 + options)}};
    int64_t directions = direction == HMLC_DIRECTION_BIDIRECTIONAL ? 2 : 1;
    int64_t rows = hmlc_cell_kind_of(opcode)->gates * hidden;
    int64_t x[] = {steps, batch, directions * rows}, r[] = {directions, rows, hidden};
    int64_t state[] = {directions, batch, hidden};
    hmlc_value *operands[6] = {input(&test, HMLC_DTYPE_f32, 3, x, 1, -1, 1)};
    if (options & CONSTANT_WEIGHTS) {
        hmlc_tensor weights = random_tensor(&test, HMLC_DTYPE_f32, 3, r, -0.4, 0.4);
        operands[1] = kernel_graph_outer_constant(&test.graph, &weights);
    } else {
        operands[1] = input(&test, HMLC_DTYPE_f32, 3, r, -1, -0.4, 0.4);
    }
    if (options & LENGTHS) {
        operands[2] = input(&test, HMLC_DTYPE_i32, 1, &batch, 0, 0, (double)steps + 1);
    }
    if (options & STATES) {
        operands[3] = input(&test, HMLC_DTYPE_f32, 3, state, 1, -1, 1);
    }
    add_own_operands(&test, operands, options, state);
    static const double alpha[6] = {0.5, 0.75, 0.25, 0.625, 0.375, 0.125};
    static const double beta[6] = {0.25, 0.5, 0.75, 0.375, 1.0, 0.875};
    hmlc_attr attrs[6] = {hmlc_attr_int(HMLC_ATTR_direction, direction),
                          hmlc_attr_float(HMLC_ATTR_clip, options & CLIP ? 0.5 : 0.0)};
    uint32_t count = 2;
    if (opcode != HMLC_OP_rnn_cells) {
        hmlc_attr_name flag =
            opcode == HMLC_OP_lstm_cells ? HMLC_ATTR_input_forget : HMLC_ATTR_linear_before_reset;
        attrs[count++] = hmlc_attr_int(flag, (options & FORGET) != 0);
    }
    if (lists->count > 0) {
        attrs[count++] = hmlc_attr_ints(HMLC_ATTR_activations, lists->kinds, lists->count);
        attrs[count++] = hmlc_attr_floats(HMLC_ATTR_activation_alpha, alpha, lists->count);
        attrs[count++] = hmlc_attr_floats(HMLC_ATTR_activation_beta, beta, lists->count);
    }
    hmlc_op *op;
    uint32_t operand_count = (uint32_t)hmlc_op_get_info(opcode)->most_operands;
    assert_int_equal(
        hmlc_op_create(&test.graph.builder, opcode, operands, operand_count, attrs, count, &op),
        HMLC_OK);
    kernel_graph_finish(&test.graph, HMLC_FORM_RECURRENT, op->results, op->result_count);
    harness_verify_targets(test.graph.module, test.inputs, (harness_tolerance){2e-5, 2e-5});
    kernel_graph_destroy(&test.graph);
}

static void check_usual(hmlc_opcode opcode, int64_t steps, int64_t batch, int64_t hidden,
                        int64_t direction, int options)
{
    const activation_lists usual = {0};
    check_cells(opcode, (const int64_t[]){steps, batch, hidden}, direction, options, &usual);
}

static void check_activations(int64_t steps, int64_t batch, int64_t hidden, int64_t direction,
                              int options, const activation_lists *lists)
{
    check_cells(HMLC_OP_lstm_cells, (const int64_t[]){steps, batch, hidden}, direction, options,
                lists);
}

static void check_lstm(int64_t steps, int64_t batch, int64_t hidden, int64_t direction, int options)
{
    check_usual(HMLC_OP_lstm_cells, steps, batch, hidden, direction, options);
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

/* Units of two to six rows, equal or with a rest, of a batch that is known or not. */
static void rows_that_go_together(void **state)
{
    (void)state;
    static const hmlc_opcode kinds[] = {HMLC_OP_lstm_cells, HMLC_OP_gru_cells, HMLC_OP_rnn_cells};
    static const int64_t batches[] = {1, 2, 5, 7, 13};
    for (size_t k = 0; k < sizeof batches / sizeof batches[0]; k++) {
        hmlc_opcode kind = kinds[k % 3];
        int64_t hidden = k % 2 == 0 ? 24 : 19, batch = batches[k];
        for (int dynamic = 0; dynamic <= DYNAMIC; dynamic += DYNAMIC) {
            check_usual(kind, 3, batch, hidden, HMLC_DIRECTION_BIDIRECTIONAL,
                        STATES | CONSTANT_WEIGHTS | dynamic);
            check_usual(kinds[(k + 1) % 3], 2, batch, hidden, HMLC_DIRECTION_REVERSE,
                        STATES | FORGET | PEEPHOLES | CLIP | dynamic);
        }
    }
    check_usual(HMLC_OP_gru_cells, 3, 4, 24, HMLC_DIRECTION_FORWARD, LENGTHS | DYNAMIC);
}

static void nothing_to_do(void **state)
{
    (void)state;
    check_lstm(0, 2, 8, HMLC_DIRECTION_FORWARD, STATES | CONSTANT_WEIGHTS);
    check_lstm(3, 0, 8, HMLC_DIRECTION_BIDIRECTIONAL, CONSTANT_WEIGHTS);
    check_lstm(3, 0, 8, HMLC_DIRECTION_BIDIRECTIONAL, CONSTANT_WEIGHTS | DYNAMIC);
}

static void grus_of_both_forms(void **state)
{
    (void)state;
    static const int64_t hidden[] = {1, 3, 8, 15, 16, 17, 33, 64, 100};
    for (size_t k = 0; k < sizeof hidden / sizeof hidden[0]; k++) {
        for (int form = 0; form <= FORGET; form += FORGET) {
            check_usual(HMLC_OP_gru_cells, 3, 2, hidden[k], HMLC_DIRECTION_FORWARD,
                        CONSTANT_WEIGHTS | STATES | form);
            check_usual(HMLC_OP_gru_cells, 2, 1, hidden[k], HMLC_DIRECTION_BIDIRECTIONAL, form);
        }
    }
    for (int64_t direction = 0; direction < 3; direction++) {
        check_usual(HMLC_OP_gru_cells, 5, 4, 20, direction, LENGTHS | CONSTANT_WEIGHTS | CLIP);
        check_usual(HMLC_OP_gru_cells, 5, 4, 20, direction,
                    LENGTHS | STATES | FORGET | PEEPHOLES | CLIP);
    }
    check_usual(HMLC_OP_gru_cells, 0, 2, 8, HMLC_DIRECTION_FORWARD, STATES | CONSTANT_WEIGHTS);
}

static void simple_cells(void **state)
{
    (void)state;
    static const int64_t hidden[] = {1, 4, 16, 17, 40, 100};
    for (size_t k = 0; k < sizeof hidden / sizeof hidden[0]; k++) {
        check_usual(HMLC_OP_rnn_cells, 3, 2, hidden[k], HMLC_DIRECTION_FORWARD,
                    CONSTANT_WEIGHTS | STATES);
        check_usual(HMLC_OP_rnn_cells, 4, 3, hidden[k], HMLC_DIRECTION_BIDIRECTIONAL,
                    LENGTHS | CLIP);
    }
}

/* In the second direction another one. */
static void activations_of_every_cell(void **state)
{
    (void)state;
    for (int64_t kind = 0; kind < HMLC_ACTIVATION_COUNT; kind++) {
        int64_t next = (kind + 1) % HMLC_ACTIVATION_COUNT;
        const activation_lists gru = {4, {kind, next, next, kind}}, rnn = {2, {kind, next}};
        check_cells(HMLC_OP_gru_cells, (const int64_t[]){3, 2, 19}, HMLC_DIRECTION_BIDIRECTIONAL,
                    STATES | CONSTANT_WEIGHTS | (kind % 2 == 0 ? FORGET : 0), &gru);
        check_cells(HMLC_OP_rnn_cells, (const int64_t[]){3, 2, 5}, HMLC_DIRECTION_BIDIRECTIONAL,
                    STATES | CLIP, &rnn);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_tails),       cmocka_unit_test(directions_and_lengths),
        cmocka_unit_test(variants_of_the_cell),  cmocka_unit_test(every_activation),
        cmocka_unit_test(nothing_to_do),         cmocka_unit_test(grus_of_both_forms),
        cmocka_unit_test(simple_cells),          cmocka_unit_test(activations_of_every_cell),
        cmocka_unit_test(rows_that_go_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

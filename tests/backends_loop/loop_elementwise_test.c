/* SPDX-License-Identifier: Apache-2.0 */
/* Every elementwise operator on every element type that the backend takes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel_graph.h"
#include "kernel_harness.h"
#include "llvm/elementwise/elementwise.h"

static const hmlc_dtype all_types[] = {
    HMLC_DTYPE_bool, HMLC_DTYPE_i8,  HMLC_DTYPE_i16, HMLC_DTYPE_i32, HMLC_DTYPE_i64,
    HMLC_DTYPE_u8,   HMLC_DTYPE_u16, HMLC_DTYPE_u32, HMLC_DTYPE_u64, HMLC_DTYPE_f16,
    HMLC_DTYPE_bf16, HMLC_DTYPE_f32, HMLC_DTYPE_f64,
};
enum { TYPE_COUNT = sizeof all_types / sizeof all_types[0], ELEMENTS = 77 };

/* Values where most ops are defined, with the corners of integers among them. */
static hmlc_tensor sample(kernel_random *random, hmlc_arena *arena, hmlc_dtype dtype,
                          const int64_t *dims, int32_t rank)
{
    hmlc_tensor tensor = kernel_random_tensor(random, arena, dtype, rank, dims, -9, 9);
    if (!hmlc_dtype_is_integer(dtype)) {
        return tensor;
    }
    int64_t count = hmlc_tensor_count(&tensor);
    for (int64_t k = 0; k < count; k += 3) { /* any bits */
        hmlc_element_set_int(dtype, hmlc_eval_data(&tensor), k,
                             (int64_t)kernel_random_next(random));
    }
    return tensor;
}

static harness_tolerance tolerance_of(hmlc_dtype dtype)
{
    switch (dtype) {
    case HMLC_DTYPE_f16:
        return (harness_tolerance){1e-6, 2e-3};
    case HMLC_DTYPE_bf16:
        return (harness_tolerance){1e-6, 1.6e-2};
    case HMLC_DTYPE_f64:
        return (harness_tolerance){1e-15, 1e-14};
    default:
        return (harness_tolerance){1e-6, 1e-6};
    }
}

/* Operator with operands of one type; false where inference does not take it. */
static bool build(kernel_graph *graph, hmlc_opcode opcode, hmlc_dtype dtype, const char *dims,
                  hmlc_value **result, uint32_t *operand_count)
{
    const hmlc_op_info *info = hmlc_op_get_info(opcode);
    hmlc_value *operands[3] = {NULL, NULL, NULL};
    *operand_count = (uint32_t)info->least_operands;
    for (uint32_t k = 0; k < *operand_count; k++) {
        bool condition = opcode == HMLC_OP_select && k == 0;
        operands[k] = kernel_graph_input(graph, condition ? HMLC_DTYPE_bool : dtype, dims);
    }
    hmlc_op *op = NULL;
    if (hmlc_op_create(&graph->builder, opcode, operands, *operand_count, NULL, 0, &op) !=
        HMLC_OK) {
        return false;
    }
    *result = op->results[0];
    return true;
}

static bool is_plain(hmlc_opcode opcode)
{
    return hmlc_opcode_has(opcode, HMLC_TRAIT_ELEMENTWISE) && opcode != HMLC_OP_cast &&
           opcode != HMLC_OP_quantize && opcode != HMLC_OP_dequantize &&
           opcode != HMLC_OP_requantize_fixed && opcode != HMLC_OP_lookup;
}

static uint32_t tested;

static void check_one(hmlc_opcode opcode, hmlc_dtype dtype)
{
    kernel_graph graph = kernel_graph_create();
    kernel_random random = {(uint64_t)opcode * 100 + dtype};
    hmlc_value *result;
    uint32_t count;
    const char *reason = NULL;
    if (build(&graph, opcode, dtype, "77", &result, &count)) {
        kernel_graph_finish(&graph, HMLC_FORM_LOOP, &result, 1);
        if (hmlc_elementwise_supported(result->producer, &reason)) {
            hmlc_tensor inputs[3];
            int64_t dims[] = {ELEMENTS};
            for (uint32_t k = 0; k < count; k++) {
                hmlc_dtype type = graph.module->main->arguments[k]->type->dtype;
                inputs[k] = sample(&random, graph.module->arena, type, dims, 1);
            }
            if (dtype == HMLC_DTYPE_f32) {
                harness_verify_targets(graph.module, inputs, tolerance_of(dtype));
            } else {
                harness_verify_some_target(graph.module, inputs, tolerance_of(dtype), tested);
            }
            tested++;
        } else {
            assert_non_null(reason);
        }
    }
    kernel_graph_destroy(&graph);
}

static void every_operator_and_type(void **state)
{
    (void)state;
    for (hmlc_opcode opcode = 0; opcode < HMLC_OP_COUNT; opcode++) {
        for (int k = 0; is_plain(opcode) && k < TYPE_COUNT; k++) {
            check_one(opcode, all_types[k]);
        }
    }
    print_message("%u operator and type pairs\n", tested);
    assert_true(tested > 370);
}

/* -- conversions -- */

/* Halves, large numbers, infinities and NaN, beside random ones. */
static void set_special(hmlc_tensor *tensor, kernel_random *random)
{
    static const double values[] = {
        0.5,           1.5,          -2.5, 254.7, -129.0, 300.0,   65519.9, 65520.0, 2147483648.0,
        -2147483649.0, 4294967296.5, 1e10, -1e12, 9.3e18, 1.7e19,  -9.3e18, 1e30,    -1e30,
        INFINITY,      -INFINITY,    NAN,  1e-8,  6e-8,   3.38e38, 1e-40,   -0.0};
    int64_t count = hmlc_tensor_count(tensor);
    for (int64_t k = 0; k < count; k++) {
        size_t special = (size_t)k;
        double value = special < sizeof values / sizeof values[0]
                           ? values[special]
                           : kernel_random_real(random, -70000, 70000);
        hmlc_element_set_double(tensor->dtype, hmlc_eval_data(tensor), k, value);
    }
}

static void every_cast(void **state)
{
    (void)state;
    for (int from = 0; from < TYPE_COUNT; from++) {
        for (int to = 0; to < TYPE_COUNT; to++) {
            kernel_graph graph = kernel_graph_create();
            kernel_random random = {(uint64_t)(from * TYPE_COUNT + to)};
            int64_t dims[] = {ELEMENTS};
            hmlc_value *x = kernel_graph_input(&graph, all_types[from], "77");
            hmlc_attr attr = hmlc_attr_dtype(HMLC_ATTR_to, all_types[to]);
            hmlc_value *y = kernel_graph_op(&graph, HMLC_OP_cast, &x, 1, &attr, 1);
            kernel_graph_finish(&graph, HMLC_FORM_LOOP, &y, 1);
            hmlc_tensor input = sample(&random, graph.module->arena, all_types[from], dims, 1);
            if (hmlc_dtype_is_float(all_types[from])) {
                set_special(&input, &random);
            }
            harness_verify_some_target(graph.module, &input, (harness_tolerance){0, 0},
                                       (uint32_t)(from + to));
            kernel_graph_destroy(&graph);
        }
    }
}

static void quantize_one(hmlc_dtype to, const char *scale, int64_t scales, bool back)
{
    kernel_graph graph = kernel_graph_create();
    kernel_random random = {(uint64_t)to};
    int64_t dims[] = {6, 5, 33}, scale_dims[] = {scales};
    int32_t rank = scales > 0;
    hmlc_dtype real = HMLC_DTYPE_f32;
    hmlc_value *operands[] = {kernel_graph_input(&graph, back ? to : real, "6 5 33"),
                              kernel_graph_input(&graph, real, scale),
                              kernel_graph_input(&graph, to, scale)};
    hmlc_attr attrs[] = {hmlc_attr_dtype(HMLC_ATTR_to, back ? real : to),
                         hmlc_attr_int(HMLC_ATTR_axis, 1)};
    hmlc_opcode opcode = back ? HMLC_OP_dequantize : HMLC_OP_quantize;
    hmlc_value *y = kernel_graph_op(&graph, opcode, operands, 3, attrs, 2);
    kernel_graph_finish(&graph, HMLC_FORM_LOOP, &y, 1);
    hmlc_arena *arena = graph.module->arena;
    hmlc_tensor inputs[] = {
        kernel_random_tensor(&random, arena, back ? to : real, 3, dims, back ? 0 : -400, 400),
        kernel_random_tensor(&random, arena, real, rank, scale_dims, 0.5, 3),
        kernel_random_tensor(&random, arena, to, rank, scale_dims, 0, 100)};
    if (!back) {
        set_special(&inputs[0], &random);
    }
    harness_verify_targets(graph.module, inputs, (harness_tolerance){0, 0});
    kernel_graph_destroy(&graph);
}

/* Halves, which round to even before an odd zero point is added, and both ends. */
static void quantize_ties(hmlc_dtype to)
{
    enum { HALVES = 1200, MIDDLE = HALVES / 2 };
    kernel_graph graph = kernel_graph_create();
    hmlc_dtype real = HMLC_DTYPE_f32;
    hmlc_value *operands[] = {kernel_graph_input(&graph, real, "1200"),
                              kernel_graph_input(&graph, real, ""),
                              kernel_graph_input(&graph, to, "")};
    hmlc_attr attrs[] = {hmlc_attr_dtype(HMLC_ATTR_to, to), hmlc_attr_int(HMLC_ATTR_axis, 0)};
    hmlc_value *y = kernel_graph_op(&graph, HMLC_OP_quantize, operands, 3, attrs, 2);
    kernel_graph_finish(&graph, HMLC_FORM_LOOP, &y, 1);
    float halves[HALVES], scale = 1;
    uint8_t zero[2] = {3, 0}; /* little endian, 8 or 16 bits */
    for (int k = 0; k < HALVES; k++) {
        halves[k] = 0.5F * (float)(k - MIDDLE);
    }
    hmlc_tensor inputs[] = {
        {.dtype = real, .rank = 1, .dims = {HALVES}, .data = halves, .bytes = sizeof halves},
        {.dtype = real, .data = &scale, .bytes = sizeof scale},
        {.dtype = to, .data = zero, .bytes = hmlc_dtype_bytes(to)}};
    harness_verify_targets(graph.module, inputs, (harness_tolerance){0, 0});
    kernel_graph_destroy(&graph);
}

static void quantization(void **state)
{
    (void)state;
    static const hmlc_dtype types[] = {HMLC_DTYPE_u8, HMLC_DTYPE_i8, HMLC_DTYPE_u16,
                                       HMLC_DTYPE_i16};
    for (int k = 0; k < 4; k++) {
        for (int back = 0; back < 2; back++) {
            quantize_one(types[k], "", 0, back == 1);
            quantize_one(types[k], "5", 5, back == 1);
        }
        quantize_ties(types[k]);
    }
    quantize_one(HMLC_DTYPE_i32, "5", 5, true);
}

/* Edges of i32 and halves of either rounding, beside random numbers. */
static hmlc_tensor edges(kernel_random *random, hmlc_arena *arena, const int64_t *dims,
                         double least, const double *special, size_t count)
{
    hmlc_tensor tensor =
        kernel_random_tensor(random, arena, HMLC_DTYPE_i32, 2, dims, least, 2147483647.0);
    for (int64_t k = 0; k < hmlc_tensor_count(&tensor); k += 3) {
        hmlc_element_set_double(HMLC_DTYPE_i32, hmlc_eval_data(&tensor), k,
                                special[(size_t)(k / 3) % count]);
    }
    return tensor;
}

static void requantize_one(int64_t rounding, const char *dims_text, int64_t columns)
{
    static const double special[] = {2147483647.0, -2147483648.0, -2147483647.0, 0,  1,   -1,
                                     1073741824,   -1073741824,   536870912,     3,  -3,  5,
                                     -6,           (1 << 20),     -(1 << 20),    -2, 127, 96};
    static const double multipliers[] = {1073741824, 2147483647, 0, 1, 1073741825};
    kernel_graph graph = kernel_graph_create();
    kernel_random random = {(uint64_t)rounding * 7 + (uint64_t)columns};
    bool real = rounding == HMLC_ROUNDING_REAL;
    int64_t dims[] = {6, 77}, column_dims[] = {1, columns};
    hmlc_value *operands[] = {
        kernel_graph_input(&graph, HMLC_DTYPE_i32, "6 77"),
        kernel_graph_input(&graph, real ? HMLC_DTYPE_f64 : HMLC_DTYPE_i32, dims_text),
        real ? NULL : kernel_graph_input(&graph, HMLC_DTYPE_i32, dims_text)};
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_rounding, rounding);
    hmlc_value *y =
        kernel_graph_op(&graph, HMLC_OP_requantize_fixed, operands, real ? 2 : 3, &attr, 1);
    kernel_graph_finish(&graph, HMLC_FORM_LOOP, &y, 1);
    hmlc_arena *arena = graph.module->arena;
    hmlc_tensor inputs[] = {
        edges(&random, arena, dims, -2147483648.0, special, sizeof special / sizeof special[0]),
        real ? kernel_random_tensor(&random, arena, HMLC_DTYPE_f64, 2, column_dims, 0, 1.5)
             : edges(&random, arena, column_dims, 0, multipliers,
                     sizeof multipliers / sizeof multipliers[0]),
        kernel_random_tensor(&random, arena, HMLC_DTYPE_i32, 2, column_dims, 0, 31.9)};
    harness_verify_targets(graph.module, inputs, (harness_tolerance){0, 0});
    kernel_graph_destroy(&graph);
}

static void fixed_point(void **state)
{
    (void)state;
    for (int64_t rounding = HMLC_ROUNDING_DOUBLE; rounding <= HMLC_ROUNDING_REAL; rounding++) {
        requantize_one(rounding, "1 77", 77);
        requantize_one(rounding, "1 1", 1);
    }
}

/* Every byte, in rows of so many: chunks of all sizes that targets have, and what is left. */
static void lookup_rows(hmlc_dtype dtype, const char *dims_text, int64_t rows, int64_t columns)
{
    kernel_graph graph = kernel_graph_create();
    kernel_random random = {(uint64_t)columns};
    hmlc_arena *arena = graph.module->arena;
    int64_t all[] = {HMLC_TABLE_LENGTH}, dims[] = {rows, columns};
    hmlc_tensor table =
        kernel_random_tensor(&random, arena, dtype, 1, all, dtype == HMLC_DTYPE_i8 ? -128 : 0, 127);
    hmlc_attr attr = hmlc_attr_tensor(HMLC_ATTR_table, &table);
    hmlc_value *x = kernel_graph_input(&graph, dtype, dims_text);
    hmlc_value *y = kernel_graph_op(&graph, HMLC_OP_lookup, &x, 1, &attr, 1);
    kernel_graph_finish(&graph, HMLC_FORM_LOOP, &y, 1);
    hmlc_tensor input = kernel_random_tensor(&random, arena, dtype, 2, dims, 0, 100);
    union {
        const void *from;
        uint8_t *to;
    } data = {.from = input.data};
    for (int64_t k = 0; k < rows * columns; k++) {
        data.to[k] = (uint8_t)(k * 7);
    }
    harness_verify_targets(graph.module, &input, (harness_tolerance){0, 0});
    kernel_graph_destroy(&graph);
}

static void lookups(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t rows, columns;
    } sizes[] = {{"1 1", 1, 1},   {"3 7", 3, 7},   {"5 16", 5, 16},   {"40 33", 40, 33},
                 {"2 64", 2, 64}, {"9 96", 9, 96}, {"1 700", 1, 700}, {"r 1000", 3, 1000}};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        lookup_rows(HMLC_DTYPE_i8, sizes[k].text, sizes[k].rows, sizes[k].columns);
        lookup_rows(HMLC_DTYPE_u8, sizes[k].text, sizes[k].rows, sizes[k].columns);
    }
}

/* Attributes other than their defaults, and more than one lane count. */
static void attributes(void **state)
{
    (void)state;
    const hmlc_attr alpha = hmlc_attr_float(HMLC_ATTR_alpha, 0.7);
    const hmlc_attr beta = hmlc_attr_float(HMLC_ATTR_beta, 1.3);
    const hmlc_attr tanh_form = hmlc_attr_int(HMLC_ATTR_approximate, 1);
    const hmlc_attr negative = hmlc_attr_int(HMLC_ATTR_detect_positive, 0);
    const struct {
        hmlc_opcode opcode;
        hmlc_attr attrs[2];
        uint32_t count;
    } cases[] = {
        {HMLC_OP_elu, {alpha}, 1},       {HMLC_OP_selu, {alpha, beta}, 2},
        {HMLC_OP_celu, {alpha}, 1},      {HMLC_OP_leaky_relu, {alpha}, 1},
        {HMLC_OP_silu, {alpha}, 1},      {HMLC_OP_shrink, {alpha, beta}, 2},
        {HMLC_OP_gelu, {tanh_form}, 1},  {HMLC_OP_hard_sigmoid, {alpha, beta}, 2},
        {HMLC_OP_is_inf, {negative}, 1}, {HMLC_OP_thresholded_relu, {alpha}, 1},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        kernel_graph graph = kernel_graph_create();
        kernel_random random = {k};
        int64_t dims[] = {3, ELEMENTS};
        hmlc_value *x = kernel_graph_input(&graph, HMLC_DTYPE_f32, "b 77");
        hmlc_value *y =
            kernel_graph_op(&graph, cases[k].opcode, &x, 1, cases[k].attrs, cases[k].count);
        kernel_graph_finish(&graph, HMLC_FORM_LOOP, &y, 1);
        hmlc_tensor input =
            kernel_random_tensor(&random, graph.module->arena, HMLC_DTYPE_f32, 2, dims, -5, 5);
        harness_verify_targets(graph.module, &input, tolerance_of(HMLC_DTYPE_f32));
        kernel_graph_destroy(&graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_and_type),
        cmocka_unit_test(every_cast),
        cmocka_unit_test(quantization),
        cmocka_unit_test(fixed_point),
        cmocka_unit_test(lookups),
        cmocka_unit_test(attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

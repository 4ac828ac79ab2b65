/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator tests share: a module, constants and inputs in one line, expectations. */
#ifndef OPS_TESTING_H
#define OPS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hmlc/ir.h>

typedef struct ops_test {
    hmlc_module *module;
    hmlc_builder builder;
} ops_test;

int ops_setup(void **state);
int ops_teardown(void **state);
#define OPS_TEST(function) cmocka_unit_test_setup_teardown(function, ops_setup, ops_teardown)

/* A shape as two arguments; SCALAR is rank 0. */
#define SHAPE(...)                                                                                 \
    (const int64_t[]){__VA_ARGS__}, (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define SCALAR      NULL, 0
#define FLOATS(...) ((const double[]){__VA_ARGS__})
#define OPERANDS(...)                                                                              \
    (hmlc_value *const[]){__VA_ARGS__},                                                            \
        (uint32_t)(sizeof((hmlc_value *const[]){__VA_ARGS__}) / sizeof(hmlc_value *))
#define NO_OPERANDS NULL, 0
#define ATTRS(...)                                                                                 \
    (const hmlc_attr[]){__VA_ARGS__},                                                              \
        (uint32_t)(sizeof((hmlc_attr[]){__VA_ARGS__}) / sizeof(hmlc_attr))
#define NO_ATTRS                NULL, 0
#define INT_ATTR(name, value)   hmlc_attr_int(HMLC_ATTR_##name, value)
#define FLOAT_ATTR(name, value) hmlc_attr_float(HMLC_ATTR_##name, value)
#define INTS_ATTR(name, ...)                                                                       \
    hmlc_attr_ints(HMLC_ATTR_##name, (const int64_t[]){__VA_ARGS__},                               \
                   (uint32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))
#define DTYPE_ATTR(name, type) hmlc_attr_dtype(HMLC_ATTR_##name, HMLC_DTYPE_##type)
/* Dims in text, separated by commas: DIMS_ATTR(test, shape, "batch, 2*seq"). */
#define DIMS_ATTR(test, name, text) ops_dims_attr(test, HMLC_ATTR_##name, text)

hmlc_attr ops_dims_attr(ops_test *test, hmlc_attr_name name, const char *text);
/* A constant; `values` has as many entries as the shape has elements. */
hmlc_value *ops_constant(ops_test *test, hmlc_dtype dtype, const int64_t *dims, int32_t rank,
                         const double *values);
/* A constant whose element i is a small number that depends on i and `seed` alone. */
hmlc_value *ops_pattern(ops_test *test, hmlc_dtype dtype, const int64_t *dims, int32_t rank,
                        int64_t seed);
/* A graph input with dims in text. */
hmlc_value *ops_input(ops_test *test, hmlc_dtype dtype, const char *dims);

/* Makes an op that must be valid. */
hmlc_op *ops_build(ops_test *test, hmlc_opcode opcode, hmlc_value *const *operands,
                   uint32_t operand_count, const hmlc_attr *attrs, uint32_t attr_count);
/* An op that must be refused with this error and a message that contains `text`. */
void ops_refuse(ops_test *test, hmlc_error error, const char *text, hmlc_opcode opcode,
                hmlc_value *const *operands, uint32_t operand_count, const hmlc_attr *attrs,
                uint32_t attr_count);

/* The type of a result, as text. */
void ops_expect_type(const hmlc_op *op, uint32_t result, const char *text);
/* The known elements of result 0 as text, "unknown" where there are none. */
void ops_expect_known(const hmlc_op *op, const char *text);
/* Evaluates an op on constants and compares one result within a tolerance relative to 1. */
void ops_expect(ops_test *test, hmlc_op *op, uint32_t result, const int64_t *dims, int32_t rank,
                double tolerance, const double *values);
/* Evaluates an op on constants; its results. */
void ops_evaluate(ops_test *test, hmlc_op *op, hmlc_tensor *results);
/* The same op on two ways must give the same tensor. */
void ops_expect_same(const hmlc_tensor *left, const hmlc_tensor *right, double tolerance);
uint32_t ops_equalities(const ops_test *test);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Helpers of the operator tests. */
#include "ops_testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int ops_setup(void **state)
{
    ops_test *test = calloc(1, sizeof *test);
    if (test == NULL) {
        return -1;
    }
    test->module = hmlc_module_create(NULL);
    test->builder = hmlc_builder_at_end(test->module->main);
    *state = test;
    return 0;
}

int ops_teardown(void **state)
{
    ops_test *test = *state;
    hmlc_module_destroy(test->module);
    free(test);
    return 0;
}

/* Parses "batch, 3" into dims; returns their number. */
static uint32_t parse_dims(ops_test *test, const char *text, hmlc_dim *dims)
{
    uint32_t count = 0;
    while (*text != '\0') {
        size_t length = 0, depth = 0;
        while (text[length] != '\0' && (text[length] != ',' || depth > 0)) {
            depth += text[length] == '(';
            depth -= text[length] == ')';
            ++length;
        }
        dims[count] = hmlc_dim_parse(test->module->dims, text, length);
        assert_non_null(dims[count]);
        ++count;
        text += length;
        text += *text == ',';
    }
    return count;
}

hmlc_attr ops_dims_attr(ops_test *test, hmlc_attr_name name, const char *text)
{
    hmlc_dim *dims = HMLC_NEW_ARRAY(test->module->arena, hmlc_dim, 64);
    assert_non_null(dims);
    uint32_t count = parse_dims(test, text, dims);
    return hmlc_attr_dims(name, dims, count);
}

static hmlc_tensor new_tensor(ops_test *test, hmlc_dtype dtype, const int64_t *dims, int32_t rank)
{
    hmlc_tensor tensor = {.dtype = dtype, .rank = rank};
    for (int32_t i = 0; i < rank; ++i) {
        tensor.dims[i] = dims[i];
    }
    tensor.bytes = (size_t)hmlc_tensor_count(&tensor) * hmlc_dtype_bytes(dtype);
    tensor.data = hmlc_arena_allocate(test->module->arena, tensor.bytes);
    assert_non_null(tensor.data);
    return tensor;
}

hmlc_value *ops_constant(ops_test *test, hmlc_dtype dtype, const int64_t *dims, int32_t rank,
                         const double *values)
{
    hmlc_tensor tensor = new_tensor(test, dtype, dims, rank);
    for (int64_t i = 0; i < hmlc_tensor_count(&tensor); ++i) {
        hmlc_element_set_double(dtype, hmlc_eval_data(&tensor), i, values[i]);
    }
    hmlc_value *value;
    assert_int_equal(hmlc_build_constant(&test->builder, &tensor, &value), HMLC_OK);
    return value;
}

hmlc_value *ops_pattern(ops_test *test, hmlc_dtype dtype, const int64_t *dims, int32_t rank,
                        int64_t seed)
{
    hmlc_tensor tensor = new_tensor(test, dtype, dims, rank);
    for (int64_t i = 0; i < hmlc_tensor_count(&tensor); ++i) {
        int64_t number = (i * 7 + seed * 13 + i / 5) % 23 - 11;
        hmlc_element_set_double(dtype, hmlc_eval_data(&tensor), i, (double)number);
    }
    hmlc_value *value;
    assert_int_equal(hmlc_build_constant(&test->builder, &tensor, &value), HMLC_OK);
    return value;
}

hmlc_value *ops_input(ops_test *test, hmlc_dtype dtype, const char *text)
{
    hmlc_dim dims[HMLC_MAX_RANK];
    uint32_t rank = parse_dims(test, text, dims);
    const hmlc_type *type = hmlc_type_tensor(test->module->arena, dtype, (int32_t)rank, dims);
    hmlc_value *value = hmlc_region_add_argument(test->module->main, type, "x");
    assert_non_null(value);
    return value;
}

static const char *last_message(const ops_test *test)
{
    const hmlc_diagnostic *found = hmlc_diagnostics_first(test->module->diagnostics);
    while (found != NULL && found->next != NULL) {
        found = found->next;
    }
    return found != NULL ? found->message : "no message";
}

hmlc_op *ops_build(ops_test *test, hmlc_opcode opcode, hmlc_value *const *operands,
                   uint32_t operand_count, const hmlc_attr *attrs, uint32_t attr_count)
{
    hmlc_op *op = NULL;
    hmlc_status status =
        hmlc_op_create(&test->builder, opcode, operands, operand_count, attrs, attr_count, &op);
    if (status != HMLC_OK) {
        fail_msg("%s", last_message(test));
    }
    return op;
}

void ops_refuse(ops_test *test, hmlc_error error, const char *text, hmlc_opcode opcode,
                hmlc_value *const *operands, uint32_t operand_count, const hmlc_attr *attrs,
                uint32_t attr_count)
{
    hmlc_op *op = NULL;
    hmlc_status status =
        hmlc_op_create(&test->builder, opcode, operands, operand_count, attrs, attr_count, &op);
    assert_int_equal(status, hmlc_error_get_info(error)->status);
    const hmlc_diagnostic *found = hmlc_diagnostics_first(test->module->diagnostics);
    while (found != NULL && (found->error != error || strstr(found->message, text) == NULL)) {
        found = found->next;
    }
    if (found == NULL) {
        fail_msg("expected '%s', found '%s'", text, last_message(test));
    }
}

void ops_expect_type(const hmlc_op *op, uint32_t result, const char *text)
{
    char found[256];
    assert_true(result < op->result_count);
    hmlc_type_format(op->results[result]->type, found, sizeof found);
    assert_string_equal(found, text);
}

void ops_expect_known(const hmlc_op *op, const char *text)
{
    const hmlc_value *value = op->results[0];
    char found[512] = "";
    size_t used = 0;
    int64_t count = 1;
    for (int32_t i = 0; i < value->type->rank; ++i) {
        int64_t dim = 0;
        hmlc_dim_is_constant(value->type->dims[i], &dim);
        count *= dim;
    }
    for (int64_t i = 0; i < count && value->elements != NULL; ++i) {
        char dim[128];
        hmlc_dim_format(value->elements[i], dim, sizeof dim);
        int more = snprintf(found + used, sizeof found - used, "%s%s", i > 0 ? ", " : "", dim);
        used += (size_t)more;
    }
    assert_string_equal(value->elements != NULL ? found : "unknown", text);
}

void ops_evaluate(ops_test *test, hmlc_op *op, hmlc_tensor *results)
{
    hmlc_status status = hmlc_eval_constant_op(op, test->module->arena, SIZE_MAX, results);
    if (status != HMLC_OK) {
        fail_msg("status %d: %s", (int)status, last_message(test));
    }
}

static void expect_close(int64_t index, double found, double expected, double tolerance)
{
    bool equal = found == expected || (isnan(found) && isnan(expected)) ||
                 fabs(found - expected) <= tolerance * fmax(1, fabs(expected));
    if (!equal) {
        fail_msg("element %lld is %.9g; expected %.9g", (long long)index, found, expected);
    }
}

void ops_expect(ops_test *test, hmlc_op *op, uint32_t result, const int64_t *dims, int32_t rank,
                double tolerance, const double *values)
{
    hmlc_tensor results[8];
    ops_evaluate(test, op, results);
    assert_true(result < op->result_count);
    assert_int_equal(results[result].rank, rank);
    for (int32_t i = 0; i < rank; ++i) {
        assert_int_equal(results[result].dims[i], dims[i]);
    }
    for (int64_t i = 0; i < hmlc_tensor_count(&results[result]); ++i) {
        expect_close(i, hmlc_tensor_get_double(&results[result], i), values[i], tolerance);
    }
}

void ops_expect_same(const hmlc_tensor *left, const hmlc_tensor *right, double tolerance)
{
    assert_int_equal(left->dtype, right->dtype);
    assert_int_equal(left->rank, right->rank);
    for (int32_t i = 0; i < left->rank; ++i) {
        assert_int_equal(left->dims[i], right->dims[i]);
    }
    for (int64_t i = 0; i < hmlc_tensor_count(left); ++i) {
        expect_close(i, hmlc_tensor_get_double(left, i), hmlc_tensor_get_double(right, i),
                     tolerance);
    }
}

uint32_t ops_equalities(const ops_test *test)
{
    return hmlc_dims_equality_count(test->module->dims);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* fold-dequantize: which quantized constants stay as they are, and that the results do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "graph_kit.h"
#include "pass_oracle.h"

enum { ROWS = 288, COLUMNS = 256, BLOCK = 32 };

/* [ROWS, COLUMNS] of bytes, dequantized by scales of `shape`. */
typedef struct stored {
    int64_t axis, block;
    const char *scales;
    hmlc_dtype dtype;
    bool zeros;
} stored;

static V bytes(kit *k, hmlc_dtype dtype, int64_t rows, int64_t columns)
{
    hmlc_tensor tensor = {
        .dtype = dtype, .rank = 2, .dims = {rows, columns}, .bytes = (size_t)(rows * columns)};
    uint8_t *data = hmlc_arena_allocate(k->module->arena, tensor.bytes);
    assert_non_null(data);
    for (size_t i = 0; i < tensor.bytes; i++) {
        data[i] = (uint8_t)(i * 7 % 13);
    }
    tensor.data = data;
    V value = NULL;
    assert_int_equal(hmlc_build_constant(&k->builder, &tensor, &value), HMLC_OK);
    return value;
}

static V dequantized(kit *k, const stored *of)
{
    V scale = kit_weight(k, of->scales);
    const hmlc_type *type = scale->type;
    V parts[3] = {bytes(k, of->dtype, ROWS, COLUMNS), scale, NULL};
    if (of->zeros) {
        parts[2] = bytes(k, of->dtype, type->rank > 0 ? type->dims[0]->value : 1,
                         type->rank > 1 ? type->dims[1]->value : 1);
        hmlc_attr shape = hmlc_attr_dims(HMLC_ATTR_shape, type->dims, (uint32_t)type->rank);
        assert_int_equal(
            hmlc_build(&k->builder, HMLC_OP_reshape, &parts[2], 1, &shape, 1, &parts[2]), HMLC_OK);
    }
    hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_axis, of->axis),
                         hmlc_attr_int(HMLC_ATTR_block, of->block),
                         hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32)};
    V value = NULL;
    assert_int_equal(
        hmlc_build(&k->builder, HMLC_OP_dequantize, parts, of->zeros ? 3 : 2, attrs, 3, &value),
        HMLC_OK);
    return value;
}

static bool has_large_floats(const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        const hmlc_tensor *tensor =
            op->opcode == HMLC_OP_constant ? hmlc_value_constant(op->results[0]) : NULL;
        if (tensor != NULL && tensor->dtype == HMLC_DTYPE_f32 && tensor->bytes > 64 << 10) {
            return true;
        }
    }
    return false;
}

/* A product and chosen rows of one constant, through all passes. */
static void check(const stored *of, bool transposed, bool gathers, bool stays)
{
    kit k = kit_open();
    V weights = dequantized(&k, of);
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, transposed ? "1, 256" : "1, 288");
    V results[2] = {kit_matmul(&k, x, weights, transposed)};
    if (gathers) {
        V operands[] = {weights, kit_input(&k, "rows", HMLC_DTYPE_i64, "1, 3")};
        hmlc_attr axis = hmlc_attr_int(HMLC_ATTR_axis, 0);
        assert_int_equal(hmlc_build(&k.builder, HMLC_OP_gather, operands, 2, &axis, 1, &results[1]),
                         HMLC_OK);
    }
    kit_yield(&k, gathers ? 2 : 1, results);
    assert_false(k.failed);
    oracle_run run = {.symbols = oracle_symbols(k.module, NULL, 0), .seed = 3};
    assert_int_equal(oracle_compare(k.module, "clean", &run), ORACLE_SAME);
    assert_int_equal(oracle_compare(k.module, oracle_kernel_passes, &run), ORACLE_SAME);
    assert_int_equal(has_large_floats(k.module->main), !stays);
    hmlc_module_destroy(k.module);
}

#define STORED(...) (&(stored){__VA_ARGS__})

static void weights_stay(void **state)
{
    (void)state;
    check(STORED(1, 0, "256", HMLC_DTYPE_i8, false), false, false, true);
    check(STORED(0, 0, "288", HMLC_DTYPE_i8, false), true, true, true);
    check(STORED(1, 0, "256", HMLC_DTYPE_u8, true), false, false, true);
    check(STORED(0, 0, "", HMLC_DTYPE_u8, false), false, true, true);
    check(STORED(0, 0, "", HMLC_DTYPE_i8, true), true, false, true);
    check(STORED(0, BLOCK, "9, 256", HMLC_DTYPE_u8, true), false, false, true);
    check(STORED(1, BLOCK, "288, 8", HMLC_DTYPE_i8, true), true, true, true);
    check(STORED(1, BLOCK, "288, 8", HMLC_DTYPE_u8, false), true, true, true);
}

/* Scales along the depth, or blocks of columns, are no factor of a sum. */
static void others_become_floats(void **state)
{
    (void)state;
    check(STORED(0, 0, "288", HMLC_DTYPE_i8, false), false, false, false);
    check(STORED(1, BLOCK, "288, 8", HMLC_DTYPE_i8, false), false, false, false);
    check(STORED(1, 4, "288, 64", HMLC_DTYPE_i8, false), true, false, false);
}

static void a_kernel_unpacks_them(void **state)
{
    (void)state;
    kit k = kit_open();
    V weights = dequantized(&k, STORED(0, BLOCK, "9, 256", HMLC_DTYPE_i8, true));
    V value = kit_matmul(&k, kit_input(&k, "x", HMLC_DTYPE_f32, "1, 288"), weights, false);
    kit_yield(&k, 1, &value);
    hmlc_pass_options options = {.verify = true};
    assert_int_equal(hmlc_run_passes(k.module, &options), HMLC_OK);
    const hmlc_op *kernel = hmlc_op_operand(k.module->main->last, 0)->producer;
    assert_int_equal(kernel->opcode, HMLC_OP_kernel);
    assert_int_equal(hmlc_op_int(kernel, HMLC_ATTR_form), HMLC_FORM_CONTRACTION);
    uint32_t count = 0;
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        count += op->opcode == HMLC_OP_dequantize;
    }
    assert_int_equal(count, 1);
    hmlc_module_destroy(k.module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(weights_stay),
                                       cmocka_unit_test(others_become_floats),
                                       cmocka_unit_test(a_kernel_unpacks_them)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* choose-winograd: for which convolutions, and with which tiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include <hmlc/passes.h>

#include "graph_kit.h"

typedef struct layer {
    const char *image;   /* channels first */
    const char *weights; /* [O, I, k, k] */
    int64_t stride, pad;
    float spoiled; /* an element of the weights; 0: none */
    bool prefer_size;
} layer;

static const hmlc_op *find_conv(const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        if (op->opcode == HMLC_OP_conv) {
            return op;
        }
    }
    return NULL;
}

/* Outputs of a tile along a dim, 0: direct. */
static int64_t chosen(const layer *of)
{
    kit k = kit_open();
    V weights = kit_weight(&k, of->weights);
    V image = kit_input(&k, "image", HMLC_DTYPE_f32, of->image);
    if (of->spoiled != 0) {
        memcpy((void *)(uintptr_t)hmlc_value_constant(weights)->data, &of->spoiled,
               sizeof of->spoiled);
    }
    V result = kit_conv(&k, image, weights, NULL, of->stride, of->pad, 1);
    kit_yield(&k, 1, &result);
    assert_false(k.failed);
    hmlc_pass_options options = {.pipeline = "layout,choose-winograd",
                                 .prefer_size = of->prefer_size};
    assert_int_equal(hmlc_run_passes(k.module, &options), HMLC_OK);
    const hmlc_op *conv = find_conv(k.module->main);
    assert_non_null(conv);
    int64_t outputs = hmlc_op_int(conv, HMLC_ATTR_winograd);
    hmlc_module_destroy(k.module);
    return outputs;
}

#define CHOSEN(...) chosen(&(layer){__VA_ARGS__})

static void large_maps_take_large_tiles(void **state)
{
    (void)state;
    assert_int_equal(CHOSEN("n, 64, 56, 56", "64, 64, 3, 3", 1, 1, 0, false), 4);
    assert_int_equal(CHOSEN("1, 128, 28, 28", "128, 128, 3, 3", 1, 1, 0, false), 4);
}

/* In short sums the errors of the transforms stand out. */
static void few_channels_take_small_tiles(void **state)
{
    (void)state;
    assert_int_equal(CHOSEN("1, 16, 40, 41", "16, 16, 3, 3", 1, 0, 0, false), 2);
}

/* Where the transformed weights take as long as the products, smaller ones win. */
static void small_maps_take_small_tiles(void **state)
{
    (void)state;
    assert_int_equal(CHOSEN("1, 256, 14, 14", "256, 256, 3, 3", 1, 1, 0, false), 2);
}

static void others_stay_direct(void **state)
{
    (void)state;
    assert_int_equal(CHOSEN("1, 512, 7, 7", "512, 512, 3, 3", 1, 1, 0, false), 0);
    assert_int_equal(CHOSEN("1, 64, 56, 56", "64, 64, 3, 3", 2, 1, 0, false), 0);
    assert_int_equal(CHOSEN("1, 64, 56, 56", "64, 64, 1, 1", 1, 0, 0, false), 0);
    assert_int_equal(CHOSEN("1, 64, 56, 56", "64, 64, 5, 5", 1, 2, 0, false), 0);
    assert_int_equal(CHOSEN("1, 24, 56, 56", "64, 24, 3, 3", 1, 1, 0, false), 0);
    assert_int_equal(CHOSEN("1, 64, 56, 56", "40, 64, 3, 3", 1, 1, 0, false), 0);
    assert_int_equal(CHOSEN("1, 64, h, 56", "64, 64, 3, 3", 1, 1, 0, false), 0);
}

/* Weights with which the form would give another result, or lose digits. */
static void unsuitable_weights_stay_direct(void **state)
{
    (void)state;
    assert_int_equal(CHOSEN("1, 64, 56, 56", "64, 64, 3, 3", 1, 1, NAN, false), 0);
    assert_int_equal(CHOSEN("1, 64, 56, 56", "64, 64, 3, 3", 1, 1, INFINITY, false), 0);
    assert_int_equal(CHOSEN("1, 64, 56, 56", "64, 64, 3, 3", 1, 1, 3e38F, false), 0);
}

static void who_prefers_size_gets_direct_ones(void **state)
{
    (void)state;
    assert_int_equal(CHOSEN("1, 64, 56, 56", "64, 64, 3, 3", 1, 1, 0, true), 0);
}

/* Of bytes, all of them `weight`: small tiles, whose sums must fit i32 four times. */
static int64_t chosen_of_bytes(const char *image, int64_t channels, int8_t weight)
{
    static const int64_t ones[] = {1, 1};
    kit k = kit_open();
    hmlc_tensor tensor = {.dtype = HMLC_DTYPE_i8, .rank = 4, .dims = {64, 3, 3, channels}};
    tensor.bytes = (size_t)hmlc_tensor_count(&tensor);
    void *data = hmlc_arena_allocate(k.module->arena, tensor.bytes);
    assert_non_null(data);
    memset(data, weight, tensor.bytes);
    tensor.data = data;
    hmlc_dim pads[4];
    for (int i = 0; i < 4; i++) {
        pads[i] = hmlc_dim_constant(k.module->dims, 1);
    }
    V weights = NULL;
    assert_int_equal(hmlc_build_constant(&k.builder, &tensor, &weights), HMLC_OK);
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_strides, ones, 2),
                         hmlc_attr_dims(HMLC_ATTR_pads, pads, 4),
                         hmlc_attr_ints(HMLC_ATTR_dilations, ones, 2),
                         hmlc_attr_int(HMLC_ATTR_groups, 1),
                         hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_LAST),
                         hmlc_attr_dtype(HMLC_ATTR_accumulator, HMLC_DTYPE_i32)};
    V operands[] = {kit_input(&k, "image", HMLC_DTYPE_u8, image), weights};
    V result = NULL;
    assert_int_equal(hmlc_build(&k.builder, HMLC_OP_conv, operands, 2, attrs, 6, &result), HMLC_OK);
    kit_yield(&k, 1, &result);
    assert_false(k.failed);
    hmlc_pass_options options = {.pipeline = "choose-winograd"};
    assert_int_equal(hmlc_run_passes(k.module, &options), HMLC_OK);
    int64_t outputs = hmlc_op_int(find_conv(k.module->main), HMLC_ATTR_winograd);
    hmlc_module_destroy(k.module);
    return outputs;
}

static void bytes_take_small_tiles(void **state)
{
    (void)state;
    assert_int_equal(chosen_of_bytes("1, 56, 56, 64", 64, -128), 2);
    assert_int_equal(chosen_of_bytes("1, 5, 5, 64", 64, 1), 0);
    assert_int_equal(chosen_of_bytes("1, 56, 56, 60", 60, 1), 0);
    assert_int_equal(chosen_of_bytes("1, 56, 56, 2048", 2048, 100), 2);
    assert_int_equal(chosen_of_bytes("1, 56, 56, 2048", 2048, -128), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_maps_take_large_tiles),
        cmocka_unit_test(few_channels_take_small_tiles),
        cmocka_unit_test(small_maps_take_small_tiles),
        cmocka_unit_test(others_stay_direct),
        cmocka_unit_test(unsuitable_weights_stay_direct),
        cmocka_unit_test(who_prefers_size_gets_direct_ones),
        cmocka_unit_test(bytes_take_small_tiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

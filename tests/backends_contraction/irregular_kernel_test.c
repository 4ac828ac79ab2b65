/* SPDX-License-Identifier: Apache-2.0 */
/* Portable kernels against the reference interpreter: resize and top_k, each case for one of the
 * targets, in turn. */
#include "contraction_cases.h"

#include <math.h>
#include <string.h>

static void verify(contraction_case *test, hmlc_value *const *results, uint32_t count,
                   harness_tolerance tolerance)
{
    static uint32_t turn;
    kernel_graph_finish(&test->graph, HMLC_FORM_PORTABLE, results, count);
    harness_verify_some_target(test->graph.module, test->inputs, tolerance, turn++);
    kernel_graph_destroy(&test->graph);
}

typedef struct resize_case {
    const char *x, *sizes, *result; /* dims; `sizes` gives symbols their numbers */
    int mode, coordinates, nearest_mode, exclude_outside, antialias;
} resize_case;

static void check_resize(const resize_case *shape, hmlc_dtype dtype)
{
    contraction_case test = case_begin(strlen(shape->result) + (uint64_t)dtype);
    hmlc_value *x = case_input(&test, dtype, shape->x, shape->sizes);
    double region[2 * HMLC_MAX_RANK];
    uint32_t rank = (uint32_t)x->type->rank, count = 0;
    for (uint32_t k = 0; k < rank; k++) {
        region[k] = k + 1 < rank ? 0 : -0.2;
        region[rank + k] = k + 1 < rank ? 1 : 0.8;
    }
    hmlc_attr attrs[8];
    attrs[count++] = kernel_graph_dims(&test.graph, HMLC_ATTR_sizes, shape->result);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_resize_mode, shape->mode);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_coordinates, shape->coordinates);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_nearest_mode, shape->nearest_mode);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_exclude_outside, shape->exclude_outside);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_antialias, shape->antialias);
    if (shape->coordinates == HMLC_COORDINATES_TF_CROP_AND_RESIZE) {
        attrs[count++] = hmlc_attr_floats(HMLC_ATTR_region_of_interest, region, 2 * rank);
        attrs[count++] = hmlc_attr_float(HMLC_ATTR_extrapolation, 3);
    }
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_resize, &x, 1, attrs, count);
    double error = hmlc_dtype_is_float(dtype) ? 1e-5 : 0;
    verify(&test, &value, 1, (harness_tolerance){error, error});
}

enum {
    NEAREST = HMLC_RESIZE_NEAREST,
    LINEAR = HMLC_RESIZE_LINEAR,
    CUBIC = HMLC_RESIZE_CUBIC,
    HALF_PIXEL = HMLC_COORDINATES_HALF_PIXEL,
    CORNERS = HMLC_COORDINATES_ALIGN_CORNERS,
    ASYMMETRIC = HMLC_COORDINATES_ASYMMETRIC,
    CROP = HMLC_COORDINATES_TF_CROP_AND_RESIZE,
    FOR_NN = HMLC_COORDINATES_TF_HALF_PIXEL_FOR_NN,
    FLOOR = HMLC_NEAREST_FLOOR,
};

static const resize_case resizes[] = {
    {"2 3 5 7", NULL, "2 3 9 4", NEAREST, HALF_PIXEL, 0, 0, 0},
    {"1 5 7 6", NULL, "1 11 9 6", NEAREST, ASYMMETRIC, FLOOR, 0, 0},
    {"2 3 5 7", NULL, "2 3 11 13", NEAREST, CROP, FLOOR, 0, 0},
    {"1 2 5 7", NULL, "1 2 10 13", NEAREST, FOR_NN, FLOOR, 0, 0},
    {"1 2 5 7", NULL, "1 2 5 3", NEAREST, HALF_PIXEL, FLOOR, 0, 0},
    {"2 3 5 7", NULL, "2 3 9 14", LINEAR, HALF_PIXEL, 0, 0, 0},
    {"1 9 8 20", NULL, "1 5 17 20", LINEAR, CORNERS, 0, 0, 0},
    {"2 3 5 7", NULL, "2 3 9 14", LINEAR, CROP, 0, 0, 0},
    {"1 2 5 4 3", NULL, "1 2 7 8 5", LINEAR, ASYMMETRIC, 0, 0, 0},
    {"1 5 4 3 2", NULL, "1 7 4 5 2", LINEAR, HALF_PIXEL, 0, 0, 0},
    {"7 9", NULL, "3 19", LINEAR, HALF_PIXEL, 0, 0, 0},
    {"9", NULL, "31", LINEAR, HALF_PIXEL, 0, 0, 0},
    {"1 2 5 7", NULL, "1 2 9 14", CUBIC, HALF_PIXEL, 0, 0, 0},
    {"1 5 7 3", NULL, "1 9 14 3", CUBIC, HALF_PIXEL, 0, 1, 0},
    {"1 1 90 200", NULL, "1 1 4 3", LINEAR, HALF_PIXEL, 0, 0, 1},
    {"1 150 9 5", NULL, "1 2 20 5", CUBIC, HALF_PIXEL, 0, 0, 1},
    {"n c h w", "2 3 6 5", "n c 11 13", LINEAR, HALF_PIXEL, 0, 0, 0},
    {"n h w c", "2 6 5 3", "n 3 9 c", NEAREST, HALF_PIXEL, 0, 0, 0},
    {"n c h w", "1 2 99 80", "n c 3 9", LINEAR, HALF_PIXEL, 0, 0, 1},
    {"n c h w", "0 3 6 5", "n c 11 13", LINEAR, HALF_PIXEL, 0, 0, 0},
};

static void resizes_of_floats(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof resizes / sizeof resizes[0]; k++) {
        check_resize(&resizes[k], HMLC_DTYPE_f32);
    }
}

static void resizes_of_every_type(void **state)
{
    (void)state;
    static const hmlc_dtype dtypes[] = {
        HMLC_DTYPE_f64, HMLC_DTYPE_i8,  HMLC_DTYPE_u8,  HMLC_DTYPE_i16, HMLC_DTYPE_u16,
        HMLC_DTYPE_i32, HMLC_DTYPE_u32, HMLC_DTYPE_i64, HMLC_DTYPE_u64,
    };
    for (size_t k = 0; k < sizeof dtypes / sizeof dtypes[0]; k++) {
        check_resize(&resizes[7], dtypes[k]);
        check_resize(&resizes[k % 2 == 0 ? 12 : 18], dtypes[k]);
    }
}

/* -- top_k ------------------------------------------------------------------------------------- */

typedef struct top_k_case {
    const char *x, *sizes, *count;
    int64_t axis, largest;
} top_k_case;

static void check_top_k(const top_k_case *shape, hmlc_dtype dtype, bool with_rare)
{
    contraction_case test = case_begin(strlen(shape->x) + (uint64_t)dtype);
    hmlc_value *x = case_input(&test, dtype, shape->x, shape->sizes);
    float numbers[4096];
    hmlc_tensor *input = &test.inputs[0];
    if (with_rare) {
        assert_true(input->bytes <= sizeof numbers);
        memcpy(numbers, input->data, input->bytes);
        static const float rare[] = {NAN, INFINITY, -0.0F, -NAN, 1e-45F, -INFINITY, -1e-45F};
        for (size_t k = 0; k < input->bytes / sizeof numbers[0]; k += 3) {
            numbers[k] = rare[k / 3 % (sizeof rare / sizeof rare[0])];
        }
        input->data = numbers;
    }
    hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_axis, shape->axis),
                         kernel_graph_dims(&test.graph, HMLC_ATTR_count, shape->count),
                         hmlc_attr_int(HMLC_ATTR_largest, shape->largest)};
    hmlc_value *first = kernel_graph_op(&test.graph, HMLC_OP_top_k, &x, 1, attrs, 3);
    verify(&test, first->producer->results, 2, (harness_tolerance){0, 0});
}

/* Small integers are full of equal values: the lower index comes first. */
static void top_k_of_every_type(void **state)
{
    (void)state;
    static const top_k_case shapes[] = {
        {"3 50", NULL, "5", 1, 1},         {"3 50", NULL, "50", 1, 0},
        {"4 50 3", NULL, "20", 1, 1},      {"n 40", "2 40", "0", 1, 1},
        {"40", NULL, "1", 0, 0},           {"n 40", "0 40", "3", 1, 1},
        {"n 1000", "2 1000", "999", 1, 1}, {"2 500", NULL, "64", 1, 0},
        {"2 3 90", NULL, "65", 2, 1},      {"n 100 2", "2 100 2", "64", 1, 1},
    };
    static const hmlc_dtype dtypes[] = {
        HMLC_DTYPE_f32, HMLC_DTYPE_f64, HMLC_DTYPE_i8,  HMLC_DTYPE_u8,  HMLC_DTYPE_i16,
        HMLC_DTYPE_u16, HMLC_DTYPE_i32, HMLC_DTYPE_u32, HMLC_DTYPE_i64, HMLC_DTYPE_u64,
    };
    for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
        check_top_k(&shapes[k], HMLC_DTYPE_f32, true);
    }
    for (size_t k = 0; k < sizeof dtypes / sizeof dtypes[0]; k++) {
        check_top_k(&shapes[1 + k % 2], dtypes[k], false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resizes_of_floats),
        cmocka_unit_test(resizes_of_every_type),
        cmocka_unit_test(top_k_of_every_type),
    };
    return cmocka_run_group_tests_name("irregular_kernel", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of tensors: halves, the rule of comparison, random elements. */
#include "runtime_test.h"

#include "common/compare.h"
#include "common/number.h"
#include "common/random_tensor.h"

#include <math.h>

static void halves_convert_exactly(void **state)
{
    (void)state;
    uint16_t element = 0, back = 0;
    hml_tensor t = {.data = &element, .bytes = 2, .dtype = HML_F16};
    hml_tensor u = {.data = &back, .bytes = 2, .dtype = HML_F16};
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        element = (uint16_t)bits;
        double value = hml_number_load(&t, 0);
        if ((bits & 0x7c00) == 0x7c00) {
            assert_true((bits & 0x3ff) != 0 ? isnan(value) : isinf(value));
            continue;
        }
        hml_number_store(&u, 0, value);
        assert_true(back == element || (bits == 0x8000 && back == 0));
    }
    hml_number_store(&u, 0, 1.0 + 1.0 / 2048); /* a tie: to even */
    assert_int_equal(back, 0x3c00);
    hml_number_store(&u, 0, 1.0 + 3.0 / 2048);
    assert_int_equal(back, 0x3c02);
    hml_tensor b = {.data = &back, .bytes = 2, .dtype = HML_BF16};
    hml_number_store(&b, 0, 1.0 + 1.0 / 256);
    assert_int_equal(back, 0x3f80);
    assert_true(hml_number_load(&b, 0) == 1.0);
}

static hml_comparison compare_floats(const float *found, const float *expected, int64_t n)
{
    hml_tensor a = f32_tensor((float *)(uintptr_t)found, n);
    hml_tensor b = f32_tensor((float *)(uintptr_t)expected, n);
    hml_comparison comparison;
    hml_tensor_compare(&a, &b, &hml_tolerance_default, &comparison);
    return comparison;
}

static void comparison_follows_its_rule(void **state)
{
    (void)state;
    const float expected[] = {100.0F, 1.0F, 0.0F, NAN, INFINITY};
    float found[] = {100.1F, 1.002F, 0.0019F, NAN, INFINITY};
    hml_comparison c = compare_floats(found, expected, 5);
    assert_true(c.equal); /* atol = 2e-5 * 100 = 2e-3 */
    assert_true(fabs(c.atol - 2e-3) < 1e-9);
    found[2] = 0.0021F;
    c = compare_floats(found, expected, 5);
    assert_false(c.equal);
    assert_int_equal(c.differing, 1);
    assert_int_equal(c.worst, 2);
    found[2] = 0;
    found[3] = 0;
    assert_false(compare_floats(found, expected, 5).equal);
    found[3] = NAN;
    found[4] = -INFINITY;
    assert_false(compare_floats(found, expected, 5).equal);
    found[4] = NAN;
    assert_false(compare_floats(found, expected, 5).equal);
    const float small[] = {1e-6F}, other[] = {9e-6F};
    assert_true(compare_floats(small, other, 1).equal);
    assert_true(compare_floats(small, other, 0).equal);

    uint16_t one[] = {0x3F80}, near[] = {0x3F82}, far[] = {0x3F83}; /* steps of 2^-7 */
    hml_tensor x = {.data = one, .bytes = 2, .dtype = HML_BF16, .rank = 1, .dims = {1}}, y = x;
    y.data = near;
    hml_tensor_compare(&y, &x, &hml_tolerance_default, &c);
    assert_true(c.equal);
    y.data = far;
    hml_tensor_compare(&y, &x, &hml_tolerance_default, &c);
    assert_false(c.equal);

    int32_t i[] = {1, 2}, k[] = {1, 3};
    hml_tensor a = {.data = i, .bytes = 8, .dtype = HML_I32, .rank = 1, .dims = {2}}, b = a;
    b.data = k;
    hml_tensor_compare(&a, &b, &hml_tolerance_default, &c);
    assert_int_equal(c.differing, 1);
    assert_int_equal(c.worst, 1);
    b.dtype = HML_F32;
    hml_tensor_compare(&a, &b, &hml_tolerance_default, &c);
    assert_false(c.equal || c.same_type);
    b = a;
    b.dims[0] = 1;
    hml_tensor_compare(&a, &b, &hml_tolerance_default, &c);
    assert_false(c.equal || c.same_shape);
}

static void random_data_is_the_same_everywhere(void **state)
{
    (void)state;
    float values[3];
    int64_t indices[64];
    uint64_t seed = 0;
    hml_tensor t = f32_tensor(values, 3);
    hml_tensor_randomize(&t, &seed);
    assert_true(values[0] == (float)(0xe220a8 / (double)(1 << 23) - 1.0));
    hml_tensor i = {.data = indices, .bytes = sizeof indices, .dtype = HML_I64};
    hml_tensor_randomize(&i, &seed);
    int64_t sum = 0;
    for (int k = 0; k < 64; k++) {
        assert_in_range(indices[k], 0, 1);
        sum += indices[k];
    }
    assert_in_range(sum, 16, 48);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_convert_exactly),
        cmocka_unit_test(comparison_follows_its_rule),
        cmocka_unit_test(random_data_is_the_same_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

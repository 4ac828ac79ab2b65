/* SPDX-License-Identifier: Apache-2.0 */
/* Elements: narrow floats, access, and text that reads back to the same bits. */
#include <hmlc/types.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "test.h"
#include "text/text_buffer.h"

static void known_narrow_floats(void **state)
{
    (void)state;
    static const struct {
        hmlc_dtype dtype;
        uint16_t bits;
        double value;
    } rows[] = {
        {HMLC_DTYPE_f16, 0x3c00, 1.0},       {HMLC_DTYPE_f16, 0xc000, -2.0},
        {HMLC_DTYPE_f16, 0x7bff, 65504.0},   {HMLC_DTYPE_f16, 0x0001, 0x1p-24},
        {HMLC_DTYPE_f16, 0x0400, 0x1p-14},   {HMLC_DTYPE_bf16, 0x3f80, 1.0},
        {HMLC_DTYPE_bf16, 0x0001, 0x1p-133}, {HMLC_DTYPE_f8e4m3fn, 0x7e, 448.0},
        {HMLC_DTYPE_f8e4m3fn, 0x01, 0x1p-9}, {HMLC_DTYPE_f8e4m3fnuz, 0x7f, 240.0},
        {HMLC_DTYPE_f8e5m2, 0x7b, 57344.0},  {HMLC_DTYPE_f8e5m2fnuz, 0x7f, 57344.0},
        {HMLC_DTYPE_f8e8m0, 0x7f, 1.0},      {HMLC_DTYPE_f8e8m0, 0x00, 0x1p-127},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint16_t bits = 0;
        hmlc_tensor tensor = {.dtype = rows[i].dtype, .data = &rows[i].bits};
        assert_true(hmlc_tensor_get_double(&tensor, 0) == rows[i].value);
        hmlc_element_set_double(rows[i].dtype, &bits, 0, rows[i].value);
        assert_int_equal(bits, rows[i].bits);
    }
}

static void rounding_is_to_nearest_even_once(void **state)
{
    (void)state;
    assert_int_equal(hmlc_f16_from_double(2049.0), hmlc_f16_from_double(2048.0));
    assert_int_equal(hmlc_f16_from_double(2051.0), hmlc_f16_from_double(2052.0));
    /* Just above a tie: rounding through f32 first would lose the last bit. */
    assert_int_equal(hmlc_f16_from_double(2049.0 + 0x1p-40), hmlc_f16_from_double(2050.0));
    assert_int_equal(hmlc_f16_from_double(65519.9), 0x7bff);
    assert_int_equal(hmlc_f16_from_double(65520.0), 0x7c00);
    assert_int_equal(hmlc_f16_from_double(0x1p-25), 0);
    assert_int_equal(hmlc_f16_from_double(0x1.8p-25), 1);
    assert_int_equal(hmlc_f16_from_double(-0.0), 0x8000);
    assert_int_equal(hmlc_bf16_from_double(1.00390625), 0x3f80);
    assert_int_equal(hmlc_bf16_from_double(3.4e38), 0x7f80);
    assert_true(isnan(hmlc_f16_to_f32(hmlc_f16_from_double((double)NAN))));
    assert_true(isinf(hmlc_bf16_to_f32(0xff80)));
}

/* Each value of a narrow type is what encoding its decoded value gives. */
static void narrow_floats_come_back(void **state)
{
    (void)state;
    static const hmlc_dtype dtypes[] = {
        HMLC_DTYPE_f16,    HMLC_DTYPE_bf16,       HMLC_DTYPE_f8e4m3fn, HMLC_DTYPE_f8e4m3fnuz,
        HMLC_DTYPE_f8e5m2, HMLC_DTYPE_f8e5m2fnuz, HMLC_DTYPE_f8e8m0};
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        uint32_t count = (uint32_t)1 << hmlc_dtype_bits(dtypes[i]);
        double before = 0;
        for (uint32_t bits = 0; bits < count; bits++) {
            uint16_t stored = (uint16_t)bits, again = 0;
            hmlc_tensor tensor = {.dtype = dtypes[i], .data = &stored};
            double value = hmlc_tensor_get_double(&tensor, 0);
            hmlc_element_set_double(dtypes[i], &again, 0, value);
            assert_true(isnan(value) || again == stored);
            bool rising = bits > 0 && bits < count / 2 && !isnan(value) && !isnan(before);
            assert_true(!rising || value > before);
            before = value;
        }
    }
}

static void integers_wrap_and_floats_truncate(void **state)
{
    (void)state;
    int8_t i8 = 0;
    uint64_t u64 = 0;
    hmlc_element_set_int(HMLC_DTYPE_i8, &i8, 0, 300);
    assert_int_equal(i8, 44);
    hmlc_element_set_double(HMLC_DTYPE_i8, &i8, 0, -3.9);
    assert_int_equal(i8, -3);
    hmlc_element_set_double(HMLC_DTYPE_u64, &u64, 0, 0x1p63);
    assert_true(u64 == (uint64_t)1 << 63);
    hmlc_tensor tensor = {.dtype = HMLC_DTYPE_u64, .data = &u64};
    assert_true(hmlc_tensor_get_double(&tensor, 0) == 0x1p63);
    float f32 = -7.9f;
    tensor = (hmlc_tensor){.dtype = HMLC_DTYPE_f32, .data = &f32};
    assert_int_equal(hmlc_tensor_get_int(&tensor, 0), -7);
    unsigned char flag = 9;
    tensor = (hmlc_tensor){.dtype = HMLC_DTYPE_bool, .data = &flag};
    assert_int_equal(hmlc_tensor_get_int(&tensor, 0), 1);
    hmlc_element_set_int(HMLC_DTYPE_bool, &flag, 0, 256);
    assert_int_equal(flag, 1);
}

static void unaligned_data_is_read(void **state)
{
    (void)state;
    unsigned char bytes[32] = {0};
    double value = 0.1;
    memcpy(bytes + 1 + 8, &value, sizeof value);
    hmlc_tensor tensor = {.dtype = HMLC_DTYPE_f64, .data = bytes + 1};
    assert_true(hmlc_tensor_get_double(&tensor, 1) == 0.1);
}

static void check_text(hmlc_dtype dtype, const void *element)
{
    char text[HMLC_ELEMENT_TEXT];
    unsigned char again[16] = {0};
    hmlc_element_format(dtype, element, text);
    if (!hmlc_element_parse(dtype, text, strlen(text), again) ||
        memcmp(again, element, hmlc_dtype_bytes(dtype)) != 0) {
        fail_msg("%s of type %s does not come back", text, hmlc_dtype_name(dtype));
    }
}

static void text_reads_back_to_the_same_bits(void **state)
{
    (void)state;
    test_random random = {42};
    for (int i = 0; i < HMLC_DTYPE_COUNT; i++) {
        hmlc_dtype dtype = (hmlc_dtype)i;
        size_t bytes = hmlc_dtype_bytes(dtype);
        if (bytes == 0 || hmlc_dtype_class_of(dtype) == HMLC_CLASS_COMPLEX) {
            continue;
        }
        for (uint64_t n = 0; n < (bytes > 2 ? 10000 : (uint64_t)1 << (8 * bytes)); n++) {
            uint64_t bits = bytes > 2 ? test_next(&random) : n;
            check_text(dtype, &bits);
        }
    }
}

static void short_text_is_used(void **state)
{
    (void)state;
    char text[HMLC_ELEMENT_TEXT];
    float tenth = 0.1f;
    double large = 1e300;
    hmlc_element_format(HMLC_DTYPE_f32, &tenth, text);
    assert_string_equal(text, "0.1");
    hmlc_element_format(HMLC_DTYPE_f64, &large, text);
    assert_string_equal(text, "1e+300");
}

static void malformed_values_are_refused(void **state)
{
    (void)state;
    static const struct {
        hmlc_dtype dtype;
        const char *text;
    } rows[] = {
        {HMLC_DTYPE_i8, "128"},
        {HMLC_DTYPE_i8, "-129"},
        {HMLC_DTYPE_i8, "1.0"},
        {HMLC_DTYPE_u8, "-1"},
        {HMLC_DTYPE_u8, "256"},
        {HMLC_DTYPE_i64, ""},
        {HMLC_DTYPE_i64, "9223372036854775808"},
        {HMLC_DTYPE_bool, "maybe"},
        {HMLC_DTYPE_f32, "1x"},
        {HMLC_DTYPE_f32, " 1"},
        {HMLC_DTYPE_f32, "nan:0x0"},
        {HMLC_DTYPE_f16, "nan:0x17e00"},
        {HMLC_DTYPE_f32, "nan:zz"},
        {HMLC_DTYPE_f32, "nan(1)"},
        {HMLC_DTYPE_u64, "18446744073709551616"},
        {HMLC_DTYPE_f64, "--1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t element;
        if (hmlc_element_parse(rows[i].dtype, rows[i].text, strlen(rows[i].text), &element)) {
            fail_msg("'%s' was taken for a %s", rows[i].text, hmlc_dtype_name(rows[i].dtype));
        }
    }
}

static void hashes_see_every_byte(void **state)
{
    (void)state;
    unsigned char bytes[100] = {0};
    hmlc_text_hash base = hmlc_text_hash_of(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] ^= 1;
        hmlc_text_hash changed = hmlc_text_hash_of(bytes, sizeof bytes);
        assert_true(changed.high != base.high && changed.low != base.low);
        bytes[i] ^= 1;
    }
    hmlc_text_hash shorter = hmlc_text_hash_of(bytes, sizeof bytes - 1);
    assert_true(shorter.high != base.high && shorter.low != base.low);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_narrow_floats),
        cmocka_unit_test(rounding_is_to_nearest_even_once),
        cmocka_unit_test(narrow_floats_come_back),
        cmocka_unit_test(integers_wrap_and_floats_truncate),
        cmocka_unit_test(unaligned_data_is_read),
        cmocka_unit_test(text_reads_back_to_the_same_bits),
        cmocka_unit_test(short_text_is_used),
        cmocka_unit_test(malformed_values_are_refused),
        cmocka_unit_test(hashes_see_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

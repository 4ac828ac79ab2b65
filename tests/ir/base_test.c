/* SPDX-License-Identifier: Apache-2.0 */
/* Arena, checked sizes, types, tensors, locations, diagnostics, tables. */
#include <hmlc/ir.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scarce_memory.h"
#include "test.h"

static void memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    hmlc_arena *arena = hmlc_arena_create(NULL);
    static const size_t sizes[] = {0, 1, 15, 16, 63, 64, 65, 1000, 100000, 3000000};
    for (size_t i = 0; i < 200; i++) {
        size_t size = sizes[i % (sizeof sizes / sizeof sizes[0])];
        unsigned char *memory = hmlc_arena_allocate(arena, size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % (size >= 64 ? 64 : 16), 0);
        for (size_t k = 0; k < size; k++) {
            if (memory[k] != 0) {
                fail_msg("byte %zu of %zu is not zero", k, size);
            }
        }
        memset(memory, 0xff, size);
    }
    assert_true(hmlc_arena_used(arena) > 3000000);
    hmlc_arena_destroy(arena);
    hmlc_arena_destroy(NULL);
}

static void a_rewound_arena_gives_its_memory_back(void **state)
{
    (void)state;
    hmlc_arena *arena = hmlc_arena_create(NULL);
    char *kept = hmlc_arena_string(arena, "kept");
    size_t used = hmlc_arena_used(arena);
    for (size_t round = 0; round < 100; round++) {
        hmlc_arena_mark mark = hmlc_arena_get_mark(arena);
        for (size_t size = 1; size < 300000; size *= 3) {
            memset(hmlc_arena_allocate(arena, size), 0xa5, size);
        }
        hmlc_arena_rewind(arena, mark);
        assert_int_equal(hmlc_arena_used(arena), used);
        assert_string_equal(kept, "kept");
    }
    const unsigned char *fresh = hmlc_arena_allocate(arena, 100);
    for (size_t k = 0; k < 100; k++) {
        assert_int_equal(fresh[k], 0);
    }
    hmlc_arena_destroy(arena);
}

static void text_and_copies_belong_to_the_arena(void **state)
{
    (void)state;
    hmlc_arena *arena = hmlc_arena_create(NULL);
    assert_string_equal(hmlc_arena_string(arena, "abc"), "abc");
    assert_string_equal(hmlc_arena_string_n(arena, "abc", 2), "ab");
    assert_string_equal(hmlc_arena_printf(arena, "%d-%s", 5, "x"), "5-x");
    assert_memory_equal(hmlc_arena_copy(arena, "12345", 5), "12345", 5);
    assert_null(hmlc_arena_allocate_array(arena, SIZE_MAX / 2, 3));
    assert_null(hmlc_arena_allocate(arena, SIZE_MAX));
    hmlc_arena_destroy(arena);
}

static void a_failing_allocator_is_survived(void **state)
{
    (void)state;
    for (size_t n = 0; n < 40; n++) {
        scarce_memory memory;
        scarce_memory_init(&memory, n, SIZE_MAX);
        hmlc_module *module = hmlc_module_create(&memory.allocator);
        if (module != NULL) {
            hmlc_type type = {.dtype = HMLC_DTYPE_f32};
            while (hmlc_region_add_argument(module->main, &type, "name") != NULL) {
            }
        }
        hmlc_module_destroy(module);
        assert_int_equal(memory.held, 0);
    }
}

static void sizes_overflow_with_an_answer(void **state)
{
    (void)state;
    size_t size;
    int64_t value;
    assert_true(hmlc_size_add(1, 2, &size) && size == 3);
    assert_false(hmlc_size_add(SIZE_MAX, 1, &size));
    assert_true(hmlc_size_multiply(0, SIZE_MAX, &size) && size == 0);
    assert_false(hmlc_size_multiply(SIZE_MAX / 2, 3, &size));
    assert_true(hmlc_int64_add(INT64_MAX, INT64_MIN, &value) && value == -1);
    assert_false(hmlc_int64_add(INT64_MAX, 1, &value));
    assert_false(hmlc_int64_add(INT64_MIN, -1, &value));
    assert_true(hmlc_int64_multiply(INT64_MIN, 1, &value) && value == INT64_MIN);
    assert_true(hmlc_int64_multiply(INT64_MIN / 2, 2, &value) && value == INT64_MIN);
    assert_false(hmlc_int64_multiply(INT64_MIN, -1, &value));
    assert_false(hmlc_int64_multiply(INT64_MAX, 2, &value));
    assert_true(hmlc_int64_multiply(-3, -4, &value) && value == 12);
}

static void element_types_have_names_and_sizes(void **state)
{
    (void)state;
    for (int i = 0; i < HMLC_DTYPE_COUNT; i++) {
        hmlc_dtype found;
        const char *name = hmlc_dtype_name((hmlc_dtype)i);
        assert_true(hmlc_dtype_from_name(name, strlen(name), &found));
        assert_int_equal(found, i);
        size_t bytes = hmlc_dtype_bytes((hmlc_dtype)i);
        assert_true(bytes == 0 || bytes * 8 == hmlc_dtype_bits((hmlc_dtype)i));
    }
    hmlc_dtype none;
    assert_false(hmlc_dtype_from_name("f33", 3, &none));
    assert_true(hmlc_dtype_is_integer(HMLC_DTYPE_u8) && !hmlc_dtype_is_integer(HMLC_DTYPE_bool));
    assert_true(hmlc_dtype_is_float(HMLC_DTYPE_bf16) && !hmlc_dtype_is_float(HMLC_DTYPE_c64));
}

static void types_compare_and_print(void **state)
{
    (void)state;
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_dims *dims = hmlc_dims_create(arena);
    hmlc_dim batch = hmlc_dim_symbol(dims, hmlc_symbol_get(dims, "batch"));
    hmlc_dim shape[] = {batch, hmlc_dim_constant(dims, 3)};
    const hmlc_type *tensor = hmlc_type_tensor(arena, HMLC_DTYPE_f32, 2, shape);
    const hmlc_type *same = hmlc_type_tensor(arena, HMLC_DTYPE_f32, 2, shape);
    const hmlc_type *scalar = hmlc_type_tensor(arena, HMLC_DTYPE_f32, 0, NULL);
    hmlc_type map = {.kind = HMLC_KIND_MAP, .dtype = HMLC_DTYPE_i64, .element = tensor};
    hmlc_type sequence = {.kind = HMLC_KIND_SEQUENCE, .element = &map};
    char text[64];
    assert_true(hmlc_type_equal(tensor, same));
    assert_false(hmlc_type_equal(tensor, scalar));
    assert_false(hmlc_type_equal(&sequence, tensor));
    assert_false(hmlc_type_is_static(tensor));
    assert_true(hmlc_type_is_static(scalar));
    assert_true(hmlc_dim_is(hmlc_type_count(dims, scalar), 1));
    int length = hmlc_type_format(&sequence, text, sizeof text);
    assert_string_equal(text, "sequence<map<i64, f32[batch, 3]>>");
    assert_int_equal(length, strlen(text));
    assert_int_equal(hmlc_type_format(&sequence, text, 8), length);
    assert_string_equal(text, "sequenc");
    assert_null(hmlc_type_tensor(arena, HMLC_DTYPE_f32, HMLC_MAX_RANK + 1, NULL));
    hmlc_arena_destroy(arena);
}

static void tensors_count_their_elements(void **state)
{
    (void)state;
    hmlc_tensor tensor = {.dtype = HMLC_DTYPE_f32, .rank = 2, .dims = {3, 0}};
    assert_int_equal(hmlc_tensor_count(&tensor), 0);
    tensor.dims[1] = -1;
    assert_int_equal(hmlc_tensor_count(&tensor), -1);
    tensor.dims[0] = tensor.dims[1] = (int64_t)1 << 40;
    assert_int_equal(hmlc_tensor_count(&tensor), -1);
    tensor.rank = 0;
    assert_int_equal(hmlc_tensor_count(&tensor), 1);
}

static void locations_join_and_print(void **state)
{
    (void)state;
    hmlc_arena *arena = hmlc_arena_create(NULL);
    const hmlc_location *a = hmlc_location_create(arena, "m.onnx", "conv1", "Conv");
    const hmlc_location *b = hmlc_location_create(arena, "m.onnx", "relu1", "Relu");
    const hmlc_location *joined = hmlc_location_join(arena, a, b);
    char text[100];
    hmlc_location_format(joined, text, sizeof text);
    assert_string_equal(text, "m.onnx: nodes 'conv1' (Conv) + 'relu1' (Relu)");
    hmlc_location_format(a, text, sizeof text);
    assert_string_equal(text, "m.onnx: node 'conv1' (Conv)");
    assert_ptr_equal(hmlc_location_join(arena, joined, a), joined);
    assert_ptr_equal(hmlc_location_join(arena, NULL, a), a);
    assert_null(hmlc_location_join(arena, NULL, NULL));
    const hmlc_location *many = a;
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "node%d", i);
        many = hmlc_location_join(arena, many, hmlc_location_create(arena, "m.onnx", name, "Add"));
    }
    hmlc_location_format(many, text, sizeof text);
    assert_true(strlen(text) < sizeof text);
    assert_non_null(strstr(text, " more"));
    assert_int_equal(hmlc_location_format(NULL, text, sizeof text), 0);
    hmlc_arena_destroy(arena);
}

static void an_assumption_excuses_contradictions(void **state)
{
    (void)state;
    hmlc_arena *arena = hmlc_arena_create(0);
    hmlc_diagnostics *list = hmlc_diagnostics_create(arena, 0);
    assert_int_equal(hmlc_error_add(list, HMLC_ERROR_graph_invalid, NULL, NULL, "before"),
                     HMLC_DAMAGED);
    hmlc_warning_add(list, HMLC_ERROR_path_assumed, NULL, NULL, "assumed");
    assert_int_equal(hmlc_error_add(list, HMLC_ERROR_attribute_invalid, NULL, NULL, "behind"),
                     HMLC_REFUSED);
    assert_int_equal(hmlc_error_add(list, HMLC_ERROR_file_damaged, NULL, NULL, "bytes"),
                     HMLC_DAMAGED);
    const hmlc_diagnostic *behind = hmlc_diagnostics_first(list)->next->next;
    assert_int_equal(behind->error, HMLC_ERROR_not_implemented);
    assert_non_null(behind->hint);
    hmlc_arena_destroy(arena);
}

static void diagnostics_collect_and_rank(void **state)
{
    (void)state;
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_diagnostics *list = hmlc_diagnostics_create(arena, 2);
    assert_int_equal(hmlc_diagnostics_status(list), HMLC_OK);
    hmlc_warning_add(list, HMLC_ERROR_text_syntax, NULL, NULL, "only a warning");
    assert_int_equal(hmlc_diagnostics_status(list), HMLC_OK);
    assert_int_equal(hmlc_error_add(list, HMLC_ERROR_not_implemented, NULL, "do so", "op %d", 7),
                     HMLC_REFUSED);
    assert_int_equal(hmlc_error_add(list, HMLC_ERROR_graph_invalid, NULL, NULL, "more"),
                     HMLC_DAMAGED);
    assert_int_equal(hmlc_error_add(NULL, HMLC_ERROR_usage, NULL, NULL, "x"), HMLC_USAGE);
    assert_int_equal(hmlc_diagnostics_status(list), HMLC_DAMAGED);
    assert_int_equal(hmlc_diagnostics_error_count(list), 2);
    assert_int_equal(hmlc_diagnostics_dropped(list), 1);
    const hmlc_diagnostic *second = hmlc_diagnostics_first(list)->next;
    assert_string_equal(second->message, "op 7");
    assert_string_equal(second->hint, "do so");
    assert_null(second->next);
    hmlc_arena_destroy(arena);
}

static void error_numbers_are_unique_and_found(void **state)
{
    (void)state;
    for (int i = 1; i < HMLC_ERROR_COUNT; i++) {
        const hmlc_error_info *info = hmlc_error_get_info((hmlc_error)i);
        assert_ptr_equal(hmlc_error_find(info->number), info);
        assert_true(info->status != HMLC_OK);
        /* The runtime's table explains its own. */
        assert_true((info->title[0] == '\0') == (info->number >= 1000));
        assert_true((info->explanation[0] == '\0') == (info->number >= 1000));
    }
    assert_null(hmlc_error_find(9999));
}

static void every_op_and_attribute_is_found_by_name(void **state)
{
    (void)state;
    for (int i = 0; i < HMLC_OP_COUNT; i++) {
        const hmlc_op_info *info = hmlc_op_get_info((hmlc_opcode)i);
        hmlc_opcode found;
        assert_true(hmlc_opcode_from_name(info->name, strlen(info->name), &found));
        assert_int_equal(found, i);
        assert_true(info->most_operands < 0 || info->least_operands <= info->most_operands);
        assert_true(info->most_results < 0 || info->least_results <= info->most_results);
    }
    for (int i = 0; i < HMLC_ATTR_COUNT; i++) {
        const char *name = hmlc_attr_name_text((hmlc_attr_name)i);
        hmlc_attr_name found;
        assert_true(hmlc_attr_name_from_text(name, strlen(name), &found));
        assert_int_equal(found, i);
    }
    hmlc_opcode none;
    assert_false(hmlc_opcode_from_name("ad", 2, &none));
    assert_false(hmlc_opcode_from_name("add\0xyz", 7, &none));
    const hmlc_op_info *softmax = hmlc_op_get_info(HMLC_OP_softmax);
    assert_int_equal(softmax->attr_count, 1);
    assert_true(softmax->attrs[0].required && softmax->attrs[0].name == HMLC_ATTR_axes);
    assert_true(hmlc_opcode_has(HMLC_OP_softmax, HMLC_TRAIT_ROWWISE | HMLC_TRAIT_VIEW));
    assert_int_equal(hmlc_op_get_info(HMLC_OP_selu)->attr_count, 2);
}

static void words_of_attributes_match_their_enums(void **state)
{
    (void)state;
    int64_t value;
    size_t length;
    assert_true(hmlc_attr_enum_value(HMLC_ATTR_form, "portable", 8, &value));
    assert_int_equal(value, HMLC_FORM_PORTABLE);
    assert_true(hmlc_attr_enum_value(HMLC_ATTR_pad_mode, "wrap", 4, &value));
    assert_int_equal(value, HMLC_PAD_WRAP);
    assert_true(hmlc_attr_enum_value(HMLC_ATTR_coordinates, "half_pixel_symmetric", 20, &value));
    assert_int_equal(value, HMLC_COORDINATES_HALF_PIXEL_SYMMETRIC);
    assert_false(hmlc_attr_enum_value(HMLC_ATTR_form, "port", 4, &value));
    assert_null(hmlc_attr_enum_word(HMLC_ATTR_form, HMLC_FORM_ATTENTION + 1, &length));
    assert_null(hmlc_attr_enum_word(HMLC_ATTR_form, -1, &length));
    assert_memory_equal(hmlc_attr_enum_word(HMLC_ATTR_approximate, 1, &length), "tanh", 4);
    assert_int_equal(length, 4);
}

static void attributes_compare_by_value(void **state)
{
    (void)state;
    const int64_t list[] = {1, 2, 3}, other[] = {1, 2, 4};
    hmlc_attr a = hmlc_attr_ints(HMLC_ATTR_axes, list, 3);
    hmlc_attr b = hmlc_attr_ints(HMLC_ATTR_axes, other, 3);
    hmlc_attr shorter = hmlc_attr_ints(HMLC_ATTR_axes, other, 2);
    hmlc_attr nan = hmlc_attr_float(HMLC_ATTR_alpha, (double)NAN);
    hmlc_attr zero = hmlc_attr_float(HMLC_ATTR_alpha, 0.0);
    hmlc_attr minus = hmlc_attr_float(HMLC_ATTR_alpha, -0.0);
    assert_true(hmlc_attr_equal(&a, &a));
    assert_false(hmlc_attr_equal(&a, &b));
    assert_false(hmlc_attr_equal(&a, &shorter));
    assert_true(hmlc_attr_equal(&nan, &nan));
    assert_false(hmlc_attr_equal(&zero, &minus));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(a_rewound_arena_gives_its_memory_back),
        cmocka_unit_test(text_and_copies_belong_to_the_arena),
        cmocka_unit_test(a_failing_allocator_is_survived),
        cmocka_unit_test(sizes_overflow_with_an_answer),
        cmocka_unit_test(element_types_have_names_and_sizes),
        cmocka_unit_test(types_compare_and_print),
        cmocka_unit_test(tensors_count_their_elements),
        cmocka_unit_test(locations_join_and_print),
        cmocka_unit_test(diagnostics_collect_and_rank),
        cmocka_unit_test(an_assumption_excuses_contradictions),
        cmocka_unit_test(error_numbers_are_unique_and_found),
        cmocka_unit_test(every_op_and_attribute_is_found_by_name),
        cmocka_unit_test(words_of_attributes_match_their_enums),
        cmocka_unit_test(attributes_compare_by_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The loader refuses what is damaged, by name, whichever bit or byte it is. */
#include "reform_artifact.h"
#include "runtime_test.h"

/* Offsets of the first sections of the sum fixture, for tests that change single fields. */
static hml_section_record *section_of(uint8_t *data, uint32_t index)
{
    return artifact_section(data, index);
}

static void *record_of(uint8_t *data, uint32_t section)
{
    return data + section_of(data, section)->offset;
}

static hml_file_header *header_of(uint8_t *data)
{
    return (void *)data;
}

static hml_program_record *program_of(uint8_t *data)
{
    return record_of(data, 1);
}

#define TABLE_OF(type, data, section, table)                                                       \
    ((type *)(void *)((uint8_t *)record_of(data, section) + (table).offset))

enum { MODEL = 0, PROGRAM = 1, CODE = 2, WEIGHTS = 3 };

static hml_model_record *model_of(uint8_t *data)
{
    return record_of(data, MODEL);
}

static hml_dim_record *dims_of(uint8_t *data)
{
    return TABLE_OF(hml_dim_record, data, PROGRAM, program_of(data)->dims);
}

static hml_step_record *steps_of(uint8_t *data)
{
    return TABLE_OF(hml_step_record, data, PROGRAM, program_of(data)->steps);
}

static hml_kernel_record *kernels_of(uint8_t *data)
{
    return TABLE_OF(hml_kernel_record, data, PROGRAM, program_of(data)->kernels);
}

static hml_buffer_record *buffers_of(uint8_t *data)
{
    return TABLE_OF(hml_buffer_record, data, PROGRAM, program_of(data)->buffers);
}

static hml_operand_record *operands_of(uint8_t *data)
{
    return TABLE_OF(hml_operand_record, data, PROGRAM, program_of(data)->operands);
}

static hml_code_record *code_of(uint8_t *data)
{
    return record_of(data, CODE);
}

#define DAMAGE(name, statement)                                                                    \
    static void name(uint8_t *data)                                                                \
    {                                                                                              \
        statement;                                                                                 \
    }

DAMAGE(magic, data[1] = 'X')
DAMAGE(magic_backwards, memcpy(data, "\n\x1a\n\rLMH\x89", 8))
DAMAGE(byte_order_swapped, header_of(data)->byte_order = UINT32_C(0x04030201))
DAMAGE(byte_order_wrong, header_of(data)->byte_order = 0)
DAMAGE(newer_major, header_of(data)->format_major = 2)
DAMAGE(newer_minor, header_of(data)->format_minor = HML_FORMAT_MINOR + 1)
DAMAGE(newer_abi, header_of(data)->minimum_abi = 2)
DAMAGE(header_short, header_of(data)->header_bytes = HML_HEADER_BYTES_1_0 - 8)
DAMAGE(header_long, header_of(data)->header_bytes = 72)
DAMAGE(section_records_short, header_of(data)->section_record_bytes = 56)
DAMAGE(section_records_odd, header_of(data)->section_record_bytes = 81)
DAMAGE(section_records_long, header_of(data)->section_record_bytes = UINT32_MAX - 7)
DAMAGE(no_sections, header_of(data)->section_count = 0)
DAMAGE(many_sections, header_of(data)->section_count = UINT32_MAX)
DAMAGE(table_outside, header_of(data)->section_table_offset = UINT64_MAX - 7)
DAMAGE(longer_file, header_of(data)->file_bytes++)
DAMAGE(shorter_file, header_of(data)->file_bytes--)
DAMAGE(section_gap, section_of(data, 1)->offset += 64)
DAMAGE(section_overlap, section_of(data, 1)->offset -= 64)
DAMAGE(section_span_wraps, section_of(data, 1)->span = UINT64_MAX)
DAMAGE(section_bytes_above_span, section_of(data, 1)->bytes = section_of(data, 1)->span + 1)
DAMAGE(section_alignment_odd, section_of(data, 1)->alignment = 96)
DAMAGE(section_alignment_none, section_of(data, 1)->alignment = 0)
DAMAGE(section_misaligned, section_of(data, 1)->alignment = 65536)
DAMAGE(section_kind_unknown, section_of(data, 3)->kind = 99)
DAMAGE(model_missing, section_of(data, 0)->kind = HML_SECTION_WEIGHTS)
DAMAGE(model_doubled, section_of(data, 3)->kind = HML_SECTION_MODEL)
DAMAGE(variant_gap, section_of(data, 1)->variant = 1)
DAMAGE(code_of_other_cpu, section_of(data, 2)->architecture = HML_ARCHITECTURE_AARCH64)
DAMAGE(head_short, section_of(data, PROGRAM)->head_bytes = sizeof(hml_program_record) - 8)
DAMAGE(head_outside, section_of(data, MODEL)->head_bytes = UINT32_MAX - 3)
DAMAGE(table_record_size, program_of(data)->dims.record_bytes = 10)
DAMAGE(table_record_none, program_of(data)->dims.record_bytes = 0)
DAMAGE(table_record_wraps, program_of(data)->dims.record_bytes = UINT32_MAX - 3)
DAMAGE(strings_of_words, model_of(data)->strings.record_bytes = 4)
DAMAGE(needs_of_the_model, section_of(data, MODEL)->needs = 2)
DAMAGE(needs_of_the_only_variant, section_of(data, PROGRAM)->needs = UINT32_C(1) << 31)
DAMAGE(table_misaligned, program_of(data)->dims.offset += 4)
DAMAGE(table_wraps, program_of(data)->dims.offset = UINT64_MAX - 7)
DAMAGE(table_too_long, program_of(data)->steps.count = UINT32_MAX)
DAMAGE(strings_open, model_of(data)->strings.count -= 1)
DAMAGE(name_outside, model_of(data)->name = 1 << 20)
DAMAGE(symbol_range, TABLE_OF(hml_symbol_record, data, MODEL, model_of(data)->symbols)->maximum = 0)
DAMAGE(symbol_divisor,
       TABLE_OF(hml_symbol_record, data, MODEL, model_of(data)->symbols)->multiple = 0)
DAMAGE(symbol_slot, TABLE_OF(hml_symbol_record, data, MODEL, model_of(data)->symbols)->slot = 99)
DAMAGE(input_type, TABLE_OF(hml_tensor_record, data, MODEL, model_of(data)->inputs)->dtype = 99)
DAMAGE(input_rank, TABLE_OF(hml_tensor_record, data, MODEL, model_of(data)->inputs)->rank = 13)
DAMAGE(input_slot, TABLE_OF(hml_tensor_record, data, MODEL, model_of(data)->inputs)->dims[0] = 99)
DAMAGE(output_slots, program_of(data)->output_dims.count -= 1)
DAMAGE(dim_operation, dims_of(data)[3].op = 99)
DAMAGE(dim_of_itself, dims_of(data)[3].a = 3)
DAMAGE(dim_of_no_input, dims_of(data)[0].a = 2)
DAMAGE(dim_of_no_axis, dims_of(data)[0].b = 2)
DAMAGE(dim_element_at_entry, dims_of(data)[3].op = HML_DIM_ELEMENT)
DAMAGE(dim_huge, dims_of(data)[1].value = INT64_MAX)
DAMAGE(arena_slot, program_of(data)->arena_dim = 99)
DAMAGE(entry_slots, program_of(data)->entry_dims = 99)
DAMAGE(check_kind, TABLE_OF(hml_check_record, data, PROGRAM, program_of(data)->checks)->kind = 0)
DAMAGE(buffer_kind, buffers_of(data)[0].kind = 0)
DAMAGE(buffer_of_no_input, buffers_of(data)[0].index = 9)
DAMAGE(buffer_slot, buffers_of(data)[3].bytes_dim = HML_NONE)
DAMAGE(operand_buffer, operands_of(data)[0].buffer = 99)
DAMAGE(operand_slot, operands_of(data)[0].offset_dim = 99)
DAMAGE(operand_writes_input, operands_of(data)[0].flags = HML_OPERAND_WRITTEN)
DAMAGE(kernel_entry, kernels_of(data)[0].entry = 1 << 20)
DAMAGE(kernel_entry_before_code, kernels_of(data)[0].entry = 4)
DAMAGE(kernel_entry_inside, kernels_of(data)[0].entry += 4)
DAMAGE(kernel_entry_odd, kernels_of(data)[0].entry += 1) /* on A32: Thumb code */
DAMAGE(kernel_entry_of_another, kernels_of(data)[0].entry = kernels_of(data)[1].entry)
DAMAGE(kernel_form, kernels_of(data)[0].form = 0)
DAMAGE(step_kind, steps_of(data)[0].kind = 9)
DAMAGE(step_kernel, steps_of(data)[0].kernel = 9)
DAMAGE(step_operands, steps_of(data)[1].operand_count = UINT32_MAX)
DAMAGE(step_dims, steps_of(data)[1].first_dim = UINT32_MAX)
DAMAGE(step_jumps_back, (steps_of(data)[1].kind = HML_STEP_JUMP, steps_of(data)[1].target = 1))
DAMAGE(step_jumps_out, (steps_of(data)[1].kind = HML_STEP_JUMP, steps_of(data)[1].target = 3))
DAMAGE(step_repeats_forwards,
       (steps_of(data)[1].kind = HML_STEP_REPEAT, steps_of(data)[1].target = 2))
DAMAGE(step_repeats_nothing, (steps_of(data)[1].kind = HML_STEP_REPEAT,
                              steps_of(data)[1].target = 0, steps_of(data)[1].operand_count = 0))
DAMAGE(step_repeat_operand, (steps_of(data)[1].kind = HML_STEP_REPEAT, steps_of(data)[1].target = 0,
                             steps_of(data)[1].first_operand = 99))
DAMAGE(step_location, steps_of(data)[0].location = 99)
DAMAGE(code_abi, code_of(data)->kernel_abi = 2)
DAMAGE(code_page_odd, code_of(data)->page_bytes = 3)
DAMAGE(code_page_small, code_of(data)->page_bytes = 2048)
DAMAGE(code_page_not_the_seals, code_of(data)->page_bytes = HML_PAGE_BYTES_1_0)
DAMAGE(code_page_large, code_of(data)->page_bytes = UINT32_C(1) << 31)
DAMAGE(code_image_outside, code_of(data)->image_bytes = UINT64_MAX)
DAMAGE(code_text_unaligned, code_of(data)->text_bytes -= 1)
DAMAGE(code_segments_overlap, code_of(data)->rodata_offset = 0)
DAMAGE(code_constants_missing, code_of(data)->rodata_bytes = 0)
DAMAGE(code_image_cut, (code_of(data)->rodata_bytes = 0, code_of(data)->image_bytes -= 4096))
DAMAGE(code_image_over_its_record,
       (code_of(data)->image_offset = 0, code_of(data)->text_bytes += 4096,
        code_of(data)->rodata_offset += 4096, code_of(data)->image_bytes += 4096))
DAMAGE(code_page_none_in_a_later_layout,
       (code_of(data)->page_bytes = 0, code_of(data)->text_bytes -= 2048))
DAMAGE(code_image_moved, (code_of(data)->image_offset += 4096, code_of(data)->text_bytes -= 4096,
                          code_of(data)->rodata_offset -= 4096, code_of(data)->image_bytes -= 4096))
DAMAGE(code_for_other_features,
       section_of(data, 1)->required_features = section_of(data, 2)->required_features = 1)
DAMAGE(code_of_an_unknown_cpu,
       section_of(data, 1)->architecture = section_of(data, 2)->architecture = 99)
DAMAGE(code_for_other_cpu, section_of(data, 1)->architecture = section_of(data, 2)->architecture =
                               HML_ARCHITECTURE_AARCH64)

typedef struct damage_case {
    void (*damage)(uint8_t *data);
    hml_status expected;
} damage_case;

/* In the header as it stands; the others get their checksums recomputed, so that only the check in
 * question can find them. */
static const damage_case raw_cases[] = {
    {magic, HML_ERROR_not_an_artifact},
    {magic_backwards, HML_ERROR_byte_swapped},
    {byte_order_swapped, HML_ERROR_byte_swapped},
    {byte_order_wrong, HML_ERROR_header_invalid},
    {newer_major, HML_ERROR_format_newer},
    {newer_minor, HML_ERROR_header_checksum},
    {newer_abi, HML_ERROR_runtime_too_old},
    {header_short, HML_ERROR_header_invalid},
    {header_long, HML_ERROR_header_invalid},
    {section_records_short, HML_ERROR_header_invalid},
    {section_records_odd, HML_ERROR_header_invalid},
    {section_records_long, HML_ERROR_header_invalid},
    {no_sections, HML_ERROR_header_invalid},
    {many_sections, HML_ERROR_header_invalid},
    {table_outside, HML_ERROR_header_invalid},
    {longer_file, HML_ERROR_truncated},
    {shorter_file, HML_ERROR_trailing_bytes},
    {model_missing, HML_ERROR_header_checksum},
    {arena_slot, HML_ERROR_section_checksum},
};

static const damage_case sealed_cases[] = {
    {section_gap, HML_ERROR_section_bounds},
    {section_overlap, HML_ERROR_section_bounds},
    {section_bytes_above_span, HML_ERROR_section_bounds},
    {section_alignment_odd, HML_ERROR_section_alignment},
    {section_alignment_none, HML_ERROR_section_alignment},
    {section_misaligned, HML_ERROR_section_alignment},
    {section_kind_unknown, HML_ERROR_section_kind},
    {model_missing, HML_ERROR_section_missing},
    {model_doubled, HML_ERROR_section_missing},
    {variant_gap, HML_ERROR_section_missing},
    {code_of_other_cpu, HML_ERROR_section_missing},
    {head_short, HML_ERROR_table_bounds},
    {head_outside, HML_ERROR_table_bounds},
    {table_record_size, HML_ERROR_table_bounds},
    {table_record_none, HML_ERROR_table_bounds},
    {table_record_wraps, HML_ERROR_table_bounds},
    {strings_of_words, HML_ERROR_table_bounds},
    {needs_of_the_model, HML_ERROR_format_newer},
    {needs_of_the_only_variant, HML_ERROR_format_newer},
    {table_misaligned, HML_ERROR_table_bounds},
    {table_wraps, HML_ERROR_table_bounds},
    {table_too_long, HML_ERROR_table_bounds},
    {name_outside, HML_ERROR_string_invalid},
    {strings_open, HML_ERROR_string_invalid},
    {symbol_range, HML_ERROR_symbol_invalid},
    {symbol_divisor, HML_ERROR_symbol_invalid},
    {symbol_slot, HML_ERROR_symbol_invalid},
    {input_type, HML_ERROR_tensor_invalid},
    {input_rank, HML_ERROR_tensor_invalid},
    {input_slot, HML_ERROR_tensor_invalid},
    {output_slots, HML_ERROR_tensor_invalid},
    {dim_operation, HML_ERROR_dim_invalid},
    {dim_of_itself, HML_ERROR_dim_invalid},
    {dim_of_no_input, HML_ERROR_dim_invalid},
    {dim_of_no_axis, HML_ERROR_dim_invalid},
    {dim_element_at_entry, HML_ERROR_dim_invalid},
    {dim_huge, HML_ERROR_dim_invalid},
    {arena_slot, HML_ERROR_dim_invalid},
    {entry_slots, HML_ERROR_dim_invalid},
    {check_kind, HML_ERROR_check_invalid},
    {buffer_kind, HML_ERROR_buffer_invalid},
    {buffer_of_no_input, HML_ERROR_buffer_invalid},
    {buffer_slot, HML_ERROR_buffer_invalid},
    {operand_buffer, HML_ERROR_operand_invalid},
    {operand_slot, HML_ERROR_operand_invalid},
    {operand_writes_input, HML_ERROR_operand_invalid},
    {kernel_entry, HML_ERROR_kernel_invalid},
    {kernel_entry_before_code, HML_ERROR_kernel_invalid},
    {kernel_entry_inside, HML_ERROR_kernel_invalid},
    {kernel_entry_odd, HML_ERROR_kernel_invalid},
    {kernel_entry_of_another, HML_ERROR_kernel_invalid},
    {kernel_form, HML_ERROR_kernel_invalid},
    {step_kind, HML_ERROR_step_invalid},
    {step_kernel, HML_ERROR_step_invalid},
    {step_operands, HML_ERROR_step_invalid},
    {step_dims, HML_ERROR_step_invalid},
    {step_jumps_back, HML_ERROR_step_invalid},
    {step_repeats_forwards, HML_ERROR_step_invalid},
    {step_repeats_nothing, HML_ERROR_step_invalid},
    {step_repeat_operand, HML_ERROR_step_invalid},
    {step_jumps_out, HML_ERROR_step_invalid},
    {step_location, HML_ERROR_step_invalid},
    {code_abi, HML_ERROR_kernel_abi},
    {code_image_outside, HML_ERROR_code_invalid},
    {code_page_odd, HML_ERROR_code_invalid},
    {code_page_small, HML_ERROR_code_invalid},
    {code_page_not_the_seals, HML_ERROR_code_invalid},
    {code_page_large, HML_ERROR_code_invalid},
    {code_text_unaligned, HML_ERROR_code_invalid},
    {code_segments_overlap, HML_ERROR_code_invalid},
    {code_constants_missing, HML_ERROR_code_invalid},
    {code_image_cut, HML_ERROR_code_invalid},
    {code_image_moved, HML_ERROR_code_invalid},
    {code_image_over_its_record, HML_ERROR_code_invalid},
    {code_page_none_in_a_later_layout, HML_ERROR_code_invalid},
    {code_of_an_unknown_cpu, HML_ERROR_format_newer},
    {code_for_other_features, HML_ERROR_code_invalid},
    {code_for_other_cpu, HML_ERROR_code_invalid},
};

static void check_cases(const damage_case *cases, size_t count, int sealed)
{
    size_t bytes = 0;
    uint8_t *data = sum_artifact(&bytes);
    uint8_t *changed = aligned_alloc(64, (bytes + 63) / 64 * 64);
    for (size_t i = 0; i < count; i++) {
        memcpy(changed, data, bytes);
        cases[i].damage(changed);
        if (sealed) {
            (void)reseal_artifact(changed, bytes);
        }
        hml_status status = open_bytes(changed, bytes, 0);
        if (status != cases[i].expected) {
            fail_msg("case %zu gave %s, not %s", i, hml_status_describe(status)->name,
                     hml_status_describe(cases[i].expected)->name);
        }
        hml_status inspected = open_bytes(changed, bytes, HML_OPEN_INSPECT);
        assert_int_equal(inspected, status);
    }
    free(changed);
    free(data);
}

static void damage_is_named(void **state)
{
    (void)state;
    check_cases(raw_cases, sizeof raw_cases / sizeof raw_cases[0], 0);
    check_cases(sealed_cases, sizeof sealed_cases / sizeof sealed_cases[0], 1);
    size_t bytes = 0;
    uint8_t *data = sum_artifact(&bytes);
    section_span_wraps(data);
    assert_int_not_equal(open_bytes(data, bytes, 0), HML_OK);
    free(data);
}

/* -- Every bit, every length ------------------------------------------------------------------- */

static void flip_must_be_found(uint8_t *data, size_t bytes, size_t at, int bit)
{
    data[at] ^= (uint8_t)(1 << bit);
    if (open_bytes(data, bytes, HML_OPEN_INSPECT) == HML_OK) {
        fail_msg("bit %d of byte %zu may change", bit, at);
    }
    data[at] ^= (uint8_t)(1 << bit);
}

static void check_bits(uint8_t *data, size_t bytes)
{
    assert_int_equal(open_bytes(data, bytes, 0), HML_OK);
    size_t tables_end = (size_t)section_of(data, CODE)->offset + sizeof(hml_code_record);
    for (size_t at = 0; at < tables_end; at++) {
        for (int bit = 0; bit < 8; bit++) {
            flip_must_be_found(data, bytes, at, bit);
        }
    }
    uint32_t random = 1;
    for (size_t at = tables_end; at + 64 <= bytes; at += 64) {
        random = random * UINT32_C(1664525) + UINT32_C(1013904223);
        flip_must_be_found(data, bytes, at + (random >> 8) % 64, (int)(random >> 16) % 8);
    }
}

static void every_flipped_bit_is_found(void **state)
{
    (void)state;
    size_t bytes = 0;
    uint8_t *data = sum_artifact(&bytes);
    check_bits(data, bytes);
    free(data);
}

static void every_flipped_bit_of_other_forms_is_found(void **state)
{
    (void)state;
    size_t bytes = 0, reformed_bytes = 0;
    uint8_t *data = sum_artifact(&bytes);
    for (uint32_t form = 0; form < ARTIFACT_FORMS; form++) {
        uint8_t *reformed = reform_artifact(data, &artifact_forms[form], &reformed_bytes);
        check_bits(reformed, reformed_bytes);
        free(reformed);
    }
    free(data);
}

static void every_truncation_is_found(void **state)
{
    (void)state;
    size_t bytes = 0;
    uint8_t *data = sum_artifact(&bytes);
    for (size_t length = 0; length < bytes; length++) {
        hml_status status = open_bytes(data, length, HML_OPEN_INSPECT);
        assert_int_equal(status, length == 0 ? HML_ERROR_not_an_artifact : HML_ERROR_truncated);
    }
    free(data);
}

static void trailing_bytes_are_refused(void **state)
{
    (void)state;
    size_t bytes = 0;
    uint8_t *data = sum_artifact(&bytes);
    uint8_t *longer = aligned_alloc(64, (bytes + 127) / 64 * 64);
    memset(longer, 0, (bytes + 127) / 64 * 64);
    memcpy(longer, data, bytes);
    assert_int_equal(open_bytes(longer, bytes + 1, 0), HML_ERROR_trailing_bytes);
    free(longer);
    free(data);
}

int main(void)
{
    unsetenv("HML_VARIANT");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(every_flipped_bit_is_found),
        cmocka_unit_test(every_flipped_bit_of_other_forms_is_found),
        cmocka_unit_test(every_truncation_is_found),
        cmocka_unit_test(trailing_bytes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

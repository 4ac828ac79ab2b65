/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled artifacts, not resealed: whatever byte changes, whatever length is left, is refused.
 *
 *     artifact_damage_test [--every-bit]
 *
 * --every-bit flips each bit of the whole file, not only those of header and tables: a minute under
 * the sanitizers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hml/hml.h>
#include <hml_format/artifact.h>

#include "artifact_builder.h"
#include "hostile_models.h"
#include "reform_artifact.h"

static uint8_t *artifacts[HOSTILE_MODEL_COUNT];
static size_t artifact_bytes[HOSTILE_MODEL_COUNT];
static bool every_bit; /* from the command line */

static hml_status open_bytes(const void *data, size_t bytes)
{
    hml_model *model = NULL;
    const hml_open_options options = {.struct_bytes = sizeof options, .flags = HML_OPEN_INSPECT};
    hml_status status = hml_model_open_memory(data, bytes, &options, &model);
    hml_model_release(model);
    return status;
}

static void must_refuse(const uint8_t *data, size_t bytes, size_t at)
{
    hml_status status = open_bytes(data, bytes);
    if (status == HML_OK || strcmp(hml_status_describe(status)->name, "unknown") == 0) {
        fail_msg("a change at byte %zu is not refused by name", at);
    }
}

static void flip(uint8_t *data, size_t bytes, size_t at, uint32_t bit)
{
    data[at] ^= (uint8_t)(1U << bit);
    must_refuse(data, bytes, at);
    data[at] ^= (uint8_t)(1U << bit);
}

/* The header with its section table, then the tables of the model and of the programs. */
static bool is_table(uint8_t *data, size_t at)
{
    const hml_file_header *header = (const void *)data;
    for (uint32_t k = 0; k < header->section_count; k++) {
        const hml_section_record *record = artifact_section(data, k);
        if (at >= record->offset && at < record->offset + record->span) {
            return record->kind == HML_SECTION_MODEL || record->kind == HML_SECTION_PROGRAM;
        }
    }
    return true;
}

static void check_bits(uint8_t *data, size_t bytes)
{
    assert_int_equal(open_bytes(data, bytes), HML_OK);
    uint32_t random = 1;
    size_t flips = 0;
    for (size_t at = 0; at < bytes; at++) {
        if (every_bit || is_table(data, at)) {
            for (uint32_t bit = 0; bit < 8; bit++) {
                flip(data, bytes, at, bit);
            }
            flips += 8;
        } else if (at % 64 == 0) {
            random = random * UINT32_C(1664525) + UINT32_C(1013904223);
            size_t chosen = at + (random >> 8) % 64;
            flip(data, bytes, chosen < bytes ? chosen : at, (random >> 16) % 8);
            flips++;
        }
    }
    print_message("%zu bytes, %zu flipped bits refused\n", bytes, flips);
    assert_int_equal(open_bytes(data, bytes), HML_OK);
}

static void every_flipped_bit_of_digits_is_found(void **state)
{
    (void)state;
    check_bits(artifacts[HOSTILE_DIGITS], artifact_bytes[HOSTILE_DIGITS]);
}

static void every_flipped_bit_of_a_dynamic_model_is_found(void **state)
{
    (void)state;
    check_bits(artifacts[HOSTILE_DYNAMIC], artifact_bytes[HOSTILE_DYNAMIC]);
}

static void every_flipped_bit_of_several_machines_is_found(void **state)
{
    (void)state;
    check_bits(artifacts[HOSTILE_MACHINES], artifact_bytes[HOSTILE_MACHINES]);
}

static void every_flipped_bit_of_other_forms_is_found(void **state)
{
    (void)state;
    for (uint32_t form = 0; form < ARTIFACT_FORMS; form++) {
        size_t bytes = 0;
        uint8_t *data = reform_artifact(artifacts[HOSTILE_BRANCHES], &artifact_forms[form], &bytes);
        assert_non_null(data);
        check_bits(data, bytes);
        free(data);
    }
}

static void every_length_but_the_right_one_is_refused(void **state)
{
    (void)state;
    for (uint32_t model = 0; model < HOSTILE_MODEL_COUNT; model++) {
        size_t bytes = artifact_bytes[model];
        uint8_t *longer = aligned_alloc(64, (bytes + 191) / 64 * 64);
        assert_non_null(longer);
        memset(longer, 0, (bytes + 191) / 64 * 64);
        memcpy(longer, artifacts[model], bytes);
        for (size_t length = 0; length < bytes; length++) {
            hml_status expected = length == 0 ? HML_ERROR_not_an_artifact : HML_ERROR_truncated;
            assert_int_equal(open_bytes(longer, length), expected);
        }
        for (size_t more = 1; more <= 128; more++) {
            assert_int_equal(open_bytes(longer, bytes + more), HML_ERROR_trailing_bytes);
        }
        free(longer);
        print_message("%zu truncations and 128 lengths of trailing bytes refused\n", bytes);
    }
}

static int compile_all(void **state)
{
    (void)state;
    for (uint32_t model = 0; model < HOSTILE_MODEL_COUNT; model++) {
        artifacts[model] = hostile_artifact((hostile_model)model, &artifact_bytes[model]);
        if (artifacts[model] == NULL) {
            return -1;
        }
    }
    return 0;
}

static int release_all(void **state)
{
    (void)state;
    for (uint32_t model = 0; model < HOSTILE_MODEL_COUNT; model++) {
        free(artifacts[model]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    every_bit = argc == 2 && strcmp(argv[1], "--every-bit") == 0;
    if (argc > 1 && !every_bit) {
        print_error("usage: artifact_damage_test [--every-bit]\n");
        return 2;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flipped_bit_of_digits_is_found),
        cmocka_unit_test(every_flipped_bit_of_a_dynamic_model_is_found),
        cmocka_unit_test(every_flipped_bit_of_several_machines_is_found),
        cmocka_unit_test(every_flipped_bit_of_other_forms_is_found),
        cmocka_unit_test(every_length_but_the_right_one_is_refused),
    };
    return cmocka_run_group_tests(tests, compile_all, release_all);
}

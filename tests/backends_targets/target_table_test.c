/* SPDX-License-Identifier: Apache-2.0 */
/* Each row of the target table is consistent in itself, and LLVM agrees with what it says. */
#define _GNU_SOURCE /* memfd_create */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <hml_format/artifact.h>
#include <hml_format/kernel_abi.h>
#include <sys/mman.h>
#include <unistd.h>

#include "llvm.h"
#include "targets/architecture.h"
#include "llvm/contraction/microkernel.h"
#include "llvm/frame/frame_internal.h"

#include <hmlc/backends.h>

/* Calls `check` for each row. */
static void each_target(void (*check)(const hmlc_target *target))
{
    assert_true(hmlc_target_count() > 0);
    for (uint32_t k = 0; k < hmlc_target_count(); k++) {
        check(hmlc_target_at(k));
    }
    assert_null(hmlc_target_at(hmlc_target_count()));
}

static bool is_power_of_two(int64_t value)
{
    return value > 0 && (value & (value - 1)) == 0;
}

/* -- the table as a whole ---------------------------------------------------------------------- */

static void names_are_unique(void **state)
{
    (void)state;
    assert_null(hmlc_target_find("no such target"));
    for (uint32_t k = 0; k < hmlc_target_count(); k++) {
        const hmlc_target *target = hmlc_target_at(k);
        assert_string_not_equal(target->name, "native");
        assert_ptr_equal(hmlc_target_find(target->name), target);
    }
}

/* The loader takes the last variant that runs, so later rows of an architecture need what no
 * earlier one does, or prefer more where they need the same. */
static bool is_beyond(const hmlc_target *target, const hmlc_target *before)
{
    return (target->required_features & ~before->required_features) != 0 ||
           (before->required_features == target->required_features &&
            before->preferred_features < target->preferred_features);
}

static void features_rise(void **state)
{
    (void)state;
    for (uint32_t k = 1; k < hmlc_target_count(); k++) {
        const hmlc_target *target = hmlc_target_at(k);
        for (uint32_t i = 0; i < k; i++) {
            const hmlc_target *before = hmlc_target_at(i);
            if (before->architecture == target->architecture && !target->object_only) {
                assert_true(is_beyond(target, before));
                assert_true(before->vector_bytes <= target->vector_bytes);
            }
        }
    }
}

/* A row that shares the code of another needs all that it needs, and is planned as it is. */
static void bases_are_rows(const hmlc_target *target)
{
    const hmlc_target *base = target->base != NULL ? hmlc_target_find(target->base) : NULL;
    const hmlc_target *beside =
        target->small_of != NULL ? hmlc_target_find(target->small_of) : NULL;
    if (target->base != NULL) {
        assert_non_null(base);
        assert_null(base->base);
        assert_int_equal(base->architecture, target->architecture);
        assert_int_equal(base->required_features & ~target->required_features, 0);
        assert_memory_equal(&base->tiles, &target->tiles, sizeof base->tiles);
        assert_int_equal(base->preferred_features, target->preferred_features);
    }
    if (target->small_of != NULL) {
        assert_non_null(beside);
        assert_int_equal(beside->required_features, target->required_features);
        assert_int_not_equal(target->preferred_features, 0);
    }
}

static void bases_exist(void **state)
{
    (void)state;
    each_target(bases_are_rows);
}

/* Calls `check` for each name in a list with commas. */
static void each_name(const char *list, void (*check)(const hmlc_target *target))
{
    char name[64];
    for (const char *at = list; *at != '\0';) {
        size_t length = strcspn(at, ",");
        assert_in_range(length, 1, sizeof name - 1);
        memcpy(name, at, length);
        name[length] = '\0';
        check(hmlc_target_find(name));
        at += length + (at[length] == ',');
    }
}

static void row_exists(const hmlc_target *target)
{
    assert_non_null(target);
}

/* Each stands for rows that exist, or says why not; a row's own name stands for more than the row.
 */
static void aliases_name_rows(void **state)
{
    (void)state;
    const hmlc_target_alias *alias;
    for (uint32_t k = 0; (alias = hmlc_target_alias_at(k)) != NULL; k++) {
        assert_ptr_equal(hmlc_target_alias_find(alias->name), alias);
        assert_string_not_equal(alias->name, "native");
        assert_true(alias->text[0] != '\0');
        const hmlc_target *row = hmlc_target_find(alias->name);
        if (alias->targets == NULL) {
            assert_null(row);
            continue;
        }
        each_name(alias->targets, row_exists);
        if (row != NULL) {
            size_t length = strlen(row->name);
            assert_memory_equal(alias->targets, row->name, length);
            assert_int_equal(alias->targets[length], ',');
        }
    }
    assert_null(hmlc_target_alias_find("no such word"));
}

static void a_default_set_exists(void **state)
{
    (void)state;
    uint32_t count = 0;
    for (uint32_t k = 0; k < hmlc_target_count(); k++) {
        count += hmlc_target_at(k)->is_default ? 1 : 0;
    }
    assert_true(count > 0);
}

/* -- LLVM -------------------------------------------------------------------------------------- */

/* LLVM only warns of processors and features that it does not know. */
static LLVMTargetMachineRef quiet_machine(const hmlc_target *target)
{
    int said = memfd_create("said", 0), before = dup(STDERR_FILENO);
    assert_true(said >= 0 && before >= 0);
    (void)dup2(said, STDERR_FILENO);
    char *message = NULL;
    LLVMTargetRef found = NULL;
    LLVMTargetMachineRef machine = NULL;
    if (LLVMGetTargetFromTriple(target->triple, &found, &message) == 0) {
        machine =
            LLVMCreateTargetMachine(found, target->triple, target->cpu, target->features,
                                    LLVMCodeGenLevelDefault, LLVMRelocPIC, LLVMCodeModelSmall);
    }
    (void)dup2(before, STDERR_FILENO);
    (void)close(before);
    char text[256] = "";
    if (pread(said, text, sizeof text - 1, 0) > 0 || machine == NULL) {
        fail_msg("%s: %s%s", target->name, text, message != NULL ? message : "");
    }
    (void)close(said);
    return machine;
}

static void llvm_knows(const hmlc_target *target)
{
    const hmlc_architecture *architecture = hmlc_architecture_of(target);
    assert_non_null(architecture);
    architecture->prepare();
    LLVMTargetMachineRef machine = quiet_machine(target);
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    char *text = LLVMCopyStringRepOfTargetData(layout);
    assert_string_equal(text, target->data_layout);
    assert_int_equal(LLVMByteOrder(layout), LLVMLittleEndian); /* as weights and tables are */
    assert_int_equal(LLVMPointerSize(layout) * 8, target->index_bits);
    LLVMDisposeMessage(text);
    LLVMDisposeTargetData(layout);
    LLVMDisposeTargetMachine(machine);
}

static void llvm_knows_each_row(void **state)
{
    (void)state;
    each_target(llvm_knows);
}

/* -- images ------------------------------------------------------------------------------------ */

static void image_can_be_made(const hmlc_target *target)
{
    const hmlc_architecture *architecture = hmlc_architecture_of(target);
    assert_true(architecture->kernels.end > architecture->kernels.begin);
    assert_true(architecture->memory.end > architecture->memory.begin);
    if (target->object_only) {
        return;
    }
    assert_int_not_equal(hml_code_mark(target->architecture), 0);
    assert_int_not_equal(hml_entry_mark(target->architecture), 0);
    assert_int_not_equal(hml_code_mark(target->architecture), hml_entry_mark(target->architecture));
    assert_true(is_power_of_two(target->page_bytes));
    assert_in_range(target->page_bytes, HML_PAGE_BYTES_1_0, HML_MOST_PAGE_BYTES);
    assert_in_range(architecture->nop.size, 1, sizeof architecture->nop.bytes);
    assert_in_range(architecture->trap.size, 1, sizeof architecture->trap.bytes);
    assert_int_equal(sizeof(hml_entry_seal) % architecture->nop.size, 0);
}

static void images_can_be_made(void **state)
{
    (void)state;
    each_target(image_can_be_made);
}

/* -- what the planner reads -------------------------------------------------------------------- */

static void tile_fits(const hmlc_target *target, uint32_t vectors)
{
    uint32_t rows = target->tiles.rows[vectors];
    uint32_t held = rows < vectors ? rows : vectors, spare = target->has_fma ? 1 : 2;
    if (target->tiles.style != HMLC_LEFT_SPLAT) { /* the right side streams through two, or one */
        held = rows;
        spare = target->tiles.style == HMLC_LEFT_LANE2 ? 1 : 2;
    } else if (target->tiles.general_left) {
        spare = 0;
    }
    if (rows * vectors + held + spare > (uint32_t)target->vector_registers ||
        rows * vectors > HMLC_TILE_ACCUMULATORS || rows > HMLC_TILE_ROWS) {
        fail_msg("%s: a tile of %u x %u does not fit", target->name, rows, vectors);
    }
    assert_true(rows <= target->tiles.rows[vectors - 1] || vectors == 1);
    if (rows > 0) { /* rows by pointers are not more, and some are left */
        assert_in_range(hmlc_microkernel_rows(target, HMLC_BYTE_STEP_NONE, vectors, true, true), 1,
                        rows);
        assert_int_equal(hmlc_microkernel_rows(target, HMLC_BYTE_STEP_NONE, vectors, false, false),
                         rows);
    }
}

static void plan_is_sound(const hmlc_target *target)
{
    const hmlc_tiles *tiles = &target->tiles;
    /* What the generator makes. */
    assert_true(tiles->style < HMLC_LEFT_COUNT);
    assert_true(tiles->style == HMLC_LEFT_SPLAT || tiles->style == HMLC_LEFT_LANE2 ||
                target->has_fma);
    assert_in_range(target->masks, HMLC_MASKS_NONE, HMLC_MASKS_FAST);
    assert_int_equal(tiles->rows[0], 0);
    for (uint32_t vectors = 1; vectors <= HMLC_WIDEST_TILE; vectors++) {
        tile_fits(target, vectors);
    }
    assert_in_range(tiles->usual, 1, HMLC_WIDEST_TILE);
    assert_in_range(tiles->crowded, tiles->usual, HMLC_WIDEST_TILE);
    assert_true(tiles->rows[tiles->usual] > 0 && tiles->rows[tiles->crowded] > 0);
    for (uint32_t k = 0; k < HMLC_TILE_CHOICES && tiles->few[k] != 0; k++) {
        assert_in_range(tiles->few[k], tiles->usual, HMLC_WIDEST_TILE);
        assert_true(tiles->rows[tiles->few[k]] > 0);
        assert_true(k == 0 || tiles->few[k] < tiles->few[k - 1]);
    }
    assert_true(is_power_of_two(target->vector_bytes));
    assert_true(target->window.columns > 0 && target->window.rows > 0);
    assert_true(target->window.columns * target->window.rows <= HMLC_TILE_ROWS);
    assert_true(target->window.wide * target->window.rows <= HMLC_TILE_ROWS);
    assert_true(target->l1_ways > 0 && target->l1_bytes % target->l1_ways == 0);
    assert_true(target->l2_bytes >= target->l1_bytes);
    assert_true(target->rates.flops > 0 && target->rates.window > 0);
    assert_true(target->rates.window_dynamic > 0 && target->rates.loop_percent > 0);
    assert_true(is_power_of_two(target->rates.chains));
    assert_true(target->family < HMLC_FAMILY_COUNT);
}

static void plans_are_sound(void **state)
{
    (void)state;
    each_target(plan_is_sound);
}

/* -- the argument block ------------------------------------------------------------------------ */

static const size_t host_offsets[] = {
#define HMLC_ARGS_FIELD(name, type) offsetof(hml_kernel_args, name),
#include "llvm/frame/kernel_args.def"
#undef HMLC_ARGS_FIELD
};

/* The runtime, compiled by a C compiler, must see the same places: this host's are those of all
 * targets with 64-bit pointers. */
static void arguments_lie_where_c_puts_them(const hmlc_target *target)
{
    hmlc_frame frame = {.context = LLVMContextCreate(), .target = target};
    hmlc_frame_init_types(&frame);
    LLVMTypeRef type = hmlc_kernel_args_type(&frame);
    LLVMTargetDataRef layout = LLVMCreateTargetData(target->data_layout);
    for (unsigned k = 0; k < HMLC_ARGS_COUNT && target->index_bits == 8 * sizeof(void *); k++) {
        assert_int_equal(LLVMOffsetOfElement(layout, type, k), host_offsets[k]);
    }
    assert_true(target->index_bits != 8 * sizeof(void *) ||
                LLVMABISizeOfType(layout, type) == sizeof(hml_kernel_args));
    LLVMDisposeTargetData(layout);
    LLVMContextDispose(frame.context);
}

static void arguments_agree_with_the_runtime(void **state)
{
    (void)state;
    each_target(arguments_lie_where_c_puts_them);
}

static int load_llvm(void **state)
{
    (void)state;
    return hmlc_llvm_load() == NULL ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(features_rise),
        cmocka_unit_test(bases_exist),
        cmocka_unit_test(aliases_name_rows),
        cmocka_unit_test(a_default_set_exists),
        cmocka_unit_test(llvm_knows_each_row),
        cmocka_unit_test(images_can_be_made),
        cmocka_unit_test(plans_are_sound),
        cmocka_unit_test(arguments_agree_with_the_runtime),
    };
    return cmocka_run_group_tests(tests, load_llvm, NULL);
}

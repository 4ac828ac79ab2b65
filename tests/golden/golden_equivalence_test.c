/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every module of every golden file computes the same before and after each pass of its RUN lines,
 * on random inputs at several values of its dims; kernels keep their contract, and the memory plan
 * holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "golden_file.h"
#include "kernel_contract.h"
#include "pass_oracle.h"
#include "plan_checker.h"

enum { ROUNDS = 4, MAX_PIPELINE = 256 };

typedef struct tally {
    uint32_t compared; /* pipelines of modules */
    uint32_t kernels;
    uint32_t plans;
} tally;

/*
 * Dims of a round: the smallest that are allowed, often 0; a few; different ones; more than a panel
 * is wide.
 */
static int64_t wanted_value(uint32_t round, uint32_t symbol)
{
    const int64_t values[ROUNDS] = {0, 3, 1 + (int64_t)symbol, 17};
    return values[round];
}

static int64_t fit(const hmlc_symbol *symbol, int64_t value)
{
    value = value > symbol->maximum ? symbol->maximum : value;
    value -= value % symbol->multiple;
    while (value < symbol->minimum) {
        value += symbol->multiple;
    }
    return value;
}

static const int64_t *choose_symbols(hmlc_module *module, uint32_t round, int64_t factor)
{
    uint32_t count = hmlc_symbol_count(module->dims);
    int64_t *values = HMLC_NEW_ARRAY(module->arena, int64_t, count + 1);
    assert_non_null(values);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = fit(hmlc_symbol_at(module->dims, i), factor * wanted_value(round, i));
    }
    return values;
}

static void fail_at(const golden_module *golden, const char *pipeline, const char *problem)
{
    fail_msg("%s:%u: --passes=%s: %s", golden->file, golden->line, pipeline, problem);
}

static void check_kernels(const golden_module *golden, const char *pipeline, hmlc_module *module,
                          tally *t)
{
    uint32_t kernels = kernel_count(module->main);
    const hmlc_op *offender = NULL;
    const char *broken = kernels > 0 ? kernel_contract_broken(module, &offender) : NULL;
    if (broken != NULL) {
        oracle_print_module(module);
        fail_at(golden, pipeline, broken);
    }
    t->kernels += kernels;
}

static void check_plan(const golden_module *golden, const char *pipeline, hmlc_module *module,
                       tally *t)
{
    if (module->main->argument_count == 0 ||
        module->main->arguments[0]->storage.kind == HMLC_STORAGE_NONE) {
        return;
    }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (int64_t factor = 1; factor < 40; factor = 3 * factor + 1) {
            plan_report report;
            plan_check(module, choose_symbols(module, round, factor), &report);
            if (report.problem[0] != '\0') {
                oracle_print_module(module);
                fail_at(golden, pipeline, report.problem);
            }
        }
    }
    t->plans++;
}

/* False where the module refuses these dims. */
static bool compare_round(const golden_module *golden, const char *pipeline, uint32_t round,
                          tally *t)
{
    hmlc_module *module = oracle_parse(golden->text);
    if (module == NULL) {
        fail_at(golden, pipeline, "does not parse");
        return false;
    }
    const oracle_run run = {
        .symbols = choose_symbols(module, round, 1), .seed = round + 1, .strict = true};
    oracle_verdict verdict = oracle_compare(module, pipeline, &run);
    if (verdict == ORACLE_CHANGED) {
        fail_at(golden, pipeline, "does not compute what it did");
    }
    if (verdict == ORACLE_SAME) {
        check_kernels(golden, pipeline, module, t);
        check_plan(golden, pipeline, module, t);
    }
    hmlc_module_destroy(module);
    return verdict == ORACLE_SAME;
}

static void compare_pipeline(const golden_module *golden, const char *pipeline, tally *t)
{
    uint32_t computed = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        computed += compare_round(golden, pipeline, round, t) ? 1 : 0;
    }
    if (computed == 0) {
        fail_at(golden, pipeline, "refuses all dims that were tried");
    }
    t->compared++;
}

/* What RUN lines without passes print, and what ends with another status, is for run.sh alone. */
static void compare_module(void *context, const golden_module *golden)
{
    static const char option[] = "--passes=";
    char line[1024];
    const char *cursor = golden->text;
    if (golden_next_line(&cursor, "# STATUS:", line, sizeof line)) {
        return;
    }
    while (golden_next_line(&cursor, "# RUN", line, sizeof line)) {
        const char *passes = strstr(line, option);
        char pipeline[MAX_PIPELINE] = "";
        if (passes != NULL) {
            passes += strlen(option);
            size_t length = strcspn(passes, " ");
            assert_true(length < sizeof pipeline);
            memcpy(pipeline, passes, length);
        }
        if (pipeline[0] != '\0') {
            compare_pipeline(golden, pipeline, context);
        }
    }
}

static void golden_modules(void **state)
{
    (void)state;
    tally t = {0};
    uint32_t modules = golden_visit_folder(TEST_GOLDEN, compare_module, &t);
    print_message("%u modules, %u pipelines compared, %u kernels, %u plans\n", modules, t.compared,
                  t.kernels, t.plans);
    assert_true(modules >= 150 && t.compared + 10 >= modules);
    assert_true(t.kernels >= 400 && t.plans >= 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden_modules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

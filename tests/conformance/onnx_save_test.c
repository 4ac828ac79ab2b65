/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every one-node case of the bundle, written as ONNX again: what is written must be imported, and
 * give the outputs of the graph that was written, from the same inputs, bit for bit. What opset 21
 * has no words for is refused; those cases are counted. `--write DIR` leaves the files there, for
 * another runtime to run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hmlc/frontend.h>
#include <hmlc/passes.h>
#include <hmlc/save.h>

#include "bundle.h"

typedef enum save_result { SAVE_EQUAL, SAVE_REFUSED, SAVE_WRONG, SAVE_RESULTS } save_result;

static const char *folder; /* of --write */

/* Importing, and the neutral passes, as `quantize` does. */
static hmlc_status import_clean(const void *data, size_t size, bool clean, hmlc_module *module)
{
    hmlc_pass_options options = {.pipeline = "clean"};
    hmlc_status status = hmlc_import_memory(data, size, NULL, module);
    return status == HMLC_OK && clean ? hmlc_run_passes(module, &options) : status;
}

static hmlc_status run(const bundle_case *tested, hmlc_module *module, hmlc_arena *arena,
                       hmlc_tensor *outputs)
{
    hmlc_tensor inputs[BUNDLE_MOST_TENSORS];
    for (uint32_t i = 0; i < tested->input_count; i++) {
        inputs[i] = tested->inputs[i].tensor;
    }
    return hmlc_interpret(module, inputs, tested->input_count, arena, outputs,
                          tested->output_count);
}

static bool same_bits(const hmlc_tensor *a, const hmlc_tensor *b)
{
    return a->dtype == b->dtype && a->rank == b->rank && a->bytes == b->bytes &&
           memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0 &&
           (a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0);
}

/* Functions that are written as their parts round after each. */
static bool is_equal(const hmlc_tensor *a, const hmlc_tensor *b, char *text, size_t size)
{
    tensor_tolerance tolerance = tensor_tolerance_of(b);
    return same_bits(a, b) || tensor_equal(a, b, &tolerance, text, size);
}

static void leave_file(const bundle_case *tested, const char *text, size_t size)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s.onnx", folder, tested->name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static save_result compare(const bundle_case *tested, hmlc_module *first, hmlc_module *second,
                           char *message, size_t size)
{
    hmlc_tensor wanted[BUNDLE_MOST_TENSORS], found[BUNDLE_MOST_TENSORS];
    hmlc_arena *arena = hmlc_arena_create(NULL);
    assert_non_null(arena);
    save_result result = SAVE_EQUAL;
    if (run(tested, first, arena, wanted) != HMLC_OK) {
        result = SAVE_REFUSED; /* a case of a failing run */
    } else if (run(tested, second, arena, found) != HMLC_OK) {
        (void)snprintf(message, size, "the written model does not run");
        result = SAVE_WRONG;
    }
    for (uint32_t i = 0; result == SAVE_EQUAL && i < tested->output_count; i++) {
        bool named = strcmp(first->output_names[i], second->output_names[i]) == 0;
        result = named && is_equal(&found[i], &wanted[i], message, size) ? SAVE_EQUAL : SAVE_WRONG;
    }
    hmlc_arena_destroy(arena);
    return result;
}

static save_result check(const bundle_case *tested, bool clean, char *message, size_t size)
{
    char *text = NULL;
    size_t bytes = 0;
    hmlc_module *first = hmlc_module_create(NULL), *second = hmlc_module_create(NULL);
    FILE *stream = open_memstream(&text, &bytes);
    hmlc_save_options options = {.producer_version = "1"};
    assert_non_null(first);
    assert_non_null(second);
    assert_non_null(stream);
    assert_int_equal(import_clean(tested->model, tested->model_size, clean, first), HMLC_OK);
    hmlc_status saved = hmlc_onnx_save(first, &options, stream);
    assert_int_equal(fclose(stream), 0);
    save_result result = SAVE_WRONG;
    if (saved != HMLC_OK) {
        const hmlc_diagnostic *d = hmlc_diagnostics_first(first->diagnostics);
        (void)snprintf(message, size, "%s", d != NULL ? d->message : "no diagnostic");
        result = saved == HMLC_REFUSED && d != NULL && bytes == 0 ? SAVE_REFUSED : SAVE_WRONG;
    } else if (import_clean(text, bytes, false, second) != HMLC_OK) {
        const hmlc_diagnostic *d = hmlc_diagnostics_first(second->diagnostics);
        (void)snprintf(message, size, "import: %s", d != NULL ? d->message : "no diagnostic");
    } else {
        result = compare(tested, first, second, message, size);
        if (folder != NULL) {
            leave_file(tested, text, bytes);
        }
    }
    hmlc_module_destroy(first);
    hmlc_module_destroy(second);
    free(text);
    return result;
}

static void check_cases(bool clean)
{
    static const char *const words[] = {"equal", "refused", "WRONG"};
    case_bundle bundle;
    bundle_case tested;
    uint32_t counts[SAVE_RESULTS] = {0};
    assert_true(bundle_open(HMLC_CONFORMANCE_CASES, &bundle));
    while (bundle_next(&bundle, &tested)) {
        char message[512] = "";
        save_result result = check(&tested, clean, message, sizeof message);
        counts[result]++;
        if (result == SAVE_WRONG || (result == SAVE_REFUSED && getenv("SAVE_VERBOSE") != NULL)) {
            print_message("%s %s: %s\n", words[result], tested.name, message);
        }
        bundle_case_free(&tested);
    }
    print_message("%u equal, %u refused, %u wrong\n", counts[SAVE_EQUAL], counts[SAVE_REFUSED],
                  counts[SAVE_WRONG]);
    assert_true(bundle_at_end(&bundle));
    bundle_close(&bundle);
    assert_int_equal(counts[SAVE_WRONG], 0);
    assert_true(counts[SAVE_EQUAL] > 7000);
}

static void graphs_as_imported_are_written(void **state)
{
    (void)state;
    check_cases(false);
}

static void graphs_behind_the_passes_are_written(void **state)
{
    (void)state;
    check_cases(true);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_as_imported_are_written),
        cmocka_unit_test(graphs_behind_the_passes_are_written),
    };
    folder = argc == 3 && strcmp(argv[1], "--write") == 0 ? argv[2] : NULL;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

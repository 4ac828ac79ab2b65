/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every one-operator case of tflite_cases.bin: imported, verified and run in the reference
 * interpreter, it must give the outputs of TFLite's reference kernels, integers bit by bit.
 * `--artifact N`: every Nth case compiled and run by the runtime instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <hmlc/frontend.h>

#include "bundle.h"
#include "case_artifact.h"

static uint32_t artifact_step; /* 0: the interpreter, and all cases */
static const char *cases = HMLC_TFLITE_CASES;

static tensor_tolerance tolerance_of(const hmlc_tensor *expected)
{
    tensor_tolerance tolerance = tensor_tolerance_of(expected);
    tolerance.relative = 1e-4;
    return tolerance;
}

static bool compute(const bundle_case *tested, hmlc_module *module, hmlc_arena *arena,
                    hmlc_tensor *outputs, char *message, size_t size)
{
    hmlc_tensor inputs[BUNDLE_MOST_TENSORS];
    char path[] = "/tmp/hmlc_tflite_XXXXXX";
    for (uint32_t i = 0; i < tested->input_count; i++) {
        inputs[i] = tested->inputs[i].tensor;
    }
    if (artifact_step == 0) {
        return hmlc_interpret(module, inputs, tested->input_count, arena, outputs,
                              tested->output_count) == HMLC_OK;
    }
    int file = mkstemp(path);
    assert_true(file >= 0);
    (void)close(file);
    artifact_result result = artifact_run(module, tested, path, arena, outputs, message, size);
    (void)remove(path);
    return result == ARTIFACT_RAN;
}

static bool check(const bundle_case *tested, char *message, size_t size)
{
    hmlc_tensor outputs[BUNDLE_MOST_TENSORS];
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_module *module = hmlc_module_create(NULL);
    assert_non_null(arena);
    assert_non_null(module);
    const hmlc_import_options options = {.tflite_rounding = "litert2.3"}; /* that made the cases */
    hmlc_status status = hmlc_import_memory(tested->model, tested->model_size, &options, module);
    status = status == HMLC_OK ? hmlc_verify(module, "import") : status;
    bool good = status == HMLC_OK;
    if (!good) {
        const hmlc_diagnostic *first = hmlc_diagnostics_first(module->diagnostics);
        (void)snprintf(message, size, "%s", first != NULL ? first->message : "no diagnostic");
    } else {
        (void)snprintf(message, size, "the run failed");
        good = compute(tested, module, arena, outputs, message, size);
    }
    for (uint32_t i = 0; good && i < tested->output_count; i++) {
        const hmlc_tensor *expected = &tested->outputs[i].tensor;
        tensor_tolerance tolerance = tolerance_of(expected);
        char difference[256];
        good = tensor_equal(&outputs[i], expected, &tolerance, difference, sizeof difference);
        if (!good) {
            (void)snprintf(message, size, "output %u %s", i, difference);
        }
    }
    hmlc_module_destroy(module);
    hmlc_arena_destroy(arena);
    return good;
}

static void cases_give_the_outputs_of_the_reference(void **state)
{
    (void)state;
    case_bundle bundle;
    bundle_case tested;
    uint32_t passed = 0, wrong = 0, number = 0;
    assert_true(bundle_open(cases, &bundle));
    for (; bundle_next(&bundle, &tested); number++) {
        if (artifact_step == 0 || number % artifact_step == 0) {
            char message[512] = "";
            bool good = check(&tested, message, sizeof message);
            passed += good ? 1 : 0;
            wrong += good ? 0 : 1;
            if (!good) {
                print_message("WRONG %s: %s\n", tested.name, message);
            }
        }
        bundle_case_free(&tested);
    }
    print_message("%u passed, %u wrong\n", passed, wrong);
    assert_true(bundle_at_end(&bundle));
    bundle_close(&bundle);
    assert_int_equal(wrong, 0);
    assert_true(number > 230);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_give_the_outputs_of_the_reference),
    };
    if (argc == 3 && strcmp(argv[1], "--artifact") == 0) {
        artifact_step = (uint32_t)strtoul(argv[2], NULL, 10);
    }
    bool other = argc == 3 && strcmp(argv[1], "--cases") == 0;
    cases = other ? argv[2] : cases;
    if (argc != 1 && artifact_step == 0 && !other) {
        (void)fprintf(stderr, "usage: %s [--artifact N | --cases FILE]\n", argv[0]);
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

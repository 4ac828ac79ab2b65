/* Every one-node case of the bundle: imported, verified and run in the reference interpreter, it
 * must give ONNX Runtime's outputs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <hmlc/frontend.h>

#include "bundle.h"

/* Floats: half precision rounds in other places than ours; f32 sums in another order. */
static tensor_tolerance tolerance_of(const hmlc_tensor *expected)
{
    tensor_tolerance tolerance = tensor_tolerance_of(expected);
    if (expected->dtype == HMLC_DTYPE_f16) {
        tolerance.relative = 4e-3;
        tolerance.absolute = 4e-3;
    } else {
        tolerance.relative = 1e-4;
    }
    return tolerance;
}

static bool compare(const bundle_case *tested, const hmlc_module *module,
                    const hmlc_tensor *outputs, char *message, size_t size)
{
    for (uint32_t i = 0; i < tested->output_count; i++) {
        const hmlc_tensor *expected = &tested->outputs[i].tensor;
        tensor_tolerance tolerance = tolerance_of(expected);
        char difference[256];
        if (strcmp(module->output_names[i], tested->outputs[i].name) != 0) {
            (void)snprintf(message, size, "output %u is called '%s'", i, module->output_names[i]);
            return false;
        }
        if (!tensor_equal(&outputs[i], expected, &tolerance, difference, sizeof difference)) {
            (void)snprintf(message, size, "output %u %s", i, difference);
            return false;
        }
    }
    return true;
}

static bool run(const bundle_case *tested, hmlc_module *module, char *message, size_t size)
{
    hmlc_tensor inputs[BUNDLE_MOST_TENSORS], outputs[BUNDLE_MOST_TENSORS];
    for (uint32_t i = 0; i < tested->input_count; i++) {
        inputs[i] = tested->inputs[i].tensor;
    }
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_status status =
        hmlc_interpret(module, inputs, tested->input_count, arena, outputs, tested->output_count);
    bool good = status == HMLC_OK && compare(tested, module, outputs, message, size);
    if (status != HMLC_OK) {
        (void)snprintf(message, size, "the run ended with status %d", (int)status);
    }
    hmlc_arena_destroy(arena);
    return good;
}

static void first_diagnostic(const hmlc_module *module, char *message, size_t size)
{
    const hmlc_diagnostic *first = hmlc_diagnostics_first(module->diagnostics);
    (void)snprintf(message, size, "%s", first != NULL ? first->message : "no diagnostic");
}

typedef struct case_tally {
    uint32_t passed, wrong, refused;
} case_tally;

static void check(const bundle_case *tested, case_tally *tally)
{
    char message[512] = "";
    hmlc_module *module = hmlc_module_create(NULL);
    assert_non_null(module);
    hmlc_status status = hmlc_import_memory(tested->model, tested->model_size, NULL, module);
    if (status == HMLC_OK) {
        status = hmlc_verify(module, "import");
    }
    if (status != HMLC_OK) {
        first_diagnostic(module, message, sizeof message);
        print_message("refused %s: %s\n", tested->name, message);
        tally->refused++;
    } else if (run(tested, module, message, sizeof message)) {
        tally->passed++;
    } else {
        print_message("WRONG %s: %s\n", tested->name, message);
        tally->wrong++;
    }
    hmlc_module_destroy(module);
}

static void every_case_gives_the_expected_outputs(void **state)
{
    (void)state;
    case_bundle bundle;
    bundle_case tested;
    case_tally tally = {0};
    assert_true(bundle_open(HMLC_CONFORMANCE_CASES, &bundle));
    while (bundle_next(&bundle, &tested)) {
        check(&tested, &tally);
        bundle_case_free(&tested);
    }
    print_message("%u passed, %u wrong, %u refused\n", tally.passed, tally.wrong, tally.refused);
    assert_true(bundle_at_end(&bundle));
    bundle_close(&bundle);
    assert_int_equal(tally.wrong, 0);
    assert_int_equal(tally.refused, 0);
    assert_true(tally.passed > 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_gives_the_expected_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "case_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hmlc/frontend.h>

#include "case_artifact.h"

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

static case_result interpret(const bundle_case *tested, hmlc_module *module, hmlc_arena *arena,
                             hmlc_tensor *outputs, char *message, size_t size)
{
    hmlc_tensor inputs[BUNDLE_MOST_TENSORS];
    for (uint32_t i = 0; i < tested->input_count; i++) {
        inputs[i] = tested->inputs[i].tensor;
    }
    hmlc_status status =
        hmlc_interpret(module, inputs, tested->input_count, arena, outputs, tested->output_count);
    if (status != HMLC_OK) {
        (void)snprintf(message, size, "the run ended with status %d", (int)status);
    }
    return status == HMLC_OK ? CASE_PASSED : CASE_WRONG;
}

static case_result compile_and_run(const bundle_case *tested, hmlc_module *module,
                                   hmlc_arena *arena, hmlc_tensor *outputs, char *message,
                                   size_t size)
{
    static const case_result results[] = {CASE_PASSED, CASE_REFUSED, CASE_WRONG};
    char path[] = "/tmp/hmlc_conformance_XXXXXX";
    int file = mkstemp(path);
    if (file < 0) {
        return CASE_WRONG;
    }
    (void)close(file);
    artifact_result result = artifact_run(module, tested, path, arena, outputs, message, size);
    (void)remove(path);
    return results[result];
}

case_result case_check(const bundle_case *tested, bool artifact, char *message, size_t size)
{
    hmlc_tensor outputs[BUNDLE_MOST_TENSORS];
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_module *module = hmlc_module_create(NULL);
    if (arena == NULL || module == NULL) {
        return CASE_WRONG;
    }
    hmlc_status status = hmlc_import_memory(tested->model, tested->model_size, NULL, module);
    if (status == HMLC_OK) {
        status = hmlc_verify(module, "import");
    }
    case_result result = CASE_WRONG; /* what cannot even be imported */
    if (status != HMLC_OK) {
        const hmlc_diagnostic *first = hmlc_diagnostics_first(module->diagnostics);
        (void)snprintf(message, size, "%s", first != NULL ? first->message : "no diagnostic");
    } else if (artifact) {
        result = compile_and_run(tested, module, arena, outputs, message, size);
    } else {
        result = interpret(tested, module, arena, outputs, message, size);
    }
    if (result == CASE_PASSED && !compare(tested, module, outputs, message, size)) {
        result = CASE_WRONG;
    }
    hmlc_module_destroy(module);
    hmlc_arena_destroy(arena);
    return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models that keep states, step by step: stream_cases.bin (made by stream_cases.py) holds a model,
 * for each input the tensors of all steps behind each other, and for each output what TensorFlow
 * gives. Each step must give it: in the reference interpreter and in the compiled artifact, in two
 * sessions that take turns and do not meet, and once more behind a reset. Integers bit by bit.
 *
 *     stream_test [--cases FILE]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <hml/hml.h>
#include <hmlc/frontend.h>

#include "bundle.h"
#include "case_artifact.h"

static const char *cases = HMLC_STREAM_CASES;

/* The tensor of one step. */
static hmlc_tensor at_step(const hmlc_tensor *all, int64_t step)
{
    hmlc_tensor one = {
        .dtype = all->dtype, .rank = all->rank - 1, .bytes = all->bytes / (size_t)all->dims[0]};
    memcpy(one.dims, all->dims + 1, (size_t)one.rank * sizeof one.dims[0]);
    one.data = (const char *)all->data + (size_t)step * one.bytes;
    return one;
}

static int64_t steps_of(const bundle_case *tested)
{
    return tested->outputs[0].tensor.dims[0];
}

/* Fails the test where a step's outputs are not those of the case. */
static void compare(const bundle_case *tested, int64_t step, const hmlc_tensor *outputs,
                    const char *way)
{
    for (uint32_t i = 0; i < tested->output_count; i++) {
        hmlc_tensor expected = at_step(&tested->outputs[i].tensor, step);
        tensor_tolerance tolerance = tensor_tolerance_of(&tested->outputs[i].tensor);
        char difference[256];
        tolerance.relative = 1e-4;
        if (!tensor_equal(&outputs[i], &expected, &tolerance, difference, sizeof difference)) {
            fail_msg("%s, %s, step %lld: output %u %s", tested->name, way, (long long)step, i,
                     difference);
        }
    }
}

static hmlc_module *import(const bundle_case *tested)
{
    hmlc_module *module = hmlc_module_create(NULL);
    assert_non_null(module);
    hmlc_status status = hmlc_import_memory(tested->model, tested->model_size, NULL, module);
    status = status == HMLC_OK ? hmlc_verify(module, "import") : status;
    if (status != HMLC_OK) {
        const hmlc_diagnostic *first = hmlc_diagnostics_first(module->diagnostics);
        fail_msg("%s: %s", tested->name, first != NULL ? first->message : "no diagnostic");
    }
    assert_true(module->state_count > 0);
    return module;
}

/* States are handed on as what they are to the interpreter: inputs and outputs. */
static void interpret(const bundle_case *tested)
{
    hmlc_module *module = import(tested);
    hmlc_arena *arenas[2] = {hmlc_arena_create(NULL), hmlc_arena_create(NULL)};
    uint32_t inputs = tested->input_count, outputs = tested->output_count;
    hmlc_tensor given[2 * BUNDLE_MOST_TENSORS], found[2 * BUNDLE_MOST_TENSORS];
    assert_int_equal(hmlc_module_input_count(module), inputs);
    assert_int_equal(hmlc_module_output_count(module), outputs);
    assert_true(inputs + module->state_count <= sizeof given / sizeof given[0]);
    for (int64_t step = 0; step < steps_of(tested); step++) {
        uint32_t count = inputs + (step > 0 ? module->state_count : 0);
        for (uint32_t i = 0; i < inputs; i++) {
            given[i] = at_step(&tested->inputs[i].tensor, step);
        }
        for (uint32_t i = 0; step > 0 && i < module->state_count; i++) {
            given[inputs + i] = found[outputs + i];
        }
        hmlc_arena *arena = arenas[step % 2]; /* the other holds the states of the step before */
        assert_int_equal(
            hmlc_interpret(module, given, count, arena, found, outputs + module->state_count),
            HMLC_OK);
        compare(tested, step, found, "interpreted");
        hmlc_arena_destroy(arenas[(step + 1) % 2]);
        arenas[(step + 1) % 2] = hmlc_arena_create(NULL);
    }
    hmlc_arena_destroy(arenas[0]);
    hmlc_arena_destroy(arenas[1]);
    hmlc_module_destroy(module);
}

static size_t allocations;

static void *allocate(void *context, size_t bytes, size_t alignment)
{
    (void)context;
    allocations++;
    return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

static void release(void *context, void *memory, size_t bytes)
{
    (void)context;
    (void)bytes;
    free(memory);
}

/* One step in a session; no step but the first allocates in the runtime. */
static void run_step(hml_session *session, const bundle_case *tested, int64_t step, bool first,
                     const char *way)
{
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_tensor found[BUNDLE_MOST_TENSORS];
    for (uint32_t i = 0; i < tested->input_count; i++) {
        hmlc_tensor one = at_step(&tested->inputs[i].tensor, step);
        assert_int_equal(artifact_bind(session, i, &one, arena), HML_OK);
    }
    size_t before = allocations;
    if (hml_run(session) != HML_OK) {
        fail_msg("%s: %s", tested->name, hml_session_error(session));
    }
    assert_true(first || allocations == before);
    for (uint32_t i = 0; i < tested->output_count; i++) {
        assert_true(artifact_take(session, i, arena, &found[i]));
    }
    compare(tested, step, found, way);
    hmlc_arena_destroy(arena);
}

static void run_sessions(const bundle_case *tested, hml_model *model)
{
    hml_session *sessions[2] = {NULL, NULL};
    int64_t steps = steps_of(tested);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(hml_session_create(model, NULL, &sessions[i]), HML_OK);
    }
    /* The second is half of the steps behind, so that it would show what the first one keeps. */
    for (int64_t step = 0; step < steps; step++) {
        run_step(sessions[0], tested, step, step == 0, "first session");
        if (step % 2 == 0) {
            run_step(sessions[1], tested, step / 2, step == 0, "second session");
        }
    }
    assert_int_equal(hml_bind_input(sessions[0], HML_ALL_STATES, NULL), HML_OK);
    for (int64_t step = 0; step < steps && step < 3; step++) {
        run_step(sessions[0], tested, step, false, "behind a reset");
    }
    hml_session_destroy(sessions[0]);
    hml_session_destroy(sessions[1]);
}

static void compile_and_run(const bundle_case *tested)
{
    const hml_allocator allocator = {
        .struct_bytes = sizeof allocator, .allocate = allocate, .release = release};
    const hml_open_options options = {.struct_bytes = sizeof options, .allocator = &allocator};
    hmlc_module *module = import(tested);
    uint32_t states = module->state_count;
    char path[] = "/tmp/hmlc_stream_XXXXXX", message[512] = "";
    hml_model *model = NULL;
    hml_model_info info = {.struct_bytes = sizeof info};
    int file = mkstemp(path);
    assert_true(file >= 0);
    (void)close(file);
    if (artifact_compile(module, path, message, sizeof message) != HMLC_OK) {
        fail_msg("%s: %s", tested->name, message);
    }
    assert_int_equal(hml_model_open(path, &options, &model), HML_OK);
    (void)remove(path);
    assert_int_equal(hml_model_describe(model, &info), HML_OK);
    assert_int_equal(info.state_count, states);
    run_sessions(tested, model);
    hml_model_release(model);
    hmlc_module_destroy(module);
}

static void for_each_case(void (*check)(const bundle_case *))
{
    case_bundle bundle;
    bundle_case tested;
    uint32_t count = 0;
    assert_true(bundle_open(cases, &bundle));
    for (; bundle_next(&bundle, &tested); count++) {
        check(&tested);
        bundle_case_free(&tested);
    }
    assert_true(bundle_at_end(&bundle));
    bundle_close(&bundle);
    assert_true(count > 0);
    print_message("%u streams\n", count);
}

static void interpreted_steps_equal_tensorflows(void **state)
{
    (void)state;
    for_each_case(interpret);
}

static void compiled_steps_equal_tensorflows(void **state)
{
    (void)state;
    for_each_case(compile_and_run);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interpreted_steps_equal_tensorflows),
        cmocka_unit_test(compiled_steps_equal_tensorflows),
    };
    cases = argc == 3 && strcmp(argv[1], "--cases") == 0 ? argv[2] : cases;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Dims that must be equal for one path of an `if` alone: asked for when that path is taken. */
#include "runtime_test.h"

#include "hostile_models.h"

enum { X, Y, Z, FLAG, P, Q, CHOSEN = 0, SUMS = 1, MOST = 8 };

typedef struct fixture {
    uint8_t *data;
    hml_model *model;
    hml_session *session;
    float values[MOST * MOST];
    uint8_t flag;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    size_t bytes = 0;
    f = (fixture){.data = hostile_artifact(HOSTILE_BRANCHES, &bytes)};
    *state = &f;
    for (int k = 0; k < MOST * MOST; k++) {
        f.values[k] = 1.0F;
    }
    return f.data != NULL && hml_model_open_memory(f.data, bytes, NULL, &f.model) == HML_OK &&
                   hml_session_create(f.model, NULL, &f.session) == HML_OK
               ? 0
               : 1;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    hml_session_destroy(f->session);
    hml_model_release(f->model);
    free(f->data);
    return 0;
}

static hml_status run(fixture *f, uint8_t flag, int64_t batch, int64_t n)
{
    f->flag = flag;
    const hml_tensor tensors[] = {[X] = f32_matrix(f->values, 2, batch),
                                  [Y] = f32_matrix(f->values, n, 3),
                                  [Z] = f32_matrix(f->values, 2, 3),
                                  [FLAG] = {.data = &f->flag, .bytes = 1, .dtype = HML_BOOL},
                                  [P] = f32_matrix(f->values, batch, 1),
                                  [Q] = f32_matrix(f->values, 1, n)};
    for (uint32_t k = 0; k < sizeof tensors / sizeof tensors[0]; k++) {
        assert_ok(hml_bind_input(f->session, k, &tensors[k]), f->session);
    }
    return hml_run(f->session);
}

static void assert_output(fixture *f, uint32_t index, int64_t count, float value)
{
    hml_tensor output;
    assert_int_equal(hml_session_output(f->session, index, &output), HML_OK);
    assert_int_equal(output.bytes, (size_t)count * sizeof value);
    for (int64_t k = 0; k < count; k++) {
        assert_float_equal(((const float *)output.data)[k], value, 0);
    }
}

static void the_other_path_runs_with_any_dims(void **state)
{
    fixture *f = *state;
    assert_ok(run(f, 0, 4, 5), f->session);
    assert_output(f, CHOSEN, 6, -1.0F);
    assert_output(f, SUMS, 20, 2.0F);
}

static void the_path_that_needs_it_is_refused(void **state)
{
    fixture *f = *state;
    hml_status status = run(f, 1, 4, 5);
    assert_int_equal(status, HML_ERROR_dims_unequal);
    assert_int_equal(hml_status_describe(status)->exit_class, 2);
    assert_error_names(f->session, "MatMul");
    assert_error_names(f->session, "4 and 5");
}

static void the_path_that_needs_it_runs_with_equal_dims(void **state)
{
    fixture *f = *state;
    assert_ok(run(f, 1, 4, 4), f->session);
    assert_output(f, CHOSEN, 6, 4.0F);
    assert_ok(run(f, 0, 4, 3), f->session); /* prepared anew, other path */
    assert_int_equal(run(f, 1, 4, 3), HML_ERROR_dims_unequal);
    assert_ok(run(f, 1, 3, 3), f->session);
    assert_output(f, CHOSEN, 6, 3.0F);
}

/* The check is a step of its own within the path. */
static void the_program_has_the_check(void **state)
{
    fixture *f = *state;
    hml_model_info info = {.struct_bytes = sizeof info};
    assert_int_equal(hml_model_describe(f->model, &info), HML_OK);
    uint32_t checks = 0, branch = UINT32_MAX;
    for (uint32_t k = 0; k < info.step_count; k++) {
        hml_step_info step = {.struct_bytes = sizeof step};
        assert_int_equal(hml_model_step(f->model, k, &step), HML_OK);
        branch = strcmp(step.kind, "branch") == 0 ? k : branch;
        if (strcmp(step.kind, "check") == 0) {
            assert_true(branch != UINT32_MAX && k > branch);
            checks++;
        }
    }
    assert_int_equal(checks, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_other_path_runs_with_any_dims),
        cmocka_unit_test(the_path_that_needs_it_is_refused),
        cmocka_unit_test(the_path_that_needs_it_runs_with_equal_dims),
        cmocka_unit_test(the_program_has_the_check),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

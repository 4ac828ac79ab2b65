/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: shapes, bindings, memory, errors that name what is wrong. */
#include "runtime_test.h"

typedef struct bench {
    hml_model *model;
    hml_session *session;
    uint8_t *data;
} bench;

static bench open_bench(void (*build)(artifact_builder *), const hml_session_options *options)
{
    bench opened = {0};
    artifact_builder b;
    build(&b);
    opened.model = open_built(&b, &opened.data);
    assert_int_equal(hml_session_create(opened.model, options, &opened.session), HML_OK);
    return opened;
}

static void close_bench(bench *opened)
{
    hml_session_destroy(opened->session);
    hml_model_release(opened->model);
    free(opened->data);
}

static hml_tensor output_of(const hml_session *session, uint32_t index)
{
    hml_tensor tensor = {0};
    assert_int_equal(hml_session_output(session, index, &tensor), HML_OK);
    return tensor;
}

static void bind_sum(hml_session *session, float *x, float *y, int64_t rows)
{
    hml_tensor tx = f32_matrix(x, rows, 4), ty = f32_matrix(y, rows, 4);
    for (int64_t i = 0; i < rows * 4; i++) {
        x[i] = (float)i;
        y[i] = 0.5F;
    }
    assert_ok(hml_bind_input(session, 0, &tx), session);
    assert_ok(hml_bind_input(session, 1, &ty), session);
}

static void assert_sum(const hml_session *session, int64_t rows)
{
    hml_tensor z = output_of(session, 0);
    assert_int_equal(z.dims[0], rows);
    assert_int_equal(z.dims[1], 4);
    assert_int_equal(z.bytes, rows * 16);
    for (int64_t i = 0; i < rows * 4; i++) {
        assert_true(((const float *)z.data)[i] == 2 * ((float)i + 0.5F));
    }
}

/* -- Running ----------------------------------------------------------------------------------- */

static void shapes_may_change_between_runs(void **state)
{
    (void)state;
    bench b = open_bench(build_sum, NULL);
    float x[256], y[256];
    static const int64_t rows[] = {3, 64, 1, 1, 17};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bind_sum(b.session, x, y, rows[i]);
        assert_ok(hml_run(b.session), b.session);
        assert_sum(b.session, rows[i]);
        x[0] = 100; /* contents may change without a new binding */
        assert_ok(hml_run(b.session), b.session);
        assert_true(*(const float *)output_of(b.session, 0).data == 201.0F);
    }
    close_bench(&b);
}

static void inputs_need_no_more_than_element_alignment(void **state)
{
    (void)state;
    bench b = open_bench(build_sum, NULL);
    _Alignas(64) float x[260], y[260];
    bind_sum(b.session, x + 1, y + 3, 64);
    assert_ok(hml_run(b.session), b.session);
    assert_sum(b.session, 64);
    close_bench(&b);
}

static void outputs_can_be_bound(void **state)
{
    (void)state;
    bench b = open_bench(build_sum, NULL);
    float x[8], y[8], z[9];
    bind_sum(b.session, x, y, 2);
    z[8] = -1;
    assert_ok(hml_bind_output(b.session, 0, z, sizeof z - sizeof z[0]), b.session);
    assert_ok(hml_run(b.session), b.session);
    assert_ptr_equal(output_of(b.session, 0).data, z);
    assert_sum(b.session, 2);
    assert_true(z[8] == -1);
    assert_ok(hml_bind_output(b.session, 0, z, 31), b.session);
    assert_int_equal(hml_run(b.session), HML_ERROR_output_bytes);
    assert_error_names(b.session, "output 'z' needs 32 bytes, 31 are bound");
    assert_ok(hml_bind_output(b.session, 0, NULL, 0), b.session);
    assert_ok(hml_run(b.session), b.session);
    assert_ptr_not_equal(output_of(b.session, 0).data, z);
    assert_sum(b.session, 2);
    float other[8]; /* two buffers by turns */
    for (int turn = 0; turn < 4; turn++) {
        float *bound = turn % 2 == 0 ? z : other;
        memset(bound, 0, sizeof other);
        assert_ok(hml_bind_output(b.session, 0, bound, sizeof other), b.session);
        assert_ok(hml_run(b.session), b.session);
        assert_ptr_equal(output_of(b.session, 0).data, bound);
        assert_sum(b.session, 2);
    }
    assert_int_equal(hml_bind_output(b.session, 0, (char *)z + 1, 32), HML_ERROR_misaligned);
    assert_int_equal(hml_bind_output(b.session, 1, z, 32), HML_ERROR_bad_argument);
    close_bench(&b);
}

static void shapes_are_known_before_the_first_run(void **state)
{
    (void)state;
    bench b = open_bench(build_sum, NULL);
    float x[20], y[20];
    hml_tensor z;
    assert_int_equal(hml_session_output(b.session, 0, &z), HML_ERROR_bad_argument);
    assert_int_equal(hml_session_prepare(b.session), HML_ERROR_input_missing);
    bind_sum(b.session, x, y, 5);
    assert_ok(hml_session_prepare(b.session), b.session);
    z = output_of(b.session, 0);
    assert_int_equal(z.dims[0], 5);
    assert_non_null(z.data);
    close_bench(&b);
}

static void weights_are_read_from_the_file(void **state)
{
    (void)state;
    bench b = open_bench(build_biased, NULL);
    float x[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    hml_tensor tx = f32_tensor(x, 8);
    assert_ok(hml_bind_input(b.session, 0, &tx), b.session);
    assert_ok(hml_run(b.session), b.session);
    for (int i = 0; i < 8; i++) {
        assert_true(((const float *)output_of(b.session, 0).data)[i] == 1 + (float)i);
    }
    close_bench(&b);
}

static void sizes_known_only_while_running(void **state)
{
    (void)state;
    bench b = open_bench(build_positions, NULL);
    float x[40];
    static const int64_t counts[] = {3, 0, 16, 5};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        for (int k = 0; k < 40; k++) {
            x[k] = k % 2 == 1 && k / 2 < counts[i] ? 1.0F : 0.0F;
        }
        hml_tensor tx = f32_tensor(x, 40);
        assert_ok(hml_bind_input(b.session, 0, &tx), b.session);
        assert_ok(hml_session_prepare(b.session), b.session);
        assert_int_equal(output_of(b.session, 0).dims[0], -1); /* not those of the run before */
        assert_ok(hml_run(b.session), b.session);
        hml_tensor p = output_of(b.session, 0);
        assert_int_equal(p.dims[0], counts[i]);
        for (int64_t k = 0; k < counts[i]; k++) {
            assert_int_equal(((const int64_t *)p.data)[k], 2 * k + 1);
        }
        assert_int_equal(*(const int64_t *)output_of(b.session, 1).data, counts[i]);
    }
    for (int k = 0; k < 40; k++) {
        x[k] = 1;
    }
    assert_int_equal(hml_run(b.session), HML_ERROR_dim_range);
    assert_error_names(b.session, "'k' is 40; allowed is 0..16");
    int64_t few[2];
    x[0] = x[1] = x[2] = 1;
    memset(x + 3, 0, 37 * sizeof x[0]);
    assert_ok(hml_bind_output(b.session, 0, few, sizeof few), b.session);
    assert_int_equal(hml_run(b.session), HML_ERROR_output_bytes);
    close_bench(&b);
}

static void branches_follow_the_data(void **state)
{
    (void)state;
    bench b = open_bench(build_branch, NULL);
    float x[3] = {1, 2, 3};
    hml_tensor tx = f32_tensor(x, 3);
    assert_ok(hml_bind_input(b.session, 0, &tx), b.session);
    for (int round = 0; round < 4; round++) {
        x[0] = round % 2 == 0 ? 1.0F : -1.0F;
        assert_ok(hml_run(b.session), b.session);
        const float *z = output_of(b.session, 0).data;
        assert_true(z[1] == (round % 2 == 0 ? 4.0F : 6.0F));
    }
    close_bench(&b);
}

/* A loop that never ends is stopped. */
static void loops_repeat_and_are_stopped(void **state)
{
    (void)state;
    bench b = open_bench(build_repeat, NULL);
    float x[2] = {4, 1}, y[2] = {-1, 0};
    hml_tensor tx = f32_tensor(x, 2), ty = f32_tensor(y, 2);
    assert_ok(hml_bind_input(b.session, 0, &tx), b.session);
    assert_ok(hml_bind_input(b.session, 1, &ty), b.session);
    assert_ok(hml_run(b.session), b.session);
    assert_true(((const float *)output_of(b.session, 0).data)[0] == 3.0F);
    y[0] = 0;
    assert_ok(hml_session_stop(b.session, 20000000), b.session);
    assert_int_equal(hml_run(b.session), HML_ERROR_stopped);
    y[0] = -3;
    assert_ok(hml_run(b.session), b.session);
    assert_true(((const float *)output_of(b.session, 0).data)[0] == -1.0F);
    close_bench(&b);
}

static void empty_tensors_run(void **state)
{
    (void)state;
    bench b = open_bench(build_positions, NULL);
    hml_tensor none = f32_tensor(NULL, 0);
    assert_ok(hml_bind_input(b.session, 0, &none), b.session);
    assert_ok(hml_run(b.session), b.session);
    assert_int_equal(output_of(b.session, 0).dims[0], 0);
    assert_int_equal(*(const int64_t *)output_of(b.session, 1).data, 0);
    close_bench(&b);
}

/* -- Errors ------------------------------------------------------------------------------------ */

static void wrong_inputs_are_named(void **state)
{
    (void)state;
    bench b = open_bench(build_sum, NULL);
    float x[300] = {0};
    hml_tensor good = f32_matrix(x, 2, 4), wrong = good;
    assert_ok(hml_bind_input(b.session, 0, &good), b.session);
    assert_int_equal(hml_run(b.session), HML_ERROR_input_missing);
    assert_error_names(b.session, "input 'y'");

    wrong.dtype = HML_F64;
    assert_int_equal(hml_bind_input(b.session, 1, &wrong), HML_ERROR_input_type);
    assert_error_names(b.session, "input 'y' is f64, the model wants f32");
    wrong = good;
    wrong.rank = 1;
    assert_int_equal(hml_bind_input(b.session, 1, &wrong), HML_ERROR_input_rank);
    wrong = good;
    wrong.bytes = 31;
    assert_int_equal(hml_bind_input(b.session, 1, &wrong), HML_ERROR_input_bytes);
    wrong = good;
    wrong.data = (char *)x + 2;
    assert_int_equal(hml_bind_input(b.session, 1, &wrong), HML_ERROR_misaligned);
    wrong = good;
    wrong.dims[0] = -1;
    assert_int_equal(hml_bind_input(b.session, 1, &wrong), HML_ERROR_input_dim);
    wrong.dims[0] = wrong.dims[1] = INT64_C(1) << 40;
    assert_int_equal(hml_bind_input(b.session, 1, &wrong), HML_ERROR_input_dim);
    assert_int_equal(hml_bind_input(b.session, 2, &good), HML_ERROR_bad_argument);

    wrong = f32_matrix(x, 2, 5);
    assert_ok(hml_bind_input(b.session, 1, &wrong), b.session);
    assert_int_equal(hml_run(b.session), HML_ERROR_input_dim);
    assert_error_names(b.session, "dim 1 of input 'y' is 5");
    wrong = f32_matrix(x, 3, 4);
    assert_ok(hml_bind_input(b.session, 1, &wrong), b.session);
    assert_int_equal(hml_run(b.session), HML_ERROR_input_dim);
    assert_error_names(b.session, "dim 0 of input 'y' is 3; 'n' is 2 here");

    good = f32_matrix(x, 65, 4);
    assert_ok(hml_bind_input(b.session, 0, &good), b.session);
    assert_ok(hml_bind_input(b.session, 1, &good), b.session);
    assert_int_equal(hml_run(b.session), HML_ERROR_dim_range);
    assert_error_names(b.session, "'n' is 65; the model was compiled for 1..64");
    bind_sum(b.session, x, x + 150, 2);
    assert_ok(hml_run(b.session), b.session);
    assert_string_equal(hml_session_error(b.session), "");
    close_bench(&b);
}

static void unequal_dims_name_their_node(void **state)
{
    (void)state;
    bench b = open_bench(build_biased, NULL);
    float x[9] = {0};
    hml_tensor tx = f32_tensor(x, 9);
    assert_ok(hml_bind_input(b.session, 0, &tx), b.session);
    assert_int_equal(hml_run(b.session), HML_ERROR_dims_unequal);
    assert_error_names(b.session, "9 and 8 must be equal for biased.onnx: node 'bias' (Add)");
    close_bench(&b);
}

static void kernel_errors_name_their_node(void **state)
{
    (void)state;
    bench b = open_bench(build_gather, NULL);
    float table[3] = {1, 2, 3};
    int64_t index[8] = {0, 1, 2, 2, 1, 0, 7, 9};
    hml_tensor first = f32_tensor(table, 3);
    hml_tensor second = {
        .data = index, .bytes = sizeof index, .dtype = HML_I64, .rank = 1, .dims = {8}};
    assert_ok(hml_bind_input(b.session, 0, &first), b.session);
    assert_ok(hml_bind_input(b.session, 1, &second), b.session);
    assert_int_equal(hml_run(b.session), HML_ERROR_index_range);
    assert_error_names(b.session, "index 7, limit 3 in g.onnx: node 'g' (Gather)");
    index[6] = index[7] = 1;
    assert_ok(hml_run(b.session), b.session);
    second.dims[0] = 7;
    assert_ok(hml_bind_input(b.session, 1, &second), b.session);
    assert_int_equal(hml_run(b.session), HML_ERROR_dim_range);
    assert_error_names(b.session, "at least 8 in steps of 8");
    close_bench(&b);
}

/* A program whose arena is smaller than what its kernels need is refused by the kernel itself. */
static void kernels_refuse_what_does_not_fit(void **state)
{
    (void)state;
    artifact_builder b;
    uint8_t *data;
    build_sum(&b);
    b.dims[1].value = 3; /* "4": the last dim, and bytes per element */
    hml_model *model = open_built(&b, &data);
    hml_session *session = NULL;
    assert_int_equal(hml_session_create(model, NULL, &session), HML_OK);
    float x[12], y[12];
    hml_tensor tx = f32_matrix(x, 2, 3);
    memset(x, 0, sizeof x);
    memset(y, 0, sizeof y);
    assert_ok(hml_bind_input(session, 0, &tx), session);
    tx.data = y;
    assert_ok(hml_bind_input(session, 1, &tx), session);
    assert_int_equal(hml_run(session), HML_ERROR_kernel_bounds);
    assert_error_names(session, "operand 2 in sum.onnx: node 'first' (Add)");
    hml_session_destroy(session);
    hml_model_release(model);
    free(data);
}

/* -- The caller's memory ----------------------------------------------------------------------- */

static void sessions_live_in_the_callers_memory(void **state)
{
    (void)state;
    artifact_builder b;
    uint8_t *data;
    build_sum(&b);
    hml_model *model = open_built(&b, &data);
    const hml_dim dims[] = {{"n", 8}};
    hml_session_options options = {
        .struct_bytes = sizeof options, .dims = dims, .dim_count = 1, .fixed = 1};
    size_t bytes = 0, largest = 0;
    assert_int_equal(hml_session_size(model, &options, &bytes), HML_OK);
    assert_int_equal(bytes % 64, 0);
    assert_int_equal(hml_session_size(model, NULL, &largest), HML_OK);
    assert_true(largest > bytes); /* without dims: for n = 64, its bound */
    uint8_t *memory = aligned_alloc(64, bytes);
    hml_session *session = NULL;
    char message[256];
    options.message = message;
    options.message_bytes = sizeof message;
    options.memory = memory + 8;
    options.memory_bytes = bytes;
    assert_int_equal(hml_session_create(model, &options, &session), HML_ERROR_misaligned);
    options.memory = memory;
    options.memory_bytes = bytes - 64;
    assert_int_equal(hml_session_create(model, &options, &session), HML_ERROR_session_memory);
    assert_non_null(strstr(message, "needed"));
    options.memory_bytes = bytes;
    assert_int_equal(hml_session_create(model, &options, &session), HML_OK);
    float x[256], y[256], z[256];
    bind_sum(session, x, y, 8);
    assert_ok(hml_bind_output(session, 0, z, sizeof z), session);
    assert_ok(hml_run(session), session);
    assert_sum(session, 8);
    bind_sum(session, x, y, 9);
    assert_int_equal(hml_run(session), HML_ERROR_session_memory);
    assert_error_names(session, "the arena needs 144 bytes, 128 are reserved");
    bind_sum(session, x, y, 2);
    assert_ok(hml_run(session), session);
    hml_session_destroy(session);
    free(memory);
    const hml_dim unknown[] = {{"seq", 8}};
    options.dims = unknown;
    assert_int_equal(hml_session_size(model, &options, &bytes), HML_ERROR_symbol_unknown);
    hml_model_release(model);
    free(data);
}

static void a_session_outlives_the_models_owner(void **state)
{
    (void)state;
    bench b = open_bench(build_sum, NULL);
    float x[4], y[4];
    assert_ptr_equal(hml_model_retain(b.model), b.model);
    hml_model_release(b.model);
    hml_model_release(b.model);
    b.model = NULL;
    bind_sum(b.session, x, y, 1);
    assert_ok(hml_run(b.session), b.session);
    assert_sum(b.session, 1);
    close_bench(&b);
}

static void profiles_count_steps(void **state)
{
    (void)state;
    bench b = open_bench(build_sum, NULL);
    float x[16], y[16];
    hml_step_profile profile[2] = {0};
    bind_sum(b.session, x, y, 4);
    assert_int_equal(hml_session_profile(b.session, profile, 3), HML_ERROR_bad_argument);
    assert_ok(hml_session_profile(b.session, profile, 2), b.session);
    assert_ok(hml_run(b.session), b.session);
    assert_ok(hml_run(b.session), b.session);
    assert_ok(hml_session_profile(b.session, NULL, 0), b.session);
    assert_ok(hml_run(b.session), b.session);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(profile[i].calls, 2);
        assert_int_equal(profile[i].work, 16);
        assert_int_equal(profile[i].threads, 1);
    }
    assert_true(profile[1].start_nanoseconds >= profile[0].start_nanoseconds);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_may_change_between_runs),
        cmocka_unit_test(inputs_need_no_more_than_element_alignment),
        cmocka_unit_test(outputs_can_be_bound),
        cmocka_unit_test(shapes_are_known_before_the_first_run),
        cmocka_unit_test(weights_are_read_from_the_file),
        cmocka_unit_test(sizes_known_only_while_running),
        cmocka_unit_test(branches_follow_the_data),
        cmocka_unit_test(loops_repeat_and_are_stopped),
        cmocka_unit_test(empty_tensors_run),
        cmocka_unit_test(wrong_inputs_are_named),
        cmocka_unit_test(unequal_dims_name_their_node),
        cmocka_unit_test(kernel_errors_name_their_node),
        cmocka_unit_test(kernels_refuse_what_does_not_fit),
        cmocka_unit_test(sessions_live_in_the_callers_memory),
        cmocka_unit_test(a_session_outlives_the_models_owner),
        cmocka_unit_test(profiles_count_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

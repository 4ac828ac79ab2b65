/* SPDX-License-Identifier: Apache-2.0 */
/* States: what a session keeps from one run to the next, and tables of states that lie. */
#include "runtime_test.h"

typedef struct counter {
    hml_model *model;
    hml_session *session;
    uint8_t *data;
    float x[4];
} counter;

static void add_session(counter *c, const hml_session_options *options)
{
    hml_tensor x = f32_tensor(c->x, 4);
    assert_int_equal(hml_session_create(c->model, options, &c->session), HML_OK);
    assert_ok(hml_bind_input(c->session, 0, &x), c->session);
}

static counter open_totals(const hml_session_options *options)
{
    counter c = {.x = {1, 10, 100, 1000}};
    artifact_builder b;
    build_totals(&b);
    c.model = open_built(&b, &c.data);
    add_session(&c, options);
    return c;
}

static void close_totals(counter *c)
{
    hml_session_destroy(c->session);
    hml_model_release(c->model);
    free(c->data);
}

static const float *state_of(const hml_session *session, uint32_t state)
{
    hml_tensor tensor = {0};
    assert_int_equal(hml_session_output(session, HML_STATE(state), &tensor), HML_OK);
    assert_int_equal(tensor.bytes, 16);
    assert_int_equal(tensor.dtype, HML_F32);
    assert_int_equal(tensor.rank, 1);
    assert_int_equal(tensor.dims[0], 4);
    return tensor.data;
}

/* State a is n x and b is 1, 2, 3, 4 and the sum of all a. */
static void assert_runs(const counter *c, float n)
{
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(state_of(c->session, 0)[i] == n * c->x[i]);
        assert_true(state_of(c->session, 1)[i] == (float)(i + 1) + n * (n + 1) / 2 * c->x[i]);
    }
}

static void a_run_starts_from_what_the_last_one_left(void **state)
{
    (void)state;
    counter c = open_totals(NULL);
    assert_runs(&c, 0); /* before any run */
    for (int i = 1; i <= 200; i++) {
        hml_tensor z = {0};
        assert_ok(hml_run(c.session), c.session);
        assert_int_equal(hml_session_output(c.session, 0, &z), HML_OK);
        assert_true(((const float *)z.data)[3] == (float)(i * 1000));
        assert_runs(&c, (float)i);
    }
    close_totals(&c);
}

static void the_model_tells_its_states(void **state)
{
    (void)state;
    counter c = open_totals(NULL);
    hml_model_info info = {.struct_bytes = sizeof info};
    hml_tensor_info tensor = {.struct_bytes = sizeof tensor};
    hml_shape_info shape = {.struct_bytes = sizeof shape};
    hml_tensor inputs[1], outputs[1];
    uint32_t index = 0;
    assert_int_equal(hml_model_describe(c.model, &info), HML_OK);
    assert_int_equal(info.input_count, 1);
    assert_int_equal(info.output_count, 1);
    assert_int_equal(info.state_count, 2);
    assert_int_equal(info.state_bytes, 32);
    assert_int_equal(hml_model_input(c.model, HML_STATE(1), &tensor), HML_OK);
    assert_string_equal(tensor.name, "b");
    assert_string_equal(tensor.dim_texts[0], "4");
    assert_int_equal(hml_model_input(c.model, 1, &tensor), HML_ERROR_bad_argument);
    assert_int_equal(hml_model_input(c.model, HML_STATE(2), &tensor), HML_ERROR_bad_argument);
    assert_int_equal(hml_model_input(c.model, HML_ALL_STATES, &tensor), HML_ERROR_bad_argument);
    assert_int_equal(hml_model_output(c.model, 1, &tensor), HML_ERROR_bad_argument);
    assert_int_equal(hml_model_find_input(c.model, "a", &index), HML_ERROR_name_unknown);
    assert_int_equal(hml_model_find_output(c.model, "b", &index), HML_ERROR_name_unknown);
    assert_int_equal(hml_model_shapes(c.model, NULL, 0, inputs, outputs, &shape), HML_OK);
    assert_int_equal(shape.input_bytes, 16);
    assert_int_equal(shape.output_bytes, 16);
    close_totals(&c);
}

static void reset_is_a_new_session(void **state)
{
    (void)state;
    counter c = open_totals(NULL);
    assert_ok(hml_run(c.session), c.session);
    assert_ok(hml_run(c.session), c.session);
    assert_ok(hml_bind_input(c.session, HML_ALL_STATES, NULL), c.session);
    assert_runs(&c, 0);
    assert_ok(hml_run(c.session), c.session);
    assert_runs(&c, 1);
    assert_ok(hml_bind_input(c.session, HML_STATE(1), NULL), c.session); /* one of them */
    assert_true(state_of(c.session, 0)[0] == 1.0F && state_of(c.session, 1)[0] == 1.0F);
    close_totals(&c);
}

static void states_are_set_like_inputs(void **state)
{
    (void)state;
    counter c = open_totals(NULL);
    float wanted[5] = {5, 6, 7, 8, 9};
    hml_tensor good = f32_tensor(wanted, 4), long_one = f32_tensor(wanted, 5), typed = good;
    typed.dtype = HML_I32;
    assert_ok(hml_bind_input(c.session, HML_STATE(0), &good), c.session);
    wanted[0] = 50; /* the contents were copied */
    assert_true(state_of(c.session, 0)[0] == 5.0F);
    assert_int_equal(hml_bind_input(c.session, HML_STATE(0), &long_one), HML_ERROR_input_dim);
    assert_error_names(c.session, "state 'a'");
    assert_int_equal(hml_bind_input(c.session, HML_STATE(0), &typed), HML_ERROR_input_type);
    assert_int_equal(hml_bind_input(c.session, HML_STATE(2), &good), HML_ERROR_bad_argument);
    assert_error_names(c.session, "state 2 of 2");
    assert_int_equal(hml_bind_input(c.session, HML_ALL_STATES, &good), HML_ERROR_bad_argument);
    assert_int_equal(hml_bind_input(c.session, 1, &good), HML_ERROR_bad_argument);
    assert_int_equal(hml_bind_output(c.session, 1, wanted, sizeof wanted), HML_ERROR_bad_argument);
    assert_int_equal(hml_bind_output(c.session, HML_STATE(0), wanted, sizeof wanted),
                     HML_ERROR_bad_argument);
    assert_true(state_of(c.session, 0)[0] == 5.0F);
    assert_ok(hml_run(c.session), c.session);
    assert_true(state_of(c.session, 0)[0] == 6.0F);
    hml_tensor own = {0}; /* the state's own memory, as hml_session_output gives it */
    assert_int_equal(hml_session_output(c.session, HML_STATE(0), &own), HML_OK);
    ((float *)own.data)[0] = 20;
    assert_ok(hml_bind_input(c.session, HML_STATE(0), &own), c.session);
    assert_ok(hml_run(c.session), c.session);
    assert_true(state_of(c.session, 0)[0] == 21.0F);
    assert_int_equal(hml_session_output(c.session, HML_STATE(2), &own), HML_ERROR_bad_argument);
    assert_int_equal(hml_session_output(c.session, 1, &own), HML_ERROR_bad_argument);
    close_totals(&c);
}

static void a_run_that_fails_leaves_states_alone(void **state)
{
    (void)state;
    counter c = open_totals(NULL);
    float out[4];
    assert_ok(hml_run(c.session), c.session);
    assert_int_equal(hml_session_stop(c.session, 0), HML_OK);
    assert_int_equal(hml_run(c.session), HML_ERROR_stopped);
    assert_runs(&c, 1);
    assert_ok(hml_bind_output(c.session, 0, out, 8), c.session);
    assert_int_equal(hml_run(c.session), HML_ERROR_output_bytes);
    assert_runs(&c, 1);
    assert_ok(hml_bind_output(c.session, 0, out, 16), c.session);
    assert_ok(hml_run(c.session), c.session);
    assert_runs(&c, 2);
    close_totals(&c);
}

static void sessions_do_not_share_states(void **state)
{
    (void)state;
    counter c = open_totals(NULL), other = c;
    add_session(&other, NULL);
    assert_ok(hml_run(c.session), c.session);
    assert_ok(hml_run(c.session), c.session);
    assert_ok(hml_run(other.session), other.session);
    assert_runs(&c, 2);
    assert_runs(&other, 1);
    hml_session_destroy(other.session);
    close_totals(&c);
}

static void states_lie_in_the_callers_memory(void **state)
{
    (void)state;
    counter c = open_totals(NULL);
    hml_session_options options = {.struct_bytes = sizeof options, .fixed = 1};
    size_t bytes = 0;
    hml_session_destroy(c.session);
    assert_int_equal(hml_session_size(c.model, &options, &bytes), HML_OK);
    uint8_t *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(memory);
    memset(memory, 0xa5, bytes);
    options.memory = memory;
    options.memory_bytes = bytes;
    float z[4];
    add_session(&c, &options);
    assert_ok(hml_bind_output(c.session, 0, z, sizeof z), c.session);
    assert_ok(hml_run(c.session), c.session);
    assert_runs(&c, 1);
    for (uint32_t i = 0; i < 2; i++) {
        const uint8_t *at = (const void *)state_of(c.session, i);
        assert_true(at >= memory && at + 16 <= memory + bytes);
    }
    close_totals(&c);
    free(memory);
}

static void states_count_with_the_memory_limit(void **state)
{
    (void)state;
    counter c = open_totals(NULL);
    hml_session *refused = NULL;
    hml_session_options options = {.struct_bytes = sizeof options, .memory_limit = 255};
    assert_int_equal(hml_session_create(c.model, &options, &refused), HML_ERROR_out_of_memory);
    options.memory_limit = 256; /* two blocks of 64 bytes for each */
    assert_int_equal(hml_session_create(c.model, &options, &refused), HML_OK);
    hml_session_destroy(refused);
    close_totals(&c);
}

static size_t allocations;

static void *count_allocate(void *context, size_t bytes, size_t alignment)
{
    (void)context;
    allocations++;
    return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

static void count_release(void *context, void *memory, size_t bytes)
{
    (void)context;
    (void)bytes;
    free(memory);
}

static void runs_and_states_allocate_nothing(void **state)
{
    (void)state;
    const hml_allocator allocator = {
        .struct_bytes = sizeof allocator, .allocate = count_allocate, .release = count_release};
    const hml_open_options options = {.struct_bytes = sizeof options, .allocator = &allocator};
    counter c = {.x = {1, 2, 3, 4}};
    artifact_builder b;
    size_t bytes = 0;
    build_totals(&b);
    c.data = build_artifact(&b, &bytes);
    assert_int_equal(hml_model_open_memory(c.data, bytes, &options, &c.model), HML_OK);
    add_session(&c, NULL);
    assert_ok(hml_session_prepare(c.session), c.session);
    size_t before = allocations;
    for (int i = 0; i < 200; i++) {
        hml_tensor one = f32_tensor(c.x, 4);
        assert_ok(hml_run(c.session), c.session);
        assert_ok(hml_bind_input(c.session, HML_STATE(i & 1), i % 3 == 0 ? &one : NULL), c.session);
    }
    assert_int_equal(allocations, before);
    close_totals(&c);
}

/* -- Files that lie ---------------------------------------------------------------------------- */

static void more_states_than_inputs(artifact_builder *b)
{
    b->state_count = 4;
}

static void another_type_behind_the_run(artifact_builder *b)
{
    b->outputs[2].dtype = HML_I32;
}

static void another_rank_behind_the_run(artifact_builder *b)
{
    b->outputs[1].rank = 0;
    b->output_dim_count--;
}

static void another_size_behind_the_run(artifact_builder *b)
{
    b->output_dims[2] = build_constant(b, 5);
    b->entry_dims = b->dim_count;
}

static void a_size_that_the_run_decides(artifact_builder *b)
{
    uint32_t n = build_dim(b, HML_DIM_INPUT, 0, 0, 0);
    b->entry_dims = b->dim_count;
    b->inputs[2].dims[0] = b->output_dims[2] = n;
}

static void a_size_beyond_all_memory(artifact_builder *b)
{
    uint32_t huge = build_constant(b, HML_DIM_UNBOUNDED);
    b->entry_dims = b->dim_count;
    b->inputs[1].dims[0] = b->output_dims[1] = huge;
}

static void a_negative_size(artifact_builder *b)
{
    uint32_t negative = build_constant(b, -4);
    b->entry_dims = b->dim_count;
    b->inputs[1].dims[0] = b->output_dims[1] = negative;
}

static void first_contents_behind_the_weights(artifact_builder *b)
{
    b->states[1].offset = 4096;
}

static void first_contents_that_wrap(artifact_builder *b)
{
    b->states[1].offset = UINT64_MAX - 8;
}

static void first_contents_of_another_size(artifact_builder *b)
{
    b->states[1].bytes = 8;
}

static void lying_tables_are_refused(void **state)
{
    (void)state;
    static void (*const lies[])(artifact_builder *) = {more_states_than_inputs,
                                                       another_type_behind_the_run,
                                                       another_rank_behind_the_run,
                                                       another_size_behind_the_run,
                                                       a_size_that_the_run_decides,
                                                       a_size_beyond_all_memory,
                                                       a_negative_size,
                                                       first_contents_behind_the_weights,
                                                       first_contents_that_wrap,
                                                       first_contents_of_another_size};
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        artifact_builder b;
        size_t bytes = 0;
        build_totals(&b);
        lies[i](&b);
        uint8_t *data = build_artifact(&b, &bytes);
        assert_non_null(data);
        hml_status status = open_bytes(data, bytes, 0);
        if (status != HML_ERROR_tensor_invalid) {
            fail_msg("lie %zu gave %s", i, hml_status_describe(status)->name);
        }
        assert_int_equal(open_bytes(data, bytes, HML_OPEN_INSPECT), status);
        free(data);
    }
}

/* Its sums would be right in the first run alone. */
static void a_state_that_no_step_writes_fails_the_run(void **state)
{
    (void)state;
    counter c = {.x = {1, 2, 3, 4}};
    artifact_builder b;
    build_totals(&b);
    b.step_count--;
    c.model = open_built(&b, &c.data);
    add_session(&c, NULL);
    assert_int_equal(hml_run(c.session), HML_ERROR_kernel_bounds);
    assert_error_names(c.session, "output 'b' was not written");
    assert_runs(&c, 0);
    close_totals(&c);
}

/* A state of 2^40 bytes is no file's fault, but this machine's: the limit refuses it. */
static void a_large_state_is_refused_by_the_limit(void **state)
{
    (void)state;
    artifact_builder b;
    uint8_t *data = NULL;
    hml_session *session = NULL;
    hml_session_options options = {.struct_bytes = sizeof options,
                                   .memory_limit = UINT64_C(1) << 32};
    build_totals(&b);
    uint32_t large = build_constant(&b, INT64_C(1) << 38);
    b.entry_dims = b.dim_count;
    b.inputs[1].dims[0] = b.output_dims[1] = large;
    hml_model *model = open_built(&b, &data);
    assert_int_equal(hml_session_create(model, &options, &session), HML_ERROR_out_of_memory);
    hml_model_release(model);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_starts_from_what_the_last_one_left),
        cmocka_unit_test(the_model_tells_its_states),
        cmocka_unit_test(reset_is_a_new_session),
        cmocka_unit_test(states_are_set_like_inputs),
        cmocka_unit_test(a_run_that_fails_leaves_states_alone),
        cmocka_unit_test(sessions_do_not_share_states),
        cmocka_unit_test(states_lie_in_the_callers_memory),
        cmocka_unit_test(states_count_with_the_memory_limit),
        cmocka_unit_test(runs_and_states_allocate_nothing),
        cmocka_unit_test(lying_tables_are_refused),
        cmocka_unit_test(a_state_that_no_step_writes_fails_the_run),
        cmocka_unit_test(a_large_state_is_refused_by_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

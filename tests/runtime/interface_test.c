/* SPDX-License-Identifier: Apache-2.0 */
/* The public interface as its header promises it: NULL is refused, creation says why it failed,
 * names are found, messages name both shapes, runs are stopped, artifacts are parts of files. */
#define _GNU_SOURCE
#include "runtime_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static hml_model *open_with(void (*build)(artifact_builder *), uint8_t **data)
{
    static artifact_builder b;
    build(&b);
    return open_built(&b, data);
}

/* -- NULL -------------------------------------------------------------------------------------- */

static void models_refuse_null(void **state)
{
    (void)state;
    uint8_t *data;
    hml_model *model = open_with(build_sum, &data), *none = NULL;
    uint32_t index;
    char message[128];
    hml_open_options options = {
        .struct_bytes = sizeof options, .message = message, .message_bytes = sizeof message};
    assert_int_equal(hml_model_open(NULL, &options, &none), HML_ERROR_bad_argument);
    assert_non_null(strstr(message, "path"));
    assert_int_equal(hml_model_open("x.hml", &options, NULL), HML_ERROR_bad_argument);
    assert_int_equal(hml_model_open_memory(NULL, 8, &options, &none), HML_ERROR_bad_argument);
    assert_int_equal(hml_model_open_memory(NULL, 0, NULL, &none), HML_ERROR_not_an_artifact);
    assert_int_equal(hml_model_open_memory(data, 64, NULL, NULL), HML_ERROR_bad_argument);
    const hml_allocator half = {.struct_bytes = sizeof half, .context = NULL};
    options.allocator = &half;
    assert_int_equal(hml_model_open_memory(data, 64, &options, &none), HML_ERROR_bad_argument);
    assert_non_null(strstr(message, "allocator"));
    assert_null(none);
    assert_null(hml_model_retain(NULL));
    hml_model_release(NULL);
    hml_model_info info = {.struct_bytes = sizeof info, .step_count = 7};
#define REFUSED(call) assert_int_equal((call), HML_ERROR_bad_argument)
    REFUSED(hml_model_describe(NULL, &info));
    assert_int_equal(info.step_count, 7);
    REFUSED(hml_model_describe(model, NULL));
    hml_tensor_info tensor = {.struct_bytes = sizeof tensor};
    hml_symbol_info symbol = {.struct_bytes = sizeof symbol};
    hml_variant_info variant = {.struct_bytes = sizeof variant};
    hml_step_info step = {.struct_bytes = sizeof step};
    REFUSED(hml_model_input(NULL, 0, &tensor));
    REFUSED(hml_model_input(model, 0, NULL));
    REFUSED(hml_model_output(NULL, 0, &tensor));
    REFUSED(hml_model_output(model, 0, NULL));
    REFUSED(hml_model_find_input(NULL, "x", &index));
    REFUSED(hml_model_find_input(model, NULL, &index));
    REFUSED(hml_model_find_input(model, "x", NULL));
    REFUSED(hml_model_find_output(NULL, "z", &index));
    REFUSED(hml_model_find_output(model, NULL, &index));
    REFUSED(hml_model_find_output(model, "z", NULL));
    REFUSED(hml_model_symbol(NULL, 0, &symbol));
    REFUSED(hml_model_symbol(model, 0, NULL));
    REFUSED(hml_model_variant(NULL, 0, &variant));
    REFUSED(hml_model_variant(model, 0, NULL));
    REFUSED(hml_model_step(NULL, 0, &step));
    REFUSED(hml_model_step(model, 0, NULL));
    REFUSED(hml_model_shapes(NULL, NULL, 0, NULL, NULL, NULL));
    REFUSED(hml_model_shapes(model, NULL, 1, NULL, NULL, NULL));
    assert_int_equal(hml_model_shapes(model, NULL, 0, NULL, NULL, NULL), HML_OK);
    const hml_dim unnamed = {NULL, 1};
    assert_int_equal(hml_model_shapes(model, &unnamed, 1, NULL, NULL, NULL),
                     HML_ERROR_symbol_unknown);
    hml_model_release(model);
    free(data);
}

static void sessions_refuse_null(void **state)
{
    (void)state;
    uint8_t *data;
    size_t bytes;
    hml_model *model = open_with(build_sum, &data);
    hml_session *session = NULL;
    hml_tensor tensor;
    hml_step_profile profile[2];
    const hml_session_options options = {.struct_bytes = sizeof options, .dim_count = 1};
    REFUSED(hml_pool_create(NULL, NULL));
    hml_pool_release(NULL);
    REFUSED(hml_session_size(NULL, NULL, &bytes));
    REFUSED(hml_session_size(model, NULL, NULL));
    REFUSED(hml_session_create(NULL, NULL, &session));
    REFUSED(hml_session_create(model, NULL, NULL));
    REFUSED(hml_session_create(model, &options, &session));
    assert_null(session);
    hml_session_destroy(NULL);
    assert_string_equal(hml_session_error(NULL), "");
    REFUSED(hml_bind_input(NULL, 0, &tensor));
    REFUSED(hml_bind_output(NULL, 0, &tensor, 8));
    REFUSED(hml_session_prepare(NULL));
    REFUSED(hml_run(NULL));
    REFUSED(hml_session_stop(NULL, 0));
    REFUSED(hml_session_output(NULL, 0, &tensor));
    REFUSED(hml_session_profile(NULL, profile, 2));
    assert_int_equal(hml_session_create(model, NULL, &session), HML_OK);
    REFUSED(hml_bind_input(session, 0, NULL));
    REFUSED(hml_session_output(session, 0, NULL));
    hml_session_destroy(session);
    hml_model_release(model);
    free(data);
}

/* -- Names and messages ------------------------------------------------------------------------ */

static void names_are_found(void **state)
{
    (void)state;
    uint8_t *data;
    uint32_t index = 7;
    hml_model *model = open_with(build_sum, &data);
    assert_int_equal(hml_model_find_input(model, "y", &index), HML_OK);
    assert_int_equal(index, 1);
    assert_int_equal(hml_model_find_output(model, "z", &index), HML_OK);
    assert_int_equal(index, 0);
    assert_int_equal(hml_model_find_input(model, "z", &index), HML_ERROR_name_unknown);
    assert_int_equal(hml_model_find_output(model, "x", &index), HML_ERROR_name_unknown);
    assert_int_equal(hml_model_find_output(model, "", &index), HML_ERROR_name_unknown);
    assert_int_equal(index, 0);
    hml_model_release(model);
    free(data);
}

static void creation_says_why_it_failed(void **state)
{
    (void)state;
    uint8_t *data;
    hml_model *model = open_with(build_sum, &data);
    hml_session *session = NULL;
    char message[256] = "";
    hml_dim dim = {"seq", 4};
    hml_session_options options = {.struct_bytes = sizeof options,
                                   .dims = &dim,
                                   .dim_count = 1,
                                   .message = message,
                                   .message_bytes = sizeof message};
    assert_int_equal(hml_session_create(model, &options, &session), HML_ERROR_symbol_unknown);
    assert_string_equal(message, "HML1052: no such dim: 'seq'");
    dim = (hml_dim){"n", 65};
    assert_int_equal(hml_session_create(model, &options, &session), HML_ERROR_dim_range);
    assert_non_null(strstr(message, "'n' is 65; the model was compiled for 1..64"));
    dim.value = 64;
    options.memory_limit = 100;
    assert_int_equal(hml_session_create(model, &options, &session), HML_ERROR_out_of_memory);
    assert_non_null(strstr(message, "limited to 100 bytes"));
    options.message_bytes = 8;
    assert_int_equal(hml_session_create(model, &options, &session), HML_ERROR_out_of_memory);
    assert_string_equal(message, "HML1031");
    hml_model_release(model);
    free(data);
}

/* A model that takes a picture of 3 channels, 4 rows and n columns; `first`: channels first. */
static void build_picture(artifact_builder *b, int first)
{
    build_sum(b);
    b->check_count = 0;
    uint32_t three = build_constant(b, 3), four = build_constant(b, 4), one = build_constant(b, 1);
    uint32_t n = build_dim(b, HML_DIM_INPUT, 0, first ? 3 : 2, 0);
    b->entry_dims = b->dim_count;
    const uint32_t slots[][4] = {{one, four, n, three}, {one, three, four, n}};
    const char *const texts[][4] = {{"1", "4", "n", "3"}, {"1", "3", "4", "n"}};
    b->inputs[0].rank = 4;
    b->dims[0] = (hml_dim_record){.op = HML_DIM_CONSTANT, .value = 1};
    for (uint32_t d = 0; d < 4; d++) {
        b->inputs[0].dims[d] = slots[first][d];
        b->inputs[0].dim_texts[d] = build_string(b, texts[first][d]);
    }
}

/* What the first run, or the binding, says of a first input of this shape. */
static void assert_guess(int first, uint32_t rank, const int64_t *dims, const char *text)
{
    static artifact_builder b;
    static float values[1024];
    uint8_t *data;
    build_picture(&b, first);
    hml_model *model = open_built(&b, &data);
    hml_session *session = NULL;
    assert_int_equal(hml_session_create(model, NULL, &session), HML_OK);
    hml_tensor x = {.data = values, .bytes = sizeof values, .dtype = HML_F32, .rank = rank};
    hml_tensor y = f32_matrix(values, 1, 4);
    memcpy(x.dims, dims, rank * sizeof *dims);
    hml_status status = hml_bind_input(session, 0, &x);
    if (status == HML_OK) {
        assert_ok(hml_bind_input(session, 1, &y), session);
        status = hml_run(session);
        assert_int_equal(status, HML_ERROR_input_dim);
    } else {
        assert_int_equal(status, HML_ERROR_input_rank);
    }
    assert_error_names(session, text);
    assert_error_names(session, first ? "the model wants f32[1, 3, 4, n]"
                                      : "the model wants f32[1, 4, n, 3]");
    hml_session_destroy(session);
    hml_model_release(model);
    free(data);
}

static void shapes_that_are_mixed_up_are_named(void **state)
{
    (void)state;
    static const int64_t last[] = {1, 4, 5, 3}, first[] = {1, 3, 4, 5}, other[] = {1, 7, 4, 5},
                         many[] = {1, 1, 3, 4, 5};
    assert_guess(1, 4, last, "it is f32[1, 4, 5, 3]");
    assert_guess(1, 4, last, "it looks like NHWC data for a model that takes NCHW");
    assert_guess(0, 4, first, "it looks like NCHW data for a model that takes NHWC");
    assert_guess(1, 3, first + 1, "a first dim of 1, the batch, seems to be missing");
    assert_guess(1, 3, last + 1, "and the channels stand elsewhere");
    assert_guess(1, 5, many, "its first dim of 1 is one too many");
    assert_guess(1, 4, other, "it is f32[1, 7, 4, 5], the model wants f32[1, 3, 4, n]");
    assert_guess(1, 2, first, "it is f32[1, 3]");
}

/* The rank is the caller's word: no number of dims is read that a tensor cannot have. */
static void impossible_ranks_are_refused(void **state)
{
    (void)state;
    static artifact_builder b;
    static float value;
    uint8_t *data;
    build_sum(&b);
    b.check_count = 0;
    b.dims[0] = (hml_dim_record){.op = HML_DIM_CONSTANT, .value = 1};
    b.inputs[0].rank = 0;
    hml_model *model = open_built(&b, &data);
    hml_session *session = NULL;
    assert_int_equal(hml_session_create(model, NULL, &session), HML_OK);
    static const uint32_t ranks[] = {1, HML_MAX_TENSOR_RANK + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof ranks / sizeof ranks[0]; i++) {
        hml_tensor x = {
            .data = &value, .bytes = sizeof value, .dtype = HML_F32, .rank = ranks[i], .dims = {1}};
        assert_int_equal(hml_bind_input(session, 0, &x), HML_ERROR_input_rank);
        assert_error_names(session, "the model wants f32[]");
    }
    hml_session_destroy(session);
    hml_model_release(model);
    free(data);
}

/* -- Variants and parts of files --------------------------------------------------------------- */

static void the_environment_may_be_ignored(void **state)
{
    (void)state;
    size_t bytes = 0;
    uint8_t *data = sum_artifact(&bytes);
    hml_model *model = NULL;
    hml_open_options options = {.struct_bytes = sizeof options, .flags = HML_OPEN_NO_ENVIRONMENT};
    setenv("HML_VARIANT", "none", 1);
    assert_int_equal(hml_model_open_memory(data, bytes, NULL, &model), HML_ERROR_variant_unknown);
    assert_int_equal(hml_model_open_memory(data, bytes, &options, &model), HML_OK);
    hml_model_release(model);
    options.variant = "other";
    assert_int_equal(hml_model_open_memory(data, bytes, &options, &model),
                     HML_ERROR_variant_unknown);
    unsetenv("HML_VARIANT");
    free(data);
}

static hml_status open_part(int file, uint64_t offset, uint64_t bytes, hml_model **model)
{
    const hml_file_part part = {
        .struct_bytes = sizeof part, .descriptor = file, .offset = offset, .bytes = bytes};
    const hml_open_options options = {.struct_bytes = sizeof options, .part = &part};
    return hml_model_open(NULL, &options, model);
}

/* The artifact behind `offset` other bytes, and followed by `behind`. */
static void try_part(const uint8_t *data, size_t bytes, uint64_t offset, size_t behind, int mapped)
{
    char path[] = "/tmp/hml-part-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(pwrite(file, data, bytes, (off_t)offset), (ssize_t)bytes);
    assert_int_equal(ftruncate(file, (off_t)(offset + bytes + behind)), 0);
    hml_model *model = NULL;
    assert_int_equal(open_part(file, offset, behind == 0 ? 0 : bytes, &model), HML_OK);
    assert_int_equal(lseek(file, 0, SEEK_CUR), 0);
    assert_int_equal(open_part(file, offset, bytes + behind + 1, &model),
                     HML_ERROR_file_unreadable);
    assert_int_equal(close(file), 0);
    assert_int_equal(open_part(file, offset, 0, &model), HML_ERROR_file_unreadable);
    hml_model_info info = {.struct_bytes = sizeof info};
    assert_int_equal(hml_model_describe(model, &info), HML_OK);
    assert_int_equal(info.mapped, mapped);
    hml_session *session = NULL;
    float x[4] = {1, 2, 3, 4};
    assert_int_equal(hml_session_create(model, NULL, &session), HML_OK);
    const hml_tensor tensor = f32_matrix(x, 1, 4);
    assert_ok(hml_bind_input(session, 0, &tensor), session);
    assert_ok(hml_bind_input(session, 1, &tensor), session);
    assert_ok(hml_run(session), session);
    hml_tensor z;
    assert_int_equal(hml_session_output(session, 0, &z), HML_OK);
    assert_true(((const float *)z.data)[3] == 16.0F);
    hml_session_destroy(session);
    hml_model_release(model);
}

static void artifacts_are_opened_within_files(void **state)
{
    (void)state;
    static artifact_builder b;
    size_t bytes = 0;
    uint8_t *data = sum_artifact(&bytes);
    try_part(data, bytes, 0, 0, 0);
    try_part(data, bytes, 12345, 77, 0);
    free(data);
    build_sum(&b);
    b.alignment = 65536;
    b.padding = 1 << 20;
    data = build_artifact(&b, &bytes);
    try_part(data, bytes, 0, 0, 1);
    try_part(data, bytes, 8192, 4096, 1);
    try_part(data, bytes, 8192 + 64, 1, 0); /* not on a page */
    free(data);
}

/* -- Stopping ---------------------------------------------------------------------------------- */

enum { SLOW_STEPS = 20 };

static void build_long(artifact_builder *b)
{
    build_slow(b, SLOW_STEPS);
}

static hml_session *open_slow(hml_model **model, uint8_t **data, float *values, int64_t n)
{
    hml_session *session = NULL;
    *model = open_with(build_long, data);
    assert_int_equal(hml_session_create(*model, NULL, &session), HML_OK);
    const hml_tensor tensor = f32_tensor(values, n);
    assert_ok(hml_bind_input(session, 0, &tensor), session);
    assert_ok(hml_bind_input(session, 1, &tensor), session);
    assert_ok(hml_session_prepare(session), session);
    return session;
}

static uint64_t calls_of(const hml_step_profile *steps)
{
    uint64_t calls = 0;
    for (uint32_t i = 0; i < SLOW_STEPS; i++) {
        calls += steps[i].calls;
    }
    return calls;
}

static void a_run_is_stopped_and_the_next_one_is_not(void **state)
{
    (void)state;
    static float values[64];
    hml_model *model;
    uint8_t *data;
    hml_session *session = open_slow(&model, &data, values, 64);
    hml_step_profile steps[SLOW_STEPS] = {{0}};
    assert_ok(hml_session_profile(session, steps, SLOW_STEPS), session);
    assert_int_equal(hml_session_stop(session, 0), HML_OK);
    assert_int_equal(hml_run(session), HML_ERROR_stopped);
    assert_error_names(session, "HML1065");
    assert_int_equal(calls_of(steps), 0);
    assert_ok(hml_run(session), session);
    assert_int_equal(calls_of(steps), SLOW_STEPS);
    /* A deadline that is met leaves nothing for the next run, one that is not ends it midway. */
    assert_int_equal(hml_session_stop(session, UINT64_MAX), HML_OK);
    assert_ok(hml_run(session), session);
    memset(steps, 0, sizeof steps);
    assert_int_equal(hml_session_stop(session, 100000), HML_OK);
    assert_int_equal(hml_run(session), HML_ERROR_stopped);
    assert_error_names(session, "its time is over");
    assert_true(calls_of(steps) < SLOW_STEPS);
    assert_ok(hml_run(session), session);
    hml_session_destroy(session);
    hml_model_release(model);
    free(data);
}

typedef struct runner {
    hml_session *session;
    atomic_int started;
    hml_status status;
} runner;

static void *run_until_stopped(void *argument)
{
    runner *self = argument;
    atomic_store(&self->started, 1);
    do {
        self->status = hml_run(self->session);
    } while (self->status == HML_OK);
    return NULL;
}

static void another_thread_stops_a_run(void **state)
{
    (void)state;
    static float values[256];
    hml_model *model;
    uint8_t *data;
    runner self = {.session = open_slow(&model, &data, values, 256)};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_until_stopped, &self), 0);
    while (atomic_load(&self.started) == 0) {
        (void)usleep(100);
    }
    (void)usleep(2000);
    assert_int_equal(hml_session_stop(self.session, 0), HML_OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(self.status, HML_ERROR_stopped);
    assert_ok(hml_run(self.session), self.session);
    hml_session_destroy(self.session);
    hml_model_release(model);
    free(data);
}

int main(void)
{
    unsetenv("HML_VARIANT");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_refuse_null),
        cmocka_unit_test(sessions_refuse_null),
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(creation_says_why_it_failed),
        cmocka_unit_test(shapes_that_are_mixed_up_are_named),
        cmocka_unit_test(impossible_ranks_are_refused),
        cmocka_unit_test(the_environment_may_be_ignored),
        cmocka_unit_test(artifacts_are_opened_within_files),
        cmocka_unit_test(a_run_is_stopped_and_the_next_one_is_not),
        cmocka_unit_test(another_thread_stops_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of sessions: outputs that are never larger than what lies behind them, limits, and failed
 * growth. */
#include "runtime_test.h"

#include <stdbool.h>

static const uint32_t row_counts[] = {2, 16, 5, 64};

typedef struct bench {
    hml_model *model;
    hml_session *session;
    uint8_t *data;
    float x[256], y[256];
} bench;

static void open_bench(bench *opened, const artifact_builder *b, const hml_session_options *options)
{
    *opened = (bench){0};
    opened->model = open_built(b, &opened->data);
    assert_int_equal(hml_session_create(opened->model, options, &opened->session), HML_OK);
}

static void close_bench(bench *opened)
{
    hml_session_destroy(opened->session);
    hml_model_release(opened->model);
    free(opened->data);
}

/* x, y: [rows, 4] as build_sum takes them. */
static void bind_rows(bench *b, int64_t rows)
{
    hml_tensor x = f32_matrix(b->x, rows, 4), y = f32_matrix(b->y, rows, 4);
    assert_ok(hml_bind_input(b->session, 0, &x), b->session);
    assert_ok(hml_bind_input(b->session, 1, &y), b->session);
}

/* -- Outputs ----------------------------------------------------------------------------------- */

static void a_smaller_binding_has_no_size_until_it_fits(void **state)
{
    (void)state;
    artifact_builder built;
    bench b;
    build_sum(&built);
    open_bench(&b, &built, NULL);
    bind_rows(&b, 2);
    assert_ok(hml_run(b.session), b.session);
    float small[4], large[8];
    hml_tensor z = {.bytes = 7};
    assert_ok(hml_bind_output(b.session, 0, small, sizeof small), b.session);
    assert_int_equal(hml_session_output(b.session, 0, &z), HML_ERROR_output_bytes);
    assert_int_equal(z.bytes, 7);
    assert_ok(hml_bind_output(b.session, 0, large, sizeof large), b.session);
    assert_ok(hml_run(b.session), b.session);
    assert_int_equal(hml_session_output(b.session, 0, &z), HML_OK);
    assert_int_equal(z.bytes, sizeof large);
    close_bench(&b);
}

/* Run-time dims say more elements than the step that wrote them had: the dims are computed again
 * behind it. */
static void dims_that_grow_behind_the_result_are_refused(void **state)
{
    (void)state;
    artifact_builder built;
    build_positions(&built);
    built.output_dims[0] = built.dim_count - 1; /* 8 k elements of 8 bytes, where k are written */
    for (uint32_t i = 0; i < built.buffer_count; i++) {
        if (built.buffers[i].kind == HML_BUFFER_OUTPUT && built.buffers[i].index == 0) {
            built.buffers[i].bytes_dim = built.dim_count - 1;
        }
    }
    bench b;
    open_bench(&b, &built, NULL);
    for (size_t i = 0; i < 8; i++) {
        b.x[i] = 1;
    }
    hml_tensor x = f32_tensor(b.x, 8), p = {.bytes = 7};
    assert_ok(hml_bind_input(b.session, 0, &x), b.session);
    assert_int_equal(hml_run(b.session), HML_ERROR_kernel_bounds);
    assert_error_names(b.session, "output 'p'");
    if (hml_session_output(b.session, 0, &p) == HML_OK) {
        assert_int_equal(p.bytes, 0);
    }
    close_bench(&b);
}

static void an_output_that_no_step_wrote_is_refused(void **state)
{
    (void)state;
    artifact_builder built;
    build_sum(&built);
    built.steps[built.step_count - 1].kind = HML_STEP_JUMP;
    built.steps[built.step_count - 1].target = built.step_count;
    bench b;
    open_bench(&b, &built, NULL);
    bind_rows(&b, 2);
    assert_int_equal(hml_run(b.session), HML_ERROR_kernel_bounds);
    assert_error_names(b.session, "output 'z' was not written");
    close_bench(&b);
}

/* -- Limits ------------------------------------------------------------------------------------ */

static void a_session_holds_no_more_than_its_limit(void **state)
{
    (void)state;
    artifact_builder built;
    bench b;
    build_sum(&built);
    /* 16 rows: arena 256, scratch 256, output 256. */
    const hml_session_options options = {.struct_bytes = sizeof options, .memory_limit = 768};
    open_bench(&b, &built, &options);
    bind_rows(&b, 16);
    assert_ok(hml_run(b.session), b.session);
    bind_rows(&b, 17);
    assert_int_equal(hml_run(b.session), HML_ERROR_out_of_memory);
    assert_error_names(b.session, "limited to 768 bytes");
    bind_rows(&b, 16);
    assert_ok(hml_run(b.session), b.session);
    close_bench(&b);
    const hml_dim dims[] = {{"n", 64}};
    const hml_session_options reserving = {
        .struct_bytes = sizeof reserving, .memory_limit = 768, .dims = dims, .dim_count = 1};
    b.model = open_built(&built, &b.data);
    assert_int_equal(hml_session_create(b.model, &reserving, &b.session), HML_ERROR_out_of_memory);
    hml_model_release(b.model);
    free(b.data);
}

/* More than the machine has is refused at once, not mapped and found missing page by page. */
static void more_than_the_machine_has_is_refused(void **state)
{
    (void)state;
    artifact_builder built;
    bench b;
    build_sum(&built);
    uint32_t bytes = built.arena_dim;
    built.symbols[0].maximum = HML_DIM_UNBOUNDED;
    built.dims[bytes] = (hml_dim_record){.op = HML_DIM_CONSTANT, .value = HML_DIM_UNBOUNDED};
    open_bench(&b, &built, NULL);
    bind_rows(&b, 2);
    assert_int_equal(hml_run(b.session), HML_ERROR_out_of_memory);
    assert_error_names(b.session, "the arena");
    close_bench(&b);
}

/* -- Failed growth ----------------------------------------------------------------------------- */

typedef struct failing_allocator {
    uint32_t calls, fail_at;
} failing_allocator;

static void *allocate(void *context, size_t bytes, size_t alignment)
{
    failing_allocator *failing = context;
    void *memory = NULL;
    uint32_t call = ++failing->calls;
    bool fails = failing->fail_at != 0 && call - failing->fail_at < 2; /* with and without spare */
    return fails || posix_memalign(&memory, alignment, bytes) != 0 ? NULL : memory;
}

static void release(void *context, void *memory, size_t bytes)
{
    (void)context;
    (void)bytes;
    free(memory);
}

static void open_failing(bench *b, const artifact_builder *built, failing_allocator *failing)
{
    const hml_allocator allocator = {.struct_bytes = sizeof allocator,
                                     .context = failing,
                                     .allocate = allocate,
                                     .release = release};
    const hml_open_options options = {.struct_bytes = sizeof options, .allocator = &allocator};
    size_t bytes = 0;
    *b = (bench){0};
    b->data = build_artifact(built, &bytes);
    assert_non_null(b->data);
    assert_int_equal(hml_model_open_memory(b->data, bytes, &options, &b->model), HML_OK);
    assert_int_equal(hml_session_create(b->model, NULL, &b->session), HML_OK);
}

/* Grows through all sizes; allocation `fail_at` and the one behind it fail. */
static void grow_and_fail(const artifact_builder *built, uint32_t fail_at, uint32_t *calls)
{
    failing_allocator failing = {0};
    bench b;
    open_failing(&b, built, &failing);
    failing.calls = 0;
    failing.fail_at = fail_at;
    for (size_t i = 0; i < sizeof row_counts / sizeof row_counts[0]; i++) {
        bind_rows(&b, row_counts[i]);
        hml_status status = hml_run(b.session);
        if (status == HML_ERROR_out_of_memory) { /* what was enough before is enough again */
            bind_rows(&b, 1);
            assert_ok(hml_run(b.session), b.session);
            bind_rows(&b, row_counts[i]);
            status = hml_run(b.session);
        }
        assert_ok(status, b.session);
    }
    *calls = failing.calls;
    close_bench(&b);
}

/* Scratch memory that only a step asks for: the run behind a failure must not use what was lost. */
static void failed_growth_leaves_nothing_stale(void **state)
{
    (void)state;
    artifact_builder built;
    uint32_t calls = 0, unused;
    build_sum(&built);
    built.scratch_dim = HML_NONE;
    grow_and_fail(&built, 0, &calls);
    assert_true(calls >= 6);
    for (uint32_t n = 1; n <= calls; n++) {
        grow_and_fail(&built, n, &unused);
    }
}

int main(void)
{
    unsetenv("HML_VARIANT");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_smaller_binding_has_no_size_until_it_fits),
        cmocka_unit_test(dims_that_grow_behind_the_result_are_refused),
        cmocka_unit_test(an_output_that_no_step_wrote_is_refused),
        cmocka_unit_test(a_session_holds_no_more_than_its_limit),
        cmocka_unit_test(more_than_the_machine_has_is_refused),
        cmocka_unit_test(failed_growth_leaves_nothing_stale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs must not do (allocate, call the system), what every failing allocation must lead to,
 * sessions that are used on after one, and programs whose tables lie.
 *
 *     fault_injection_test [--sessions N] [--seed S]
 */
#define _GNU_SOURCE
#include "runtime_test.h"

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

/* -- An allocator that counts, and fails when told to ------------------------------------------ */

typedef struct counting_allocator {
    size_t calls, live, live_bytes;
    size_t fail_at; /* 1: the first call fails; 0: none */
    int fail_for_good;
    int fail_twice; /* growing asks with room to spare first */
} counting_allocator;

static void *counting_allocate(void *context, size_t bytes, size_t alignment)
{
    counting_allocator *counter = context;
    counter->calls++;
    if (counter->fail_at != 0 && (counter->calls == counter->fail_at ||
                                  (counter->fail_twice && counter->calls == counter->fail_at + 1) ||
                                  (counter->fail_for_good && counter->calls > counter->fail_at))) {
        return NULL;
    }
    void *memory = NULL;
    if (posix_memalign(&memory, alignment, bytes) != 0) {
        return NULL;
    }
    memset(memory, 0xa5, bytes); /* nothing may rely on cleared memory */
    counter->live++;
    counter->live_bytes += bytes;
    return memory;
}

static void counting_release(void *context, void *memory, size_t bytes)
{
    counting_allocator *counter = context;
    assert_non_null(memory);
    counter->live--;
    counter->live_bytes -= bytes;
    free(memory);
}

/* -- Every use of the runtime on a fixture, with any allocator --------------------------------- */

typedef struct test_scene {
    void (*build)(artifact_builder *);
    uint32_t inputs;
} test_scene;

static const test_scene scenes[] = {{build_sum, 2}, {build_positions, 1}, {build_branch, 1}};

static float values[256];

static hml_status bind_all(hml_session *session, const test_scene *scene, int64_t n)
{
    for (uint32_t i = 0; i < scene->inputs; i++) {
        hml_tensor tensor = scene->inputs == 2 ? f32_matrix(values, n, 4) : f32_tensor(values, n);
        hml_status status = hml_bind_input(session, i, &tensor);
        if (status != HML_OK) {
            return status;
        }
    }
    return HML_OK;
}

static hml_status run_twice(hml_model *model, const test_scene *scene)
{
    hml_session *session = NULL;
    hml_status status = hml_session_create(model, NULL, &session);
    static const int64_t sizes[] = {2, 16};
    for (size_t i = 0; i < 2 && status == HML_OK; i++) {
        status = bind_all(session, scene, sizes[i]);
        if (status == HML_OK) {
            status = hml_run(session);
        }
    }
    if (status == HML_ERROR_out_of_memory && session != NULL) {
        /* The session is still usable once there is memory again, or says so. */
        hml_status again = hml_run(session);
        assert_true(again == HML_OK || again == HML_ERROR_out_of_memory ||
                    again == HML_ERROR_input_missing);
    }
    hml_session_destroy(session);
    return status;
}

static hml_status play(const test_scene *scene, counting_allocator *counter, int misaligned)
{
    artifact_builder b;
    size_t bytes = 0;
    scene->build(&b);
    uint8_t *data = build_artifact(&b, &bytes);
    uint8_t *moved = malloc(bytes + 1);
    memcpy(moved + 1, data, bytes);
    hml_allocator allocator = {.struct_bytes = sizeof allocator,
                               .context = counter,
                               .allocate = counting_allocate,
                               .release = counting_release};
    hml_open_options options = {.struct_bytes = sizeof options, .allocator = &allocator};
    hml_model *model = NULL;
    hml_status status =
        hml_model_open_memory(misaligned ? moved + 1 : data, bytes, &options, &model);
    if (status == HML_OK) {
        hml_shape_info sizes = {.struct_bytes = sizeof sizes};
        status = hml_model_shapes(model, NULL, 0, NULL, NULL, &sizes);
    }
    if (status == HML_OK) {
        status = run_twice(model, scene);
    }
    hml_model_release(model);
    free(moved);
    free(data);
    return status;
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof scenes / sizeof scenes[0]; s++) {
        counting_allocator whole = {0};
        assert_int_equal(play(&scenes[s], &whole, 1), HML_OK);
        assert_int_equal(whole.live, 0);
        assert_int_equal(whole.live_bytes, 0);
        assert_true(whole.calls >= 6);
        for (size_t n = 1; n <= whole.calls; n++) {
            for (int for_good = 0; for_good < 2; for_good++) {
                counting_allocator failing = {.fail_at = n, .fail_for_good = for_good};
                hml_status status = play(&scenes[s], &failing, 1);
                /* Growing asks for some room to spare first, and can do without. */
                assert_true(status == HML_ERROR_out_of_memory || (status == HML_OK && !for_good));
                assert_int_equal(failing.live, 0);
                assert_int_equal(failing.live_bytes, 0);
            }
        }
    }
}

/* -- One session, random shapes, failures now and then ------------------------------------------
 */

static unsigned session_count = 3000, seed = 1;

static uint32_t next_random(uint64_t *state, uint32_t limit)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33) % limit;
}

/* Scratch memory that no run reserves at its entry. */
static void build_late_scratch(artifact_builder *b)
{
    build_sum(b);
    b->scratch_dim = HML_NONE;
}

static const test_scene reused[] = {
    {build_sum, 2}, {build_late_scratch, 2}, {build_positions, 1}, {build_branch, 1}};

static bool takes_rows(const test_scene *scene)
{
    return scene->build == build_sum || scene->build == build_late_scratch;
}

/* Element i of the first output, for inputs `values`, of `n` elements of which the even are 0. */
static double expected_element(const test_scene *scene, size_t i)
{
    if (takes_rows(scene)) {
        return 4.0 * (double)values[i];
    }
    if (scene->build == build_positions) {
        return (double)(2 * i + 1);
    }
    return 3.0 * (double)values[i]; /* the first element is not positive */
}

static void check_outputs(const test_scene *scene, const hml_session *session, int64_t n)
{
    hml_tensor tensor;
    assert_int_equal(hml_session_output(session, 0, &tensor), HML_OK);
    int64_t count = takes_rows(scene) ? 4 * n : scene->build == build_positions ? n / 2 : n;
    size_t size = hml_dtype_bytes(tensor.dtype);
    assert_int_equal(tensor.bytes, (size_t)count * size);
    for (size_t i = 0; i < (size_t)count; i++) {
        double found = tensor.dtype == HML_I64 ? (double)((const int64_t *)tensor.data)[i]
                                               : (double)((const float *)tensor.data)[i];
        assert_true(found == expected_element(scene, i));
    }
}

/* After a failure: what the session tells lies in memory, or it tells nothing. */
static void read_outputs(const hml_session *session)
{
    static volatile uint8_t sum;
    hml_tensor tensor;
    if (hml_session_output(session, 0, &tensor) == HML_OK) {
        for (size_t i = 0; i < tensor.bytes; i++) {
            sum = (uint8_t)(sum + ((const uint8_t *)tensor.data)[i]);
        }
    }
}

/* A few runs of one session. In every other one the allocations from one of the next three on fail,
 * all or a few of them. */
static void reuse_session(const test_scene *scene, hml_session *session,
                          counting_allocator *counter, uint64_t *random, uint32_t *failures)
{
    static float bound[256];
    for (uint32_t run = 0; run < 12; run++) {
        int64_t n = 1 + next_random(random, scene->build == build_positions ? 32 : 64);
        bool fails = next_random(random, 2) == 0;
        counter->fail_at = fails ? counter->calls + 1 + next_random(random, 3) : 0;
        counter->fail_for_good = next_random(random, 2) == 0;
        counter->fail_twice = next_random(random, 2) == 0;
        if (takes_rows(scene) && next_random(random, 4) == 0) {
            bool own = next_random(random, 2) == 0;
            assert_ok(hml_bind_output(session, 0, own ? NULL : bound, own ? 0 : sizeof bound),
                      session);
        }
        assert_ok(bind_all(session, scene, n), session);
        hml_status status = hml_run(session);
        if (status == HML_OK) {
            check_outputs(scene, session, n);
        }
        if (status != HML_OK) {
            assert_int_equal(status, fails ? HML_ERROR_out_of_memory : HML_OK);
            read_outputs(session);
            *failures += 1;
        }
    }
    counter->fail_at = 0;
}

static void sessions_are_used_on_after_failures(void **state)
{
    (void)state;
    uint32_t failures = 0;
    for (unsigned k = 0; k < session_count; k++) {
        const test_scene *scene = &reused[k % (sizeof reused / sizeof reused[0])];
        uint64_t random = (uint64_t)seed * 1000003 + k;
        artifact_builder b;
        size_t bytes = 0;
        scene->build(&b);
        uint8_t *data = build_artifact(&b, &bytes);
        counting_allocator counter = {0};
        hml_allocator allocator = {.struct_bytes = sizeof allocator,
                                   .context = &counter,
                                   .allocate = counting_allocate,
                                   .release = counting_release};
        hml_open_options options = {.struct_bytes = sizeof options, .allocator = &allocator};
        hml_model *model = NULL;
        hml_session *session = NULL;
        assert_int_equal(hml_model_open_memory(data, bytes, &options, &model), HML_OK);
        assert_int_equal(hml_session_create(model, NULL, &session), HML_OK);
        reuse_session(scene, session, &counter, &random, &failures);
        hml_session_destroy(session);
        hml_model_release(model);
        free(data);
        assert_int_equal(counter.live, 0);
        assert_int_equal(counter.live_bytes, 0);
    }
    assert_true(session_count < 100 || failures > session_count / 4);
}

static void runs_do_not_allocate(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof scenes / sizeof scenes[0]; s++) {
        artifact_builder b;
        size_t bytes = 0;
        scenes[s].build(&b);
        uint8_t *data = build_artifact(&b, &bytes);
        counting_allocator counter = {0};
        hml_allocator allocator = {.struct_bytes = sizeof allocator,
                                   .context = &counter,
                                   .allocate = counting_allocate,
                                   .release = counting_release};
        hml_open_options options = {.struct_bytes = sizeof options, .allocator = &allocator};
        hml_model *model = NULL;
        hml_session *session = NULL;
        assert_int_equal(hml_model_open_memory(data, bytes, &options, &model), HML_OK);
        assert_int_equal(hml_session_create(model, NULL, &session), HML_OK);
        assert_ok(bind_all(session, &scenes[s], 16), session);
        assert_ok(hml_session_prepare(session), session);
        if (scenes[s].build == build_positions) {
            assert_ok(hml_run(session), session); /* run-time sizes need one run to be known */
        }
        size_t before = counter.calls;
        for (int i = 0; i < 3; i++) {
            assert_ok(hml_run(session), session);
        }
        assert_int_equal(counter.calls, before);
        hml_session_destroy(session);
        hml_model_release(model);
        free(data);
    }
}

/* A prepared run on one thread makes no system call at all: strict seccomp kills whoever makes one
 * but read, write and exit. */
static void runs_do_not_call_the_system(void **state)
{
    (void)state;
#ifdef SANITIZED
    skip(); /* the sanitizers' own runtime calls the system */
#else
    artifact_builder b;
    uint8_t *data;
    build_sum(&b);
    hml_model *model = open_built(&b, &data);
    hml_session *session = NULL;
    assert_int_equal(hml_session_create(model, NULL, &session), HML_OK);
    assert_ok(bind_all(session, &scenes[0], 16), session);
    assert_ok(hml_session_prepare(session), session);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) {
            _exit(77);
        }
        int failed = 0;
        for (int i = 0; i < 3; i++) {
            failed |= hml_run(session) != HML_OK;
        }
        syscall(SYS_exit, failed);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    hml_session_destroy(session);
    hml_model_release(model);
    free(data);
#endif
}

/* -- Lying tables ------------------------------------------------------------------------------ */

/* Opens a changed artifact and runs it if it opens; whatever comes out must come out in order. The
 * sanitizers watch. */
static void try_changed(const test_scene *scene, const uint8_t *data, size_t bytes)
{
    hml_model *model = NULL;
    if (hml_model_open_memory(data, bytes, NULL, &model) != HML_OK) {
        return;
    }
    hml_model_info info = {.struct_bytes = sizeof info};
    (void)!hml_model_describe(model, &info);
    hml_shape_info sizes = {.struct_bytes = sizeof sizes};
    (void)!hml_model_shapes(model, NULL, 0, NULL, NULL, &sizes);
    size_t session_bytes = 0;
    (void)!hml_session_size(model, NULL, &session_bytes);
    hml_session *session = NULL;
    if (hml_session_create(model, NULL, &session) == HML_OK) {
        static const int64_t lengths[] = {3, 8};
        for (size_t i = 0; i < 2; i++) {
            if (bind_all(session, scene, lengths[i]) == HML_OK) {
                (void)!hml_run(session);
            }
        }
        for (uint32_t i = 0; i < info.output_count; i++) {
            hml_tensor out;
            (void)!hml_session_output(session, i, &out);
        }
    }
    hml_session_destroy(session);
    hml_model_release(model);
}

static void lying_tables_do_no_harm(void **state)
{
    (void)state;
    static const uint32_t lies[] = {0,          1,           2,           5,           8,       63,
                                    0x7fffffff, 0x80000000U, 0xffffffffU, 0xfffffff0U, 1U << 20};
    for (size_t s = 0; s < sizeof scenes / sizeof scenes[0]; s++) {
        artifact_builder b;
        size_t bytes = 0;
        scenes[s].build(&b);
        uint8_t *data = build_artifact(&b, &bytes);
        uint8_t *changed = aligned_alloc(64, (bytes + 63) / 64 * 64);
        const hml_section_record *sections = (const void *)(data + 64);
        size_t first = (size_t)sections[0].offset;
        size_t last = (size_t)sections[2].offset;
        for (size_t at = first; at + 4 <= last; at += 4) {
            for (size_t lie = 0; lie < sizeof lies / sizeof lies[0]; lie++) {
                memcpy(changed, data, bytes);
                memcpy(changed + at, &lies[lie], sizeof lies[lie]);
                assert_true(reseal_artifact(changed, bytes));
                try_changed(&scenes[s], changed, bytes);
            }
        }
        free(changed);
        free(data);
    }
}

int main(int argc, char **argv)
{
    for (int k = 1; k + 1 < argc; k += 2) {
        unsigned value = (unsigned)strtoul(argv[k + 1], NULL, 10);
        *(strcmp(argv[k], "--seed") == 0 ? &seed : &session_count) = value;
    }
    for (size_t i = 0; i < 256; i++) {
        values[i] = i % 2 == 0 ? 0.0F : 1.0F;
    }
    unsetenv("HML_VARIANT");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failing_allocation_is_reported),
        cmocka_unit_test(sessions_are_used_on_after_failures),
        cmocka_unit_test(runs_do_not_allocate),
        cmocka_unit_test(runs_do_not_call_the_system),
        cmocka_unit_test(lying_tables_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

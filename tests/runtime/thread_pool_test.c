/* SPDX-License-Identifier: Apache-2.0 */
/* The pool, alone and below sessions: no part twice, every unit once, the same bits, no race. */
#include "runtime_test.h"

#include "session/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* -- The pool alone ---------------------------------------------------------------------------- */

typedef struct tally {
    uint32_t parts;
    int counts[64]; /* plain: the pool orders them */
    pthread_t first_thread;
} tally;

static int64_t count_part(void *context, uint32_t part)
{
    tally *counted = context;
    counted->counts[part]++;
    if (part == 0) {
        counted->first_thread = pthread_self();
    }
    return 1;
}

/* Part 0 always, the others at most once: workers that come too late find the job taken. */
static void run_jobs(hml_pool *pool, uint32_t wanted, int jobs)
{
    for (int job = 0; job < jobs; job++) {
        tally counted = {0};
        uint32_t parts = hml_pool_parts(pool, wanted, true);
        assert_true(parts >= 1 && parts <= wanted);
        hml_pool_run(pool, parts, count_part, &counted);
        assert_int_equal(counted.counts[0], 1);
        for (uint32_t i = 1; i < 64; i++) {
            assert_in_range(counted.counts[i], 0, i < parts ? 1 : 0);
        }
        assert_true(pthread_equal(counted.first_thread, pthread_self()));
    }
}

static void no_part_runs_twice(void **state)
{
    (void)state;
    static const uint32_t threads[] = {1, 2, 3, 8};
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        hml_pool_options options = {.struct_bytes = sizeof options, .threads = threads[i]};
        hml_pool *pool = NULL;
        assert_int_equal(hml_pool_create(&options, &pool), HML_OK);
        assert_int_equal(hml_pool_threads(pool), threads[i]);
        assert_true(hml_pool_acquire(pool, 100));
        assert_false(hml_pool_acquire(pool, 100));
        for (uint32_t wanted = 1; wanted <= threads[i]; wanted++) {
            run_jobs(pool, wanted, 300);
        }
        hml_pool_yield(pool);
        assert_true(hml_pool_acquire(pool, 0));
        hml_pool_yield(pool);
        hml_pool_release(pool);
    }
    hml_pool_release(NULL);
    hml_pool_options many = {.struct_bytes = sizeof many, .threads = 100000};
    hml_pool *pool = NULL;
    assert_int_equal(hml_pool_create(&many, &pool), HML_ERROR_bad_argument);
}

/* The pool's memory is its allocator's, which may have none. */
typedef struct pool_memory {
    size_t calls, live_bytes;
    bool none;
} pool_memory;

static void *pool_allocate(void *context, size_t bytes, size_t alignment)
{
    pool_memory *memory = context;
    void *data = NULL;
    memory->calls++;
    if (memory->none || posix_memalign(&data, alignment, bytes) != 0) {
        return NULL;
    }
    memset(data, 0xa5, bytes);
    memory->live_bytes += bytes;
    return data;
}

static void pool_deallocate(void *context, void *data, size_t bytes)
{
    pool_memory *memory = context;
    memory->live_bytes -= bytes;
    free(data);
}

static void memory_comes_from_the_allocator(void **state)
{
    (void)state;
    pool_memory memory = {.none = true};
    hml_allocator allocator = {.struct_bytes = sizeof allocator,
                               .context = &memory,
                               .allocate = pool_allocate,
                               .release = pool_deallocate};
    hml_pool_options options = {
        .struct_bytes = sizeof options, .threads = 3, .allocator = &allocator};
    hml_pool *pool = NULL;
    assert_int_equal(hml_pool_create(&options, &pool), HML_ERROR_out_of_memory);
    assert_null(pool);
    memory.none = false;
    assert_int_equal(hml_pool_create(&options, &pool), HML_OK);
    assert_int_equal(memory.calls, 2);
    assert_true(memory.live_bytes > 0);
    allocator.release = NULL; /* it was copied */
    assert_true(hml_pool_acquire(pool, 100));
    run_jobs(pool, 3, 20);
    hml_pool_yield(pool);
    hml_pool_release(pool);
    assert_int_equal(memory.live_bytes, 0);
    assert_int_equal(hml_pool_create(&options, &pool), HML_ERROR_bad_argument);
}

/* Workers that fell asleep are left alone by small work and woken by large. */
static void sleeping_workers_are_woken_only_on_request(void **state)
{
    (void)state;
    hml_pool_options options = {.struct_bytes = sizeof options, .threads = 4};
    hml_pool *pool = NULL;
    assert_int_equal(hml_pool_create(&options, &pool), HML_OK);
    const struct timespec pause = {0, 20000000};
    for (int round = 0; round < 3; round++) {
        for (int tries = 0; tries < 100 && hml_pool_parts(pool, 4, false) != 1; tries++) {
            nanosleep(&pause, NULL);
        }
        assert_int_equal(hml_pool_parts(pool, 4, false), 1);
        assert_true(hml_pool_acquire(pool, 0));
        assert_int_equal(hml_pool_parts(pool, 4, true), 4);
        run_jobs(pool, 4, 5);
        hml_pool_yield(pool);
    }
    hml_pool_release(pool);
}

/* Jobs of 1000 that a worker takes part in, when each saves `saved` ticks and ends `late`. */
static int jobs_taken(hml_worker_record *record, int64_t saved, int64_t late)
{
    int taken = 0;
    for (int job = 0; job < 1000; job++) {
        if (record->rest > 0) {
            record->rest--;
            continue;
        }
        hml_worker_judge(record, saved, late);
        taken++;
    }
    return taken;
}

static void workers_that_cost_more_than_they_save_rest(void **state)
{
    (void)state;
    hml_worker_record record = {0};
    assert_int_equal(jobs_taken(&record, 1000, 400), 1000);
    assert_int_equal(jobs_taken(&record, 1000, 0), 1000);
    hml_worker_judge(&record, 1000, 3000); /* held up once: what it saved before counts */
    assert_int_equal(record.rest, 0);
    assert_in_range(jobs_taken(&record, 1000, 3000), 8, 12); /* rests of 1, 3, 7 ... 511 jobs */
    assert_true(record.rest > 0);
    record.rest = 0;
    assert_int_equal(jobs_taken(&record, 1000, 0), 1000); /* its processor is free again */
    assert_int_equal(record.longest_rest, 0);
}

/* A worker that shares its processor: thirty jobs in a row save 1000 ticks each, then it is stopped
 * for as long as it ran. */
static void workers_that_are_stopped_again_and_again_rest(void **state)
{
    (void)state;
    hml_worker_record record = {0};
    int taken = 0;
    for (int job = 0; job < 100000; job++) {
        if (record.rest > 0) {
            record.rest--;
            continue;
        }
        taken++;
        hml_worker_judge(&record, 1000, taken % 31 == 0 ? 30000 : 0);
    }
    assert_in_range(taken, 500, 1500);
}

/* Ending a pool at once must not lose a worker that just starts, spins, or falls asleep. */
static void pools_end_at_any_time(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        hml_pool_options options = {.struct_bytes = sizeof options, .threads = 3};
        hml_pool *pool = NULL;
        assert_int_equal(hml_pool_create(&options, &pool), HML_OK);
        if (i % 2 == 0) {
            assert_true(hml_pool_acquire(pool, 100));
            run_jobs(pool, 3, i % 7);
            hml_pool_yield(pool);
        }
        hml_pool_release(pool);
    }
}

/* -- Below sessions ---------------------------------------------------------------------------- */

enum { SLOW_UNITS = 1001 };

typedef struct slow_session {
    hml_session *session;
    float x[SLOW_UNITS], y[SLOW_UNITS], z[SLOW_UNITS];
} slow_session;

static void open_slow(hml_model *model, hml_pool *pool, slow_session *slow)
{
    hml_session_options options = {.struct_bytes = sizeof options, .pool = pool};
    assert_int_equal(hml_session_create(model, &options, &slow->session), HML_OK);
    for (int i = 0; i < SLOW_UNITS; i++) {
        slow->x[i] = (float)i * 0.37F;
        slow->y[i] = (float)(i % 13) * 0.011F;
    }
    hml_tensor x = f32_tensor(slow->x, SLOW_UNITS), y = f32_tensor(slow->y, SLOW_UNITS);
    assert_ok(hml_bind_input(slow->session, 0, &x), slow->session);
    assert_ok(hml_bind_input(slow->session, 1, &y), slow->session);
    assert_ok(hml_bind_output(slow->session, 0, slow->z, sizeof slow->z), slow->session);
}

static hml_model *slow_model(uint8_t **data)
{
    artifact_builder b;
    build_slow(&b, 2);
    return open_built(&b, data);
}

/* Whether all threads of a new pool were in its first run; the bits are those of `alone`. */
static bool runs_agree(hml_model *model, uint32_t threads, const slow_session *alone,
                       slow_session *shared)
{
    hml_pool_options options = {.struct_bytes = sizeof options, .threads = threads};
    hml_pool *pool = NULL;
    hml_step_profile profile[2] = {0};
    bool all = false;
    assert_int_equal(hml_pool_create(&options, &pool), HML_OK);
    open_slow(model, pool, shared);
    hml_pool_release(pool); /* the session keeps it */
    assert_ok(hml_session_profile(shared->session, profile, 2), shared->session);
    for (int run = 0; run < 100; run++) {
        memset(shared->z, 0, sizeof shared->z);
        assert_ok(hml_run(shared->session), shared->session);
        assert_memory_equal(shared->z, alone->z, sizeof alone->z);
        all = all || (run == 0 && profile[0].threads == threads);
    }
    hml_session_destroy(shared->session);
    return all;
}

static void bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    uint8_t *data;
    hml_model *model = slow_model(&data);
    static slow_session alone, shared;
    open_slow(model, NULL, &alone);
    assert_ok(hml_run(alone.session), alone.session);
    for (uint32_t threads = 1; threads <= 5; threads++) {
        bool all = false;
        /* All workers of a new pool take part, but for those that slept before the first run. */
        for (int pools = 0; pools < 100 && !all; pools++) {
            all = runs_agree(model, threads, &alone, &shared);
        }
        assert_true(all);
    }
    hml_session_destroy(alone.session);
    hml_model_release(model);
    free(data);
}

/* The caller's own threads: here, parts one behind the other in reverse. */
static void run_backwards(void *context, uint32_t parts,
                          void (*task)(void *task_context, uint32_t part), void *task_context)
{
    (*(uint32_t *)context)++;
    for (uint32_t part = parts; part > 0; part--) {
        task(task_context, part - 1);
    }
}

static void callers_may_bring_their_threads(void **state)
{
    (void)state;
    uint8_t *data;
    hml_model *model = slow_model(&data);
    static slow_session alone, shared;
    uint32_t calls = 0;
    hml_pool_options options = {.struct_bytes = sizeof options,
                                .threads = 7,
                                .parallel_for = run_backwards,
                                .context = &calls};
    hml_pool *pool = NULL;
    assert_int_equal(hml_pool_create(&options, &pool), HML_OK);
    open_slow(model, NULL, &alone);
    open_slow(model, pool, &shared);
    assert_ok(hml_run(alone.session), alone.session);
    assert_ok(hml_run(shared.session), shared.session);
    assert_int_equal(calls, 2);
    assert_memory_equal(shared.z, alone.z, sizeof alone.z);
    hml_session_destroy(alone.session);
    hml_session_destroy(shared.session);
    hml_pool_release(pool);
    hml_model_release(model);
    free(data);
}

typedef struct runner {
    slow_session slow;
    int failures;
} runner;

static void *run_often(void *argument)
{
    runner *self = argument;
    for (int i = 0; i < 30; i++) {
        self->failures += hml_run(self->slow.session) != HML_OK ? 1 : 0;
    }
    return NULL;
}

static void sessions_share_a_pool_from_two_threads(void **state)
{
    (void)state;
    uint8_t *data;
    hml_model *model = slow_model(&data);
    static runner runners[2];
    hml_pool_options options = {.struct_bytes = sizeof options, .threads = 3};
    hml_pool *pool = NULL;
    pthread_t threads[2];
    assert_int_equal(hml_pool_create(&options, &pool), HML_OK);
    for (int i = 0; i < 2; i++) {
        open_slow(model, pool, &runners[i].slow);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_often, &runners[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(runners[i].failures, 0);
    }
    assert_memory_equal(runners[0].slow.z, runners[1].slow.z, sizeof runners[0].slow.z);
    for (int i = 0; i < 2; i++) {
        hml_session_destroy(runners[i].slow.session);
    }
    hml_pool_release(pool);
    hml_model_release(model);
    free(data);
}

/* -- A model that is replaced while it serves -------------------------------------------------- */

typedef struct server {
    pthread_mutex_t lock; /* of `current`, as a user would have it */
    hml_model *current;
    atomic_int stop, served, failures;
} server;

static void serve_once(server *shared)
{
    pthread_mutex_lock(&shared->lock);
    hml_model *model = hml_model_retain(shared->current);
    pthread_mutex_unlock(&shared->lock);
    hml_session *session = NULL;
    float x[8] = {1}, y[8] = {2};
    hml_tensor tx = f32_matrix(x, 2, 4), ty = f32_matrix(y, 2, 4), z;
    int good = hml_session_create(model, NULL, &session) == HML_OK;
    hml_model_release(model); /* the session holds it */
    good = good && hml_bind_input(session, 0, &tx) == HML_OK &&
           hml_bind_input(session, 1, &ty) == HML_OK && hml_run(session) == HML_OK &&
           hml_session_output(session, 0, &z) == HML_OK && *(const float *)z.data == 6.0F;
    hml_session_destroy(session);
    atomic_fetch_add(good ? &shared->served : &shared->failures, 1);
}

static void *serve(void *argument)
{
    server *shared = argument;
    while (!atomic_load(&shared->stop)) {
        serve_once(shared);
    }
    return NULL;
}

static void models_are_replaced_while_they_serve(void **state)
{
    (void)state;
    artifact_builder b;
    uint8_t *data[8];
    server shared = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[2];
    build_sum(&b);
    shared.current = open_built(&b, &data[0]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, serve, &shared), 0);
    }
    for (int i = 1; i < 8; i++) {
        const struct timespec pause = {0, 5000000};
        hml_model *next = open_built(&b, &data[i]);
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&shared.lock);
        hml_model *old = shared.current;
        shared.current = next;
        pthread_mutex_unlock(&shared.lock);
        hml_model_release(old);
    }
    atomic_store(&shared.stop, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_true(atomic_load(&shared.served) > 0);
    assert_int_equal(atomic_load(&shared.failures), 0);
    hml_model_release(shared.current);
    for (int i = 0; i < 8; i++) {
        free(data[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_part_runs_twice),
        cmocka_unit_test(memory_comes_from_the_allocator),
        cmocka_unit_test(sleeping_workers_are_woken_only_on_request),
        cmocka_unit_test(workers_that_cost_more_than_they_save_rest),
        cmocka_unit_test(workers_that_are_stopped_again_and_again_rest),
        cmocka_unit_test(pools_end_at_any_time),
        cmocka_unit_test(bits_do_not_depend_on_threads),
        cmocka_unit_test(callers_may_bring_their_threads),
        cmocka_unit_test(sessions_share_a_pool_from_two_threads),
        cmocka_unit_test(models_are_replaced_while_they_serve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

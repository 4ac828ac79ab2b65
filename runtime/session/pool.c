#include "session/pool.h"
#include "common/memory.h"
#include "common/message.h"
#include "platform/platform.h"
#include <stdatomic.h>
#include <string.h>

/*
 * A worker waits on its own command word: an even number that grows by 2 with each job, and bit 0
 * while the worker sleeps (or is about to). The caller exchanges the word for the next number and
 * wakes the worker when the bit was set; a worker that finds the number changed runs its part. The
 * job itself is plain memory, published by that exchange. Workers that get no part of a job never
 * look at it.
 */
#define SLEEPING 1U

#define SPIN_COUNT   2000U /* pauses before a worker sleeps: 20 to 90 us, by processor */
#define FINISH_COUNT 8000U /* pauses before the caller sleeps on workers that still compute */
#define MAX_THREADS  1024U
#define MOST_SKIPS   1023U

typedef struct pool_worker {
    _Alignas(128) atomic_uint command;
    uint32_t part;
    /* Of the thread that holds the pool: woken ahead of its work, and not used since; runs for
     * which it is not woken ahead again. */
    bool roused;
    uint32_t skips, penalty;
    bool started;
    hml_pool *pool;
    hml_platform_thread thread;
} pool_worker;

struct hml_pool {
    atomic_uint references;
    atomic_flag busy;
    uint32_t threads;
    hml_parallel_for *parallel_for;
    void *parallel_context;

    /* The job; changes only while no worker has a part. */
    hml_pool_task *task; /* NULL: end the thread */
    void *context;

    /* Parts that workers have not finished; bit 31: the caller sleeps on it. */
    _Alignas(128) atomic_uint pending;
    pool_worker workers[]; /* threads - 1 */
};

#define CALLER_SLEEPS (UINT32_C(1) << 31)

static uint32_t worker_count(const hml_pool *pool)
{
    return pool->parallel_for != NULL ? 0 : pool->threads - 1;
}

/* -- Worker side ------------------------------------------------------------------------------- */

/* Waits until the command differs from `last`; returns the new one. */
static uint32_t next_command(pool_worker *self, uint32_t last)
{
    for (;;) {
        for (uint32_t i = 0; i < SPIN_COUNT; i++) {
            uint32_t command = atomic_load_explicit(&self->command, memory_order_acquire);
            if (command != last) {
                return command;
            }
            hml_platform_pause();
        }
        uint32_t expected = last;
        if (atomic_compare_exchange_strong(&self->command, &expected, last | SLEEPING)) {
            while (atomic_load_explicit(&self->command, memory_order_acquire) ==
                   (last | SLEEPING)) {
                hml_platform_wait(&self->command, last | SLEEPING);
            }
        }
    }
}

static void finish_part(hml_pool *pool)
{
    uint32_t before = atomic_fetch_sub_explicit(&pool->pending, 1, memory_order_acq_rel);
    if (before == (CALLER_SLEEPS | 1U)) {
        hml_platform_wake(&pool->pending);
    }
}

static void *worker_main(void *argument)
{
    pool_worker *self = argument;
    hml_pool *pool = self->pool;
    uint32_t command = 0;
    for (;;) {
        command = next_command(self, command);
        if (pool->task == NULL) {
            return NULL;
        }
        pool->task(pool->context, self->part);
        finish_part(pool);
    }
}

/* -- Caller side ------------------------------------------------------------------------------- */

static bool is_sleeping(pool_worker *worker)
{
    return (atomic_load_explicit(&worker->command, memory_order_relaxed) & SLEEPING) != 0;
}

/* Gives the worker a new command. */
static void command_worker(pool_worker *worker)
{
    uint32_t old = atomic_load_explicit(&worker->command, memory_order_relaxed);
    uint32_t next = (old & ~SLEEPING) + 2;
    worker->roused = false;
    worker->penalty = 0;
    old = atomic_exchange_explicit(&worker->command, next, memory_order_acq_rel);
    if ((old & SLEEPING) != 0) {
        hml_platform_wake(&worker->command);
    }
}

/*
 * Makes a sleeping worker spin again. Where all processors are busy it may do so in the caller's
 * place, and sleep again before there is work: each time in vain doubles the runs that pass until
 * the next attempt.
 */
static bool rouse_worker(pool_worker *worker)
{
    uint32_t old = atomic_load_explicit(&worker->command, memory_order_relaxed);
    if ((old & SLEEPING) == 0) {
        return false;
    }
    if (worker->roused) {
        worker->roused = false;
        worker->penalty = worker->penalty < MOST_SKIPS ? worker->penalty * 2 + 1 : MOST_SKIPS;
        worker->skips = worker->penalty;
    }
    if (worker->skips > 0) {
        worker->skips--;
        return false;
    }
    if (!atomic_compare_exchange_strong(&worker->command, &old, old & ~SLEEPING)) {
        return false;
    }
    worker->roused = true;
    hml_platform_wake(&worker->command);
    return true;
}

static void await_workers(hml_pool *pool)
{
    for (uint32_t i = 0; i < FINISH_COUNT; i++) {
        if (atomic_load_explicit(&pool->pending, memory_order_acquire) == 0) {
            return;
        }
        hml_platform_pause();
    }
    uint32_t pending = atomic_fetch_or(&pool->pending, CALLER_SLEEPS) | CALLER_SLEEPS;
    while (pending != CALLER_SLEEPS) {
        hml_platform_wait(&pool->pending, pending);
        pending = atomic_load_explicit(&pool->pending, memory_order_acquire);
    }
    atomic_store_explicit(&pool->pending, 0, memory_order_relaxed);
}

bool hml_pool_acquire(hml_pool *pool, uint32_t wake)
{
    if (atomic_flag_test_and_set_explicit(&pool->busy, memory_order_acquire)) {
        return false;
    }
    for (uint32_t i = 0; wake > 0 && i < worker_count(pool); i++) {
        wake -= rouse_worker(&pool->workers[i]) ? 1 : 0;
    }
    return true;
}

void hml_pool_yield(hml_pool *pool)
{
    atomic_flag_clear_explicit(&pool->busy, memory_order_release);
}

uint32_t hml_pool_parts(hml_pool *pool, uint32_t wanted, bool wake)
{
    if (pool->parallel_for != NULL) {
        return wanted < pool->threads ? wanted : pool->threads;
    }
    uint32_t parts = 1;
    for (uint32_t i = 0; i < worker_count(pool); i++) {
        bool chosen = parts < wanted && (wake || !is_sleeping(&pool->workers[i]));
        pool->workers[i].part = chosen ? parts++ : 0;
    }
    return parts;
}

void hml_pool_run(hml_pool *pool, uint32_t parts, hml_pool_task *task, void *context)
{
    if (parts <= 1) {
        task(context, 0);
        return;
    }
    if (pool->parallel_for != NULL) {
        pool->parallel_for(pool->parallel_context, parts, task, context);
        return;
    }
    pool->task = task;
    pool->context = context;
    atomic_store_explicit(&pool->pending, parts - 1, memory_order_relaxed);
    for (uint32_t i = 0; i < worker_count(pool); i++) {
        if (pool->workers[i].part != 0) {
            command_worker(&pool->workers[i]);
        }
    }
    task(context, 0);
    await_workers(pool);
}

/* -- Life -------------------------------------------------------------------------------------- */

uint32_t hml_pool_threads(const hml_pool *pool)
{
    return pool->threads;
}

void hml_pool_retain(hml_pool *pool)
{
    (void)atomic_fetch_add_explicit(&pool->references, 1, memory_order_relaxed);
}

static size_t pool_bytes(const hml_pool *pool)
{
    return sizeof *pool + worker_count(pool) * sizeof(pool_worker);
}

static void stop_workers(hml_pool *pool)
{
    pool->task = NULL;
    for (uint32_t i = 0; i < worker_count(pool); i++) {
        if (pool->workers[i].started) {
            command_worker(&pool->workers[i]);
            hml_platform_thread_join(&pool->workers[i].thread);
        }
    }
}

void hml_pool_release(hml_pool *pool)
{
    if (pool == NULL ||
        atomic_fetch_sub_explicit(&pool->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    stop_workers(pool);
    hml_platform_release(pool, pool_bytes(pool));
}

static bool start_workers(hml_pool *pool)
{
    for (uint32_t i = 0; i < worker_count(pool); i++) {
        pool_worker *worker = &pool->workers[i];
        worker->pool = pool;
        atomic_init(&worker->command, 0);
        worker->started = hml_platform_thread_start(&worker->thread, worker_main, worker);
        if (!worker->started) {
            return false;
        }
    }
    return true;
}

hml_status hml_pool_create(const hml_pool_options *options, hml_pool **pool)
{
    static const hml_pool_options defaults = {0};
    options = options != NULL ? options : &defaults;
    uint32_t threads = options->threads != 0 ? options->threads : hml_platform_processors();
    if (threads > MAX_THREADS) {
        return HML_ERROR_bad_argument;
    }
    hml_pool header = {.threads = threads, .parallel_for = options->parallel_for};
    size_t bytes = pool_bytes(&header);
    hml_pool *created = hml_platform_allocate(bytes, _Alignof(hml_pool));
    if (created == NULL) {
        return HML_ERROR_out_of_memory;
    }
    memset(created, 0, bytes);
    atomic_init(&created->references, 1);
    atomic_flag_clear(&created->busy);
    atomic_init(&created->pending, 0);
    created->threads = threads;
    created->parallel_for = options->parallel_for;
    created->parallel_context = options->context;
    if (!start_workers(created)) {
        hml_pool_release(created);
        return HML_ERROR_threads_unavailable;
    }
    *pool = created;
    return HML_OK;
}

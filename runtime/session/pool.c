/* SPDX-License-Identifier: Apache-2.0 */
#include "session/pool.h"
#include "common/memory.h"
#include "common/message.h"
#include "common/versioned.h"
#include "platform/platform.h"
#include <stdatomic.h>
#include <string.h>

/*
 * A worker waits on its own command word: a number that grows with each job, a bit that says that
 * the job is taken, and one that says that the worker sleeps or is about to. The caller exchanges
 * the word for the next number and wakes the worker when it slept; the worker takes the job by
 * setting the bit. The caller sets it, too, when nothing is left to do: whoever comes first decides
 * whether the worker's part runs. So nobody waits for a worker that is slow to wake. The job itself
 * is plain memory, published by the exchange and read only by who took it.
 */
#define SLEEPING 1U
#define TAKEN    2U
#define NEXT_JOB 4U

#define SPIN_COUNT   2000U /* pauses before a worker sleeps: 20 to 90 us, by processor */
#define FINISH_COUNT 8000U /* pauses before the caller sleeps on workers that still compute */
#define MAX_THREADS  1024U
#define MOST_SKIPS   1023U
#define LONGEST_REST 4095U /* jobs: a worker that is held up costs 1 % of them at most */
#define FORGIVENESS  16    /* times what it cost, a worker saves to be trusted again */

typedef struct pool_worker {
    _Alignas(128) atomic_uint command;
    uint32_t part;
    /* Of the worker: what it did of its last job, when, and on which processor. */
    int64_t units;
    uint64_t begun, ended;
    int processor;
    /* Of the thread that holds the pool: woken ahead of its work, and not used since; runs for
     * which it is not woken ahead again. */
    bool roused;
    uint32_t skips, penalty;
    hml_worker_record record;
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
    hml_allocator allocator; /* of this structure */

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

/* Sets the bit that decides who has the job `number`; false when it is set, or the job is over. */
static bool take_job(pool_worker *worker, uint32_t number)
{
    return atomic_compare_exchange_strong_explicit(&worker->command, &number, number | TAKEN,
                                                   memory_order_acq_rel, memory_order_acquire);
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
    uint32_t command = TAKEN;
    for (;;) {
        command = next_command(self, command);
        bool taken = (command & TAKEN) == 0 && take_job(self, command);
        command |= TAKEN;
        if (!taken) {
            continue;
        }
        if (pool->task == NULL) {
            return NULL;
        }
        self->begun = hml_platform_ticks();
        self->units = pool->task(pool->context, self->part);
        self->ended = hml_platform_ticks();
        self->processor = hml_platform_processor();
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
    uint32_t next = (old & ~(SLEEPING | TAKEN)) + NEXT_JOB;
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
    if (worker->record.rest > 0) {
        return false;
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

/* Takes the job from the workers that have not begun it: their number. */
static uint32_t recall_workers(hml_pool *pool)
{
    uint32_t recalled = 0;
    for (uint32_t i = 0; i < worker_count(pool); i++) {
        pool_worker *worker = &pool->workers[i];
        if (worker->part == 0) {
            continue;
        }
        uint32_t job = atomic_load_explicit(&worker->command, memory_order_relaxed);
        if ((job & TAKEN) == 0 && take_job(worker, job)) {
            worker->part = 0;
            recalled++;
        } else {
            worker->roused = false;
            worker->penalty = 0;
        }
    }
    return recalled;
}

/* Waits for those that have begun. */
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

void hml_worker_judge(hml_worker_record *record, int64_t saved, int64_t late)
{
    record->balance += saved - 2 * late - record->balance / 16;
    record->debt -= saved;
    if (record->debt <= 0) {
        record->debt = 0;
        record->longest_rest = 0;
    }
    if (record->balance < 0) {
        uint32_t longer = record->longest_rest * 2 + 1;
        record->longest_rest = longer < LONGEST_REST ? longer : LONGEST_REST;
        record->rest = record->longest_rest;
        record->debt = FORGIVENESS * late;
        record->balance = 0;
    }
}

/*
 * The caller did `units` of the job from `begin` to `end`. What a worker did on the caller's own
 * processor, the others being busy, kept the caller from working.
 */
static void judge_workers(hml_pool *pool, int64_t units, uint64_t begin, uint64_t end)
{
    double ticks_per_unit = (double)(end - begin) / (double)(units < 1 ? 1 : units);
    int processor = hml_platform_processor();
    for (uint32_t i = 0; i < worker_count(pool); i++) {
        pool_worker *worker = &pool->workers[i];
        if (worker->part == 0) {
            continue;
        }
        int64_t saved = (int64_t)((double)worker->units * ticks_per_unit);
        int64_t late = (int64_t)(worker->ended - end);
        if (processor >= 0 && worker->processor == processor) {
            saved = 0;
            late = (int64_t)(worker->ended - worker->begun);
        }
        hml_worker_judge(&worker->record, saved, late < 0 ? 0 : late);
    }
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

static bool is_wanted(pool_worker *worker, bool wake)
{
    if (worker->record.rest > 0) {
        worker->record.rest--;
        return false;
    }
    return wake || !is_sleeping(worker);
}

uint32_t hml_pool_parts(hml_pool *pool, uint32_t wanted, bool wake)
{
    if (pool->parallel_for != NULL) {
        return wanted < pool->threads ? wanted : pool->threads;
    }
    uint32_t parts = 1;
    for (uint32_t i = 0; i < worker_count(pool); i++) {
        bool chosen = parts < wanted && is_wanted(&pool->workers[i], wake);
        pool->workers[i].part = chosen ? parts++ : 0;
    }
    return parts;
}

/* A job as a caller's own threads take it. */
typedef struct foreign_job {
    hml_pool_task *task;
    void *context;
} foreign_job;

static void run_foreign(void *job, uint32_t part)
{
    const foreign_job *self = job;
    (void)self->task(self->context, part);
}

static void run_on_workers(hml_pool *pool, uint32_t parts, hml_pool_task *task, void *context)
{
    pool->task = task;
    pool->context = context;
    atomic_store_explicit(&pool->pending, parts - 1, memory_order_relaxed);
    for (uint32_t i = 0; i < worker_count(pool); i++) {
        if (pool->workers[i].part != 0) {
            command_worker(&pool->workers[i]);
        }
    }
    uint64_t begin = hml_platform_ticks();
    int64_t units = task(context, 0);
    uint64_t end = hml_platform_ticks();
    (void)atomic_fetch_sub_explicit(&pool->pending, recall_workers(pool), memory_order_relaxed);
    await_workers(pool);
    judge_workers(pool, units, begin, end);
}

void hml_pool_run(hml_pool *pool, uint32_t parts, hml_pool_task *task, void *context)
{
    if (parts <= 1) {
        (void)task(context, 0);
    } else if (pool->parallel_for != NULL) {
        foreign_job job = {task, context};
        pool->parallel_for(pool->parallel_context, parts, run_foreign, &job);
    } else {
        run_on_workers(pool, parts, task, context);
    }
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
    hml_allocator allocator = pool->allocator;
    allocator.release(allocator.context, pool, pool_bytes(pool));
}

static bool start_workers(hml_pool *pool)
{
    for (uint32_t i = 0; i < worker_count(pool); i++) {
        pool_worker *worker = &pool->workers[i];
        worker->pool = pool;
        atomic_init(&worker->command, TAKEN);
        worker->started = hml_platform_thread_start(&worker->thread, worker_main, worker);
        if (!worker->started) {
            return false;
        }
    }
    return true;
}

static hml_status create_pool(const hml_pool_options *options, uint32_t threads, hml_pool **pool)
{
    hml_pool header = {.threads = threads, .parallel_for = options->parallel_for};
    if (hml_allocator_read(&header.allocator, options->allocator) != NULL) {
        return HML_ERROR_bad_argument;
    }
    size_t bytes = pool_bytes(&header);
    hml_pool *created =
        header.allocator.allocate(header.allocator.context, bytes, _Alignof(hml_pool));
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
    created->allocator = header.allocator;
    if (!start_workers(created)) {
        hml_pool_release(created);
        return HML_ERROR_threads_unavailable;
    }
    *pool = created;
    return HML_OK;
}

hml_status hml_pool_create(const hml_pool_options *given, hml_pool **pool)
{
    hml_pool_options options = {.struct_bytes = sizeof options};
    if (given != NULL && HML_STRUCT_READ(&options, allocator, given) != NULL) {
        return HML_ERROR_bad_argument;
    }
    uint32_t threads = options.threads != 0 ? options.threads : hml_platform_processors();
    if (pool == NULL || threads > MAX_THREADS) {
        return HML_ERROR_bad_argument;
    }
    return create_pool(&options, threads, pool);
}

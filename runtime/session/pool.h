/* SPDX-License-Identifier: Apache-2.0 */
/* Threads for kernels: one run at a time holds the pool and splits its kernels over the workers. */
#ifndef HML_POOL_H
#define HML_POOL_H

#include <hml/hml.h>
#include <stdbool.h>

/* Returns how many units of work it did: what using the workers is judged by. */
typedef int64_t hml_pool_task(void *context, uint32_t part);

/*
 * What using a worker was good for. A worker whose processor something else uses is stopped in the
 * middle of its share, and the caller waits for as long as that takes: where this costs more than
 * the worker saves, it is left alone, each time for longer. Only when it has saved many times what
 * it cost is that forgotten: between two stops such a worker is of use, too.
 */
typedef struct hml_worker_record {
    int64_t balance; /* ticks saved less twice the ticks waited for it; old jobs fade */
    int64_t debt;    /* ticks to save until the rests are short again */
    uint32_t rest;   /* jobs for which it is left alone */
    uint32_t longest_rest;
} hml_worker_record;

/* A job in which the worker spared its caller `saved` ticks and ended `late` ticks after it. */
void hml_worker_judge(hml_worker_record *record, int64_t saved, int64_t late);

void hml_pool_retain(hml_pool *pool);

/* Threads with the calling one. */
uint32_t hml_pool_threads(const hml_pool *pool);

/*
 * Takes the workers for a run, if no other run has them, and wakes up to `wake` of those that
 * sleep. Never blocks.
 */
bool hml_pool_acquire(hml_pool *pool, uint32_t wake);
void hml_pool_yield(hml_pool *pool);

/*
 * How many parts, up to `wanted`, would run at the same time: the caller and the workers that are
 * awake; with `wake` the sleeping ones, too; without those that were of no use lately, because
 * something else has their processor. At least 1. Only while acquired.
 */
uint32_t hml_pool_parts(hml_pool *pool, uint32_t wanted, bool wake);

/*
 * Runs task(context, 0) on the calling thread and task(context, part) for the other parts, of which
 * the last hml_pool_parts gave `parts`, on workers; returns when all that began have ended. A
 * worker that has not begun when part 0 returns does not begin any more: parts claim what there is
 * to do, and part 0 leaves nothing unclaimed. Only while acquired.
 */
void hml_pool_run(hml_pool *pool, uint32_t parts, hml_pool_task *task, void *context);

#endif

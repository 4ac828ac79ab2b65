/* Threads for kernels: one run at a time holds the pool and splits its kernels over the workers. */
#ifndef HML_POOL_H
#define HML_POOL_H

#include <hml/hml.h>
#include <stdbool.h>

typedef void hml_pool_task(void *context, uint32_t part);

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
 * awake; with `wake` the sleeping ones, too. At least 1. Only while acquired.
 */
uint32_t hml_pool_parts(hml_pool *pool, uint32_t wanted, bool wake);

/*
 * Runs task(context, part) for the parts [0, parts) that the last hml_pool_parts gave, part 0 on
 * the calling thread, and returns when all are done. Only while acquired.
 */
void hml_pool_run(hml_pool *pool, uint32_t parts, hml_pool_task *task, void *context);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An arena with an importer's budget, 64 MiB and four times the input: parsers of containers end
 * within it, with a status, as they do within an import.
 */
#ifndef BUDGET_ARENA_H
#define BUDGET_ARENA_H

#include <stdlib.h>

#include "importer/budget.h"

typedef struct budget_arena {
    hmlc_budget budget;
    hmlc_arena *arena;
} budget_arena;

static inline void *budget_arena_allocate(void *context, size_t bytes)
{
    return hmlc_budget_allocate(context, bytes);
}

static inline void budget_arena_release(void *context, void *memory, size_t bytes)
{
    (void)bytes;
    hmlc_budget_release(context, memory);
}

/* NULL: no memory. */
static inline hmlc_arena *budget_arena_open(budget_arena *memory, size_t input_bytes)
{
    const hmlc_allocator allocator = {.allocate = budget_arena_allocate,
                                      .release = budget_arena_release,
                                      .context = &memory->budget};
    hmlc_budget_start(&memory->budget, 0, input_bytes);
    memory->arena = hmlc_arena_create(&allocator);
    return memory->arena;
}

static inline void budget_arena_close(budget_arena *memory)
{
    hmlc_arena_destroy(memory->arena);
    if (memory->budget.used != 0) {
        abort(); /* a leak */
    }
    hmlc_budget_end(&memory->budget);
}

#endif

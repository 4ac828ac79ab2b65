/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An allocator that runs out, after a number of allocations or of bytes, and knows how many blocks
 * are out: for tests that let every allocation fail once.
 */
#ifndef SCARCE_MEMORY_H
#define SCARCE_MEMORY_H

#include <hmlc/arena.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct scarce_memory {
    hmlc_allocator allocator;  /* its context is this structure, which must not move */
    size_t allocations, bytes; /* that it still gives */
    size_t refused, held;      /* requests, blocks */
} scarce_memory;

static inline void *scarce_allocate(void *context, size_t bytes)
{
    scarce_memory *memory = context;
    void *block = memory->allocations > 0 && memory->bytes >= bytes ? malloc(bytes) : NULL;
    if (block == NULL) {
        memory->refused++;
        return NULL;
    }
    memory->allocations--;
    memory->bytes -= bytes;
    memory->held++;
    return block;
}

static inline void scarce_release(void *context, void *block, size_t bytes)
{
    scarce_memory *memory = context;
    (void)bytes;
    memory->held--;
    free(block);
}

/* SIZE_MAX: no limit. */
static inline void scarce_memory_init(scarce_memory *memory, size_t allocations, size_t bytes)
{
    *memory = (scarce_memory){.allocator = {scarce_allocate, scarce_release, memory},
                              .allocations = allocations,
                              .bytes = bytes};
}

#endif

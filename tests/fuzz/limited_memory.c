/* SPDX-License-Identifier: Apache-2.0 */
#include "limited_memory.h"

#include <stdio.h>
#include <stdlib.h>

static void *allocate(void *context, size_t bytes)
{
    limited_memory *memory = context;
    memory->used += bytes;
    if (memory->used > memory->limit) {
        fprintf(stderr, "%zu bytes in use, %zu allowed\n", memory->used, memory->limit);
        abort();
    }
    return malloc(bytes);
}

static void release(void *context, void *block, size_t bytes)
{
    limited_memory *memory = context;
    memory->used -= bytes;
    free(block);
}

void limited_memory_init(limited_memory *memory, size_t input_bytes)
{
    *memory = (limited_memory){.allocator = {allocate, release, memory},
                               .limit = ((size_t)64 << 20) + 4 * input_bytes};
}

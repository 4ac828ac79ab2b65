/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An allocator that holds a parser to its promise: at most 64 MiB and four times the input at any
 * one time. What asks for more has a defect: the program ends.
 */
#ifndef LIMITED_MEMORY_H
#define LIMITED_MEMORY_H

#include <hmlc/arena.h>

typedef struct limited_memory {
    hmlc_allocator allocator; /* its context is this structure, which must not move */
    size_t used, limit;
} limited_memory;

void limited_memory_init(limited_memory *memory, size_t input_bytes);

#endif

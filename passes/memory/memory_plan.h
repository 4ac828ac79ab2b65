/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory plan: which value lies where. Values that share bytes (aliases, branch results,
 * in-place results) share one buffer; buffers of the arena get offsets that are valid for every
 * value of the dims.
 */
#ifndef HMLC_MEMORY_PLAN_H
#define HMLC_MEMORY_PLAN_H

#include "pass.h"

enum { PLAN_ALIGNMENT = 64 };

/* A span of memory and when it is in use: positions are those of a walk through all regions. */
typedef struct plan_buffer {
    hmlc_storage_kind kind;
    uint32_t index; /* of a growable buffer, input or output */
    const hmlc_value *owner;
    struct plan_buffer *merged; /* an in-place result: the buffer it took over; NULL: itself */
    hmlc_dim bytes;             /* of the owner, not aligned */
    hmlc_dim span;              /* what the arena reserves: a multiple of PLAN_ALIGNMENT */
    uint32_t first, last;       /* positions, both inclusive */
    int64_t hint_span, hint_offset;
    hmlc_dim offset; /* arena */
} plan_buffer;

/* What the plan knows of one value. */
typedef struct plan_value {
    plan_buffer *buffer;
    hmlc_value *root;       /* see hmlc_storage */
    hmlc_dim offset;        /* bytes from the buffer's start */
    const hmlc_value *goal; /* the `if` result or the value that a loop carries in whose place this
                              one is written; NULL: none */
    bool output;            /* written to graph output `output_index` */
    uint32_t output_index;
} plan_value;

typedef struct memory_plan {
    hmlc_module *module;
    hmlc_arena *scratch;
    plan_value *values; /* by value id */
    plan_buffer **buffers;
    uint32_t buffer_count, buffer_capacity;
    uint32_t position;
} memory_plan;

/* Fills buffers and lifetimes (memory_plan_liveness.c). */
hmlc_status hmlc_memory_plan_liveness(memory_plan *plan) HMLC_MUST_USE;
/* Lets kernel results take over dying arguments (memory_plan_inplace.c). */
hmlc_status hmlc_memory_plan_in_place(memory_plan *plan) HMLC_MUST_USE;
/* The buffer that holds the bytes in the end. */
plan_buffer *hmlc_memory_plan_resolve(plan_buffer *buffer);
/* Gives each arena buffer its offset, and the module its arena size (memory_plan_offsets.c). */
hmlc_status hmlc_memory_plan_offsets(memory_plan *plan) HMLC_MUST_USE;

#endif

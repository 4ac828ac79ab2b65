/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arena: bump allocation, freed as a whole. All compiler memory comes from arenas; a module owns
 * one, each pass gets a scratch one. Not thread-safe.
 */
#ifndef HMLC_ARENA_H
#define HMLC_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hmlc/status.h>

typedef struct hmlc_arena hmlc_arena;

/* Memory of an arena comes from this allocator; `allocate` returns NULL on failure. */
typedef struct hmlc_allocator {
    void *(*allocate)(void *context, size_t bytes);
    void (*release)(void *context, void *memory, size_t bytes);
    void *context;
} hmlc_allocator;

/* NULL on failure. `allocator` NULL takes malloc and free. */
hmlc_arena *hmlc_arena_create(const hmlc_allocator *allocator);
void hmlc_arena_destroy(hmlc_arena *arena); /* accepts NULL */

/* Zeroed memory, 64-byte aligned from 64 bytes on, else 16; NULL on failure. 0 bytes give a valid
 * pointer. */
void *hmlc_arena_allocate(hmlc_arena *arena, size_t bytes);
/* As above for count elements; NULL when count * bytes overflows. */
void *hmlc_arena_allocate_array(hmlc_arena *arena, size_t count, size_t bytes);
void *hmlc_arena_copy(hmlc_arena *arena, const void *data, size_t bytes);
/* Room for one more behind `count` items of `bytes` each: they move where `capacity`, which
 * doubles, is reached. False without memory; the items then stay. */
bool hmlc_arena_grow(hmlc_arena *arena, void **items, uint32_t *capacity, uint32_t count,
                     size_t bytes);
char *hmlc_arena_string(hmlc_arena *arena, const char *text);
char *hmlc_arena_string_n(hmlc_arena *arena, const char *text, size_t length);
char *hmlc_arena_printf(hmlc_arena *arena, const char *format, ...) HMLC_PRINTF(2, 3);
/*
 * A place to return to: hmlc_arena_rewind frees all that was allocated since, and only then. The
 * arena must have been rewound to no earlier mark in between.
 */
typedef struct hmlc_arena_mark {
    void *block;
    unsigned char *cursor, *end;
    size_t used;
} hmlc_arena_mark;
hmlc_arena_mark hmlc_arena_get_mark(const hmlc_arena *arena);
void hmlc_arena_rewind(hmlc_arena *arena, hmlc_arena_mark mark);
/* Bytes handed out so far. */
size_t hmlc_arena_used(const hmlc_arena *arena);

#define HMLC_NEW(arena, type) ((type *)hmlc_arena_allocate((arena), sizeof(type)))
#define HMLC_NEW_ARRAY(arena, type, count)                                                         \
    ((type *)hmlc_arena_allocate_array((arena), (size_t)(count), sizeof(type)))

/* Checked size arithmetic: false on overflow. */
bool hmlc_size_add(size_t left, size_t right, size_t *sum);
bool hmlc_size_multiply(size_t left, size_t right, size_t *product);
bool hmlc_int64_add(int64_t left, int64_t right, int64_t *sum);
bool hmlc_int64_multiply(int64_t left, int64_t right, int64_t *product);

#endif

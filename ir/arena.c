/* SPDX-License-Identifier: Apache-2.0 */
/* Arena allocation in growing blocks, and checked size arithmetic. */
#include <hmlc/arena.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK_BYTES   ((size_t)8 << 10)
#define LARGEST_BLOCK_BYTES ((size_t)1 << 20)
#define SMALL_ALIGNMENT     ((size_t)16)
#define LARGE_ALIGNMENT     ((size_t)64)

typedef struct arena_block {
    struct arena_block *next;
    size_t bytes;
} arena_block;

struct hmlc_arena {
    hmlc_allocator allocator;
    arena_block *blocks;
    unsigned char *cursor, *end; /* free part of the current block */
    size_t next_block_bytes;
    size_t used;
};

static void *allocate_with_malloc(void *context, size_t bytes)
{
    (void)context;
    return malloc(bytes);
}

static void release_with_free(void *context, void *memory, size_t bytes)
{
    (void)context;
    (void)bytes;
    free(memory);
}

hmlc_arena *hmlc_arena_create(const hmlc_allocator *allocator)
{
    hmlc_allocator chosen = {allocate_with_malloc, release_with_free, NULL};
    if (allocator != NULL) {
        chosen = *allocator;
    }
    hmlc_arena *arena = chosen.allocate(chosen.context, sizeof *arena);
    if (arena != NULL) {
        *arena = (hmlc_arena){.allocator = chosen, .next_block_bytes = FIRST_BLOCK_BYTES};
    }
    return arena;
}

/* Frees the blocks added since `last` was the newest. */
static void release_blocks(hmlc_arena *arena, const arena_block *last)
{
    while (arena->blocks != last) {
        arena_block *block = arena->blocks;
        arena->blocks = block->next;
        arena->allocator.release(arena->allocator.context, block, block->bytes);
    }
}

void hmlc_arena_destroy(hmlc_arena *arena)
{
    if (arena == NULL) {
        return;
    }
    hmlc_allocator allocator = arena->allocator;
    release_blocks(arena, NULL);
    allocator.release(allocator.context, arena, sizeof *arena);
}

hmlc_arena_mark hmlc_arena_get_mark(const hmlc_arena *arena)
{
    return (hmlc_arena_mark){arena->blocks, arena->cursor, arena->end, arena->used};
}

void hmlc_arena_rewind(hmlc_arena *arena, hmlc_arena_mark mark)
{
    release_blocks(arena, mark.block);
    arena->cursor = mark.cursor;
    arena->end = mark.end;
    arena->used = mark.used;
}

static unsigned char *align_up(unsigned char *pointer, size_t alignment)
{
    size_t misaligned = (size_t)((uintptr_t)pointer & (alignment - 1));
    return misaligned == 0 ? pointer : pointer + (alignment - misaligned);
}

/* Memory of a new block that has at least `bytes` bytes behind an aligned start; NULL on failure.
 */
static arena_block *add_block(hmlc_arena *arena, size_t bytes)
{
    size_t total;
    if (!hmlc_size_add(bytes, sizeof(arena_block) + LARGE_ALIGNMENT, &total)) {
        return NULL;
    }
    arena_block *block = arena->allocator.allocate(arena->allocator.context, total);
    if (block == NULL) {
        return NULL;
    }
    *block = (arena_block){.next = arena->blocks, .bytes = total};
    arena->blocks = block;
    return block;
}

#if defined(__SANITIZE_ADDRESS__)
#define ONE_BLOCK_EACH 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_BLOCK_EACH 1
#endif
#endif

/* Under the address sanitizer each allocation is a block of its own, so that overruns are seen. */
static bool wants_own_block(const hmlc_arena *arena, size_t bytes)
{
#if defined(ONE_BLOCK_EACH)
    (void)arena;
    (void)bytes;
    return true;
#else
    return bytes > arena->next_block_bytes / 4;
#endif
}

static void *allocate_own_block(hmlc_arena *arena, size_t bytes, size_t alignment)
{
    arena_block *block = add_block(arena, bytes);
    return block == NULL ? NULL : align_up((unsigned char *)(block + 1), alignment);
}

static bool start_block(hmlc_arena *arena)
{
    size_t bytes = arena->next_block_bytes;
    arena_block *block = add_block(arena, bytes);
    if (block == NULL) {
        return false;
    }
    arena->cursor = (unsigned char *)(block + 1);
    arena->end = (unsigned char *)block + block->bytes;
    if (bytes < LARGEST_BLOCK_BYTES) {
        arena->next_block_bytes = bytes * 2;
    }
    return true;
}

static void *allocate_from_block(hmlc_arena *arena, size_t bytes, size_t alignment)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        if (arena->cursor != NULL) {
            unsigned char *start = align_up(arena->cursor, alignment);
            if (start <= arena->end && bytes <= (size_t)(arena->end - start)) {
                arena->cursor = start + bytes;
                return start;
            }
        }
        if (attempt == 1 || !start_block(arena)) {
            return NULL;
        }
    }
    return NULL;
}

void *hmlc_arena_allocate(hmlc_arena *arena, size_t bytes)
{
    size_t size = bytes == 0 ? 1 : bytes;
    size_t alignment = size >= LARGE_ALIGNMENT ? LARGE_ALIGNMENT : SMALL_ALIGNMENT;
    void *memory = wants_own_block(arena, size) ? allocate_own_block(arena, size, alignment)
                                                : allocate_from_block(arena, size, alignment);
    if (memory == NULL) {
        return NULL;
    }
    arena->used += size;
    return memset(memory, 0, size);
}

void *hmlc_arena_allocate_array(hmlc_arena *arena, size_t count, size_t bytes)
{
    size_t total;
    return hmlc_size_multiply(count, bytes, &total) ? hmlc_arena_allocate(arena, total) : NULL;
}

void *hmlc_arena_copy(hmlc_arena *arena, const void *data, size_t bytes)
{
    void *copy = hmlc_arena_allocate(arena, bytes);
    if (copy != NULL && bytes > 0) {
        memcpy(copy, data, bytes);
    }
    return copy;
}

bool hmlc_arena_grow(hmlc_arena *arena, void **items, uint32_t *capacity, uint32_t count,
                     size_t bytes)
{
    if (count < *capacity) {
        return true;
    }
    if (*capacity > UINT32_MAX / 2) {
        return false;
    }
    uint32_t grown = *capacity == 0 ? 8 : *capacity * 2;
    void *copy = hmlc_arena_allocate_array(arena, grown, bytes);
    if (copy == NULL) {
        return false;
    }
    if (count > 0) {
        memcpy(copy, *items, count * bytes);
    }
    *items = copy;
    *capacity = grown;
    return true;
}

char *hmlc_arena_string(hmlc_arena *arena, const char *text)
{
    return hmlc_arena_string_n(arena, text, strlen(text));
}

char *hmlc_arena_string_n(hmlc_arena *arena, const char *text, size_t length)
{
    size_t size;
    if (!hmlc_size_add(length, 1, &size)) {
        return NULL;
    }
    char *copy = hmlc_arena_allocate(arena, size);
    if (copy != NULL && length > 0) {
        memcpy(copy, text, length);
    }
    return copy;
}

char *hmlc_arena_printf(hmlc_arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : hmlc_arena_allocate(arena, (size_t)length + 1);
    if (text != NULL) {
        vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    return text;
}

size_t hmlc_arena_used(const hmlc_arena *arena)
{
    return arena->used;
}

bool hmlc_size_add(size_t left, size_t right, size_t *sum)
{
    *sum = left + right;
    return *sum >= left;
}

bool hmlc_size_multiply(size_t left, size_t right, size_t *product)
{
    *product = left * right;
    return left == 0 || *product / left == right;
}

bool hmlc_int64_add(int64_t left, int64_t right, int64_t *sum)
{
    if (right > 0 ? left > INT64_MAX - right : left < INT64_MIN - right) {
        return false;
    }
    *sum = left + right;
    return true;
}

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? ~(uint64_t)value + 1 : (uint64_t)value;
}

bool hmlc_int64_multiply(int64_t left, int64_t right, int64_t *product)
{
    if (left == 0 || right == 0) {
        *product = 0;
        return true;
    }
    bool negative = (left < 0) != (right < 0);
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    if (magnitude(left) > limit / magnitude(right)) {
        return false;
    }
    uint64_t size = magnitude(left) * magnitude(right);
    *product = (int64_t)(negative ? ~size + 1 : size);
    return true;
}

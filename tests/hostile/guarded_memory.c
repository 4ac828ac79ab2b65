/* SPDX-License-Identifier: Apache-2.0 */
#include "guarded_memory.h"

#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, ALIGNMENT = 64, CANARY = 0xc5, PATTERN = 0x5a };

typedef struct span {
    uint8_t *pages; /* behind the first guard page */
    size_t page_bytes, lead;
} span;

/* Where `bytes` bytes lie in their pages: as far behind as the alignment allows. */
static span span_of(size_t bytes)
{
    size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    size_t page_bytes = (rounded + PAGE - 1) / PAGE * PAGE;
    page_bytes = page_bytes == 0 ? PAGE : page_bytes;
    return (span){NULL, page_bytes, page_bytes - rounded};
}

void *guarded_allocate(guarded_heap *heap, size_t bytes)
{
    if (bytes > heap->limit - heap->used) {
        return NULL;
    }
    span at = span_of(bytes);
    uint8_t *base =
        mmap(NULL, at.page_bytes + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        return NULL;
    }
    if (mprotect(base + PAGE, at.page_bytes, PROT_READ | PROT_WRITE) != 0) {
        (void)munmap(base, at.page_bytes + 2 * PAGE);
        return NULL;
    }
    heap->used += bytes;
    uint8_t *memory = base + PAGE + at.lead;
    memset(base + PAGE, CANARY, at.page_bytes);
    memset(memory, PATTERN, bytes);
    return memory;
}

static bool intact(const uint8_t *from, const uint8_t *to)
{
    while (from < to && *from == CANARY) {
        from++;
    }
    return from == to;
}

void guarded_release(guarded_heap *heap, void *memory, size_t bytes)
{
    span at = span_of(bytes);
    uint8_t *start = memory, *pages = start - at.lead;
    if (!intact(pages, start) || !intact(start + bytes, pages + at.page_bytes)) {
        heap->damaged = true;
    }
    heap->used -= bytes;
    (void)munmap(pages - PAGE, at.page_bytes + 2 * PAGE);
}

void guarded_freeze(void *memory, size_t bytes)
{
    span at = span_of(bytes);
    (void)mprotect((uint8_t *)memory - at.lead, at.page_bytes, PROT_READ);
}

static void *allocate(void *context, size_t bytes, size_t alignment)
{
    return alignment <= ALIGNMENT ? guarded_allocate(context, bytes) : NULL;
}

static void release(void *context, void *memory, size_t bytes)
{
    guarded_release(context, memory, bytes);
}

hml_allocator guarded_allocator(guarded_heap *heap)
{
    return (hml_allocator){.struct_bytes = sizeof(hml_allocator),
                           .context = heap,
                           .allocate = allocate,
                           .release = release};
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Memory between inaccessible pages; the bytes between its end and the page behind are canaries. */
#ifndef GUARDED_MEMORY_H
#define GUARDED_MEMORY_H

#include <hml/hml.h>
#include <stdbool.h>

typedef struct guarded_heap {
    size_t limit; /* what may be allocated at once */
    size_t used;
    bool damaged; /* a canary was overwritten */
} guarded_heap;

/* An allocator over *heap. Memory starts filled with a pattern. */
hml_allocator guarded_allocator(guarded_heap *heap);

/* `bytes` bytes, ended by a page that cannot be touched; at most 63 bytes lie between. */
void *guarded_allocate(guarded_heap *heap, size_t bytes);
void guarded_release(guarded_heap *heap, void *memory, size_t bytes);
/* No more writing: pages are made read-only. */
void guarded_freeze(void *memory, size_t bytes);

#endif

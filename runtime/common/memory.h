/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation through the caller's allocator or the system's, and checked size arithmetic. */
#ifndef HML_MEMORY_H
#define HML_MEMORY_H

#include <hml/hml.h>
#include <stdbool.h>

/* The allocator that stands for NULL: the system's, with large pages for large blocks. */
hml_allocator hml_allocator_default(void);
/* *allocator = the caller's, or the system's for NULL. NULL, or what is wrong. */
const char *hml_allocator_read(hml_allocator *allocator, const hml_allocator *given);

/* Aligned to 64 bytes, not cleared; NULL when there is no memory. `bytes` may be 0. */
void *hml_allocate(const hml_allocator *allocator, size_t bytes);
/* NULL is accepted. */
void hml_release(const hml_allocator *allocator, void *memory, size_t bytes);

/* A block that grows: contents are lost when it does. */
typedef struct hml_region {
    uint8_t *data;
    size_t bytes;
    bool borrowed; /* the memory belongs to the caller */
} hml_region;

/* At least `wanted` bytes in *region. Old memory is given back first: after a failure it is empty.
 */
bool hml_region_reserve(hml_region *region, const hml_allocator *allocator, uint64_t wanted);
void hml_region_release(hml_region *region, const hml_allocator *allocator);

/* *total = the next multiple of 64 of *total, plus count * size; false when it overflows. */
bool hml_size_add(size_t *total, uint64_t count, uint64_t size);

/* Elements times element size; false when a dim is negative or the product exceeds 2^47,
 * or what addresses reach. */
bool hml_tensor_bytes(hml_dtype dtype, uint32_t rank, const int64_t *dims, int64_t *bytes);

#endif

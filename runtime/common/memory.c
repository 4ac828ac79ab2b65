/* SPDX-License-Identifier: Apache-2.0 */
#include "common/memory.h"
#include "common/versioned.h"
#include "platform/platform.h"
#include <hml_format/artifact.h>

static void *system_allocate(void *context, size_t bytes, size_t alignment)
{
    (void)context;
    return hml_platform_allocate(bytes, alignment);
}

static void system_release(void *context, void *memory, size_t bytes)
{
    (void)context;
    hml_platform_release(memory, bytes);
}

hml_allocator hml_allocator_default(void)
{
    return (hml_allocator){.struct_bytes = sizeof(hml_allocator),
                           .allocate = system_allocate,
                           .release = system_release};
}

const char *hml_allocator_read(hml_allocator *allocator, const hml_allocator *given)
{
    if (given == NULL) {
        *allocator = hml_allocator_default();
        return NULL;
    }
    const char *wrong = HML_STRUCT_READ(allocator, release, given);
    return wrong != NULL ? "the allocator has no size, or a newer runtime's fields"
           : allocator->allocate == NULL || allocator->release == NULL || allocator->reserved != 0
               ? "the allocator lacks a function"
               : NULL;
}

void *hml_allocate(const hml_allocator *allocator, size_t bytes)
{
    return allocator->allocate(allocator->context, bytes == 0 ? 1 : bytes, HML_DATA_ALIGNMENT);
}

void hml_release(const hml_allocator *allocator, void *memory, size_t bytes)
{
    if (memory != NULL) {
        allocator->release(allocator->context, memory, bytes == 0 ? 1 : bytes);
    }
}

bool hml_region_reserve(hml_region *region, const hml_allocator *allocator, uint64_t wanted)
{
    size_t bytes = (size_t)wanted;
    if (wanted <= region->bytes) {
        return true;
    }
    if (wanted > SIZE_MAX / 2) { /* addresses may have 32 bits */
        return false;
    }
    hml_region_release(region, allocator);
    uint8_t *data = hml_allocate(allocator, bytes);
    if (data == NULL) {
        return false;
    }
    *region = (hml_region){data, bytes, false};
    return true;
}

void hml_region_release(hml_region *region, const hml_allocator *allocator)
{
    if (!region->borrowed) {
        hml_release(allocator, region->data, region->bytes);
    }
    *region = (hml_region){0};
}

bool hml_size_add(size_t *total, uint64_t count, uint64_t size)
{
    uint64_t aligned, product, sum;
    if (__builtin_add_overflow((uint64_t)*total, UINT64_C(63), &aligned) ||
        __builtin_mul_overflow(count, size, &product) ||
        __builtin_add_overflow(aligned & ~UINT64_C(63), product, &sum) || sum > SIZE_MAX / 2) {
        return false;
    }
    *total = (size_t)sum;
    return true;
}

bool hml_tensor_bytes(hml_dtype dtype, uint32_t rank, const int64_t *dims, int64_t *bytes)
{
    int64_t product = (int64_t)hml_dtype_bytes(dtype);
    bool empty = false;
    for (uint32_t i = 0; i < rank; i++) {
        if (dims[i] < 0) {
            return false;
        }
        empty = empty || dims[i] == 0;
    }
    for (uint32_t i = 0; i < rank && !empty; i++) {
        if (__builtin_mul_overflow(product, dims[i], &product) || product > HML_DIM_UNBOUNDED ||
            (uint64_t)product > SIZE_MAX / 2) {
            return false;
        }
    }
    *bytes = empty ? 0 : product;
    return true;
}

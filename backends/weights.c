/* SPDX-License-Identifier: Apache-2.0 */
#include "weights.h"

#include <stdlib.h>
#include <string.h>

#include <hml_format/artifact.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

typedef struct blob {
    uint64_t hash; /* of content and packing: where to look; equality is checked byte by byte */
    uint64_t offset, bytes;
    const void *data; /* the constant's bytes */
    size_t data_bytes;
    const hmlc_kernel_plan *plan; /* NULL: stored as it stands */
    uint32_t operand;
    const hmlc_tensor *constant;
    uint32_t next; /* in the hash chain, blob index + 1 */
} blob;

enum { CHAIN_COUNT = 8192 };

struct hmlc_weights {
    hmlc_arena *arena;
    blob *blobs;
    uint32_t count, capacity;
    uint64_t bytes;
    uint32_t chains[CHAIN_COUNT];
};

hmlc_weights *hmlc_weights_create(hmlc_arena *arena)
{
    hmlc_weights *weights = HMLC_NEW(arena, hmlc_weights);
    if (weights != NULL) {
        weights->arena = arena;
    }
    return weights;
}

static const char *blob_packing(const blob *entry)
{
    const char *packing =
        entry->plan != NULL ? entry->plan->operands[entry->operand].packing : NULL;
    return packing != NULL ? packing : "";
}

static bool blob_equal(const blob *a, const blob *b)
{
    return a->hash == b->hash && a->data_bytes == b->data_bytes && a->bytes == b->bytes &&
           strcmp(blob_packing(a), blob_packing(b)) == 0 &&
           (a->data == b->data || memcmp(a->data, b->data, a->data_bytes) == 0);
}

static hmlc_status weights_grow(hmlc_weights *weights)
{
    if (weights->count < weights->capacity) {
        return HMLC_OK;
    }
    uint32_t capacity = weights->capacity * 2 + 64;
    blob *blobs = HMLC_NEW_ARRAY(weights->arena, blob, capacity);
    HMLC_TRY_MEMORY(blobs);
    if (weights->count > 0) {
        memcpy(blobs, weights->blobs, weights->count * sizeof *blobs);
    }
    weights->blobs = blobs;
    weights->capacity = capacity;
    return HMLC_OK;
}

static hmlc_status weights_add(hmlc_weights *weights, blob entry, uint64_t *offset, uint64_t *bytes)
{
    const char *packing = blob_packing(&entry);
    entry.hash = XXH3_64bits(entry.data, entry.data_bytes) ^ XXH3_64bits(packing, strlen(packing));
    uint32_t *chain = &weights->chains[entry.hash % CHAIN_COUNT];
    for (uint32_t k = *chain; k != 0; k = weights->blobs[k - 1].next) {
        if (blob_equal(&weights->blobs[k - 1], &entry)) {
            *offset = weights->blobs[k - 1].offset;
            *bytes = weights->blobs[k - 1].bytes;
            return HMLC_OK;
        }
    }
    HMLC_TRY(weights_grow(weights));
    entry.offset = weights->bytes;
    entry.next = *chain;
    weights->blobs[weights->count++] = entry;
    *chain = weights->count;
    weights->bytes +=
        (entry.bytes + HML_DATA_ALIGNMENT - 1) / HML_DATA_ALIGNMENT * HML_DATA_ALIGNMENT;
    *offset = entry.offset;
    *bytes = entry.bytes;
    return HMLC_OK;
}

hmlc_status hmlc_weights_add_constant(hmlc_weights *weights, const hmlc_tensor *constant,
                                      uint64_t *offset, uint64_t *bytes)
{
    blob entry = {.bytes = constant->bytes, .data = constant->data, .data_bytes = constant->bytes};
    return weights_add(weights, entry, offset, bytes);
}

hmlc_status hmlc_weights_add_packed(hmlc_weights *weights, const hmlc_kernel_plan *plan,
                                    uint32_t operand, const hmlc_tensor *constant, uint64_t *offset,
                                    uint64_t *bytes)
{
    const hmlc_kernel_operand *entry = &plan->operands[operand];
    blob added = {.bytes = entry->bytes,
                  .data = constant->data,
                  .data_bytes = constant->bytes,
                  .plan = plan,
                  .operand = operand,
                  .constant = constant};
    return weights_add(weights, added, offset, bytes);
}

uint64_t hmlc_weights_bytes(const hmlc_weights *weights)
{
    return weights->bytes;
}

static hmlc_status blob_write(const blob *entry, hmlc_weights_sink *write, void *context)
{
    if (entry->plan == NULL) {
        return write(context, entry->data, entry->bytes);
    }
    void *packed = calloc(1, entry->bytes + 1);
    HMLC_TRY_MEMORY(packed);
    const hmlc_kernel_operand *operand = &entry->plan->operands[entry->operand];
    hmlc_status status = operand->pack(entry->plan, entry->constant, packed);
    if (status == HMLC_OK) {
        status = write(context, packed, entry->bytes);
    }
    free(packed);
    return status;
}

hmlc_status hmlc_weights_write(const hmlc_weights *weights, hmlc_weights_sink *write, void *context)
{
    static const char zeros[HML_DATA_ALIGNMENT];
    for (uint32_t k = 0; k < weights->count; k++) {
        const blob *entry = &weights->blobs[k];
        HMLC_TRY(blob_write(entry, write, context));
        size_t rest = entry->bytes % HML_DATA_ALIGNMENT;
        if (rest != 0) {
            HMLC_TRY(write(context, zeros, HML_DATA_ALIGNMENT - rest));
        }
    }
    return HMLC_OK;
}

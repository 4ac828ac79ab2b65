/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Common subexpressions: one walk in list order with a hash table of the ops seen. A region sees
 * the ops of the regions around it, and forgets its own at its end. Constants match by content.
 */
#include <string.h>

#include "pass.h"

typedef struct entry {
    uint64_t hash;
    hmlc_op *op;
    uint32_t bucket;
    struct entry *next;  /* of the bucket */
    struct entry *older; /* inserted before this one */
} entry;

typedef struct table {
    hmlc_arena *scratch;
    entry **buckets;
    uint32_t mask;
    entry *newest;
} table;

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash ^= value + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2);
    return hash * 0xff51afd7ed558ccdu;
}

/*
 * Large data is sampled: equal hashes are compared in full anyway, and reading all weights would
 * cost more than the rest of the pass.
 */
static uint64_t hash_bytes(uint64_t hash, const void *data, size_t bytes)
{
    enum { WHOLE_WORDS = 1024, SAMPLES = 128 };
    const unsigned char *from = data;
    size_t words = bytes / sizeof(uint64_t);
    size_t stride = words > WHOLE_WORDS ? words / SAMPLES : 1;
    for (size_t i = 0; i < words; i += stride) {
        uint64_t word;
        memcpy(&word, from + i * sizeof word, sizeof word);
        hash = mix(hash, word);
    }
    for (size_t i = words * sizeof(uint64_t); i < bytes; i++) {
        hash = mix(hash, from[i]);
    }
    return mix(hash, bytes);
}

static uint64_t hash_tensor(uint64_t hash, const hmlc_tensor *tensor)
{
    hash = mix(hash, (uint64_t)tensor->dtype);
    for (int32_t i = 0; i < tensor->rank; i++) {
        hash = mix(hash, (uint64_t)tensor->dims[i]);
    }
    return hash_bytes(hash, tensor->data, tensor->bytes);
}

static uint64_t hash_attr(uint64_t hash, const hmlc_attr *attr)
{
    hash = mix(hash, (uint64_t)attr->name);
    switch (hmlc_attr_kind_of(attr->name)) {
    case HMLC_ATTR_KIND_TENSOR:
        return hash_tensor(hash, attr->as.tensor);
    case HMLC_ATTR_KIND_FLOAT:
        return hash_bytes(hash, &attr->as.real, sizeof attr->as.real);
    case HMLC_ATTR_KIND_INTS:
        return hash_bytes(hash, attr->as.integers, attr->count * sizeof(int64_t));
    case HMLC_ATTR_KIND_FLOATS:
        return hash_bytes(hash, attr->as.reals, attr->count * sizeof(double));
    case HMLC_ATTR_KIND_STRING:
        return hash_bytes(hash, attr->as.string, strlen(attr->as.string));
    case HMLC_ATTR_KIND_DTYPE:
        return mix(hash, (uint64_t)attr->as.dtype);
    case HMLC_ATTR_KIND_DIMS:
        for (uint32_t i = 0; i < attr->count; i++) {
            hash = mix(hash, attr->as.dims[i]->id);
        }
        return hash;
    default:
        return mix(hash, (uint64_t)attr->as.integer);
    }
}

/* Operand `index`'s id, the two of a commutative op in rising order. */
static uint64_t operand_id(const hmlc_op *op, uint32_t index)
{
    if (hmlc_op_has(op, HMLC_TRAIT_COMMUTATIVE) && op->operand_count == 2) {
        uint32_t left = op->operands[0].value->id, right = op->operands[1].value->id;
        uint32_t low = left < right ? left : right, high = left < right ? right : left;
        return index == 0 ? low : high;
    }
    return op->operands[index].value != NULL ? op->operands[index].value->id : UINT64_MAX;
}

static uint64_t hash_op(const hmlc_op *op)
{
    uint64_t hash = mix(0, (uint64_t)op->opcode);
    for (uint32_t i = 0; i < op->operand_count; i++) {
        hash = mix(hash, operand_id(op, i));
    }
    for (uint32_t i = 0; i < op->attr_count; i++) {
        hash = hash_attr(hash, &op->attrs[i]);
    }
    return hash;
}

static bool ops_equal(const hmlc_op *left, const hmlc_op *right)
{
    if (left->opcode != right->opcode || left->operand_count != right->operand_count ||
        left->attr_count != right->attr_count || left->result_count != right->result_count) {
        return false;
    }
    for (uint32_t i = 0; i < left->operand_count; i++) {
        if (operand_id(left, i) != operand_id(right, i)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < left->attr_count; i++) {
        if (!hmlc_attr_equal(&left->attrs[i], &right->attrs[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < left->result_count; i++) {
        if (!hmlc_type_equal(left->results[i]->type, right->results[i]->type)) {
            return false;
        }
    }
    return true;
}

static hmlc_op *find_or_insert(table *seen, hmlc_op *op, hmlc_status *status)
{
    uint64_t hash = hash_op(op);
    uint32_t bucket = (uint32_t)(hash >> 20) & seen->mask;
    for (entry *candidate = seen->buckets[bucket]; candidate != NULL; candidate = candidate->next) {
        if (candidate->hash == hash && ops_equal(candidate->op, op)) {
            return candidate->op;
        }
    }
    entry *fresh = HMLC_NEW(seen->scratch, entry);
    if (fresh == NULL) {
        *status = HMLC_RESOURCE;
        return NULL;
    }
    *fresh = (entry){.hash = hash,
                     .op = op,
                     .bucket = bucket,
                     .next = seen->buckets[bucket],
                     .older = seen->newest};
    seen->buckets[bucket] = fresh;
    seen->newest = fresh;
    return NULL;
}

static void replace(hmlc_op *op, const hmlc_op *by)
{
    for (uint32_t i = 0; i < op->result_count; i++) {
        if (by->results[i]->name == NULL) {
            by->results[i]->name = op->results[i]->name;
        }
        hmlc_value_replace_uses(op->results[i], by->results[i]);
    }
    hmlc_op_erase(op);
}

static hmlc_status visit_region(table *seen, hmlc_region *region)
{
    entry *outer = seen->newest;
    HMLC_FOR_EACH_OP(op, region)
    {
        for (uint32_t i = 0; i < op->region_count && op->opcode != HMLC_OP_kernel; i++) {
            HMLC_TRY(visit_region(seen, op->regions[i]));
        }
        if (op->region_count > 0 || !hmlc_op_has(op, HMLC_TRAIT_PURE)) {
            continue;
        }
        hmlc_status status = HMLC_OK;
        const hmlc_op *same = find_or_insert(seen, op, &status);
        HMLC_TRY(status);
        if (same != NULL) {
            replace(op, same);
        }
    }
    for (; seen->newest != outer; seen->newest = seen->newest->older) {
        seen->buckets[seen->newest->bucket] = seen->newest->next;
    }
    return HMLC_OK;
}

hmlc_status hmlc_pass_cse(hmlc_pass_context *context)
{
    uint32_t count = hmlc_region_op_count(context->module->main, true);
    uint32_t size = 1024;
    while (size < count && size < (1u << 24)) {
        size *= 2;
    }
    table seen = {.scratch = context->scratch, .mask = size - 1};
    seen.buckets = HMLC_NEW_ARRAY(context->scratch, entry *, size);
    HMLC_TRY_MEMORY(seen.buckets);
    return visit_region(&seen, context->module->main);
}

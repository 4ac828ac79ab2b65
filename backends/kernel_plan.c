/* SPDX-License-Identifier: Apache-2.0 */
/* What every kernel class shares: symbols, aliasing and the key under which equal
 * kernels meet. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint32_t hmlc_kernel_passed_count(const hmlc_kernel_plan *plan)
{
    uint32_t count = 0;
    while (count < plan->operand_count && plan->operands[count].kind != HMLC_OPERAND_TABLE) {
        count++;
    }
    return count;
}

const hmlc_value *hmlc_kernel_operand_value(const hmlc_kernel_plan *plan, uint32_t operand)
{
    const hmlc_kernel_operand *entry = &plan->operands[operand];
    if (entry->kind == HMLC_OPERAND_TABLE) {
        return NULL;
    }
    return entry->kind == HMLC_OPERAND_RESULT ? plan->kernel->results[entry->index]
                                              : plan->kernel->operands[entry->index].value;
}

static bool storage_may_overlap(const hmlc_storage *a, const hmlc_storage *b)
{
    if (a->kind != b->kind || a->kind == HMLC_STORAGE_NONE) {
        return false;
    }
    if (a->root != NULL && a->root == b->root) {
        return true;
    }
    return a->kind == HMLC_STORAGE_ARENA ? a->offset == b->offset : a->index == b->index;
}

bool hmlc_kernel_operands_overlap(const hmlc_kernel_plan *plan, uint32_t a, uint32_t b)
{
    const hmlc_value *one = hmlc_kernel_operand_value(plan, a);
    const hmlc_value *other = hmlc_kernel_operand_value(plan, b);
    bool written = plan->operands[a].kind == HMLC_OPERAND_RESULT ||
                   plan->operands[b].kind == HMLC_OPERAND_RESULT;
    bool packed = plan->operands[a].kind == HMLC_OPERAND_PACKED ||
                  plan->operands[b].kind == HMLC_OPERAND_PACKED;
    return a != b && one != NULL && other != NULL && written && !packed &&
           storage_may_overlap(&one->storage, &other->storage);
}

bool hmlc_kernel_operand_aliased(const hmlc_kernel_plan *plan, uint32_t operand)
{
    for (uint32_t k = 0; k < plan->operand_count; k++) {
        if (hmlc_kernel_operands_overlap(plan, operand, k)) {
            return true;
        }
    }
    return false;
}

/* -- symbols ----------------------------------------------------------------------------------- */

/* Symbols sorted by index. */
typedef struct symbol_set {
    hmlc_arena *arena;
    const hmlc_symbol **symbols;
    uint32_t count, capacity;
    bool failed; /* no memory */
} symbol_set;

static bool symbols_grow(symbol_set *set)
{
    uint32_t capacity = set->capacity == 0 ? 8 : set->capacity * 2;
    const hmlc_symbol **larger = HMLC_NEW_ARRAY(set->arena, const hmlc_symbol *, capacity);
    set->failed |= larger == NULL;
    if (larger == NULL) {
        return false;
    }
    if (set->count > 0) {
        memcpy(larger, set->symbols, set->count * sizeof(const hmlc_symbol *));
    }
    set->symbols = larger;
    set->capacity = capacity;
    return true;
}

static void symbols_insert(symbol_set *set, const hmlc_symbol *symbol)
{
    uint32_t low = 0, high = set->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (set->symbols[middle]->index < symbol->index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool known = low < set->count && set->symbols[low] == symbol;
    if (known || (set->count == set->capacity && !symbols_grow(set))) {
        return;
    }
    memmove(&set->symbols[low + 1], &set->symbols[low],
            (set->count - low) * sizeof(const hmlc_symbol *));
    set->symbols[low] = symbol;
    set->count++;
}

static void symbols_of_dim(symbol_set *set, hmlc_dim dim)
{
    if (dim == NULL || dim->kind == HMLC_DIM_CONSTANT) {
        return;
    }
    if (dim->kind == HMLC_DIM_SYMBOL) {
        symbols_insert(set, dim->symbol);
        return;
    }
    symbols_of_dim(set, dim->a);
    symbols_of_dim(set, dim->b);
    symbols_of_dim(set, dim->c);
}

static void symbols_of_value(symbol_set *set, const hmlc_value *value)
{
    for (int32_t k = 0; value != NULL && k < value->type->rank; k++) {
        symbols_of_dim(set, value->type->dims[k]);
        if (value->storage.strides != NULL) {
            symbols_of_dim(set, value->storage.strides[k]);
        }
    }
}

static void symbols_of_op(symbol_set *set, const hmlc_op *op)
{
    for (uint32_t k = 0; k < op->operand_count; k++) {
        symbols_of_value(set, op->operands[k].value);
    }
    for (uint32_t k = 0; k < op->result_count; k++) {
        symbols_of_value(set, op->results[k]);
    }
    for (uint32_t k = 0; k < op->attr_count; k++) {
        const hmlc_attr *attr = &op->attrs[k];
        if (hmlc_attr_kind_of(attr->name) != HMLC_ATTR_KIND_DIMS) {
            continue;
        }
        for (uint32_t i = 0; i < attr->count; i++) {
            symbols_of_dim(set, attr->as.dims[i]);
        }
    }
    for (uint32_t k = 0; k < op->region_count; k++) {
        HMLC_FOR_EACH_OP(inner, op->regions[k])
        {
            symbols_of_op(set, inner);
        }
    }
}

uint32_t hmlc_kernel_symbols(const hmlc_kernel_plan *plan, hmlc_arena *arena,
                             const hmlc_symbol ***symbols)
{
    symbol_set set = {.arena = arena};
    symbols_of_op(&set, plan->kernel);
    symbols_of_dim(&set, plan->units);
    symbols_of_dim(&set, plan->scratch_bytes);
    *symbols = set.symbols;
    return set.failed ? UINT32_MAX : set.count;
}

/* -- key --------------------------------------------------------------------------------------- */

/* "stride,stride,", as long as it takes: what is cut off here would let different kernels share
 * code.
 */
static char *key_strides(const hmlc_value *value, hmlc_arena *arena)
{
    char *text = hmlc_arena_string(arena, "");
    bool strided = value != NULL && value->storage.strides != NULL;
    for (int32_t k = 0; strided && text != NULL && k < value->type->rank; k++) {
        const char *stride = hmlc_dim_text(arena, value->storage.strides[k]);
        text = stride != NULL ? hmlc_arena_printf(arena, "%s%s,", text, stride) : NULL;
    }
    return text;
}

/* Per operand: kind, index, aliasing, packing and strides. */
static char *key_operands(const hmlc_kernel_plan *plan, hmlc_arena *arena)
{
    char *key = hmlc_arena_string(arena, "");
    for (uint32_t k = 0; key != NULL && k < plan->operand_count; k++) {
        const hmlc_kernel_operand *operand = &plan->operands[k];
        const hmlc_value *value = hmlc_kernel_operand_value(plan, k);
        const char *strides = key_strides(value, arena);
        key = strides == NULL
                  ? NULL
                  : hmlc_arena_printf(arena, "%s %d:%u:%d:%zu:%s:%s", key, (int)operand->kind,
                                      operand->index, hmlc_kernel_operand_aliased(plan, k),
                                      operand->bytes,
                                      operand->packing != NULL ? operand->packing : "", strides);
    }
    return key;
}

/* Check mode compares the equalities of the branches that the kernel is in, too. */
static char *key_branches(const hmlc_kernel_plan *plan, hmlc_arena *arena)
{
    const hmlc_region *region = plan->kernel->parent;
    const hmlc_dims *dims = region->module->dims;
    char *key = hmlc_arena_string(arena, "");
    for (uint32_t k = 0; key != NULL && k < hmlc_dims_equality_count(dims); k++) {
        const hmlc_dim_equality *equality = hmlc_dims_equality_at(dims, k);
        if (equality->branch != NULL && !hmlc_dim_equality_of_sign(equality) &&
            hmlc_region_relies_on(region, equality)) {
            key = hmlc_arena_printf(arena, "%s,%u", key, k);
        }
    }
    return key;
}

const char *hmlc_kernel_key(const hmlc_kernel_plan *plan, hmlc_arena *arena)
{
    hmlc_text_buffer text = {0};
    char *operands = key_operands(plan, arena), *branches = key_branches(plan, arena);
    char *key = NULL;
    if (operands != NULL && branches != NULL && hmlc_op_print(plan->kernel, &text) == HMLC_OK) {
        key =
            hmlc_arena_printf(arena, "%s|%s|%s|%s|%s|%.*s", plan->target->name, plan->class_->name,
                              plan->variant, operands, branches, (int)text.size, text.data);
    }
    hmlc_text_buffer_free(&text);
    return key;
}

/* -- cost -------------------------------------------------------------------------------------- */

uint32_t hmlc_kernel_unit_cost(double nanoseconds)
{
    return nanoseconds < 1 ? 1 : nanoseconds > 1e9 ? 1000000000u : (uint32_t)nanoseconds;
}

/* -- regions ----------------------------------------------------------------------------------- */

const hmlc_tensor *hmlc_kernel_argument_constant(const hmlc_op *kernel, uint32_t index)
{
    return hmlc_value_constant(hmlc_op_operand(kernel, index));
}

hmlc_op *hmlc_kernel_yield(const hmlc_op *kernel)
{
    return kernel->regions[0]->last;
}

hmlc_op *hmlc_kernel_anchor(const hmlc_op *kernel, uint32_t traits)
{
    hmlc_op *anchor = NULL;
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        if (hmlc_op_has(op, traits)) {
            if (anchor != NULL) {
                return NULL;
            }
            anchor = op;
        }
    }
    return anchor;
}

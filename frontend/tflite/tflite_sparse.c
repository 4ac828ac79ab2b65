/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tflite_sparse.h"

/*
 * The format (TACO's): dims are walked in traversal_order, those of the tensor first, then those of
 * blocks within them. Each is dense, with all its indices, or sparse: segments[p] .. segments[p+1]
 * of the list `indices` belong to position p of the dims before it.
 */
enum { SPARSITY_ORDER = 0, SPARSITY_BLOCK_MAP = 1, SPARSITY_DIMS = 2 };
enum {
    DIM_FORMAT = 0,
    DIM_DENSE_SIZE = 1,
    DIM_SEGMENTS_TYPE = 2,
    DIM_SEGMENTS = 3,
    DIM_INDICES_TYPE = 4,
    DIM_INDICES = 5,
};
enum { MOST_LEVELS = 2 * HMLC_MAX_RANK };

/* A list of i32, u16 or u8, by its number in the union SparseIndexVector. */
typedef struct index_list {
    hmlc_flat_vector list;
    hmlc_flat_kind kind;
} index_list;

typedef struct sparse_level {
    bool dense;
    int64_t size; /* of a dense one */
    index_list segments, indices;
    int32_t dim;  /* of the tensor */
    int64_t step; /* what one index is worth along it */
} sparse_level;

typedef struct sparse_walk {
    uint32_t level_count;
    sparse_level levels[MOST_LEVELS];
    int64_t position[MOST_LEVELS], last[MOST_LEVELS]; /* in the level's indices */
    int64_t place[MOST_LEVELS + 1][HMLC_MAX_RANK];    /* the index along each dim before a level */
    const hmlc_tensor *tensor;
    uint8_t *elements;
    const uint8_t *values;
    uint64_t value_count, next_value;
    size_t element; /* bytes */
} sparse_walk;

static index_list read_list(const hmlc_flat_table *dim, uint32_t type_field, uint32_t field)
{
    hmlc_flat_table child = hmlc_flat_child(dim, field);
    int64_t type = hmlc_flat_int(dim, type_field, HMLC_FLAT_U8, 0);
    hmlc_flat_kind kind = type == 1 ? HMLC_FLAT_I32 : type == 2 ? HMLC_FLAT_U16 : HMLC_FLAT_U8;
    return (index_list){.list = hmlc_flat_list(&child, 0, kind), .kind = kind};
}

static uint32_t count_of(const index_list *list)
{
    return list->list.count;
}

static int64_t index_at(const index_list *list, int64_t at)
{
    return hmlc_flat_int_at(list->list, list->kind, (uint32_t)at);
}

static bool read_level(const hmlc_flat_table *dim, sparse_level *level)
{
    level->dense = hmlc_flat_int(dim, DIM_FORMAT, HMLC_FLAT_I8, 0) == 0;
    level->size = hmlc_flat_int(dim, DIM_DENSE_SIZE, HMLC_FLAT_I32, 0);
    if (level->dense) {
        return level->size > 0;
    }
    level->segments = read_list(dim, DIM_SEGMENTS_TYPE, DIM_SEGMENTS);
    level->indices = read_list(dim, DIM_INDICES_TYPE, DIM_INDICES);
    return count_of(&level->segments) >= 2;
}

/* Fills levels in the order of the walk. */
static bool read_walk(const hmlc_tflite_tensor *stored, sparse_walk *walk)
{
    hmlc_flat_table sparsity = stored->sparsity;
    hmlc_flat_vector order = hmlc_flat_list(&sparsity, SPARSITY_ORDER, HMLC_FLAT_I32);
    hmlc_flat_vector blocks = hmlc_flat_list(&sparsity, SPARSITY_BLOCK_MAP, HMLC_FLAT_I32);
    hmlc_flat_vector dims = hmlc_flat_children(&sparsity, SPARSITY_DIMS);
    uint32_t rank = (uint32_t)stored->rank;
    int64_t block_size[HMLC_MAX_RANK];
    bool seen[MOST_LEVELS] = {false};
    walk->level_count = dims.count;
    if (dims.count != rank + blocks.count || order.count != dims.count ||
        dims.count > MOST_LEVELS || rank == 0) {
        return false;
    }
    for (uint32_t d = 0; d < rank; d++) {
        block_size[d] = 1;
    }
    for (uint32_t k = 0; k < dims.count; k++) {
        int32_t which = hmlc_tflite_index_at(order, k);
        hmlc_flat_table dim = hmlc_flat_child_at(sparsity.file, dims, k);
        if (which < 0 || which >= (int64_t)dims.count || seen[which] ||
            !read_level(&dim, &walk->levels[k])) {
            return false;
        }
        seen[which] = true;
        bool inner = which >= (int32_t)rank;
        int32_t of = inner ? hmlc_tflite_index_at(blocks, (uint32_t)which - rank) : which;
        if (of < 0 || of >= (int32_t)rank || (inner && !walk->levels[k].dense)) {
            return false;
        }
        walk->levels[k].dim = of;
        walk->levels[k].step = inner ? 1 : 0; /* 0: the block's size, known below */
        if (inner) {
            block_size[of] = walk->levels[k].size;
        }
    }
    for (uint32_t k = 0; k < dims.count; k++) {
        sparse_level *level = &walk->levels[k];
        level->step = level->step == 0 ? block_size[level->dim] : 1;
    }
    return true;
}

/* Copies the next value to the place that all levels make. */
static bool put_value(sparse_walk *walk)
{
    int64_t at = 0;
    const int64_t *place = walk->place[walk->level_count];
    for (int32_t d = 0; d < walk->tensor->rank; d++) {
        if (place[d] < 0 || place[d] >= walk->tensor->dims[d]) {
            return false;
        }
        at = at * walk->tensor->dims[d] + place[d];
    }
    if (walk->next_value >= walk->value_count) {
        return false;
    }
    memcpy(walk->elements + (size_t)at * walk->element,
           walk->values + walk->next_value * walk->element, walk->element);
    walk->next_value++;
    return true;
}

/* The range of level k below position `parent` of the level before it. */
static bool enter(sparse_walk *walk, uint32_t k, int64_t parent)
{
    const sparse_level *level = &walk->levels[k];
    if (level->dense) {
        walk->position[k] = 0;
        walk->last[k] = level->size;
        return true;
    }
    if (parent + 1 >= (int64_t)count_of(&level->segments)) {
        return false;
    }
    walk->position[k] = index_at(&level->segments, parent);
    walk->last[k] = index_at(&level->segments, parent + 1);
    return walk->position[k] >= 0 && walk->last[k] >= walk->position[k] &&
           walk->last[k] <= (int64_t)count_of(&level->indices);
}

/* A level's position among all of it: dense ones multiply what is before them, whose sizes the file
 * says freely. False where it fits no number. */
static bool flatten(const sparse_level *level, int64_t before, int64_t at, int64_t *flat)
{
    *flat = at;
    return !level->dense || (!__builtin_mul_overflow(before, level->size, flat) &&
                             !__builtin_add_overflow(*flat, at, flat));
}

/* All levels, the last one fastest. */
static bool run_walk(sparse_walk *walk)
{
    int64_t flat[MOST_LEVELS + 1] = {0};
    int64_t k = 0;
    if (!enter(walk, 0, 0)) {
        return false;
    }
    while (k >= 0) {
        const sparse_level *level = &walk->levels[k];
        if (walk->position[k] >= walk->last[k]) {
            k--;
            continue;
        }
        int64_t at = walk->position[k]++;
        int64_t index = level->dense ? at : index_at(&level->indices, at);
        memcpy(walk->place[k + 1], walk->place[k], sizeof walk->place[0]);
        walk->place[k + 1][level->dim] += index * level->step;
        if (!flatten(level, flat[k], at, &flat[k + 1])) {
            return false;
        }
        if (k + 1 < (int64_t)walk->level_count) {
            k++;
            if (!enter(walk, (uint32_t)k, flat[k])) {
                return false;
            }
        } else if (!put_value(walk)) {
            return false;
        }
    }
    return walk->next_value == walk->value_count;
}

hmlc_status hmlc_tflite_densify(hmlc_importer *importer, const hmlc_tflite_tensor *stored,
                                const hmlc_location *where, hmlc_tensor *tensor)
{
    size_t element = hmlc_dtype_bytes(tensor->dtype);
    sparse_walk walk = {.tensor = tensor,
                        .element = element,
                        .values = stored->content.data,
                        .value_count = stored->content.count / element};
    if (stored->packed_bits != 0) {
        return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_not_implemented, where,
                              "store the weights densely", "is sparse with elements of %u bits",
                              stored->packed_bits);
    }
    walk.elements = hmlc_arena_allocate(importer->module->arena, tensor->bytes);
    HMLC_TRY_MEMORY(walk.elements);
    memset(walk.elements, 0, tensor->bytes);
    if (!read_walk(stored, &walk) || stored->sparsity.file->problem != NULL || !run_walk(&walk)) {
        return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_tensor_data_invalid, where,
                              NULL, "its sparse elements do not fit its shape");
    }
    tensor->data = walk.elements;
    return HMLC_OK;
}

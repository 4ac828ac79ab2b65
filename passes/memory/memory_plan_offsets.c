/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory plan: offsets. Buffers are placed at typical dims first, largest first into the tightest
 * gap. Where sizes depend on dims, only the order of that placement is kept: each buffer starts
 * behind those below it that live at the same time, as an expression, so that the plan holds for
 * every value of the dims.
 */
#include <stdlib.h>

#include "memory_plan.h"

/* Run-time sizes up to this bound are reserved in the arena; larger ones get a growable buffer. */
enum { BOUNDED_BYTES = 1 << 20 };

static hmlc_dim round_up(hmlc_dims *dims, hmlc_dim bytes)
{
    hmlc_dim alignment = hmlc_dim_constant(dims, PLAN_ALIGNMENT);
    return hmlc_dim_multiply(dims, hmlc_dim_ceildiv(dims, bytes, alignment), alignment);
}

/* Gathers the buffers of the arena, and numbers those that grow. */
static uint32_t select_buffers(memory_plan *plan, plan_buffer **selected)
{
    hmlc_dims *dims = plan->module->dims;
    uint32_t count = 0;
    plan->module->growable_count = 0;
    for (uint32_t i = 0; i < plan->buffer_count; i++) {
        plan_buffer *buffer = plan->buffers[i];
        if (buffer->kind != HMLC_STORAGE_ARENA || buffer->merged != NULL) {
            continue;
        }
        hmlc_dim bytes = buffer->bytes;
        if (hmlc_dim_uses_run_symbol(bytes)) {
            if (bytes->maximum > BOUNDED_BYTES) {
                buffer->kind = HMLC_STORAGE_GROWABLE;
                buffer->index = plan->module->growable_count++;
                continue;
            }
            bytes = hmlc_dim_constant(dims, bytes->maximum);
        }
        buffer->span = round_up(dims, bytes);
        buffer->hint_span = hmlc_dim_hint(buffer->span);
        selected[count++] = buffer;
    }
    return count;
}

static bool conflict(const plan_buffer *left, const plan_buffer *right)
{
    return left->first <= right->last && right->first <= left->last;
}

/* -- placement at typical dims ----------------------------------------------------------------- */

typedef int buffer_order(const void *left, const void *right);

static int compare(int64_t left, int64_t right)
{
    return (left > right) - (left < right);
}

static int by_time(const plan_buffer *left, const plan_buffer *right)
{
    int order = compare(left->first, right->first);
    return order != 0 ? order : compare(left->owner->id, right->owner->id);
}

static int larger_first(const void *left_element, const void *right_element)
{
    const plan_buffer *left = *(plan_buffer *const *)left_element;
    const plan_buffer *right = *(plan_buffer *const *)right_element;
    int order = compare(right->hint_span, left->hint_span);
    return order != 0 ? order : by_time(left, right);
}

static int longer_first(const void *left_element, const void *right_element)
{
    const plan_buffer *left = *(plan_buffer *const *)left_element;
    const plan_buffer *right = *(plan_buffer *const *)right_element;
    int order = compare(right->last - right->first, left->last - left->first);
    return order != 0 ? order : larger_first(left_element, right_element);
}

static int earlier_first(const void *left_element, const void *right_element)
{
    return by_time(*(plan_buffer *const *)left_element, *(plan_buffer *const *)right_element);
}

static int lower_first(const void *left_element, const void *right_element)
{
    const plan_buffer *left = *(plan_buffer *const *)left_element;
    const plan_buffer *right = *(plan_buffer *const *)right_element;
    int order = compare(left->hint_offset, right->hint_offset);
    order = order != 0 ? order : compare(left->hint_span, right->hint_span);
    return order != 0 ? order : by_time(left, right);
}

/* The start of the tightest gap between conflicting buffers; `placed` is sorted by offset. */
static int64_t find_gap(const plan_buffer *buffer, plan_buffer *const *placed, uint32_t count)
{
    int64_t cursor = 0, best = -1, best_gap = INT64_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const plan_buffer *other = placed[i];
        if (!conflict(buffer, other)) {
            continue;
        }
        int64_t gap = other->hint_offset - cursor;
        if (gap >= buffer->hint_span && gap < best_gap) {
            best = cursor;
            best_gap = gap;
        }
        int64_t end = other->hint_offset + other->hint_span;
        cursor = end > cursor ? end : cursor;
    }
    return best >= 0 ? best : cursor;
}

/* Places all buffers in the order of `queue`; returns the arena's size. */
static int64_t place(plan_buffer *const *queue, plan_buffer **placed, uint32_t count)
{
    int64_t size = 0;
    for (uint32_t i = 0; i < count; i++) {
        plan_buffer *buffer = queue[i];
        buffer->hint_offset = find_gap(buffer, placed, i);
        uint32_t k = i;
        for (; k > 0 && placed[k - 1]->hint_offset > buffer->hint_offset; k--) {
            placed[k] = placed[k - 1];
        }
        placed[k] = buffer;
        int64_t end = buffer->hint_offset + buffer->hint_span;
        size = end > size ? end : size;
    }
    return size;
}

/* A placement worth keeping. */
typedef struct placement {
    plan_buffer **queue, **placed;
    uint32_t count;
    int64_t size;          /* of the best placement so far */
    int64_t *best_offsets; /* by position in the list of buffers */
} placement;

/* Most bytes that are in use at one time: no placement is smaller. */
static int64_t least_size(plan_buffer *const *buffers, uint32_t count)
{
    int64_t least = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t live = 0;
        for (uint32_t k = 0; k < count; k++) {
            bool alive =
                buffers[k]->first <= buffers[i]->first && buffers[k]->last >= buffers[i]->first;
            live += alive ? buffers[k]->hint_span : 0;
        }
        least = live > least ? live : least;
    }
    return least;
}

static void try_queue(placement *best, plan_buffer *const *buffers)
{
    int64_t size = place(best->queue, best->placed, best->count);
    if (size < best->size) {
        best->size = size;
        for (uint32_t i = 0; i < best->count; i++) {
            best->best_offsets[i] = buffers[i]->hint_offset;
        }
    }
}

/* The buffer that reaches highest is placed first next time. */
static void promote_highest(placement *best)
{
    uint32_t highest = 0;
    int64_t top = -1;
    for (uint32_t i = 0; i < best->count; i++) {
        int64_t end = best->queue[i]->hint_offset + best->queue[i]->hint_span;
        if (end > top) {
            top = end;
            highest = i;
        }
    }
    plan_buffer *moved = best->count > 0 ? best->queue[highest] : NULL;
    for (uint32_t i = highest; i > 0; i--) {
        best->queue[i] = best->queue[i - 1];
    }
    if (moved != NULL) {
        best->queue[0] = moved;
    }
}

static void search_placement(placement *best, plan_buffer *const *buffers)
{
    static buffer_order *const orders[] = {larger_first, longer_first, earlier_first};
    enum { ORDERS = sizeof(orders) / sizeof(orders[0]), REPAIRS = 16, MANY = 1024 };
    int64_t least = least_size(buffers, best->count);
    uint32_t repairs = best->count > MANY ? 0 : REPAIRS;
    for (size_t i = 0; i < ORDERS; i++) {
        qsort(best->queue, best->count, sizeof(plan_buffer *), orders[i]);
        try_queue(best, buffers);
        for (uint32_t k = 0; k < repairs && best->size > least; k++) {
            promote_highest(best);
            try_queue(best, buffers);
        }
    }
}

static hmlc_status place_at_hints(memory_plan *plan, plan_buffer **buffers, uint32_t count)
{
    placement best = {.count = count, .size = INT64_MAX};
    best.queue = HMLC_NEW_ARRAY(plan->scratch, plan_buffer *, count + 1);
    best.placed = HMLC_NEW_ARRAY(plan->scratch, plan_buffer *, count + 1);
    best.best_offsets = HMLC_NEW_ARRAY(plan->scratch, int64_t, count + 1);
    HMLC_TRY_MEMORY(best.queue);
    HMLC_TRY_MEMORY(best.placed);
    HMLC_TRY_MEMORY(best.best_offsets);
    for (uint32_t i = 0; i < count; i++) {
        best.queue[i] = buffers[i];
    }
    search_placement(&best, buffers);
    for (uint32_t i = 0; i < count; i++) {
        buffers[i]->hint_offset = best.best_offsets[i];
    }
    qsort(buffers, count, sizeof(plan_buffer *), lower_first);
    return HMLC_OK;
}

/* -- offsets as expressions -------------------------------------------------------------------- */

/* below[b]: all buffers that lie below buffer b through chains of conflicts, as a bit set. */
typedef struct below_sets {
    uint64_t *bits;
    uint32_t words;
} below_sets;

static bool set_has(const uint64_t *set, uint32_t index)
{
    return (set[index / 64] >> (index % 64)) & 1;
}

/* Marks `index` and all below it in `set`. */
static void set_cover(const below_sets *sets, uint64_t *set, uint32_t index)
{
    const uint64_t *other = &sets->bits[(size_t)index * sets->words];
    for (uint32_t w = 0; w < sets->words; w++) {
        set[w] |= other[w];
    }
    set[index / 64] |= UINT64_C(1) << (index % 64);
}

static hmlc_dim end_of(hmlc_dims *dims, const plan_buffer *buffer)
{
    return hmlc_dim_add(dims, buffer->offset, buffer->span);
}

/*
 * The highest end among the first `limit` buffers; with `user` only of those that conflict with it.
 * A buffer that lies below a counted one ends before that one starts, and is left out.
 */
static hmlc_dim highest_end(memory_plan *plan, plan_buffer *const *buffers, uint32_t limit,
                            const plan_buffer *user, const below_sets *sets, uint64_t *covered)
{
    hmlc_dims *dims = plan->module->dims;
    hmlc_dim highest = hmlc_dim_constant(dims, 0);
    for (uint32_t i = limit; i-- > 0;) {
        if (set_has(covered, i) || (user != NULL && !conflict(buffers[i], user))) {
            continue;
        }
        highest = hmlc_dim_maximum(dims, highest, end_of(dims, buffers[i]));
        set_cover(sets, covered, i);
    }
    return highest;
}

hmlc_status hmlc_memory_plan_offsets(memory_plan *plan)
{
    plan_buffer **buffers = HMLC_NEW_ARRAY(plan->scratch, plan_buffer *, plan->buffer_count + 1);
    HMLC_TRY_MEMORY(buffers);
    uint32_t count = select_buffers(plan, buffers);
    HMLC_TRY(place_at_hints(plan, buffers, count));
    below_sets sets = {.words = count / 64 + 1};
    sets.bits = HMLC_NEW_ARRAY(plan->scratch, uint64_t, ((size_t)count + 1) * sets.words);
    HMLC_TRY_MEMORY(sets.bits);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t *below = &sets.bits[(size_t)i * sets.words];
        buffers[i]->offset = highest_end(plan, buffers, i, buffers[i], &sets, below);
    }
    plan->module->arena_bytes =
        highest_end(plan, buffers, count, NULL, &sets, &sets.bits[(size_t)count * sets.words]);
    return HMLC_OK;
}

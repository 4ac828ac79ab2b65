/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search for a smaller model that fails in the same way: nodes behind the failure go, then
 * those before it, then ranges of any nodes, large ones first (ddmin: Zeller and Hildebrandt,
 * "Simplifying and isolating failure-inducing input", 2002).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reduce.h"

/* A model to be tried: the smallest so far, with more nodes gone. */
typedef struct reduction {
    hmlc_cut_state *states;
    uint32_t *order; /* the kept nodes of the smallest so far */
} reduction;

/* --dim options that still have their symbol; fixed dims stand in the types already. */
static void fit_dims(const reduce_search *search, const hmlc_cut_state *states)
{
    hmlc_request *request = &search->trial->request;
    request->dim_count = 0;
    for (uint32_t k = 0; k < search->request->dim_count; k++) {
        const hmlc_dim_option *dim = &search->request->dims[k];
        if (dim->same_as == NULL && dim->minimum < dim->maximum &&
            hmlc_cut_uses_dim(search->cut, states, dim->name)) {
            request->dims[request->dim_count++] = *dim;
        }
    }
}

static void show(const reduce_search *search)
{
    if (search->request->report->lively) {
        fprintf(stderr, "\r\033[K%u of %u nodes left, %u models tried", search->kept,
                hmlc_cut_node_count(search->cut), search->tried);
        fflush(stderr);
    }
}

/* Tries the states; they become the smallest so far when they fail in the same way. */
static bool attempt(reduce_search *search, const hmlc_cut_state *states)
{
    reduce_failure failure;
    uint32_t kept = 0, count = hmlc_cut_node_count(search->cut);
    for (uint32_t i = 0; i < count; i++) {
        kept += states[i] == HMLC_CUT_KEPT;
    }
    if (kept == 0 || search->broken.message[0] != '\0') {
        return false;
    }
    search->trial->cut = search->cut;
    search->trial->states = states;
    fit_dims(search, states);
    search->tried++;
    if (!hmlc_reduce_try(search->trial, &failure)) {
        search->broken = failure;
        return false;
    }
    bool same = hmlc_reduce_same(search->trial, &failure);
    if (same) {
        memmove(search->states, states, count * sizeof *states);
        search->kept = kept;
        search->failure = failure;
    }
    show(search);
    return same;
}

/* Starts from the smallest so far: lists its nodes in `order`. */
static void restart(const reduce_search *search, reduction *next)
{
    uint32_t count = hmlc_cut_node_count(search->cut), kept = 0;
    memcpy(next->states, search->states, count * sizeof *next->states);
    for (uint32_t i = 0; i < count; i++) {
        if (next->states[i] == HMLC_CUT_KEPT) {
            next->order[kept++] = i;
        }
    }
}

/* Tries without the kept nodes [first, end); a bypass is tried where every one of them has it. */
static bool attempt_without(reduce_search *search, reduction *next, uint32_t first, uint32_t end,
                            hmlc_cut_state state)
{
    restart(search, next);
    for (uint32_t i = first; i < end; i++) {
        if (state == HMLC_CUT_BYPASSED && !hmlc_cut_can_bypass(search->cut, next->order[i])) {
            return false;
        }
        next->states[next->order[i]] = state;
    }
    return attempt(search, next->states);
}

/* Bisects for the shortest beginning that fails. */
static void drop_later(reduce_search *search, reduction *next)
{
    uint32_t low = 0, high = search->kept;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (attempt_without(search, next, middle, search->kept, HMLC_CUT_DROPPED)) {
            high = middle;
        } else {
            low = middle;
        }
    }
}

/* Bisects for the shortest end that fails. */
static void drop_earlier(reduce_search *search, reduction *next)
{
    uint32_t low = 0, high = search->kept; /* nodes at the end */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (attempt_without(search, next, 0, search->kept - middle, HMLC_CUT_DROPPED)) {
            high = middle;
        } else {
            low = middle;
        }
    }
}

/* One round over ranges of `size` nodes; whether anything went. */
static bool drop_ranges(reduce_search *search, reduction *next, uint32_t size)
{
    uint32_t before = search->kept;
    for (uint32_t first = 0; first < search->kept;) {
        uint32_t end = first + size < search->kept ? first + size : search->kept;
        bool gone = end - first < search->kept &&
                    (attempt_without(search, next, first, end, HMLC_CUT_DROPPED) ||
                     attempt_without(search, next, first, end, HMLC_CUT_BYPASSED));
        first = gone ? first : end; /* the nodes behind moved up */
    }
    return search->kept < before;
}

bool hmlc_reduce_search(reduce_search *search)
{
    uint32_t count = hmlc_cut_node_count(search->cut);
    reduction next = {.states = calloc(count + 1, sizeof *next.states),
                      .order = calloc(count + 1, sizeof *next.order)};
    search->states = calloc(count + 1, sizeof *search->states);
    bool fails = next.states != NULL && next.order != NULL && search->states != NULL &&
                 attempt(search, next.states);
    if (fails) {
        drop_later(search, &next);
        drop_earlier(search, &next);
        for (uint32_t size = search->kept / 2; size > 0; size /= 2) {
            while (drop_ranges(search, &next, size) && size == 1) {
            }
        }
    }
    if (search->request->report->lively) {
        fprintf(stderr, "\r\033[K");
    }
    free(next.states);
    free(next.order);
    return fails && search->broken.message[0] == '\0';
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which nodes go back to float so that a loss stays within its budget. */
#include <math.h>
#include <stdlib.h>

#include "tuning.h"

typedef struct budget_search {
    hmlc_tuning *tuning;
    uint32_t *order; /* nodes of the instrument, those first that cost most for
                        what they give */
    double least;    /* excess of the best choice that quantizes something */
    uint32_t best;   /* its number of nodes taken back */
} budget_search;

/* Loss for each multiplication that the node does on 8 bits. */
static double price_of(const hmlc_quantize_node *node)
{
    return node->loss_alone / (node->macs > 1 ? node->macs : 1);
}

static void sort_nodes(budget_search *search)
{
    const hmlc_instrument *made = search->tuning->instrument;
    const hmlc_quantize_node *nodes = search->tuning->plan->nodes;
    for (uint32_t i = 0; i < made->node_count; i++) {
        uint32_t at = i;
        for (; at > 0 && price_of(&nodes[made->nodes[search->order[at - 1]]]) <
                             price_of(&nodes[made->nodes[i]]);
             at--) {
            search->order[at] = search->order[at - 1];
        }
        search->order[at] = i;
    }
}

/* Marks the first `count` nodes of the order as float, the rest as quantized.
 */
static void take_back(budget_search *search, uint32_t count)
{
    hmlc_instrument *made = search->tuning->instrument;
    for (uint32_t i = 0; i < made->node_count; i++) {
        uint32_t node = search->order[i];
        bool in_float = i < count;
        made->flags[node] = in_float ? 0 : 1;
        search->tuning->plan->nodes[made->nodes[node]].reason =
            in_float ? HMLC_QUANTIZE_budget : HMLC_QUANTIZE_integer;
    }
}

/* How far the loss is above the budget; at most 0: within. */
static hmlc_status excess_of(budget_search *search, double *excess)
{
    hmlc_tuning *t = search->tuning;
    const hmlc_quantize_options *options = t->options;
    hmlc_quantize_loss loss;
    HMLC_TRY(hmlc_tuning_loss(t, &t->held, t->held.count, &loss));
    t->plan->loss = loss;
    double score = 0;
    switch (options->metric) {
    case HMLC_METRIC_TOP1:
        *excess = 100 * (1 - (double)loss.same_rows / (double)(loss.rows > 0 ? loss.rows : 1)) -
                  options->max_drop;
        break;
    case HMLC_METRIC_COSINE:
        *excess = 1 - loss.cosine - options->max_drop;
        break;
    case HMLC_METRIC_SQNR:
        *excess = options->max_drop + 10 * log10(loss.noise);
        break;
    default:
        HMLC_TRY(options->score(options->context, t->plan, &score));
        *excess = t->baseline - score - options->max_drop;
        break;
    }
    return HMLC_OK;
}

static hmlc_status try_count(budget_search *search, uint32_t count, bool *within)
{
    double excess;
    take_back(search, count);
    HMLC_TRY(excess_of(search, &excess));
    *within = excess <= 0;
    if (excess < search->least && count < search->tuning->instrument->node_count) {
        search->least = excess;
        search->best = count;
    }
    return HMLC_OK;
}

/* The fewest nodes of the order that must be float; the count of all where none
 * is enough. */
static hmlc_status search_count(budget_search *search, uint32_t *count)
{
    uint32_t all = search->tuning->instrument->node_count, low = 0, high = all;
    bool within;
    HMLC_TRY(try_count(search, 0, &within));
    if (within) {
        high = 0;
    }
    while (low + 1 < high) { /* `low` is not enough, `high` is, or is all */
        uint32_t middle = low + (high - low) / 2;
        HMLC_TRY(hmlc_tuning_progress(search->tuning, "budget", all - (high - low), all));
        HMLC_TRY(try_count(search, middle, &within));
        *(within ? &high : &low) = middle;
    }
    *count = high;
    return HMLC_OK;
}

/* Nodes that were taken back early may not have been to blame: each is tried on
 * 8 bits again, the ones that give most first, as long as the budget holds. */
static hmlc_status give_again(budget_search *search, uint32_t count)
{
    enum { MOST_TRIES = 24 };
    hmlc_tuning *t = search->tuning;
    hmlc_instrument *made = t->instrument;
    take_back(search, count);
    uint32_t tries = count < MOST_TRIES ? count : MOST_TRIES;
    for (uint32_t i = 0; i < tries; i++) {
        uint32_t node = search->order[count - 1 - i];
        hmlc_quantize_node *planned = &t->plan->nodes[made->nodes[node]];
        double excess;
        HMLC_TRY(hmlc_tuning_progress(t, "budget", i, tries));
        made->flags[node] = 1;
        planned->reason = HMLC_QUANTIZE_integer;
        HMLC_TRY(excess_of(search, &excess));
        if (excess > 0) {
            made->flags[node] = 0;
            planned->reason = HMLC_QUANTIZE_budget;
        }
    }
    return hmlc_tuning_loss(t, &t->held, t->held.count, &t->plan->loss);
}

static hmlc_status miss(budget_search *search)
{
    hmlc_tuning *t = search->tuning;
    take_back(search, search->best);
    HMLC_TRY(hmlc_tuning_loss(t, &t->held, t->held.count, &t->plan->loss));
    return hmlc_error_add(t->plan->module->diagnostics, HMLC_ERROR_budget_missed, NULL,
                          "allow more, or give more samples",
                          "no choice of nodes keeps the loss within %g; the best is %g beyond it",
                          t->options->max_drop, search->least);
}

/* Asked first: a command that fails is to fail before anything is measured. */
hmlc_status hmlc_tuning_baseline(hmlc_tuning *t)
{
    hmlc_quantize_plan *plan = t->plan;
    if (t->options->metric != HMLC_METRIC_COMMAND) {
        return HMLC_OK;
    }
    for (uint32_t i = 0; i < plan->node_count; i++) {
        if (hmlc_quantize_is_chosen(&plan->nodes[i])) {
            plan->nodes[i].reason = HMLC_QUANTIZE_budget;
        }
    }
    hmlc_status status = t->options->score(t->options->context, plan, &t->baseline);
    for (uint32_t i = 0; i < plan->node_count; i++) {
        if (plan->nodes[i].reason == HMLC_QUANTIZE_budget) {
            plan->nodes[i].reason = HMLC_QUANTIZE_integer;
        }
    }
    return status;
}

hmlc_status hmlc_tuning_budget(hmlc_tuning *t)
{
    budget_search search = {.tuning = t, .least = INFINITY};
    uint32_t count;
    if (t->options->metric == HMLC_METRIC_NONE) {
        return HMLC_OK;
    }
    search.order = HMLC_NEW_ARRAY(t->arena, uint32_t, t->instrument->node_count + 1);
    HMLC_TRY_MEMORY(search.order);
    sort_nodes(&search);
    HMLC_TRY(search_count(&search, &count));
    if (count == t->instrument->node_count) {
        return miss(&search);
    }
    return count > 0 ? give_again(&search, count) : HMLC_OK;
}

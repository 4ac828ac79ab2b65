/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges and weights of a plan, from statistics alone. */
#include <string.h>

#include "quantize_plan.h"

static const char *const range_words[] = {
    [HMLC_RANGES_AUTO] = "mse",
    [HMLC_RANGES_MINMAX] = "minmax",
    [HMLC_RANGES_PERCENTILE] = "percentile",
    [HMLC_RANGES_ENTROPY] = "entropy",
    [HMLC_RANGES_MSE] = "mse",
};

static hmlc_status find_tensor(const hmlc_quantize_plan *plan, const hmlc_statistics *statistics,
                               const char *name, const hmlc_tensor_statistics **found)
{
    *found = hmlc_statistics_find(statistics, name);
    return *found != NULL
               ? HMLC_OK
               : hmlc_error_add(plan->module->diagnostics, HMLC_ERROR_statistics_other, NULL,
                                "calibrate this model with this version of hmlc",
                                "the statistics have no value '%s', which the model needs", name);
}

/* What speaks against a range. */
static hmlc_quantize_reason doubt(const hmlc_tensor_statistics *t)
{
    uint64_t odd = t->nan + t->inf;
    if (odd > 0 && (double)odd > 0.01 * (double)(t->count + odd)) {
        return HMLC_QUANTIZE_not_finite;
    }
    return t->count == 0 ? HMLC_QUANTIZE_empty : HMLC_QUANTIZE_integer;
}

static void warn_of(const hmlc_quantize_plan *plan, const hmlc_quantize_node *node,
                    const hmlc_tensor_statistics *t, hmlc_quantize_reason reason)
{
    if (reason == HMLC_QUANTIZE_not_finite) {
        hmlc_warning_add(plan->module->diagnostics, HMLC_ERROR_values_not_finite, NULL, NULL,
                         "node '%s' stays float: of '%s' %llu elements are NaN and %llu infinite, "
                         "%llu finite",
                         node->name, t->name, (unsigned long long)t->nan,
                         (unsigned long long)t->inf, (unsigned long long)t->count);
    }
}

hmlc_status hmlc_quantize_decide(hmlc_quantize_plan *plan, const hmlc_quantize_options *options,
                                 const hmlc_statistics *statistics)
{
    for (uint32_t i = 0; i < plan->node_count; i++) {
        hmlc_quantize_node *node = &plan->nodes[i];
        if (!hmlc_quantize_is_chosen(node)) {
            continue;
        }
        hmlc_quantize_tensor *tensor = &plan->tensors[node->tensor];
        const hmlc_tensor_statistics *t;
        HMLC_TRY(find_tensor(plan, statistics, tensor->name, &t));
        node->reason = doubt(t);
        warn_of(plan, node, t, node->reason);
        if (node->reason != HMLC_QUANTIZE_integer) {
            continue;
        }
        if (tensor->range.scale == 0) {
            tensor->range = hmlc_range_choose(t, options->ranges, options->percentile);
            tensor->range_word = range_words[options->ranges];
        }
        hmlc_status status = hmlc_weights_quantize(plan->arena, node, !options->any_pairs);
        node->reason = status == HMLC_NO ? HMLC_QUANTIZE_weights_not_finite : node->reason;
        HMLC_TRY(status == HMLC_NO ? HMLC_OK : status);
    }
    return HMLC_OK;
}

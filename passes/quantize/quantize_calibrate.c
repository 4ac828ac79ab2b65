/* SPDX-License-Identifier: Apache-2.0 */
/* Runs samples through a graph whose outputs are the values that get a range. */
#include "collect.h"

hmlc_statistics *hmlc_quantize_statistics(const hmlc_quantize_plan *plan, uint64_t model)
{
    hmlc_statistics *statistics = hmlc_statistics_create(model, plan->tensor_count);
    hmlc_arena *scratch = hmlc_arena_create(NULL);
    hmlc_value **values = scratch != NULL ? hmlc_quantize_values(plan->module, scratch) : NULL;
    bool good = statistics != NULL && values != NULL;
    for (uint32_t i = 0; good && i < plan->tensor_count; i++) {
        const hmlc_quantize_tensor *tensor = &plan->tensors[i];
        int64_t channels = 0;
        statistics->tensors[i].name = hmlc_arena_string(statistics->arena, tensor->name);
        good = statistics->tensors[i].name != NULL;
        if (good && tensor->axis >= 0) {
            (void)hmlc_dim_is_constant(values[tensor->value]->type->dims[tensor->axis], &channels);
            good = hmlc_statistics_set_channels(statistics, i, tensor->axis, channels) == HMLC_OK;
        }
    }
    hmlc_arena_destroy(scratch);
    if (!good) {
        hmlc_statistics_release(statistics);
        return NULL;
    }
    return statistics;
}

typedef struct calibration {
    const hmlc_quantize_plan *plan;
    const hmlc_runner *runner;
    hmlc_statistics *statistics;
    hmlc_collector collector; /* of the tensors, in their order */
} calibration;

static hmlc_status count_sample(calibration *c)
{
    HMLC_TRY(hmlc_collector_run(&c->collector));
    for (uint32_t i = 0; i < c->plan->tensor_count; i++) {
        HMLC_TRY(hmlc_statistics_add(c->statistics, i, hmlc_collector_value(&c->collector, i)));
    }
    return HMLC_OK;
}

/* Samples that the statistics hold already, as often as they hold them, are passed over. */
static hmlc_status count_samples(calibration *c)
{
    const hmlc_runner *runner = c->runner;
    hmlc_statistics *before = hmlc_statistics_create(0, 0);
    HMLC_TRY_MEMORY(before);
    hmlc_status status = HMLC_OK;
    for (uint32_t i = 0; status == HMLC_OK && i < runner->sample_count; i++) {
        uint64_t hash = 0;
        status = runner->progress != NULL
                     ? runner->progress(runner->context, "calibrate", i, runner->sample_count)
                     : HMLC_OK;
        status = status == HMLC_OK ? hmlc_collector_read(&c->collector, i, &hash) : status;
        if (status == HMLC_OK) {
            uint32_t seen = hmlc_statistics_has_sample(before, hash) + 1;
            status = hmlc_statistics_add_sample(before, hash);
            if (status == HMLC_OK && hmlc_statistics_has_sample(c->statistics, hash) < seen) {
                status = count_sample(c);
                status =
                    status == HMLC_OK ? hmlc_statistics_add_sample(c->statistics, hash) : status;
            }
        }
    }
    hmlc_statistics_release(before);
    if (status == HMLC_OK && runner->progress != NULL) {
        status = runner->progress(runner->context, "calibrate", runner->sample_count,
                                  runner->sample_count);
    }
    return status;
}

/* Ids of the values that get a range. */
static hmlc_status list_values(const hmlc_quantize_plan *plan, hmlc_arena *scratch, uint32_t **ids)
{
    *ids = HMLC_NEW_ARRAY(scratch, uint32_t, plan->tensor_count + 1);
    HMLC_TRY_MEMORY(*ids);
    for (uint32_t i = 0; i < plan->tensor_count; i++) {
        (*ids)[i] = plan->tensors[i].value;
    }
    return HMLC_OK;
}

hmlc_status hmlc_quantize_calibrate(const hmlc_quantize_plan *plan, const hmlc_runner *runner,
                                    hmlc_statistics *statistics)
{
    calibration c = {.plan = plan, .runner = runner, .statistics = statistics};
    hmlc_arena *scratch = hmlc_arena_create(NULL);
    uint32_t *ids = NULL;
    hmlc_status status = scratch != NULL ? list_values(plan, scratch, &ids) : HMLC_RESOURCE;
    status = status == HMLC_OK ? hmlc_collector_create(plan->module, runner, ids,
                                                       plan->tensor_count, &c.collector)
                               : status;
    status = status == HMLC_OK ? count_samples(&c) : status;
    hmlc_collector_release(&c.collector);
    hmlc_arena_destroy(scratch);
    return status;
}

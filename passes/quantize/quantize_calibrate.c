/* SPDX-License-Identifier: Apache-2.0 */
/* Runs samples through a graph whose outputs are the values that get a range. */
#include <string.h>

#include "quantize_plan.h"

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
    hmlc_arena *scratch;
    hmlc_module *module; /* that computes the values */
    void *model;
    uint32_t *tensors; /* of the plan, by output */
    hmlc_tensor *inputs, *outputs;
    uint32_t output_count;
} calibration;

/* The graph with the tensors' values as its only outputs; inputs need no run. */
static hmlc_status make_module(calibration *c)
{
    const hmlc_quantize_plan *plan = c->plan;
    HMLC_TRY(hmlc_module_clone(plan->module, NULL, &c->module));
    hmlc_value **values = hmlc_quantize_values(c->module, c->scratch);
    hmlc_value **outputs = HMLC_NEW_ARRAY(c->scratch, hmlc_value *, plan->tensor_count + 1);
    const char **names = HMLC_NEW_ARRAY(c->module->arena, const char *, plan->tensor_count + 1);
    c->tensors = HMLC_NEW_ARRAY(c->scratch, uint32_t, plan->tensor_count + 1);
    if (values == NULL || outputs == NULL || names == NULL || c->tensors == NULL) {
        return HMLC_RESOURCE;
    }
    for (uint32_t i = 0; i < plan->tensor_count; i++) {
        hmlc_value *value = values[plan->tensors[i].value];
        if (value->producer != NULL) {
            outputs[c->output_count] = value;
            names[c->output_count] = plan->tensors[i].name;
            c->tensors[c->output_count++] = i;
        }
    }
    hmlc_op *old = c->module->main->last;
    hmlc_builder builder = hmlc_builder_before(old);
    HMLC_TRY(hmlc_build_yield(&builder, outputs, c->output_count));
    hmlc_op_erase(old);
    c->module->output_names = names;
    return HMLC_OK;
}

/* Inputs of the model that are contracted at once. */
static hmlc_status count_inputs(calibration *c)
{
    const hmlc_region *main = c->plan->module->main;
    for (uint32_t i = 0; i < c->plan->tensor_count; i++) {
        for (uint32_t k = 0; k < main->argument_count; k++) {
            if (main->arguments[k]->id == c->plan->tensors[i].value) {
                HMLC_TRY(hmlc_statistics_add(c->statistics, i, &c->inputs[k]));
            }
        }
    }
    return HMLC_OK;
}

static hmlc_status count_sample(calibration *c)
{
    uint32_t arguments = c->plan->module->main->argument_count;
    if (c->output_count > 0) {
        HMLC_TRY(c->runner->run(c->runner->context, c->model, c->inputs, arguments, c->outputs,
                                c->output_count));
    }
    HMLC_TRY(count_inputs(c));
    for (uint32_t i = 0; i < c->output_count; i++) {
        HMLC_TRY(hmlc_statistics_add(c->statistics, c->tensors[i], &c->outputs[i]));
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
        status = status == HMLC_OK ? runner->sample(runner->context, i, c->inputs, &hash) : status;
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

static hmlc_status calibrate(calibration *c)
{
    uint32_t arguments = c->plan->module->main->argument_count;
    c->inputs = HMLC_NEW_ARRAY(c->scratch, hmlc_tensor, arguments + 1);
    c->outputs = HMLC_NEW_ARRAY(c->scratch, hmlc_tensor, c->plan->tensor_count + 1);
    HMLC_TRY_MEMORY(c->inputs);
    HMLC_TRY_MEMORY(c->outputs);
    HMLC_TRY(make_module(c));
    if (c->output_count > 0) {
        HMLC_TRY(c->runner->open(c->runner->context, c->module, &c->model));
    }
    return count_samples(c);
}

hmlc_status hmlc_quantize_calibrate(const hmlc_quantize_plan *plan, const hmlc_runner *runner,
                                    hmlc_statistics *statistics)
{
    calibration c = {.plan = plan,
                     .runner = runner,
                     .statistics = statistics,
                     .scratch = hmlc_arena_create(NULL)};
    hmlc_status status = c.scratch != NULL ? calibrate(&c) : HMLC_RESOURCE;
    runner->close(runner->context, c.model);
    hmlc_module_destroy(c.module);
    hmlc_arena_destroy(c.scratch);
    return status;
}

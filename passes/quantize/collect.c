/* SPDX-License-Identifier: Apache-2.0 */
#include "collect.h"

static hmlc_status make_outputs(hmlc_collector *c, const uint32_t *ids, uint32_t count)
{
    hmlc_value **values = hmlc_quantize_values(c->module, c->arena);
    hmlc_value **outputs = HMLC_NEW_ARRAY(c->arena, hmlc_value *, count + 1);
    const char **names = HMLC_NEW_ARRAY(c->module->arena, const char *, count + 1);
    if (values == NULL || outputs == NULL || names == NULL) {
        return HMLC_RESOURCE;
    }
    for (uint32_t i = 0; i < count; i++) {
        hmlc_value *value = values[ids[i]];
        const hmlc_region *main = c->module->main;
        c->places[i] = c->output_count;
        for (uint32_t k = 0; k < main->argument_count; k++) {
            c->places[i] = main->arguments[k] == value ? -1 - (int64_t)k : c->places[i];
        }
        if (c->places[i] >= 0) {
            names[c->output_count] = hmlc_arena_printf(c->module->arena, "hmlc.value%u", i);
            HMLC_TRY_MEMORY(names[c->output_count]);
            outputs[c->output_count++] = value;
        }
    }
    hmlc_op *old = c->module->main->last;
    hmlc_builder builder = hmlc_builder_before(old);
    HMLC_TRY(hmlc_build_yield(&builder, outputs, c->output_count));
    hmlc_op_erase(old);
    c->module->output_names = names;
    return HMLC_OK;
}

hmlc_status hmlc_collector_create(const hmlc_module *module, const hmlc_runner *runner,
                                  const uint32_t *ids, uint32_t count, hmlc_collector *c)
{
    *c = (hmlc_collector){.runner = runner, .arena = hmlc_arena_create(NULL)};
    HMLC_TRY_MEMORY(c->arena);
    c->inputs = HMLC_NEW_ARRAY(c->arena, hmlc_tensor, module->main->argument_count + 1);
    c->outputs = HMLC_NEW_ARRAY(c->arena, hmlc_tensor, count + 1);
    c->places = HMLC_NEW_ARRAY(c->arena, int64_t, count + 1);
    if (c->inputs == NULL || c->outputs == NULL || c->places == NULL) {
        return HMLC_RESOURCE;
    }
    HMLC_TRY(hmlc_module_clone(module, NULL, &c->module));
    HMLC_TRY(make_outputs(c, ids, count));
    return c->output_count > 0 ? runner->open(runner->context, c->module, &c->model) : HMLC_OK;
}

void hmlc_collector_release(hmlc_collector *c)
{
    if (c->runner != NULL) {
        c->runner->close(c->runner->context, c->model);
    }
    hmlc_module_destroy(c->module);
    hmlc_arena_destroy(c->arena);
    *c = (hmlc_collector){.model = NULL};
}

hmlc_status hmlc_collector_read(hmlc_collector *c, uint32_t sample, uint64_t *hash)
{
    return c->runner->sample(c->runner->context, sample, c->inputs, hash);
}

hmlc_status hmlc_collector_run(hmlc_collector *c)
{
    const hmlc_runner *runner = c->runner;
    return c->output_count == 0
               ? HMLC_OK
               : runner->run(runner->context, c->model, c->inputs, c->module->main->argument_count,
                             c->outputs, c->output_count);
}

const hmlc_tensor *hmlc_collector_value(const hmlc_collector *c, uint32_t k)
{
    return c->places[k] < 0 ? &c->inputs[-1 - c->places[k]] : &c->outputs[c->places[k]];
}

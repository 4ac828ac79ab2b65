/* SPDX-License-Identifier: Apache-2.0 */
#include "interpreted_runner.h"

#include <hmlc/eval.h>

static hmlc_status open_model(void *context, hmlc_module *module, void **model)
{
    (void)context;
    *model = module;
    return HMLC_OK;
}

static hmlc_status run_model(void *context, void *model, const hmlc_tensor *inputs,
                             uint32_t input_count, hmlc_tensor *outputs, uint32_t output_count)
{
    hmlc_arena **arena = context;
    return hmlc_interpret(model, inputs, input_count, *arena, outputs, output_count);
}

static void close_model(void *context, void *model)
{
    (void)context;
    (void)model;
}

hmlc_runner interpreted_runner(void *context)
{
    return (hmlc_runner){
        .context = context, .open = open_model, .run = run_model, .close = close_model};
}

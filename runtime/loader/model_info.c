/* SPDX-License-Identifier: Apache-2.0 */
/* What a model tells about itself. */
#include "common/versioned.h"
#include "loader/model.h"
#include "platform/cpu.h"
#include <string.h>

/* What a query that filled the caller's structure returns. */
static hml_status written(int done)
{
    return done ? HML_OK : HML_ERROR_bad_argument;
}

hml_status hml_model_describe(const hml_model *model, hml_model_info *info)
{
    if (info == NULL || model == NULL) {
        return HML_ERROR_bad_argument;
    }
    const hml_model_tables *tables = &model->tables;
    const hml_variant *variant = &model->variants[model->variant];
    const hml_model_info filled = {
        .input_count = tables->input_count,
        .output_count = tables->output_count,
        .symbol_count = tables->record->symbols.count,
        .variant_count = model->variant_count,
        .variant = model->variant,
        .step_count = variant->program.record->steps.count,
        .mapped = model->mapped,
        .growable = variant->program.record->entry_dims < variant->program.record->dims.count,
        .format_major = HML_FORMAT_MAJOR,
        .format_minor = model->format_minor,
        .name = tables->strings + tables->record->name,
        .file_bytes = model->file.bytes,
        .weight_bytes = model->weights.bytes,
        .code_bytes = variant->code->text_bytes + variant->code->rodata_bytes,
        .provenance = (const char *)model->provenance.data,
        .provenance_bytes = model->provenance.bytes,
        .state_count = tables->record->states.count,
        .state_bytes = hml_model_state_bytes(model),
    };
    return written(HML_STRUCT_WRITE(info, state_bytes, &filled));
}

/* NULL: there is no such input, output or state. */
static const hml_tensor_record *tensor_at(const hml_model *model, bool is_output, uint32_t index)
{
    const hml_model_tables *tables = &model->tables;
    uint32_t count = is_output ? tables->output_count : tables->input_count;
    uint32_t state = index - HML_STATE(0);
    if (index >= HML_STATE(0)) {
        index = count + state;
        count = state < tables->record->states.count ? UINT32_MAX : 0;
    }
    return index >= count ? NULL : is_output ? &tables->outputs[index] : &tables->inputs[index];
}

static hml_status describe_tensor(const hml_model *model, bool is_output, uint32_t index,
                                  hml_tensor_info *info)
{
    const hml_tensor_record *tensor =
        model == NULL || info == NULL ? NULL : tensor_at(model, is_output, index);
    if (tensor == NULL) {
        return HML_ERROR_bad_argument;
    }
    const char *strings = model->tables.strings;
    hml_tensor_info filled = {
        .dtype = (hml_dtype)tensor->dtype, .rank = tensor->rank, .name = strings + tensor->name};
    for (uint32_t i = 0; i < tensor->rank; i++) {
        filled.dim_texts[i] = strings + tensor->dim_texts[i];
    }
    return written(HML_STRUCT_WRITE(info, dim_texts, &filled));
}

hml_status hml_model_input(const hml_model *model, uint32_t index, hml_tensor_info *info)
{
    return describe_tensor(model, false, index, info);
}

hml_status hml_model_output(const hml_model *model, uint32_t index, hml_tensor_info *info)
{
    return describe_tensor(model, true, index, info);
}

static hml_status find_tensor(const hml_model *model, bool is_output, const char *name,
                              uint32_t *index)
{
    if (model == NULL || name == NULL || index == NULL) {
        return HML_ERROR_bad_argument;
    }
    const hml_tensor_record *tensor = NULL;
    for (uint32_t i = 0; (tensor = tensor_at(model, is_output, i)) != NULL; i++) {
        if (strcmp(model->tables.strings + tensor->name, name) == 0) {
            *index = i;
            return HML_OK;
        }
    }
    return HML_ERROR_name_unknown;
}

hml_status hml_model_find_input(const hml_model *model, const char *name, uint32_t *index)
{
    return find_tensor(model, false, name, index);
}

hml_status hml_model_find_output(const hml_model *model, const char *name, uint32_t *index)
{
    return find_tensor(model, true, name, index);
}

hml_status hml_model_symbol(const hml_model *model, uint32_t index, hml_symbol_info *info)
{
    if (model == NULL || info == NULL || index >= model->tables.record->symbols.count) {
        return HML_ERROR_bad_argument;
    }
    const hml_symbol_record *symbol = &model->tables.symbols[index];
    const hml_symbol_info filled = {
        .name = model->tables.strings + symbol->name,
        .minimum = symbol->minimum,
        .maximum = symbol->maximum == HML_DIM_UNBOUNDED ? INT64_MAX : symbol->maximum,
        .multiple = symbol->multiple,
        .run_time = (symbol->flags & HML_SYMBOL_RUN_TIME) != 0,
    };
    return written(HML_STRUCT_WRITE(info, multiple, &filled));
}

hml_status hml_model_variant(const hml_model *model, uint32_t index, hml_variant_info *info)
{
    if (model == NULL || info == NULL || index >= model->variant_count) {
        return HML_ERROR_bad_argument;
    }
    const hml_variant *variant = &model->variants[index];
    uint32_t architecture = variant->code_section->architecture;
    hml_variant_info filled = {
        .name = "", .architecture = hml_cpu_architecture_name(architecture), .newer = 1};
    if (variant->refusal == HML_OK) {
        filled.newer = 0;
        filled.name = variant->program.strings + variant->program.record->target_name;
        filled.runs_here = hml_cpu_runs(architecture, variant->code_section->required_features);
        filled.step_count = variant->program.record->steps.count;
        filled.code_bytes = variant->code->text_bytes + variant->code->rodata_bytes;
    }
    return written(HML_STRUCT_WRITE(info, code_bytes, &filled));
}

hml_status hml_model_step(const hml_model *model, uint32_t index, hml_step_info *info)
{
    static const char *const kinds[] = {
        [HML_STEP_CALL] = "call",     [HML_STEP_EVALUATE] = "evaluate", [HML_STEP_GROW] = "grow",
        [HML_STEP_BRANCH] = "branch", [HML_STEP_JUMP] = "jump",         [HML_STEP_CHECK] = "check",
        [HML_STEP_REPEAT] = "repeat"};
    static const char *const forms[] = {
        [HML_FORM_LOOP] = "loop",         [HML_FORM_CONTRACTION] = "contraction",
        [HML_FORM_WINDOW] = "window",     [HML_FORM_RECURRENT] = "recurrent",
        [HML_FORM_PORTABLE] = "portable", [HML_FORM_PROVIDER] = "provider"};
    if (model == NULL || info == NULL || index >= hml_model_program(model)->record->steps.count) {
        return HML_ERROR_bad_argument;
    }
    const hml_program *program = hml_model_program(model);
    const hml_step_record *step = &program->steps[index];
    hml_step_info filled = {.kind = kinds[step->kind],
                            .location = hml_step_location(program, index),
                            .operand_count = step->operand_count,
                            .target = step->target};
    if (step->kind == HML_STEP_CALL) {
        filled.kernel = program->strings + program->kernels[step->kernel].name;
        filled.form = forms[program->kernels[step->kernel].form];
    }
    return written(HML_STRUCT_WRITE(info, location, &filled));
}

/* What a model tells about itself. */
#include "loader/model.h"
#include "platform/cpu.h"

void hml_model_describe(const hml_model *model, hml_model_info *info)
{
    const hml_model_tables *tables = &model->tables;
    const hml_variant *variant = &model->variants[model->variant];
    *info = (hml_model_info){
        .name = tables->strings + tables->record->name,
        .input_count = tables->record->inputs.count,
        .output_count = tables->record->outputs.count,
        .symbol_count = tables->record->symbols.count,
        .variant_count = model->variant_count,
        .variant = model->variant,
        .step_count = variant->program.record->steps.count,
        .mapped = model->mapped,
        .growable = variant->program.record->entry_dims < variant->program.record->dims.count,
        .file_bytes = model->file.bytes,
        .weight_bytes = model->weights.bytes,
        .code_bytes = variant->code->text_bytes + variant->code->rodata_bytes,
        .provenance = (const char *)model->provenance.data,
        .provenance_bytes = model->provenance.bytes,
    };
}

static hml_status describe_tensor(const hml_model *model, const hml_tensor_record *tensors,
                                  uint32_t count, uint32_t index, hml_tensor_info *info)
{
    if (index >= count) {
        return HML_ERROR_bad_argument;
    }
    const char *strings = model->tables.strings;
    *info = (hml_tensor_info){.name = strings + tensors[index].name,
                              .dtype = (hml_dtype)tensors[index].dtype,
                              .rank = tensors[index].rank};
    for (uint32_t i = 0; i < info->rank; i++) {
        info->dim_texts[i] = strings + tensors[index].dim_texts[i];
    }
    return HML_OK;
}

hml_status hml_model_input(const hml_model *model, uint32_t index, hml_tensor_info *info)
{
    return describe_tensor(model, model->tables.inputs, model->tables.record->inputs.count, index,
                           info);
}

hml_status hml_model_output(const hml_model *model, uint32_t index, hml_tensor_info *info)
{
    return describe_tensor(model, model->tables.outputs, model->tables.record->outputs.count, index,
                           info);
}

hml_status hml_model_symbol(const hml_model *model, uint32_t index, hml_symbol_info *info)
{
    if (index >= model->tables.record->symbols.count) {
        return HML_ERROR_bad_argument;
    }
    const hml_symbol_record *symbol = &model->tables.symbols[index];
    *info = (hml_symbol_info){
        .name = model->tables.strings + symbol->name,
        .minimum = symbol->minimum,
        .maximum = symbol->maximum == HML_DIM_UNBOUNDED ? INT64_MAX : symbol->maximum,
        .multiple = symbol->multiple,
        .run_time = (symbol->flags & HML_SYMBOL_RUN_TIME) != 0,
    };
    return HML_OK;
}

hml_status hml_model_variant(const hml_model *model, uint32_t index, hml_variant_info *info)
{
    if (index >= model->variant_count) {
        return HML_ERROR_bad_argument;
    }
    const hml_variant *variant = &model->variants[index];
    uint32_t architecture = variant->code_section->architecture;
    *info = (hml_variant_info){
        .name = variant->program.strings + variant->program.record->target_name,
        .architecture = hml_cpu_architecture_name(architecture),
        .runs_here = hml_cpu_runs(architecture, variant->code_section->required_features),
        .step_count = variant->program.record->steps.count,
        .code_bytes = variant->code->text_bytes + variant->code->rodata_bytes,
    };
    return HML_OK;
}

hml_status hml_model_step(const hml_model *model, uint32_t index, hml_step_info *info)
{
    static const char *const kinds[] = {
        [HML_STEP_CALL] = "call",     [HML_STEP_EVALUATE] = "evaluate", [HML_STEP_GROW] = "grow",
        [HML_STEP_BRANCH] = "branch", [HML_STEP_JUMP] = "jump",         [HML_STEP_CHECK] = "check"};
    static const char *const forms[] = {
        [HML_FORM_LOOP] = "loop",         [HML_FORM_CONTRACTION] = "contraction",
        [HML_FORM_WINDOW] = "window",     [HML_FORM_RECURRENT] = "recurrent",
        [HML_FORM_PORTABLE] = "portable", [HML_FORM_PROVIDER] = "provider"};
    const hml_program *program = hml_model_program(model);
    if (index >= program->record->steps.count) {
        return HML_ERROR_bad_argument;
    }
    const hml_step_record *step = &program->steps[index];
    *info = (hml_step_info){.kind = kinds[step->kind],
                            .location = hml_step_location(program, index),
                            .operand_count = step->operand_count,
                            .target = step->target};
    if (step->kind == HML_STEP_CALL) {
        info->kernel = program->strings + program->kernels[step->kernel].name;
        info->form = forms[program->kernels[step->kernel].form];
    }
    return HML_OK;
}

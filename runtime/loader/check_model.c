/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the MODEL section: symbols, inputs, outputs. */
#include "loader/model.h"
#include "loader/table.h"

static bool is_string(const hml_model_tables *tables, uint32_t reference)
{
    return reference < tables->record->strings.count;
}

static hml_status check_symbol(const hml_model_tables *tables, uint32_t index, hml_message message)
{
    const hml_symbol_record *symbol = &tables->symbols[index];
    if (!is_string(tables, symbol->name) || (symbol->flags & ~(uint32_t)HML_SYMBOL_RUN_TIME) != 0 ||
        symbol->minimum < -HML_DIM_UNBOUNDED || symbol->maximum < symbol->minimum ||
        symbol->maximum > HML_DIM_UNBOUNDED || symbol->multiple < 1 ||
        symbol->multiple > HML_DIM_UNBOUNDED) {
        return HML_FAIL(message, HML_ERROR_symbol_invalid, "symbol %u", index);
    }
    return HML_OK;
}

static hml_status check_tensor(const hml_model_tables *tables, const hml_tensor_record *tensor,
                               const char *what, uint32_t index, hml_message message)
{
    bool valid = is_string(tables, tensor->name) && tensor->kind == 0 &&
                 hml_dtype_bytes((hml_dtype)tensor->dtype) != 0 &&
                 tensor->rank <= HML_MAX_TENSOR_RANK;
    for (uint32_t i = 0; valid && i < tensor->rank; i++) {
        valid = is_string(tables, tensor->dim_texts[i]);
    }
    return valid ? HML_OK : HML_FAIL(message, HML_ERROR_tensor_invalid, "%s %u", what, index);
}

/* Both sides of a state are of one type; that their dims are equal each program shows. */
static hml_status check_states(const hml_model *model, hml_message message)
{
    const hml_model_tables *tables = &model->tables;
    uint32_t count = tables->record->states.count;
    bool valid = count <= tables->record->inputs.count && count <= tables->record->outputs.count;
    for (uint32_t i = 0; valid && i < count; i++) {
        const hml_state_record *state = &tables->states[i];
        const hml_tensor_record *before = &tables->inputs[tables->input_count + i];
        const hml_tensor_record *after = &tables->outputs[tables->output_count + i];
        valid = before->dtype == after->dtype && before->rank == after->rank &&
                state->offset <= model->weights.bytes &&
                state->bytes <= model->weights.bytes - state->offset;
    }
    return valid ? HML_OK : HML_FAIL(message, HML_ERROR_tensor_invalid, "states");
}

static hml_status check_records(const hml_model_tables *tables, hml_message message)
{
    const hml_model_record *record = tables->record;
    if (!is_string(tables, record->name)) {
        return HML_FAIL(message, HML_ERROR_string_invalid, "the model's name");
    }
    for (uint32_t i = 0; i < record->symbols.count; i++) {
        HML_TRY(check_symbol(tables, i, message));
    }
    for (uint32_t i = 0; i < record->inputs.count; i++) {
        HML_TRY(check_tensor(tables, &tables->inputs[i], "input", i, message));
    }
    for (uint32_t i = 0; i < record->outputs.count; i++) {
        HML_TRY(check_tensor(tables, &tables->outputs[i], "output", i, message));
    }
    return HML_OK;
}

hml_status hml_model_check_tables(hml_model *model, const hml_section_record *section,
                                  hml_message message)
{
    hml_table_reader reader = {
        {model->file.data + section->offset, section->bytes}, message, &model->copies};
    hml_model_tables *tables = &model->tables;
    const void *head = NULL, *symbols = NULL, *inputs = NULL, *outputs = NULL, *states = NULL;
    HML_TRY(hml_table_get_head(&reader, section->head_bytes, HML_MODEL_RECORD_BYTES_1_0,
                               sizeof(hml_model_record), &head));
    const hml_model_record *record = head;
    HML_TRY(hml_table_get_strings(&reader, &record->strings, &tables->strings));
    HML_TRY(
        hml_table_get(&reader, &record->symbols, "symbols", sizeof(hml_symbol_record), &symbols));
    HML_TRY(hml_table_get(&reader, &record->inputs, "inputs", sizeof(hml_tensor_record), &inputs));
    HML_TRY(
        hml_table_get(&reader, &record->outputs, "outputs", sizeof(hml_tensor_record), &outputs));
    HML_TRY(hml_table_get(&reader, &record->states, "states", sizeof(hml_state_record), &states));
    tables->record = record;
    tables->symbols = symbols;
    tables->inputs = inputs;
    tables->outputs = outputs;
    tables->states = states;
    tables->input_count = record->inputs.count - record->states.count;
    tables->output_count = record->outputs.count - record->states.count;
    HML_TRY(check_records(tables, message));
    return check_states(model, message);
}

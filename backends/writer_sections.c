/* SPDX-License-Identifier: Apache-2.0 */
/* MODEL and PROGRAM sections: a fixed record, then the tables it refers to, each 8-byte aligned. */
#include <stdio.h>

#include "writer.h"

#include "artifact_types.h"

static hmlc_status bytes_append(hmlc_byte_table *bytes, const void *data, size_t size)
{
    static const char zeros[8];
    size_t padding = (8 - size % 8) % 8;
    HMLC_TRY(HMLC_TABLE_RESERVE(bytes, size + padding));
    char *end = bytes->data + bytes->count;
    if (size > 0) {
        memcpy(end, data, size);
    }
    memcpy(end + size, zeros, padding);
    bytes->count += size + padding;
    return HMLC_OK;
}

/* A table of the section, and where the section's record tells of it. */
typedef struct table_source {
    const void *records;
    size_t count, record_bytes;
    hml_table *reference;
} table_source;

#define TABLE_SOURCE(table, reference)                                                             \
    {(table).data, (table).count, sizeof *(table).data, (reference)}

/* Appends tables and fills their references. */
static hmlc_status tables_append(hmlc_byte_table *bytes, const table_source *sources, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        const table_source *source = &sources[k];
        *source->reference =
            (hml_table){bytes->count, (uint32_t)source->count, (uint32_t)source->record_bytes};
        HMLC_TRY(bytes_append(bytes, source->records, source->count * source->record_bytes));
    }
    return HMLC_OK;
}

typedef HMLC_TABLE(hml_tensor_record) tensor_table;

typedef struct model_builder {
    const hmlc_artifact *artifact;
    hmlc_string_table strings;
    HMLC_TABLE(hml_symbol_record) symbols;
    tensor_table inputs, outputs;
} model_builder;

/* Outputs leave their slots to each program's own list. */
static hmlc_status tensor_add(model_builder *b, tensor_table *table, const char *name,
                              const hmlc_value *value)
{
    const hmlc_type *type = value->type;
    hml_tensor_record record = {.dtype = hmlc_artifact_dtype(type->dtype),
                                .rank = (uint32_t)type->rank};
    if (record.dtype == 0) {
        return hmlc_error_add(b->artifact->module->diagnostics, HMLC_ERROR_op_unsupported_type,
                              NULL, NULL, "'%s': element type %s cannot be an input or output yet",
                              name, hmlc_dtype_name(type->dtype));
    }
    HMLC_TRY(hmlc_string_table_add(&b->strings, name, &record.name));
    for (int32_t k = 0; k < HML_MAX_TENSOR_RANK; k++) {
        record.dims[k] = record.dim_texts[k] = HML_NONE;
    }
    for (int32_t k = 0; k < type->rank; k++) {
        const char *text = hmlc_dim_text(b->artifact->module->arena, type->dims[k]);
        HMLC_TRY_MEMORY(text);
        HMLC_TRY(hmlc_string_table_add(&b->strings, text, &record.dim_texts[k]));
        if (table == &b->inputs) {
            HMLC_TRY(hmlc_program_slot(&b->artifact->programs[0], type->dims[k], &record.dims[k]));
        }
    }
    return HMLC_APPEND(table, &record);
}

static hmlc_status tensors_add(model_builder *b)
{
    const hmlc_module *module = b->artifact->module;
    for (uint32_t k = 0; k < module->main->argument_count; k++) {
        const hmlc_value *value = module->main->arguments[k];
        HMLC_TRY(tensor_add(b, &b->inputs, value->name != NULL ? value->name : "", value));
    }
    const hmlc_op *yield = module->main->last;
    for (uint32_t k = 0; k < yield->operand_count; k++) {
        const char *name = module->output_names != NULL ? module->output_names[k] : NULL;
        HMLC_TRY(tensor_add(b, &b->outputs, name != NULL ? name : "", yield->operands[k].value));
    }
    return HMLC_OK;
}

static hmlc_status symbols_add(model_builder *b)
{
    hmlc_dims *dims = b->artifact->module->dims;
    for (uint32_t k = 0; k < hmlc_symbol_count(dims); k++) {
        const hmlc_symbol *symbol = hmlc_symbol_at(dims, k);
        hml_symbol_record record = {.flags = symbol->bound_at_run ? HML_SYMBOL_RUN_TIME : 0,
                                    .minimum = symbol->minimum,
                                    .maximum = symbol->maximum,
                                    .multiple = symbol->multiple,
                                    .slot = HML_NONE};
        if (!symbol->bound_at_run) {
            (void)hmlc_slots_has_symbol(&b->artifact->programs[0], symbol, &record.slot);
        }
        HMLC_TRY(hmlc_string_table_add(&b->strings, symbol->name, &record.name));
        HMLC_TRY(HMLC_APPEND(&b->symbols, &record));
    }
    return HMLC_OK;
}

static hmlc_status model_lay_out(model_builder *b, hml_model_record *record, hmlc_byte_table *bytes)
{
    HMLC_TRY(hmlc_string_table_add(&b->strings, "", &record->name));
    HMLC_TRY(hmlc_string_table_add(
        &b->strings, b->artifact->module->name != NULL ? b->artifact->module->name : "",
        &record->name));
    HMLC_TRY(symbols_add(b));
    HMLC_TRY(tensors_add(b));
    uint32_t states = b->artifact->module->state_count;
    size_t head = hmlc_section_model_head(b->artifact);
    HMLC_TRY(bytes_append(bytes, record, head));
    const table_source tables[] = {
        TABLE_SOURCE(b->strings.bytes, &record->strings),
        TABLE_SOURCE(b->symbols, &record->symbols),
        TABLE_SOURCE(b->inputs, &record->inputs),
        TABLE_SOURCE(b->outputs, &record->outputs),
        {b->artifact->states, states, sizeof(hml_state_record), &record->states},
    };
    size_t count = sizeof tables / sizeof tables[0];
    HMLC_TRY(tables_append(bytes, tables, states > 0 ? count : count - 1));
    memcpy(bytes->data, record, head);
    return HMLC_OK;
}

uint32_t hmlc_section_model_head(const hmlc_artifact *artifact)
{
    return artifact->module->state_count > 0 ? (uint32_t)sizeof(hml_model_record)
                                             : HML_MODEL_RECORD_BYTES_1_0;
}

hmlc_status hmlc_section_model(const hmlc_artifact *artifact, hmlc_byte_table *bytes)
{
    model_builder b = {.artifact = artifact};
    hml_model_record record = {0};
    hmlc_status status = model_lay_out(&b, &record, bytes);
    hmlc_string_table_free(&b.strings);
    HMLC_TABLE_FREE(&b.symbols);
    HMLC_TABLE_FREE(&b.inputs);
    HMLC_TABLE_FREE(&b.outputs);
    return status;
}

hmlc_status hmlc_section_program(const hmlc_program *program, hmlc_byte_table *bytes)
{
    hml_program_record record = {.entry_dims = program->entry_dims,
                                 .entry_checks = program->entry_checks,
                                 .arena_dim = program->arena_dim,
                                 .scratch_dim = program->scratch_dim,
                                 .growable_count = program->module->growable_count,
                                 .target_name = program->target_name};
    hmlc_status status = bytes_append(bytes, &record, sizeof record);
    const table_source tables[] = {
        TABLE_SOURCE(program->dims, &record.dims),
        TABLE_SOURCE(program->checks, &record.checks),
        TABLE_SOURCE(program->buffers, &record.buffers),
        TABLE_SOURCE(program->operands, &record.operands),
        TABLE_SOURCE(program->indices, &record.indices),
        TABLE_SOURCE(program->kernels, &record.kernels),
        TABLE_SOURCE(program->steps, &record.steps),
        TABLE_SOURCE(program->locations, &record.locations),
        TABLE_SOURCE(program->strings.bytes, &record.strings),
        TABLE_SOURCE(program->output_dims, &record.output_dims),
    };
    if (status == HMLC_OK) {
        status = tables_append(bytes, tables, sizeof tables / sizeof tables[0]);
    }
    if (status == HMLC_OK) {
        memcpy(bytes->data, &record, sizeof record);
    }
    return status;
}

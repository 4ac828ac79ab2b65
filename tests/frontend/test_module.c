/* SPDX-License-Identifier: Apache-2.0 */
#include "test_module.h"

#include <stdio.h>
#include <string.h>

imported import_bytes(wire_buffer *file, const hmlc_import_options *options)
{
    imported result = {.module = hmlc_module_create(NULL), .status = HMLC_RESOURCE, .file = *file};
    *file = (wire_buffer){0};
    if (result.module != NULL) {
        result.status =
            hmlc_import_memory(result.file.data, result.file.size, options, result.module);
    }
    return result;
}

imported import_graph_with(wire_buffer *graph, int64_t opset, const hmlc_import_options *options)
{
    wire_buffer file = model_end(graph, opset);
    return import_bytes(&file, options);
}

imported import_graph(wire_buffer *graph, int64_t opset)
{
    return import_graph_with(graph, opset, NULL);
}

void imported_free(imported *model)
{
    hmlc_module_destroy(model->module);
    wire_free(&model->file);
}

const char *first_error(const imported *model)
{
    const hmlc_diagnostic *diagnostic = hmlc_diagnostics_first(model->module->diagnostics);
    while (diagnostic != NULL && diagnostic->severity != HMLC_SEVERITY_ERROR) {
        diagnostic = diagnostic->next;
    }
    return diagnostic != NULL ? hmlc_error_get_info(diagnostic->error)->identifier : "";
}

uint32_t error_count(const imported *model)
{
    return hmlc_diagnostics_error_count(model->module->diagnostics);
}

bool says(const imported *model, const char *text)
{
    const hmlc_diagnostic *diagnostic = hmlc_diagnostics_first(model->module->diagnostics);
    for (; diagnostic != NULL; diagnostic = diagnostic->next) {
        char where[256] = "";
        (void)hmlc_location_format(diagnostic->location, where, sizeof where);
        if (strstr(diagnostic->message, text) != NULL || strstr(where, text) != NULL ||
            (diagnostic->hint != NULL && strstr(diagnostic->hint, text) != NULL)) {
            return true;
        }
    }
    return false;
}

static uint32_t count_in(const hmlc_region *region, hmlc_opcode opcode)
{
    uint32_t count = 0;
    HMLC_FOR_EACH_OP(op, region)
    {
        count += op->opcode == opcode;
        for (uint32_t i = 0; i < op->region_count; i++) {
            count += count_in(op->regions[i], opcode);
        }
    }
    return count;
}

uint32_t count_ops(const imported *model, hmlc_opcode opcode)
{
    return count_in(model->module->main, opcode);
}

static char formatted[256];

const char *output_type(const imported *model, uint32_t index)
{
    const hmlc_op *yield = model->module->main->last;
    (void)hmlc_type_format(hmlc_op_operand(yield, index)->type, formatted, sizeof formatted);
    return formatted;
}

const char *input_type(const imported *model, uint32_t index)
{
    const hmlc_value *input = model->module->main->arguments[index];
    (void)hmlc_type_format(input->type, formatted, sizeof formatted);
    return formatted;
}

wire_buffer one_node(const char *type, const char *dims)
{
    wire_buffer graph = {0}, node = node_begin(type, "x", "y");
    graph_node(&graph, &node);
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, dims);
    graph_value(&graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, NULL);
    return graph;
}

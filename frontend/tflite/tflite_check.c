/* SPDX-License-Identifier: Apache-2.0 */
/* An operator against its row of tflite_ops.def: number and version, arity, options, types. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tflite_import.h"

enum { CODE_CUSTOM = 32 };

/* Numbers and fields of the options. */
enum {
#define TFLITE_OPTIONS(name, number, fields) OPTIONS_##name = (number),
#include "tflite_schema.def"
#undef TFLITE_OPTIONS
};
#define TFLITE_OPTIONS(name, number, fields) static const char FIELDS_##name[] = fields;
#include "tflite_schema.def"
#undef TFLITE_OPTIONS

#define hmlc_tflite_integer_none NULL
static const hmlc_tflite_op table[] = {
#define TFLITE_OP(name, code, version, function, opcode, form, integer, options, least, most,      \
                  outputs)                                                                         \
    {#name,                                                                                        \
     code,                                                                                         \
     version,                                                                                      \
     hmlc_tflite_import_##function,                                                                \
     HMLC_OP_##opcode,                                                                             \
     HMLC_TFLITE_##form,                                                                           \
     hmlc_tflite_integer_##integer,                                                                \
     OPTIONS_##options,                                                                            \
     FIELDS_##options,                                                                             \
     least,                                                                                        \
     most,                                                                                         \
     outputs,                                                                                      \
     NULL},
#define TFLITE_REFUSED(name, code, hint)                                                           \
    {#name, code, 0,          NULL,       HMLC_OP_COUNT, HMLC_TFLITE_RAW, NULL, 0,                 \
     "",    0,    UINT32_MAX, UINT32_MAX, hint},
#include "tflite_ops.def"
#undef TFLITE_OP
#undef TFLITE_REFUSED
};

enum { ROW_COUNT = sizeof table / sizeof table[0] };

const hmlc_tflite_op *hmlc_tflite_op_at(uint32_t index)
{
    return index < ROW_COUNT ? &table[index] : NULL;
}

static const hmlc_tflite_op *find_row(int32_t code)
{
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        if (table[i].code == code) {
            return &table[i];
        }
    }
    return NULL;
}

const char *hmlc_tflite_op_name(const hmlc_tflite_operator *stored)
{
    const hmlc_tflite_op *row = find_row(stored->code->builtin);
    if (stored->code->builtin == CODE_CUSTOM) {
        return stored->code->custom[0] != '\0' ? stored->code->custom : "CUSTOM";
    }
    return row != NULL ? row->name : "?";
}

/* Operators of others, which a program around the interpreter would have to bring. */
static void refuse_custom(hmlc_tflite_importer *importer, const char *name,
                          const hmlc_location *where)
{
    hmlc_diagnostics *diagnostics = importer->base->module->diagnostics;
    if (strncmp(name, "Flex", 4) == 0) {
        (void)hmlc_error_add(diagnostics, HMLC_ERROR_op_unsupported, where,
                             "convert without SELECT_TF_OPS",
                             "%s is a TensorFlow operator in TFLite, which is not supported", name);
    } else if (strcmp(name, "edgetpu-custom-op") == 0) {
        (void)hmlc_error_add(diagnostics, HMLC_ERROR_op_unsupported, where,
                             "use the model before the Edge TPU's compiler",
                             "%s holds code for an Edge TPU", name);
    } else {
        (void)hmlc_error_add(diagnostics, HMLC_ERROR_op_unsupported, where,
                             "express it through builtin operators before the conversion",
                             "custom operator '%s' is not supported", name);
    }
}

const hmlc_tflite_op *hmlc_tflite_find_op(hmlc_tflite_importer *importer,
                                          const hmlc_tflite_operator *stored,
                                          const hmlc_location *where)
{
    hmlc_diagnostics *diagnostics = importer->base->module->diagnostics;
    const hmlc_tflite_code *code = stored->code;
    const hmlc_tflite_op *row = find_row(code->builtin);
    if (code->builtin == CODE_CUSTOM) {
        refuse_custom(importer, code->custom, where);
        return NULL;
    }
    if (row == NULL) {
        (void)hmlc_error_add(diagnostics, HMLC_ERROR_op_unknown, where,
                             "convert the model for an older version of TFLite",
                             "no builtin operator has the number %" PRId32, code->builtin);
        return NULL;
    }
    if (row->import == NULL) {
        (void)hmlc_error_add(diagnostics, HMLC_ERROR_op_unsupported, where, row->hint,
                             "operator %s is not supported", row->name);
        return NULL;
    }
    if (code->version > row->version || code->version < 1) {
        (void)hmlc_error_add(diagnostics, HMLC_ERROR_version_newer, where,
                             "convert the model for an older version of TFLite",
                             "%s has version %" PRId32 "; versions up to %" PRId32 " are known",
                             row->name, code->version, row->version);
        return NULL;
    }
    return row;
}

static void check_arity(hmlc_node *node, const hmlc_tflite_op *op)
{
    if (node->input_count < op->least_inputs || node->input_count > op->most_inputs) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "has %" PRIu32 " inputs",
                       node->input_count);
    }
    if (op->outputs == UINT32_MAX ? node->output_count == 0 && op->least_inputs > 0
                                  : node->output_count != op->outputs) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "has %" PRIu32 " outputs",
                       node->output_count);
    }
    bool optional = op->form == HMLC_TFLITE_STATES; /* its function looks for what it needs */
    for (uint32_t i = 0; i < op->least_inputs && hmlc_node_ok(node) && !optional; i++) {
        if (hmlc_tflite_input(node, i) == NULL) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "input %" PRIu32 " is missing", i);
        }
    }
}

/* The number of options that the row knows. */
static uint32_t known_fields(const char *fields)
{
    uint32_t count = 0;
    for (const char *field = strchr(fields, ':'); field != NULL; field = strchr(field + 1, ':')) {
        count = (uint32_t)strtoul(field + 1, NULL, 10) + 1;
    }
    return count;
}

/* Options of another operator would be read as these; ones that are not known may mean anything. */
static void check_options(hmlc_node *node, const hmlc_tflite_op *op,
                          const hmlc_tflite_operator *stored)
{
    if (op->options[0] == '\0' || stored->options_type == 0) {
        return;
    }
    if (stored->options_type != op->options_type) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "has options of kind %" PRId64 ", must be %" PRId64, stored->options_type,
                       op->options_type);
        return;
    }
    uint32_t unknown =
        hmlc_flat_next_field(&stored->options, known_fields(op->options), UINT32_MAX);
    if (unknown != UINT32_MAX) {
        hmlc_node_fail(node, HMLC_ERROR_version_newer,
                       "convert the model for an older version of TFLite",
                       "has an option (field %" PRIu32 ") that is not known", unknown);
    }
}

static void check_types(hmlc_node *node)
{
    bool effects = hmlc_tflite_self(node)->op->form == HMLC_TFLITE_EFFECTS;
    for (uint32_t i = 0; i < node->output_count && hmlc_node_ok(node); i++) {
        const hmlc_tflite_tensor *tensor = hmlc_tflite_output(node, i);
        if (!tensor->supported && !(effects && strcmp(tensor->type, "RESOURCE") == 0)) {
            hmlc_node_fail(node, HMLC_ERROR_op_unsupported_type, NULL,
                           "output %" PRIu32 " ('%s') is %s, which is not supported", i,
                           tensor->key, tensor->type);
        }
    }
}

hmlc_status hmlc_tflite_check(hmlc_tflite_node *node)
{
    check_arity(&node->shared, node->op);
    check_options(&node->shared, node->op, node->stored);
    check_types(&node->shared);
    return node->shared.emit.status;
}

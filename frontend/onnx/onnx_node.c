/* SPDX-License-Identifier: Apache-2.0 */
/* What import functions ask of a node: attributes, axes, constant inputs; and how they complain. */
#include "onnx_node.h"
#include "onnx_import.h"
#include "onnx_types.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void hmlc_onnx_fail(hmlc_onnx_node *node, hmlc_error error, const char *hint, const char *format,
                    ...)
{
    char text[768];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    hmlc_status status = hmlc_error_add(
        node->importer->base->module->diagnostics, error, node->emit.builder.location, hint,
        "%s (opset %" PRId64 ") %s", node->op->name, node->opset, text);
    if (node->emit.status == HMLC_OK) {
        node->emit.status = status;
    }
}

const hmlc_location *hmlc_onnx_locate(hmlc_onnx_importer *importer, const hmlc_onnx_scope *scope,
                                      const Onnx__NodeProto *proto, uint32_t index)
{
    hmlc_arena *arena = importer->base->module->arena;
    const char *name = proto->name;
    if (name == NULL || name[0] == '\0') {
        name = hmlc_arena_printf(arena, "%s#%" PRIu32, scope->names.path, index);
    }
    return name == NULL ? NULL
                        : hmlc_location_create(arena, importer->base->file, name,
                                               proto->op_type != NULL ? proto->op_type : "");
}

const char *hmlc_onnx_input_name(const hmlc_onnx_node *node, uint32_t index)
{
    return index < node->proto->n_input ? node->proto->input[index] : "";
}

const Onnx__AttributeProto *hmlc_onnx_attr(const hmlc_onnx_node *node, const char *name)
{
    for (size_t i = 0; i < node->proto->n_attribute; i++) {
        const Onnx__AttributeProto *attribute = node->proto->attribute[i];
        if (attribute->name != NULL && strcmp(attribute->name, name) == 0) {
            return attribute;
        }
    }
    return NULL;
}

int64_t hmlc_onnx_int(const hmlc_onnx_node *node, const char *name, int64_t otherwise)
{
    const Onnx__AttributeProto *attribute = hmlc_onnx_attr(node, name);
    return attribute != NULL ? attribute->i : otherwise;
}

double hmlc_onnx_float(const hmlc_onnx_node *node, const char *name, double otherwise)
{
    const Onnx__AttributeProto *attribute = hmlc_onnx_attr(node, name);
    return attribute != NULL ? (double)attribute->f : otherwise;
}

const int64_t *hmlc_onnx_ints(const hmlc_onnx_node *node, const char *name, uint32_t *count)
{
    static const int64_t none[1] = {0};
    const Onnx__AttributeProto *attribute = hmlc_onnx_attr(node, name);
    *count = attribute != NULL ? (uint32_t)attribute->n_ints : 0;
    return attribute == NULL ? NULL : attribute->n_ints > 0 ? attribute->ints : none;
}

int32_t hmlc_onnx_choice(hmlc_onnx_node *node, const char *name, const char *words,
                         int32_t otherwise)
{
    const Onnx__AttributeProto *attribute = hmlc_onnx_attr(node, name);
    if (attribute == NULL) {
        return otherwise;
    }
    int32_t index = 0;
    for (const char *word = words;; index++) {
        size_t length = strcspn(word, "|");
        if (attribute->s.len == length && memcmp(attribute->s.data, word, length) == 0) {
            return index;
        }
        if (word[length] == '\0') {
            break;
        }
        word += length + 1;
    }
    int32_t shown = attribute->s.len < 64 ? (int32_t)attribute->s.len : 64;
    hmlc_onnx_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                   "attribute '%s' is '%.*s'; supported are %s", name, shown,
                   attribute->s.len > 0 ? (const char *)attribute->s.data : "", words);
    return otherwise;
}

hmlc_dtype hmlc_onnx_dtype_attr(hmlc_onnx_node *node, const char *name, hmlc_dtype otherwise)
{
    const Onnx__AttributeProto *attribute = hmlc_onnx_attr(node, name);
    hmlc_dtype dtype = otherwise;
    bool supported = true;
    if (attribute == NULL) {
        return otherwise;
    }
    if (!hmlc_onnx_dtype_of_number(attribute->i, &dtype, &supported)) {
        hmlc_onnx_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "attribute '%s' is %" PRId64 ", which is no element type", name,
                       attribute->i);
    } else if (!supported) {
        hmlc_onnx_fail(node, HMLC_ERROR_op_unsupported_type, NULL,
                       "attribute '%s': element type %s is not supported", name,
                       hmlc_dtype_name(dtype));
    }
    return hmlc_onnx_ok(node) ? dtype : otherwise;
}

int64_t hmlc_onnx_axis(hmlc_onnx_node *node, int64_t axis, int32_t rank)
{
    if (axis < -(int64_t)rank || axis >= rank) {
        hmlc_onnx_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "axis %" PRId64 " is outside rank %" PRId32, axis, rank);
        return 0;
    }
    return axis < 0 ? axis + rank : axis;
}

int64_t hmlc_onnx_axis_attr(hmlc_onnx_node *node, int64_t otherwise)
{
    return hmlc_onnx_axis(node, hmlc_onnx_int(node, "axis", otherwise), hmlc_onnx_rank(node, 0));
}

uint32_t hmlc_onnx_axes(hmlc_onnx_node *node, const int64_t *list, uint32_t count, int32_t rank,
                        int64_t *axes)
{
    bool chosen[HMLC_MAX_RANK + 1] = {false};
    for (uint32_t i = 0; i < count && hmlc_onnx_ok(node); i++) {
        int64_t axis = hmlc_onnx_axis(node, list[i], rank);
        if (hmlc_onnx_ok(node) && chosen[axis]) {
            hmlc_onnx_fail(node, HMLC_ERROR_graph_invalid, NULL, "axis %" PRId64 " is given twice",
                           list[i]);
        }
        chosen[axis] = true;
    }
    uint32_t found = 0;
    for (int32_t i = 0; i < rank && hmlc_onnx_ok(node); i++) {
        if (chosen[i]) {
            axes[found++] = i;
        }
    }
    return found;
}

static void not_constant(hmlc_onnx_node *node, uint32_t index)
{
    if (hmlc_onnx_ok(node)) {
        hmlc_onnx_fail(node, HMLC_ERROR_not_implemented,
                       "make it an initializer, or simplify the model so that it becomes constant",
                       "input %" PRIu32
                       " ('%s') is known only at run time; here it must be constant",
                       index, hmlc_onnx_input_name(node, index));
    }
}

bool hmlc_onnx_int_list(hmlc_onnx_node *node, uint32_t index, const char *name, int64_t *values,
                        uint32_t *count)
{
    *count = 0;
    if (hmlc_onnx_has_input(node, index)) {
        const hmlc_dim *elements = hmlc_emit_elements(&node->emit, node->inputs[index], count);
        bool constant = elements != NULL && *count <= HMLC_EMIT_MAX_ELEMENTS;
        for (uint32_t i = 0; constant && i < *count; i++) {
            constant = hmlc_dim_is_constant(elements[i], &values[i]);
        }
        if (!constant) {
            not_constant(node, index);
        }
        return constant;
    }
    const int64_t *list = name != NULL ? hmlc_onnx_ints(node, name, count) : NULL;
    if (list == NULL) {
        return false;
    }
    if (*count > HMLC_EMIT_MAX_ELEMENTS) {
        hmlc_onnx_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "attribute '%s' has %" PRIu32 " elements", name, *count);
        return false;
    }
    memcpy(values, list, *count * sizeof *values);
    return true;
}

hmlc_value *hmlc_onnx_run_time_list(hmlc_onnx_node *node, uint32_t index, uint32_t *count)
{
    hmlc_emitter *emit = &node->emit;
    *count = 0;
    if (!hmlc_onnx_ok(node) || !hmlc_onnx_has_input(node, index)) {
        return NULL;
    }
    const hmlc_dim *elements = hmlc_emit_elements(emit, node->inputs[index], count);
    bool constant = elements != NULL;
    for (uint32_t i = 0; constant && i < *count; i++) {
        constant = hmlc_dim_is_constant(elements[i], NULL);
    }
    if (constant) {
        return NULL;
    }
    int64_t length;
    hmlc_dim size = hmlc_type_count(hmlc_emit_table(emit), node->inputs[index]->type);
    if (!hmlc_dim_is_constant(size, &length) || length > HMLC_MAX_RANK) {
        hmlc_onnx_fail(node, HMLC_ERROR_rank_unknown,
                       "give its length with --dim NAME=SIZE, or make it an initializer",
                       "input %" PRIu32 " ('%s') has a length of more than %d or one known only at "
                       "run time",
                       index, hmlc_onnx_input_name(node, index), HMLC_MAX_RANK);
        return NULL;
    }
    *count = (uint32_t)length;
    hmlc_value *list = hmlc_emit_reshape(emit, node->inputs[index], &size, 1);
    return hmlc_emit_cast(emit, list, HMLC_DTYPE_i64);
}

bool hmlc_onnx_constant_list(hmlc_onnx_node *node, uint32_t index, double *values, uint32_t *count)
{
    const hmlc_tensor *tensor = hmlc_emit_constant_of(&node->emit, node->inputs[index]);
    int64_t elements = tensor != NULL ? hmlc_tensor_count(tensor) : -1;
    if (elements < 0 || elements > HMLC_EMIT_MAX_ELEMENTS) {
        not_constant(node, index);
        return false;
    }
    for (int64_t i = 0; i < elements; i++) {
        values[i] = hmlc_tensor_get_double(tensor, i);
    }
    *count = (uint32_t)elements;
    return true;
}

double hmlc_onnx_constant_input(hmlc_onnx_node *node, uint32_t index)
{
    double values[HMLC_EMIT_MAX_ELEMENTS] = {0};
    uint32_t count = 0;
    if (!hmlc_onnx_constant_list(node, index, values, &count)) {
        return 0;
    }
    if (count != 1) {
        hmlc_onnx_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "input %" PRIu32 " ('%s') has %" PRIu32 " elements, but must be a scalar",
                       index, hmlc_onnx_input_name(node, index), count);
    }
    return values[0];
}

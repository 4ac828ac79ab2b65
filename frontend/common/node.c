/* SPDX-License-Identifier: Apache-2.0 */
#include "node.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void hmlc_node_fail(hmlc_node *node, hmlc_error error, const char *hint, const char *format, ...)
{
    char title[128], text[768];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    node->format->write_title(node, title, sizeof title);
    hmlc_status status = hmlc_error_add(node->emit.builder.module->diagnostics, error,
                                        node->emit.builder.location, hint, "%s %s", title, text);
    if (node->emit.status == HMLC_OK) {
        node->emit.status = status;
    }
}

/* Every output that the model names must have a value. */
static void check_outputs(hmlc_node *node)
{
    for (uint32_t i = 0; i < node->output_count && hmlc_node_ok(node); i++) {
        if (hmlc_node_wants_output(node, i) && node->outputs[i] == NULL) {
            hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                           "output %" PRIu32 " ('%s') is not supported", i,
                           node->format->output_name(node, i));
        }
    }
}

bool hmlc_node_run(hmlc_importer *importer, hmlc_node *node, hmlc_node_import_function *import)
{
    hmlc_module *module = importer->module;
    uint32_t errors = hmlc_diagnostics_error_count(module->diagnostics);
    import(node);
    hmlc_status dims = hmlc_dims_status(module->dims);
    if (dims == HMLC_DAMAGED || dims == HMLC_REFUSED) {
        /* The table of dims takes no more: nothing can be built from here on. */
        if (hmlc_diagnostics_error_count(module->diagnostics) == errors) {
            (void)hmlc_infer_report_dims(module, node->emit.builder.location, "a dim");
        }
        importer->fatal = dims;
    }
    if (node->emit.status == HMLC_RESOURCE || node->emit.status == HMLC_INTERNAL) {
        importer->fatal = node->emit.status;
    }
    if (hmlc_diagnostics_error_count(module->diagnostics) == errors) {
        check_outputs(node);
    }
    return hmlc_node_ok(node);
}

bool hmlc_node_has_attr(const hmlc_node *node, const char *name)
{
    hmlc_node_attr attr;
    return node->format->find_attr(node, name, &attr);
}

/* The attribute, when it is there and of that kind. */
static bool find(hmlc_node *node, const char *name, uint32_t kind, hmlc_node_attr *attr)
{
    static const char *const words[] = {[HMLC_NODE_WHOLE] = "whole number",
                                        [HMLC_NODE_REAL] = "number",
                                        [HMLC_NODE_TEXT] = "text",
                                        [HMLC_NODE_LIST] = "list of whole numbers"};
    bool given = node->format->find_attr(node, name, attr);
    if (given && (attr->kinds & kind) == 0) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL, "attribute '%s' must be a %s",
                       name, words[kind]);
        return false;
    }
    return given;
}

int64_t hmlc_node_int(hmlc_node *node, const char *name, int64_t otherwise)
{
    hmlc_node_attr attr;
    return find(node, name, HMLC_NODE_WHOLE, &attr) ? attr.number : otherwise;
}

double hmlc_node_float(hmlc_node *node, const char *name, double otherwise)
{
    hmlc_node_attr attr;
    return find(node, name, HMLC_NODE_REAL, &attr) ? attr.real : otherwise;
}

const int64_t *hmlc_node_ints(hmlc_node *node, const char *name, uint32_t *count)
{
    static const int64_t none[1] = {0};
    hmlc_node_attr attr;
    bool given = find(node, name, HMLC_NODE_LIST, &attr);
    *count = given ? attr.count : 0;
    return !given ? NULL : attr.count > 0 ? attr.ints : none;
}

int32_t hmlc_node_choice(hmlc_node *node, const char *name, const char *words, int32_t otherwise)
{
    hmlc_node_attr attr;
    if (!find(node, name, HMLC_NODE_TEXT, &attr)) {
        return otherwise;
    }
    int32_t index = 0;
    for (const char *word = words;; index++) {
        size_t length = strcspn(word, "|");
        if (attr.length == length && memcmp(attr.text, word, length) == 0) {
            return index;
        }
        if (word[length] == '\0') {
            break;
        }
        word += length + 1;
    }
    int32_t shown = attr.length < 64 ? (int32_t)attr.length : 64;
    hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                   "attribute '%s' is '%.*s'; supported are %s", name, shown, attr.text, words);
    return otherwise;
}

int64_t hmlc_node_axis(hmlc_node *node, int64_t axis, int32_t rank)
{
    if (axis < -(int64_t)rank || axis >= rank) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "axis %" PRId64 " is outside rank %" PRId32, axis, rank);
        return 0;
    }
    return axis < 0 ? axis + rank : axis;
}

int64_t hmlc_node_axis_attr(hmlc_node *node, int64_t otherwise)
{
    return hmlc_node_axis(node, hmlc_node_int(node, "axis", otherwise), hmlc_node_rank(node, 0));
}

uint32_t hmlc_node_axes(hmlc_node *node, const int64_t *list, uint32_t count, int32_t rank,
                        int64_t *axes)
{
    bool chosen[HMLC_MAX_RANK + 1] = {false};
    for (uint32_t i = 0; i < count && hmlc_node_ok(node); i++) {
        int64_t axis = hmlc_node_axis(node, list[i], rank);
        if (hmlc_node_ok(node) && chosen[axis]) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "axis %" PRId64 " is given twice",
                           list[i]);
        }
        chosen[axis] = true;
    }
    uint32_t found = 0;
    for (int32_t i = 0; i < rank && hmlc_node_ok(node); i++) {
        if (chosen[i]) {
            axes[found++] = i;
        }
    }
    return found;
}

static void not_constant(hmlc_node *node, uint32_t index)
{
    if (hmlc_node_ok(node)) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, node->format->constant_hint,
                       "input %" PRIu32
                       " ('%s') is known only at run time; here it must be constant",
                       index, hmlc_node_input_name(node, index));
    }
}

bool hmlc_node_int_list(hmlc_node *node, uint32_t index, const char *name, int64_t *values,
                        uint32_t *count)
{
    *count = 0;
    if (hmlc_node_has_input(node, index)) {
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
    const int64_t *list = name != NULL ? hmlc_node_ints(node, name, count) : NULL;
    if (list == NULL) {
        return false;
    }
    if (*count > HMLC_EMIT_MAX_ELEMENTS) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "attribute '%s' has %" PRIu32 " elements", name, *count);
        return false;
    }
    memcpy(values, list, *count * sizeof *values);
    return true;
}

hmlc_value *hmlc_node_run_time_list(hmlc_node *node, uint32_t index, uint32_t *count)
{
    hmlc_emitter *emit = &node->emit;
    *count = 0;
    if (!hmlc_node_ok(node) || !hmlc_node_has_input(node, index)) {
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
        hmlc_node_fail(node, HMLC_ERROR_rank_unknown, node->format->length_hint,
                       "input %" PRIu32 " ('%s') has a length of more than %d or one known only at "
                       "run time",
                       index, hmlc_node_input_name(node, index), HMLC_MAX_RANK);
        return NULL;
    }
    *count = (uint32_t)length;
    hmlc_value *list = hmlc_emit_reshape(emit, node->inputs[index], &size, 1);
    return hmlc_emit_cast(emit, list, HMLC_DTYPE_i64);
}

bool hmlc_node_constant_list(hmlc_node *node, uint32_t index, double *values, uint32_t *count)
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

double hmlc_node_constant_input(hmlc_node *node, uint32_t index)
{
    double values[HMLC_EMIT_MAX_ELEMENTS] = {0};
    uint32_t count = 0;
    if (!hmlc_node_constant_list(node, index, values, &count)) {
        return 0;
    }
    if (count != 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "input %" PRIu32 " ('%s') has %" PRIu32 " elements, but must be a scalar",
                       index, hmlc_node_input_name(node, index), count);
    }
    return values[0];
}

hmlc_value *hmlc_node_table(hmlc_node *node, hmlc_dtype dtype, int64_t rows, int64_t columns,
                            hmlc_table_entry *entry, const void *context)
{
    hmlc_module *module = node->emit.builder.module;
    size_t bytes = (size_t)(rows * columns) * hmlc_dtype_bytes(dtype);
    void *data = hmlc_arena_allocate(module->arena, bytes);
    if (data == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return NULL;
    }
    for (int64_t i = 0; i < rows * columns; i++) {
        hmlc_element_set_double(dtype, data, i, entry(i / columns, i % columns, context));
    }
    const hmlc_tensor tensor = {
        .dtype = dtype, .rank = 2, .dims = {rows, columns}, .data = data, .bytes = bytes};
    return hmlc_emit_constant(&node->emit, &tensor);
}

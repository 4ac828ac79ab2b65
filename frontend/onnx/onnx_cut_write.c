/* SPDX-License-Identifier: Apache-2.0 */
/* A selection of a model's nodes as a model of its own. */
#include "onnx_cut.h"
#include "onnx_sink.h"

#include <string.h>

/* What a message is made of. */
typedef struct content {
    hmlc_cut *cut;
    const hmlc_cut_state *states;
    hmlc_cut_span span;          /* to be changed while it is copied */
    const hmlc_cut_node *node;   /* put_node */
    const hmlc_cut_value *value; /* put_value */
    const hmlc_tensor *tensor;   /* put_tensor */
} content;

/* The next field of a message that was read before; false at its end. */
static bool next_field(const hmlc_cut_span *span, size_t *position, hmlc_wire_field *field)
{
    bool found = *position < span->size &&
                 hmlc_wire_read_field(span->data, *position, span->size, field) == HMLC_OK;
    *position = field->end;
    return found;
}

static void copy_field(hmlc_onnx_sink *out, const hmlc_cut_span *span, const hmlc_wire_field *field)
{
    hmlc_onnx_put_raw(out, span->data + field->start, field->end - field->start);
}

/* A node with the inputs that are left to it. */
static void put_node(hmlc_onnx_sink *out, const void *context)
{
    const content *what = context;
    enum { INPUT = 1 };
    hmlc_wire_field field = {0};
    uint32_t input = 0;
    for (size_t at = 0; next_field(&what->span, &at, &field);) {
        uint32_t read = field.number == INPUT ? what->node->reads[input++] : HMLC_CUT_NONE;
        if (read == HMLC_CUT_NONE) {
            copy_field(out, &what->span, &field);
        } else {
            const char *name =
                what->cut->value[hmlc_cut_resolve(what->cut, what->states, read)].name;
            hmlc_onnx_put_bytes(out, INPUT, name, strlen(name));
        }
    }
}

/* A ValueInfoProto; the span is its type. */
static void put_value(hmlc_onnx_sink *out, const void *context)
{
    const content *what = context;
    hmlc_onnx_put_bytes(out, 1, what->value->name, strlen(what->value->name));
    if (what->span.size > 0) {
        hmlc_onnx_put_bytes(out, 2, what->span.data, what->span.size);
    }
}

/* A tensor with its external data in it. */
static void put_tensor(hmlc_onnx_sink *out, const void *context)
{
    const content *what = context;
    enum { RAW_DATA = 9, EXTERNAL_DATA = 13, DATA_LOCATION = 14 };
    hmlc_wire_field field = {0};
    for (size_t at = 0; next_field(&what->span, &at, &field);) {
        if (field.number != EXTERNAL_DATA && field.number != DATA_LOCATION) {
            copy_field(out, &what->span, &field);
        }
    }
    hmlc_onnx_put_bytes(out, RAW_DATA, what->tensor->data, what->tensor->bytes);
}

static void put_parts(hmlc_onnx_sink *out, const content *graph, uint32_t number,
                      const hmlc_cut_part *parts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const hmlc_cut_part *part = &parts[i];
        if (part->value == HMLC_CUT_NONE) {
            continue;
        }
        const hmlc_cut_value *value = &graph->cut->value[part->value];
        bool inner = value->produced && value->needed && !value->wanted;
        if (number == HMLC_CUT_VALUE_INFO ? !inner : !value->needed) {
            continue;
        }
        if (part->external != NULL) {
            content tensor = {.span = part->span, .tensor = &part->tensor};
            hmlc_onnx_put_message(out, number, put_tensor, &tensor);
        } else {
            hmlc_onnx_put_bytes(out, number, part->span.data, part->span.size);
        }
    }
}

static void put_port(hmlc_onnx_sink *out, uint32_t number, const hmlc_cut_value *value)
{
    bool input = number == HMLC_CUT_INPUT;
    const hmlc_cut_span *first = input ? &value->inferred : &value->declared;
    const hmlc_cut_span *second = input ? &value->declared : &value->inferred;
    content port = {.value = value, .span = first->size > 0 ? *first : *second};
    hmlc_onnx_put_message(out, number, put_value, &port);
}

/* The model's own inputs first, in their order; constants among them, which old versions list. */
static void put_inputs(hmlc_onnx_sink *out, const hmlc_cut *cut)
{
    for (uint32_t i = 0; i < cut->input_count; i++) {
        if (cut->inputs[i] != HMLC_CUT_NONE && cut->value[cut->inputs[i]].needed) {
            put_port(out, HMLC_CUT_INPUT, &cut->value[cut->inputs[i]]);
        }
    }
    for (uint32_t i = 0; i < cut->value_count; i++) {
        const hmlc_cut_value *value = &cut->value[i];
        if (hmlc_cut_is_input(value) && value->producer != HMLC_CUT_NONE) {
            put_port(out, HMLC_CUT_INPUT, value);
        }
    }
}

static void put_graph(hmlc_onnx_sink *out, const void *context)
{
    const content *what = context;
    hmlc_cut *cut = what->cut;
    const char *name = cut->importer.model->graph->name;
    for (uint32_t i = 0; i < cut->node_count; i++) {
        if (what->states[i] == HMLC_CUT_KEPT) {
            content node = *what;
            node.node = &cut->nodes[i];
            node.span = cut->nodes[i].span;
            hmlc_onnx_put_message(out, HMLC_CUT_NODE, put_node, &node);
        }
    }
    name = name != NULL && name[0] != '\0' ? name : "reduced"; /* the standard wants one */
    hmlc_onnx_put_bytes(out, HMLC_CUT_NAME, name, strlen(name));
    put_parts(out, what, HMLC_CUT_INITIALIZER, cut->initializers, cut->initializer_count);
    put_inputs(out, cut);
    for (uint32_t i = 0; i < cut->value_count; i++) {
        if (cut->value[i].wanted) {
            put_port(out, HMLC_CUT_OUTPUT, &cut->value[i]);
        }
    }
    put_parts(out, what, HMLC_CUT_VALUE_INFO, cut->infos, cut->info_count);
    put_parts(out, what, HMLC_CUT_SPARSE, cut->sparse, cut->sparse_count);
}

hmlc_status hmlc_cut_write(hmlc_cut *cut, const hmlc_cut_state *states, FILE *stream)
{
    enum { DOC_STRING = 6, GRAPH = 7, TRAINING = 20 };
    HMLC_TRY(hmlc_cut_select(cut, states));
    hmlc_onnx_sink out = {.stream = stream};
    hmlc_cut_span model = {cut->base.data, cut->base.size};
    hmlc_wire_field field = {0};
    for (size_t at = 0; next_field(&model, &at, &field);) {
        if (field.number == GRAPH) {
            content whole = {.cut = cut, .states = states};
            hmlc_onnx_put_message(&out, GRAPH, put_graph, &whole);
        } else if (field.number != DOC_STRING && field.number != TRAINING) {
            copy_field(&out, &model, &field);
        }
    }
    return HMLC_OK;
}

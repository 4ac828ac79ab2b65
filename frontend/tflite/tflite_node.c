/* SPDX-License-Identifier: Apache-2.0 */
/* A TFLite operator as common/ sees it: its title, options, names; activations. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tflite_node.h"

static const hmlc_tflite_node *self_of(const hmlc_node *node)
{
    return (const hmlc_tflite_node *)(const void *)node;
}

const hmlc_tflite_tensor *hmlc_tflite_input(const hmlc_node *node, uint32_t index)
{
    const hmlc_tflite_node *self = self_of(node);
    if (index >= self->stored->inputs.count) {
        return NULL;
    }
    int32_t tensor = hmlc_tflite_index_at(self->stored->inputs, index);
    return tensor >= 0 ? &self->graph->tensors[tensor] : NULL;
}

const hmlc_tflite_tensor *hmlc_tflite_output(const hmlc_node *node, uint32_t index)
{
    const hmlc_tflite_node *self = self_of(node);
    return &self->graph->tensors[hmlc_tflite_index_at(self->stored->outputs, index)];
}

static void write_title(const hmlc_node *node, char *text, size_t size)
{
    (void)snprintf(text, size, "%s", self_of(node)->op->name);
}

static const char *input_name(const hmlc_node *node, uint32_t index)
{
    const hmlc_tflite_tensor *tensor = hmlc_tflite_input(node, index);
    return tensor != NULL ? tensor->key : "";
}

static const char *output_name(const hmlc_node *node, uint32_t index)
{
    return hmlc_tflite_output(node, index)->key;
}

/* The text behind "name:" in the row's fields; NULL where there is none. */
static const char *find_field(const char *fields, const char *name)
{
    size_t length = strlen(name);
    for (const char *field = fields; *field != '\0';) {
        if (strncmp(field, name, length) == 0 && field[length] == ':') {
            return field + length + 1;
        }
        field += strcspn(field, " ");
        field += strspn(field, " ");
    }
    return NULL;
}

static bool read_list(const hmlc_flat_table *options, uint32_t field, int64_t *room,
                      hmlc_node_attr *attr)
{
    hmlc_flat_vector list = hmlc_flat_list(options, field, HMLC_FLAT_I32);
    /* A list that is too long keeps one element more than any shape has. */
    attr->count = list.count <= HMLC_MAX_RANK ? list.count : HMLC_MAX_RANK + 1;
    for (uint32_t i = 0; i < attr->count; i++) {
        room[i] = hmlc_tflite_index_at(list, i);
    }
    attr->ints = room;
    return list.given;
}

/* Every option has a default, so each is given, but for lists and texts. */
static bool find_attr(const hmlc_node *node, const char *name, hmlc_node_attr *attr)
{
    static const struct {
        char letter;
        hmlc_flat_kind kind;
    } kinds[] = {{'b', HMLC_FLAT_I8},  {'u', HMLC_FLAT_U8},  {'i', HMLC_FLAT_I32},
                 {'w', HMLC_FLAT_U32}, {'l', HMLC_FLAT_I64}, {'f', HMLC_FLAT_F32}};
    const hmlc_tflite_node *self = self_of(node);
    const char *spec = find_field(self->op->options, name);
    const hmlc_flat_table *options = &self->stored->options;
    *attr = (hmlc_node_attr){.kinds = HMLC_NODE_ANY, .text = ""};
    if (spec == NULL) {
        return false;
    }
    char *kind;
    uint32_t field = (uint32_t)strtoul(spec, &kind, 10);
    int64_t otherwise = kind[1] == '=' ? strtol(kind + 2, NULL, 10) : 0;
    if (*kind == 'I') {
        union {
            const int64_t *readable;
            int64_t *room; /* the node's own */
        } list = {.readable = self->new_shape};
        return read_list(options, field, list.room, attr);
    }
    if (*kind == 's') {
        attr->text = hmlc_flat_text(options, field);
        attr->length = strlen(attr->text);
        return attr->length > 0;
    }
    if (*kind == 'f') {
        attr->real = hmlc_flat_float(options, field, (double)otherwise);
        return true;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].letter == *kind) {
            attr->number = hmlc_flat_int(options, field, kinds[i].kind, otherwise);
            attr->real = (double)attr->number;
        }
    }
    return true;
}

const hmlc_node_format hmlc_tflite_node_format = {
    .write_title = write_title,
    .input_name = input_name,
    .output_name = output_name,
    .find_attr = find_attr,
    .constant_hint = "make it a constant before the conversion",
    .length_hint = "give its length with --dim NAME=SIZE, or make it a constant",
};

bool hmlc_tflite_same_scale(const hmlc_tflite_tensor *a, const hmlc_tflite_tensor *b)
{
    const hmlc_tflite_quantization *left = &a->quantization, *right = &b->quantization;
    return a->dtype == b->dtype && left->count == right->count &&
           (left->count == 0 || (left->count == 1 && left->scales[0] == right->scales[0] &&
                                 left->zeros[0] == right->zeros[0]));
}

hmlc_value *hmlc_tflite_clip(hmlc_emitter *emit, hmlc_value *x, double least, double most)
{
    x = hmlc_emit_binary(emit, HMLC_OP_max, x, hmlc_emit_scalar_like(emit, x, least));
    return hmlc_emit_binary(emit, HMLC_OP_min, x, hmlc_emit_scalar_like(emit, x, most));
}

hmlc_value *hmlc_tflite_activate(hmlc_node *node, hmlc_value *x)
{
    enum { NONE, RELU, RELU_N1_TO_1, RELU6, TANH };
    int64_t kind = hmlc_node_int(node, "fused_activation_function", NONE);
    hmlc_emitter *emit = &node->emit;
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    switch (kind) {
    case NONE:
        return x;
    case RELU:
        return hmlc_emit_unary(emit, HMLC_OP_relu, x);
    case RELU_N1_TO_1:
        return hmlc_tflite_clip(emit, x, -1, 1);
    case RELU6:
        return hmlc_tflite_clip(emit, x, 0, 6);
    case TANH:
        return hmlc_emit_unary(emit, HMLC_OP_tanh, x);
    default:
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "the fused activation %" PRId64 " is not supported", kind);
        return NULL;
    }
}

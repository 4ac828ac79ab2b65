/* SPDX-License-Identifier: Apache-2.0 */
/* An ONNX node as common/ sees it: its title, attributes, names of inputs and outputs. */
#include "onnx_node.h"
#include "onnx_import.h"
#include "onnx_types.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void write_title(const hmlc_node *node, char *text, size_t size)
{
    const hmlc_onnx_node *self = hmlc_onnx_self(node);
    (void)snprintf(text, size, "%s (opset %" PRId64 ")", self->op->name, self->opset);
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

static const char *input_name(const hmlc_node *node, uint32_t index)
{
    const Onnx__NodeProto *proto = hmlc_onnx_self(node)->proto;
    return index < proto->n_input ? proto->input[index] : "";
}

static const char *output_name(const hmlc_node *node, uint32_t index)
{
    return hmlc_onnx_self(node)->proto->output[index];
}

const Onnx__AttributeProto *hmlc_onnx_attr(const hmlc_node *node, const char *name)
{
    const Onnx__NodeProto *proto = hmlc_onnx_self(node)->proto;
    for (size_t i = 0; i < proto->n_attribute; i++) {
        const Onnx__AttributeProto *attribute = proto->attribute[i];
        if (attribute->name != NULL && strcmp(attribute->name, name) == 0) {
            return attribute;
        }
    }
    return NULL;
}

static bool find_attr(const hmlc_node *node, const char *name, hmlc_node_attr *attr)
{
    const Onnx__AttributeProto *found = hmlc_onnx_attr(node, name);
    if (found != NULL) {
        *attr = (hmlc_node_attr){
            .kinds = HMLC_NODE_ANY, /* onnx_check.c has compared it */
            .number = found->i,
            .real = (double)found->f,
            .text = found->s.len > 0 ? (const char *)found->s.data : "",
            .length = found->s.len,
            .ints = found->ints,
            .count = (uint32_t)found->n_ints,
        };
    }
    return found != NULL;
}

const hmlc_node_format hmlc_onnx_node_format = {
    .write_title = write_title,
    .input_name = input_name,
    .output_name = output_name,
    .find_attr = find_attr,
    .constant_hint = "make it an initializer, or simplify the model so that it becomes constant",
    .length_hint = "give its length with --dim NAME=SIZE, or make it an initializer",
};

hmlc_dtype hmlc_onnx_dtype_attr(hmlc_node *node, const char *name, hmlc_dtype otherwise)
{
    const Onnx__AttributeProto *attribute = hmlc_onnx_attr(node, name);
    hmlc_dtype dtype = otherwise;
    bool supported = true;
    if (attribute == NULL) {
        return otherwise;
    }
    if (!hmlc_onnx_dtype_of_number(attribute->i, &dtype, &supported)) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "attribute '%s' is %" PRId64 ", which is no element type", name,
                       attribute->i);
    } else if (!supported) {
        hmlc_node_fail(node, HMLC_ERROR_op_unsupported_type, NULL,
                       "attribute '%s': element type %s is not supported", name,
                       hmlc_dtype_name(dtype));
    }
    return hmlc_node_ok(node) ? dtype : otherwise;
}

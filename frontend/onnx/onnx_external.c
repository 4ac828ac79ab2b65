/* SPDX-License-Identifier: Apache-2.0 */
/* External data that no node uses: it is never read, but is the model's all the same, so that no
 * output may take its place. */
#include "onnx_import.h"

#include <string.h>

static hmlc_status note_graph(hmlc_onnx_importer *importer, const Onnx__GraphProto *graph);

static hmlc_status note_tensor(hmlc_onnx_importer *importer, const Onnx__TensorProto *tensor)
{
    for (size_t i = 0; tensor != NULL && i < tensor->n_external_data; i++) {
        const char *key = tensor->external_data[i]->key, *value = tensor->external_data[i]->value;
        if (key != NULL && value != NULL && strcmp(key, "location") == 0) {
            HMLC_TRY(hmlc_importer_note_external(importer->base, value));
        }
    }
    return HMLC_OK;
}

static hmlc_status note_node(hmlc_onnx_importer *importer, const Onnx__NodeProto *node)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        const Onnx__AttributeProto *attribute = node->attribute[i];
        HMLC_TRY(note_tensor(importer, attribute->t));
        if (attribute->g != NULL) {
            HMLC_TRY(note_graph(importer, attribute->g)); /* unpacking bounds the nesting */
        }
    }
    return HMLC_OK;
}

static hmlc_status note_graph(hmlc_onnx_importer *importer, const Onnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_initializer; i++) {
        HMLC_TRY(note_tensor(importer, graph->initializer[i]));
    }
    for (size_t i = 0; i < graph->n_sparse_initializer; i++) {
        HMLC_TRY(note_tensor(importer, graph->sparse_initializer[i]->values));
    }
    for (size_t i = 0; i < graph->n_node; i++) {
        HMLC_TRY(note_node(importer, graph->node[i]));
    }
    return HMLC_OK;
}

hmlc_status hmlc_onnx_note_external(hmlc_onnx_importer *importer)
{
    return note_graph(importer, importer->model->graph);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The subgraphs of If, Loop and Scan: import into a region of their own, or in line. */
#include "onnx_subgraph.h"

#include <stdio.h>

/* A subgraph's outputs. False when one is missing; NULL values are poisoned. */
static bool output_values(hmlc_node *node, hmlc_onnx_scope *scope, hmlc_value **values)
{
    const hmlc_onnx_node *self = hmlc_onnx_self(node);
    bool complete = true;
    for (size_t i = 0; i < scope->graph->n_output; i++) {
        const char *name = scope->graph->output[i]->name;
        values[i] = hmlc_scope_resolve(self->importer->base, &scope->names,
                                       name != NULL ? name : "", node->emit.builder.location);
        complete = complete && values[i] != NULL;
    }
    return complete && self->importer->base->fatal == HMLC_OK;
}

/* Inputs that no initializer fixes; files of IR versions below 4 list initializers as inputs. */
static size_t free_inputs(hmlc_onnx_importer *importer, const Onnx__GraphProto *graph)
{
    hmlc_names fixed = hmlc_names_create(importer->base->scratch);
    for (size_t i = 0; graph->n_input > 0 && i < graph->n_initializer; i++) {
        char *name = graph->initializer[i]->name;
        if (name != NULL && hmlc_names_set(&fixed, name, name) != HMLC_OK) {
            importer->base->fatal = HMLC_RESOURCE;
        }
    }
    size_t count = 0;
    for (size_t i = 0; i < graph->n_input; i++) {
        const char *name = graph->input[i]->name != NULL ? graph->input[i]->name : "";
        count += hmlc_names_find(&fixed, name) == NULL;
    }
    return count;
}

const Onnx__GraphProto *hmlc_onnx_subgraph(const hmlc_node *node, const char *name)
{
    return hmlc_onnx_attr(node, name)->g;
}

/* As many inputs and outputs as the node gives and takes. */
static bool check_interface(hmlc_node *node, const hmlc_onnx_scope *scope, const char *name,
                            uint32_t outputs, bool exact)
{
    size_t inputs = free_inputs(hmlc_onnx_self(node)->importer, scope->graph);
    size_t found = scope->graph->n_output;
    if (inputs == scope->argument_count && (exact ? found == outputs : found >= outputs)) {
        return true;
    }
    char wanted[32] = "none";
    if (scope->argument_count > 0) {
        (void)snprintf(wanted, sizeof wanted, "%u", scope->argument_count);
    }
    hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                   "%s has %zu inputs and %zu outputs, must have %s and %s%u", name, inputs, found,
                   wanted, exact ? "" : "at least ", outputs);
    return false;
}

hmlc_value **hmlc_onnx_import_subgraph(hmlc_node *node, hmlc_onnx_scope *scope, const char *name,
                                       uint32_t outputs, bool exact)
{
    const hmlc_onnx_node *self = hmlc_onnx_self(node);
    hmlc_onnx_importer *importer = self->importer;
    scope->names.parent = &self->scope->names;
    scope->graph = hmlc_onnx_subgraph(node, name);
    scope->names.path = hmlc_arena_printf(importer->base->scratch, "%s/%s/",
                                          node->emit.builder.location->nodes[0].name, name);
    hmlc_value **values =
        HMLC_NEW_ARRAY(importer->base->scratch, hmlc_value *, scope->graph->n_output + 1);
    if (scope->names.path == NULL || values == NULL) {
        importer->base->fatal = HMLC_RESOURCE;
        return NULL;
    }
    if (!check_interface(node, scope, name, outputs, exact) ||
        hmlc_onnx_scope_open(importer, scope) != HMLC_OK ||
        hmlc_onnx_import_nodes(importer, scope) != HMLC_OK) {
        return NULL;
    }
    if (!output_values(node, scope, values)) {
        /* Reported where it happened. */
        node->emit.status = importer->base->fatal != HMLC_OK ? importer->base->fatal : HMLC_REFUSED;
        return NULL;
    }
    return values;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables. One that is only read is a constant of the checkpoint: its key is what the model's own
 * restoring says, which assigns the values that RestoreV2 reads. One that is written while the
 * model runs is a state, which begins with that value (tensorflow_state.c).
 */
#include "tensorflow_handle.h"
#include "tensorflow_state.h"

#include <string.h>

enum { SHAPES = 2, NAMES = 1 };

bool hmlc_tf_is_variable(const Tensorflow__NodeDef *def)
{
    return strcmp(def->op, "VarHandleOp") == 0 || strcmp(def->op, "VariableV2") == 0 ||
           strcmp(def->op, "Variable") == 0;
}

/* What several nodes of one variable share, else the node's name. */
static const char *variable_name(hmlc_arena *scratch, const Tensorflow__NodeDef *def)
{
    const Tensorflow__AttrValue *shared = hmlc_tf_attr(def, "shared_name");
    bool given =
        shared != NULL && shared->has_s && shared->s.len > 0 && strcmp(def->op, "VarHandleOp") == 0;
    return given ? hmlc_arena_string_n(scratch, (const char *)shared->s.data, shared->s.len)
                 : def->name;
}

hmlc_tf_variable *hmlc_tf_find_variable(hmlc_tf_importer *importer, const Tensorflow__NodeDef *def)
{
    hmlc_arena *scratch = importer->base->scratch;
    const char *name = variable_name(scratch, def);
    hmlc_tf_variable *variable = name != NULL ? hmlc_names_find(&importer->variables, name) : NULL;
    if (variable != NULL || name == NULL) {
        return variable;
    }
    variable = HMLC_NEW(scratch, hmlc_tf_variable);
    if (variable != NULL) {
        *variable = (hmlc_tf_variable){.name = name, .def = def};
        variable =
            hmlc_names_set(&importer->variables, name, variable) == HMLC_OK ? variable : NULL;
    }
    return variable;
}

/* -- reading ----------------------------------------------------------------------------------- */

/* The type and shape that the graph declares must be those of the checkpoint. */
static hmlc_status check_declared(hmlc_tf_importer *importer, const Tensorflow__NodeDef *def,
                                  const hmlc_location *where, const hmlc_tensor *tensor)
{
    const Tensorflow__AttrValue *dtype = hmlc_tf_attr(def, "dtype");
    const Tensorflow__AttrValue *shape = hmlc_tf_attr(def, "shape");
    hmlc_dtype declared = tensor->dtype;
    bool good =
        dtype == NULL || !dtype->has_type ||
        (hmlc_tf_dtype(importer->base, dtype->type, where, &declared) && declared == tensor->dtype);
    if (good && shape != NULL && shape->shape != NULL && !shape->shape->unknown_rank) {
        good = shape->shape->n_dim == (size_t)tensor->rank;
        for (int32_t i = 0; good && i < tensor->rank; i++) {
            int64_t size = shape->shape->dim[i]->size;
            good = size < 0 || size == tensor->dims[i];
        }
    }
    return good ? HMLC_OK
                : hmlc_error_add(importer->base->module->diagnostics,
                                 HMLC_ERROR_declared_type_contradicts, where, NULL,
                                 "the checkpoint's value has another type or shape than the "
                                 "variable");
}

hmlc_status hmlc_tf_read_variable(hmlc_tf_importer *importer, const Tensorflow__NodeDef *def,
                                  const hmlc_location *where, hmlc_tensor *tensor)
{
    const char *name = variable_name(importer->base->scratch, def);
    HMLC_TRY_MEMORY(name);
    const char *key = hmlc_names_find(&importer->restored, name);
    if (importer->bundle == NULL) {
        return hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_external_data_refused,
                              where, "give the folder that holds saved_model.pb and variables/",
                              "the variable '%s' has no value: there is no "
                              "variables/variables.index",
                              name);
    }
    HMLC_TRY(hmlc_tf_bundle_read(importer->base, importer->bundle, key != NULL ? key : name, where,
                                 tensor));
    return check_declared(importer, def, where, tensor);
}

static hmlc_value *value_of(hmlc_tf_node *node, hmlc_tf_variable *variable)
{
    hmlc_tf_importer *importer = node->importer;
    if (variable->written) {
        hmlc_kept_state *state = hmlc_tf_state_of(node, variable);
        return state != NULL ? state->current : NULL;
    }
    hmlc_binding *binding = hmlc_scope_find(&importer->variable_values, variable->name);
    if (binding == NULL) {
        binding = hmlc_scope_bind(importer->base, &importer->variable_values, variable->name);
        if (binding == NULL) {
            return NULL;
        }
        binding->stored = variable->def;
    }
    hmlc_value *value = hmlc_scope_resolve(importer->base, &importer->variable_values,
                                           variable->name, node->node.emit.builder.location);
    if (value == NULL) { /* which has been said */
        node->node.emit.status =
            importer->base->fatal != HMLC_OK ? importer->base->fatal : HMLC_REFUSED;
    }
    return value;
}

hmlc_value *hmlc_tf_plain(hmlc_tf_node *node, hmlc_value *value)
{
    const hmlc_tf_handle *handle = hmlc_tf_handle_of(value, HMLC_TF_VARIABLE);
    return handle != NULL ? value_of(node, handle->variable) : value;
}

hmlc_value *hmlc_tf_read_reference(hmlc_tf_node *node, hmlc_value *value)
{
    const hmlc_tf_handle *handle = hmlc_tf_handle_of(value, HMLC_TF_VARIABLE);
    return handle != NULL && handle->reference ? value_of(node, handle->variable) : value;
}

static hmlc_tf_variable *variable_of(hmlc_tf_node *node)
{
    if (node->importer->meta == NULL) {
        hmlc_tf_fail(node, HMLC_ERROR_op_unsupported, "give the SavedModel, or freeze the graph",
                     "is of a variable, whose value a frozen graph would hold; freeze it");
        return NULL;
    }
    hmlc_tf_variable *variable = hmlc_tf_find_variable(node->importer, node->def);
    if (variable == NULL) {
        node->importer->base->fatal = HMLC_RESOURCE;
    }
    return variable;
}

static void give_handle(hmlc_tf_node *node, hmlc_tf_variable *variable, bool reference)
{
    hmlc_tf_handle *handle = hmlc_tf_handle_create(node->importer->base->scratch, HMLC_TF_VARIABLE);
    if (handle == NULL) {
        node->importer->base->fatal = HMLC_RESOURCE;
        return;
    }
    handle->variable = variable;
    handle->reference = reference;
    node->node.outputs[0] = &handle->value;
}

void hmlc_tf_import_var_handle(hmlc_tf_node *node)
{
    hmlc_tf_variable *variable = variable_of(node);
    if (variable != NULL) {
        give_handle(node, variable, false);
    }
}

/* A variable of TensorFlow 1 is a reference to its value, which is read where it is used. */
void hmlc_tf_import_variable(hmlc_tf_node *node)
{
    hmlc_tf_variable *variable = variable_of(node);
    if (variable != NULL && variable->written) {
        give_handle(node, variable, true);
    } else {
        node->node.outputs[0] = variable != NULL ? value_of(node, variable) : NULL;
    }
}

void hmlc_tf_import_read_variable(hmlc_tf_node *node)
{
    hmlc_tf_handle *handle = hmlc_tf_handle_of(node->node.inputs[0], HMLC_TF_VARIABLE);
    if (handle == NULL) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "reads '%s', which is no variable",
                     node->def->input[0]);
        return;
    }
    node->node.outputs[0] = value_of(node, handle->variable);
}

/* -- what is restored -------------------------------------------------------------------------- */

/* String `index` of a constant that is an input of the node; NULL where it is none. */
static const char *constant_text(const hmlc_tf_importer *importer, const hmlc_tf_graph *graph,
                                 const Tensorflow__NodeDef *def, uint32_t input, uint32_t index)
{
    hmlc_tf_ref ref;
    const hmlc_tf_entry *entry =
        input < def->n_input ? hmlc_tf_trace(importer, graph, def->input[input], &ref) : NULL;
    const Tensorflow__AttrValue *value = entry != NULL && strcmp(entry->def->op, "Const") == 0
                                             ? hmlc_tf_attr(entry->def, "value")
                                             : NULL;
    const Tensorflow__Tensor *tensor = value != NULL ? value->tensor : NULL;
    if (tensor == NULL || tensor->n_string_val == 0) {
        return NULL;
    }
    index = index < tensor->n_string_val ? index : (uint32_t)tensor->n_string_val - 1;
    return hmlc_arena_string_n(importer->base->scratch,
                               (const char *)tensor->string_val[index].data,
                               tensor->string_val[index].len);
}

/* Where an argument of a function comes from: the call's input. */
static const char *argument_source(const hmlc_tf_graph *graph, const Tensorflow__NodeDef *call,
                                   const char *text)
{
    const Tensorflow__OpDef *signature =
        graph->function != NULL ? graph->function->signature : NULL;
    for (size_t i = 0; signature != NULL && call != NULL && i < signature->n_input_arg; i++) {
        const char *name = signature->input_arg[i]->name;
        if (name != NULL && strcmp(name, text) == 0) {
            return i < call->n_input ? call->input[i] : NULL;
        }
    }
    return NULL;
}

/* One assignment of what is restored: the variable's key. */
static hmlc_status map_assignment(hmlc_tf_importer *importer, const hmlc_tf_graph *graph,
                                  const Tensorflow__NodeDef *call, const Tensorflow__NodeDef *def)
{
    hmlc_tf_ref ref;
    const hmlc_tf_entry *from =
        def->n_input > 1 ? hmlc_tf_trace(importer, graph, def->input[1], &ref) : NULL;
    if (from == NULL || strcmp(from->def->op, "RestoreV2") != 0) {
        return HMLC_OK;
    }
    uint32_t index = ref.output;
    const char *key = constant_text(importer, graph, from->def, NAMES, index);
    const char *slice = constant_text(importer, graph, from->def, SHAPES, index);
    const char *source = argument_source(graph, call, def->input[0]);
    const hmlc_tf_entry *variable =
        hmlc_tf_trace(importer, source != NULL ? &importer->graph : graph,
                      source != NULL ? source : def->input[0], &ref);
    if (key == NULL || (slice != NULL && slice[0] != '\0') || variable == NULL ||
        !hmlc_tf_is_variable(variable->def)) {
        return HMLC_OK;
    }
    const char *name = variable_name(importer->base->scratch, variable->def);
    HMLC_TRY_MEMORY(name);
    union {
        const char *text;
        void *any;
    } value = {.text = key};
    return hmlc_names_set(&importer->restored, name, value.any);
}

static hmlc_status map_assignments(hmlc_tf_importer *importer, hmlc_tf_graph *graph,
                                   const Tensorflow__NodeDef *call)
{
    HMLC_TRY(hmlc_tf_open_graph(importer, graph));
    for (size_t i = 0; i < graph->node_count; i++) {
        const Tensorflow__NodeDef *def = graph->nodes[i];
        if (strcmp(def->op, "AssignVariableOp") == 0 || strcmp(def->op, "Assign") == 0) {
            HMLC_TRY(map_assignment(importer, graph, call, def));
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_tf_map_variables(hmlc_tf_importer *importer)
{
    hmlc_tf_ref ref;
    importer->variables = hmlc_names_create(importer->base->scratch);
    importer->restored = hmlc_names_create(importer->base->scratch);
    if (importer->meta == NULL) {
        return HMLC_OK;
    }
    HMLC_TRY(hmlc_tf_bundle_open(importer->base, &importer->bundle));
    const Tensorflow__Saver *saver = importer->meta->saver_def;
    const hmlc_tf_entry *restore =
        saver != NULL && saver->restore_op_name != NULL
            ? hmlc_tf_find(importer, &importer->graph, saver->restore_op_name, &ref)
            : NULL;
    hmlc_tf_graph *function = restore != NULL ? hmlc_tf_called(importer, restore) : NULL;
    return function != NULL ? map_assignments(importer, function, restore->def)
                            : map_assignments(importer, &importer->graph, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Functions: a call's nodes come to stand where the call stands. */
#include "tensorflow_import.h"

#include <inttypes.h>
#include <string.h>

/* Calls within calls; nodes of functions in all, beside those that a large file may ask for (a node
 * takes about 1 KiB of memory, and an import no more than 64 MiB and four times the file); calls,
 * loops and branches within each other. */
enum { MOST_CALLS = 64, MOST_INLINED = 50000, MOST_SCOPES = 256 };

hmlc_status hmlc_tf_index_functions(hmlc_tf_importer *importer)
{
    const Tensorflow__FunctionDefLibrary *library = importer->graph_def->library;
    importer->functions = hmlc_names_create(importer->base->scratch);
    for (size_t i = 0; library != NULL && i < library->n_function; i++) {
        const Tensorflow__FunctionDef *function = library->function[i];
        hmlc_tf_graph *graph = HMLC_NEW(importer->base->scratch, hmlc_tf_graph);
        HMLC_TRY_MEMORY(graph);
        if (function->signature == NULL || function->signature->name == NULL) {
            return hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_file_damaged,
                                  importer->base->where, NULL, "function %zu has no name", i);
        }
        *graph = (hmlc_tf_graph){
            .nodes = function->node_def, .node_count = function->n_node_def, .function = function};
        HMLC_TRY(hmlc_names_set(&importer->functions, function->signature->name, graph));
    }
    return HMLC_OK;
}

hmlc_tf_graph *hmlc_tf_function(const hmlc_tf_importer *importer, const char *name)
{
    return name != NULL ? hmlc_names_find(&importer->functions, name) : NULL;
}

hmlc_tf_graph *hmlc_tf_called(const hmlc_tf_importer *importer, const hmlc_tf_entry *entry)
{
    const Tensorflow__AttrValue *named =
        entry->function == NULL ? hmlc_tf_attr(entry->def, "f") : NULL;
    return named != NULL && named->func != NULL ? hmlc_tf_function(importer, named->func->name)
                                                : entry->function;
}

uint32_t hmlc_tf_result_count(const hmlc_tf_graph *function)
{
    size_t count = function->function->signature->n_output_arg;
    return count < HMLC_TF_MOST_OUTPUTS ? (uint32_t)count : HMLC_TF_MOST_OUTPUTS;
}

/* How many inputs an argument stands for. */
static uint64_t argument_length(const hmlc_tf_attrs *attrs, const Tensorflow__ArgDef *argument)
{
    const char *asked = argument->number_attr != NULL && argument->number_attr[0] != '\0'
                            ? argument->number_attr
                            : argument->type_list_attr;
    const Tensorflow__AttrValue *value =
        asked != NULL && asked[0] != '\0' ? hmlc_tf_attr_among(attrs, asked) : NULL;
    return value == NULL                   ? 1
           : value->has_i && value->i >= 0 ? (uint64_t)value->i
           : value->list != NULL           ? value->list->n_type
                                           : 0;
}

bool hmlc_tf_bind(hmlc_tf_node *node, hmlc_tf_scope *scope, const char *name, uint32_t output,
                  hmlc_value *value)
{
    const char *key =
        name != NULL ? hmlc_tf_tensor_name(node->importer->base->scratch, name, output) : NULL;
    hmlc_binding *binding =
        key != NULL ? hmlc_scope_bind(node->importer->base, &scope->names, key) : NULL;
    if (binding == NULL) {
        node->importer->base->fatal = node->node.emit.status = HMLC_RESOURCE;
        return false;
    }
    binding->value = value;
    binding->state = HMLC_BINDING_READY;
    return true;
}

static bool bind_arguments(hmlc_tf_node *node, hmlc_tf_scope *scope, const hmlc_tf_call *call)
{
    const Tensorflow__OpDef *signature = call->function->function->signature;
    uint64_t next = 0;
    for (size_t i = 0; i < signature->n_input_arg; i++) {
        const Tensorflow__ArgDef *argument = signature->input_arg[i];
        uint64_t length = argument_length(&call->attrs, argument);
        for (uint64_t k = 0; k < length && next + k < call->input_count; k++) {
            if (!hmlc_tf_bind(node, scope, argument->name, (uint32_t)k, call->inputs[next + k])) {
                return false;
            }
        }
        next = length > UINT32_MAX ? UINT32_MAX : next + length;
    }
    if (next != call->input_count) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL,
                     "gives %" PRIu32 " inputs to function '%s', which takes %" PRIu64,
                     call->input_count, signature->name, next);
    }
    return hmlc_tf_ok(node);
}

/* Names of nodes in messages: those of calls that TensorFlow named itself say nothing. */
static const char *call_path(const hmlc_tf_node *node)
{
    const char *slash = strrchr(node->def->name, '/');
    const char *last = slash != NULL ? slash + 1 : node->def->name;
    bool plain = strncmp(last, "StatefulPartitionedCall", 23) == 0 ||
                 strncmp(last, "PartitionedCall", 15) == 0;
    return plain ? node->scope->names.path
                 : hmlc_arena_printf(node->importer->base->scratch, "%s%s/",
                                     node->scope->names.path, node->def->name);
}

static bool check_depth(hmlc_tf_node *node, const hmlc_tf_graph *function)
{
    uint32_t depth = 0;
    uint64_t most = MOST_INLINED + node->importer->base->size / 256;
    for (const hmlc_tf_scope *at = node->scope; at != NULL; at = at->caller) {
        depth++;
        if (at->graph == function) {
            hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL,
                         "calls function '%s', which calls "
                         "itself",
                         function->function->signature->name);
            return false;
        }
    }
    if (depth > MOST_CALLS || node->importer->inlined > most) {
        if (!node->importer->said_inlined) {
            hmlc_tf_fail(node, HMLC_ERROR_nesting_too_deep, NULL,
                         depth > MOST_CALLS ? "calls function '%s', nested deeper than %" PRIu64
                                              " calls"
                                            : "calls function '%s': calls within calls come to "
                                              "more than %" PRIu64 " nodes",
                         function->function->signature->name,
                         depth > MOST_CALLS ? (uint64_t)MOST_CALLS : most);
        }
        node->importer->said_inlined = true;
        node->node.emit.status = HMLC_REFUSED;
        return false;
    }
    return true;
}

const char *hmlc_tf_return_of(const hmlc_tf_graph *graph, uint32_t index)
{
    const Tensorflow__FunctionDef *function = graph->function;
    const char *name = function->signature->output_arg[index]->name;
    for (size_t i = 0; name != NULL && i < function->n_ret; i++) {
        if (function->ret[i]->key != NULL && strcmp(function->ret[i]->key, name) == 0) {
            return function->ret[i]->value;
        }
    }
    return NULL;
}

/* The results that are wanted; false where one is missing. */
static bool list_returns(hmlc_tf_node *node, const hmlc_tf_call *call, const char **wanted,
                         uint32_t *places, uint32_t *count)
{
    uint32_t results = hmlc_tf_result_count(call->function);
    *count = 0;
    for (uint32_t i = 0; i < HMLC_TF_MOST_OUTPUTS; i++) {
        if ((call->wanted >> i & 1) == 0) {
            continue;
        }
        wanted[*count] = i < results ? hmlc_tf_return_of(call->function, i) : NULL;
        places[*count] = i;
        if (wanted[(*count)++] == NULL) {
            hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL,
                         "wants result %" PRIu32 " of function '%s', which does not return it", i,
                         call->function->function->signature->name);
            return false;
        }
    }
    return true;
}

bool hmlc_tf_run_call(hmlc_tf_node *node, const hmlc_tf_call *call, hmlc_value **outputs)
{
    hmlc_tf_importer *importer = node->importer;
    const char *wanted[HMLC_TF_MOST_OUTPUTS];
    uint32_t places[HMLC_TF_MOST_OUTPUTS], count;
    hmlc_tf_scope scope = {
        .names = {.parent = &importer->nowhere, .body = call->body, .path = call_path(node)},
        .graph = call->function,
        .caller = node->scope,
        .attrs = call->attrs};
    if (scope.names.path == NULL) {
        importer->base->fatal = node->node.emit.status = HMLC_RESOURCE;
        return false;
    }
    if (!check_depth(node, call->function) || !list_returns(node, call, wanted, places, &count) ||
        !bind_arguments(node, &scope, call)) {
        return false;
    }
    hmlc_value *values[HMLC_TF_MOST_OUTPUTS];
    bool complete = hmlc_tf_import_tensors(node, &scope, wanted, count, values);
    importer->inlined += scope.kept_count + 1;
    for (uint32_t i = 0; complete && i < count; i++) {
        outputs[places[i]] = values[i];
    }
    return complete;
}

bool hmlc_tf_import_tensors(hmlc_tf_node *node, hmlc_tf_scope *scope, const char *const *wanted,
                            uint32_t count, hmlc_value **values)
{
    hmlc_tf_importer *importer = node->importer;
    uint32_t depth = 0;
    for (const hmlc_tf_scope *at = scope->caller; at != NULL; at = at->caller) {
        depth++;
    }
    if (depth > MOST_SCOPES) { /* the import of each stands on the stack */
        hmlc_tf_fail(node, HMLC_ERROR_nesting_too_deep, NULL, "lies in more than %d others",
                     MOST_SCOPES);
        return false;
    }
    hmlc_status status = hmlc_tf_keep(importer, scope, wanted, count);
    status = status == HMLC_OK ? hmlc_tf_import_nodes(importer, scope) : status;
    bool complete = status == HMLC_OK;
    for (uint32_t i = 0; complete && i < count; i++) {
        values[i] = hmlc_tf_resolve(importer, scope, wanted[i], node->node.emit.builder.location);
        complete = values[i] != NULL;
    }
    if (!complete) { /* which has been said where it happened */
        importer->base->fatal = status == HMLC_RESOURCE ? status : importer->base->fatal;
        node->node.emit.status =
            importer->base->fatal != HMLC_OK ? importer->base->fatal : HMLC_REFUSED;
    }
    return complete;
}

/* PartitionedCall, StatefulPartitionedCall, and nodes whose operator is a function's name. */
void hmlc_tf_import_call(hmlc_tf_node *node)
{
    const hmlc_tf_entry *entry = node->state->entry;
    const Tensorflow__AttrValue *named =
        entry->function == NULL ? hmlc_tf_attr(node->def, "f") : NULL;
    hmlc_tf_call call = {
        .function = hmlc_tf_called(node->importer, entry),
        .attrs = {.list = node->def->attr, .count = node->def->n_attr},
        .body = node->scope->names.body,
        .inputs = node->node.inputs,
        .input_count = node->node.input_count,
        .wanted = node->state->read,
    };
    if (named != NULL && named->func != NULL) {
        call.attrs = (hmlc_tf_attrs){.list = named->func->attr, .count = named->func->n_attr};
    }
    if (call.function == NULL) {
        hmlc_tf_fail(
            node, HMLC_ERROR_graph_invalid, NULL, "calls function '%s', which is not there",
            named != NULL && named->func != NULL && named->func->name != NULL ? named->func->name
                                                                              : "");
        return;
    }
    if (!hmlc_tf_import_recurrent(node, &call)) {
        (void)hmlc_tf_run_call(node, &call, node->node.outputs);
    }
}

bool hmlc_tf_returns_argument(hmlc_tf_importer *importer, hmlc_tf_graph *graph, uint32_t index)
{
    const Tensorflow__OpDef *signature = graph->function->signature;
    if (index >= signature->n_input_arg || index >= signature->n_output_arg ||
        hmlc_tf_open_graph(importer, graph) != HMLC_OK) {
        return false;
    }
    const char *text = hmlc_tf_return_of(graph, index),
               *argument = signature->input_arg[index]->name;
    hmlc_tf_ref ref;
    return text != NULL && argument != NULL && hmlc_tf_trace(importer, graph, text, &ref) == NULL &&
           ref.key != NULL && strcmp(ref.key, argument) == 0;
}

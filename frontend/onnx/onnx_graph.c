/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs: names, values, and one node after the other. */
#include "onnx_import.h"
#include "onnx_node.h"

#include <inttypes.h>
#include <string.h>

/*
 * Some optimisers leave two constants of one name. ONNX Runtime takes the last one, and so do we;
 * one warning tells.
 */
static void note_redefined(hmlc_onnx_importer *importer, const char *name)
{
    importer->redefined = importer->redefined_count++ == 0 ? name : importer->redefined;
}

/* ONNX Runtime reads the outer initializer of that name; the branch's own is what its file says. */
static void note_hidden(hmlc_onnx_importer *importer, const hmlc_onnx_scope *scope,
                        const char *name)
{
    if (hmlc_scope_hides(&scope->names, name)) {
        importer->hidden = importer->hidden_count++ == 0 ? name : importer->hidden;
    }
}

static void bind_initializers(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope)
{
    const Onnx__GraphProto *graph = scope->graph;
    for (size_t i = 0; i < graph->n_initializer && importer->base->fatal == HMLC_OK; i++) {
        const char *name = graph->initializer[i]->name != NULL ? graph->initializer[i]->name : "";
        if (name[0] == '\0') {
            (void)hmlc_scope_report(importer->base, importer->base->where, name,
                                    "is an initializer without a name");
            continue;
        }
        hmlc_binding *binding = hmlc_scope_find(&scope->names, name);
        if (binding != NULL) {
            note_redefined(importer, name);
        } else {
            note_hidden(importer, scope, name);
            binding = hmlc_scope_bind(importer->base, &scope->names, name);
        }
        if (binding != NULL) {
            binding->stored = graph->initializer[i];
        }
    }
    for (size_t i = 0; i < graph->n_sparse_initializer && importer->base->fatal == HMLC_OK; i++) {
        const Onnx__TensorProto *values = graph->sparse_initializer[i]->values;
        const char *name = values != NULL && values->name != NULL ? values->name : "";
        (void)hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_not_implemented,
                             importer->base->where, "store the tensor densely",
                             "initializer '%s' is a sparse tensor", name);
        hmlc_binding *binding = hmlc_scope_bind(importer->base, &scope->names, name);
        if (binding != NULL) {
            binding->stored = values; /* an input of this name is fixed, too */
            binding->state = HMLC_BINDING_POISONED;
        }
    }
}

/* A body's input is what the loop hands it; NULL poisons it. */
static void bind_argument(hmlc_onnx_importer *importer, const hmlc_onnx_scope *scope,
                          hmlc_binding *binding, const Onnx__ValueInfoProto *info,
                          hmlc_value *argument)
{
    if (argument != NULL) {
        hmlc_onnx_check_declared(importer, binding->name, info->type, argument->type,
                                 importer->base->where);
    }
    hmlc_scope_publish(importer->base, &scope->names, binding, argument, importer->base->where);
}

static void bind_inputs(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope)
{
    const Onnx__GraphProto *graph = scope->graph;
    uint32_t next = 0;
    for (size_t i = 0; i < graph->n_input && importer->base->fatal == HMLC_OK; i++) {
        const char *name = graph->input[i]->name != NULL ? graph->input[i]->name : "";
        hmlc_binding *known = hmlc_scope_find(&scope->names, name);
        if (known != NULL && known->stored != NULL) {
            continue; /* an initializer is the input's fixed value */
        }
        if (known != NULL || name[0] == '\0') {
            (void)hmlc_scope_report(importer->base, importer->base->where, name,
                                    known != NULL ? "is a graph input twice"
                                                  : "is a graph input without a name");
            continue;
        }
        hmlc_binding *binding = hmlc_scope_bind(importer->base, &scope->names, name);
        if (binding == NULL) {
            return;
        }
        if (next < scope->argument_count) {
            bind_argument(importer, scope, binding, graph->input[i], scope->arguments[next++]);
            continue;
        }
        const hmlc_type *type;
        binding->state = HMLC_BINDING_POISONED;
        hmlc_status status =
            hmlc_onnx_input_type(importer, graph->input[i], importer->base->where, &type);
        if (status == HMLC_RESOURCE) {
            importer->base->fatal = status;
        }
        if (status != HMLC_OK) {
            continue;
        }
        hmlc_scope_add_input(importer->base, &scope->names, binding, type);
    }
}

static bool is_constant_node(const Onnx__NodeProto *node)
{
    return node->op_type != NULL && strcmp(node->op_type, "Constant") == 0 &&
           (node->domain == NULL || node->domain[0] == '\0');
}

/* May `node` define again what `binding` stands for? */
static bool may_redefine(const hmlc_onnx_scope *scope, const hmlc_binding *binding,
                         const Onnx__NodeProto *node)
{
    bool was_constant =
        binding->stored != NULL || (binding->producer != HMLC_NO_PRODUCER &&
                                    is_constant_node(scope->graph->node[binding->producer]));
    return was_constant && is_constant_node(node);
}

static void bind_outputs_of_node(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope,
                                 uint32_t index)
{
    const Onnx__NodeProto *node = scope->graph->node[index];
    for (size_t i = 0; i < node->n_output && importer->base->fatal == HMLC_OK; i++) {
        const char *name = node->output[i];
        if (name[0] == '\0') {
            continue;
        }
        hmlc_binding *binding = hmlc_scope_find(&scope->names, name);
        if (binding != NULL && !may_redefine(scope, binding, node)) {
            (void)hmlc_scope_report(importer->base, importer->base->where, name,
                                    "is defined twice");
            continue;
        }
        if (binding != NULL) {
            note_redefined(importer, name);
        } else {
            binding = hmlc_scope_bind(importer->base, &scope->names, name);
        }
        if (binding != NULL) {
            binding->stored = NULL;
            binding->producer = index;
        }
    }
}

static void declare(hmlc_onnx_scope *scope, const Onnx__ValueInfoProto *info)
{
    hmlc_binding *binding = info->name != NULL ? hmlc_scope_find(&scope->names, info->name) : NULL;
    if (binding != NULL && binding->declared == NULL) {
        binding->declared = info->type;
    }
}

hmlc_status hmlc_onnx_scope_open(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope)
{
    const Onnx__GraphProto *graph = scope->graph;
    bind_initializers(importer, scope);
    bind_inputs(importer, scope);
    for (size_t i = 0; i < graph->n_node && importer->base->fatal == HMLC_OK; i++) {
        bind_outputs_of_node(importer, scope, (uint32_t)i);
    }
    for (size_t i = 0; i < graph->n_output; i++) {
        declare(scope, graph->output[i]);
    }
    for (size_t i = 0; i < graph->n_value_info; i++) {
        declare(scope, graph->value_info[i]);
    }
    return importer->base->fatal;
}

/* The constant of four bits that a name stands for, as bytes in the IR; NULL: none. */
static const Onnx__TensorProto *packed_input(const hmlc_onnx_node *self, const char *name)
{
    const hmlc_binding *binding = NULL;
    for (const hmlc_scope *scope = &self->scope->names; scope != NULL && binding == NULL;
         scope = scope->parent) {
        binding = hmlc_scope_find(scope, name);
    }
    const Onnx__TensorProto *proto = binding != NULL ? binding->stored : NULL;
    return proto != NULL && hmlc_onnx_is_packed(proto) ? proto : NULL;
}

bool hmlc_onnx_reads_packed(const hmlc_node *node, uint32_t index)
{
    const hmlc_onnx_node *self = hmlc_onnx_self(node);
    return index < self->proto->n_input && packed_input(self, self->proto->input[index]) != NULL;
}

/* Other operators would take the bytes' type for that of their results. */
static bool takes_packed(hmlc_node *node, const char *name)
{
    static const char *const readers[] = {"DequantizeLinear", "GatherBlockQuantized"};
    const hmlc_onnx_node *self = hmlc_onnx_self(node);
    for (size_t k = 0; k < sizeof readers / sizeof readers[0]; k++) {
        if (strcmp(self->op->name, readers[k]) == 0) {
            return true;
        }
    }
    hmlc_node_fail(node, HMLC_ERROR_op_unsupported_type,
                   "dequantize it first: DequantizeLinear reads integers of four bits",
                   "input '%s' has integers of four bits", name);
    return false;
}

/* Reads the inputs by name; false when one is poisoned or undefined. */
static bool resolve_inputs(hmlc_node *node)
{
    const hmlc_onnx_node *self = hmlc_onnx_self(node);
    bool complete = true;
    for (size_t i = 0; i < self->proto->n_input; i++) {
        const char *name = self->proto->input[i];
        if (name[0] != '\0') {
            node->inputs[i] = hmlc_scope_resolve(self->importer->base, &self->scope->names, name,
                                                 node->emit.builder.location);
            complete = complete && node->inputs[i] != NULL &&
                       (packed_input(self, name) == NULL || takes_packed(node, name));
        }
    }
    return complete && self->importer->base->fatal == HMLC_OK;
}

/* Gives the node's values their names, and compares them with what the model declares. */
static void publish_outputs(hmlc_node *node, uint32_t index, bool done)
{
    const hmlc_onnx_node *self = hmlc_onnx_self(node);
    hmlc_onnx_importer *importer = self->importer;
    for (size_t i = 0; i < self->proto->n_output; i++) {
        const char *name = self->proto->output[i];
        hmlc_binding *binding = name[0] != '\0' ? hmlc_scope_find(&self->scope->names, name) : NULL;
        if (binding == NULL || binding->producer != index) {
            continue; /* another node's in the end */
        }
        hmlc_value *value = done ? node->outputs[i] : NULL;
        if (value != NULL) {
            hmlc_onnx_check_declared(importer, name, binding->declared, value->type,
                                     node->emit.builder.location);
        }
        hmlc_scope_publish(importer->base, &self->scope->names, binding, value,
                           node->emit.builder.location);
    }
}

/* Room for the values that a node of this row may have. */
static bool make_room(hmlc_node *node)
{
    const hmlc_onnx_node *self = hmlc_onnx_self(node);
    const Onnx__NodeProto *proto = self->proto;
    size_t formal = self->op != NULL ? hmlc_onnx_formal_inputs(self->op) : 0;
    size_t inputs = proto->n_input > formal ? proto->n_input : formal;
    size_t outputs = self->op != NULL && self->op->most_outputs > (int64_t)proto->n_output
                         ? (size_t)self->op->most_outputs
                         : proto->n_output;
    node->input_count = (uint32_t)inputs;
    node->output_count = (uint32_t)proto->n_output;
    node->inputs = HMLC_NEW_ARRAY(self->importer->base->scratch, hmlc_value *, inputs);
    node->outputs = HMLC_NEW_ARRAY(self->importer->base->scratch, hmlc_value *, outputs);
    return node->inputs != NULL && node->outputs != NULL;
}

/* True when every output that the model reads has a value. */
static bool run_import(hmlc_node *node)
{
    const hmlc_onnx_node *self = hmlc_onnx_self(node);
    if (self->op == NULL || hmlc_onnx_check_attributes(node) != HMLC_OK ||
        hmlc_onnx_check_arity(node) != HMLC_OK) {
        (void)resolve_inputs(node);
        return false;
    }
    if (!resolve_inputs(node) || hmlc_onnx_check_types(node) != HMLC_OK) {
        return false;
    }
    hmlc_onnx_importer *importer = self->importer;
    return hmlc_node_run(importer->base, node, self->op->import);
}

static void import_node(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope, uint32_t index)
{
    const Onnx__NodeProto *proto = scope->graph->node[index];
    const hmlc_location *where = hmlc_onnx_locate(importer, scope, proto, index);
    if (where == NULL) {
        importer->base->fatal = HMLC_RESOURCE;
        return;
    }
    hmlc_onnx_node node = {.shared.format = &hmlc_onnx_node_format,
                           .importer = importer,
                           .scope = scope,
                           .proto = proto,
                           .op = hmlc_onnx_find_op(importer, proto, where),
                           .opset = importer->opset};
    node.shared.opcode = node.op != NULL ? node.op->opcode : HMLC_OP_COUNT;
    node.shared.emit.builder = hmlc_builder_at_end(scope->names.body->region);
    node.shared.emit.builder.location = where;
    if (!make_room(&node.shared)) {
        importer->base->fatal = HMLC_RESOURCE;
        return;
    }
    bool done = run_import(&node.shared);
    publish_outputs(&node.shared, index, done);
}

hmlc_status hmlc_onnx_import_nodes(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope)
{
    size_t count = scope->graph->n_node;
    uint32_t *order = HMLC_NEW_ARRAY(importer->base->scratch, uint32_t, count);
    HMLC_TRY_MEMORY(order);
    HMLC_TRY(hmlc_onnx_sort(importer, scope, order));
    for (size_t i = 0; i < count && importer->base->fatal == HMLC_OK; i++) {
        import_node(importer, scope, order[i]);
    }
    return importer->base->fatal;
}

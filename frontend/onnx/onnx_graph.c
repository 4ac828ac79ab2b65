/* Graphs: names, values, and one node after the other. */
#include "onnx_import.h"

#include <inttypes.h>
#include <string.h>

static hmlc_status undefined(hmlc_onnx_importer *importer, const hmlc_location *where,
                             const char *name, const char *problem)
{
    return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_value_undefined, where, NULL,
                          "value '%s' %s", name, problem);
}

static hmlc_onnx_binding *bind(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope,
                               const char *name)
{
    hmlc_onnx_binding *binding = HMLC_NEW(importer->scratch, hmlc_onnx_binding);
    if (binding == NULL || hmlc_names_set(&scope->bindings, name, binding) != HMLC_OK) {
        importer->fatal = HMLC_RESOURCE;
        return NULL;
    }
    binding->name = name;
    binding->producer = UINT32_MAX;
    return binding;
}

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
    for (scope = scope->parent; scope != NULL; scope = scope->parent) {
        if (hmlc_names_find(&scope->bindings, name) != NULL) {
            importer->hidden = importer->hidden_count++ == 0 ? name : importer->hidden;
            return;
        }
    }
}

static void bind_initializers(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope)
{
    const Onnx__GraphProto *graph = scope->graph;
    for (size_t i = 0; i < graph->n_initializer && importer->fatal == HMLC_OK; i++) {
        const char *name = graph->initializer[i]->name != NULL ? graph->initializer[i]->name : "";
        if (name[0] == '\0') {
            (void)undefined(importer, importer->where, name, "is an initializer without a name");
            continue;
        }
        hmlc_onnx_binding *binding = hmlc_names_find(&scope->bindings, name);
        if (binding != NULL) {
            note_redefined(importer, name);
        } else {
            note_hidden(importer, scope, name);
            binding = bind(importer, scope, name);
        }
        if (binding != NULL) {
            binding->initializer = graph->initializer[i];
        }
    }
    for (size_t i = 0; i < graph->n_sparse_initializer && importer->fatal == HMLC_OK; i++) {
        const Onnx__TensorProto *values = graph->sparse_initializer[i]->values;
        const char *name = values != NULL && values->name != NULL ? values->name : "";
        (void)hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_not_implemented,
                             importer->where, "store the tensor densely",
                             "initializer '%s' is a sparse tensor", name);
        hmlc_onnx_binding *binding = bind(importer, scope, name);
        if (binding != NULL) {
            binding->initializer = values; /* an input of this name is fixed, too */
            binding->state = HMLC_ONNX_POISONED;
        }
    }
}

static void tell_value(const hmlc_onnx_importer *importer, const hmlc_onnx_scope *scope,
                       const char *name, const hmlc_type *type)
{
    if (scope->parent == NULL && importer->options->value != NULL) {
        importer->options->value(importer->options->context, name, type);
    }
}

static void bind_inputs(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope)
{
    const Onnx__GraphProto *graph = scope->graph;
    for (size_t i = 0; i < graph->n_input && importer->fatal == HMLC_OK; i++) {
        const char *name = graph->input[i]->name != NULL ? graph->input[i]->name : "";
        hmlc_onnx_binding *known = hmlc_names_find(&scope->bindings, name);
        if (known != NULL && known->initializer != NULL) {
            continue; /* an initializer is the input's fixed value */
        }
        if (known != NULL || name[0] == '\0') {
            (void)undefined(importer, importer->where, name,
                            known != NULL ? "is a graph input twice"
                                          : "is a graph input without a name");
            continue;
        }
        hmlc_onnx_binding *binding = bind(importer, scope, name);
        if (binding == NULL) {
            return;
        }
        const hmlc_type *type;
        binding->state = HMLC_ONNX_POISONED;
        hmlc_status status =
            hmlc_onnx_input_type(importer, graph->input[i], importer->where, &type);
        if (status == HMLC_RESOURCE) {
            importer->fatal = status;
        }
        if (status != HMLC_OK) {
            continue;
        }
        const char *kept = hmlc_arena_string(importer->module->arena, name);
        binding->value =
            kept != NULL ? hmlc_region_add_argument(scope->body->region, type, kept) : NULL;
        binding->state = HMLC_ONNX_READY;
        if (binding->value == NULL) {
            importer->fatal = HMLC_RESOURCE;
        }
        tell_value(importer, scope, name, type);
    }
}

static bool is_constant_node(const Onnx__NodeProto *node)
{
    return node->op_type != NULL && strcmp(node->op_type, "Constant") == 0 &&
           (node->domain == NULL || node->domain[0] == '\0');
}

/* May `node` define again what `binding` stands for? */
static bool may_redefine(const hmlc_onnx_scope *scope, const hmlc_onnx_binding *binding,
                         const Onnx__NodeProto *node)
{
    bool was_constant =
        binding->initializer != NULL || (binding->producer != UINT32_MAX &&
                                         is_constant_node(scope->graph->node[binding->producer]));
    return was_constant && is_constant_node(node);
}

static void bind_outputs_of_node(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope,
                                 uint32_t index)
{
    const Onnx__NodeProto *node = scope->graph->node[index];
    for (size_t i = 0; i < node->n_output && importer->fatal == HMLC_OK; i++) {
        const char *name = node->output[i];
        if (name[0] == '\0') {
            continue;
        }
        hmlc_onnx_binding *binding = hmlc_names_find(&scope->bindings, name);
        if (binding != NULL && !may_redefine(scope, binding, node)) {
            (void)undefined(importer, importer->where, name, "is defined twice");
            continue;
        }
        if (binding != NULL) {
            note_redefined(importer, name);
        } else {
            binding = bind(importer, scope, name);
        }
        if (binding != NULL) {
            binding->initializer = NULL;
            binding->producer = index;
        }
    }
}

static void declare(hmlc_onnx_scope *scope, const Onnx__ValueInfoProto *info)
{
    hmlc_onnx_binding *binding =
        info->name != NULL ? hmlc_names_find(&scope->bindings, info->name) : NULL;
    if (binding != NULL && binding->declared == NULL) {
        binding->declared = info->type;
    }
}

hmlc_status hmlc_onnx_scope_open(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope)
{
    const Onnx__GraphProto *graph = scope->graph;
    scope->bindings = hmlc_names_create(importer->scratch);
    bind_initializers(importer, scope);
    bind_inputs(importer, scope);
    for (size_t i = 0; i < graph->n_node && importer->fatal == HMLC_OK; i++) {
        bind_outputs_of_node(importer, scope, (uint32_t)i);
    }
    for (size_t i = 0; i < graph->n_output; i++) {
        declare(scope, graph->output[i]);
    }
    for (size_t i = 0; i < graph->n_value_info; i++) {
        declare(scope, graph->value_info[i]);
    }
    return importer->fatal;
}

/* Makes an initializer a constant, at the front of its region. */
static void load_initializer(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope,
                             hmlc_onnx_binding *binding)
{
    hmlc_tensor tensor;
    binding->state = HMLC_ONNX_POISONED;
    const hmlc_location *where =
        hmlc_location_create(importer->module->arena, importer->file, binding->name, "initializer");
    hmlc_status status = where == NULL
                             ? HMLC_RESOURCE
                             : hmlc_onnx_tensor(importer, binding->initializer, where, &tensor);
    if (status != HMLC_OK) {
        importer->fatal = status == HMLC_RESOURCE ? status : HMLC_OK;
        return;
    }
    hmlc_onnx_body *body = scope->body;
    hmlc_builder builder = body->last_constant != NULL   ? hmlc_builder_after(body->last_constant)
                           : body->region->first != NULL ? hmlc_builder_before(body->region->first)
                                                         : hmlc_builder_at_end(body->region);
    builder.location = where;
    importer->fatal = hmlc_build_constant(&builder, &tensor, &binding->value);
    if (importer->fatal == HMLC_OK) {
        binding->value->name = where->nodes[0].name;
        body->last_constant = binding->value->producer;
        binding->state = HMLC_ONNX_READY;
    }
}

hmlc_value *hmlc_onnx_resolve(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope,
                              const char *name, const hmlc_location *where)
{
    for (; scope != NULL; scope = scope->parent) {
        hmlc_onnx_binding *binding = hmlc_names_find(&scope->bindings, name);
        if (binding == NULL) {
            continue;
        }
        if (binding->state == HMLC_ONNX_PENDING && binding->initializer != NULL) {
            load_initializer(importer, scope, binding);
        }
        return binding->state == HMLC_ONNX_READY ? binding->value : NULL;
    }
    (void)undefined(importer, where, name, "is produced by no node, initializer or input");
    return NULL;
}

/* Reads the inputs by name; false when one is poisoned or undefined. */
static bool resolve_inputs(hmlc_onnx_node *node)
{
    bool complete = true;
    for (size_t i = 0; i < node->proto->n_input; i++) {
        const char *name = node->proto->input[i];
        if (name[0] != '\0') {
            node->inputs[i] =
                hmlc_onnx_resolve(node->importer, node->scope, name, node->emit.builder.location);
            complete = complete && node->inputs[i] != NULL;
        }
    }
    return complete && node->importer->fatal == HMLC_OK;
}

/* Gives the node's values their names, and compares them with what the model declares. */
static void publish_outputs(hmlc_onnx_node *node, uint32_t index, bool done)
{
    hmlc_onnx_importer *importer = node->importer;
    for (size_t i = 0; i < node->proto->n_output; i++) {
        const char *name = node->proto->output[i];
        hmlc_onnx_binding *binding =
            name[0] != '\0' ? hmlc_names_find(&node->scope->bindings, name) : NULL;
        if (binding == NULL || binding->producer != index) {
            continue; /* another node's in the end */
        }
        hmlc_value *value = done ? node->outputs[i] : NULL;
        binding->value = value;
        binding->state = value != NULL ? HMLC_ONNX_READY : HMLC_ONNX_POISONED;
        if (value == NULL) {
            continue;
        }
        if (value->name == NULL) {
            value->name = hmlc_arena_string(importer->module->arena, name);
        }
        tell_value(importer, node->scope, name, value->type);
        hmlc_onnx_check_declared(importer, name, binding->declared, value->type,
                                 node->emit.builder.location);
        if (!hmlc_onnx_check_size(importer, name, value->type, node->emit.builder.location)) {
            binding->state = HMLC_ONNX_POISONED;
        }
    }
}

const hmlc_location *hmlc_onnx_locate(hmlc_onnx_importer *importer, const hmlc_onnx_scope *scope,
                                      const Onnx__NodeProto *proto, uint32_t index)
{
    hmlc_arena *arena = importer->module->arena;
    const char *name = proto->name;
    if (name == NULL || name[0] == '\0') {
        name = hmlc_arena_printf(arena, "%s#%" PRIu32, scope->path, index);
    }
    return name == NULL ? NULL
                        : hmlc_location_create(arena, importer->file, name,
                                               proto->op_type != NULL ? proto->op_type : "");
}

/* Room for the values that a node of this row may have. */
static bool make_room(hmlc_onnx_node *node)
{
    const Onnx__NodeProto *proto = node->proto;
    size_t formal = node->op != NULL ? hmlc_onnx_formal_inputs(node->op) : 0;
    size_t inputs = proto->n_input > formal ? proto->n_input : formal;
    size_t outputs = node->op != NULL && node->op->most_outputs > (int64_t)proto->n_output
                         ? (size_t)node->op->most_outputs
                         : proto->n_output;
    node->input_count = (uint32_t)inputs;
    node->output_count = (uint32_t)proto->n_output;
    node->inputs = HMLC_NEW_ARRAY(node->importer->scratch, hmlc_value *, inputs);
    node->outputs = HMLC_NEW_ARRAY(node->importer->scratch, hmlc_value *, outputs);
    return node->inputs != NULL && node->outputs != NULL;
}

/* Every output that the model names must have a value. */
static void check_outputs(hmlc_onnx_node *node)
{
    for (uint32_t i = 0; i < node->output_count && hmlc_onnx_ok(node); i++) {
        if (hmlc_onnx_wants_output(node, i) && node->outputs[i] == NULL) {
            hmlc_onnx_fail(node, HMLC_ERROR_not_implemented, NULL,
                           "output %" PRIu32 " ('%s') is not supported", i, node->proto->output[i]);
        }
    }
}

/* True when every output that the model reads has a value. */
static bool run_import(hmlc_onnx_node *node)
{
    if (node->op == NULL || hmlc_onnx_check_attributes(node) != HMLC_OK ||
        hmlc_onnx_check_arity(node) != HMLC_OK) {
        (void)resolve_inputs(node);
        return false;
    }
    if (!resolve_inputs(node) || hmlc_onnx_check_types(node) != HMLC_OK) {
        return false;
    }
    uint32_t errors = hmlc_diagnostics_error_count(node->importer->module->diagnostics);
    node->op->import(node);
    node->importer->quantized_nodes += hmlc_onnx_is_quantized(node->op) ? 1 : 0;
    hmlc_status dims = hmlc_dims_status(node->importer->module->dims);
    if (dims == HMLC_DAMAGED || dims == HMLC_REFUSED) {
        /* The table of dims takes no more: nothing can be built from here on. */
        if (hmlc_diagnostics_error_count(node->importer->module->diagnostics) == errors) {
            (void)hmlc_infer_report_dims(node->importer->module, node->emit.builder.location,
                                         "a dim");
        }
        node->importer->fatal = dims;
    }
    if (node->emit.status == HMLC_RESOURCE || node->emit.status == HMLC_INTERNAL) {
        node->importer->fatal = node->emit.status;
    }
    if (hmlc_diagnostics_error_count(node->importer->module->diagnostics) == errors) {
        check_outputs(node);
    }
    return hmlc_onnx_ok(node);
}

static void import_node(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope, uint32_t index)
{
    const Onnx__NodeProto *proto = scope->graph->node[index];
    const hmlc_location *where = hmlc_onnx_locate(importer, scope, proto, index);
    if (where == NULL) {
        importer->fatal = HMLC_RESOURCE;
        return;
    }
    hmlc_onnx_node node = {.importer = importer,
                           .scope = scope,
                           .proto = proto,
                           .op = hmlc_onnx_find_op(importer, proto, where),
                           .opset = importer->opset};
    node.emit.builder = hmlc_builder_at_end(scope->body->region);
    node.emit.builder.location = where;
    if (!make_room(&node)) {
        importer->fatal = HMLC_RESOURCE;
        return;
    }
    bool done = run_import(&node);
    publish_outputs(&node, index, done);
}

hmlc_status hmlc_onnx_import_nodes(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope)
{
    size_t count = scope->graph->n_node;
    uint32_t *order = HMLC_NEW_ARRAY(importer->scratch, uint32_t, count);
    HMLC_TRY_MEMORY(order);
    HMLC_TRY(hmlc_onnx_sort(importer, scope, order));
    for (size_t i = 0; i < count && importer->fatal == HMLC_OK; i++) {
        import_node(importer, scope, order[i]);
    }
    return importer->fatal;
}

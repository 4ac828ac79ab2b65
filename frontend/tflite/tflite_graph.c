/* SPDX-License-Identifier: Apache-2.0 */
/* A subgraph: its tensors by name, its operators in the file's order, which is one of execution. */
#include <inttypes.h>

#include "importer/input_dims.h"
#include "importer/kept_state.h"
#include "tflite_variable.h"

hmlc_binding *hmlc_tflite_binding(const hmlc_tflite_scope *scope, uint32_t index)
{
    return hmlc_scope_find(&scope->names, scope->graph->tensors[index].key);
}

/* A tensor that no operator gives and that is no input is a constant where it has content, or
 * nothing to hold. */
static bool is_constant(const hmlc_tflite_tensor *tensor)
{
    bool empty = false;
    for (int32_t i = 0; i < tensor->rank; i++) {
        empty = empty || tensor->dims[i] == 0;
    }
    return tensor->content.count > 0 || (empty && !tensor->is_variable);
}

static hmlc_status bind_outputs(hmlc_tflite_importer *importer, hmlc_tflite_scope *scope,
                                uint32_t index)
{
    hmlc_flat_vector outputs = scope->graph->operators[index].outputs;
    for (uint32_t i = 0; i < outputs.count; i++) {
        const hmlc_tflite_tensor *tensor = &scope->graph->tensors[hmlc_tflite_index_at(outputs, i)];
        const hmlc_binding *known = hmlc_scope_find(&scope->names, tensor->key);
        if (known != NULL && scope->needed != NULL && known->producer == HMLC_NO_PRODUCER) {
            continue; /* fed in place of what this operator gives */
        }
        if (tensor->content.count > 0 || known != NULL) {
            (void)hmlc_scope_report(importer->base, importer->base->where, tensor->key,
                                    "is defined twice");
            continue;
        }
        hmlc_binding *binding = hmlc_scope_bind(importer->base, &scope->names, tensor->key);
        HMLC_TRY(importer->base->fatal);
        binding->producer = index;
    }
    return HMLC_OK;
}

static bool is_needed(const hmlc_tflite_scope *scope, uint32_t index)
{
    return scope->needed == NULL || scope->needed[index];
}

hmlc_status hmlc_tflite_scope_open(hmlc_tflite_importer *importer, hmlc_tflite_scope *scope)
{
    const hmlc_tflite_subgraph *graph = scope->graph;
    for (uint32_t i = 0; i < graph->operator_count; i++) {
        if (is_needed(scope, i)) {
            HMLC_TRY(bind_outputs(importer, scope, i));
        }
    }
    for (uint32_t i = 0; i < graph->tensor_count; i++) {
        const hmlc_tflite_tensor *tensor = &graph->tensors[i];
        if (is_constant(tensor) && hmlc_scope_find(&scope->names, tensor->key) == NULL) {
            hmlc_binding *binding = hmlc_scope_bind(importer->base, &scope->names, tensor->key);
            HMLC_TRY(importer->base->fatal);
            binding->stored = tensor;
        }
    }
    return importer->base->fatal;
}

hmlc_kept_state *hmlc_tflite_state(hmlc_node *node, const hmlc_tflite_tensor *tensor)
{
    const hmlc_tflite_node *self = hmlc_tflite_self(node);
    hmlc_importer *base = self->importer->base;
    if (self->scope->caller != NULL) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "keeps the state '%s' within a subgraph that another operator calls",
                       tensor->key);
        return NULL;
    }
    if (self->importer->states.arena == NULL) {
        self->importer->states = hmlc_names_create(base->scratch);
    }
    hmlc_kept_state *state = hmlc_names_find(&self->importer->states, tensor->key);
    if (state != NULL) {
        return state;
    }
    hmlc_dim dims[HMLC_MAX_RANK];
    for (int32_t i = 0; i < tensor->rank; i++) {
        dims[i] = hmlc_dim_constant(base->module->dims, tensor->dims[i] < 0 ? 1 : tensor->dims[i]);
    }
    const hmlc_type *type =
        tensor->supported && !tensor->unknown_rank
            ? hmlc_type_tensor(base->module->arena, tensor->dtype, tensor->rank, dims)
            : NULL;
    if (type == NULL) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL, "keeps '%s', which is %s",
                       tensor->key, tensor->supported ? "of no shape" : tensor->type);
        return NULL;
    }
    state = hmlc_kept_state_add(base, tensor->key, type, NULL, node->emit.builder.location);
    if (state == NULL) {
        node->emit.status = base->fatal != HMLC_OK ? base->fatal : HMLC_REFUSED;
    } else if (hmlc_names_set(&self->importer->states, tensor->key, state) != HMLC_OK) {
        base->fatal = HMLC_RESOURCE;
    }
    return state;
}

void hmlc_tflite_keep(hmlc_node *node, uint32_t index, hmlc_value *value)
{
    const hmlc_tflite_tensor *tensor = hmlc_tflite_input(node, index);
    hmlc_kept_state *state = tensor != NULL ? hmlc_tflite_state(node, tensor) : NULL;
    if (state != NULL && value != NULL) {
        state->current = value;
    }
}

/* Reads the inputs; false when one is poisoned or undefined. */
static bool resolve_inputs(hmlc_tflite_node *node)
{
    bool complete = true;
    for (uint32_t i = 0; i < node->shared.input_count; i++) {
        const hmlc_tflite_tensor *tensor = hmlc_tflite_input(&node->shared, i);
        if (tensor == NULL) {
            continue;
        }
        if (tensor->is_variable && node->op->form == HMLC_TFLITE_STATES) {
            const hmlc_kept_state *state = hmlc_tflite_state(&node->shared, tensor);
            node->shared.inputs[i] = state != NULL ? state->current : NULL;
            complete = complete && state != NULL;
            continue;
        }
        if (tensor->is_variable) {
            hmlc_node_fail(&node->shared, HMLC_ERROR_not_implemented, NULL,
                           "reads '%s', which keeps its value from run to run", tensor->key);
            complete = false;
            continue;
        }
        const hmlc_binding *binding = hmlc_scope_find(&node->scope->names, tensor->key);
        if (binding != NULL && binding->state == HMLC_BINDING_PENDING && binding->stored == NULL) {
            hmlc_node_fail(&node->shared, HMLC_ERROR_graph_invalid, NULL,
                           "reads '%s', which a later operator gives", tensor->key);
            complete = false;
            continue;
        }
        node->shared.inputs[i] =
            hmlc_scope_resolve(node->importer->base, &node->scope->names, tensor->key,
                               node->shared.emit.builder.location);
        complete = complete && node->shared.inputs[i] != NULL;
        if (node->op->form != HMLC_TFLITE_EFFECTS &&
            hmlc_tflite_variable_of(node->shared.inputs[i]) != NULL) {
            hmlc_node_fail(&node->shared, HMLC_ERROR_graph_invalid, NULL,
                           "takes values, but '%s' is a variable", tensor->key);
            complete = false;
        }
    }
    return complete && node->importer->base->fatal == HMLC_OK;
}

static bool is_plain_byte(const hmlc_tflite_tensor *tensor)
{
    return tensor->quantization.count == 1 && tensor->quantization.scales[0] > 0 &&
           (tensor->dtype == HMLC_DTYPE_i8 || tensor->dtype == HMLC_DTYPE_u8);
}

/* Does the row have a rule for the integers that the node has? All but lists of axes are of 8 bits.
 */
static bool works_in_integers(const hmlc_tflite_node *node)
{
    const hmlc_node *shared = &node->shared;
    bool all = node->op->integer != NULL && is_plain_byte(hmlc_tflite_output(shared, 0)) &&
               is_plain_byte(hmlc_tflite_input(shared, 0));
    for (uint32_t i = 1; i < shared->input_count; i++) {
        const hmlc_tflite_tensor *tensor = hmlc_tflite_input(shared, i);
        all = all && tensor != NULL &&
              (is_plain_byte(tensor) || (!hmlc_tflite_is_quantized(tensor) && i == 1 &&
                                         node->op->integer == hmlc_tflite_integer_mean));
    }
    return all;
}

/* Does the row's function take quantized tensors as floats here? */
static bool works_in_float(const hmlc_tflite_node *node)
{
    const hmlc_node *shared = &node->shared;
    const hmlc_tflite_tensor *first = NULL;
    bool any = false, equal = true;
    for (uint32_t i = 0; i < shared->input_count + shared->output_count; i++) {
        const hmlc_tflite_tensor *tensor =
            i < shared->input_count ? hmlc_tflite_input(shared, i)
                                    : hmlc_tflite_output(shared, i - shared->input_count);
        if (!hmlc_tflite_is_quantized(tensor) || tensor->dtype == HMLC_DTYPE_i32 ||
            tensor->dtype == HMLC_DTYPE_i64) {
            continue;
        }
        any = true;
        first = first != NULL ? first : tensor;
        equal = equal && hmlc_tflite_same_scale(first, tensor);
    }
    return node->op->form == HMLC_TFLITE_FLOAT   ? any
           : node->op->form == HMLC_TFLITE_MOVES ? any && !equal
                                                 : false;
}

static void inputs_to_float(hmlc_tflite_node *node)
{
    for (uint32_t i = 0; i < node->shared.input_count; i++) {
        const hmlc_tflite_tensor *tensor = hmlc_tflite_input(&node->shared, i);
        if (hmlc_tflite_is_quantized(tensor) && node->shared.inputs[i] != NULL) {
            node->shared.inputs[i] =
                hmlc_tflite_dequantize(&node->shared, node->shared.inputs[i], tensor);
        }
    }
}

static void outputs_from_float(hmlc_tflite_node *node)
{
    hmlc_node *shared = &node->shared;
    for (uint32_t i = 0; i < shared->output_count && hmlc_node_ok(shared); i++) {
        const hmlc_tflite_tensor *tensor = hmlc_tflite_output(shared, i);
        if (hmlc_tflite_is_quantized(tensor) && shared->outputs[i] != NULL &&
            shared->outputs[i]->type->dtype == HMLC_DTYPE_f32) {
            shared->outputs[i] = hmlc_tflite_quantize(shared, shared->outputs[i], tensor);
        }
    }
}

void hmlc_tflite_note_float(hmlc_tflite_importer *importer, const hmlc_tflite_op *op)
{
    if (importer->float_nodes++ == 0) {
        importer->first_float = op->name;
    }
}

/* What an operator gives must have the type that the file says. */
static void check_result_types(hmlc_tflite_node *node)
{
    hmlc_node *shared = &node->shared;
    for (uint32_t i = 0; i < shared->output_count && hmlc_node_ok(shared); i++) {
        const hmlc_tflite_tensor *tensor = hmlc_tflite_output(shared, i);
        hmlc_value *value = shared->outputs[i];
        if (value != NULL && value->type->dtype != tensor->dtype) {
            hmlc_node_fail(shared, HMLC_ERROR_declared_type_contradicts, NULL,
                           "gives %s, but '%s' is declared as %s",
                           hmlc_dtype_name(value->type->dtype), tensor->key, tensor->type);
        }
    }
}

/* The node's function, between the conversions that its row asks for. */
static void convert_and_import(hmlc_node *shared)
{
    hmlc_tflite_node *node = hmlc_tflite_self(shared);
    bool exact = works_in_integers(node);
    node->in_float = !exact && works_in_float(node);
    if (node->in_float) {
        hmlc_tflite_note_float(node->importer, node->op);
        inputs_to_float(node);
    }
    if (hmlc_node_ok(shared)) {
        (exact ? node->op->integer : node->op->import)(shared);
    }
    if (node->in_float) {
        outputs_from_float(node);
    }
    check_result_types(node);
}

static bool make_room(hmlc_tflite_node *node)
{
    node->shared.input_count = node->stored->inputs.count;
    node->shared.output_count = node->stored->outputs.count;
    node->shared.inputs = HMLC_NEW_ARRAY(node->importer->base->scratch, hmlc_value *,
                                         (size_t)node->shared.input_count + 1);
    node->shared.outputs = HMLC_NEW_ARRAY(node->importer->base->scratch, hmlc_value *,
                                          (size_t)node->shared.output_count + 1);
    return node->shared.inputs != NULL && node->shared.outputs != NULL;
}

static void publish_outputs(hmlc_tflite_node *node, uint32_t index, bool done)
{
    for (uint32_t i = 0; i < node->shared.output_count; i++) {
        uint32_t tensor = (uint32_t)hmlc_tflite_index_at(node->stored->outputs, i);
        hmlc_binding *binding = hmlc_tflite_binding(node->scope, tensor);
        if (binding == NULL || binding->producer != index) {
            continue;
        }
        if (done && hmlc_tflite_variable_of(node->shared.outputs[i]) != NULL) {
            binding->value = node->shared.outputs[i]; /* no value that could be told */
            binding->state = HMLC_BINDING_READY;
        } else {
            hmlc_scope_publish(node->importer->base, &node->scope->names, binding,
                               done ? node->shared.outputs[i] : NULL,
                               node->shared.emit.builder.location);
        }
    }
}

/* "#12": operators have no names; what they give has. */
static const hmlc_location *locate(hmlc_tflite_importer *importer, const hmlc_tflite_scope *scope,
                                   const hmlc_tflite_operator *stored, uint32_t index)
{
    hmlc_arena *arena = importer->base->module->arena;
    const char *gives = stored->outputs.count > 0
                            ? scope->graph->tensors[hmlc_tflite_index_at(stored->outputs, 0)].key
                            : "";
    const char *name =
        hmlc_arena_printf(arena, "%s#%" PRIu32 " %s", scope->names.path, index, gives);
    return name != NULL ? hmlc_location_create(arena, importer->base->file, name,
                                               hmlc_tflite_op_name(stored))
                        : NULL;
}

static void import_operator(hmlc_tflite_importer *importer, hmlc_tflite_scope *scope,
                            uint32_t index)
{
    const hmlc_tflite_operator *stored = &scope->graph->operators[index];
    const hmlc_location *where = locate(importer, scope, stored, index);
    if (where == NULL) {
        importer->base->fatal = HMLC_RESOURCE;
        return;
    }
    hmlc_tflite_node node = {.shared.format = &hmlc_tflite_node_format,
                             .importer = importer,
                             .scope = scope,
                             .graph = scope->graph,
                             .litert = importer->litert,
                             .stored = stored,
                             .op = hmlc_tflite_find_op(importer, stored, where)};
    node.shared.emit.builder = hmlc_builder_at_end(scope->names.body->region);
    node.shared.emit.builder.location = where;
    if (!make_room(&node)) {
        importer->base->fatal = HMLC_RESOURCE;
        return;
    }
    bool done = false;
    if (node.op != NULL) {
        node.shared.opcode = node.op->opcode;
        done = hmlc_tflite_check(&node) == HMLC_OK;
        done = done && resolve_inputs(&node) &&
               hmlc_node_run(importer->base, &node.shared, convert_and_import);
    }
    publish_outputs(&node, index, done);
}

hmlc_status hmlc_tflite_import_operators(hmlc_tflite_importer *importer, hmlc_tflite_scope *scope)
{
    for (uint32_t i = 0; i < scope->graph->operator_count && importer->base->fatal == HMLC_OK;
         i++) {
        if (is_needed(scope, i)) {
            import_operator(importer, scope, i);
        }
    }
    return importer->base->fatal;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that name a subgraph: IF, WHILE, STABLEHLO_COMPOSITE. */
#include <inttypes.h>

#include "tflite_import.h"

/* A chain of calls longer than this goes in a circle, or might as well. */
enum { MOST_CALLS = 16 };

/*
 * Imports subgraph `index` into scope->names.body with `inputs` as its arguments. Its outputs, or
 * NULL when something in it was refused.
 */
static hmlc_value **import_call(hmlc_node *node, hmlc_tflite_scope *scope, int64_t index,
                                hmlc_value *const *inputs, uint32_t input_count,
                                uint32_t output_count)
{
    const hmlc_tflite_node *self = hmlc_tflite_self(node);
    hmlc_tflite_importer *importer = self->importer;
    uint32_t depth = 0;
    for (const hmlc_tflite_scope *at = self->scope; at != NULL; at = at->caller) {
        depth++;
    }
    if (index < 0 || index >= (int64_t)importer->model.subgraph_count || depth > MOST_CALLS) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       depth > MOST_CALLS ? "subgraph %" PRId64 " calls itself"
                                          : "names subgraph %" PRId64 ", which there is not",
                       index);
        return NULL;
    }
    const hmlc_tflite_subgraph *graph = &importer->model.subgraphs[index];
    scope->graph = graph;
    scope->caller = self->scope;
    scope->names.path = hmlc_arena_printf(importer->base->scratch, "%s/%" PRId64 "/",
                                          node->emit.builder.location->nodes[0].name, index);
    hmlc_value **values =
        HMLC_NEW_ARRAY(importer->base->scratch, hmlc_value *, (size_t)graph->outputs.count + 1);
    if (scope->names.path == NULL || values == NULL) {
        importer->base->fatal = HMLC_RESOURCE;
        return NULL;
    }
    if (graph->inputs.count != input_count || graph->outputs.count != output_count) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "subgraph %" PRId64 " has %" PRIu32 " inputs and %" PRIu32 " outputs", index,
                       graph->inputs.count, graph->outputs.count);
        return NULL;
    }
    for (uint32_t i = 0; i < input_count; i++) {
        if (inputs[i] == NULL) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                           "input %" PRIu32 " of subgraph %" PRId64 " is missing", i, index);
            return NULL;
        }
        uint32_t tensor = (uint32_t)hmlc_tflite_index_at(graph->inputs, i);
        hmlc_binding *binding =
            hmlc_scope_bind(importer->base, &scope->names, graph->tensors[tensor].key);
        if (binding == NULL) {
            return NULL;
        }
        binding->value = inputs[i];
        binding->state = HMLC_BINDING_READY;
    }
    if (hmlc_tflite_scope_open(importer, scope) != HMLC_OK ||
        hmlc_tflite_import_operators(importer, scope) != HMLC_OK) {
        return NULL;
    }
    bool complete = true;
    for (uint32_t i = 0; i < graph->outputs.count; i++) {
        uint32_t tensor = (uint32_t)hmlc_tflite_index_at(graph->outputs, i);
        values[i] = hmlc_scope_resolve(importer->base, &scope->names, graph->tensors[tensor].key,
                                       node->emit.builder.location);
        complete = complete && values[i] != NULL;
    }
    if (!complete) {
        /* Reported where it happened. */
        node->emit.status = importer->base->fatal != HMLC_OK ? importer->base->fatal : HMLC_REFUSED;
    }
    return complete && importer->base->fatal == HMLC_OK ? values : NULL;
}

static void inline_call(hmlc_node *node, int64_t index, hmlc_value *const *inputs, uint32_t count)
{
    hmlc_tflite_scope scope = {.names = {.body = hmlc_tflite_self(node)->scope->names.body}};
    hmlc_value **values = import_call(node, &scope, index, inputs, count, node->output_count);
    for (uint32_t i = 0; values != NULL && i < node->output_count; i++) {
        node->outputs[i] = values[i];
    }
}

/* A composite is what its decomposition says. */
void hmlc_tflite_import_composite(hmlc_node *node)
{
    enum { COMPOSITE_OPTIONS = 21, DECOMPOSITION = 1 };
    const hmlc_tflite_operator *stored = hmlc_tflite_self(node)->stored;
    if (stored->options2_type != COMPOSITE_OPTIONS) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "has options of kind %" PRId64 ", must be %d", stored->options2_type,
                       COMPOSITE_OPTIONS);
        return;
    }
    int64_t index = hmlc_flat_int(&stored->options2, DECOMPOSITION, HMLC_FLAT_I32, -1);
    inline_call(node, index, node->inputs, node->input_count);
}

/* A region of its own, ending in yield; NULL when something in it was refused. */
static hmlc_region *branch_region(hmlc_node *node, int64_t index)
{
    hmlc_importer *base = hmlc_tflite_self(node)->importer->base;
    hmlc_body body = {.region = hmlc_region_create_branch(base->module)};
    if (body.region == NULL) {
        base->fatal = HMLC_RESOURCE;
        return NULL;
    }
    hmlc_tflite_scope scope = {.names = {.body = &body}};
    hmlc_value **values = import_call(node, &scope, index, node->inputs + 1, node->input_count - 1,
                                      node->output_count);
    if (values == NULL) {
        return NULL;
    }
    hmlc_builder builder = hmlc_builder_at_end(body.region);
    builder.location = node->emit.builder.location;
    base->fatal = hmlc_build_yield(&builder, values, node->output_count);
    return base->fatal == HMLC_OK ? body.region : NULL;
}

/* Branches whose results differ in shape are refused. */
static bool shapes_agree(hmlc_node *node, hmlc_region *const *regions)
{
    hmlc_dims *table = hmlc_emit_table(&node->emit);
    for (uint32_t i = 0; i < node->output_count; i++) {
        const hmlc_type *a = hmlc_op_operand(regions[0]->last, i)->type;
        const hmlc_type *b = hmlc_op_operand(regions[1]->last, i)->type;
        if (!hmlc_type_same_shape(table, a, b)) {
            hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                           "output %" PRIu32 " has another shape in each branch", i);
            return false;
        }
    }
    return true;
}

void hmlc_tflite_import_if(hmlc_node *node)
{
    uint32_t count = 0;
    int64_t condition = 0;
    int64_t branches[] = {hmlc_node_int(node, "then_subgraph_index", -1),
                          hmlc_node_int(node, "else_subgraph_index", -1)};
    hmlc_value *scalar = hmlc_emit_reshape(&node->emit, node->inputs[0], NULL, 0);
    const hmlc_dim *known = hmlc_emit_elements(&node->emit, node->inputs[0], &count);
    if (known != NULL && count == 1 && hmlc_dim_is_constant(known[0], &condition)) {
        inline_call(node, branches[condition != 0 ? 0 : 1], node->inputs + 1,
                    node->input_count - 1);
        return;
    }
    hmlc_region *regions[2];
    for (uint32_t i = 0; i < 2; i++) {
        regions[i] = hmlc_node_ok(node) ? branch_region(node, branches[i]) : NULL;
    }
    if (regions[0] == NULL || regions[1] == NULL || !hmlc_node_ok(node) ||
        !shapes_agree(node, regions)) {
        return;
    }
    hmlc_op *op = NULL;
    node->emit.status = hmlc_op_create_with_regions(&node->emit.builder, HMLC_OP_if, &scalar, 1,
                                                    NULL, 0, regions, 2, &op);
    for (uint32_t i = 0; op != NULL && i < node->output_count; i++) {
        node->outputs[i] = op->results[i];
    }
}

/* -- WHILE -- */

/* The condition's subgraph on these values, in the body's region: a scalar. */
static hmlc_value *import_condition(hmlc_node *node, hmlc_body *body, int64_t index,
                                    hmlc_value *const *values, uint32_t count)
{
    hmlc_tflite_scope scope = {.names = {.body = body}};
    hmlc_value **result = import_call(node, &scope, index, values, count, 1);
    if (result == NULL || !hmlc_node_ok(node)) {
        return NULL;
    }
    hmlc_dims *table = hmlc_emit_table(&node->emit);
    if (result[0]->type->dtype != HMLC_DTYPE_bool ||
        !hmlc_dim_is(hmlc_type_count(table, result[0]->type), 1)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "the result of subgraph %" PRId64 " is no single bool", index);
        return NULL;
    }
    hmlc_emitter emit = {.builder = hmlc_builder_at_end(body->region)};
    emit.builder.location = node->emit.builder.location;
    hmlc_value *scalar = hmlc_emit_reshape(&emit, result[0], NULL, 0);
    node->emit.status = emit.status;
    return scalar;
}

static hmlc_value *add_argument(hmlc_node *node, hmlc_region *region, const hmlc_type *type)
{
    hmlc_value *argument = type != NULL ? hmlc_region_add_argument(region, type, NULL) : NULL;
    if (argument == NULL) {
        node->emit.status = HMLC_RESOURCE;
    }
    return argument;
}

/* The IR's body: a count and the condition, then what is carried. NULL on failure. */
static hmlc_value **loop_arguments(hmlc_node *node, hmlc_region *region)
{
    hmlc_arena *arena = node->emit.builder.module->arena;
    hmlc_value **carried = HMLC_NEW_ARRAY(hmlc_tflite_self(node)->importer->base->scratch,
                                          hmlc_value *, (size_t)node->input_count + 1);
    if (carried == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return NULL;
    }
    (void)add_argument(node, region, hmlc_type_tensor(arena, HMLC_DTYPE_i64, 0, NULL));
    (void)add_argument(node, region, hmlc_type_tensor(arena, HMLC_DTYPE_bool, 0, NULL));
    for (uint32_t i = 0; i < node->input_count && hmlc_node_ok(node); i++) {
        carried[i] = add_argument(node, region, node->inputs[i]->type);
    }
    return hmlc_node_ok(node) ? carried : NULL;
}

/* Carried values keep their types and shapes. */
static bool keeps_types(hmlc_node *node, hmlc_value *const *after)
{
    for (uint32_t i = 0; i < node->input_count; i++) {
        const hmlc_type *from = node->inputs[i]->type, *to = after[i]->type;
        if (from->dtype != to->dtype ||
            !hmlc_type_same_shape(hmlc_emit_table(&node->emit), from, to)) {
            char first[160], then[160];
            hmlc_type_format(from, first, sizeof first);
            hmlc_type_format(to, then, sizeof then);
            hmlc_node_fail(node, HMLC_ERROR_not_implemented,
                           "keep the shape, for instance by padding",
                           "value %" PRIu32 " is %s at first and %s after a turn", i, first, then);
            return false;
        }
    }
    return true;
}

static hmlc_region *loop_region(hmlc_node *node, int64_t condition, int64_t turn)
{
    hmlc_importer *base = hmlc_tflite_self(node)->importer->base;
    uint32_t count = node->input_count;
    hmlc_body body = {.region = hmlc_region_create_branch(base->module)};
    if (body.region == NULL) {
        base->fatal = HMLC_RESOURCE;
        return NULL;
    }
    hmlc_value **carried = loop_arguments(node, body.region);
    hmlc_value **yields = HMLC_NEW_ARRAY(base->scratch, hmlc_value *, (size_t)count + 1);
    if (carried == NULL || yields == NULL) {
        base->fatal = HMLC_RESOURCE;
        return NULL;
    }
    hmlc_tflite_scope scope = {.names = {.body = &body}};
    hmlc_value **after = import_call(node, &scope, turn, carried, count, count);
    if (after == NULL || !keeps_types(node, after)) {
        return NULL;
    }
    yields[0] = import_condition(node, &body, condition, after, count);
    for (uint32_t i = 0; i < count; i++) {
        yields[i + 1] = after[i];
    }
    if (yields[0] == NULL || !hmlc_node_ok(node)) {
        return NULL;
    }
    hmlc_builder builder = hmlc_builder_at_end(body.region);
    builder.location = node->emit.builder.location;
    base->fatal = hmlc_build_yield(&builder, yields, count + 1);
    return base->fatal == HMLC_OK ? body.region : NULL;
}

/* The condition is asked before each turn: once in front, then at each turn's end. */
void hmlc_tflite_import_while(hmlc_node *node)
{
    const hmlc_tflite_node *self = hmlc_tflite_self(node);
    int64_t condition = hmlc_node_int(node, "cond_subgraph_index", -1);
    int64_t turn = hmlc_node_int(node, "body_subgraph_index", -1);
    uint32_t count = node->input_count;
    hmlc_value **operands =
        HMLC_NEW_ARRAY(self->importer->base->scratch, hmlc_value *, (size_t)count + 2);
    if (operands == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (node->inputs[i] == NULL || count != node->output_count) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                           "has %" PRIu32 " inputs and %" PRIu32 " outputs, or lacks one", count,
                           node->output_count);
            return;
        }
        operands[i + 2] = node->inputs[i];
    }
    operands[1] = import_condition(node, self->scope->names.body, condition, node->inputs, count);
    hmlc_region *region =
        hmlc_node_ok(node) && operands[1] != NULL ? loop_region(node, condition, turn) : NULL;
    if (region == NULL) {
        return;
    }
    hmlc_op *op = NULL;
    node->emit.status = hmlc_op_create_with_regions(&node->emit.builder, HMLC_OP_loop, operands,
                                                    count + 2, NULL, 0, &region, 1, &op);
    for (uint32_t i = 0; op != NULL && i < count; i++) {
        node->outputs[i] = op->results[i];
    }
}

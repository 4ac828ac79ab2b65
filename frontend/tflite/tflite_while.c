/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WHILE. Values are carried from turn to turn; where its subgraphs assign variables, so is what
 * variables hold. A variable among the inputs is the same one in each turn.
 */
#include <inttypes.h>

#include "tflite_calls.h"
#include "tflite_variable.h"

typedef struct turns {
    int64_t condition, body;
    uint32_t value_count; /* of the values that are carried, in front of variables */
    uint32_t count;       /* with variables */
    hmlc_value **given;   /* before the first turn */
    uint32_t *variables;  /* their numbers */
} turns;

/* The condition's subgraph on these values, in the body's region: a scalar. */
static hmlc_value *import_condition(hmlc_node *node, hmlc_body *body, int64_t index,
                                    hmlc_value *const *values)
{
    hmlc_tflite_scope scope = {.names = {.body = body}};
    hmlc_value **result =
        hmlc_tflite_import_subgraph(node, &scope, index, values, node->input_count, 1);
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

/* What is carried: inputs that are values, then variables that hold something. */
static bool list_carried(hmlc_node *node, turns *self)
{
    const hmlc_tflite_node *own = hmlc_tflite_self(node);
    hmlc_arena *scratch = own->importer->base->scratch;
    bool writes = hmlc_tflite_writes(own->importer, own->stored);
    hmlc_tflite_held held;
    if (writes) {
        hmlc_tflite_hold_all(node);
    }
    if (!hmlc_node_ok(node) || !hmlc_tflite_hold(node, &held)) {
        return false;
    }
    size_t most = (size_t)node->input_count + held.count + 3;
    self->given = HMLC_NEW_ARRAY(scratch, hmlc_value *, most);
    self->variables = HMLC_NEW_ARRAY(scratch, uint32_t, most);
    if (self->given == NULL || self->variables == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return false;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (hmlc_tflite_variable_of(node->inputs[i]) == NULL) {
            self->given[self->count++] = node->inputs[i];
        }
    }
    self->value_count = self->count;
    for (uint32_t k = 0; writes && k < held.count; k++) {
        if (held.values[k] != NULL) {
            self->variables[self->count - self->value_count] = k;
            self->given[self->count++] = held.values[k];
        }
    }
    return true;
}

static hmlc_value *add_argument(hmlc_node *node, hmlc_region *region, const hmlc_type *type)
{
    hmlc_value *argument = type != NULL ? hmlc_region_add_argument(region, type, NULL) : NULL;
    if (argument == NULL) {
        node->emit.status = HMLC_RESOURCE;
    }
    return argument;
}

/* The IR's body: a count and the condition, then what is carried. The subgraph's inputs, NULL on
 * failure. */
static hmlc_value **loop_arguments(hmlc_node *node, hmlc_region *region, const turns *self)
{
    hmlc_arena *arena = node->emit.builder.module->arena;
    hmlc_value **inputs = HMLC_NEW_ARRAY(hmlc_tflite_self(node)->importer->base->scratch,
                                         hmlc_value *, (size_t)node->input_count + 1);
    if (inputs == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return NULL;
    }
    (void)add_argument(node, region, hmlc_type_tensor(arena, HMLC_DTYPE_i64, 0, NULL));
    (void)add_argument(node, region, hmlc_type_tensor(arena, HMLC_DTYPE_bool, 0, NULL));
    for (uint32_t i = 0; i < node->input_count && hmlc_node_ok(node); i++) {
        bool variable = hmlc_tflite_variable_of(node->inputs[i]) != NULL;
        inputs[i] = variable ? node->inputs[i] : add_argument(node, region, node->inputs[i]->type);
    }
    for (uint32_t k = self->value_count; k < self->count && hmlc_node_ok(node); k++) {
        hmlc_tflite_set_held(node, self->variables[k - self->value_count],
                             add_argument(node, region, self->given[k]->type));
    }
    return hmlc_node_ok(node) ? inputs : NULL;
}

/* Behind a turn: values in their places behind the condition's. False where one changes its type,
 * or a variable its place. */
static bool list_yields(hmlc_node *node, const turns *self, hmlc_value *const *after,
                        hmlc_value **yields)
{
    hmlc_tflite_held held;
    uint32_t count = 0;
    if (!hmlc_tflite_hold(node, &held)) {
        return false;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (hmlc_tflite_variable_of(node->inputs[i]) == NULL) {
            yields[count++] = after[i];
        } else if (after[i] != node->inputs[i]) {
            hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                           "has another variable as value %" PRIu32 " after a turn", i);
        }
    }
    for (uint32_t k = 0; k < self->count - self->value_count; k++) {
        yields[count++] = held.values[self->variables[k]];
    }
    for (uint32_t k = 0; k < self->count && hmlc_node_ok(node); k++) {
        if (hmlc_tflite_variable_of(yields[k]) != NULL) {
            hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                           "has a variable in place of value %" PRIu32 " after a turn", k);
            return false;
        }
        (void)hmlc_tflite_same_type(node, self->given[k], yields[k],
                                    "has value %" PRIu32 " as %s at first and %s after a turn", k);
    }
    return hmlc_node_ok(node);
}

static hmlc_region *loop_region(hmlc_node *node, const turns *self)
{
    hmlc_importer *base = hmlc_tflite_self(node)->importer->base;
    hmlc_body body = {.region = hmlc_region_create_branch(base->module)};
    hmlc_value **yields = HMLC_NEW_ARRAY(base->scratch, hmlc_value *, (size_t)self->count + 2);
    if (body.region == NULL || yields == NULL) {
        base->fatal = HMLC_RESOURCE;
        return NULL;
    }
    hmlc_value **inputs = loop_arguments(node, body.region, self);
    hmlc_tflite_scope scope = {.names = {.body = &body}};
    hmlc_value **after = inputs != NULL
                             ? hmlc_tflite_import_subgraph(node, &scope, self->body, inputs,
                                                           node->input_count, node->input_count)
                             : NULL;
    if (after == NULL) {
        return NULL;
    }
    yields[0] = import_condition(node, &body, self->condition, after);
    if (yields[0] == NULL || !hmlc_node_ok(node) || !list_yields(node, self, after, yields + 1)) {
        return NULL;
    }
    hmlc_builder builder = hmlc_builder_at_end(body.region);
    builder.location = node->emit.builder.location;
    base->fatal = hmlc_build_yield(&builder, yields, self->count + 1);
    return base->fatal == HMLC_OK ? body.region : NULL;
}

/* Results go where their values came from; what the last turn made of variables is held. */
static void take_results(hmlc_node *node, const turns *self, hmlc_op *op)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < node->input_count; i++) {
        bool variable = hmlc_tflite_variable_of(node->inputs[i]) != NULL;
        node->outputs[i] = variable ? node->inputs[i] : op->results[next++];
    }
    for (uint32_t k = 0; k < self->count - self->value_count; k++) {
        hmlc_tflite_set_held(node, self->variables[k], op->results[next++]);
    }
}

/* The condition is asked before each turn: once in front, then at each turn's end. */
void hmlc_tflite_import_while(hmlc_node *node)
{
    turns self = {.condition = hmlc_node_int(node, "cond_subgraph_index", -1),
                  .body = hmlc_node_int(node, "body_subgraph_index", -1)};
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] == NULL || node->input_count != node->output_count) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                           "has %" PRIu32 " inputs and %" PRIu32 " outputs, or lacks one",
                           node->input_count, node->output_count);
            return;
        }
    }
    hmlc_value *first = import_condition(node, hmlc_tflite_self(node)->scope->names.body,
                                         self.condition, node->inputs);
    hmlc_tflite_held before;
    if (first == NULL || !list_carried(node, &self) || !hmlc_tflite_hold(node, &before)) {
        return;
    }
    hmlc_region *region = loop_region(node, &self);
    hmlc_tflite_hold_again(node, &before); /* what was first assigned within is not known */
    if (region == NULL) {
        return;
    }
    hmlc_value **operands = HMLC_NEW_ARRAY(hmlc_tflite_self(node)->importer->base->scratch,
                                           hmlc_value *, (size_t)self.count + 2);
    if (operands == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return;
    }
    operands[1] = first;
    for (uint32_t k = 0; k < self.count; k++) {
        operands[k + 2] = self.given[k];
    }
    hmlc_op *op = NULL;
    node->emit.status = hmlc_op_create_with_regions(&node->emit.builder, HMLC_OP_loop, operands,
                                                    self.count + 2, NULL, 0, &region, 1, &op);
    if (op != NULL) {
        take_results(node, &self, op);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that name a subgraph: IF, STABLEHLO_COMPOSITE. WHILE is tflite_while.c's. */
#include <inttypes.h>

#include "tflite_calls.h"
#include "tflite_variable.h"

uint32_t hmlc_tflite_called(const hmlc_tflite_operator *stored,
                            int64_t called[HMLC_TFLITE_MOST_CALLED])
{
    enum { IF = 118, WHILE = 119, CALL_ONCE = 129, COMPOSITE = 206 };
    switch (stored->code->builtin) {
    case IF:
    case WHILE:
        called[0] = hmlc_flat_int(&stored->options, 0, HMLC_FLAT_I32, -1);
        called[1] = hmlc_flat_int(&stored->options, 1, HMLC_FLAT_I32, -1);
        return 2;
    case CALL_ONCE:
        called[0] = hmlc_flat_int(&stored->options, 0, HMLC_FLAT_I32, -1);
        return 1;
    case COMPOSITE:
        called[0] = hmlc_flat_int(&stored->options2, 1, HMLC_FLAT_I32, -1);
        return 1;
    default:
        return 0;
    }
}

hmlc_value **hmlc_tflite_import_subgraph(hmlc_node *node, hmlc_tflite_scope *scope, int64_t index,
                                         hmlc_value *const *inputs, uint32_t input_count,
                                         uint32_t output_count)
{
    const hmlc_tflite_node *self = hmlc_tflite_self(node);
    hmlc_tflite_importer *importer = self->importer;
    uint32_t depth = 0;
    for (const hmlc_tflite_scope *at = self->scope; at != NULL; at = at->caller) {
        depth++;
    }
    if (index < 0 || index >= (int64_t)importer->model.subgraph_count ||
        depth > HMLC_TFLITE_MOST_CALLS) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       depth > HMLC_TFLITE_MOST_CALLS ? "subgraph %" PRId64 " calls itself"
                                                      : "names subgraph %" PRId64
                                                        ", which there is not",
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
    hmlc_value **values =
        hmlc_tflite_import_subgraph(node, &scope, index, inputs, count, node->output_count);
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

bool hmlc_tflite_same_type(hmlc_node *node, const hmlc_value *a, const hmlc_value *b,
                           const char *problem, uint32_t index)
{
    const hmlc_type *from = a->type, *to = b->type;
    if (from->dtype == to->dtype && hmlc_type_same_shape(hmlc_emit_table(&node->emit), from, to)) {
        return true;
    }
    char first[160], then[160];
    hmlc_type_format(from, first, sizeof first);
    hmlc_type_format(to, then, sizeof then);
    hmlc_node_fail(node, HMLC_ERROR_not_implemented, "keep the shape, for instance by padding",
                   problem, index, first, then);
    return false;
}

/* -- IF -- */

/* One side: its region, what it gives, and what variables hold behind it. */
typedef struct branch {
    hmlc_region *region;
    hmlc_value **values;
    hmlc_tflite_held held;
    uint32_t count; /* of values */
} branch;

/* False when something in it was refused. */
static bool import_branch(hmlc_node *node, int64_t index, branch *side)
{
    hmlc_importer *base = hmlc_tflite_self(node)->importer->base;
    hmlc_tflite_held before;
    hmlc_body body = {.region = hmlc_region_create_branch(base->module)};
    if (body.region == NULL) {
        base->fatal = HMLC_RESOURCE;
        return false;
    }
    if (!hmlc_tflite_hold(node, &before)) {
        return false;
    }
    hmlc_tflite_scope scope = {.names = {.body = &body}};
    hmlc_value **values = hmlc_tflite_import_subgraph(node, &scope, index, node->inputs + 1,
                                                      node->input_count - 1, node->output_count);
    *side = (branch){.region = body.region, .count = node->output_count};
    if (values == NULL || !hmlc_tflite_hold(node, &side->held)) {
        return false;
    }
    hmlc_tflite_hold_again(node, &before);
    side->values =
        HMLC_NEW_ARRAY(base->scratch, hmlc_value *, (size_t)side->count + side->held.count + 1);
    if (side->values == NULL) {
        base->fatal = HMLC_RESOURCE;
        return false;
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        side->values[i] = values[i];
        if (hmlc_tflite_variable_of(values[i]) != NULL) {
            hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                           "gives a variable as its result, not a value");
        }
    }
    return hmlc_node_ok(node);
}

static hmlc_value *held_at(const hmlc_tflite_held *held, uint32_t index)
{
    return index < held->count ? held->values[index] : NULL;
}

/* A variable that one side assigns is a result of both; one that is not known behind each is not
 * known. `which` gets the variables behind the outputs. */
static bool join_variables(hmlc_node *node, branch sides[2], uint32_t *which)
{
    hmlc_tflite_held before;
    if (!hmlc_tflite_hold(node, &before)) {
        return false;
    }
    for (uint32_t k = 0; k < before.count && hmlc_node_ok(node); k++) {
        hmlc_value *held[2];
        for (int side = 0; side < 2; side++) {
            held[side] = held_at(&sides[side].held, k);
            held[side] = held[side] != NULL ? held[side] : before.values[k];
        }
        if (held[0] == held[1]) {
            hmlc_tflite_set_held(node, k, held[0]);
        } else if (held[0] == NULL || held[1] == NULL) {
            hmlc_tflite_set_held(node, k, NULL);
        } else if (hmlc_tflite_same_type(node, held[0], held[1],
                                         "assigns variable %" PRIu32 " %s in one branch and %s in "
                                         "the other",
                                         k)) {
            which[sides[0].count - node->output_count] = k;
            for (int side = 0; side < 2; side++) {
                sides[side].values[sides[side].count++] = held[side];
            }
        }
    }
    return hmlc_node_ok(node);
}

static bool end_branch(hmlc_node *node, const branch *side)
{
    hmlc_importer *base = hmlc_tflite_self(node)->importer->base;
    hmlc_builder builder = hmlc_builder_at_end(side->region);
    builder.location = node->emit.builder.location;
    base->fatal = hmlc_build_yield(&builder, side->values, side->count);
    return base->fatal == HMLC_OK;
}

static void import_both(hmlc_node *node, hmlc_value *condition, const int64_t *indices)
{
    hmlc_importer *base = hmlc_tflite_self(node)->importer->base;
    branch sides[2];
    if (hmlc_tflite_writes(hmlc_tflite_self(node)->importer, hmlc_tflite_self(node)->stored)) {
        hmlc_tflite_hold_all(node);
    }
    for (int side = 0; side < 2; side++) {
        if (!hmlc_node_ok(node) || !import_branch(node, indices[side], &sides[side])) {
            return;
        }
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (!hmlc_tflite_same_type(node, sides[0].values[i], sides[1].values[i],
                                   "gives output %" PRIu32 " as %s in one branch and as %s in the "
                                   "other",
                                   i)) {
            return;
        }
    }
    uint32_t *which = HMLC_NEW_ARRAY(base->scratch, uint32_t,
                                     (size_t)sides[0].held.count + sides[1].held.count + 1);
    if (which == NULL) {
        base->fatal = HMLC_RESOURCE;
        return;
    }
    if (!join_variables(node, sides, which) || !end_branch(node, &sides[0]) ||
        !end_branch(node, &sides[1])) {
        return;
    }
    hmlc_region *const regions[] = {sides[0].region, sides[1].region};
    hmlc_op *op = NULL;
    node->emit.status = hmlc_op_create_with_regions(&node->emit.builder, HMLC_OP_if, &condition, 1,
                                                    NULL, 0, regions, 2, &op);
    for (uint32_t i = 0; op != NULL && i < sides[0].count; i++) {
        if (i < node->output_count) {
            node->outputs[i] = op->results[i];
        } else {
            hmlc_tflite_set_held(node, which[i - node->output_count], op->results[i]);
        }
    }
}

void hmlc_tflite_import_if(hmlc_node *node)
{
    uint32_t count = 0;
    int64_t condition = 0;
    const int64_t branches[] = {hmlc_node_int(node, "then_subgraph_index", -1),
                                hmlc_node_int(node, "else_subgraph_index", -1)};
    if (hmlc_tflite_variable_of(node->inputs[0]) != NULL) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "has a variable as its condition");
        return;
    }
    hmlc_value *scalar = hmlc_emit_reshape(&node->emit, node->inputs[0], NULL, 0);
    const hmlc_dim *known = hmlc_emit_elements(&node->emit, node->inputs[0], &count);
    if (known != NULL && count == 1 && hmlc_dim_is_constant(known[0], &condition)) {
        inline_call(node, branches[condition != 0 ? 0 : 1], node->inputs + 1,
                    node->input_count - 1);
    } else if (hmlc_node_ok(node)) {
        import_both(node, scalar, branches);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* If: regions that capture outer values; a condition that is known inlines its branch. */
#include "onnx_import.h"
#include "onnx_node.h"

/* A branch's outputs. False when one is missing; NULL values are poisoned. */
static bool branch_values(hmlc_node *node, hmlc_onnx_scope *scope, hmlc_value **values)
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

/* Imports a branch's nodes into the scope's body; its values, or NULL when some are poisoned. */
static hmlc_value **import_branch(hmlc_node *node, hmlc_onnx_scope *scope, const char *name)
{
    const hmlc_onnx_node *self = hmlc_onnx_self(node);
    hmlc_onnx_importer *importer = self->importer;
    scope->names.parent = &self->scope->names;
    scope->graph = hmlc_onnx_attr(node, name)->g;
    scope->names.path = hmlc_arena_printf(importer->base->scratch, "%s/%s/",
                                          node->emit.builder.location->nodes[0].name, name);
    hmlc_value **values =
        HMLC_NEW_ARRAY(importer->base->scratch, hmlc_value *, scope->graph->n_output + 1);
    if (scope->names.path == NULL || values == NULL) {
        importer->base->fatal = HMLC_RESOURCE;
        return NULL;
    }
    size_t inputs = free_inputs(importer, scope->graph);
    if (inputs > 0 || scope->graph->n_output != node->output_count) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "%s has %zu inputs and %zu outputs, must have none and %u", name, inputs,
                       scope->graph->n_output, node->output_count);
        return NULL;
    }
    if (hmlc_onnx_scope_open(importer, scope) != HMLC_OK ||
        hmlc_onnx_import_nodes(importer, scope) != HMLC_OK) {
        return NULL;
    }
    if (!branch_values(node, scope, values)) {
        /* Reported where it happened. */
        node->emit.status = importer->base->fatal != HMLC_OK ? importer->base->fatal : HMLC_REFUSED;
        return NULL;
    }
    return values;
}

/* 1 or 0 where the condition is known now, else -1. */
static int32_t known_condition(hmlc_node *node)
{
    uint32_t count = 0;
    int64_t condition;
    const hmlc_dim *elements = hmlc_emit_elements(&node->emit, node->inputs[0], &count);
    bool known = elements != NULL && count == 1 && hmlc_dim_is_constant(elements[0], &condition);
    return known ? condition != 0 : -1;
}

static void inline_branch(hmlc_node *node, const char *name)
{
    hmlc_onnx_scope scope = {.names = {.body = hmlc_onnx_self(node)->scope->names.body}};
    hmlc_value **values = import_branch(node, &scope, name);
    for (uint32_t i = 0; values != NULL && i < node->output_count; i++) {
        node->outputs[i] = values[i];
    }
}

/* A region of its own, ending in yield; NULL when something in it was refused. */
static hmlc_region *branch_region(hmlc_node *node, const char *name)
{
    hmlc_onnx_importer *importer = hmlc_onnx_self(node)->importer;
    hmlc_body body = {.region = hmlc_region_create_branch(importer->base->module)};
    if (body.region == NULL) {
        importer->base->fatal = HMLC_RESOURCE;
        return NULL;
    }
    hmlc_onnx_scope scope = {.names = {.body = &body}};
    hmlc_value **values = import_branch(node, &scope, name);
    if (values == NULL) {
        return NULL;
    }
    hmlc_builder builder = hmlc_builder_at_end(body.region);
    builder.location = node->emit.builder.location;
    importer->base->fatal = hmlc_build_yield(&builder, values, node->output_count);
    return importer->base->fatal == HMLC_OK ? body.region : NULL;
}

/* Do the branches differ in a dim of a result? */
static bool dims_differ(hmlc_node *node, hmlc_region *regions[2])
{
    hmlc_dims *table = hmlc_emit_table(&node->emit);
    for (uint32_t i = 0; i < node->output_count; i++) {
        const hmlc_type *a = hmlc_op_operand(regions[0]->last, i)->type;
        const hmlc_type *b = hmlc_op_operand(regions[1]->last, i)->type;
        for (int32_t d = 0; a->rank == b->rank && d < a->rank; d++) {
            if (!hmlc_dim_known_equal(table, a->dims[d], b->dims[d])) {
                return true;
            }
        }
    }
    return false;
}

/* Dims that the branches alone know have no value where their buffers are made. `symbols`: how many
 * there were before the op. */
static void refuse_inner_dims(hmlc_node *node, const hmlc_op *op, uint32_t symbols)
{
    for (uint32_t i = 0; i < op->result_count; i++) {
        const hmlc_type *type = op->results[i]->type;
        for (int32_t d = 0; d < type->rank && hmlc_node_ok(node); d++) {
            char then[80], other[80];
            hmlc_dim dim = type->dims[d];
            if (dim->kind != HMLC_DIM_SYMBOL || !dim->symbol->bound_at_run ||
                dim->symbol->index < symbols) {
                continue;
            }
            hmlc_dim_format(hmlc_op_operand(op->regions[0]->last, i)->type->dims[d], then,
                            sizeof then);
            hmlc_dim_format(hmlc_op_operand(op->regions[1]->last, i)->type->dims[d], other,
                            sizeof other);
            hmlc_node_fail(node, HMLC_ERROR_not_implemented,
                           "compute the size before the node, or pad both branches' results to one "
                           "size",
                           "dim %d of output %u is %s in then_branch and %s in else_branch, and a "
                           "size that is computed within a branch is not known outside of it",
                           d, i, then, other);
        }
    }
}

static bool ranks_differ(const hmlc_region *a, const hmlc_region *b)
{
    for (uint32_t i = 0; i < a->last->operand_count; i++) {
        if (hmlc_op_operand(a->last, i)->type->rank != hmlc_op_operand(b->last, i)->type->rank) {
            return true;
        }
    }
    return false;
}

/* Users before producers, so that each op is unused when it goes. */
static void erase_region(hmlc_region *region)
{
    while (region->last != NULL) {
        hmlc_op_erase(region->last);
    }
}

/*
 * Exporters guard a squeeze by "is this dim 1?". The two paths then differ in rank, which a
 * compiled graph cannot: the path that squeezes is taken, and runs whose dim is not 1 are refused.
 * True when the condition is such a question.
 */
static bool assume_equal(hmlc_node *node, hmlc_region *regions[2])
{
    const hmlc_onnx_node *self = hmlc_onnx_self(node);
    uint32_t count = 0;
    const hmlc_dim *elements = hmlc_emit_elements(&node->emit, node->inputs[0], &count);
    if (elements == NULL || count != 1 || elements[0]->kind != HMLC_DIM_EQUAL) {
        return false;
    }
    char text[256];
    hmlc_dim_format(elements[0], text, sizeof text);
    /* The dims of inputs answer the question, once and for all; in a branch, another branch may ask
     * it with another answer, and no dims fit both. */
    bool answered = !hmlc_dim_uses_run_symbol(elements[0]) &&
                    node->emit.builder.region == self->importer->base->module->main;
    erase_region(regions[1]);
    erase_region(regions[0]);
    hmlc_warning_add(
        self->importer->base->module->diagnostics, HMLC_ERROR_path_assumed,
        node->emit.builder.location, answered ? "give the dims with --dim to silence this" : NULL,
        "the two paths differ in rank: compiled for inputs with %s, others are refused "
        "when the model runs",
        text);
    hmlc_emit_require_equal(&node->emit, elements[0]->a, elements[0]->b);
    inline_branch(node, "then_branch");
    return true;
}

void hmlc_onnx_import_if(hmlc_node *node)
{
    int32_t condition = known_condition(node);
    if (condition >= 0) {
        inline_branch(node, condition ? "then_branch" : "else_branch");
        return;
    }
    hmlc_region *regions[2];
    regions[0] = branch_region(node, "then_branch");
    regions[1] = branch_region(node, "else_branch");
    if (regions[0] == NULL || regions[1] == NULL || !hmlc_node_ok(node)) {
        return;
    }
    if (ranks_differ(regions[0], regions[1]) && assume_equal(node, regions)) {
        return;
    }
    hmlc_op *op = NULL;
    const hmlc_dim *chosen = NULL;
    uint32_t count = 0;
    if (dims_differ(node, regions)) {
        chosen = hmlc_emit_bind(&node->emit, node->inputs[0], "if", 0, 1, 1, &count);
    }
    if (!hmlc_node_ok(node)) {
        return;
    }
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_chosen, chosen, 1);
    uint32_t symbols =
        hmlc_symbol_count(hmlc_emit_table(&node->emit)); /* later ones are the op's */
    node->emit.status =
        hmlc_op_create_with_regions(&node->emit.builder, HMLC_OP_if, node->inputs, 1, &attr,
                                    chosen != NULL ? 1 : 0, regions, 2, &op);
    if (op != NULL) {
        refuse_inner_dims(node, op, symbols);
    }
    for (uint32_t i = 0; op != NULL && i < node->output_count; i++) {
        node->outputs[i] = op->results[i];
    }
}

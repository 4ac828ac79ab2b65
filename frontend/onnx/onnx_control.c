/* SPDX-License-Identifier: Apache-2.0 */
/* If: regions that capture outer values; a condition that is known inlines its branch. */
#include "onnx_subgraph.h"

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
    hmlc_value **values = hmlc_onnx_import_subgraph(node, &scope, name, node->output_count, true);
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
    hmlc_value **values = hmlc_onnx_import_subgraph(node, &scope, name, node->output_count, true);
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

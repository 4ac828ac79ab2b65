/* SPDX-License-Identifier: Apache-2.0 */
/* Ops: creation with inference, erasing, moving, cloning. */
#include <string.h>

#include "graph/graph_internal.h"

hmlc_builder hmlc_builder_at_end(hmlc_region *region)
{
    return (hmlc_builder){.module = region->module, .region = region};
}

hmlc_builder hmlc_builder_before(hmlc_op *op)
{
    return (hmlc_builder){
        .module = op->parent->module, .region = op->parent, .before = op, .location = op->location};
}

hmlc_builder hmlc_builder_after(hmlc_op *op)
{
    return (hmlc_builder){.module = op->parent->module,
                          .region = op->parent,
                          .before = op->next,
                          .location = op->location};
}

/* Puts an op into the list of a region, before another; `before` NULL: behind the last. */
static void link_op(hmlc_region *region, hmlc_op *op, hmlc_op *before)
{
    op->parent = region;
    op->next = before;
    op->previous = before != NULL ? before->previous : region->last;
    if (op->previous != NULL) {
        op->previous->next = op;
    } else {
        region->first = op;
    }
    if (before != NULL) {
        before->previous = op;
    } else {
        region->last = op;
    }
}

static void unlink_op(hmlc_op *op)
{
    hmlc_region *region = op->parent;
    if (op->previous != NULL) {
        op->previous->next = op->next;
    } else {
        region->first = op->next;
    }
    if (op->next != NULL) {
        op->next->previous = op->previous;
    } else {
        region->last = op->previous;
    }
    op->next = NULL;
    op->previous = NULL;
}

/* Copies attributes, sorted by name (insertion sort: ops have few). */
static bool copy_attrs(hmlc_arena *arena, const hmlc_attr *attrs, uint32_t count, hmlc_op *op)
{
    hmlc_attr *copies = HMLC_NEW_ARRAY(arena, hmlc_attr, count);
    if (copies == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i;
        for (; at > 0 && copies[at - 1].name > attrs[i].name; at--) {
            copies[at] = copies[at - 1];
        }
        copies[at] = attrs[i];
    }
    op->attrs = copies;
    op->attr_count = count;
    return true;
}

/* Gives the copied attribute rows data of their own; done once they are known to be well-formed. */
static bool own_attr_data(hmlc_arena *arena, hmlc_op *op)
{
    hmlc_attr *attrs = HMLC_NEW_ARRAY(arena, hmlc_attr, op->attr_count);
    if (attrs == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < op->attr_count; i++) {
        if (!hmlc_attr_copy(arena, &op->attrs[i], &attrs[i])) {
            return false;
        }
    }
    op->attrs = attrs;
    return true;
}

static bool fill_operands(hmlc_arena *arena, hmlc_value *const *operands, uint32_t count,
                          hmlc_op *op)
{
    while (count > 0 && operands[count - 1] == NULL) {
        count--;
    }
    op->operands = HMLC_NEW_ARRAY(arena, hmlc_use, count);
    if (op->operands == NULL) {
        return false;
    }
    op->operand_count = count;
    for (uint32_t i = 0; i < count; i++) {
        op->operands[i] = (hmlc_use){.value = operands[i], .op = op, .index = i};
    }
    return true;
}

static bool fill_regions(hmlc_arena *arena, hmlc_region *const *regions, uint32_t count,
                         hmlc_op *op)
{
    op->regions = HMLC_NEW_ARRAY(arena, hmlc_region *, count);
    if (op->regions == NULL) {
        return false;
    }
    op->region_count = count;
    for (uint32_t i = 0; i < count; i++) {
        op->regions[i] = regions[i];
        regions[i]->parent = op;
    }
    return true;
}

static hmlc_status create_results(hmlc_module *module, hmlc_op *op, const hmlc_infer *inferred)
{
    op->results = HMLC_NEW_ARRAY(module->arena, hmlc_value *, inferred->result_count);
    HMLC_TRY_MEMORY(op->results);
    for (uint32_t i = 0; i < inferred->result_count; i++) {
        hmlc_value *value = hmlc_value_create(module, inferred->types[i], i);
        HMLC_TRY_MEMORY(value);
        value->producer = op;
        value->elements = inferred->elements != NULL ? inferred->elements[i] : NULL;
        op->results[i] = value;
    }
    op->result_count = inferred->result_count;
    return HMLC_OK;
}

static hmlc_status check_expected(hmlc_module *module, const hmlc_op *op,
                                  const hmlc_infer *inferred)
{
    const char *name = hmlc_op_get_info(op->opcode)->name;
    if (inferred->result_count != op->result_count) {
        return hmlc_error_add(module->diagnostics, HMLC_ERROR_graph_invalid, op->location, NULL,
                              "%s has %u results, %u are given", name, inferred->result_count,
                              op->result_count);
    }
    for (uint32_t i = 0; i < op->result_count; i++) {
        if (!hmlc_type_equal(op->results[i]->type, inferred->types[i])) {
            char given[200], found[200];
            hmlc_type_format(op->results[i]->type, given, sizeof given);
            hmlc_type_format(inferred->types[i], found, sizeof found);
            return hmlc_error_add(module->diagnostics, HMLC_ERROR_graph_invalid, op->location, NULL,
                                  "result %u of %s has type %s, %s is given", i, name, found,
                                  given);
        }
    }
    return HMLC_OK;
}

/* Checks, infers and makes the results of an op that is filled but not linked. */
static hmlc_status complete(hmlc_module *module, hmlc_op *op, const hmlc_infer *expected)
{
    HMLC_TRY(hmlc_op_check_form(module, op, HMLC_ERROR_graph_invalid));
    if (!own_attr_data(module->arena, op)) {
        return HMLC_RESOURCE;
    }
    if (expected != NULL) {
        HMLC_TRY(create_results(module, op, expected));
    }
    hmlc_infer inferred;
    HMLC_TRY(hmlc_infer_run(module, op, &inferred));
    if (expected == NULL) {
        return create_results(module, op, &inferred);
    }
    HMLC_TRY(check_expected(module, op, &inferred));
    for (uint32_t i = 0; i < op->result_count && inferred.elements != NULL; i++) {
        op->results[i]->elements = inferred.elements[i];
    }
    return HMLC_OK;
}

/* At the end of a complete region, new ops go before its yield. */
static hmlc_op *place_of(const hmlc_builder *builder, hmlc_opcode opcode)
{
    hmlc_op *last = builder->region->last;
    if (builder->before == NULL && last != NULL && hmlc_op_has(last, HMLC_TRAIT_TERMINATOR) &&
        !hmlc_opcode_has(opcode, HMLC_TRAIT_TERMINATOR)) {
        return last;
    }
    return builder->before;
}

hmlc_status hmlc_op_create(hmlc_builder *builder, hmlc_opcode opcode, hmlc_value *const *operands,
                           uint32_t operand_count, const hmlc_attr *attrs, uint32_t attr_count,
                           hmlc_op **op)
{
    return hmlc_op_create_with_regions(builder, opcode, operands, operand_count, attrs, attr_count,
                                       NULL, 0, op);
}

hmlc_status hmlc_op_create_with_regions(hmlc_builder *builder, hmlc_opcode opcode,
                                        hmlc_value *const *operands, uint32_t operand_count,
                                        const hmlc_attr *attrs, uint32_t attr_count,
                                        hmlc_region *const *regions, uint32_t region_count,
                                        hmlc_op **op)
{
    hmlc_op_parts parts = {opcode,     operands, operand_count, attrs,
                           attr_count, regions,  region_count};
    return hmlc_op_create_from_parts(builder, &parts, NULL, op);
}

hmlc_status hmlc_op_create_from_parts(hmlc_builder *builder, const hmlc_op_parts *parts,
                                      const hmlc_infer *expected, hmlc_op **result)
{
    hmlc_module *module = builder->module;
    hmlc_op *op = HMLC_NEW(module->arena, hmlc_op);
    HMLC_TRY_MEMORY(op);
    op->opcode = parts->opcode;
    op->location = builder->location;
    op->parent = builder->region;
    if (!fill_operands(module->arena, parts->operands, parts->operand_count, op) ||
        !copy_attrs(module->arena, parts->attrs, parts->attr_count, op) ||
        !fill_regions(module->arena, parts->regions, parts->region_count, op)) {
        return HMLC_RESOURCE;
    }
    hmlc_status status = complete(module, op, expected);
    if (status != HMLC_OK) {
        for (uint32_t i = 0; i < parts->region_count; i++) {
            parts->regions[i]->parent = NULL;
        }
        return status;
    }
    for (uint32_t i = 0; i < op->operand_count; i++) {
        hmlc_use_link(&op->operands[i], op->operands[i].value);
    }
    link_op(builder->region, op, place_of(builder, parts->opcode));
    if (result != NULL) {
        *result = op;
    }
    return HMLC_OK;
}

static void drop_operands(hmlc_op *op)
{
    for (uint32_t i = 0; i < op->operand_count; i++) {
        hmlc_use_unlink(&op->operands[i]);
    }
    for (uint32_t i = 0; i < op->region_count; i++) {
        for (hmlc_op *inner = op->regions[i]->first; inner != NULL; inner = inner->next) {
            drop_operands(inner);
        }
    }
}

void hmlc_op_erase(hmlc_op *op)
{
    drop_operands(op);
    unlink_op(op);
}

void hmlc_op_move_before(hmlc_op *op, hmlc_op *before)
{
    if (op == before) {
        return;
    }
    unlink_op(op);
    link_op(before->parent, op, before);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of ops with their regions. */
#include "graph/graph_internal.h"

static hmlc_value *mapped(hmlc_value *value, hmlc_value **map)
{
    return value == NULL || map[value->id] == NULL ? value : map[value->id];
}

static hmlc_status clone_region(hmlc_module *module, const hmlc_region *region, hmlc_value **map,
                                hmlc_region **copy)
{
    hmlc_region *made = hmlc_region_create(module, NULL);
    HMLC_TRY_MEMORY(made);
    for (uint32_t i = 0; i < region->argument_count; i++) {
        const hmlc_value *argument = region->arguments[i];
        hmlc_value *value = hmlc_region_add_argument(made, argument->type, argument->name);
        HMLC_TRY_MEMORY(value);
        value->elements = argument->elements;
        map[argument->id] = value;
    }
    hmlc_builder builder = hmlc_builder_at_end(made);
    for (const hmlc_op *op = region->first; op != NULL; op = op->next) {
        HMLC_TRY(hmlc_op_clone(&builder, op, map, NULL));
    }
    *copy = made;
    return HMLC_OK;
}

hmlc_status hmlc_op_clone(hmlc_builder *builder, const hmlc_op *op, hmlc_value **map,
                          hmlc_op **result)
{
    hmlc_module *module = builder->module;
    hmlc_value **operands = HMLC_NEW_ARRAY(module->arena, hmlc_value *, op->operand_count);
    hmlc_region **regions = HMLC_NEW_ARRAY(module->arena, hmlc_region *, op->region_count);
    HMLC_TRY_MEMORY(operands);
    HMLC_TRY_MEMORY(regions);
    for (uint32_t i = 0; i < op->operand_count; i++) {
        operands[i] = mapped(op->operands[i].value, map);
    }
    for (uint32_t i = 0; i < op->region_count; i++) {
        HMLC_TRY(clone_region(module, op->regions[i], map, &regions[i]));
    }
    hmlc_builder here = *builder;
    here.location = op->location != NULL ? op->location : builder->location;
    hmlc_op *copy;
    HMLC_TRY(hmlc_op_create_with_regions(&here, op->opcode, operands, op->operand_count, op->attrs,
                                         op->attr_count, regions, op->region_count, &copy));
    for (uint32_t i = 0; i < op->result_count && i < copy->result_count; i++) {
        copy->results[i]->name = op->results[i]->name;
        map[op->results[i]->id] = copy->results[i];
    }
    if (result != NULL) {
        *result = copy;
    }
    return HMLC_OK;
}

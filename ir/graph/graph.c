/* SPDX-License-Identifier: Apache-2.0 */
/* Modules, regions, values and use lists. */
#include <string.h>

#include "graph_internal.h"

hmlc_module *hmlc_module_create(const hmlc_allocator *allocator)
{
    hmlc_arena *arena = hmlc_arena_create(allocator);
    if (arena == NULL) {
        return NULL;
    }
    hmlc_module *module = HMLC_NEW(arena, hmlc_module);
    if (module != NULL) {
        module->arena = arena;
        module->dims = hmlc_dims_create(arena);
        module->diagnostics = hmlc_diagnostics_create(arena, 0);
        module->main = hmlc_region_create(module, NULL);
        module->name = "";
        module->producer = "";
    }
    if (module == NULL || module->dims == NULL || module->diagnostics == NULL ||
        module->main == NULL) {
        hmlc_arena_destroy(arena);
        return NULL;
    }
    return module;
}

void hmlc_module_destroy(hmlc_module *module)
{
    if (module != NULL) {
        hmlc_arena_destroy(module->arena);
    }
}

hmlc_region *hmlc_region_create(hmlc_module *module, hmlc_op *parent)
{
    hmlc_region *region = HMLC_NEW(module->arena, hmlc_region);
    if (region != NULL) {
        region->module = module;
        region->parent = parent;
    }
    return region;
}

hmlc_region *hmlc_region_create_branch(hmlc_module *module)
{
    hmlc_region *region = hmlc_region_create(module, NULL);
    if (region != NULL) {
        region->is_branch = true;
    }
    return region;
}

bool hmlc_region_branch(const hmlc_region *region, const hmlc_region **branch)
{
    while (!region->is_branch && region->parent != NULL) {
        region = region->parent->parent;
    }
    *branch = region->is_branch ? region : NULL;
    return region->is_branch || region == region->module->main;
}

bool hmlc_region_relies_on(const hmlc_region *region, const hmlc_dim_equality *equality)
{
    while (region != equality->branch && region->parent != NULL) {
        region = region->parent->parent;
    }
    return equality->branch == NULL || region == equality->branch;
}

static void include_id(hmlc_id_range *range, const hmlc_value *value)
{
    uint32_t end = range->first + range->count;
    if (range->count == 0) {
        *range = (hmlc_id_range){value->id, 1};
        return;
    }
    range->first = value->id < range->first ? value->id : range->first;
    end = value->id >= end ? value->id + 1 : end;
    range->count = end - range->first;
}

hmlc_id_range hmlc_region_ids(const hmlc_region *region)
{
    hmlc_id_range range = {0};
    for (uint32_t k = 0; k < region->argument_count; k++) {
        include_id(&range, region->arguments[k]);
    }
    for (const hmlc_op *op = region->first; op != NULL; op = op->next) {
        for (uint32_t k = 0; k < op->result_count; k++) {
            include_id(&range, op->results[k]);
        }
    }
    return range;
}

hmlc_value *hmlc_value_create(hmlc_module *module, const hmlc_type *type, uint32_t index)
{
    hmlc_value *value = HMLC_NEW(module->arena, hmlc_value);
    if (value != NULL) {
        value->id = module->value_count++;
        value->type = type;
        value->index = index;
    }
    return value;
}

/* Lists of arguments and states, which grow when their count reaches a power of two; NULL without
 * memory. */
static void *with_room(hmlc_arena *arena, void *items, uint32_t count, size_t bytes)
{
    if (count != 0 && (count & (count - 1)) != 0) {
        return items;
    }
    void *grown = hmlc_arena_allocate_array(arena, count == 0 ? 1 : 2 * (size_t)count, bytes);
    if (grown != NULL && count > 0) {
        memcpy(grown, items, count * bytes);
    }
    return grown;
}

hmlc_value *hmlc_region_add_argument(hmlc_region *region, const hmlc_type *type, const char *name)
{
    hmlc_arena *arena = region->module->arena;
    uint32_t count = region->argument_count;
    hmlc_value **arguments =
        with_room(arena, (void *)region->arguments, count, sizeof(hmlc_value *));
    if (arguments == NULL) {
        return NULL;
    }
    region->arguments = arguments;
    hmlc_value *value = hmlc_value_create(region->module, type, count);
    if (value == NULL) {
        return NULL;
    }
    if (name != NULL) {
        value->name = hmlc_arena_string(arena, name);
        if (value->name == NULL) {
            return NULL;
        }
    }
    value->region = region;
    region->arguments[region->argument_count++] = value;
    return value;
}

hmlc_value *hmlc_module_add_state(hmlc_module *module, const hmlc_type *type, const char *name,
                                  const hmlc_tensor *initial)
{
    const hmlc_tensor **states = with_room(module->arena, (void *)module->initial_states,
                                           module->state_count, sizeof(hmlc_tensor *));
    if (states == NULL) {
        return NULL;
    }
    module->initial_states = states;
    hmlc_value *argument = hmlc_region_add_argument(module->main, type, name);
    if (argument != NULL) {
        module->initial_states[module->state_count++] = initial;
    }
    return argument;
}

void hmlc_use_link(hmlc_use *use, hmlc_value *value)
{
    use->value = value;
    use->previous = NULL;
    use->next = NULL;
    if (value == NULL) {
        return;
    }
    use->next = value->uses;
    if (value->uses != NULL) {
        value->uses->previous = use;
    }
    value->uses = use;
}

void hmlc_use_unlink(hmlc_use *use)
{
    if (use->value == NULL) {
        return;
    }
    if (use->previous != NULL) {
        use->previous->next = use->next;
    } else {
        use->value->uses = use->next;
    }
    if (use->next != NULL) {
        use->next->previous = use->previous;
    }
    use->value = NULL;
    use->next = NULL;
    use->previous = NULL;
}

void hmlc_op_set_operand(hmlc_op *op, uint32_t index, hmlc_value *value)
{
    hmlc_use_unlink(&op->operands[index]);
    hmlc_use_link(&op->operands[index], value);
}

void hmlc_value_replace_uses(hmlc_value *value, hmlc_value *replacement)
{
    while (value != replacement && value->uses != NULL) {
        hmlc_use *use = value->uses;
        hmlc_use_unlink(use);
        hmlc_use_link(use, replacement);
    }
}

bool hmlc_value_has_uses(const hmlc_value *value)
{
    return value->uses != NULL;
}

bool hmlc_value_has_one_use(const hmlc_value *value)
{
    return value->uses != NULL && value->uses->next == NULL;
}

const hmlc_tensor *hmlc_value_constant(const hmlc_value *value)
{
    if (value == NULL || value->producer == NULL || value->producer->opcode != HMLC_OP_constant) {
        return NULL;
    }
    const hmlc_attr *attr = hmlc_op_attr(value->producer, HMLC_ATTR_value);
    return attr == NULL ? NULL : attr->as.tensor;
}

bool hmlc_value_splat(const hmlc_value *value, double *splat)
{
    const hmlc_tensor *tensor = hmlc_value_constant(value);
    size_t bytes = tensor == NULL ? 0 : hmlc_dtype_bytes(tensor->dtype);
    if (bytes == 0 || hmlc_tensor_count(tensor) < 1) {
        return false;
    }
    /* All elements equal the first one when the data equals itself moved by one element. */
    const char *data = tensor->data;
    size_t size = (size_t)hmlc_tensor_count(tensor) * bytes;
    if (memcmp(data, data + bytes, size - bytes) != 0) {
        return false;
    }
    *splat = hmlc_tensor_get_double(tensor, 0);
    return true;
}

uint32_t hmlc_region_op_count(const hmlc_region *region, bool nested)
{
    uint32_t count = 0;
    for (const hmlc_op *op = region->first; op != NULL; op = op->next) {
        count++;
        for (uint32_t i = 0; nested && i < op->region_count; i++) {
            count += hmlc_region_op_count(op->regions[i], true);
        }
    }
    return count;
}

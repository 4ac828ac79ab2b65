/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of an op: access, defaults, copying, and the check against its row of ops.def. */
#include <string.h>

#include "graph_internal.h"

const hmlc_attr *hmlc_op_attr(const hmlc_op *op, hmlc_attr_name name)
{
    for (uint32_t i = 0; i < op->attr_count; i++) {
        if (op->attrs[i].name == name) {
            return &op->attrs[i];
        }
    }
    return NULL;
}

static const hmlc_attr_spec *find_spec(const hmlc_op_info *info, hmlc_attr_name name)
{
    for (uint32_t i = 0; i < info->attr_count; i++) {
        if (info->attrs[i].name == name) {
            return &info->attrs[i];
        }
    }
    return NULL;
}

static double default_of(const hmlc_op *op, hmlc_attr_name name)
{
    const hmlc_attr_spec *spec = find_spec(hmlc_op_get_info(op->opcode), name);
    return spec == NULL ? 0.0 : spec->default_value;
}

int64_t hmlc_op_int(const hmlc_op *op, hmlc_attr_name name)
{
    const hmlc_attr *attr = hmlc_op_attr(op, name);
    return attr != NULL ? attr->as.integer : (int64_t)default_of(op, name);
}

double hmlc_op_float(const hmlc_op *op, hmlc_attr_name name)
{
    const hmlc_attr *attr = hmlc_op_attr(op, name);
    return attr != NULL ? attr->as.real : default_of(op, name);
}

static size_t list_element_bytes(hmlc_attr_kind kind)
{
    switch (kind) {
    case HMLC_ATTR_KIND_INTS:
        return sizeof(int64_t);
    case HMLC_ATTR_KIND_FLOATS:
        return sizeof(double);
    case HMLC_ATTR_KIND_DIMS:
        return sizeof(hmlc_dim);
    default:
        return 0;
    }
}

bool hmlc_attr_copy(hmlc_arena *arena, const hmlc_attr *from, hmlc_attr *to)
{
    *to = *from;
    hmlc_attr_kind kind = hmlc_attr_kind_of(from->name);
    size_t bytes = list_element_bytes(kind);
    if (bytes > 0) {
        /* The three kinds of list share one pointer's place in the union. */
        to->as.integers = hmlc_arena_copy(arena, from->as.integers, from->count * bytes);
        return to->as.integers != NULL;
    }
    if (kind == HMLC_ATTR_KIND_STRING) {
        to->as.string = hmlc_arena_string(arena, from->as.string);
        return to->as.string != NULL;
    }
    if (kind == HMLC_ATTR_KIND_TENSOR) {
        to->as.tensor = hmlc_arena_copy(arena, from->as.tensor, sizeof(hmlc_tensor));
        return to->as.tensor != NULL;
    }
    return true;
}

static hmlc_status check_operands(hmlc_module *module, const hmlc_op *op, hmlc_error error)
{
    const hmlc_op_info *info = hmlc_op_get_info(op->opcode);
    uint32_t least = (uint32_t)info->least_operands;
    if (op->operand_count < least ||
        (info->most_operands >= 0 && op->operand_count > (uint32_t)info->most_operands)) {
        return hmlc_error_add(module->diagnostics, error, op->location, NULL,
                              "%s takes %d to %d operands, found %u", info->name,
                              info->least_operands, info->most_operands, op->operand_count);
    }
    uint32_t required = info->most_operands < 0 ? op->operand_count : least;
    for (uint32_t i = 0; i < required; i++) {
        if (op->operands[i].value == NULL) {
            return hmlc_error_add(module->diagnostics, error, op->location, NULL,
                                  "%s needs its operand %u", info->name, i);
        }
    }
    return HMLC_OK;
}

/* Value ranges that hold whatever the op: list lengths, words of an ENUM, dtypes. */
static hmlc_status check_value(hmlc_module *module, const hmlc_op *op, const hmlc_attr *attr,
                               hmlc_error error)
{
    hmlc_attr_kind kind = hmlc_attr_kind_of(attr->name);
    const char *name = hmlc_attr_name_text(attr->name);
    size_t length;
    if (kind == HMLC_ATTR_KIND_ENUM &&
        hmlc_attr_enum_word(attr->name, attr->as.integer, &length) == NULL) {
        return hmlc_error_add(module->diagnostics, error, op->location, NULL,
                              "attribute %s has no value %lld", name, (long long)attr->as.integer);
    }
    if (list_element_bytes(kind) > 0 && attr->count > HMLC_MAX_ATTR_LIST) {
        return hmlc_error_add(module->diagnostics, error, op->location,
                              "longer lists are given as constants",
                              "attribute %s has %u elements, at most %d may be given", name,
                              attr->count, HMLC_MAX_ATTR_LIST);
    }
    if (kind == HMLC_ATTR_KIND_DTYPE && (uint32_t)attr->as.dtype >= HMLC_DTYPE_COUNT) {
        return hmlc_error_add(module->diagnostics, error, op->location, NULL,
                              "attribute %s is no element type", name);
    }
    return HMLC_OK;
}

hmlc_status hmlc_op_check_form(hmlc_module *module, const hmlc_op *op, hmlc_error error)
{
    const hmlc_op_info *info = hmlc_op_get_info(op->opcode);
    HMLC_TRY(check_operands(module, op, error));
    for (uint32_t i = 0; i < op->attr_count; i++) {
        const hmlc_attr *attr = &op->attrs[i];
        if (find_spec(info, attr->name) == NULL) {
            return hmlc_error_add(module->diagnostics, error, op->location, NULL,
                                  "%s has no attribute %s", info->name,
                                  hmlc_attr_name_text(attr->name));
        }
        if (i > 0 && op->attrs[i - 1].name >= attr->name) {
            return hmlc_error_add(module->diagnostics, error, op->location, NULL,
                                  "attribute %s of %s is given twice",
                                  hmlc_attr_name_text(attr->name), info->name);
        }
        HMLC_TRY(check_value(module, op, attr, error));
    }
    for (uint32_t i = 0; i < info->attr_count; i++) {
        if (info->attrs[i].required && hmlc_op_attr(op, info->attrs[i].name) == NULL) {
            return hmlc_error_add(module->diagnostics, error, op->location, NULL,
                                  "%s needs attribute %s", info->name,
                                  hmlc_attr_name_text(info->attrs[i].name));
        }
    }
    return HMLC_OK;
}

uint32_t hmlc_op_axes_mask(const hmlc_op *op)
{
    const hmlc_attr *axes = hmlc_op_attr(op, HMLC_ATTR_axes);
    uint32_t mask = 0;
    for (uint32_t i = 0; axes != NULL && i < axes->count; i++) {
        mask |= UINT32_C(1) << axes->as.integers[i];
    }
    return axes != NULL ? mask : UINT32_C(1) << hmlc_op_int(op, HMLC_ATTR_axis);
}

bool hmlc_op_sums_bytes(const hmlc_op *op)
{
    const hmlc_value *left = hmlc_op_operand(op, 0), *right = hmlc_op_operand(op, 1);
    return hmlc_op_has(op, HMLC_TRAIT_CONTRACTION) && left != NULL && right != NULL &&
           hmlc_dtype_is_byte(left->type->dtype) && hmlc_dtype_is_integer(right->type->dtype) &&
           hmlc_dtype_bytes(right->type->dtype) <= 2 &&
           op->results[0]->type->dtype == HMLC_DTYPE_i32;
}

bool hmlc_region_sums_bytes(const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        bool here = hmlc_op_sums_bytes(op);
        for (uint32_t k = 0; k < op->region_count && !here; k++) {
            here = hmlc_region_sums_bytes(op->regions[k]);
        }
        if (here) {
            return true;
        }
    }
    return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Layout: attributes that name dims by number, or list something per dim, in another order of the
 * dims. */
#include <stdlib.h>

#include "layout.h"

typedef struct attr_mapping {
    const hmlc_op *op;
    const hmlc_layout_order *operand, *result;
    hmlc_layout_attrs *out;
    uint32_t slot; /* of the attribute's own storage in `out` */
} attr_mapping;

static void map_axis(const attr_mapping *mapping, hmlc_attr *attr)
{
    attr->as.integer = hmlc_layout_order_find(mapping->operand, attr->as.integer);
}

static int compare_axes(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static void map_axes(const attr_mapping *mapping, hmlc_attr *attr)
{
    int64_t *axes = mapping->out->integers;
    for (uint32_t i = 0; i < attr->count; i++) {
        axes[i] = hmlc_layout_order_find(mapping->operand, attr->as.integers[i]);
    }
    qsort(axes, attr->count, sizeof axes[0], compare_axes);
    attr->as.integers = axes;
}

/* One entry per dim of the operand, or several runs of such entries (begins, then ends). */
static void map_dims(const attr_mapping *mapping, hmlc_attr *attr)
{
    hmlc_dim *dims = mapping->out->dims[mapping->slot];
    uint32_t rank = (uint32_t)mapping->operand->rank;
    for (uint32_t i = 0; i < attr->count; i++) {
        dims[i] = attr->as.dims[i / rank * rank + (uint32_t)mapping->operand->axes[i % rank]];
    }
    attr->as.dims = dims;
}

static void map_reals(const attr_mapping *mapping, hmlc_attr *attr)
{
    double *reals = mapping->out->reals[mapping->slot];
    uint32_t rank = (uint32_t)mapping->operand->rank;
    for (uint32_t i = 0; i < attr->count; i++) {
        reals[i] = attr->as.reals[i / rank * rank + (uint32_t)mapping->operand->axes[i % rank]];
    }
    attr->as.reals = reals;
}

static void map_shape(const attr_mapping *mapping, hmlc_attr *attr)
{
    hmlc_dim *dims = mapping->out->dims[mapping->slot];
    for (uint32_t i = 0; i < attr->count; i++) {
        dims[i] = attr->as.dims[mapping->result->axes[i]];
    }
    attr->as.dims = dims;
}

static void map_layout(const attr_mapping *mapping, hmlc_attr *attr)
{
    (void)mapping;
    attr->as.integer = HMLC_LAYOUT_CHANNELS_LAST;
}

/* Windows are per spatial dim, and spatial dims keep their order. */
static bool is_window(const hmlc_op *op)
{
    return hmlc_op_has(op, HMLC_TRAIT_WINDOW);
}

typedef void attr_mapper(const attr_mapping *mapping, hmlc_attr *attr);

static attr_mapper *const mappers[HMLC_ATTR_COUNT] = {
    [HMLC_ATTR_axis] = map_axis,
    [HMLC_ATTR_axes] = map_axes,
    [HMLC_ATTR_shape] = map_shape,
    [HMLC_ATTR_starts] = map_dims,
    [HMLC_ATTR_sizes] = map_dims,
    [HMLC_ATTR_steps] = map_dims,
    [HMLC_ATTR_pads] = map_dims,
    [HMLC_ATTR_scales] = map_reals,
    [HMLC_ATTR_region_of_interest] = map_reals,
    [HMLC_ATTR_layout] = map_layout,
};

void hmlc_layout_map_attrs(const hmlc_op *op, const hmlc_layout_order *operand,
                           const hmlc_layout_order *result, hmlc_layout_attrs *mapped)
{
    mapped->count = 0;
    attr_mapping mapping = {.op = op, .operand = operand, .result = result, .out = mapped};
    for (uint32_t i = 0; i < op->attr_count; i++) {
        hmlc_attr *attr = &mapped->attrs[mapped->count++];
        *attr = op->attrs[i];
        mapping.slot = i;
        attr_mapper *mapper = mappers[attr->name];
        if (mapper != NULL && (!is_window(op) || mapper == map_layout)) {
            mapper(&mapping, attr);
        }
    }
    /* Per-axis quantization counts from an axis that may be left at its default. */
    if ((op->opcode == HMLC_OP_quantize || op->opcode == HMLC_OP_dequantize) &&
        hmlc_op_attr(op, HMLC_ATTR_axis) == NULL && operand->rank > 0) {
        mapped->attrs[mapped->count++] =
            hmlc_attr_int(HMLC_ATTR_axis, hmlc_layout_order_find(operand, 0));
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A constant pad before a convolution or pool goes into its own padding. */
#include <math.h>

#include "fold_weights.h"
#include "query.h"

/* What the pad must be filled with for the window op to do the same by itself. */
static bool fill_fits(const hmlc_op *pad, const hmlc_op *window)
{
    double fill = 0.0;
    const hmlc_value *value = hmlc_op_operand(pad, 1);
    if (value != NULL && !hmlc_value_splat(value, &fill)) {
        return false;
    }
    if (window->opcode == HMLC_OP_conv) {
        return fill == (double)hmlc_op_int(window, HMLC_ATTR_pad_value);
    }
    return fill == (window->opcode == HMLC_OP_max_pool ? -INFINITY : 0.0);
}

/*
 * Behind a relu, zeros around a max_pool lose against any element or equal it, so long as each
 * window sees one element: all padding together is less than the window.
 */
static bool zeros_never_win(const hmlc_op *pad, const hmlc_op *window, const int64_t *pads,
                            uint32_t spatial)
{
    const hmlc_value *fill = hmlc_op_operand(pad, 1);
    if (window->opcode != HMLC_OP_max_pool ||
        hmlc_producer_of(pad->operands[0].value, HMLC_OP_relu) == NULL ||
        (fill != NULL && !hmlc_is_splat_of(fill, 0))) {
        return false;
    }
    const int64_t *sizes = hmlc_list_attr(window, HMLC_ATTR_window)->as.integers;
    const int64_t *dilations = hmlc_list_attr(window, HMLC_ATTR_dilations)->as.integers;
    const hmlc_attr *own = hmlc_list_attr(window, HMLC_ATTR_pads);
    for (uint32_t i = 0; i < 2 * spatial; i++) {
        int64_t number;
        if (!hmlc_dim_is_constant(own->as.dims[i], &number) ||
            number + pads[i] >= sizes[i % spatial] || dilations[i % spatial] != 1) {
            return false;
        }
    }
    return true;
}

/* Numbers of a constant, non-negative pad of spatial dims alone. */
static bool read_spatial_pads(const hmlc_op *pad, uint32_t first, uint32_t spatial, int64_t *pads)
{
    const hmlc_attr *attr = hmlc_list_attr(pad, HMLC_ATTR_pads);
    uint32_t rank = attr->count / 2;
    if (hmlc_op_int(pad, HMLC_ATTR_pad_mode) != HMLC_PAD_CONSTANT) {
        return false;
    }
    for (uint32_t i = 0; i < 2 * rank; i++) {
        int64_t number;
        uint32_t dim = i % rank;
        bool inside = dim >= first && dim < first + spatial;
        if (!hmlc_dim_is_constant(attr->as.dims[i], &number) || number < 0 ||
            (!inside && number != 0)) {
            return false;
        }
        if (inside) {
            pads[(i / rank) * spatial + dim - first] = number;
        }
    }
    return true;
}

/* avg_pool counts the padding: what it had itself must be counted already. */
static bool averages_alike(const hmlc_op *window)
{
    const hmlc_attr *pads = hmlc_list_attr(window, HMLC_ATTR_pads);
    return window->opcode != HMLC_OP_avg_pool ||
           hmlc_op_int(window, HMLC_ATTR_count_include_pad) != 0 ||
           hmlc_dims_all(pads->as.dims, pads->count, 0);
}

static hmlc_status build_padded(hmlc_rewriter *rewriter, hmlc_op *op, const hmlc_op *pad,
                                const int64_t *pads)
{
    hmlc_dims *dims = hmlc_rewrite_module(rewriter)->dims;
    const hmlc_attr *own = hmlc_list_attr(op, HMLC_ATTR_pads);
    hmlc_dim sums[2 * HMLC_MAX_RANK];
    hmlc_attr *attrs = HMLC_NEW_ARRAY(hmlc_rewrite_scratch(rewriter), hmlc_attr, op->attr_count);
    HMLC_TRY_MEMORY(attrs);
    for (uint32_t i = 0; i < own->count; i++) {
        sums[i] = hmlc_dim_add(dims, own->as.dims[i], hmlc_dim_constant(dims, pads[i]));
    }
    for (uint32_t i = 0; i < op->attr_count; i++) {
        attrs[i] = op->attrs[i];
        if (attrs[i].name == HMLC_ATTR_pads) {
            attrs[i].as.dims = sums;
        } else if (attrs[i].name == HMLC_ATTR_count_include_pad) {
            attrs[i].as.integer = 1;
        }
    }
    hmlc_value *operands[] = {pad->operands[0].value, hmlc_op_operand(op, 1),
                              hmlc_op_operand(op, 2)};
    hmlc_builder builder = hmlc_rewrite_builder(op);
    builder.location = hmlc_location_join(builder.module->arena, pad->location, op->location);
    hmlc_value *padded = NULL;
    HMLC_TRY(hmlc_build(&builder, op->opcode, operands, op->operand_count, attrs, op->attr_count,
                        &padded));
    return hmlc_rewrite_replace(rewriter, op, padded);
}

static hmlc_status fold_pad(hmlc_rewriter *rewriter, hmlc_op *op)
{
    const hmlc_op *pad = hmlc_producer_of(op->operands[0].value, HMLC_OP_pad);
    if (pad == NULL || op->opcode == HMLC_OP_conv_transpose || op->opcode == HMLC_OP_conv_integer ||
        !averages_alike(op)) {
        return HMLC_OK;
    }
    bool last = hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
    uint32_t spatial = (uint32_t)op->results[0]->type->rank - 2;
    int64_t pads[2 * HMLC_MAX_RANK] = {0};
    if (!read_spatial_pads(pad, last ? 1 : 2, spatial, pads) ||
        (!fill_fits(pad, op) && !zeros_never_win(pad, op, pads, spatial))) {
        return HMLC_OK;
    }
    return build_padded(rewriter, op, pad, pads);
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_COUNT, HMLC_TRAIT_WINDOW, fold_pad},
};

const hmlc_rewrite_rules hmlc_fold_pads = HMLC_RULES(rules);

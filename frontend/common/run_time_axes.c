/* SPDX-License-Identifier: Apache-2.0 */
#include "run_time_axes.h"

static const hmlc_dim *bind(hmlc_node *node, const hmlc_value *x, hmlc_value *axes, int64_t mode,
                            uint32_t *count)
{
    hmlc_emitter *emit = &node->emit;
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    hmlc_value *shape = hmlc_emit_shape(emit, x);
    hmlc_value *dims = hmlc_emit(emit, HMLC_OP_axes_dims, HMLC_OPERANDS(shape, axes),
                                 HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axes_mode, mode)));
    return hmlc_emit_bind(emit, dims, "along", 0, HMLC_DIM_UNBOUNDED, 3 * HMLC_MAX_RANK, count);
}

const hmlc_dim *hmlc_node_axes_dims(hmlc_node *node, const hmlc_value *x, hmlc_value *axes,
                                    int64_t mode, uint32_t *rank)
{
    return bind(node, x, axes, mode, rank);
}

const hmlc_dim *hmlc_node_axes_split(hmlc_node *node, const hmlc_value *x, hmlc_value *axes)
{
    uint32_t count = 0;
    return bind(node, x, axes, HMLC_AXES_SPLIT, &count);
}

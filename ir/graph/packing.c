/* SPDX-License-Identifier: Apache-2.0 */
/* Packed panels: what ops say of them. */
#include <hmlc/packing.h>

hmlc_pack_layout hmlc_pack_layout_of(const hmlc_op *op)
{
    return (hmlc_pack_layout){.width = hmlc_op_int(op, HMLC_ATTR_panel_width),
                              .group = hmlc_op_int(op, HMLC_ATTR_depth_group)};
}

hmlc_pack_layout hmlc_pack_layout_for(hmlc_dtype left, hmlc_dtype right, hmlc_dtype sums)
{
    hmlc_pack_layout layout = hmlc_pack_layout_default();
    if (hmlc_dtype_bytes(left) == 1 && hmlc_dtype_bytes(right) == 1 && sums == HMLC_DTYPE_i32) {
        layout.group = 4;
    }
    return layout;
}

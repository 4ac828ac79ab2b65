/* SPDX-License-Identifier: Apache-2.0 */
/* Packed panels: what ops say of them. */
#include <hmlc/packing.h>

hmlc_pack_layout hmlc_pack_layout_of(const hmlc_op *op)
{
    return (hmlc_pack_layout){.width = hmlc_op_int(op, HMLC_ATTR_panel_width),
                              .group = hmlc_op_int(op, HMLC_ATTR_depth_group)};
}

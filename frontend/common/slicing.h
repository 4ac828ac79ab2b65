/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a tensor: by starts and ends, and TensorFlow's way with masks. */
#ifndef HMLC_SLICING_H
#define HMLC_SLICING_H

#include "node.h"

/*
 * Elements [starts, ends) of the axes, as ONNX's Slice has it: i64 lists, of which `axes` (all from
 * the first on) and `steps` (1) may be NULL. The shape function slice_dims resolves them; it folds
 * where they are known.
 */
hmlc_value *hmlc_node_slice(hmlc_node *node, hmlc_value *x, hmlc_value *starts, hmlc_value *ends,
                            hmlc_value *axes, hmlc_value *steps);

/* TensorFlow's StridedSlice: bit k of a mask speaks of entry k of the lists. */
typedef struct hmlc_strided_slice {
    int64_t begin_mask, end_mask; /* from the first element, to the last */
    int64_t ellipsis_mask;        /* as many whole dims as are missing */
    int64_t new_axis_mask;        /* a dim of 1 that x has not */
    int64_t shrink_axis_mask;     /* one element; its dim goes */
    bool relative;                /* ends count from the begin */
} hmlc_strided_slice;
/* The lists are integer tensors of one static length; the strides must be constants. */
hmlc_value *hmlc_node_strided_slice(hmlc_node *node, hmlc_value *x, hmlc_value *begins,
                                    hmlc_value *ends, hmlc_value *strides,
                                    const hmlc_strided_slice *masks);

#endif

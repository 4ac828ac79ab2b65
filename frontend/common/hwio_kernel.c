/* SPDX-License-Identifier: Apache-2.0 */
#include "hwio_kernel.h"

hmlc_value *hmlc_emit_hwio_kernel(hmlc_emitter *emit, hmlc_value *kernel, int64_t layout)
{
    int64_t permutation[HMLC_MAX_RANK];
    if (emit->status != HMLC_OK) {
        return NULL;
    }
    int32_t spatial = kernel->type->rank - 2, first = layout == HMLC_LAYOUT_CHANNELS_LAST ? 1 : 2;
    permutation[0] = spatial + 1;
    permutation[layout == HMLC_LAYOUT_CHANNELS_LAST ? spatial + 1 : 1] = spatial;
    for (int32_t i = 0; i < spatial; i++) {
        permutation[first + i] = i;
    }
    return hmlc_emit_transpose(emit, kernel, permutation);
}

hmlc_value *hmlc_emit_depthwise_kernel(hmlc_emitter *emit, hmlc_value *kernel, int64_t layout)
{
    int64_t permutation[HMLC_MAX_RANK];
    hmlc_dim shape[HMLC_MAX_RANK];
    if (emit->status != HMLC_OK) {
        return NULL;
    }
    int32_t rank = kernel->type->rank, spatial = rank - 2;
    const hmlc_dim *dims = kernel->type->dims;
    int32_t first = layout == HMLC_LAYOUT_CHANNELS_LAST ? 1 : 2;
    for (int32_t i = 0; i < spatial; i++) {
        permutation[i + 2] = i;
        shape[first + i] = dims[i];
    }
    permutation[0] = spatial;
    permutation[1] = spatial + 1;
    shape[0] = hmlc_dim_multiply(hmlc_emit_table(emit), dims[spatial], dims[spatial + 1]);
    shape[layout == HMLC_LAYOUT_CHANNELS_LAST ? rank - 1 : 1] = hmlc_emit_number(emit, 1);
    kernel = hmlc_emit_transpose(emit, kernel, permutation);
    return kernel != NULL ? hmlc_emit_reshape(emit, kernel, shape, (uint32_t)rank) : NULL;
}

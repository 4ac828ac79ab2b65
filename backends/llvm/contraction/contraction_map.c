/* SPDX-License-Identifier: Apache-2.0 */
/* Accesses over the result space of a contraction, and row indices into them. */
#include "contraction.h"

void hmlc_access_broadcast(hmlc_dims *dims, const hmlc_access *from, int32_t rank,
                           const hmlc_dim *shape, hmlc_access *to)
{
    hmlc_dim zero = hmlc_dim_constant(dims, 0), one = hmlc_dim_constant(dims, 1);
    *to = (hmlc_access){.rank = rank, .offset = from->offset};
    for (int32_t k = 0; k < rank; k++) {
        int32_t source = k - (rank - from->rank);
        to->dims[k] = shape[k];
        to->strides[k] = zero;
        if (source < 0 || hmlc_dim_is(from->dims[source], 1)) {
            continue;
        }
        to->strides[k] = from->strides[source];
        /* Not provably equal: the dim may turn out to be 1. */
        if (!hmlc_dim_known_equal(dims, from->dims[source], shape[k])) {
            hmlc_dim single = hmlc_dim_equal(dims, from->dims[source], one);
            to->strides[k] = hmlc_dim_select(dims, single, zero, from->strides[source]);
        }
    }
}

/* Outer dim and inner dim of an access as one: every index advances by the inner stride. */
static bool merges(hmlc_dims *dims, hmlc_dim outer_stride, hmlc_dim inner_dim,
                   hmlc_dim inner_stride)
{
    return hmlc_dim_known_equal(dims, outer_stride,
                                hmlc_dim_multiply(dims, inner_dim, inner_stride));
}

void hmlc_row_map_create(hmlc_dims *dims, const hmlc_access *access, int32_t first, int32_t last,
                         hmlc_row_map *map)
{
    map->count = 0;
    for (int32_t k = first; k < last; k++) {
        hmlc_dim dim = access->dims[k], stride = access->strides[k];
        if (hmlc_dim_is(dim, 1)) {
            continue;
        }
        int32_t top = map->count - 1;
        if (top >= 0 && merges(dims, map->strides[top], dim, stride)) {
            map->dims[top] = hmlc_dim_multiply(dims, map->dims[top], dim);
            map->strides[top] = stride;
            continue;
        }
        map->dims[map->count] = dim;
        map->strides[map->count++] = stride;
    }
}

LLVMValueRef hmlc_row_map_offset(hmlc_frame *frame, const hmlc_row_map *map, LLVMValueRef index)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef offset = hmlc_frame_int(frame, 0);
    for (int32_t k = map->count; k-- > 0;) {
        LLVMValueRef part = index;
        if (k > 0) {
            LLVMValueRef dim = hmlc_frame_dim(frame, map->dims[k]);
            part = LLVMBuildURem(builder, index, dim, "");
            index = LLVMBuildUDiv(builder, index, dim, "");
        }
        LLVMValueRef stride = hmlc_frame_dim(frame, map->strides[k]);
        offset = LLVMBuildAdd(builder, offset, LLVMBuildMul(builder, part, stride, ""), "");
    }
    return offset;
}

LLVMValueRef hmlc_contraction_units_begin(hmlc_frame *frame, hmlc_frame_loop *loop, hmlc_dim first,
                                          hmlc_dim units)
{
    LLVMValueRef begin = hmlc_frame_dim(frame, first);
    LLVMValueRef end = LLVMBuildAdd(frame->builder, begin, hmlc_frame_dim(frame, units), "");
    LLVMValueRef last = hmlc_frame_minimum(frame, frame->end, end);
    hmlc_frame_loop_begin(frame, loop, hmlc_frame_maximum(frame, frame->begin, begin), last, 1,
                          NULL, 0);
    return LLVMBuildSub(frame->builder, loop->index, begin, "");
}

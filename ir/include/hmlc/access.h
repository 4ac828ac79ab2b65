/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access maps: how the elements of a tensor seen through view ops (transpose, slice, expand,
 * reshape) lie in the memory below. Element (i0, i1, ...) of the view is element offset + sum(i_k *
 * strides[k]) of the base. Shared by the passes (may this view be fused?) and the backends (which
 * address is it?).
 */
#ifndef HMLC_ACCESS_H
#define HMLC_ACCESS_H

#include <hmlc/graph.h>

typedef struct hmlc_access {
    int32_t rank;
    hmlc_dim dims[HMLC_MAX_RANK];
    hmlc_dim strides[HMLC_MAX_RANK]; /* elements; 0 where broadcast */
    hmlc_dim offset;                 /* elements */
} hmlc_access;

/* Dense row-major map of a shape; with storage strides when the value has them. */
void hmlc_access_of_type(hmlc_dims *dims, const hmlc_type *type, hmlc_access *access);
void hmlc_access_of_value(hmlc_dims *dims, const hmlc_value *value, hmlc_access *access);

/*
 * The map of `view`'s result, given its operand's map. False where it is not affine (a reshape that
 * merges dims that do not lie behind each other). `view` has the VIEW trait.
 */
bool hmlc_access_compose(hmlc_dims *dims, const hmlc_op *view, const hmlc_access *operand,
                         hmlc_access *result);

/*
 * The other way, for stores: given the map of `view`'s result in memory, the map through which its
 * operand's elements are stored. Only transpose and reshape (one-to-one views); false otherwise or
 * where it is not affine.
 */
bool hmlc_access_invert(hmlc_dims *dims, const hmlc_op *view, const hmlc_access *result,
                        hmlc_access *operand);

/*
 * Reshape as groups: splits the operand's and result's dims into the finest runs with provably
 * equal products. Returns the number of groups (0 when not provable); group g covers operand dims
 * [operand_ends[g-1], operand_ends[g]) and likewise the result.
 */
int32_t hmlc_reshape_groups(hmlc_dims *dims, const hmlc_type *operand, const hmlc_type *result,
                            int32_t operand_ends[HMLC_MAX_RANK + 1],
                            int32_t result_ends[HMLC_MAX_RANK + 1]);

#endif

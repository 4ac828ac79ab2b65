/* SPDX-License-Identifier: Apache-2.0 */
/* Grouping of elements by the axes that an op reduces. */
#ifndef HMLC_REDUCE_EVAL_H
#define HMLC_REDUCE_EVAL_H

#include <hmlc/eval.h>

/*
 * Strides that give, at an element's index, the number of its group: the elements that differ in
 * the attribute `axes` alone. group_size is their number.
 */
void hmlc_eval_group_strides(const hmlc_tensor *x, const hmlc_op *op, int64_t *strides,
                             int64_t *groups, int64_t *group_size);

#endif

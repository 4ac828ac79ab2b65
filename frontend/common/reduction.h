/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions over axes that are constants or known only at run time. */
#ifndef HMLC_REDUCTION_H
#define HMLC_REDUCTION_H

#include "run_time_axes.h"

typedef struct hmlc_axis_list {
    int64_t list[HMLC_MAX_RANK];
    uint32_t count;
    bool keep_dims;
    bool nothing;          /* no axis: the input as it is */
    hmlc_value *run_time;  /* known only at run time: i64[count] in place of the list */
    const hmlc_dim *split; /* of those: hmlc_node_axes_split */
} hmlc_axis_list;

/* The axes of input 0 that input `input` or, where it does not exist, attribute `name` (NULL: none)
 * gives. None given means all, or none at all where empty_is_none. */
hmlc_axis_list hmlc_node_reduced_axes(hmlc_node *node, uint32_t input, const char *name,
                                      bool keep_dims, bool empty_is_none);
hmlc_value *hmlc_node_reduce(hmlc_node *node, hmlc_opcode opcode, hmlc_value *x,
                             const hmlc_axis_list *axes);
/* log(sum(exp(x))) of a float. */
hmlc_value *hmlc_node_log_sum_exp(hmlc_node *node, hmlc_value *x, const hmlc_axis_list *axes);
/* arg_max or arg_min: i64. */
hmlc_value *hmlc_emit_arg_reduce(hmlc_emitter *emit, hmlc_opcode opcode, hmlc_value *x,
                                 int64_t axis, bool keep_dims, bool select_last);

#endif

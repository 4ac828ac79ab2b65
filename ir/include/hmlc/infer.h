/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inference and verification: one function per row of ops.def. It checks operands and attributes
 * (reporting every contradiction with hmlc_error_add) and sets the results' types and known
 * elements.
 */
#ifndef HMLC_INFER_H
#define HMLC_INFER_H

#include <hmlc/graph.h>

typedef struct hmlc_infer {
    hmlc_module *module;
    /* Operands, attributes and regions are set. Results are not, or are those of an earlier
     * inference (when it runs again, and when text is parsed): symbols made then are kept. */
    hmlc_op *op;
    /*
     * Out: result_count entries to fill. Where the op's row limits the results, the arrays are
     * sized and result_count is the most it may have; the function may lower it to what the row
     * allows. ANY: the function sizes them.
     */
    uint32_t result_count;
    const hmlc_type **types;
    const hmlc_dim **elements; /* may stay NULL per result */
} hmlc_infer;

#define HMLC_OP(name, operands, results, traits, cost, infer, eval, attributes)                    \
    hmlc_status hmlc_infer_##infer(hmlc_infer *context);
#include <hmlc/ops.def>
#undef HMLC_OP

/* Numpy broadcast of two shapes; unproven equalities are recorded as run-time checks where one side
 * is not provably 1. */
/* Puts the failure of the module's table of dims into words: `what` is "a dim of concat". Returns
 * its status. */
hmlc_status hmlc_infer_report_dims(hmlc_module *module, const hmlc_location *location,
                                   const char *what);
hmlc_status hmlc_infer_broadcast(hmlc_module *module, const hmlc_location *location, int32_t rank_a,
                                 const hmlc_dim *dims_a, int32_t rank_b, const hmlc_dim *dims_b,
                                 int32_t *rank, hmlc_dim *dims) HMLC_MUST_USE;

#endif

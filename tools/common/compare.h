/* SPDX-License-Identifier: Apache-2.0 */
/* Whether two tensors are equal within a tolerance. */
#ifndef HML_COMPARE_H
#define HML_COMPARE_H

#include <hml/hml.h>
#include <stdbool.h>

typedef struct hml_tolerance {
    double rtol; /* negative: 1e-3, and for bf16 two of its steps, 2^-6, as the standard's runner */
    double atol; /* negative: the larger of 1e-5 and 2e-5 times the largest |expected| */
} hml_tolerance;

static const hml_tolerance hml_tolerance_default = {-1.0, -1.0};

typedef struct hml_comparison {
    bool equal;
    bool same_type, same_shape; /* when false the rest is 0 */
    size_t count, differing;    /* elements; those out of tolerance */
    size_t worst; /* index of the element with the largest excess over its tolerance */
    double worst_found, worst_expected;
    double largest_difference; /* over all finite pairs */
    double rtol, atol;         /* that were used */
} hml_comparison;

/*
 * Floats lie within atol + rtol * |expected|; NaN equals NaN, an infinity equals itself; integers
 * and bools are equal exactly.
 */
void hml_tensor_compare(const hml_tensor *found, const hml_tensor *expected,
                        const hml_tolerance *tolerance, hml_comparison *comparison);

/*
 * Tolerance from --rtol and --atol, the default where they are not given. Returns the name of an
 * option whose value is no number >= 0, NULL when all is well.
 */
struct hml_options;
const char *hml_tolerance_from_options(const struct hml_options *options, hml_tolerance *tolerance);

#endif

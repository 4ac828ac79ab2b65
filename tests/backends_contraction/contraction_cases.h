/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the contraction tests: headers in cmocka's order, constants and inputs by shape. */
#ifndef CONTRACTION_CASES_H
#define CONTRACTION_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel_graph.h"
#include "kernel_harness.h"

/* Rounding of a few hundred products of numbers around 1. */
static const harness_tolerance close_enough = {2e-5, 2e-5};

typedef struct contraction_case {
    kernel_graph graph;
    kernel_random random;
    hmlc_tensor inputs[16];
    uint32_t input_count;
} contraction_case;

contraction_case case_begin(uint64_t seed);
/* Random numbers: floats up to 1, integers up to 9; `sizes` are numbers, blank separated. */
hmlc_tensor case_tensor(contraction_case *test, hmlc_dtype dtype, const char *sizes);
/* A run-time operand; `dims` as in kernel_graph_input, `sizes` are the numbers for this run, blank
 * separated, NULL where dims are numbers already. */
hmlc_value *case_input(contraction_case *test, hmlc_dtype dtype, const char *dims,
                       const char *sizes);
hmlc_value *case_constant(contraction_case *test, hmlc_dtype dtype, const char *dims);
/* Closes the kernel, checks it on every target that runs here, and frees the graph. */
void case_verify(contraction_case *test, int64_t form, hmlc_value *result);
void case_verify_all(contraction_case *test, int64_t form, hmlc_value *const *results,
                     uint32_t count, harness_tolerance tolerance);

#endif

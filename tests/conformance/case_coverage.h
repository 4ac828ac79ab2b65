/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows of the ONNX operator table have cases: by operator and opset, as the models say. */
#ifndef CASE_COVERAGE_H
#define CASE_COVERAGE_H

#include "bundle.h"

/* One row: an operator's definition between two opsets. */
typedef struct covered_row {
    const char *name;
    int32_t since, until;
    uint32_t at_lowest, at_highest; /* cases */
} covered_row;

/* The rows of frontend/onnx/onnx_ops.def with an import rule. */
covered_row *coverage_rows(uint32_t *count);
/* Counts a case for its row. False when no row fits it. */
bool coverage_add(covered_row *rows, uint32_t count, const bundle_case *tested);
/* Rows without a case at their lowest or highest opset; each is printed. */
uint32_t coverage_missing(const covered_row *rows, uint32_t count);

#endif

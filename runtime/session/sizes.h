/* SPDX-License-Identifier: Apache-2.0 */
/* Dim values for named dims, without inputs: what size queries and reservations need. */
#ifndef HML_SIZES_H
#define HML_SIZES_H

#include "session/dims.h"

/* What a symbol that is not named gets. */
typedef enum hml_dim_default {
    HML_DIM_SMALLEST, /* the smallest admitted value of at least 1 */
    HML_DIM_LARGEST,  /* its bound if it has one, else the smallest */
} hml_dim_default;

/*
 * Evaluates the entry slots of the chosen program into *values (from the model's allocator:
 * hml_sizes_release). Errors: out_of_memory, symbol_unknown, dim_range, dim_overflow, bad_argument.
 */
hml_status hml_sizes_evaluate(const hml_model *model, const hml_dim *dims, uint32_t dim_count,
                              hml_dim_default fallback, int64_t **values, hml_message message);
/* The same in the caller's hml_sizes_bytes, aligned to 8. */
hml_status hml_sizes_evaluate_into(const hml_model *model, const hml_dim *dims, uint32_t dim_count,
                                   hml_dim_default fallback, int64_t *values, hml_message message);
size_t hml_sizes_bytes(const hml_model *model);
void hml_sizes_release(const hml_model *model, int64_t *values);

#endif

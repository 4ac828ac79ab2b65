/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of dim expressions: plain checked integer arithmetic over slots. */
#ifndef HML_DIMS_H
#define HML_DIMS_H

#include "loader/model.h"

/* Where the values that are not computed come from. */
typedef struct hml_dim_source {
    void *context;
    /* Dim `dim` of input `input`. */
    int64_t (*input_dim)(void *context, uint32_t input, uint32_t dim);
    /* Element `element` of the i64 tensor at operand record `operand`; NULL: there are none. */
    hml_status (*element)(void *context, uint32_t operand, uint32_t element, int64_t *value);
    const uint8_t *given; /* slots that hold their value already; NULL: none */
    bool changed;         /* set when a slot gets another value than it had */
} hml_dim_source;

/*
 * Evaluates slots [first, end) into values. On failure *failed is the slot that could not be
 * computed (overflow, division by zero: HML_ERROR_dim_overflow; a run-time symbol out of its range:
 * HML_ERROR_dim_range, and the slot holds the value; or what `element` said), and earlier slots are
 * valid.
 */
hml_status hml_dims_evaluate(const hml_model *model, uint32_t first, uint32_t end,
                             hml_dim_source *source, int64_t *values, uint32_t *failed);

/* True when value lies in the symbol's range and is a multiple of its divisor. */
bool hml_symbol_admits(const hml_symbol_record *symbol, int64_t value);

/* Writes "1..8", "at least 1", "a multiple of 8 ..." for messages. */
void hml_symbol_range_text(const hml_symbol_record *symbol, char *text, size_t bytes);

/* Slots of an output's dims in the chosen program. */
const uint32_t *hml_output_slots(const hml_model *model, uint32_t index);

/* Dims of a tensor from its slots; slots at or behind `known` give -1. */
void hml_tensor_dims(const uint32_t *slots, uint32_t rank, const int64_t *values, uint32_t known,
                     int64_t *dims);

#endif

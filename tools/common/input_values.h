/* SPDX-License-Identifier: Apache-2.0 */
/* Values of inputs that come from no file: random, in a range, or one number. */
#ifndef HML_INPUT_VALUES_H
#define HML_INPUT_VALUES_H

#include "options.h"
#include "tool_error.h"

/*
 * Fills a tensor for input `name`, as --fill NAME=V or --range NAME=LOW..HIGH say, else as
 * hml_tensor_randomize does. Ranges hold both ends for integers; floats stay below the upper one.
 * *state moves on by the same steps in any case.
 */
hml_status hml_input_values_fill(const hml_options *options, const char *name,
                                 const hml_tensor *tensor, uint64_t *state, hml_tool_error *error);

/* The n-th name that --fill (range: false) or --range gives values for: a prefix of the option's
 * word, *length bytes; NULL: there are no more. */
const char *hml_input_values_name(const hml_options *options, bool range, size_t n, size_t *length);

#endif

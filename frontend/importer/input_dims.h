/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dims of inputs: texts in a model, and --dim options. Prepare sees the texts of all inputs
 * before a type is made: one such as "s16 + 1" is an expression when some input names s16 alone,
 * else a symbol of its own. A text that says "not known" is none at all: that dim of `input` has no
 * name. Finish reports options that name no dim. NULL: no memory.
 */
#ifndef HMLC_INPUT_DIMS_H
#define HMLC_INPUT_DIMS_H

#include "importer.h"

/* Once for each import, also where no dim has a text. */
hmlc_status hmlc_input_dims_prepare(hmlc_importer *importer, const char *const *texts,
                                    size_t count) HMLC_MUST_USE;
hmlc_dim hmlc_input_dim_named(hmlc_importer *importer, const char *text, const char *input,
                              uint32_t index);
hmlc_dim hmlc_input_dim_unnamed(hmlc_importer *importer, const char *input, uint32_t index);
void hmlc_input_dims_finish(hmlc_importer *importer);

#endif

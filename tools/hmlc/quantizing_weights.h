/* SPDX-License-Identifier: Apache-2.0 */
/* `quantize --to weights-int8` and `compile --quantize weights-int8`: weights alone, no samples. */
#ifndef HMLC_QUANTIZING_WEIGHTS_H
#define HMLC_QUANTIZING_WEIGHTS_H

#include "quantizing.h"

/* "weights-int8" or "weights-int4"; false: another word. */
bool hmlc_weights_alone_word(const char *word, hmlc_quantize_bits *bits);
/* Options that speak of samples, given with such a word, are refused: the exit status. `keep` as in
 * hmlc_quantizing_word. */
int hmlc_weights_alone_check(const hml_options *options, hml_report *report, const char *keep);
/* The model behind its neutral passes, its weights in so many bits; the exit status. */
int hmlc_weights_alone_open(hmlc_job *job, hmlc_request *request, const char *output,
                            hmlc_quantize_bits bits);

/* The whole of `quantize --to`; the exit status. */
int hmlc_weights_alone_quantize(const hml_options *options, hml_report *report, const char *output,
                                hmlc_quantize_bits bits);

#endif

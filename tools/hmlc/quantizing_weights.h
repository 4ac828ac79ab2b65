/* SPDX-License-Identifier: Apache-2.0 */
/* `quantize --to weights-int8` or f16, and `compile --quantize weights-int8`: weights alone, no
 * samples. */
#ifndef HMLC_QUANTIZING_WEIGHTS_H
#define HMLC_QUANTIZING_WEIGHTS_H

#include "quantizing.h"

/* What the weights become: halves, or integers where `halves` is HMLC_WEIGHTS_F32. */
typedef struct hmlc_weights_alone {
    const char *word;
    hmlc_weight_type halves;
    hmlc_quantize_bits bits;
} hmlc_weights_alone;

/* NULL: another word, or NULL. */
const hmlc_weights_alone *hmlc_weights_alone_find(const char *word);
/* Options that speak of samples, given with such a word, are refused: the exit status. `keep` as in
 * hmlc_quantizing_word. */
int hmlc_weights_alone_check(const hml_options *options, hml_report *report, const char *keep);
/* The model behind its neutral passes, its weights stored so; the exit status. */
int hmlc_weights_alone_open(hmlc_job *job, hmlc_request *request, const char *output,
                            const hmlc_weights_alone *alone);

/* The whole of `quantize --to`; the exit status. */
int hmlc_weights_alone_quantize(const hml_options *options, hml_report *report, const char *output,
                                const hmlc_weights_alone *alone);

#endif

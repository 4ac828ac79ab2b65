/* SPDX-License-Identifier: Apache-2.0 */
/* `quantize --to weights-int8` or f16, and `compile --quantize weights-int8`: weights alone, with
 * samples or without. */
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
/* What the way from options to stored weights holds besides the job. */
typedef struct hmlc_weights_work {
    const hml_options *options;
    const hmlc_weights_alone *alone;
    hmlc_sample_set samples;
    hmlc_weights_result result;
} hmlc_weights_work;

/* Options that have no meaning with such a word are refused: the exit status. `keep` as in
 * hmlc_quantizing_word. */
int hmlc_weights_alone_check(const hml_options *options, hml_report *report, const char *keep,
                             const hmlc_weights_alone *alone);
/* The model behind its neutral passes, its weights stored so, by the samples of --calib where they
 * are given; the exit status. The samples stay until hmlc_samples_release. */
int hmlc_weights_alone_open(hmlc_job *job, hmlc_request *request, const char *output,
                            hmlc_weights_work *work);
/* Tells what samples say of the weights; nothing without samples. */
void hmlc_weights_alone_tell(const hmlc_weights_work *work, hml_report *report);

/* The whole of `quantize --to`; the exit status. */
int hmlc_weights_alone_quantize(const hml_options *options, hml_report *report, const char *output,
                                const hmlc_weights_alone *alone);

#endif

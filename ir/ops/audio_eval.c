/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of wav_header and mel_weights: audio_rules.h. */
#include <hmlc/audio_rules.h>

#include "eval_tools.h"

hmlc_status hmlc_eval_wav_header(hmlc_eval *context)
{
    const hmlc_tensor *bytes = context->operands[0];
    int64_t wrong =
        hmlc_wav_read(bytes->data, bytes->dims[0], hmlc_eval_data(&context->results[0]));
    return wrong < 0 ? HMLC_OK
                     : hmlc_eval_fail(context, HMLC_ERROR_value_invalid,
                                      "the bytes are no WAV file of 16-bit samples: byte %lld",
                                      (long long)wrong);
}

hmlc_status hmlc_eval_mel_weights(hmlc_eval *context)
{
    hmlc_tensor *weights = &context->results[0];
    const hmlc_mel_rule rule = {.rate = (double)hmlc_tensor_get_int(context->operands[0], 0),
                                .lower = hmlc_op_float(context->op, HMLC_ATTR_lower_hertz),
                                .upper = hmlc_op_float(context->op, HMLC_ATTR_upper_hertz),
                                .bins = weights->dims[0],
                                .channels = weights->dims[1]};
    if (!hmlc_mel_fits(&rule)) {
        return hmlc_eval_fail(context, HMLC_ERROR_value_invalid,
                              "%g samples a second hold no %g hertz", rule.rate, rule.upper);
    }
    float *data = hmlc_eval_data(weights);
    for (int64_t i = 0; i < rule.bins * rule.channels; ++i) {
        data[i] = (float)hmlc_mel_weight(&rule, i / rule.channels, i % rule.channels);
    }
    return HMLC_OK;
}

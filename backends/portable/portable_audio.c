/* SPDX-License-Identifier: Apache-2.0 */
/* wav_header, mel_weights. */
#include <hmlc/audio_rules.h>

#include "portable_kernel.h"

int32_t hml_portable_wav_header(const portable_call *call);
int32_t hml_portable_mel_weights(const portable_call *call);

/* tensors: bytes, the file's parts. */
int32_t hml_portable_wav_header(const portable_call *call)
{
    int64_t wrong = hmlc_wav_read(call->tensors[0].data, call->tensors[0].dims[0],
                                  portable_integers(&call->tensors[1]));
    call->detail[0] = wrong;
    return wrong < 0 ? HML_KERNEL_OK : HML_KERNEL_VALUE;
}

/* tensors: samples a second, weights; attributes: 2, bins, channels, lower, upper. A unit is a
 * bin. */
int32_t hml_portable_mel_weights(const portable_call *call)
{
    int64_t rate = portable_integer(&call->tensors[0], 0);
    const hmlc_mel_rule rule = {.rate = (double)rate,
                                .lower = portable_double(call->attributes[3]),
                                .upper = portable_double(call->attributes[4]),
                                .bins = call->attributes[1],
                                .channels = call->attributes[2]};
    if (!hmlc_mel_fits(&rule)) {
        call->detail[0] = rate;
        return HML_KERNEL_VALUE;
    }
    float *weights = call->tensors[1].data;
    for (int64_t bin = call->begin; bin < call->end; bin++) {
        for (int64_t k = 0; k < rule.channels; k++) {
            weights[bin * rule.channels + k] = (float)hmlc_mel_weight(&rule, bin, k);
        }
    }
    return HML_KERNEL_OK;
}

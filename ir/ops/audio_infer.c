/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of wav_header and mel_weights. */
#include <hmlc/audio_rules.h>

#include "infer_tools.h"

hmlc_status hmlc_infer_wav_header(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *bytes = hmlc_infer_operand(context, 0, HMLC_ACCEPT_INTEGER, &status);
    hmlc_infer_rank(context, 0, bytes, 1, 1, &status);
    if (bytes != NULL && bytes->dtype != HMLC_DTYPE_u8) {
        hmlc_infer_fail(context, &status, "takes the bytes of a file, u8, not %s",
                        hmlc_dtype_name(bytes->dtype));
    }
    HMLC_TRY(status);
    hmlc_dim parts = hmlc_infer_number(context, HMLC_WAV_PARTS);
    hmlc_infer_result(context, 0, HMLC_DTYPE_i64, 1, &parts, &status);
    return status;
}

hmlc_status hmlc_infer_mel_weights(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *rate = hmlc_infer_operand(context, 0, HMLC_ACCEPT_INTEGER, &status);
    const hmlc_attr *shape = hmlc_infer_list(context, HMLC_ATTR_shape, 2, &status);
    double lower = hmlc_op_float(context->op, HMLC_ATTR_lower_hertz);
    double upper = hmlc_op_float(context->op, HMLC_ATTR_upper_hertz);
    hmlc_infer_rank(context, 0, rate, 0, 0, &status);
    if (!(lower >= 0 && upper > lower && upper < 1e6)) {
        hmlc_infer_fail(context, &status, "a scale from %g to %g hertz", lower, upper);
    }
    HMLC_TRY(status);
    int64_t bins = 0, channels = 0;
    if (!hmlc_dim_is_constant(shape->as.dims[0], &bins) ||
        !hmlc_dim_is_constant(shape->as.dims[1], &channels) || bins < 2 || channels < 1) {
        hmlc_infer_fail(context, &status, "%s channels of %s bins",
                        hmlc_infer_dim_text(context, shape->as.dims[1]),
                        hmlc_infer_dim_text(context, shape->as.dims[0]));
        return status;
    }
    hmlc_infer_result(context, 0, HMLC_DTYPE_f32, 2, shape->as.dims, &status);
    return status;
}

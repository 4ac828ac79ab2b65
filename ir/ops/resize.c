/* Inference of resize. */
#include "infer_tools.h"

hmlc_status hmlc_infer_resize(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_NUMERIC, &status);
    if (x == NULL) {
        return status;
    }
    const hmlc_attr *sizes = hmlc_infer_list(context, HMLC_ATTR_sizes, x->rank, &status);
    if (hmlc_op_attr(context->op, HMLC_ATTR_scales) != NULL) {
        const hmlc_attr *scales = hmlc_infer_list(context, HMLC_ATTR_scales, x->rank, &status);
        for (uint32_t i = 0; scales != NULL && i < scales->count; ++i) {
            if (!(scales->as.reals[i] > 0)) {
                hmlc_infer_fail(context, &status, "scale %u is %g; expected a positive number", i,
                                scales->as.reals[i]);
            }
        }
    }
    bool crop =
        hmlc_op_int(context->op, HMLC_ATTR_coordinates) == HMLC_COORDINATES_TF_CROP_AND_RESIZE;
    if (crop || hmlc_op_attr(context->op, HMLC_ATTR_region_of_interest) != NULL) {
        hmlc_infer_list(context, HMLC_ATTR_region_of_interest, 2 * (int64_t)x->rank, &status);
    }
    if (sizes != NULL) {
        hmlc_infer_result(context, 0, x->dtype, x->rank, sizes->as.dims, &status);
    }
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of resize. */
#include "infer_tools.h"

hmlc_sampling hmlc_resize_sampling(const hmlc_op *op)
{
    return (hmlc_sampling){
        .mode = hmlc_op_int(op, HMLC_ATTR_resize_mode),
        .coordinates = hmlc_op_int(op, HMLC_ATTR_coordinates),
        .nearest_mode = hmlc_op_int(op, HMLC_ATTR_nearest_mode),
        .exclude_outside = hmlc_op_int(op, HMLC_ATTR_exclude_outside),
        .antialias = hmlc_op_int(op, HMLC_ATTR_antialias),
        .cubic_coefficient = hmlc_op_float(op, HMLC_ATTR_cubic_coefficient),
    };
}

static void check_scales(const hmlc_infer *context, int64_t rank, hmlc_status *status)
{
    if (hmlc_op_attr(context->op, HMLC_ATTR_scales) == NULL) {
        return;
    }
    const hmlc_attr *scales = hmlc_infer_list(context, HMLC_ATTR_scales, rank, status);
    for (uint32_t i = 0; scales != NULL && i < scales->count; ++i) {
        if (!(scales->as.reals[i] > 0)) {
            hmlc_infer_fail(context, status, "scale %u is %g; expected a positive number", i,
                            scales->as.reals[i]);
        }
    }
}

/* Numbers known only at run time: one dim of `length`, in the place of an attribute. */
static bool check_operand(const hmlc_infer *context, uint32_t index, hmlc_attr_name attribute,
                          int64_t length, hmlc_status *status)
{
    const hmlc_type *type = hmlc_infer_optional(context, index, HMLC_ACCEPT_FLOAT, status);
    hmlc_dim dim = hmlc_infer_number(context, length);
    if (type == NULL) {
        return false;
    }
    hmlc_infer_shape(context, index, type, 1, &dim, status);
    if (hmlc_op_attr(context->op, attribute) != NULL) {
        hmlc_infer_fail(context, status, "operand %u and attribute '%s' are both given", index,
                        hmlc_attr_name_text(attribute));
    }
    return true;
}

hmlc_status hmlc_infer_resize(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_NUMERIC, &status);
    if (x == NULL) {
        return status;
    }
    const hmlc_attr *sizes = hmlc_infer_list(context, HMLC_ATTR_sizes, x->rank, &status);
    check_scales(context, x->rank, &status);
    (void)check_operand(context, 1, HMLC_ATTR_scales, x->rank, &status);
    bool crop =
        hmlc_op_int(context->op, HMLC_ATTR_coordinates) == HMLC_COORDINATES_TF_CROP_AND_RESIZE;
    bool given =
        check_operand(context, 2, HMLC_ATTR_region_of_interest, 2 * (int64_t)x->rank, &status);
    if (!given && (crop || hmlc_op_attr(context->op, HMLC_ATTR_region_of_interest) != NULL)) {
        hmlc_infer_list(context, HMLC_ATTR_region_of_interest, 2 * (int64_t)x->rank, &status);
    }
    if (sizes != NULL) {
        hmlc_infer_result(context, 0, x->dtype, x->rank, sizes->as.dims, &status);
    }
    return status;
}

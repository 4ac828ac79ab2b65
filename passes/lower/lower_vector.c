/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lowering of a single row times a dynamic matrix: a reduction that reads the matrix once, where
 * packing it into panels would read and write it before the product does.
 */
#include "lower.h"

#include <hmlc/packing.h>

static hmlc_dim inner_dim(const lower_product *of)
{
    const hmlc_type *a = of->a->type;
    return a->dims[a->rank - (of->transpose_a != 0 ? 2 : 1)];
}

static bool is_row(const lower_product *of)
{
    const hmlc_type *a = of->a->type;
    return hmlc_dim_is(a->dims[a->rank - (of->transpose_a != 0 ? 1 : 2)], 1) &&
           hmlc_dtype_is_float(a->dtype) && !hmlc_right_is_constant(of->b);
}

/* sum over k of a[.., k] * b[.., n, k], or * b[.., k, n]; the result has the row's dim dropped. */
hmlc_status hmlc_lower_row_product(hmlc_builder *builder, const lower_product *of,
                                   hmlc_value **result)
{
    *result = NULL;
    if (!is_row(of)) {
        return HMLC_OK;
    }
    const hmlc_type *a = of->a->type;
    hmlc_dim shape[HMLC_MAX_RANK];
    for (int32_t i = 0; i < a->rank; i++) {
        shape[i] = a->dims[i];
    }
    hmlc_dim one = hmlc_dim_constant(builder->module->dims, 1), inner = inner_dim(of);
    shape[a->rank - 2] = of->transpose_b != 0 ? one : inner;
    shape[a->rank - 1] = of->transpose_b != 0 ? inner : one;
    hmlc_value *row = NULL, *product = NULL;
    HMLC_TRY(hmlc_lower_reshaped(builder, of->a, shape, a->rank, &row));
    HMLC_TRY(hmlc_build_binary(builder, HMLC_OP_mul, row, of->b, &product));
    int64_t axis = product->type->rank - (of->transpose_b != 0 ? 1 : 2);
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_axes, &axis, 1),
                         hmlc_attr_int(HMLC_ATTR_keep_dims, 0)};
    return hmlc_build(builder, HMLC_OP_reduce_sum, &product, 1, attrs, 2, result);
}

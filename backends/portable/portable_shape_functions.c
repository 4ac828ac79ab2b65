/* SPDX-License-Identifier: Apache-2.0 */
/* Shape functions: they turn run-time shape operands, i64 but for those of a range, into the
 * numbers that bind_dims reads. One work unit each. */
#include "portable_kernel.h"

int32_t hml_portable_reshape_dims(const portable_call *call);
int32_t hml_portable_slice_dims(const portable_call *call);
int32_t hml_portable_broadcast_dims(const portable_call *call);
int32_t hml_portable_range_dims(const portable_call *call);

/* tensors: shape of x, target, result; attributes: allow_zero. */
int32_t hml_portable_reshape_dims(const portable_call *call)
{
    const portable_tensor *t = call->tensors;
    hmlc_rule rule =
        hmlc_rule_reshape(portable_integers(&t[0]), t[0].dims[0], portable_integers(&t[1]),
                          t[1].dims[0], call->attributes[0] == 0, portable_integers(&t[2]));
    return portable_status(call, rule);
}

/* tensors: shape of x, starts, ends, axes or none, steps or none, result [3, rank]. */
int32_t hml_portable_slice_dims(const portable_call *call)
{
    const portable_tensor *t = call->tensors;
    hmlc_rule rule = hmlc_rule_slices(
        portable_integers(&t[0]), t[0].dims[0], portable_integers(&t[1]), portable_integers(&t[2]),
        portable_integers(&t[3]), portable_integers(&t[4]), t[1].dims[0], portable_integers(&t[5]));
    return portable_status(call, rule);
}

/* tensors: two shapes, result. */
int32_t hml_portable_broadcast_dims(const portable_call *call)
{
    const portable_tensor *t = call->tensors;
    hmlc_rule rule =
        hmlc_rule_broadcast(portable_integers(&t[0]), t[0].dims[0], portable_integers(&t[1]),
                            t[1].dims[0], portable_integers(&t[2]));
    return portable_status(call, rule);
}

static double real(const portable_tensor *scalar)
{
    return scalar->dtype == HML_F32 ? (double)*(const float *)scalar->data
                                    : *(const double *)scalar->data;
}

/* tensors: start, limit, delta, result. */
int32_t hml_portable_range_dims(const portable_call *call)
{
    const portable_tensor *t = call->tensors;
    int64_t *length = portable_integers(&t[3]);
    if (t[0].dtype == HML_F32 || t[0].dtype == HML_F64) {
        return portable_status(call,
                               hmlc_rule_real_range(real(&t[0]), real(&t[1]), real(&t[2]), length));
    }
    return portable_status(
        call, hmlc_rule_integer_range(portable_integer(&t[0], 0), portable_integer(&t[1], 0),
                                      portable_integer(&t[2], 0), t[0].dtype == HML_U64, length));
}

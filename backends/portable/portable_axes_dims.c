/* SPDX-License-Identifier: Apache-2.0 */
/* axes_dims: the dims that come of a shape and a list of axes. One work unit. */
#include "portable_kernel.h"

int32_t hml_portable_axes_dims(const portable_call *call);

/* tensors: shape of x, axes, result; attributes: mode. */
int32_t hml_portable_axes_dims(const portable_call *call)
{
    const portable_tensor *t = call->tensors;
    hmlc_rule rule = hmlc_rule_axes_dims(
        (hmlc_rule_axes_mode)call->attributes[0], portable_integers(&t[0]), t[0].dims[0],
        portable_integers(&t[1]), t[1].dims[0], portable_integers(&t[2]));
    return portable_status(call, rule);
}

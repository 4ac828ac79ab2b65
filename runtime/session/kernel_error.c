/* SPDX-License-Identifier: Apache-2.0 */
/* What a kernel refused, in words and with the user's node. */
#include "session/session.h"

hml_status hml_session_kernel_error(hml_session *session, uint32_t index, int32_t kernel_status,
                                    const int64_t *detail)
{
    static const struct {
        hml_status status;
        const char *first, *second;
    } rows[] = {
        [HML_KERNEL_INDEX] = {HML_ERROR_index_range, "index", "limit"},
        [HML_KERNEL_SHAPE] = {HML_ERROR_shape_mismatch, "found", "expected"},
        [HML_KERNEL_VALUE] = {HML_ERROR_value_invalid, "value", NULL},
        [HML_KERNEL_BOUNDS] = {HML_ERROR_kernel_bounds, "operand", NULL},
        [HML_KERNEL_STEP] = {HML_ERROR_value_invalid, "a step or delta of", NULL},
        [HML_KERNEL_LENGTH] = {HML_ERROR_value_invalid, "a length must lie in 0..2^47; found",
                               NULL},
    };
    hml_message message = hml_session_message(session);
    const char *location = hml_step_location(session->program, index);
    if (kernel_status < HML_KERNEL_INDEX || kernel_status > HML_KERNEL_LENGTH) {
        return HML_FAIL(message, HML_ERROR_kernel_status, "%d in step %u, %s", (int)kernel_status,
                        index, location);
    }
    if (rows[kernel_status].second == NULL) {
        return HML_FAIL(message, rows[kernel_status].status, "%s %lld in %s",
                        rows[kernel_status].first, (long long)detail[0], location);
    }
    return HML_FAIL(message, rows[kernel_status].status, "%s %lld, %s %lld in %s",
                    rows[kernel_status].first, (long long)detail[0], rows[kernel_status].second,
                    (long long)detail[1], location);
}

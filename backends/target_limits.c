/* SPDX-License-Identifier: Apache-2.0 */
#include "target_limits.h"

/* An index has a sign. */
static bool reaches(const hmlc_target *target, uint64_t bytes)
{
    return bytes <= (target->index_bits < 64 ? (uint64_t)INT32_MAX : (uint64_t)INT64_MAX);
}

static hmlc_status refuse_bytes(hmlc_diagnostics *diagnostics, const hmlc_target *target,
                                const hmlc_location *location, const char *what, uint64_t bytes)
{
    return hmlc_error_add(diagnostics, HMLC_ERROR_memory_exceeded, location,
                          "compile for a target with pointers of 64 bits",
                          "%s takes %llu bytes; %s reaches less than 2^31", what,
                          (unsigned long long)bytes, target->name);
}

hmlc_status hmlc_target_limits_bytes(hmlc_diagnostics *diagnostics, const hmlc_target *target,
                                     const char *what, uint64_t bytes)
{
    return reaches(target, bytes) ? HMLC_OK : refuse_bytes(diagnostics, target, NULL, what, bytes);
}

/* Bytes of a value whose dims are at their smallest. */
static uint64_t least_bytes(const hmlc_value *value)
{
    uint64_t bytes = hmlc_dtype_bytes(value->type->dtype);
    for (int32_t k = 0; k < value->type->rank; k++) {
        int64_t least = value->type->dims[k]->minimum;
        if (least <= 0) {
            return 0;
        }
        bytes = bytes > UINT64_MAX / (uint64_t)least ? UINT64_MAX : bytes * (uint64_t)least;
    }
    return bytes;
}

static hmlc_status check_value(hmlc_diagnostics *diagnostics, const hmlc_target *target,
                               const hmlc_location *location, const hmlc_value *value)
{
    if (value == NULL) {
        return HMLC_OK;
    }
    if (value->type->dtype == HMLC_DTYPE_f64 && !target->has_f64) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_kernel_unsupported, location, NULL,
                              "%s does not compute in f64", target->name);
    }
    uint64_t bytes = least_bytes(value);
    return reaches(target, bytes) ? HMLC_OK
                                  : refuse_bytes(diagnostics, target, location, "a tensor", bytes);
}

hmlc_status hmlc_target_limits_kernel(hmlc_diagnostics *diagnostics, const hmlc_target *target,
                                      const hmlc_op *kernel)
{
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        for (uint32_t k = 0; k < op->operand_count; k++) {
            HMLC_TRY(check_value(diagnostics, target, op->location, op->operands[k].value));
        }
        for (uint32_t k = 0; k < op->result_count; k++) {
            HMLC_TRY(check_value(diagnostics, target, op->location, op->results[k]));
        }
    }
    return HMLC_OK;
}

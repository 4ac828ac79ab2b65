/* SPDX-License-Identifier: Apache-2.0 */
#include "test_kernels.h"

/* With room for a seal before the entry. */
#define KERNEL                                                                                     \
    __attribute__((section("test_kernels"), noinline, used, patchable_function_entry(8, 8)))
#define INLINE   static inline __attribute__((always_inline))
#define F32_SIZE 4
#define I64_SIZE 8

/* Volatile and scalar: nothing that a compiler would turn into a call or a constant in memory. */
typedef const volatile float *reader;
typedef volatile float *writer;

INLINE int32_t check_operand(const hml_kernel_args *args, uint32_t index, int64_t count,
                             int64_t size)
{
    if (count < 0 || count > INT64_MAX / size || args->operand_bytes[index] < count * size ||
        (uintptr_t)args->operands[index] % (uintptr_t)size != 0) {
        args->detail[0] = index;
        return HML_KERNEL_BOUNDS;
    }
    return HML_KERNEL_OK;
}

INLINE int32_t check_counts(const hml_kernel_args *args, uint32_t operands, uint32_t dims)
{
    args->detail[0] = -1;
    return args->operand_count == operands && args->dim_count == dims ? HML_KERNEL_OK
                                                                      : HML_KERNEL_BOUNDS;
}

INLINE int32_t check_units(const hml_kernel_args *args, int64_t units)
{
    args->detail[0] = -1;
    return args->units == units ? HML_KERNEL_OK : HML_KERNEL_BOUNDS;
}

INLINE int32_t check_add(const hml_kernel_args *args)
{
    if (check_counts(args, 3, 1) != HML_KERNEL_OK) {
        return HML_KERNEL_BOUNDS;
    }
    for (uint32_t i = 0; i < 3; i++) {
        if (check_operand(args, i, args->dims[0], F32_SIZE) != HML_KERNEL_OK) {
            return HML_KERNEL_BOUNDS;
        }
    }
    return check_units(args, args->dims[0]);
}

KERNEL int32_t test_kernel_add(const hml_kernel_args *args)
{
    if (args->mode == HML_KERNEL_CHECK) {
        return check_add(args);
    }
    reader a = args->operands[0], b = args->operands[1];
    writer out = args->operands[2];
    for (int64_t i = args->begin; i < args->end; i++) {
        out[i] = a[i] + b[i];
    }
    return HML_KERNEL_OK;
}

KERNEL int32_t test_kernel_add_by_scratch(const hml_kernel_args *args)
{
    if (args->mode == HML_KERNEL_CHECK) {
        int32_t status = check_add(args);
        if (status == HML_KERNEL_OK && args->scratch_bytes < args->dims[0] * F32_SIZE) {
            args->detail[0] = -1;
            return HML_KERNEL_BOUNDS;
        }
        return status;
    }
    reader a = args->operands[0], b = args->operands[1];
    writer out = args->operands[2], scratch = args->scratch;
    for (int64_t i = args->begin; i < args->end; i++) {
        scratch[i] = a[i] + b[i];
    }
    for (int64_t i = args->begin; i < args->end; i++) {
        out[i] = scratch[i];
    }
    return HML_KERNEL_OK;
}

KERNEL int32_t test_kernel_slow_add(const hml_kernel_args *args)
{
    if (args->mode == HML_KERNEL_CHECK) {
        return check_add(args);
    }
    reader a = args->operands[0], b = args->operands[1];
    writer out = args->operands[2];
    for (int64_t i = args->begin; i < args->end; i++) {
        volatile float sum = a[i];
        for (int step = 0; step < 1000; step++) {
            sum = sum + b[i];
        }
        out[i] = sum;
    }
    return HML_KERNEL_OK;
}

KERNEL int32_t test_kernel_gather(const hml_kernel_args *args)
{
    int64_t length = 0, n = 0;
    if (args->mode == HML_KERNEL_CHECK) {
        if (check_counts(args, 3, 2) != HML_KERNEL_OK ||
            check_operand(args, 0, args->dims[0], F32_SIZE) != HML_KERNEL_OK ||
            check_operand(args, 1, args->dims[1], I64_SIZE) != HML_KERNEL_OK ||
            check_operand(args, 2, args->dims[1], F32_SIZE) != HML_KERNEL_OK) {
            return HML_KERNEL_BOUNDS;
        }
        return check_units(args, args->dims[1]);
    }
    length = args->dims[0];
    n = args->end;
    reader a = args->operands[0];
    const volatile int64_t *index = args->operands[1];
    writer out = args->operands[2];
    for (int64_t i = args->begin; i < n; i++) {
        int64_t at = index[i];
        if (at < 0 || at >= length) {
            args->detail[0] = at;
            args->detail[1] = length;
            return HML_KERNEL_INDEX;
        }
        out[i] = a[at];
    }
    return HML_KERNEL_OK;
}

KERNEL int32_t test_kernel_count(const hml_kernel_args *args)
{
    if (args->mode == HML_KERNEL_CHECK) {
        if (check_counts(args, 2, 1) != HML_KERNEL_OK ||
            check_operand(args, 0, args->dims[0], F32_SIZE) != HML_KERNEL_OK ||
            check_operand(args, 1, 1, I64_SIZE) != HML_KERNEL_OK) {
            return HML_KERNEL_BOUNDS;
        }
        return check_units(args, 1);
    }
    reader a = args->operands[0];
    int64_t count = 0;
    for (int64_t i = 0; i < args->dims[0]; i++) {
        count += a[i] != 0 ? 1 : 0;
    }
    *(volatile int64_t *)args->operands[1] = count;
    return HML_KERNEL_OK;
}

KERNEL int32_t test_kernel_positions(const hml_kernel_args *args)
{
    if (args->mode == HML_KERNEL_CHECK) {
        if (check_counts(args, 2, 2) != HML_KERNEL_OK ||
            check_operand(args, 0, args->dims[0], F32_SIZE) != HML_KERNEL_OK ||
            check_operand(args, 1, args->dims[1], I64_SIZE) != HML_KERNEL_OK) {
            return HML_KERNEL_BOUNDS;
        }
        return check_units(args, 1);
    }
    reader a = args->operands[0];
    volatile int64_t *out = args->operands[1];
    int64_t count = 0;
    for (int64_t i = 0; i < args->dims[0] && count < args->dims[1]; i++) {
        if (a[i] != 0) {
            out[count++] = i;
        }
    }
    return HML_KERNEL_OK;
}

KERNEL int32_t test_kernel_positive(const hml_kernel_args *args)
{
    if (args->mode == HML_KERNEL_CHECK) {
        if (check_counts(args, 2, 1) != HML_KERNEL_OK ||
            check_operand(args, 0, args->dims[0] < 1 ? 1 : args->dims[0], F32_SIZE) !=
                HML_KERNEL_OK ||
            check_operand(args, 1, 1, 1) != HML_KERNEL_OK) {
            return HML_KERNEL_BOUNDS;
        }
        return check_units(args, 1);
    }
    reader a = args->operands[0];
    *(volatile uint8_t *)args->operands[1] = a[0] > 0 ? 1 : 0;
    return HML_KERNEL_OK;
}

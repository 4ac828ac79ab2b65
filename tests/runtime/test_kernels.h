/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernels for artifacts that the tests build. They are compiled into a section of the test program,
 * refer to nothing outside of it, and are copied from there into code images.
 */
#ifndef TEST_KERNELS_H
#define TEST_KERNELS_H

#include <hml_format/kernel_abi.h>
#include <stddef.h>

/* f32: out[i] = a[i] + b[i]; operands a, b, out; dims n; units n. */
hml_kernel_function test_kernel_add;
/* As add, but goes by way of the scratch: 4 bytes per unit of the whole. */
hml_kernel_function test_kernel_add_by_scratch;
/* f32 by i64: out[i] = a[index[i]]; operands a, index, out; dims length of a, n; units n. */
hml_kernel_function test_kernel_gather;
/* i64[1] count of elements of a that are not 0; operands a, out; dims n; units 1. */
hml_kernel_function test_kernel_count;
/* i64 positions of those; operands a, out; dims n, k; units 1. */
hml_kernel_function test_kernel_positions;
/* bool[1]: a[0] > 0; operands a, out; dims n; units 1. */
hml_kernel_function test_kernel_positive;
/* As add with a chain of 1000 dependent steps per unit: work that is worth splitting. */
hml_kernel_function test_kernel_slow_add;

extern const uint8_t __start_test_kernels[], __stop_test_kernels[];

/* Offset of a kernel in the copied section. */
static inline uint64_t test_kernel_entry(hml_kernel_function *kernel)
{
    return (uint64_t)((uintptr_t)kernel - (uintptr_t)__start_test_kernels);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The checksum for CPUs with AVX2: the same function, compiled for them (see cpu.cmake). */
#include "platform/cpu.h"
#define XXH_INLINE_ALL
#define XXH_NO_STDLIB
#include <xxhash.h>

hml_cpu_checksum_function hml_checksum_wide;

uint64_t hml_checksum_wide(const void *data, size_t bytes)
{
    return XXH3_64bits(data, bytes);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/checksum.h"
#include "platform/cpu.h"
#define XXH_INLINE_ALL
#define XXH_NO_STDLIB
#include <xxhash.h>

/* Below this asking the CPU, which a virtual machine answers slowly, costs more than it saves. */
#define LARGE_RANGE ((size_t)1 << 18)

uint64_t hml_checksum(const void *data, size_t bytes)
{
    hml_cpu_checksum_function *own = bytes >= LARGE_RANGE ? hml_cpu_checksum() : NULL;
    return own != NULL ? own(data, bytes) : XXH3_64bits(data, bytes);
}

uint64_t hml_checksum_around(const void *data, size_t bytes, size_t hole)
{
    static const uint8_t zeros[sizeof(uint64_t)] = {0};
    const uint8_t *start = data;
    XXH3_state_t state;
    (void)XXH3_64bits_reset(&state);
    (void)XXH3_64bits_update(&state, start, hole);
    (void)XXH3_64bits_update(&state, zeros, sizeof zeros);
    (void)XXH3_64bits_update(&state, start + hole + sizeof zeros, bytes - hole - sizeof zeros);
    return XXH3_64bits_digest(&state);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A CPU without a file of its own: no artifact runs on it. */
#include "platform/cpu.h"

#include <stddef.h>

uint64_t hml_cpu_features(void)
{
    return 0;
}

uint64_t hml_cpu_known_features(void)
{
    return 0;
}

uint32_t hml_cpu_architecture(void)
{
    return 0;
}

hml_cpu_checksum_function *hml_cpu_checksum(void)
{
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* AArch64: artifacts define no feature bits for it, so only base variants run. */
#include "platform/cpu.h"

#include <stddef.h>

#include <hml_format/artifact.h>

uint64_t hml_cpu_features(void)
{
    return 0;
}

uint32_t hml_cpu_architecture(void)
{
    return HML_ARCHITECTURE_AARCH64;
}

hml_cpu_checksum_function *hml_cpu_checksum(void)
{
    return NULL;
}

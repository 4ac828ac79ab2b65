/* SPDX-License-Identifier: Apache-2.0 */
/* ARMv7: the bits of AT_HWCAP that each feature of the artifact stands for. */
#include "platform/cpu.h"

#include <stddef.h>
#include <sys/auxv.h>

#include <hml_format/artifact.h>

enum { NEON = 1 << 12, VFPV4 = 1 << 16, VFPD32 = 1 << 19 };

uint64_t hml_cpu_features(void)
{
    unsigned long all = NEON | VFPV4 | VFPD32;
    return (getauxval(AT_HWCAP) & all) == all ? HML_CPU_ARMV7_VFP4 : 0;
}

uint64_t hml_cpu_known_features(void)
{
    return HML_CPU_ARMV7_VFP4;
}

uint32_t hml_cpu_architecture(void)
{
    return HML_ARCHITECTURE_ARMV7;
}

hml_cpu_checksum_function *hml_cpu_checksum(void)
{
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* AArch64: features by what the kernel says of all cores; nothing is probed by running into it. */
#define _GNU_SOURCE
#include "platform/cpu.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <hml_format/artifact.h>

#include "platform/features_aarch64.h"

#define HWCAP_READS_ID (UINT64_C(1) << 11) /* HWCAP_CPUID: mrs of identifying registers */

/* MIDR_EL1 of a core; 0: there is none, or Linux does not tell. */
static uint64_t core_midr(uint32_t core)
{
    char path[80], text[24];
    (void)snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/regs/identification/midr_el1",
                   core);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t bytes = file >= 0 ? read(file, text, sizeof text - 1) : -1;
    if (file >= 0) {
        (void)close(file);
    }
    if (bytes <= 0) {
        return 0;
    }
    text[bytes] = '\0';
    return strtoull(text, NULL, 16);
}

/* All cores, since a run may come to any of them; without Linux' word for it the one that asks. */
static bool all_in_order(uint64_t hwcap)
{
    uint64_t midr = core_midr(0);
    if (midr == 0) {
        if ((hwcap & HWCAP_READS_ID) != 0) {
            __asm__("mrs %0, midr_el1" : "=r"(midr));
        }
        return hml_aarch64_in_order(midr);
    }
    for (uint32_t core = 1; midr != 0; core++) {
        if (!hml_aarch64_in_order(midr)) {
            return false;
        }
        midr = core_midr(core);
    }
    return true;
}

uint64_t hml_cpu_features(void)
{
    uint64_t hwcap = getauxval(AT_HWCAP), hwcap2 = getauxval(AT_HWCAP2);
    return hml_aarch64_features(hwcap, hwcap2) |
           (all_in_order(hwcap) ? HML_CPU_AARCH64_IN_ORDER : 0);
}

uint64_t hml_cpu_known_features(void)
{
    return HML_CPU_AARCH64_KNOWN;
}

uint32_t hml_cpu_architecture(void)
{
    return HML_ARCHITECTURE_AARCH64;
}

hml_cpu_checksum_function *hml_cpu_checksum(void)
{
    return NULL;
}

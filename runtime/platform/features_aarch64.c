/* SPDX-License-Identifier: Apache-2.0 */
/* What the words of AArch64's kernels mean. No question is asked here, so that a test on any
 * machine can make the words up. */
#include "platform/features_aarch64.h"

#include <hml_format/artifact.h>

enum { HWCAP, HWCAP2 };

/*
 * A feature is there when all its rows are (numbers: arch/arm64/include/uapi/asm/hwcap.h). SVE2
 * takes the bit of SVE, too: guests on Apple's M4 are told SVE2 and have neither.
 */
static const struct {
    uint64_t feature;
    uint8_t word, bit;
} feature_rows[] = {
    {HML_CPU_AARCH64_ASIMD, HWCAP, 1},  {HML_CPU_AARCH64_FP16, HWCAP, 9},
    {HML_CPU_AARCH64_FP16, HWCAP, 10},  {HML_CPU_AARCH64_DOT, HWCAP, 20},
    {HML_CPU_AARCH64_FHM, HWCAP, 23},   {HML_CPU_AARCH64_I8MM, HWCAP2, 13},
    {HML_CPU_AARCH64_BF16, HWCAP2, 14}, {HML_CPU_AARCH64_SVE2, HWCAP, 22},
    {HML_CPU_AARCH64_SVE2, HWCAP2, 1},
};

uint64_t hml_aarch64_features(uint64_t hwcap, uint64_t hwcap2)
{
    const uint64_t words[] = {[HWCAP] = hwcap, [HWCAP2] = hwcap2};
    uint64_t present = 0, missing = 0;
    for (uint32_t i = 0; i < sizeof(feature_rows) / sizeof(feature_rows[0]); i++) {
        bool there = (words[feature_rows[i].word] >> feature_rows[i].bit & 1) != 0;
        present |= feature_rows[i].feature;
        missing |= there ? 0 : feature_rows[i].feature;
    }
    return present & ~missing;
}

bool hml_aarch64_in_order(uint64_t midr)
{
    /* Of Arm: A53, A35, A55, A510, A520. */
    static const uint16_t parts[] = {0xd03, 0xd04, 0xd05, 0xd46, 0xd80};
    uint64_t maker = midr >> 24 & 0xff, part = midr >> 4 & 0xfff;
    for (uint32_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (maker == 0x41 && part == parts[i]) {
            return true;
        }
    }
    return false;
}

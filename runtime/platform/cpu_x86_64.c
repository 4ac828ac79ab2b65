/* SPDX-License-Identifier: Apache-2.0 */
/* x86-64: a table of the CPUID bits that each feature of the artifact stands for. */
#define _GNU_SOURCE
#include "platform/cpu.h"
#include <hml_format/artifact.h>

#include <cpuid.h>
#include <stddef.h>

/* checksum_x86_64.c */
hml_cpu_checksum_function hml_checksum_wide;

enum { LEAF1_ECX, LEAF7_EBX, LEAF7_ECX, LEAF7_1_EAX, EXTENDED1_ECX, XCR0, WORDS };

/* A feature is there when all its rows are. The extended state of XCR0: 2 SSE, 4 AVX, 0xe0 AVX-512.
 */
static const struct {
    uint64_t feature;
    uint32_t word, bits;
} feature_rows[] = {
    /* SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT */
    {HML_CPU_X86_SSE42, LEAF1_ECX, 1U << 0 | 1U << 9 | 1U << 13 | 1U << 19 | 1U << 20 | 1U << 23},
    /* FMA, MOVBE, OSXSAVE, AVX, F16C */
    {HML_CPU_X86_AVX2, LEAF1_ECX, 1U << 12 | 1U << 22 | 1U << 27 | 1U << 28 | 1U << 29},
    /* BMI1, AVX2, BMI2 */
    {HML_CPU_X86_AVX2, LEAF7_EBX, 1U << 3 | 1U << 5 | 1U << 8},
    /* LZCNT */
    {HML_CPU_X86_AVX2, EXTENDED1_ECX, 1U << 5},
    {HML_CPU_X86_AVX2, XCR0, 0x6},
    /* F, DQ, CD, BW, VL */
    {HML_CPU_X86_AVX512, LEAF7_EBX, 1U << 16 | 1U << 17 | 1U << 28 | 1U << 30 | 1U << 31},
    {HML_CPU_X86_AVX512, XCR0, 0xe6},
    {HML_CPU_X86_AVX512_VNNI, LEAF7_ECX, 1U << 11},
    {HML_CPU_X86_AVX512_VNNI, XCR0, 0xe6},
    {HML_CPU_X86_AVX512_BF16, LEAF7_1_EAX, 1U << 5},
    {HML_CPU_X86_AVX512_BF16, XCR0, 0xe6},
    {HML_CPU_X86_AVX_VNNI, LEAF7_1_EAX, 1U << 4},
    {HML_CPU_X86_AVX_VNNI, XCR0, 0x6},
    /* HML_CPU_X86_AMX_INT8 has no row: a process must ask the kernel for the tile state first. */
};

static uint32_t read_xcr0(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

uint64_t hml_cpu_features(void)
{
    uint32_t words[WORDS] = {0};
    uint32_t a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d)) {
        words[LEAF1_ECX] = c;
        words[XCR0] = (c & 1U << 27) != 0 ? read_xcr0() : 0;
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        words[LEAF7_EBX] = b;
        words[LEAF7_ECX] = c;
        uint32_t last_subleaf = a;
        if (last_subleaf >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) {
            words[LEAF7_1_EAX] = a;
        }
    }
    if (__get_cpuid(0x80000001U, &a, &b, &c, &d)) {
        words[EXTENDED1_ECX] = c;
    }
    uint64_t present = 0, missing = 0;
    for (uint32_t i = 0; i < sizeof(feature_rows) / sizeof(feature_rows[0]); i++) {
        bool there = (words[feature_rows[i].word] & feature_rows[i].bits) == feature_rows[i].bits;
        present |= feature_rows[i].feature;
        missing |= there ? 0 : feature_rows[i].feature;
    }
    return present & ~missing;
}

uint64_t hml_cpu_known_features(void)
{
    return HML_CPU_X86_KNOWN;
}

uint32_t hml_cpu_architecture(void)
{
    return HML_ARCHITECTURE_X86_64;
}

hml_cpu_checksum_function *hml_cpu_checksum(void)
{
    return (hml_cpu_features() & HML_CPU_X86_AVX2) != 0 ? hml_checksum_wide : NULL;
}

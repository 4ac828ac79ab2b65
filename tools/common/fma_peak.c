/* SPDX-License-Identifier: Apache-2.0 */
#include "fma_peak.h"

#include "clock.h"

#include <stdio.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#define PEAK_ROUNDS  200000
#define PEAK_REPEATS 12

/* Each accumulator is a separate dependency chain: latency times throughput is 8 to 10 on today's
 * cores. Values settle at 1 / (1 - 0.5), so that nothing becomes denormal or infinite. */
#define CHAIN(index) a##index = fma_vector(a##index, half, one);
#define TWELVE(each)                                                                               \
    each(0) each(1) each(2) each(3) each(4) each(5) each(6) each(7) each(8) each(9) each(10)       \
        each(11)
#define TWELVE_MORE(each)                                                                          \
    each(12) each(13) each(14) each(15) each(16) each(17) each(18) each(19) each(20) each(21)      \
        each(22) each(23)

#define fma_vector     _mm256_fmadd_ps
#define DECLARE(index) __m256 a##index = _mm256_set1_ps((float)index);
#define ADD(index)     sum = _mm256_add_ps(sum, a##index);
__attribute__((target("avx2,fma"))) static float fma_avx2(float seed)
{
    __m256 half = _mm256_set1_ps(0.5F), one = _mm256_set1_ps(seed);
    __m256 sum = _mm256_setzero_ps();
    TWELVE(DECLARE)
    for (int i = 0; i < PEAK_ROUNDS; i++) {
        TWELVE(CHAIN)
    }
    TWELVE(ADD)
    return _mm256_cvtss_f32(sum);
}
#undef fma_vector
#undef DECLARE
#undef ADD

#define fma_vector     _mm512_fmadd_ps
#define DECLARE(index) __m512 a##index = _mm512_set1_ps((float)index);
#define ADD(index)     sum = _mm512_add_ps(sum, a##index);
__attribute__((target("avx512f"))) static float fma_avx512(float seed)
{
    __m512 half = _mm512_set1_ps(0.5F), one = _mm512_set1_ps(seed);
    __m512 sum = _mm512_setzero_ps();
    TWELVE(DECLARE)
    TWELVE_MORE(DECLARE)
    for (int i = 0; i < PEAK_ROUNDS; i++) {
        TWELVE(CHAIN)
        TWELVE_MORE(CHAIN)
    }
    TWELVE(ADD)
    TWELVE_MORE(ADD)
    return _mm512_cvtss_f32(sum);
}

/* Best of several runs: other processes can only make it slower. */
static double measure(float (*loop)(float), double flops)
{
    volatile float sink = 1.0F;
    double best = 0;
    for (int i = 0; i < PEAK_REPEATS; i++) {
        double start = hml_milliseconds();
        sink = loop(sink > 0 ? 1.0F : 2.0F);
        double gflops = flops / (hml_milliseconds() - start) * 1e-6;
        best = gflops > best ? gflops : best;
    }
    return best;
}

double hml_fma_peak_gflops(void)
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) {
        return measure(fma_avx512, 2.0 * 16 * 24 * PEAK_ROUNDS);
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return measure(fma_avx2, 2.0 * 8 * 12 * PEAK_ROUNDS);
    }
    return 0;
}

void hml_cpu_name(char *text, size_t bytes)
{
    unsigned words[13] = {0};
    for (unsigned i = 0; i < 3; i++) {
        if (!__get_cpuid(0x80000002U + i, &words[i * 4], &words[i * 4 + 1], &words[i * 4 + 2],
                         &words[i * 4 + 3])) {
            words[0] = 0;
        }
    }
    const char *name = (const char *)words;
    name += strspn(name, " ");
    snprintf(text, bytes, "%s", name[0] != '\0' ? name : "unknown");
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == ' ') {
        text[--length] = '\0';
    }
}
#else

double hml_fma_peak_gflops(void)
{
    return 0;
}

void hml_cpu_name(char *text, size_t bytes)
{
    snprintf(text, bytes, "unknown");
}
#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* x86-64: what its rows cannot say. */
#include "targets/architecture.h"

#include <stddef.h>

#include <hml_format/artifact.h>

#include "llvm.h"

/* LLVM splits the widest vectors without these. */
static const hmlc_target_attribute x86_64_wide[] = {
    {"prefer-vector-width", "512"},
    {"min-legal-vector-width", "512"},
    {NULL, NULL},
};

/* vpmaddwd: an i16 holds a byte of either sign, and the sum of two such products an i32. */
static const char *const x86_64_pairs[HMLC_BYTE_VECTORS] = {
    "llvm.x86.sse2.pmadd.wd", "llvm.x86.avx2.pmadd.wd", "llvm.x86.avx512.pmaddw.d.512"};
/* vpmaddubsw. */
static const char *const x86_64_halves[HMLC_BYTE_VECTORS] = {"llvm.x86.ssse3.pmadd.ub.sw.128",
                                                             "llvm.x86.avx2.pmadd.ub.sw",
                                                             "llvm.x86.avx512.pmaddubs.w.512"};
/* vpdpbusd, which wraps; vpdpbusds saturates. */
static const char *const x86_64_dot[HMLC_BYTE_VECTORS] = {
    "llvm.x86.avx512.vpdpbusd.128", "llvm.x86.avx512.vpdpbusd.256", "llvm.x86.avx512.vpdpbusd.512"};

/* vpshufb; vpermi2w. */
static const hmlc_lookup x86_64_lookup = {HMLC_LOOKUP_ROWS, 16, "llvm.x86.ssse3.pshuf.b.128"};
static const hmlc_lookup x86_64_lookup_v3 = {HMLC_LOOKUP_ROWS, 32, "llvm.x86.avx2.pshuf.b"};
static const hmlc_lookup x86_64_lookup_v4 = {HMLC_LOOKUP_WORDS, 64,
                                             "llvm.x86.avx512.vpermi2var.hi.512"};

static const hmlc_target targets[] = {
#define HMLC_TARGET(...) {__VA_ARGS__},
#include "x86_64.def"
#undef HMLC_TARGET
};

HMLC_BITCODE_DECLARE(x86_64);

static void prepare(void)
{
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
}

static bool features_here(uint64_t *features)
{
    *features = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    *features |= __builtin_cpu_supports("x86-64-v2") ? HML_CPU_X86_SSE42 : 0;
    *features |= __builtin_cpu_supports("x86-64-v3") ? HML_CPU_X86_AVX2 : 0;
    *features |= __builtin_cpu_supports("x86-64-v4") ? HML_CPU_X86_AVX512 : 0;
    *features |= __builtin_cpu_supports("avxvnni") ? HML_CPU_X86_AVX_VNNI : 0;
    *features |= __builtin_cpu_supports("avx512vnni") ? HML_CPU_X86_AVX512_VNNI : 0;
    return true;
#else
    return false;
#endif
}

const hmlc_architecture hmlc_architecture_x86_64 = {
    .number = HML_ARCHITECTURE_X86_64,
    .targets = targets,
    .target_count = sizeof targets / sizeof targets[0],
    .triples = "x86_64-",
    .kernels = HMLC_BITCODE(x86_64, kernels),
    .memory = HMLC_BITCODE(x86_64, memory),
    .nop = {{0x90}, 1},
    .trap = {{0xcc}, 1},
    .named_sections = true,
    .call_bytes = 8,
    .saved_bytes = 56, /* six registers, and what keeps the stack even */
    .prepare = prepare,
    .features_here = features_here,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* AArch64: what its rows cannot say. */
#include "targets/architecture.h"

#include "llvm.h"
#include <hml_format/artifact.h>

/* sdot: of signed bytes, the second of which may be a lane. */
static const char *const aarch64_dot[HMLC_BYTE_VECTORS] = {"llvm.aarch64.neon.sdot"};
/* With a sum behind it sadalp; products in i16 are smull and smlal. */
static const char *const aarch64_neighbours[HMLC_BYTE_VECTORS] = {"llvm.aarch64.neon.saddlp"};

static const hmlc_nearest aarch64_nearest = {
    .vector = "llvm.aarch64.neon.fcvtns", .alone = true, .narrows = true};

/* tbl */
static const hmlc_lookup aarch64_lookup = {HMLC_LOOKUP_QUARTERS, 16, "llvm.aarch64.neon.tbl4"};

static const hmlc_target targets[] = {
#define HMLC_TARGET(...) {__VA_ARGS__},
#include "aarch64.def"
#undef HMLC_TARGET
};

HMLC_BITCODE_DECLARE(aarch64);

static void prepare(void)
{
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
}

/* Of a compiler that runs on ARM: no more than all have. */
static bool features_here(uint64_t *features)
{
    *features = HML_CPU_AARCH64_ASIMD;
#if defined(__aarch64__)
    return true;
#else
    return false;
#endif
}

const hmlc_architecture hmlc_architecture_aarch64 = {
    .number = HML_ARCHITECTURE_AARCH64,
    .targets = targets,
    .target_count = sizeof targets / sizeof targets[0],
    .triples = "aarch64- arm64-",
    .kernels = HMLC_BITCODE(aarch64, kernels),
    .memory = HMLC_BITCODE(aarch64, memory),
    .nop = {{0x1f, 0x20, 0x03, 0xd5}, 4},
    .trap = {{0x48, 0x4c, 0x00, 0x00}, 4}, /* udf */
    .named_sections = true,
    .saved_bytes = 160, /* x19 to x30, d8 to d15 */
    .prepare = prepare,
    .features_here = features_here,
};

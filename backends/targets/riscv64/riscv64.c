/* SPDX-License-Identifier: Apache-2.0 */
/* RISC-V of 64 bits: what its rows cannot say. */
#include "targets/architecture.h"

#include "llvm.h"
#include <hml_format/artifact.h>

static const hmlc_target targets[] = {
#define HMLC_TARGET(...) {__VA_ARGS__},
#include "riscv64.def"
#undef HMLC_TARGET
};

HMLC_BITCODE_DECLARE(riscv64);

static void prepare(void)
{
    LLVMInitializeRISCVTargetInfo();
    LLVMInitializeRISCVTarget();
    LLVMInitializeRISCVTargetMC();
    LLVMInitializeRISCVAsmPrinter();
}

const hmlc_architecture hmlc_architecture_riscv64 = {
    .number = HML_ARCHITECTURE_RISCV64,
    .targets = targets,
    .target_count = sizeof targets / sizeof targets[0],
    .triples = "riscv64-",
    .kernels = HMLC_BITCODE(riscv64, kernels),
    .memory = HMLC_BITCODE(riscv64, memory),
    .named_sections = true,
    .saved_bytes = 208, /* ra, s0 to s11, fs0 to fs11 */
    .prepare = prepare,
};

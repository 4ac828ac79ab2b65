/* SPDX-License-Identifier: Apache-2.0 */
/* WebAssembly: what its rows cannot say. */
#include "targets/architecture.h"

#include "llvm.h"

/* i32x4.dot_i16x8_s */
static const char *const wasm32_pairs[HMLC_BYTE_VECTORS] = {"llvm.wasm.dot"};

static const hmlc_target targets[] = {
#define HMLC_TARGET(...) {__VA_ARGS__},
#include "wasm32.def"
#undef HMLC_TARGET
};

HMLC_BITCODE_DECLARE(wasm32);

static void prepare(void)
{
    LLVMInitializeWebAssemblyTargetInfo();
    LLVMInitializeWebAssemblyTarget();
    LLVMInitializeWebAssemblyTargetMC();
    LLVMInitializeWebAssemblyAsmPrinter();
}

const hmlc_architecture hmlc_architecture_wasm32 = {
    .number = HMLC_ARCHITECTURE_WASM32,
    .targets = targets,
    .target_count = sizeof targets / sizeof targets[0],
    .triples = "wasm32-",
    .kernels = HMLC_BITCODE(wasm32, kernels),
    .memory = HMLC_BITCODE(wasm32, memory),
    .fixed_addresses = true,
    .prepare = prepare,
};

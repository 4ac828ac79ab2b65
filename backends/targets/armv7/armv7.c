/* SPDX-License-Identifier: Apache-2.0 */
/* ARMv7, A32 code: what its rows cannot say. */
#include "targets/architecture.h"

#include "llvm.h"
#include <hml_format/artifact.h>

/* vpadal; products in i16 are vmull and vmlal. */
static const char *const armv7_neighbours[HMLC_BYTE_VECTORS] = {"llvm.arm.neon.vpadals"};

static const hmlc_target targets[] = {
#define HMLC_TARGET(...) {__VA_ARGS__},
#include "armv7.def"
#undef HMLC_TARGET
};

HMLC_BITCODE_DECLARE(armv7);

static void prepare(void)
{
    LLVMInitializeARMTargetInfo();
    LLVMInitializeARMTarget();
    LLVMInitializeARMTargetMC();
    LLVMInitializeARMAsmPrinter();
    LLVMInitializeARMAsmParser();
}

const hmlc_architecture hmlc_architecture_armv7 = {
    .number = HML_ARCHITECTURE_ARMV7,
    .targets = targets,
    .target_count = sizeof targets / sizeof targets[0],
    .kernels = HMLC_BITCODE(armv7, kernels),
    .memory = HMLC_BITCODE(armv7, memory),
    .nop = {{0x00, 0xf0, 0x20, 0xe3}, 4},
    .trap = {{0xf8, 0xc4, 0xf4, 0xe7}, 4}, /* udf */
    /* Tag_ABI_VFP_args (IHI 0045): compatible with both conventions, since no function of an object
     * that others see takes or returns a float. */
    .hard_float = ".eabi_attribute 28, 3",
    .named_sections = true,
    .saved_bytes = 100, /* r4 to r11, lr, d8 to d15 */
    .prepare = prepare,
};

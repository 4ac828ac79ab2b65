/* SPDX-License-Identifier: Apache-2.0 */
/* Arm Cortex-M, Thumb code: what its rows cannot say. */
#include "targets/architecture.h"

#include "llvm.h"

/* vcvtr, by the rounding mode that every program of the procedure call standard starts with. */
static const hmlc_nearest thumb_nearest = {.scalar = "llvm.arm.vcvtr"};
static const hmlc_nearest thumb_nearest_vectors = {.scalar = "llvm.arm.vcvtr",
                                                   .vector = "llvm.arm.mve.vcvtn"};

/* uxtb16, sxtb16; smlad, which wraps. */
static const hmlc_word_products thumb_word = {"llvm.arm.uxtb16", "llvm.arm.sxtb16",
                                              "llvm.arm.smlad"};

/* vmlava.s8, which wraps; loads with vctp.8 read nothing behind their bytes. */
static const hmlc_row_products thumb_rows = {"llvm.arm.mve.vmldava", "llvm.arm.mve.vctp8"};

static const hmlc_target targets[] = {
#define HMLC_TARGET(...) {__VA_ARGS__},
#include "thumb.def"
#undef HMLC_TARGET
};

HMLC_BITCODE_DECLARE(thumb);

static void prepare(void)
{
    LLVMInitializeARMTargetInfo();
    LLVMInitializeARMTarget();
    LLVMInitializeARMTargetMC();
    LLVMInitializeARMAsmPrinter();
    LLVMInitializeARMAsmParser();
}

const hmlc_architecture hmlc_architecture_thumb = {
    .number = HMLC_ARCHITECTURE_THUMB,
    .targets = targets,
    .target_count = sizeof targets / sizeof targets[0],
    .triples = "thumb armv arm-",
    .kernels = HMLC_BITCODE(thumb, kernels),
    .memory = HMLC_BITCODE(thumb, memory),
    /* Tag_ABI_VFP_args (IHI 0045): compatible with both conventions, since no function of an object
     * that others see takes or returns a float. */
    .hard_float = ".eabi_attribute 28, 3",
    .named_sections = true,
    .saved_bytes = 100, /* r4 to r11, lr, d8 to d15 */
    .prepare = prepare,
};

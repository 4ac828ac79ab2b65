/* SPDX-License-Identifier: Apache-2.0 */
#include "object.h"

#include <stddef.h>

#include "targets/architecture.h"

/* Emitters write explicit vectors and structured loops; what helps them is cleaning and hoisting,
 * nothing more. */
static const char kernel_pipeline[] =
    "globaldce,function(sroa,early-cse<memssa>,instcombine<no-verify-fixpoint>,simplifycfg,"
    "loop-mssa(licm<allowspeculation>),early-cse<memssa>,simplifycfg)";
static const char portable_pipeline[] = "globaldce,default<O2>";

static LLVMTargetMachineRef machine_create(const hmlc_target *target, char **message)
{
    hmlc_architecture_of(target)->prepare();
    LLVMTargetRef llvm_target = NULL;
    if (LLVMGetTargetFromTriple(target->triple, &llvm_target, message)) {
        return NULL;
    }
    return LLVMCreateTargetMachine(llvm_target, target->triple, target->cpu, target->features,
                                   LLVMCodeGenLevelDefault, LLVMRelocPIC, LLVMCodeModelSmall);
}

LLVMModuleRef hmlc_object_module(LLVMContextRef context, const hmlc_target *target,
                                 const char *name)
{
    LLVMModuleRef module = LLVMModuleCreateWithNameInContext(name, context);
    LLVMSetDataLayout(module, target->data_layout);
    LLVMSetTarget(module, target->triple);
    return module;
}

static LLVMErrorRef optimise(LLVMModuleRef module, LLVMTargetMachineRef machine,
                             hmlc_object_kind kind)
{
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMBool wide = kind == HMLC_OBJECT_PORTABLE;
    LLVMPassBuilderOptionsSetLoopVectorization(options, wide);
    LLVMPassBuilderOptionsSetSLPVectorization(options, wide);
    LLVMPassBuilderOptionsSetLoopUnrolling(options, wide);
    LLVMErrorRef error =
        LLVMRunPasses(module, wide ? portable_pipeline : kernel_pipeline, machine, options);
    LLVMDisposePassBuilderOptions(options);
    return error;
}

LLVMMemoryBufferRef hmlc_object_emit(LLVMModuleRef module, const hmlc_target *target,
                                     hmlc_object_kind kind, int assembly, char **message)
{
    LLVMTargetMachineRef machine = machine_create(target, message);
    if (machine == NULL) {
        return NULL;
    }
    LLVMMemoryBufferRef buffer = NULL;
    LLVMErrorRef error = optimise(module, machine, kind);
    if (error != NULL) {
        char *text = LLVMGetErrorMessage(error);
        *message = LLVMCreateMessage(text);
        LLVMDisposeErrorMessage(text);
    } else {
        LLVMCodeGenFileType type = assembly ? LLVMAssemblyFile : LLVMObjectFile;
        if (LLVMTargetMachineEmitToMemoryBuffer(machine, module, type, message, &buffer)) {
            buffer = NULL;
        }
    }
    LLVMDisposeTargetMachine(machine);
    return buffer;
}

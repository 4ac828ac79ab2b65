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
static const char calls_pipeline[] = "function(instcombine<no-verify-fixpoint>,simplifycfg)";

static LLVMTargetMachineRef machine_create(const hmlc_target *target, char **message)
{
    hmlc_architecture_of(target)->prepare();
    LLVMTargetRef llvm_target = NULL;
    if (LLVMGetTargetFromTriple(target->triple, &llvm_target, message)) {
        return NULL;
    }
    LLVMRelocMode relocation = target->fixed_addresses ? LLVMRelocStatic : LLVMRelocPIC;
    return LLVMCreateTargetMachine(llvm_target, target->triple, target->cpu, target->features,
                                   LLVMCodeGenLevelDefault, relocation, LLVMCodeModelSmall);
}

LLVMModuleRef hmlc_object_module(LLVMContextRef context, const hmlc_target *target,
                                 const char *name)
{
    LLVMModuleRef module = LLVMModuleCreateWithNameInContext(name, context);
    LLVMSetTarget(module, target->triple);
    if (target->data_layout != NULL) {
        LLVMSetDataLayout(module, target->data_layout);
        return module;
    }
    char *message = NULL;
    LLVMTargetMachineRef machine = machine_create(target, &message);
    if (machine == NULL) {
        LLVMDisposeMessage(message);
        LLVMDisposeModule(module);
        return NULL;
    }
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);
    LLVMSetModuleDataLayout(module, layout);
    LLVMDisposeTargetData(layout);
    LLVMDisposeTargetMachine(machine);
    return module;
}

static LLVMErrorRef optimise(LLVMModuleRef module, LLVMTargetMachineRef machine,
                             hmlc_object_kind kind)
{
    static const char *const pipelines[] = {
        [HMLC_OBJECT_KERNELS] = kernel_pipeline,
        [HMLC_OBJECT_PORTABLE] = portable_pipeline,
        [HMLC_OBJECT_CALLS] = calls_pipeline,
    };
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMBool wide = kind == HMLC_OBJECT_PORTABLE;
    LLVMPassBuilderOptionsSetLoopVectorization(options, wide);
    LLVMPassBuilderOptionsSetSLPVectorization(options, wide);
    LLVMPassBuilderOptionsSetLoopUnrolling(options, wide);
    LLVMErrorRef error = LLVMRunPasses(module, pipelines[kind], machine, options);
    LLVMDisposePassBuilderOptions(options);
    return error;
}

static LLVMMemoryBufferRef emit(LLVMModuleRef module, LLVMTargetMachineRef machine, int assembly,
                                char **message)
{
    LLVMMemoryBufferRef buffer = NULL;
    LLVMCodeGenFileType type = assembly ? LLVMAssemblyFile : LLVMObjectFile;
    bool failed = LLVMTargetMachineEmitToMemoryBuffer(machine, module, type, message, &buffer);
    return failed ? NULL : buffer;
}

static char *error_text(LLVMErrorRef error)
{
    char *text = LLVMGetErrorMessage(error), *message = LLVMCreateMessage(text);
    LLVMDisposeErrorMessage(text);
    return message;
}

char *hmlc_object_optimise(LLVMModuleRef module, const hmlc_target *target, hmlc_object_kind kind)
{
    char *message = NULL;
    LLVMTargetMachineRef machine = machine_create(target, &message);
    if (machine == NULL) {
        return message;
    }
    LLVMErrorRef error = optimise(module, machine, kind);
    LLVMDisposeTargetMachine(machine);
    return error != NULL ? error_text(error) : NULL;
}

LLVMMemoryBufferRef hmlc_object_code(LLVMModuleRef module, const hmlc_target *target, int assembly,
                                     char **message)
{
    LLVMTargetMachineRef machine = machine_create(target, message);
    if (machine == NULL) {
        return NULL;
    }
    LLVMMemoryBufferRef buffer = emit(module, machine, assembly, message);
    LLVMDisposeTargetMachine(machine);
    return buffer;
}

LLVMMemoryBufferRef hmlc_object_emit(LLVMModuleRef module, const hmlc_target *target,
                                     hmlc_object_kind kind, int assembly, char **message)
{
    LLVMTargetMachineRef machine = machine_create(target, message);
    if (machine == NULL) {
        return NULL;
    }
    LLVMErrorRef error = optimise(module, machine, kind);
    LLVMMemoryBufferRef buffer = NULL;
    if (error != NULL) {
        *message = error_text(error);
    } else {
        buffer = emit(module, machine, assembly, message);
    }
    LLVMDisposeTargetMachine(machine);
    return buffer;
}

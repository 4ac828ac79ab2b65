/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stack that functions of a module need. LLVM tells the size of each frame while it makes code;
 * the calls between the functions say which frames are there at once.
 */
#ifndef HMLC_OBJECT_STACK_H
#define HMLC_OBJECT_STACK_H

#include "llvm.h"

#include "growable.h"
#include <hmlc/target.h>

typedef struct hmlc_stack_frame {
    char name[160];
    uint64_t bytes;
} hmlc_stack_frame;

typedef struct hmlc_object_stack {
    HMLC_TABLE(hmlc_stack_frame) frames;
    char error[256]; /* what LLVM says that is no frame: an error */
    bool failed;     /* no memory */
} hmlc_object_stack;

/* From here on LLVM reports frames of this context to *stack, of functions that ask for it. */
void hmlc_object_stack_watch(hmlc_object_stack *stack, LLVMContextRef context);
/* Makes a function ask for it. */
void hmlc_object_stack_ask(LLVMValueRef function);
/*
 * The most that a call of any function of external linkage needs, callees included: an upper bound.
 * UINT64_MAX: there is none, because functions call each other in a circle.
 */
uint64_t hmlc_object_stack_bound(const hmlc_object_stack *stack, LLVMModuleRef module,
                                 const hmlc_target *target);
void hmlc_object_stack_release(hmlc_object_stack *stack);

#endif

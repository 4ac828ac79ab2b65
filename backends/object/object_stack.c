/* SPDX-License-Identifier: Apache-2.0 */
#include "object_stack.h"

#include <stdio.h>

#include "targets/architecture.h"

/* LLVM's words: "<unknown>:0:0: stack frame size (168) exceeds limit (0) in function 'digits_k3'".
 */
static bool read_frame(const char *text, hmlc_stack_frame *frame)
{
    static const char words[] = "stack frame size (";
    const char *found = strstr(text, words), *name = strchr(text, '\'');
    const char *end = name != NULL ? strchr(name + 1, '\'') : NULL;
    if (found == NULL || end == NULL) {
        return false;
    }
    frame->bytes = strtoull(found + sizeof words - 1, NULL, 10);
    snprintf(frame->name, sizeof frame->name, "%.*s", (int)(end - name - 1), name + 1);
    return true;
}

static void take(LLVMDiagnosticInfoRef info, void *context)
{
    hmlc_object_stack *stack = context;
    hmlc_stack_frame frame;
    char *text = LLVMGetDiagInfoDescription(info);
    if (read_frame(text, &frame)) {
        hmlc_status status = HMLC_APPEND(&stack->frames, &frame);
        stack->failed |= status != HMLC_OK;
    } else if (LLVMGetDiagInfoSeverity(info) == LLVMDSError) {
        snprintf(stack->error, sizeof stack->error, "%s", text);
    }
    LLVMDisposeMessage(text);
}

void hmlc_object_stack_watch(hmlc_object_stack *stack, LLVMContextRef context)
{
    LLVMContextSetDiagnosticHandler(context, take, stack);
}

/* No frame reaches below the stack pointer: LLVM does not count what lies there, and interrupts on
 * the same stack would write over it. */
void hmlc_object_stack_ask(LLVMValueRef function)
{
    static const char name[] = "noredzone";
    LLVMContextRef context = LLVMGetModuleContext(LLVMGetGlobalParent(function));
    unsigned kind = LLVMGetEnumAttributeKindForName(name, sizeof name - 1);
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(context, kind, 0));
    LLVMAddTargetDependentFunctionAttr(function, "warn-stack-size", "0");
}

/* -- the bound --------------------------------------------------------------------------------- */

typedef struct node {
    LLVMValueRef function;
    uint64_t frame, depth;
    enum { NEW, OPEN, DONE } state;
} node;

typedef struct graph {
    const hmlc_object_stack *stack;
    const hmlc_target *target;
    uint64_t call_bytes, alignment; /* of a call, and of the stack */
    HMLC_TABLE(node) nodes;
    bool circle, failed;
} graph;

static uint64_t frame_of(const hmlc_object_stack *stack, const char *name)
{
    for (size_t k = 0; k < stack->frames.count; k++) {
        if (strcmp(stack->frames.data[k].name, name) == 0) {
            return stack->frames.data[k].bytes;
        }
    }
    return 0; /* LLVM reports only what is above the limit, 0 */
}

/* What aligning the frame may add: LLVM then counts neither the bytes skipped nor the registers
 * saved before. */
static uint64_t slack_of(const graph *g, LLVMValueRef function)
{
    uint64_t most = (uint64_t)g->target->vector_bytes;
    if (g->target->stack_alignment != 0) {
        return 0;
    }
    for (LLVMBasicBlockRef block = LLVMGetFirstBasicBlock(function); block != NULL;
         block = LLVMGetNextBasicBlock(block)) {
        for (LLVMValueRef at = LLVMGetFirstInstruction(block); at != NULL;
             at = LLVMGetNextInstruction(at)) {
            uint64_t here = LLVMIsAAllocaInst(at) != NULL ? LLVMGetAlignment(at) : 0;
            most = here > most ? here : most;
        }
    }
    uint64_t saved = hmlc_architecture_of(g->target)->saved_bytes;
    return most > g->alignment ? most - g->alignment + saved : 0;
}

static node *find_node(const graph *g, LLVMValueRef function)
{
    for (size_t k = 0; k < g->nodes.count; k++) {
        if (g->nodes.data[k].function == function) {
            return &g->nodes.data[k];
        }
    }
    return NULL;
}

static uint64_t depth_of(graph *g, LLVMValueRef function);

/* The deepest of the functions that it calls. */
static uint64_t deepest_call(graph *g, LLVMValueRef function)
{
    uint64_t deepest = 0;
    for (LLVMBasicBlockRef block = LLVMGetFirstBasicBlock(function); block != NULL;
         block = LLVMGetNextBasicBlock(block)) {
        for (LLVMValueRef at = LLVMGetFirstInstruction(block); at != NULL;
             at = LLVMGetNextInstruction(at)) {
            if (LLVMIsACallInst(at) == NULL) {
                continue;
            }
            LLVMValueRef callee = LLVMIsAFunction(LLVMGetCalledValue(at));
            if (callee != NULL && find_node(g, callee) != NULL) {
                uint64_t depth = g->call_bytes + depth_of(g, callee);
                deepest = depth > deepest ? depth : deepest;
            }
        }
    }
    return deepest;
}

static uint64_t depth_of(graph *g, LLVMValueRef function)
{
    node *n = find_node(g, function);
    if (n->state == NEW) {
        n->state = OPEN;
        uint64_t callees = deepest_call(g, function); /* the table stays where it is */
        n->depth = n->frame + callees;
        n->state = DONE;
    }
    g->circle |= n->state == OPEN;
    return n->depth;
}

/* The deepest of what LLVM calls without a call in its IR: memcpy, __divdi3 and the like. */
static uint64_t deepest_support(graph *g)
{
    uint64_t deepest = 0;
    for (size_t k = 0; k < g->nodes.count; k++) {
        const char *name = LLVMGetValueName(g->nodes.data[k].function);
        bool support = strncmp(name, "mem", 3) == 0 || strncmp(name, "__", 2) == 0;
        if (support && LLVMGetLinkage(g->nodes.data[k].function) == LLVMInternalLinkage) {
            uint64_t depth = g->call_bytes + depth_of(g, g->nodes.data[k].function);
            deepest = depth > deepest ? depth : deepest;
        }
    }
    return deepest;
}

static void collect(graph *g, LLVMModuleRef module)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f != NULL; f = LLVMGetNextFunction(f)) {
        if (LLVMIsDeclaration(f)) {
            continue;
        }
        node added = {.function = f, .frame = frame_of(g->stack, LLVMGetValueName(f))};
        added.frame += added.frame > 0 ? slack_of(g, f) : 0;
        hmlc_status status = HMLC_APPEND(&g->nodes, &added);
        g->failed |= status != HMLC_OK;
    }
}

/* Of the stack, in bytes: "S128" in the data layout, which counts bits. */
static uint64_t stack_alignment(LLVMModuleRef module)
{
    const char *found = strstr(LLVMGetDataLayoutStr(module), "-S");
    return found != NULL ? strtoull(found + 2, NULL, 10) / 8 : 1;
}

uint64_t hmlc_object_stack_bound(const hmlc_object_stack *stack, LLVMModuleRef module,
                                 const hmlc_target *target)
{
    graph g = {.stack = stack,
               .target = target,
               .call_bytes = hmlc_architecture_of(target)->call_bytes,
               .alignment = stack_alignment(module)};
    collect(&g, module);
    uint64_t most = 0;
    for (size_t k = 0; k < g.nodes.count && !g.failed; k++) {
        LLVMValueRef function = g.nodes.data[k].function;
        if (LLVMGetLinkage(function) == LLVMExternalLinkage) {
            uint64_t depth = g.call_bytes + depth_of(&g, function);
            most = depth > most ? depth : most;
        }
    }
    most += deepest_support(&g);
    HMLC_TABLE_FREE(&g.nodes);
    return g.circle || g.failed ? UINT64_MAX : most;
}

void hmlc_object_stack_release(hmlc_object_stack *stack)
{
    HMLC_TABLE_FREE(&stack->frames);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object's code: kernels, portable kernels and the functions that call them are modules of their
 * own, because LLVM may do different things to each; then they are linked, and what only this
 * object knows becomes local to it.
 */
#include "llvm.h"

#include "object_program.h"
#include "object_stack.h"
#include "object_symbols.h"
#include "targets/architecture.h"
#include "llvm/frame/frame.h"
#include "llvm/frame/object.h"
#include "llvm/portable/portable_class.h"

typedef struct generator {
    const hmlc_object_form *form;
    const hmlc_program *program;
    const hmlc_target *target;
    hmlc_arena *arena;
    LLVMContextRef context;
    LLVMModuleRef all;
    bool *fails; /* by unique kernel */
    uint32_t *progress;
    hmlc_object_stack stack;
} generator;

static hmlc_status failed(const generator *g, hmlc_error error, const char *what,
                          const char *message)
{
    return hmlc_error_add(g->program->module->diagnostics, error, NULL, NULL, "%s%s", what,
                          message != NULL ? message : "");
}

static LLVMModuleRef new_module(const generator *g)
{
    LLVMModuleRef module = hmlc_object_module(g->context, g->target, "hmlc");
    if (module != NULL) {
        LLVMSetSourceFileName(module, "", 0); /* it would become a symbol */
    }
    return module;
}

/* Optimises a module and moves its contents into the one of all. */
static hmlc_status join(generator *g, LLVMModuleRef module, hmlc_object_kind kind)
{
    char *message = hmlc_object_optimise(module, g->target, kind);
    if (message != NULL) {
        return failed(g, HMLC_ERROR_codegen_failed, "LLVM: ", message);
    }
    return LLVMLinkModules2(g->all, module)
               ? failed(g, HMLC_ERROR_compiler_defect, "modules of an object do not fit", NULL)
               : HMLC_OK;
}

static hmlc_status add_kernels(generator *g, bool portable)
{
    const hmlc_unique_kernel *unique = g->program->unique.data;
    LLVMModuleRef module = new_module(g);
    HMLC_TRY_MEMORY(module);
    hmlc_module *ir = g->program->module;
    if (portable) {
        HMLC_TRY(hmlc_portable_link(module, g->target, true, ir->diagnostics));
    }
    for (uint32_t k = 0; k < g->program->unique.count; k++) {
        if ((unique[k].plan->class_ == &hmlc_portable_class) != portable) {
            continue;
        }
        *g->progress = k;
        const char *name = hmlc_object_kernel_name(g->form, k);
        HMLC_TRY_MEMORY(name);
        HMLC_TRY(hmlc_kernel_emit_direct(module, ir, unique[k].plan, name, g->arena, &g->fails[k]));
    }
    *g->progress = UINT32_MAX;
    hmlc_portable_internalise(module, g->target, false);
    return join(g, module, portable ? HMLC_OBJECT_PORTABLE : HMLC_OBJECT_KERNELS);
}

static bool has_portable(const hmlc_program *program)
{
    for (uint32_t k = 0; k < program->unique.count; k++) {
        if (program->unique.data[k].plan->class_ == &hmlc_portable_class) {
            return true;
        }
    }
    return false;
}

static hmlc_status add_program(generator *g)
{
    LLVMModuleRef module = new_module(g);
    HMLC_TRY_MEMORY(module);
    HMLC_TRY(hmlc_object_program(g->form, module, g->fails, g->arena));
    return join(g, module, HMLC_OBJECT_CALLS);
}

/* -- what is left to decide when all is there -------------------------------------------------- */

static bool is_public(const generator *g, const char *name)
{
    size_t length = strlen(g->form->prefix);
    return strncmp(name, g->form->prefix, length) == 0 &&
           (strcmp(name + length, "_run") == 0 || strcmp(name + length, "_run_steps") == 0);
}

/* A section a function, so that linkers drop what nobody calls. */
static hmlc_status place(const generator *g, LLVMValueRef function)
{
    const char *section = g->form->options->code_section;
    if (section == NULL && g->form->weights_section == NULL) {
        return HMLC_OK;
    }
    if (section == NULL) {
        section = hmlc_arena_printf(g->arena, ".text.%s", LLVMGetValueName(function));
        HMLC_TRY_MEMORY(section);
    }
    LLVMSetSection(function, section);
    return HMLC_OK;
}

static hmlc_status finish(generator *g)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(g->all); f != NULL; f = LLVMGetNextFunction(f)) {
        if (LLVMIsDeclaration(f)) {
            continue;
        }
        if (!is_public(g, LLVMGetValueName(f))) {
            LLVMSetVisibility(f, LLVMDefaultVisibility);
            LLVMSetLinkage(f, LLVMInternalLinkage);
        }
        hmlc_object_stack_ask(f);
        HMLC_TRY(place(g, f));
    }
    return HMLC_OK;
}

static bool is_wanted(const hmlc_object_symbols *names, const char *name)
{
    for (size_t k = 0; k < names->count; k++) {
        if (strcmp(names->data[k], name) == 0) {
            return true;
        }
    }
    return false;
}

/* The functions that LLVM called on its own, as far as we have them. */
static hmlc_status add_support(generator *g, const hmlc_object_symbols *names)
{
    LLVMModuleRef module = new_module(g);
    HMLC_TRY_MEMORY(module);
    HMLC_TRY(hmlc_portable_link(module, g->target, false, g->program->module->diagnostics));
    hmlc_portable_internalise(module, g->target, true);
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f != NULL; f = LLVMGetNextFunction(f)) {
        if (!LLVMIsDeclaration(f) && !is_wanted(names, LLVMGetValueName(f))) {
            LLVMSetVisibility(f, LLVMDefaultVisibility);
            LLVMSetLinkage(f, LLVMInternalLinkage); /* goes, unless one that stays calls it */
        }
    }
    HMLC_TRY(join(g, module, HMLC_OBJECT_PORTABLE));
    return finish(g);
}

/* -- making it --------------------------------------------------------------------------------- */

static hmlc_status make_code(generator *g, LLVMModuleRef module, LLVMMemoryBufferRef *object)
{
    char *message = NULL;
    g->stack.frames.count = 0;
    *object = hmlc_object_code(module, g->target, 0, &message);
    if (*object == NULL) {
        return failed(g, HMLC_ERROR_codegen_failed, "LLVM: ", message);
    }
    if (g->stack.error[0] != '\0') {
        return failed(g, HMLC_ERROR_codegen_failed, "LLVM: ", g->stack.error);
    }
    return g->stack.failed ? HMLC_RESOURCE : HMLC_OK;
}

static uint32_t kernel_of(const generator *g, LLVMValueRef function)
{
    uint32_t k = 0;
    for (; k < g->program->unique.count; k++) {
        const char *kernel = hmlc_object_kernel_name(g->form, k);
        if (kernel != NULL && strcmp(kernel, LLVMGetValueName(function)) == 0) {
            break;
        }
    }
    return k;
}

/* The function of a section: ".text.<name>". */
static LLVMValueRef function_of(const generator *g, const char *section)
{
    LLVMValueRef f = LLVMGetFirstFunction(g->all);
    for (; f != NULL; f = LLVMGetNextFunction(f)) {
        size_t own = strlen(LLVMGetValueName(f)), length = strlen(section);
        if (own < length && section[length - own - 1] == '.' &&
            strcmp(section + length - own, LLVMGetValueName(f)) == 0) {
            break;
        }
    }
    return f;
}

/* A function that calls this one, as portable kernels call those that they share. */
static LLVMValueRef caller_of(LLVMValueRef function)
{
    LLVMUseRef use = LLVMGetFirstUse(function);
    LLVMValueRef user = use != NULL ? LLVMIsAInstruction(LLVMGetUser(use)) : NULL;
    return user != NULL ? LLVMGetBasicBlockParent(LLVMGetInstructionParent(user)) : NULL;
}

/* The kernel whose code asks for a function, itself or by one that it calls; NULL: it has no
 * section of its own. */
static const hmlc_location *user_of(const generator *g, LLVMMemoryBufferRef object,
                                    const char *name)
{
    char section[256];
    hmlc_object_user(object, name, section, sizeof section);
    LLVMValueRef function = function_of(g, section);
    for (uint32_t depth = 0; function != NULL && depth < 16; depth++) {
        uint32_t k = kernel_of(g, function);
        if (k < g->program->unique.count) {
            *g->progress = k;
            return g->program->unique.data[k].plan->kernel->location;
        }
        function = caller_of(function);
    }
    return NULL;
}

/* What helps where a processor lacks what LLVM's function `name` does; "df" in it is f64. */
static const char *hint_of(const char *name)
{
    return strstr(name, "df") != NULL
               ? "the kernel computes in f64, which this processor has not; express the operator "
                 "through others, or take a target of 64 bits"
               : "take a processor that has it, or a target of 64 bits";
}

static hmlc_status check_undefined(const generator *g, LLVMMemoryBufferRef object)
{
    hmlc_object_symbols names = {0};
    hmlc_status status = hmlc_object_undefined(object, g->program->module->diagnostics, &names);
    if (status == HMLC_OK && names.count > 0) {
        status = hmlc_error_add(g->program->module->diagnostics, HMLC_ERROR_object_unfit,
                                user_of(g, object, names.data[0]), hint_of(names.data[0]),
                                "%s has no instruction for '%s', which the model needs",
                                g->target->name, names.data[0]);
    }
    hmlc_object_symbols_release(&names);
    return status;
}

/* Whether LLVM calls functions of its own is known once the code is there: then it is made again,
 * with them. */
static hmlc_status make_object(generator *g, LLVMMemoryBufferRef *object)
{
    hmlc_object_symbols names = {0};
    LLVMModuleRef copy = LLVMCloneModule(g->all);
    hmlc_status status = make_code(g, copy, object);
    LLVMDisposeModule(copy);
    status = status == HMLC_OK
                 ? hmlc_object_undefined(*object, g->program->module->diagnostics, &names)
                 : status;
    if (status == HMLC_OK && names.count > 0) {
        status = add_support(g, &names);
        status = status == HMLC_OK ? make_code(g, g->all, object) : status;
    }
    hmlc_object_symbols_release(&names);
    return status == HMLC_OK ? check_undefined(g, *object) : status;
}

static hmlc_status measure(const generator *g, LLVMMemoryBufferRef object,
                           hmlc_object_figures *figures)
{
    const hmlc_object_options *options = g->form->options;
    figures->stack_bytes = hmlc_object_stack_bound(&g->stack, g->all, g->target);
    uint64_t text = hmlc_object_section_bytes(object, ".text", options->code_section, NULL);
    figures->code_bytes =
        text + hmlc_object_section_bytes(object, ".rodata", NULL, g->form->weights_section);
    return figures->stack_bytes != UINT64_MAX
               ? HMLC_OK
               : failed(g, HMLC_ERROR_compiler_defect, "functions call each other in a circle",
                        NULL);
}

/* What linkers want to know of the object as a whole. */
static void describe(const generator *g)
{
    const char *words = hmlc_architecture_of(g->target)->hard_float;
    size_t length = strlen(g->target->triple);
    if (words != NULL && length > 2 && strcmp(g->target->triple + length - 2, "hf") == 0) {
        LLVMAppendModuleInlineAsm(g->all, words, strlen(words));
    }
}

static hmlc_status generate(generator *g, hmlc_object_figures *figures, hmlc_byte_table *bytes)
{
    g->all = new_module(g);
    if (g->all == NULL) {
        return failed(g, HMLC_ERROR_object_unfit, "LLVM has no code for the triple ",
                      g->target->triple);
    }
    describe(g);
    HMLC_TRY(add_kernels(g, false));
    if (has_portable(g->program)) {
        HMLC_TRY(add_kernels(g, true));
    }
    HMLC_TRY(add_program(g));
    HMLC_TRY(finish(g));
    LLVMMemoryBufferRef object = NULL;
    HMLC_TRY(make_object(g, &object));
    HMLC_TRY(measure(g, object, figures));
    size_t size = LLVMGetBufferSize(object);
    HMLC_TRY(HMLC_TABLE_RESERVE(bytes, size));
    memcpy(bytes->data, LLVMGetBufferStart(object), size);
    bytes->count = size;
    return HMLC_OK;
}

hmlc_status hmlc_object_generate(const hmlc_object_form *form, uint32_t *progress,
                                 hmlc_object_figures *figures, hmlc_byte_table *bytes)
{
    generator g = {.form = form,
                   .program = form->program,
                   .target = form->program->target,
                   .arena = hmlc_arena_create(NULL),
                   .context = LLVMContextCreate(),
                   .progress = progress};
    HMLC_TRY_MEMORY(g.arena);
    hmlc_object_stack_watch(&g.stack, g.context);
    g.fails = HMLC_NEW_ARRAY(g.arena, bool, form->program->unique.count + 1);
    hmlc_status status = g.fails != NULL ? generate(&g, figures, bytes) : HMLC_RESOURCE;
    hmlc_object_stack_release(&g.stack);
    hmlc_arena_destroy(g.arena);
    return status; /* LLVM's memory is left to the system: the process ends */
}

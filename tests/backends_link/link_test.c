/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The code image refers to nothing outside of itself: what is undefined, relocated at load time or
 * writable is refused, for every target. Each case is LLVM IR, so that the check itself is seen to
 * fail.
 */
#define _GNU_SOURCE /* memfd_create */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <llvm-c/IRReader.h>
#include <llvm-c/Target.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/link.h"
#include "targets/architecture.h"
#include "llvm/frame/object.h"

#include <hmlc/backends.h>

typedef struct link_case {
    const char *name, *code;
    int expected;        /* 0: links; else the error */
    const char *message; /* a part of it */
} link_case;

/* Nops before the entry are room for its seal: object_of fits their number to the target. */
#define ROOM   "patchable-function-prefix"
#define KERNEL "define protected i32 @k0(ptr %a) nounwind \"" ROOM "\"=\"8\" "

static const link_case cases[] = {
    {"code alone", KERNEL "{ ret i32 0 }", 0, NULL},
    {"constants",
     "@c = private constant [4 x i32] [i32 1, i32 2, i32 3, i32 4]\n" KERNEL "{\n"
     "  %i = load i64, ptr %a\n"
     "  %p = getelementptr [4 x i32], ptr @c, i64 0, i64 %i\n"
     "  %v = load i32, ptr %p\n"
     "  ret i32 %v\n"
     "}",
     0, NULL},
    {"a function of libm",
     "declare float @expf(float)\n" KERNEL "{\n"
     "  %x = load float, ptr %a\n"
     "  %y = call float @expf(float %x)\n"
     "  store float %y, ptr %a\n"
     "  ret i32 0\n"
     "}",
     HMLC_ERROR_undefined_symbol, "expf"},
    {"a function that may be missing",
     "declare extern_weak i32 @perhaps()\n" KERNEL "{\n"
     "  %x = call i32 @perhaps()\n"
     "  ret i32 %x\n"
     "}",
     HMLC_ERROR_undefined_symbol, "perhaps"},
    {"a table of addresses",
     "@t = private constant [2 x ptr] [ptr @k0, ptr @t]\n" KERNEL "{\n"
     "  %i = load i64, ptr %a\n"
     "  %p = getelementptr [2 x ptr], ptr @t, i64 0, i64 %i\n"
     "  %v = load ptr, ptr %p\n"
     "  store ptr %v, ptr %a\n"
     "  ret i32 0\n"
     "}",
     HMLC_ERROR_undefined_symbol, ""},
    {"a variable",
     "@v = internal global i32 0\n" KERNEL "{\n"
     "  %x = load i32, ptr @v\n"
     "  %y = add i32 %x, 1\n"
     "  store i32 %y, ptr @v\n"
     "  ret i32 %y\n"
     "}",
     HMLC_ERROR_undefined_symbol, "bss"},
    {"a missing kernel", "define protected i32 @k1(ptr %a) nounwind { ret i32 0 }",
     HMLC_ERROR_link_failed, "missing"},
    {"no room for the seal", "define protected i32 @k0(ptr %a) nounwind { ret i32 0 }",
     HMLC_ERROR_link_failed, "room for its seal"},
};

static int object_of(const char *code, const hmlc_target *target)
{
    char *message = NULL;
    assert_null(hmlc_llvm_load());
    LLVMContextRef context = LLVMContextCreate();
    LLVMModuleRef module = hmlc_object_module(context, target, "test"), parsed = NULL;
    LLVMMemoryBufferRef text = LLVMCreateMemoryBufferWithMemoryRange(code, strlen(code), "", 1);
    assert_non_null(module);
    if (LLVMParseIRInContext(context, text, &parsed, &message)) {
        fail_msg("%s", message);
    }
    if (strstr(code, ROOM) != NULL) {
        size_t nops = sizeof(hml_entry_seal) / hmlc_architecture_of(target)->nop.size;
        const char room[] = {(char)('0' + nops), '\0'};
        LLVMAddTargetDependentFunctionAttr(LLVMGetNamedFunction(parsed, "k0"), ROOM, room);
    }
    LLVMSetTarget(parsed, LLVMGetTarget(module));
    LLVMSetModuleDataLayout(parsed, LLVMGetModuleDataLayout(module));
    LLVMMemoryBufferRef object = hmlc_object_emit(parsed, target, HMLC_OBJECT_KERNELS, 0, &message);
    assert_non_null(object);
    int file = memfd_create("object", 0);
    size_t size = LLVMGetBufferSize(object);
    assert_int_equal(write(file, LLVMGetBufferStart(object), size), size);
    LLVMDisposeMemoryBuffer(object);
    LLVMDisposeModule(parsed);
    LLVMDisposeModule(module);
    LLVMContextDispose(context);
    return file;
}

static void check(const link_case *test, const hmlc_target *target)
{
    hmlc_module *module = hmlc_module_create(NULL);
    assert_non_null(module);
    hml_kernel_record kernel = {0};
    hmlc_program program = {.module = module,
                            .arena = module->arena,
                            .target = target,
                            .kernels = {.data = &kernel, .count = 1}};
    int file = object_of(test->code, target);
    hmlc_objects objects = {0};
    assert_int_equal(hmlc_objects_add(&objects, file), HMLC_OK);
    hmlc_image image = {0};
    hmlc_status status = hmlc_link(&program, &objects, &image);
    const hmlc_diagnostic *first = hmlc_diagnostics_first(module->diagnostics);
    if (test->expected == 0
            ? status != HMLC_OK || image.record.text_bytes == 0
            : status == HMLC_OK || first == NULL || (int)first->error != test->expected ||
                  strstr(first->message, test->message) == NULL) {
        fail_msg("%s, %s: status %d: %s", test->name, target->name, (int)status,
                 first != NULL ? first->message : "no message");
    }
    hmlc_image_release(&image);
    hmlc_objects_release(&objects);
    close(file);
    hmlc_module_destroy(module);
}

static void images_stand_alone(void **state)
{
    (void)state;
    for (uint32_t t = 0; t < hmlc_target_count(); t++) {
        bool images = !hmlc_target_at(t)->object_only;
        for (size_t k = 0; images && k < sizeof cases / sizeof cases[0]; k++) {
            check(&cases[k], hmlc_target_at(t));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(images_stand_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

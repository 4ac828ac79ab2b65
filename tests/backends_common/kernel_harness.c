/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_harness.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>

#include "kernel_classes.h"
#include "llvm/frame/frame.h"
#include "llvm/frame/object.h"
#include "llvm/portable/portable_class.h"

enum { CANARY_BYTES = 64, CANARY = 0xA5 };

bool harness_can_run(const char *target)
{
    __builtin_cpu_init();
    if (strcmp(target, "x86-64-v2") == 0) {
        return __builtin_cpu_supports("sse4.2");
    }
    if (strcmp(target, "x86-64-v3") == 0) {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    }
    return strcmp(target, "x86-64-v4") == 0 && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

static const hmlc_op *find_kernel(const hmlc_module *module)
{
    HMLC_FOR_EACH_OP(op, module->main)
    {
        if (op->opcode == HMLC_OP_kernel) {
            return op;
        }
    }
    fail_msg("the module has no kernel");
    return NULL;
}

static void print_diagnostics(const hmlc_module *module)
{
    for (const hmlc_diagnostic *d = hmlc_diagnostics_first(module->diagnostics); d != NULL;
         d = d->next) {
        fprintf(stderr, "%s\n", d->message);
    }
}

hmlc_status harness_plan(hmlc_module *module, const char *target, hmlc_arena *arena,
                         hmlc_kernel_plan *plan)
{
    hmlc_plan_context context = {module, arena, hmlc_target_find(target)};
    assert_non_null(context.target);
    return hmlc_kernel_plan_create(&context, find_kernel(module), plan);
}

static LLVMMemoryBufferRef emit_object(hmlc_module *module, const hmlc_kernel_plan *plan,
                                       hmlc_arena *arena, int assembly)
{
    assert_null(hmlc_llvm_load());
    LLVMContextRef context = LLVMContextCreate();
    LLVMModuleRef code = hmlc_object_module(context, plan->target, "test");
    assert_non_null(code);
    bool portable = plan->class_ == &hmlc_portable_class;
    if (portable) {
        assert_int_equal(hmlc_portable_link(code, plan->target, true, module->diagnostics),
                         HMLC_OK);
    }
    hmlc_status status = hmlc_kernel_emit(code, module, plan, "test_kernel", arena);
    if (status != HMLC_OK) {
        print_diagnostics(module);
        fail_msg("emission failed with status %d", (int)status);
    }
    char *message = NULL;
    hmlc_portable_internalise(code, plan->target, false);
    LLVMMemoryBufferRef object =
        hmlc_object_emit(code, plan->target, portable ? HMLC_OBJECT_PORTABLE : HMLC_OBJECT_KERNELS,
                         assembly, &message);
    if (object == NULL) {
        fail_msg("no object: %s", message);
    }
    LLVMDisposeModule(code);
    LLVMContextDispose(context);
    return object;
}

/* Generated code may call these and nothing else. */
static void define_memory_functions(LLVMOrcLLJITRef jit)
{
    const struct {
        const char *name;
        uint64_t address;
    } functions[] = {{"memcpy", (uint64_t)(uintptr_t)&memcpy},
                     {"memmove", (uint64_t)(uintptr_t)&memmove},
                     {"memset", (uint64_t)(uintptr_t)&memset}};
    LLVMOrcCSymbolMapPair pairs[3];
    for (int k = 0; k < 3; k++) {
        pairs[k].Name = LLVMOrcLLJITMangleAndIntern(jit, functions[k].name);
        pairs[k].Sym.Address = functions[k].address;
        pairs[k].Sym.Flags = (LLVMJITSymbolFlags){LLVMJITSymbolGenericFlagsExported, 0};
    }
    LLVMOrcMaterializationUnitRef unit = LLVMOrcAbsoluteSymbols(pairs, 3);
    LLVMErrorRef error = LLVMOrcJITDylibDefine(LLVMOrcLLJITGetMainJITDylib(jit), unit);
    assert_null(error);
}

static void fail_on(LLVMErrorRef error, const char *what)
{
    if (error != NULL) {
        char *text = LLVMGetErrorMessage(error);
        fail_msg("%s: %s", what, text);
    }
}

static void load_object(harness_kernel *kernel, LLVMMemoryBufferRef object)
{
    LLVMOrcLLJITRef jit = NULL;
    fail_on(LLVMOrcCreateLLJIT(&jit, NULL), "no loader");
    define_memory_functions(jit);
    fail_on(LLVMOrcLLJITAddObjectFile(jit, LLVMOrcLLJITGetMainJITDylib(jit), object), "load");
    LLVMOrcExecutorAddress address = 0;
    fail_on(LLVMOrcLLJITLookup(jit, &address, "test_kernel"), "undefined symbol");
    kernel->jit = jit;
    kernel->function = (hml_kernel_function *)(uintptr_t)address;
}

harness_kernel *harness_compile(hmlc_module *module, const char *target)
{
    harness_kernel *kernel = calloc(1, sizeof *kernel);
    assert_non_null(kernel);
    kernel->module = module;
    kernel->arena = hmlc_arena_create(NULL);
    assert_non_null(kernel->arena);
    hmlc_status status = harness_plan(module, target, kernel->arena, &kernel->plan);
    if (status != HMLC_OK) {
        print_diagnostics(module);
        fail_msg("refused with status %d", (int)status);
    }
    LLVMMemoryBufferRef object = emit_object(module, &kernel->plan, kernel->arena, 0);
    load_object(kernel, object);
    kernel->symbol_count = hmlc_kernel_symbols(&kernel->plan, kernel->arena, &kernel->symbols);
    assert_true(kernel->symbol_count != UINT32_MAX);
    return kernel;
}

void harness_free(harness_kernel *kernel)
{
    LLVMErrorRef error = LLVMOrcDisposeLLJIT(kernel->jit);
    assert_null(error);
    hmlc_arena_destroy(kernel->arena);
    free(kernel);
}

char *harness_assembly(hmlc_module *module, const char *target)
{
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_kernel_plan plan;
    assert_non_null(arena);
    assert_int_equal(harness_plan(module, target, arena, &plan), HMLC_OK);
    LLVMMemoryBufferRef buffer = emit_object(module, &plan, arena, 1);
    size_t size = LLVMGetBufferSize(buffer);
    char *text = calloc(1, size + 1);
    assert_non_null(text);
    memcpy(text, LLVMGetBufferStart(buffer), size);
    LLVMDisposeMemoryBuffer(buffer);
    hmlc_arena_destroy(arena);
    return text;
}

/* Everything that one call needs. */
typedef struct kernel_call {
    hml_kernel_args args;
    void **operands;
    int64_t *operand_bytes, *dims;
    int64_t detail[2];
} kernel_call;

static void *canary_memory(hmlc_arena *arena, size_t bytes)
{
    unsigned char *memory = hmlc_arena_allocate(arena, bytes + 2 * CANARY_BYTES);
    assert_non_null(memory);
    memset(memory, CANARY, bytes + 2 * CANARY_BYTES);
    return memory + CANARY_BYTES;
}

static void check_canaries(const void *data, size_t bytes)
{
    const unsigned char *memory = data;
    for (int k = 1; k <= CANARY_BYTES; k++) {
        if (memory[-k] != CANARY || memory[bytes + (size_t)k - 1] != CANARY) {
            fail_msg("a result was written %d bytes out of bounds", k);
        }
    }
}

static const hmlc_tensor *outer_tensor(const hmlc_value *value, const hmlc_tensor *inputs)
{
    return value->producer == NULL ? &inputs[value->index] : hmlc_value_constant(value);
}

/* Results: dtype, dims and memory. */
static void make_output(const hmlc_value *value, const int64_t *symbols, hmlc_arena *arena,
                        hmlc_tensor *output)
{
    const hmlc_type *type = value->type;
    *output = (hmlc_tensor){.dtype = type->dtype, .rank = type->rank};
    size_t bytes = hmlc_dtype_bytes(type->dtype);
    for (int32_t k = 0; k < type->rank; k++) {
        assert_true(hmlc_dim_evaluate(type->dims[k], symbols, &output->dims[k]));
        bytes *= (size_t)output->dims[k];
    }
    output->bytes = bytes;
    output->data = canary_memory(arena, bytes);
}

static void *without_const(const void *pointer)
{
    union {
        const void *from;
        void *to;
    } both = {.from = pointer};
    return both.to;
}

static void bind_operand(harness_kernel *kernel, uint32_t index, const hmlc_tensor *inputs,
                         const hmlc_tensor *outputs, hmlc_arena *arena, kernel_call *call)
{
    const hmlc_kernel_operand *operand = &kernel->plan.operands[index];
    const void *data = NULL;
    size_t bytes = operand->bytes;
    if (operand->kind == HMLC_OPERAND_RESULT) {
        data = outputs[operand->index].data;
        bytes = outputs[operand->index].bytes;
    } else {
        const hmlc_value *value = kernel->plan.kernel->operands[operand->index].value;
        const hmlc_tensor *tensor = outer_tensor(value, inputs);
        assert_non_null(tensor);
        if (operand->kind == HMLC_OPERAND_PACKED) {
            void *packed = hmlc_arena_allocate(arena, bytes + 64);
            assert_non_null(packed);
            assert_int_equal(operand->pack(&kernel->plan, tensor, packed), HMLC_OK);
            data = packed;
        } else { /* exactly as many bytes, so that sanitizers see a read behind them */
            bytes = tensor->bytes;
            data = hmlc_arena_copy(arena, tensor->data, bytes);
        }
    }
    assert_non_null(data);
    call->operands[index] = without_const(data);
    call->operand_bytes[index] = (int64_t)bytes;
}

static int64_t evaluate(hmlc_dim dim, const int64_t *symbols)
{
    int64_t value = 0;
    assert_true(hmlc_dim_evaluate(dim, symbols, &value));
    return value;
}

static void prepare(harness_kernel *kernel, const hmlc_tensor *inputs, hmlc_arena *arena,
                    hmlc_tensor *outputs, kernel_call *call)
{
    hmlc_module *module = kernel->module;
    const hmlc_kernel_plan *plan = &kernel->plan;
    int64_t *symbols = HMLC_NEW_ARRAY(arena, int64_t, hmlc_symbol_count(module->dims) + 1);
    assert_non_null(symbols);
    assert_int_equal(hmlc_bind_inputs(module, inputs, module->main->argument_count, symbols),
                     HMLC_OK);
    for (uint32_t k = 0; k < plan->kernel->result_count; k++) {
        make_output(plan->kernel->results[k], symbols, arena, &outputs[k]);
    }
    memset(call, 0, sizeof *call);
    call->operands = HMLC_NEW_ARRAY(arena, void *, plan->operand_count + 1);
    call->operand_bytes = HMLC_NEW_ARRAY(arena, int64_t, plan->operand_count + 1);
    call->dims = HMLC_NEW_ARRAY(arena, int64_t, kernel->symbol_count + 1);
    for (uint32_t k = 0; k < hmlc_kernel_passed_count(plan); k++) {
        bind_operand(kernel, k, inputs, outputs, arena, call);
    }
    for (uint32_t k = 0; k < kernel->symbol_count; k++) {
        call->dims[k] = symbols[kernel->symbols[k]->index];
    }
    int64_t scratch = evaluate(plan->scratch_bytes, symbols);
    call->args = (hml_kernel_args){
        .operands = call->operands,
        .dims = call->dims,
        .scratch = canary_memory(arena, (size_t)scratch),
        .detail = call->detail,
        .operand_bytes = call->operand_bytes,
        .scratch_bytes = scratch,
        .units = evaluate(plan->units, symbols),
        .operand_count = hmlc_kernel_passed_count(plan),
        .dim_count = kernel->symbol_count,
        .written_count = plan->kernel->result_count,
    };
}

static int32_t run_pieces(harness_kernel *kernel, kernel_call *call, uint32_t pieces)
{
    for (uint32_t k = pieces; k-- > 0;) {
        hml_kernel_args args = call->args;
        args.begin = args.units * (int64_t)k / (int64_t)pieces;
        args.end = args.units * ((int64_t)k + 1) / (int64_t)pieces;
        args.mode = HML_KERNEL_RUN;
        int32_t status = kernel->function(&args);
        if (status != HML_KERNEL_OK) {
            return status;
        }
    }
    check_canaries(call->args.scratch, (size_t)call->args.scratch_bytes);
    return HML_KERNEL_OK;
}

int32_t harness_run(harness_kernel *kernel, const hmlc_tensor *inputs, hmlc_arena *arena,
                    hmlc_tensor *outputs, uint32_t pieces)
{
    kernel_call call;
    prepare(kernel, inputs, arena, outputs, &call);
    int32_t status = run_pieces(kernel, &call, pieces);
    for (uint32_t k = 0; k < kernel->plan.kernel->result_count; k++) {
        check_canaries(outputs[k].data, outputs[k].bytes);
    }
    return status;
}

static void check_mode(harness_kernel *kernel, const hmlc_tensor *inputs, hmlc_arena *arena,
                       hmlc_tensor *outputs)
{
    kernel_call call;
    prepare(kernel, inputs, arena, outputs, &call);
    call.args.mode = HML_KERNEL_CHECK;
    assert_int_equal(kernel->function(&call.args), HML_KERNEL_OK);
    for (uint32_t k = 0; k < hmlc_kernel_passed_count(&kernel->plan); k++) {
        if (call.operand_bytes[k] > 0) {
            call.operand_bytes[k]--;
            assert_int_equal(kernel->function(&call.args), HML_KERNEL_BOUNDS);
            call.operand_bytes[k]++;
        }
    }
    call.args.units++;
    assert_int_equal(kernel->function(&call.args), HML_KERNEL_BOUNDS);
}

/* Which kernel failed. */
static void print_kernel(const hmlc_kernel_plan *plan)
{
    HMLC_FOR_EACH_OP(op, plan->kernel->regions[0])
    {
        char type[128] = "";
        if (op->result_count > 0) {
            hmlc_type_format(op->results[0]->type, type, sizeof type);
        }
        fprintf(stderr, "  %s -> %s\n", hmlc_op_get_info(op->opcode)->name, type);
    }
}

static void compare(const hmlc_tensor *found, const hmlc_tensor *expected,
                    harness_tolerance tolerance, const hmlc_kernel_plan *plan)
{
    const char *target = plan->target->name;
    assert_int_equal(found->dtype, expected->dtype);
    assert_int_equal(found->rank, expected->rank);
    int64_t count = hmlc_tensor_count(expected);
    assert_int_equal(hmlc_tensor_count(found), count);
    for (int64_t k = 0; k < count; k++) {
        if (!hmlc_dtype_is_float(expected->dtype)) {
            int64_t a = hmlc_tensor_get_int(found, k), b = hmlc_tensor_get_int(expected, k);
            if (a != b) {
                print_kernel(plan);
                fail_msg("%s: element %lld of %lld is %lld; expected %lld", target, (long long)k,
                         (long long)count, (long long)a, (long long)b);
            }
            continue;
        }
        double a = hmlc_tensor_get_double(found, k), b = hmlc_tensor_get_double(expected, k);
        bool same = a == b || (isnan(a) && isnan(b)) ||
                    fabs(a - b) <= tolerance.absolute + tolerance.relative * fabs(b);
        if (!same) {
            print_kernel(plan);
            fail_msg("%s: element %lld of %lld is %.9g; expected %.9g", target, (long long)k,
                     (long long)count, a, b);
        }
    }
}

/*
 * Check mode accepts exact sizes and refuses smaller ones; a run in one piece and in three pieces
 * gives the same bits; the results are those of the reference interpreter, integers exactly.
 */
static void verify_kernel(harness_kernel *kernel, const hmlc_tensor *inputs,
                          harness_tolerance tolerance)
{
    hmlc_module *module = kernel->module;
    uint32_t count = kernel->plan.kernel->result_count;
    const char *target = kernel->plan.target->name;
    hmlc_arena *arena = hmlc_arena_create(NULL);
    assert_non_null(arena);
    hmlc_tensor *expected = HMLC_NEW_ARRAY(arena, hmlc_tensor, count);
    hmlc_tensor *whole = HMLC_NEW_ARRAY(arena, hmlc_tensor, count);
    hmlc_tensor *split = HMLC_NEW_ARRAY(arena, hmlc_tensor, count);
    if (hmlc_interpret(module, inputs, module->main->argument_count, arena, expected, count) !=
        HMLC_OK) {
        print_diagnostics(module);
        fail_msg("the reference interpreter failed");
    }
    check_mode(kernel, inputs, arena, whole);
    assert_int_equal(harness_run(kernel, inputs, arena, whole, 1), HML_KERNEL_OK);
    assert_int_equal(harness_run(kernel, inputs, arena, split, 3), HML_KERNEL_OK);
    for (uint32_t k = 0; k < count; k++) {
        compare(&whole[k], &expected[k], tolerance, &kernel->plan);
        if (memcmp(whole[k].data, split[k].data, whole[k].bytes) != 0) {
            fail_msg("%s: the bits depend on how units are split", target);
        }
    }
    hmlc_arena_destroy(arena);
}

static const char *const x86_targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};
enum { X86_TARGETS = sizeof x86_targets / sizeof x86_targets[0] };

static void verify_target(hmlc_module *module, const hmlc_tensor *inputs,
                          harness_tolerance tolerance, const char *target)
{
    harness_kernel *kernel = harness_compile(module, target);
    verify_kernel(kernel, inputs, tolerance);
    harness_free(kernel);
}

void harness_verify_targets(hmlc_module *module, const hmlc_tensor *inputs,
                            harness_tolerance tolerance)
{
    static const char *const dots[] = {"x86-64-v3-vnni", "x86-64-v4-vnni"};
    for (size_t k = 0; k < 2 && hmlc_region_sums_bytes(module->main); k++) { /* rows for bytes */
        if (harness_can_run(dots[k])) {
            verify_target(module, inputs, tolerance, dots[k]);
        }
    }
    for (int k = 0; k < X86_TARGETS; k++) {
        if (harness_can_run(x86_targets[k])) {
            verify_target(module, inputs, tolerance, x86_targets[k]);
        }
    }
}

void harness_verify_some_target(hmlc_module *module, const hmlc_tensor *inputs,
                                harness_tolerance tolerance, uint32_t turn)
{
    const char *target = x86_targets[turn % X86_TARGETS];
    verify_target(module, inputs, tolerance, harness_can_run(target) ? target : x86_targets[0]);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double harness_time(harness_kernel *kernel, const hmlc_tensor *inputs)
{
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_tensor outputs[16];
    kernel_call call;
    assert_non_null(arena);
    prepare(kernel, inputs, arena, outputs, &call);
    double best = 1e30;
    for (int round = 0; round < 25; round++) {
        int repeats = 0;
        double start = seconds(), elapsed = 0;
        do {
            assert_int_equal(run_pieces(kernel, &call, 1), HML_KERNEL_OK);
            repeats++;
            elapsed = seconds() - start;
        } while (elapsed < 2e-3);
        best = fmin(best, elapsed / repeats);
    }
    hmlc_arena_destroy(arena);
    return best * 1e9;
}

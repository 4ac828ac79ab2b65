/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel function under construction. The frame makes the function with its attributes, the check
 * mode (sizes, alignment, unit count) and the entry code, and gives the emitters operands, dims and
 * loops. One frame per kernel.
 */
#ifndef HMLC_FRAME_H
#define HMLC_FRAME_H

#include "llvm.h"

#include "kernel.h"

enum { HMLC_LANES_MAX = 256 }; /* of a value */

typedef struct hmlc_frame {
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    LLVMValueRef function; /* the private body function, where emitters work */
    LLVMValueRef outer;    /* the exported one */
    const hmlc_target *target;
    const hmlc_kernel_plan *plan;
    hmlc_arena *arena; /* scratch memory of this emission */
    hmlc_module *ir;   /* the IR module: dims table, diagnostics */
    LLVMTypeRef i1, i8, i16, i32, i64, f32, f64, pointer;
    LLVMTypeRef index; /* of dims, positions and loop counters: as wide as a pointer */
    uint32_t index_bytes;
    LLVMValueRef arguments;  /* const hml_kernel_args * */
    LLVMValueRef *operands;  /* base pointer per plan operand, loaded at entry, noalias, 64-byte
                                aligned    where the storage is known to be */
    LLVMValueRef begin, end; /* work units */
    LLVMValueRef scratch;    /* pointer */
    LLVMBasicBlockRef entry; /* for allocas: before its terminator */
    void *private_;          /* of frame_function.c */
} hmlc_frame;

/* Makes function `name` in `module`, calls the class's emit, closes and verifies the function. */
hmlc_status hmlc_kernel_emit(LLVMModuleRef module, hmlc_module *ir, const hmlc_kernel_plan *plan,
                             const char *name, hmlc_arena *arena) HMLC_MUST_USE;
/*
 * Makes function `name` that is called directly, by a module that this one is linked with: its
 * parameters are the operands, the values of hmlc_kernel_symbols, scratch, and i64[2] for the
 * numbers that go with a status. It does all units and has no check mode. *fails: it may return
 * another status than HML_KERNEL_OK.
 */
hmlc_status hmlc_kernel_emit_direct(LLVMModuleRef module, hmlc_module *ir,
                                    const hmlc_kernel_plan *plan, const char *name,
                                    hmlc_arena *arena, bool *fails) HMLC_MUST_USE;

/*
 * Any dim expression as an index: a constant, or arithmetic over symbols, emitted once at entry and
 * remembered. Where an index has 32 bits, check mode proves that its numbers fit.
 */
LLVMValueRef hmlc_frame_dim(hmlc_frame *frame, hmlc_dim dim);
/* The same as a number of i64, which a tensor may hold. */
LLVMValueRef hmlc_frame_dim_number(hmlc_frame *frame, hmlc_dim dim);
LLVMValueRef hmlc_frame_int(hmlc_frame *frame, int64_t value);    /* constant index */
LLVMValueRef hmlc_frame_number(hmlc_frame *frame, int64_t value); /* constant i64 */
/* An index, or lanes of them, as i64; and back, where the number is known to fit. */
LLVMValueRef hmlc_frame_index_number(hmlc_frame *frame, LLVMValueRef index);
LLVMValueRef hmlc_frame_number_index(hmlc_frame *frame, LLVMValueRef number);
/*
 * The LLVM type of one stored element (bool is i8 in memory). f16 and bf16 are bit patterns, i16:
 * for their own types LLVM would call library functions where the processor converts neither.
 */
LLVMTypeRef hmlc_frame_type(hmlc_frame *frame, hmlc_dtype dtype);
/* Element `index` of a tensor as a constant of `type`: that, or i1 for a bool. */
LLVMValueRef hmlc_frame_constant(LLVMTypeRef type, const hmlc_tensor *tensor, int64_t index);
LLVMTypeRef hmlc_frame_vector(hmlc_frame *frame, hmlc_dtype dtype,
                              uint32_t lanes); /* lanes 1: the scalar */
/* The operand index of region argument / result `index`. */
uint32_t hmlc_frame_argument(const hmlc_frame *frame, uint32_t index);
uint32_t hmlc_frame_result(const hmlc_frame *frame, uint32_t index);
/* Where a region value's bytes lie: an argument's operand, or a constant of the region, which is
 * embedded. */
LLVMValueRef hmlc_frame_address(hmlc_frame *frame, const hmlc_value *value);
/* A private constant of the code. */
LLVMValueRef hmlc_frame_embed(hmlc_frame *frame, const void *bytes, size_t size,
                              uint32_t alignment);
/* How argument / result `index` lies in memory (dense, or by its storage's strides). */
void hmlc_frame_access(hmlc_frame *frame, const hmlc_value *outer, hmlc_access *access);

/* Elements of `type` from `first` to `last`, which lies behind it. */
LLVMValueRef hmlc_frame_distance(hmlc_frame *frame, LLVMTypeRef type, LLVMValueRef first,
                                 LLVMValueRef last);
/* base + index * element size. */
LLVMValueRef hmlc_frame_element(hmlc_frame *frame, LLVMTypeRef type, LLVMValueRef base,
                                LLVMValueRef index);
LLVMValueRef hmlc_frame_load(hmlc_frame *frame, LLVMTypeRef type, LLVMValueRef address,
                             uint32_t alignment);
void hmlc_frame_store(hmlc_frame *frame, LLVMValueRef value, LLVMValueRef address,
                      uint32_t alignment);
LLVMValueRef hmlc_frame_splat(hmlc_frame *frame, LLVMValueRef scalar, uint32_t lanes);
/* One vector of the lanes of `count` vectors of equal length, which it overwrites. Where `count` is
 * no power of two, lanes without a value follow. */
LLVMValueRef hmlc_frame_join(hmlc_frame *frame, LLVMValueRef *parts, uint32_t count);
/* Lanes `first`, first + step .. of a vector, `count` of them; one is a scalar. */
LLVMValueRef hmlc_frame_lanes(hmlc_frame *frame, LLVMValueRef vector, uint32_t first, uint32_t step,
                              uint32_t count);
LLVMValueRef hmlc_frame_alloca(hmlc_frame *frame, LLVMTypeRef type, uint32_t count,
                               uint32_t alignment);
/* Calls intrinsic `name` ("llvm.fma") overloaded on `type`; a name that does not resolve fails the
 * kernel. */
LLVMValueRef hmlc_frame_intrinsic(hmlc_frame *frame, const char *name, LLVMTypeRef type,
                                  LLVMValueRef const *arguments, uint32_t count);
/* The same, overloaded on several types. */
LLVMValueRef hmlc_frame_intrinsic_of(hmlc_frame *frame, const char *name, LLVMTypeRef *types,
                                     uint32_t type_count, LLVMValueRef const *arguments,
                                     uint32_t count);
/* The larger or smaller of two floats, NaN where one is: where hmlc_frame_has_extremum. */
bool hmlc_frame_has_extremum(const hmlc_frame *frame, LLVMValueRef a);
LLVMValueRef hmlc_frame_extremum(hmlc_frame *frame, bool largest, LLVMValueRef a, LLVMValueRef b);
/* a * b + c: llvm.fma where the target has it, else multiply and add. */
LLVMValueRef hmlc_frame_fma(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c);

/* The smaller and the larger of two indices. */
LLVMValueRef hmlc_frame_minimum(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef hmlc_frame_maximum(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b);

/*
 * Counted loop: for (i = first; i < limit; i += step), step > 0 constant. Between begin and end the
 * builder stands in the body, and `carried` values (phis) are readable. Loops nest.
 */
enum { HMLC_FRAME_CARRIED = 64 };
typedef struct hmlc_frame_loop {
    LLVMValueRef index;
    uint32_t carried_count;
    /* In the body: current values; after hmlc_frame_loop_end: the final ones. */
    LLVMValueRef carried[HMLC_FRAME_CARRIED];
    LLVMBasicBlockRef header, body, exit;
    LLVMValueRef limit, step;
} hmlc_frame_loop;
void hmlc_frame_loop_begin(hmlc_frame *frame, hmlc_frame_loop *loop, LLVMValueRef first,
                           LLVMValueRef limit, int64_t step, LLVMValueRef const *carried,
                           uint32_t carried_count);
/* `next` are the carried values for the next iteration. */
void hmlc_frame_loop_end(hmlc_frame *frame, hmlc_frame_loop *loop, LLVMValueRef const *next);

/* if (condition) { ... } : the builder stands in the body until end. */
typedef struct hmlc_frame_branch {
    LLVMBasicBlockRef otherwise, exit;
} hmlc_frame_branch;
void hmlc_frame_branch_begin(hmlc_frame *frame, hmlc_frame_branch *branch, LLVMValueRef condition);
void hmlc_frame_branch_else(hmlc_frame *frame, hmlc_frame_branch *branch); /* optional */
void hmlc_frame_branch_end(hmlc_frame *frame, hmlc_frame_branch *branch);

/* Where the numbers go that belong to a status: i64[2]. */
LLVMValueRef hmlc_frame_detail(hmlc_frame *frame);
/* Returns `status` (HML_KERNEL_*) with two details, indices or i64, when `condition` (i1) holds.
 * Cold path. */
void hmlc_frame_fail_if(hmlc_frame *frame, LLVMValueRef condition, int32_t status,
                        LLVMValueRef detail0, LLVMValueRef detail1);

#endif

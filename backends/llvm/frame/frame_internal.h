/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the frame's files: the state behind hmlc_frame.private_. */
#ifndef HMLC_FRAME_INTERNAL_H
#define HMLC_FRAME_INTERNAL_H

#include "frame.h"

struct hmlc_frame_state {
    uint32_t symbol_count;
    const hmlc_symbol **symbols; /* sorted by index: the order of hml_kernel_args.dims */
    LLVMValueRef *symbol_values; /* in the body */
    LLVMValueRef *check_values;  /* in check mode */
    LLVMTypeRef body_type;
    struct hmlc_dim_cache *cache; /* dims emitted in the body */
    bool direct;                  /* no argument block, no check mode: all units */
    LLVMValueRef detail;          /* direct: i64[2], numbers that go with a status */
    hmlc_status status; /* the first failure of a function that returns a value: seen at the end */
};

/* Keeps the first failure. */
void hmlc_frame_fail(hmlc_frame *frame, hmlc_status status);
/* A number that no index of the target holds: the emission ends with a refusal. */
void hmlc_frame_too_large(hmlc_frame *frame, int64_t value);
/* A defect: the emission ends with this message. */
void hmlc_frame_defect(hmlc_frame *frame, const char *what, const char *name);

/* The dim expressions that the body has as indices, one a call, then NULL; *entry is NULL at first.
 */
hmlc_dim hmlc_frame_next_index(const hmlc_frame *frame, const struct hmlc_dim_cache **entry);
/* Target, CPU and features of a function. */
void hmlc_frame_set_target(hmlc_frame *frame, LLVMValueRef function);

/* a op b of two indices, `kind` being a dim's of two operands. */
LLVMValueRef hmlc_frame_combine(hmlc_frame *frame, hmlc_dim_kind kind, LLVMValueRef a,
                                LLVMValueRef b);

/* Emits check mode at the builder's position, ending in returns. */
hmlc_status hmlc_frame_emit_check(hmlc_frame *frame) HMLC_MUST_USE;

typedef enum hmlc_args_field {
#define HMLC_ARGS_FIELD(name, type) HMLC_ARGS_##name,
#include "kernel_args.def"
#undef HMLC_ARGS_FIELD
    HMLC_ARGS_COUNT
} hmlc_args_field;

/* hml_kernel_args; needs context and types of the frame alone. */
LLVMTypeRef hmlc_kernel_args_type(const hmlc_frame *frame);
/* Loads a field of the kernel's arguments. */
LLVMValueRef hmlc_frame_args_field(hmlc_frame *frame, LLVMValueRef arguments,
                                   hmlc_args_field field);
/* Loads item `index` of a list of elements of `type`. */
LLVMValueRef hmlc_frame_item(hmlc_frame *frame, LLVMValueRef list, uint32_t index,
                             LLVMTypeRef type);
/* Sets the types; needs context and target. */
void hmlc_frame_init_types(hmlc_frame *frame);

#endif

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
    bool failed;                  /* out of memory or an unknown intrinsic: reported at the end */
};

/* Emits check mode at the builder's position, ending in returns. */
hmlc_status hmlc_frame_emit_check(hmlc_frame *frame) HMLC_MUST_USE;
/* Loads the field at byte `offset` of *pointer. */
LLVMValueRef hmlc_frame_field(hmlc_frame *frame, LLVMValueRef pointer, size_t offset,
                              LLVMTypeRef type);
/* A private constant of the code. */
LLVMValueRef hmlc_frame_embed(hmlc_frame *frame, const void *bytes, size_t size,
                              uint32_t alignment);

#endif

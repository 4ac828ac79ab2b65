/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that emit elementwise ops. */
#ifndef HMLC_ELEMENTWISE_INTERNAL_H
#define HMLC_ELEMENTWISE_INTERNAL_H

#include "elementwise.h"
#include "math_build.h"

/* One op on values of `dtype` (f16 and bf16 arrive as f32). Operands that the op lacks are NULL. */
typedef struct hmlc_emission {
    hmlc_frame *frame;
    const hmlc_op *op;
    hmlc_dtype dtype;
    LLVMValueRef a, b, c;
} hmlc_emission;

typedef LLVMValueRef hmlc_emitter(const hmlc_emission *emission);

/* What an opcode can do; a NULL emitter refuses that class of element types. */
typedef struct hmlc_elementwise_row {
    hmlc_emitter *real;    /* f32, and f16, bf16 through f32 */
    hmlc_emitter *integer; /* i8 to u64 */
    hmlc_emitter *boolean;
    bool wide; /* real works in f64 too */
} hmlc_elementwise_row;

/* elementwise_real.c, elementwise_integer.c; a row without emitters where the file has none. */
hmlc_elementwise_row hmlc_elementwise_real_row(hmlc_opcode opcode);
hmlc_elementwise_row hmlc_elementwise_integer_row(hmlc_opcode opcode);

/* Any two of bool, i8..u64, f16, bf16, f32, f64; as the reference evaluation converts. */
LLVMValueRef hmlc_elementwise_convert(hmlc_frame *frame, LLVMValueRef value, hmlc_dtype from,
                                      hmlc_dtype to);
/* elementwise_power.c: an integer base, any exponent. */
LLVMValueRef hmlc_elementwise_integer_power(const hmlc_emission *emission);
LLVMValueRef hmlc_elementwise_quantize(const hmlc_emission *emission);
LLVMValueRef hmlc_elementwise_dequantize(const hmlc_emission *emission);
/* elementwise_requantize.c */
LLVMValueRef hmlc_elementwise_requantize(const hmlc_emission *emission);

/* elementwise_lookup.c */
LLVMValueRef hmlc_elementwise_lookup(const hmlc_emission *emission);

static inline bool hmlc_dtype_is_unsigned(hmlc_dtype dtype)
{
    return hmlc_dtype_class_of(dtype) == HMLC_CLASS_UINT;
}

#endif

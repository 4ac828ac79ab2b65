/* SPDX-License-Identifier: Apache-2.0 */
/* The k loop of bytes in general registers (HMLC_BYTE_STEP_WORD); for the micro-kernel alone. */
#ifndef HMLC_MICROKERNEL_WORD_H
#define HMLC_MICROKERNEL_WORD_H

#include "microkernel.h"

/* As hmlc_microkernel_emit. */
void hmlc_word_emit(hmlc_frame *frame, const hmlc_microkernel *kernel, LLVMValueRef steps,
                    LLVMValueRef *accumulators);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The k loop of bytes whose products a vector adds up into a general register
 * (HMLC_BYTE_STEP_ROWS); for the micro-kernel alone. */
#ifndef HMLC_MICROKERNEL_ROWS_H
#define HMLC_MICROKERNEL_ROWS_H

#include "microkernel.h"

/* As hmlc_microkernel_emit. */
void hmlc_rows_emit(hmlc_frame *frame, const hmlc_microkernel *kernel, LLVMValueRef steps,
                    LLVMValueRef *accumulators);

#endif

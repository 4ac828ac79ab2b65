/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax, which several operators contain. */
#ifndef HMLC_SOFTMAX_H
#define HMLC_SOFTMAX_H

#include "importer/emit.h"

/*
 * Softmax or log softmax (the opcode) of x over axes together. Half-width floats round after each
 * step of the standard's function body; wider ones are one op.
 */
hmlc_value *hmlc_emit_softmax(hmlc_emitter *emit, hmlc_opcode opcode, hmlc_value *x,
                              const int64_t *axes, uint32_t axis_count);

#endif

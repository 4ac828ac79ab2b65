/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a graph as an ONNX model, for other runtimes to read. */
#ifndef HMLC_SAVE_H
#define HMLC_SAVE_H

#include <hmlc/ir.h>

#include <stdio.h>

typedef struct hmlc_save_options {
    const char *producer_version; /* of the program that writes; NULL: none */
} hmlc_save_options;

/*
 * Writes the module, as the neutral passes leave it (no kernels), as an ONNX model of opset 21.
 * Inputs, outputs, symbolic dims and values keep their names; nodes are named after the user's. A
 * graph that opset 21 has no words for is HMLC_REFUSED with a diagnostic for each op, before a byte
 * is written. The module is not changed. What the stream does not take shows in ferror.
 */
hmlc_status hmlc_onnx_save(hmlc_module *module, const hmlc_save_options *options,
                           FILE *stream) HMLC_MUST_USE;

#endif

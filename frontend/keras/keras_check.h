/* SPDX-License-Identifier: Apache-2.0 */
/* A layer against its row, and masks, which no import function knows of. */
#ifndef HMLC_KERAS_CHECK_H
#define HMLC_KERAS_CHECK_H

#include "keras_call.h"

/* False, with a diagnostic, where the layer is refused by name or its config says what is not
 * known. */
bool hmlc_keras_check_layer(hmlc_keras_call *call);
/* The import function of a call, as a node's. */
void hmlc_keras_import_call(hmlc_node *node);

/*
 * Values come with a mask behind an Embedding with mask_zero: layers that would compute something
 * else because of it are refused, the others pass it on.
 */
void hmlc_keras_check_masks(hmlc_keras_call *call);
hmlc_status hmlc_keras_pass_masks(hmlc_keras_call *call) HMLC_MUST_USE;

#endif

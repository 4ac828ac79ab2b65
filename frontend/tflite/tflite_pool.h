/* SPDX-License-Identifier: Apache-2.0 */
/* The window of a pool. */
#ifndef HMLC_TFLITE_POOL_H
#define HMLC_TFLITE_POOL_H

#include "common/sliding_window.h"
#include "tflite_node.h"

/* From the node's options, padded for input 0; false on failure. */
bool hmlc_tflite_read_pool(hmlc_node *node, hmlc_window_spec *window);

#endif

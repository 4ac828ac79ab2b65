/* SPDX-License-Identifier: Apache-2.0 */
/* The subgraphs of If, Loop and Scan. */
#ifndef HMLC_ONNX_SUBGRAPH_H
#define HMLC_ONNX_SUBGRAPH_H

#include "onnx_import.h"
#include "onnx_node.h"

/*
 * Imports the nodes of the subgraph that attribute `name` holds into the scope's body. Its inputs
 * are the scope's arguments. The values of its outputs, or NULL, with a diagnostic, where their
 * number is less than `outputs`, or another one when `exact`, where that of the inputs is another
 * one, or where some are poisoned.
 */
hmlc_value **hmlc_onnx_import_subgraph(hmlc_node *node, hmlc_onnx_scope *scope, const char *name,
                                       uint32_t outputs, bool exact);

/* The graph in attribute `name`. */
const Onnx__GraphProto *hmlc_onnx_subgraph(const hmlc_node *node, const char *name);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* One ONNX node on its way into the IR: what the import function of an operator sees. */
#ifndef HMLC_ONNX_NODE_H
#define HMLC_ONNX_NODE_H

#include "common/node.h"
#include <onnx.pb-c.h>

typedef struct hmlc_onnx_importer hmlc_onnx_importer;
typedef struct hmlc_onnx_scope hmlc_onnx_scope;

/* One row of onnx_ops.def. */
typedef struct hmlc_onnx_op {
    const char *name;
    int32_t since, until;              /* opsets, both inclusive */
    hmlc_node_import_function *import; /* NULL: known, not supported */
    hmlc_opcode opcode;                /* for functions that serve several operators */
    const char *inputs, *types;        /* see onnx_ops.def */
    int32_t most_outputs;              /* -1: any number */
    const char *attributes;
    const char *domain; /* NULL: the standard's */
} hmlc_onnx_op;

/*
 * Inputs: at least the operator's formal ones. Outputs: the count is as written in the node, with
 * room for the formal ones.
 */
typedef struct hmlc_onnx_node {
    hmlc_node shared;
    hmlc_onnx_importer *importer;
    hmlc_onnx_scope *scope;
    const Onnx__NodeProto *proto;
    const hmlc_onnx_op *op;
    int64_t opset;
} hmlc_onnx_node;

/* The whole of a node that this importer made. */
static inline const hmlc_onnx_node *hmlc_onnx_self(const hmlc_node *node)
{
    return (const hmlc_onnx_node *)(const void *)node;
}

/* The table. */
#define ONNX_OP(name, since, until, function, opcode, inputs, types, outputs, attributes)          \
    hmlc_node_import_function hmlc_onnx_import_##function;
#define ONNX_MICROSOFT(name, function, opcode, inputs, types, outputs, attributes)                 \
    hmlc_node_import_function hmlc_onnx_import_##function;
#define ONNX_REFUSED(name, since, until, inputs, types, outputs, attributes)
#include "onnx_ops.def"
#undef ONNX_MICROSOFT
#undef ONNX_OP
#undef ONNX_REFUSED

/*
 * Opsets whose operators the table holds all. Of older ones it holds the definitions that are still
 * those of the oldest; a node of another one is refused.
 */
enum { HMLC_ONNX_OLDEST_OPSET = 7, HMLC_ONNX_NEWEST_OPSET = ONNX_NEWEST, HMLC_ONNX_NEWEST_IR = 14 };

/* onnx_graph.c: whether the input is a constant of four bits, which the IR has as bytes. */
bool hmlc_onnx_reads_packed(const hmlc_node *node, uint32_t index);

/* How the functions of common/ see an ONNX node. */
extern const hmlc_node_format hmlc_onnx_node_format;

/* Attributes that common/node.h has no reader for. Kinds were checked against the table before the
 * import function runs. */
const Onnx__AttributeProto *hmlc_onnx_attr(const hmlc_node *node, const char *name);
/* The element type that an int attribute names; fails where it is not supported. */
hmlc_dtype hmlc_onnx_dtype_attr(hmlc_node *node, const char *name, hmlc_dtype otherwise);

#endif

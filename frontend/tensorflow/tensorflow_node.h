/* SPDX-License-Identifier: Apache-2.0 */
/* One node of a graph on its way into the IR: what the import function of an operator sees. */
#ifndef HMLC_TENSORFLOW_NODE_H
#define HMLC_TENSORFLOW_NODE_H

#include "common/node.h"
#include <tensorflow.pb-c.h>

typedef struct hmlc_tf_node hmlc_tf_node;
typedef struct hmlc_tf_importer hmlc_tf_importer;
typedef struct hmlc_tf_graph hmlc_tf_graph;
typedef struct hmlc_tf_scope hmlc_tf_scope;
typedef void hmlc_tf_import_function(hmlc_tf_node *node);

/* One row of tensorflow_ops.def. */
typedef struct hmlc_tf_op {
    const char *name;
    hmlc_tf_import_function *import; /* NULL: known, not supported */
    const char *reason;              /* of one that is not supported */
    hmlc_opcode opcode;
    int32_t least_inputs, most_inputs; /* -1: any number */
    const char *attributes;
    bool handles;                     /* takes what is no tensor, too: tensorflow_handle.h */
    hmlc_tf_import_function *complex; /* in place of `import` where an input is complex */
} hmlc_tf_op;

enum { HMLC_TF_MOST_OUTPUTS = 64 };

struct hmlc_tf_node {
    hmlc_node node; /* first */
    hmlc_tf_importer *importer;
    hmlc_tf_scope *scope;
    struct hmlc_tf_state *state;
    const Tensorflow__NodeDef *def;
};

/* A call of the function that the node is named like. */
hmlc_tf_import_function hmlc_tf_import_call;

#define hmlc_tf_fail(of, ...) hmlc_node_fail(&(of)->node, __VA_ARGS__)
static inline bool hmlc_tf_ok(const hmlc_tf_node *node)
{
    return hmlc_node_ok(&node->node);
}
static inline hmlc_value *hmlc_tf_input(const hmlc_tf_node *node, uint32_t index)
{
    return index < node->node.input_count ? node->node.inputs[index] : NULL;
}

/* NULL: the node does not give it. */
const Tensorflow__AttrValue *hmlc_tf_attr(const Tensorflow__NodeDef *def, const char *name);
/* An attribute that is an element type; `otherwise` where it is absent. */
hmlc_dtype hmlc_tf_dtype_attr(hmlc_tf_node *node, const char *name, hmlc_dtype otherwise);
/* HMLC_LAYOUT_* of data_format, "NHWC" and its like unless it says otherwise. */
int64_t hmlc_tf_layout(hmlc_tf_node *node);

/* tensorflow_complex.c: an input is complex; what such inputs come to in rows of real numbers. */
bool hmlc_tf_is_complex(const hmlc_tf_node *node);
hmlc_tf_import_function hmlc_tf_import_complex_math, hmlc_tf_import_complex_cast,
    hmlc_tf_import_complex_constant;
/* Is the number of a type that of complex numbers? */
bool hmlc_tf_is_complex_type(int32_t type);
bool hmlc_tf_is_complex_constant(const Tensorflow__NodeDef *def);
/* The angle of (x, y) as output 0. */
void hmlc_tf_emit_angle(hmlc_tf_node *node, hmlc_value *x, hmlc_value *y);
#endif

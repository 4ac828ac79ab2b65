/* SPDX-License-Identifier: Apache-2.0 */
/* One ONNX node on its way into the IR: what the import function of an operator sees. */
#ifndef HMLC_ONNX_NODE_H
#define HMLC_ONNX_NODE_H

#include "importer/emit.h"
#include <onnx.pb-c.h>

typedef struct hmlc_onnx_importer hmlc_onnx_importer;
typedef struct hmlc_onnx_scope hmlc_onnx_scope;
typedef struct hmlc_onnx_node hmlc_onnx_node;
typedef void hmlc_onnx_import_function(hmlc_onnx_node *node);

/* One row of onnx_ops.def. */
typedef struct hmlc_onnx_op {
    const char *name;
    int32_t since, until;              /* opsets, both inclusive */
    hmlc_onnx_import_function *import; /* NULL: known, not supported */
    hmlc_opcode opcode;                /* for functions that serve several operators */
    const char *inputs, *types;        /* see onnx_ops.def */
    int32_t most_outputs;              /* -1: any number */
    const char *attributes;
} hmlc_onnx_op;

struct hmlc_onnx_node {
    hmlc_emitter emit; /* at the end of the current region, with the node's location */
    hmlc_onnx_importer *importer;
    hmlc_onnx_scope *scope;
    const Onnx__NodeProto *proto;
    const hmlc_onnx_op *op;
    int64_t opset;
    uint32_t input_count;  /* at least the operator's formal inputs; absent ones are NULL */
    uint32_t output_count; /* as written in the node */
    hmlc_value **inputs;
    hmlc_value **outputs; /* to be set by the import function; room for the formal ones */
};

/* The table. */
#define ONNX_OP(name, since, until, function, opcode, inputs, types, outputs, attributes)          \
    hmlc_onnx_import_function hmlc_onnx_import_##function;
#define ONNX_REFUSED(name, since, until, inputs, types, outputs, attributes)
#include "onnx_ops.def"
#undef ONNX_OP
#undef ONNX_REFUSED

/*
 * Opsets whose operators the table holds all. Of older ones it holds the definitions that are still
 * those of the oldest; a node of another one is refused.
 */
enum { HMLC_ONNX_OLDEST_OPSET = 7, HMLC_ONNX_NEWEST_OPSET = ONNX_NEWEST, HMLC_ONNX_NEWEST_IR = 14 };

/* A problem of the node: adds the diagnostic, with operator and opset, and stops the node. */
void hmlc_onnx_fail(hmlc_onnx_node *node, hmlc_error error, const char *hint, const char *format,
                    ...) HMLC_PRINTF(4, 5);
static inline bool hmlc_onnx_ok(const hmlc_onnx_node *node)
{
    return node->emit.status == HMLC_OK;
}

/* Attributes. Kinds were checked against the table before the import function runs. */
const Onnx__AttributeProto *hmlc_onnx_attr(const hmlc_onnx_node *node, const char *name);
int64_t hmlc_onnx_int(const hmlc_onnx_node *node, const char *name, int64_t otherwise);
double hmlc_onnx_float(const hmlc_onnx_node *node, const char *name, double otherwise);
/* NULL when absent; an empty list is not NULL. */
const int64_t *hmlc_onnx_ints(const hmlc_onnx_node *node, const char *name, uint32_t *count);
/* The index of the attribute's word in "a|b|c", `otherwise` when absent; fails on another word. */
int32_t hmlc_onnx_choice(hmlc_onnx_node *node, const char *name, const char *words,
                         int32_t otherwise);
/* The element type that an int attribute names; fails where it is not supported. */
hmlc_dtype hmlc_onnx_dtype_attr(hmlc_onnx_node *node, const char *name, hmlc_dtype otherwise);

/* 0 <= axis < rank from a possibly negative one; fails outside, giving 0. */
int64_t hmlc_onnx_axis(hmlc_onnx_node *node, int64_t axis, int32_t rank);
/* The axis attribute of input 0. */
int64_t hmlc_onnx_axis_attr(hmlc_onnx_node *node, int64_t otherwise);
/* Normalised, sorted, distinct axes from a list; returns the count. axes holds HMLC_MAX_RANK. */
uint32_t hmlc_onnx_axes(hmlc_onnx_node *node, const int64_t *list, uint32_t count, int32_t rank,
                        int64_t *axes);
/* A list of constant integers from input `index` (refused where it is known only at run time) or,
 * when that operand does not exist in this version, from attribute `name`. False when neither is
 * given or on failure. values holds HMLC_EMIT_MAX_ELEMENTS. */
bool hmlc_onnx_int_list(hmlc_onnx_node *node, uint32_t index, const char *name, int64_t *values,
                        uint32_t *count);
/*
 * Input `index` as i64[n] where its elements are known only at run time, n being static and at most
 * HMLC_MAX_RANK; NULL where it is absent or constant (hmlc_onnx_int_list gives it then) and, with a
 * diagnostic, where its length is not known. Scalars come as i64[1].
 */
hmlc_value *hmlc_onnx_run_time_list(hmlc_onnx_node *node, uint32_t index, uint32_t *count);
/* A scalar input that must be constant, as double; fails by name otherwise. */
double hmlc_onnx_constant_input(hmlc_onnx_node *node, uint32_t index);
/* The same for a list of numbers; at most HMLC_EMIT_MAX_ELEMENTS. */
bool hmlc_onnx_constant_list(hmlc_onnx_node *node, uint32_t index, double *values, uint32_t *count);

static inline bool hmlc_onnx_has_input(const hmlc_onnx_node *node, uint32_t index)
{
    return index < node->input_count && node->inputs[index] != NULL;
}
static inline bool hmlc_onnx_wants_output(const hmlc_onnx_node *node, uint32_t index)
{
    return index < node->output_count && node->proto->output[index][0] != '\0';
}
/* Rank of an input; its dims. */
static inline int32_t hmlc_onnx_rank(const hmlc_onnx_node *node, uint32_t index)
{
    return node->inputs[index]->type->rank;
}
static inline const hmlc_dim *hmlc_onnx_dims(const hmlc_onnx_node *node, uint32_t index)
{
    return node->inputs[index]->type->dims;
}
/* What a message calls an input: its name in the model. */
const char *hmlc_onnx_input_name(const hmlc_onnx_node *node, uint32_t index);

#endif

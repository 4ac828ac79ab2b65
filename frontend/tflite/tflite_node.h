/* SPDX-License-Identifier: Apache-2.0 */
/* One TFLite operator on its way into the IR: what its import function sees. */
#ifndef HMLC_TFLITE_NODE_H
#define HMLC_TFLITE_NODE_H

#include "common/node.h"
#include "tflite_model.h"

typedef struct hmlc_tflite_importer hmlc_tflite_importer;
typedef struct hmlc_tflite_scope hmlc_tflite_scope;

/* How an operator takes quantized tensors. */
typedef enum hmlc_tflite_form {
    HMLC_TFLITE_FLOAT,   /* as the numbers they stand for; results are quantized */
    HMLC_TFLITE_MOVES,   /* as stored where all have one scale, else as FLOAT */
    HMLC_TFLITE_RAW,     /* as stored: the import function knows */
    HMLC_TFLITE_STATES,  /* the same; variable tensors among its inputs are its state */
    HMLC_TFLITE_SUMS,    /* the same of products and convolutions, by TFLite's rules */
    HMLC_TFLITE_EFFECTS, /* the same; it takes or gives variables, or calls what does */
} hmlc_tflite_form;

/* One row of tflite_ops.def. */
typedef struct hmlc_tflite_op {
    const char *name;
    int32_t code, version;             /* number in BuiltinOperator; the newest version known */
    hmlc_node_import_function *import; /* NULL: known, not supported */
    hmlc_opcode opcode;
    hmlc_tflite_form form;
    hmlc_node_import_function *integer; /* for 8-bit integers, exactly; NULL: no such rule */
    int64_t options_type;               /* in BuiltinOptions */
    const char *options;                /* fields, see tflite_schema.def */
    uint32_t least_inputs, most_inputs;
    uint32_t outputs; /* UINT32_MAX: any number */
    const char *hint; /* of a refused one: what to do */
} hmlc_tflite_op;

typedef struct hmlc_tflite_node {
    hmlc_node shared;
    hmlc_tflite_importer *importer;
    hmlc_tflite_scope *scope;
    const hmlc_tflite_subgraph *graph; /* the scope's */
    const hmlc_tflite_operator *stored;
    const hmlc_tflite_op *op;
    bool litert;   /* the importer's */
    bool in_float; /* quantized tensors came as floats, and its results are quantized after it */
    int64_t new_shape[HMLC_MAX_RANK + 1]; /* room for an option that is a list */
} hmlc_tflite_node;

/* The whole of a node that this importer made. */
static inline hmlc_tflite_node *hmlc_tflite_self(hmlc_node *node)
{
    return (hmlc_tflite_node *)(void *)node;
}

/* How the functions of common/ see an operator. */
extern const hmlc_node_format hmlc_tflite_node_format;

/* The records of its tensors; index < the counts of the node. NULL: an absent input. */
const hmlc_tflite_tensor *hmlc_tflite_input(const hmlc_node *node, uint32_t index);
const hmlc_tflite_tensor *hmlc_tflite_output(const hmlc_node *node, uint32_t index);

/* Integers with scales. */
static inline bool hmlc_tflite_is_quantized(const hmlc_tflite_tensor *tensor)
{
    return tensor != NULL && tensor->quantization.count > 0;
}
/* One scale for the whole tensor; the same one. */
bool hmlc_tflite_same_scale(const hmlc_tflite_tensor *a, const hmlc_tflite_tensor *b);

/* x with the activation of the option fused_activation_function. */
hmlc_value *hmlc_tflite_activate(hmlc_node *node, hmlc_value *x);
/* x between two numbers. */
hmlc_value *hmlc_tflite_clip(hmlc_emitter *emit, hmlc_value *x, double least, double most);

/* tflite_quantize.c. The numbers that a quantized tensor stands for, f32. */
hmlc_value *hmlc_tflite_dequantize(hmlc_node *node, hmlc_value *x,
                                   const hmlc_tflite_tensor *tensor);
/* f32 to the steps of `tensor`, half away from zero, as TFLite rounds. */
hmlc_value *hmlc_tflite_quantize(hmlc_node *node, hmlc_value *x, const hmlc_tflite_tensor *tensor);
/* The nearest whole number of a float, half away from zero. */
hmlc_value *hmlc_tflite_round_away(hmlc_emitter *emit, hmlc_value *x);
/* The bounds of a result's steps: those of its type and of the node's fused activation. False, with
 * a diagnostic, where results cannot have its scales. */
bool hmlc_tflite_bounds(hmlc_node *node, const hmlc_tflite_tensor *tensor, double *least,
                        double *most);
/* The same of x in steps already; the node's fused activation becomes bounds of the steps. */
hmlc_value *hmlc_tflite_to_steps(hmlc_node *node, hmlc_value *x, const hmlc_tflite_tensor *tensor);
/* A quantized operator is computed in float: the model's one warning counts it. */
void hmlc_tflite_note_float(hmlc_tflite_importer *importer, const hmlc_tflite_op *op);

/* The table. */
#define TFLITE_OP(name, code, version, function, opcode, form, integer, options, least, most,      \
                  outputs)                                                                         \
    hmlc_node_import_function hmlc_tflite_import_##function;                                       \
    hmlc_node_import_function hmlc_tflite_integer_##integer;
#define TFLITE_REFUSED(name, code, hint)
#include "tflite_ops.def"
#undef TFLITE_OP
#undef TFLITE_REFUSED

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A graph on its way to a file: nodes, attributes and constants as ONNX has them. All of it lives
 * in an arena; tensor data is borrowed from the module.
 */
#ifndef HMLC_ONNX_SAVE_H
#define HMLC_ONNX_SAVE_H

#include <hmlc/save.h>

#include "importer/names.h"

/* The opset that is written, the first with blocks and 4-bit types, and its IR version. */
enum { HMLC_SAVE_OPSET = 21, HMLC_SAVE_IR_VERSION = 10 };

typedef struct hmlc_save_graph hmlc_save_graph;

/* AttributeProto.type. */
typedef enum hmlc_save_kind {
    HMLC_SAVE_FLOAT = 1,
    HMLC_SAVE_INT = 2,
    HMLC_SAVE_STRING = 3,
    HMLC_SAVE_GRAPH = 5,
    HMLC_SAVE_FLOATS = 6,
    HMLC_SAVE_INTS = 7,
    HMLC_SAVE_STRINGS = 8,
} hmlc_save_kind;

typedef struct hmlc_save_attr {
    const char *name;
    hmlc_save_kind kind;
    uint32_t count; /* of a list */
    union {
        float real;
        int64_t integer;
        const char *text;
        const hmlc_save_graph *graph;
        const float *reals;
        const int64_t *integers;
        const char *const *texts;
    } as;
} hmlc_save_attr;

typedef struct hmlc_save_node {
    const char *type, *name;
    const char *const *inputs; /* "": absent */
    const char *const *outputs;
    const hmlc_save_attr *attrs;
    uint32_t input_count, output_count, attr_count;
    struct hmlc_save_node *next;
} hmlc_save_node;

typedef struct hmlc_save_constant {
    const char *name;
    hmlc_tensor tensor;
    struct hmlc_save_constant *next;
} hmlc_save_constant;

/* An input or output; without a type where it is an output of a branch. */
typedef struct hmlc_save_port {
    const char *name;
    const hmlc_type *type;
} hmlc_save_port;

struct hmlc_save_graph {
    const char *name;
    hmlc_save_node *first, *last;
    const hmlc_save_port *inputs, *outputs;
    uint32_t input_count, output_count;
    const hmlc_save_constant *constants; /* of the main graph alone: branches see them */
};

typedef struct hmlc_saver {
    hmlc_module *module;
    hmlc_arena *arena;
    hmlc_names taken;      /* names of values */
    hmlc_names node_names; /* names of nodes */
    const char **names;    /* by value id */
    hmlc_names dims;       /* dim expressions that have a value already, by their text */
    hmlc_save_constant *first_constant, *last_constant;
    hmlc_save_graph *graph; /* that nodes are added to */
    const hmlc_op *op;      /* that is being written */
    uint32_t fresh;         /* names handed out */
    hmlc_status status;     /* the first failure that is no refusal */
    bool refused;
} hmlc_saver;

#define HMLC_SAVE_NAMES(...)                                                                       \
    (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

/* Says that the op has no words in the opset. */
void hmlc_save_refuse(hmlc_saver *saver, const char *what);
/* The name of a value; "" for NULL. */
const char *hmlc_save_name(hmlc_saver *saver, const hmlc_value *value);
/* Operand or result `index` of the op that is written; "" where it is absent. */
const char *hmlc_save_operand(hmlc_saver *saver, uint32_t index);
const char *hmlc_save_result(hmlc_saver *saver, uint32_t index);
/* A name that nothing has, made from that one. */
const char *hmlc_save_fresh(hmlc_saver *saver, const char *from);

/* Adds a node; lists are copied, trailing absent inputs and outputs are left out. */
void hmlc_save_node_full(hmlc_saver *saver, const char *type, const char *const *inputs,
                         size_t input_count, const char *const *outputs, size_t output_count,
                         const hmlc_save_attr *attrs, size_t attr_count);
/* With one output, which is `result`, or a fresh name where that is NULL; returns it. */
const char *hmlc_save_node1(hmlc_saver *saver, const char *type, const char *result,
                            const char *const *inputs, size_t input_count,
                            const hmlc_save_attr *attrs, size_t attr_count);

/* A constant, or what is dequantized of one, that only convolutions with their channels last take
 * as weights: they write it themselves. */
bool hmlc_save_is_moved(const hmlc_value *value);

/* onnx_save_blocks.c: writes a constant that is a part of blocked weights in fewer bits; false
 * where it is none, or cannot be. */
bool hmlc_save_blocks(hmlc_saver *saver, const hmlc_value *value);

/* Constants. Data is copied but where `tensor` is the module's. */
const char *hmlc_save_tensor(hmlc_saver *saver, const char *name, const hmlc_tensor *tensor);
const char *hmlc_save_ints(hmlc_saver *saver, const int64_t *values, size_t count);
const char *hmlc_save_scalar(hmlc_saver *saver, hmlc_dtype dtype, double value);

/* Attributes; `values` outlive the saver. */
hmlc_save_attr hmlc_save_int_attr(const char *name, int64_t value);
hmlc_save_attr hmlc_save_float_attr(const char *name, double value);
hmlc_save_attr hmlc_save_text_attr(const char *name, const char *text);
hmlc_save_attr hmlc_save_ints_attr(const char *name, const int64_t *values, uint32_t count);
/* The op's list of integers or of constant dims; refuses dims that are not constant. */
hmlc_save_attr hmlc_save_list_attr(hmlc_saver *saver, const char *name, hmlc_attr_name from);

/* -- dims (onnx_save_shapes.c) -------------------------------------------------------------------
 */

/* A tensor i64[count] of dims. */
const char *hmlc_save_dims(hmlc_saver *saver, const hmlc_dim *dims, uint32_t count);

/* -- functions of the op table ----------------------------------------------------------------- */

/* Each writes saver->op; `type` is the row's operator. */
#define HMLC_SAVE(opcode, type, function)                                                          \
    void hmlc_save_op_##function(hmlc_saver *saver, const char *type_name);
#include "onnx_save_rows.def"
#undef HMLC_SAVE

/* Writes the ops of a region into the current graph. */
void hmlc_save_region(hmlc_saver *saver, const hmlc_region *region);
/* A branch as a graph of its own. */
const hmlc_save_graph *hmlc_save_branch(hmlc_saver *saver, const hmlc_region *region,
                                        const char *name);

/* -- the file (onnx_save_file.c) --------------------------------------------------------------- */

/* ONNX's number of an element type; 0 where it has none. */
int64_t hmlc_save_dtype(hmlc_dtype dtype);
/* Bytes of the model. */
uint64_t hmlc_save_size(const hmlc_save_graph *graph, const char *producer_version);
void hmlc_save_write(const hmlc_save_graph *graph, const char *producer_version, FILE *stream);

#endif

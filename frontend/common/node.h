/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One node of a model on its way into the IR, whatever the format: what import functions ask of it
 * and how they complain. A format embeds it in a record of its own, as its first member, and says
 * by a hmlc_node_format how its nodes are read.
 */
#ifndef HMLC_NODE_H
#define HMLC_NODE_H

#include "importer/emit.h"
#include "importer/importer.h"

typedef struct hmlc_node hmlc_node;
typedef void hmlc_node_import_function(hmlc_node *node);

/* Kinds of attributes; bits. */
enum {
    HMLC_NODE_WHOLE = 1, /* numbers without a fraction, flags */
    HMLC_NODE_REAL = 2,
    HMLC_NODE_TEXT = 4,
    HMLC_NODE_LIST = 8,
    HMLC_NODE_ANY = 15, /* the format has compared the kind with the operator's row */
};

/* What a node stores as an attribute. Each field holds what it can of it: a number, a text, a list
 * of integers. Who asks for another kind than these gets an error. */
typedef struct hmlc_node_attr {
    uint32_t kinds; /* HMLC_NODE_* */
    int64_t number;
    double real;
    const char *text; /* of `length`, not terminated */
    size_t length;
    const int64_t *ints; /* may be NULL where count is 0 */
    uint32_t count;
} hmlc_node_attr;

typedef struct hmlc_node_format {
    /* Begins the node's messages: "Conv (opset 13)". */
    void (*write_title)(const hmlc_node *node, char *text, size_t size);
    /* What a message calls an input: its name in the model; "" where there is none. */
    const char *(*input_name)(const hmlc_node *node, uint32_t index);
    /* The same of an output, index < output_count; "" where nobody reads it. */
    const char *(*output_name)(const hmlc_node *node, uint32_t index);
    /* False where the node does not give the attribute. */
    bool (*find_attr)(const hmlc_node *node, const char *name, hmlc_node_attr *attr);
    /* What to do about an input that must be constant, and one that needs a static length. */
    const char *constant_hint, *length_hint;
} hmlc_node_format;

struct hmlc_node {
    hmlc_emitter emit; /* at the end of the current region, with the node's location */
    const hmlc_node_format *format;
    hmlc_opcode opcode; /* for functions that serve several operators */
    uint32_t input_count, output_count;
    hmlc_value **inputs;  /* absent ones are NULL */
    hmlc_value **outputs; /* to be set by the import function */
};

/*
 * Runs the import function. True when every output that is read has a value; what is missing is
 * reported. Memory that ran out, defects, and a table of dims that takes no more end the import.
 */
bool hmlc_node_run(hmlc_importer *importer, hmlc_node *node, hmlc_node_import_function *import);

/* A problem of the node: adds the diagnostic, which begins with its title, and stops the node. */
void hmlc_node_fail(hmlc_node *node, hmlc_error error, const char *hint, const char *format, ...)
    HMLC_PRINTF(4, 5);
static inline bool hmlc_node_ok(const hmlc_node *node)
{
    return node->emit.status == HMLC_OK;
}

/* Attributes; one of another kind fails, giving what stands for an absent one. */
bool hmlc_node_has_attr(const hmlc_node *node, const char *name);
int64_t hmlc_node_int(hmlc_node *node, const char *name, int64_t otherwise);
double hmlc_node_float(hmlc_node *node, const char *name, double otherwise);
/* NULL when absent; an empty list is not NULL. */
const int64_t *hmlc_node_ints(hmlc_node *node, const char *name, uint32_t *count);
/* The index of the attribute's word in "a|b|c", `otherwise` when absent; fails on another word. */
int32_t hmlc_node_choice(hmlc_node *node, const char *name, const char *words, int32_t otherwise);

/* 0 <= axis < rank from a possibly negative one; fails outside, giving 0. */
int64_t hmlc_node_axis(hmlc_node *node, int64_t axis, int32_t rank);
/* The attribute "axis", of input 0. */
int64_t hmlc_node_axis_attr(hmlc_node *node, int64_t otherwise);
/* Normalised, sorted, distinct axes from a list; returns the count. axes holds HMLC_MAX_RANK. */
uint32_t hmlc_node_axes(hmlc_node *node, const int64_t *list, uint32_t count, int32_t rank,
                        int64_t *axes);
/* A list of constant integers from input `index` (refused where it is known only at run time) or,
 * when that operand does not exist, from attribute `name`. False when neither is given or on
 * failure. values holds HMLC_EMIT_MAX_ELEMENTS. */
bool hmlc_node_int_list(hmlc_node *node, uint32_t index, const char *name, int64_t *values,
                        uint32_t *count);
/*
 * Input `index` as i64[n] where its elements are known only at run time, n being static and at most
 * HMLC_MAX_RANK; NULL where it is absent or constant (hmlc_node_int_list gives it then) and, with a
 * diagnostic, where its length is not known. Scalars come as i64[1].
 */
hmlc_value *hmlc_node_run_time_list(hmlc_node *node, uint32_t index, uint32_t *count);
/* A scalar input that must be constant, as double; fails by name otherwise. */
double hmlc_node_constant_input(hmlc_node *node, uint32_t index);
/* The same for a list of numbers; at most HMLC_EMIT_MAX_ELEMENTS. */
bool hmlc_node_constant_list(hmlc_node *node, uint32_t index, double *values, uint32_t *count);

/* A constant [rows, columns] of entry(row, column, context); NULL where memory ran out. */
typedef double hmlc_table_entry(int64_t row, int64_t column, const void *context);
hmlc_value *hmlc_node_table(hmlc_node *node, hmlc_dtype dtype, int64_t rows, int64_t columns,
                            hmlc_table_entry *entry, const void *context);

static inline bool hmlc_node_has_input(const hmlc_node *node, uint32_t index)
{
    return index < node->input_count && node->inputs[index] != NULL;
}
static inline bool hmlc_node_wants_output(const hmlc_node *node, uint32_t index)
{
    return index < node->output_count && node->format->output_name(node, index)[0] != '\0';
}
/* Rank of an input; its dims. */
static inline int32_t hmlc_node_rank(const hmlc_node *node, uint32_t index)
{
    return node->inputs[index]->type->rank;
}
static inline const hmlc_dim *hmlc_node_dims(const hmlc_node *node, uint32_t index)
{
    return node->inputs[index]->type->dims;
}
static inline const char *hmlc_node_input_name(const hmlc_node *node, uint32_t index)
{
    return node->format->input_name(node, index);
}

#endif

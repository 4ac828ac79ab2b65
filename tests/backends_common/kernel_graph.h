/* SPDX-License-Identifier: Apache-2.0 */
/* Short builders for test graphs: one kernel op in main, written op by op. */
#ifndef KERNEL_GRAPH_H
#define KERNEL_GRAPH_H

#include <hmlc/ir.h>

typedef struct kernel_graph {
    hmlc_module *module;
    hmlc_region *region;  /* the kernel's */
    hmlc_builder builder; /* at the region's end */
    hmlc_value *outer[64];
    uint32_t outer_count;
} kernel_graph;

kernel_graph kernel_graph_create(void);
void kernel_graph_destroy(kernel_graph *graph);
/*
 * `dims` is text everywhere: numbers or symbol names separated by blanks, "n 3 8"; "" is a scalar.
 */
/* A DIMS attribute. */
hmlc_attr kernel_graph_dims(kernel_graph *graph, hmlc_attr_name name, const char *dims);
/* A new main argument that the kernel takes; gives the region's argument. */
hmlc_value *kernel_graph_input(kernel_graph *graph, hmlc_dtype dtype, const char *dims);
/* A constant operand of the kernel from outside. */
hmlc_value *kernel_graph_outer_constant(kernel_graph *graph, const hmlc_tensor *tensor);
/* A scalar constant inside the region. */
hmlc_value *kernel_graph_scalar(kernel_graph *graph, hmlc_dtype dtype, double value);
/* Any op with one result; `operands` ends at the first NULL beyond `count`. */
hmlc_value *kernel_graph_op(kernel_graph *graph, hmlc_opcode opcode, hmlc_value *const *operands,
                            uint32_t count, const hmlc_attr *attrs, uint32_t attr_count);
hmlc_value *kernel_graph_unary(kernel_graph *graph, hmlc_opcode opcode, hmlc_value *a);
hmlc_value *kernel_graph_binary(kernel_graph *graph, hmlc_opcode opcode, hmlc_value *a,
                                hmlc_value *b);
/* Closes the region with the values as results and adds the kernel op. */
void kernel_graph_finish(kernel_graph *graph, int64_t form, hmlc_value *const *results,
                         uint32_t count);

/* Input data. */
typedef struct kernel_random {
    uint64_t state;
} kernel_random;
uint64_t kernel_random_next(kernel_random *random);
double kernel_random_real(kernel_random *random, double low, double high);
/* A tensor of random elements: floats in [low, high), integers in the same range, wrapped. */
hmlc_tensor kernel_random_tensor(kernel_random *random, hmlc_arena *arena, hmlc_dtype dtype,
                                 int32_t rank, const int64_t *dims, double low, double high);

#endif

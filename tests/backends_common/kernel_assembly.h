/* SPDX-License-Identifier: Apache-2.0 */
/* The innermost loops of a kernel's assembly text, counted by kind of instruction. */
#ifndef KERNEL_ASSEMBLY_H
#define KERNEL_ASSEMBLY_H

#include <stdint.h>

typedef enum assembly_kind {
    ASSEMBLY_FMA,
    ASSEMBLY_MULTIPLY, /* of floats */
    ASSEMBLY_ADD,
    ASSEMBLY_BROADCAST, /* one element to all lanes; SSE: the load and the shuffle count one each */
    ASSEMBLY_LOAD,      /* of a vector, by an instruction of its own */
    ASSEMBLY_STORE,
    ASSEMBLY_COPY, /* from vector register to vector register */
    ASSEMBLY_PREFETCH,
    ASSEMBLY_OTHER_VECTOR,
    ASSEMBLY_SCALAR, /* addresses, counters, jumps */
    ASSEMBLY_KINDS,
} assembly_kind;

typedef struct assembly_loop {
    uint32_t count[ASSEMBLY_KINDS];
    uint32_t instructions;
    uint32_t stack; /* instructions that address memory by the stack pointer */
    const char *text;
    int length; /* of the text */
} assembly_loop;

enum { ASSEMBLY_LOOPS = 1024 };

/* Fills loops with those that contain no other; returns how many. Fails the test above the limit.
 */
uint32_t assembly_inner_loops(const char *text, assembly_loop loops[ASSEMBLY_LOOPS]);
/* Fails the test where the code refers to a symbol that hmlc does not bring along, or goes through
 * a table that a dynamic linker would have to fill. */
void assembly_check_symbols(const char *text);

#endif

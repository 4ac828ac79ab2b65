/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an architecture's folder gives: the rows of its targets, and the little that rows cannot
 * say. Each folder defines one hmlc_architecture_<name>.
 */
#ifndef HMLC_ARCHITECTURE_H
#define HMLC_ARCHITECTURE_H

#include <hmlc/target.h>

/* Architectures of objects alone: no artifact names them. */
enum { HMLC_ARCHITECTURE_THUMB = 1000, HMLC_ARCHITECTURE_WASM32 };

/* The portable kernels (backends/portable/), compiled for the architecture. */
typedef struct hmlc_bitcode {
    const char *begin, *end;
} hmlc_bitcode;

/* Declares what bitcode.S embeds for the folder `name`, and refers to it. */
#define HMLC_BITCODE_DECLARE(name)                                                                 \
    extern const char hmlc_bitcode_##name##_kernels[], hmlc_bitcode_##name##_kernels_end[],        \
        hmlc_bitcode_##name##_memory[], hmlc_bitcode_##name##_memory_end[]
#define HMLC_BITCODE(name, part) {hmlc_bitcode_##name##_##part, hmlc_bitcode_##name##_##part##_end}

/* Bytes of instructions that fill space in an image, repeated. */
typedef struct hmlc_instruction {
    uint8_t bytes[4];
    uint32_t size;
} hmlc_instruction;

typedef struct hmlc_architecture {
    uint32_t number;            /* HML_ARCHITECTURE_*, HMLC_ARCHITECTURE_* */
    const hmlc_target *targets; /* in rising order of features: the loader takes the last that the
                                   CPU can run */
    uint32_t target_count;
    const char *triples;   /* how LLVM's triples of it begin, blanks between; NULL: rows alone */
    hmlc_bitcode kernels;  /* the irregular operators */
    hmlc_bitcode memory;   /* what LLVM may call on its own */
    hmlc_instruction nop;  /* what LLVM leaves before an entry, one for each instruction's room */
    hmlc_instruction trap; /* what stands between the end of the code and its page's */
    bool fixed_addresses;  /* of all its programs, whatever the triple */
    /* Assembly for objects whose triple ends in "hf"; NULL: none. */
    const char *hard_float;
    bool named_sections;   /* objects have sections of any name */
    uint32_t call_bytes;   /* of the stack, that a call itself takes */
    uint32_t saved_bytes;  /* of all registers that a function keeps for its caller */
    void (*prepare)(void); /* makes LLVM's code generator known */
    /* HML_CPU_* of the machine that compiles; false: it is of another architecture. NULL: no
     * machine of this one compiles. */
    bool (*features_here)(uint64_t *features);
} hmlc_architecture;

/* All of them, one behind the other: NULL behind the last. */
const hmlc_architecture *hmlc_architecture_first(void);
const hmlc_architecture *hmlc_architecture_next(const hmlc_architecture *architecture);
/* Of a target. */
const hmlc_architecture *hmlc_architecture_of(const hmlc_target *target);

#endif

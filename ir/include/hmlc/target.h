/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What passes and backends know of a machine: plain data. The rows live in backends/targets/, a
 * folder for each architecture. Code asks for a capability, never for a name or a vector's size.
 */
#ifndef HMLC_TARGET_H
#define HMLC_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include <hmlc/family.h>

/* How an element of the left side reaches the multiplier of a contraction. */
typedef enum hmlc_left_style {
    HMLC_LEFT_SPLAT,    /* a scalar load, broadcast to all lanes */
    HMLC_LEFT_LANE4,    /* a vector of four k steps is held, the multiplier takes a lane of it */
    HMLC_LEFT_LANE2,    /* the same, two k steps; product and sum are rounded apart */
    HMLC_LEFT_IN_ORDER, /* lanes, the next steps' loads placed between the products */
    HMLC_LEFT_COUNT
} hmlc_left_style;

enum { HMLC_WIDEST_TILE = 12, HMLC_TILE_CHOICES = 4 };

/* Register tiles of contractions that run without a spill. A tile is rows x vectors. */
typedef struct hmlc_tiles {
    hmlc_left_style style;
    bool general_left; /* SPLAT: the multiplier takes the scalar from a general register */
    uint32_t rows[HMLC_WIDEST_TILE + 1]; /* most rows of a tile of so many vectors; 0: none */
    uint32_t usual;                      /* vectors of the usual tile */
    uint32_t crowded; /* vectors where the rows of the usual one would meet in a set of L1 */
    uint32_t few[HMLC_TILE_CHOICES]; /* vectors tried for few rows, the widest first; 0: no more */
} hmlc_tiles;

/* Outputs of a tile of a window, columns x rows. */
typedef struct hmlc_window_tiles {
    uint32_t columns;
    uint32_t rows;      /* of a depthwise tile; pooling and large windows have one */
    uint32_t wide;      /* columns of tiles where that divides the width; 0: never */
    bool wide_has_rows; /* wide tiles of two rows pay at any width, not alone at their own */
} hmlc_window_tiles;

/* What decides how work is cut, roughly; never what is computed. */
typedef struct hmlc_rates {
    double flops;           /* of contractions, per nanosecond of one core */
    double stream;          /* bytes of memory that a core reads in a nanosecond; 0: not a matter */
    double window;          /* taps of windows per nanosecond, and in the form that */
    double window_dynamic;  /*   loops over the taps */
    uint32_t loop_percent;  /* time of loops, of what the costs of operators say */
    uint32_t chains;        /* vectors computed side by side, which hides the latency of
                               polynomials: a power of two */
    int64_t prefetch_bytes; /* panels below this are read at once anyway */
    int64_t prefetch_tiles; /* with more row tiles the first one's misses do not count */
    uint32_t fetched_steps; /* how far ahead a product's rows are fetched into L1; 0: not at all */
} hmlc_rates;

/* An attribute that LLVM wants on each function. */
typedef struct hmlc_target_attribute {
    const char *name, *value;
} hmlc_target_attribute;

/* Loads and stores of some lanes alone. */
typedef enum hmlc_masks {
    HMLC_MASKS_NONE, /* LLVM makes a branch a lane of each */
    HMLC_MASKS_SLOW,
    HMLC_MASKS_FAST, /* as fast as others */
} hmlc_masks;

/*
 * LLVM's intrinsics for products of bytes, by vectors of 16, 32 and 64 bytes; NULL: none. Left
 * bytes are those of the target's family, right ones i8. `dot`: four products and a lane's sum in
 * one, which wraps. `pairs`: i16 by i16, two products a lane of i32. `halves`: u8 by i8, two
 * products a lane of i16, which saturates. `neighbours`: of i16, two added in a lane of i32; says
 * that i8 by i8 in i16 is an instruction, too. `word`: those of a group in one general register;
 * LLVM makes no products of small vectors of it.
 */
enum { HMLC_BYTE_VECTORS = 3 };
typedef struct hmlc_word_products {
    const char *widen_unsigned, *widen_signed; /* the even bytes of an i32 as two i16 */
    const char *multiply_add;                  /* both products of such and a sum */
} hmlc_word_products;
typedef struct hmlc_row_products {
    const char *multiply_add; /* of vectors of 16 bytes: all products and a sum of i32 */
    const char *mask;         /* of the first so many bytes of a vector */
} hmlc_row_products;
/* Speed of contractions of bytes, of that in f32, by what adds the products up; 0: not known.
 * `i16`: pairs of what is i16 already; `widened`: without any of these. */
typedef struct hmlc_byte_speeds {
    double dot, halves, pairs, i16, widened;
} hmlc_byte_speeds;

typedef struct hmlc_byte_products {
    const char *const *dot, *const *pairs, *const *halves, *const *neighbours;
    bool dot_by_lane;    /* dot takes bytes, not i32, and the left side last: a lane of a vector */
    bool neighbours_add; /* neighbours takes a sum first, onto which it adds */
    bool half_registers; /* the halves of a vector are registers, whose products fill one */
    const hmlc_word_products *word;
    const hmlc_row_products *rows; /* i8 by i8 */
    const char *square;            /* the same: two rows by two columns, of eight steps, and sums */
    bool singles;     /* constant weights lie step by step: products widen on their own */
    int64_t panel;    /* columns of a panel of constant weights; 0: as in packing.h */
    uint32_t groups;  /* that one body of the k loop takes; 0: one */
    bool in_windows;  /* depthwise windows sum in i32, not in f32 that is exact */
    hmlc_tiles tiles; /* where they are not those of floats; usual 0: they are */
    hmlc_byte_speeds speed;
} hmlc_byte_products;

/* LLVM's intrinsics that round f32 to the nearest i32, ties to even; what does not fit gives the
 * nearest that does, NaN 0. */
typedef struct hmlc_nearest {
    const char *scalar; /* its i32 comes as the bits of a f32. NULL: LLVM's own words do */
    const char *vector; /* of vector_bytes; asks first whether the result has no sign. NULL: none */
    bool alone;         /* vector does not ask */
    bool narrows;       /* an instruction halves integers, and saturates */
} hmlc_nearest;

/*
 * How vectors of bytes are looked up in a table of 256. ROWS: 16 bytes of a table by the low four
 * bits, in each 16 bytes of a vector, 0 where the byte's sign is set. WORDS: two vectors of 32 i16
 * by the low six bits. QUARTERS: 64 bytes in four vectors, 0 for what lies beyond.
 */
typedef enum hmlc_lookup_style {
    HMLC_LOOKUP_ROWS,
    HMLC_LOOKUP_WORDS,
    HMLC_LOOKUP_QUARTERS,
} hmlc_lookup_style;
typedef struct hmlc_lookup {
    hmlc_lookup_style style;
    uint32_t bytes; /* of the vector that the intrinsic takes */
    const char *intrinsic;
} hmlc_lookup;

typedef struct hmlc_target {
    const char *name;
    uint32_t architecture; /* HML_ARCHITECTURE_* (hml_format/artifact.h) */
    hmlc_family family;
    bool fixed_addresses;        /* programs lie where their linker placed them */
    bool object_only;            /* its machines have no files: no artifacts */
    bool is_default;             /* one of those that are compiled for where none is named */
    uint64_t required_features;  /* HML_CPU_* bits that the loader wants */
    uint64_t preferred_features; /* those without which it prefers another variant */
    /* The row of fewer features whose code this one's is wherever their plans are equal: there no
     * variant is made of this one. NULL: none. */
    const char *base;
    const char *small_of; /* the row that this one stands beside for small cores; NULL: none */

    const char *triple;                      /* LLVM's */
    const char *cpu;                         /* LLVM's -mcpu */
    const char *tune;                        /* LLVM's -mtune; NULL: as cpu */
    const char *features;                    /* LLVM's -mattr */
    const char *data_layout;                 /* LLVM's: byte order, pointers, alignments */
    const hmlc_target_attribute *attributes; /* up to one without a name; NULL: none */
    int32_t index_bits;                      /* of a pointer, and what kernels count in */
    int32_t stack_alignment;                 /* of frames, which align nothing further; 0: any */
    int64_t page_bytes;                      /* the largest page of systems that run the code */

    int32_t vector_bytes; /* widest useful vector */
    int32_t vector_registers;
    int32_t general_registers; /* that generated code may use, the stack pointer among them */
    bool has_fma;
    hmlc_masks masks;
    bool packs_saturate; /* vectors of integers are narrowed by instructions that saturate */
    /* Of floats: what is one instruction each. */
    int32_t nan_extrema_bits; /* minimum and maximum that let NaN win, of floats so wide at most */
    bool has_rounding;        /* to whole numbers, every way */
    const hmlc_nearest *nearest; /* NULL: none */
    const hmlc_lookup *lookup;   /* NULL: byte by byte */
    bool has_half;               /* f16 to f32 and back */
    bool multiplies_half;        /* vectors of f16, product and sum in one */
    /* LLVM's intrinsic for bf16: four products of each of two rows by two columns, onto 2x2 f32. */
    const char *multiplies_bf16; /* NULL: none */
    const char *widen_four; /* LLVM's intrinsic of four f16, where its own type goes one by one */
    bool has_f64;           /* all of f64's arithmetic; without it nothing is computed in f64 */

    int64_t l1_bytes, l2_bytes; /* data caches of one core */
    int32_t l1_ways;
    hmlc_tiles tiles;
    hmlc_byte_products bytes;
    bool multiplies_every_second; /* i32 by i32 to i64 takes every second lane of both */
    hmlc_window_tiles window;
    int64_t listed_pixels; /* convolutions of images up to so many list where each row begins */
    hmlc_rates rates;
} hmlc_target;

#endif

/* What passes and backends need to know of a machine. Rows live in backends/targets.def. */
#ifndef HMLC_TARGET_H
#define HMLC_TARGET_H

#include <stdbool.h>
#include <stdint.h>

typedef enum hmlc_architecture {
    HMLC_ARCHITECTURE_X86_64 = 1,
    HMLC_ARCHITECTURE_AARCH64,
    HMLC_ARCHITECTURE_NVPTX
} hmlc_architecture;

typedef struct hmlc_target {
    const char *name; /* "x86-64-v3" */
    hmlc_architecture architecture;
    const char *triple;         /* LLVM's */
    const char *cpu;            /* LLVM's -mcpu */
    const char *features;       /* LLVM's -mattr */
    uint64_t required_features; /* HML_CPU_* bits that the loader wants (hml_format/artifact.h) */
    int32_t vector_bytes;       /* widest useful vector */
    int32_t vector_registers;
    bool has_fma;
    int32_t tile_rows; /* default register tile of a contraction: rows x vectors */
    int32_t tile_vectors;
    int64_t l1_bytes, l2_bytes;
} hmlc_target;

#endif

/* Code generation in child processes: LLVM may abort or run out of memory on odd input, and that
 * must stay an error. */
#ifndef HMLC_CODEGEN_H
#define HMLC_CODEGEN_H

#include "program.h"

/* The objects of one variant, in a fixed order, whatever the number of jobs. */
typedef struct hmlc_objects {
    int *files; /* descriptors of anonymous files; -1: none */
    uint32_t count;
} hmlc_objects;

/* Generates the unique kernels of each program. objects has program_count entries; release each
 * afterwards. */
hmlc_status hmlc_codegen_run(hmlc_program *programs, uint32_t program_count,
                             const hmlc_codegen_options *options, hmlc_arena *arena,
                             hmlc_objects *objects) HMLC_MUST_USE;
void hmlc_objects_release(hmlc_objects *objects);

#endif

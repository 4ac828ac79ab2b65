/* SPDX-License-Identifier: Apache-2.0 */
/* Code generation in child processes: LLVM may abort or run out of memory on odd input, and that
 * must stay an error. */
#ifndef HMLC_CODEGEN_H
#define HMLC_CODEGEN_H

#include "object/object_form.h"
#include "objects.h"
#include "program.h"

/*
 * Generates the unique kernels of each program; with `object`, all of the one program as an object,
 * whose figures it sets. objects has program_count entries; release each afterwards.
 */
hmlc_status hmlc_codegen_run(hmlc_program *programs, uint32_t program_count,
                             const hmlc_codegen_options *options, hmlc_arena *arena,
                             hmlc_objects *objects, hmlc_object_form *object) HMLC_MUST_USE;

#endif

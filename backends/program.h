/* SPDX-License-Identifier: Apache-2.0 */
/* The program of one variant while it is built: the tables of a PROGRAM section, and which kernels
 * they call. */
#ifndef HMLC_PROGRAM_H
#define HMLC_PROGRAM_H

#include <hml_format/artifact.h>

#include "growable.h"
#include "kernel.h"
#include "string_table.h"
#include "weights.h"

/* A planned kernel op; `unique` is its kernel's index in hmlc_program.kernels. */
typedef struct hmlc_planned_kernel {
    const hmlc_op *op;
    hmlc_kernel_plan plan;
    uint32_t unique;
} hmlc_planned_kernel;

/* A kernel whose code is generated once for all steps that share its key. */
typedef struct hmlc_unique_kernel {
    const char *key;
    const hmlc_kernel_plan *plan; /* of the first op that needs it */
    char name[32];                /* its symbol: "k12" */
} hmlc_unique_kernel;

typedef struct hmlc_program {
    hmlc_module *module;
    hmlc_arena *arena;
    const hmlc_target *target;
    HMLC_TABLE(hmlc_planned_kernel) planned; /* in op order */
    HMLC_TABLE(hmlc_unique_kernel) unique;
    hmlc_weights *weights; /* shared by the variants */
    /* Tables, see hml_format/artifact.h. */
    HMLC_TABLE(hml_dim_record) dims;
    HMLC_TABLE(hml_check_record) checks;
    HMLC_TABLE(hml_buffer_record) buffers;
    HMLC_TABLE(hml_operand_record) operands;
    HMLC_TABLE(uint32_t) indices;
    HMLC_TABLE(hml_kernel_record) kernels;
    HMLC_TABLE(hml_step_record) steps;
    HMLC_TABLE(uint32_t) locations;
    HMLC_TABLE(uint32_t) output_dims;
    hmlc_string_table strings;
    uint32_t target_name; /* in strings */
    uint32_t entry_dims, entry_checks;
    uint32_t arena_dim, scratch_dim;
    hmlc_dim scratch_bytes; /* what scratch_dim holds */
    struct hmlc_slot_map *slots;
} hmlc_program;

/* Plans every kernel op of the module's main graph and regions for a target; refusals become
 * diagnostics. */
hmlc_status hmlc_program_plan(hmlc_program *program, hmlc_module *module, const hmlc_target *target,
                              hmlc_arena *arena) HMLC_MUST_USE;
/* Builds the tables. Kernel entries are 0 until hmlc_program_set_entries. */
hmlc_status hmlc_program_build(hmlc_program *program, hmlc_weights *weights) HMLC_MUST_USE;
/* Whether both have the same kernels in the same steps, whatever their targets: to be asked before
 * the tables are built. */
bool hmlc_program_is_like(const hmlc_program *a, const hmlc_program *b);
void hmlc_program_release(hmlc_program *program); /* what growable tables hold */

/* The slot of an expression, added when new; dims of run-time symbols only once those are bound. */
hmlc_status hmlc_program_slot(hmlc_program *program, hmlc_dim dim, uint32_t *slot) HMLC_MUST_USE;
hmlc_status hmlc_slots_create(hmlc_program *program) HMLC_MUST_USE;
void hmlc_slots_release(hmlc_program *program);
/* Defines a run-time symbol's slot as element `element` of operand record `operand`. */
hmlc_status hmlc_slots_bind(hmlc_program *program, const hmlc_symbol *symbol, uint32_t operand,
                            uint32_t element) HMLC_MUST_USE;
/* Forgets the slots from `first` on: they belong to a branch that may not have run. */
void hmlc_slots_forget(hmlc_program *program, uint32_t first);
/* True, with its slot, when the symbol has one. */
bool hmlc_slots_has_symbol(const hmlc_program *program, const hmlc_symbol *symbol, uint32_t *slot);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a loaded model is: typed views of the checked tables of its file. */
#ifndef HML_MODEL_H
#define HML_MODEL_H

#include "common/memory.h"
#include "common/message.h"
#include "loader/container.h"
#include "platform/platform.h"
#include <hml_format/artifact.h>
#include <hml_format/kernel_abi.h>
#include <stdatomic.h>

/* Tables that were checked: every index in them may be used without another look. */
typedef struct hml_program {
    const hml_program_record *record;
    const hml_dim_record *dims;
    const hml_check_record *checks;
    const hml_buffer_record *buffers;
    const hml_operand_record *operands;
    const uint32_t *indices;
    const hml_kernel_record *kernels;
    const hml_step_record *steps;
    const uint32_t *locations;
    const uint32_t *output_dims;
    const char *strings;
} hml_program;

typedef struct hml_model_tables {
    const hml_model_record *record;
    const hml_symbol_record *symbols;
    const hml_tensor_record *inputs;
    const hml_tensor_record *outputs;
    const hml_state_record *states;
    const char *strings;
    /* Those of the caller: the states stand behind them in their tables. */
    uint32_t input_count, output_count;
} hml_model_tables;

typedef struct hml_variant {
    hml_status refusal; /* HML_OK, or why this runtime is too old for it: then no program is read */
    const hml_section_record *program_section; /* NULL until found */
    const hml_section_record *code_section;
    const hml_code_record *code;
    hml_program program;
} hml_variant;

struct hml_model {
    atomic_uint references;
    uint32_t mapped; /* file is a mapping, else memory of the allocator or the caller's */
    uint32_t inspect_only;
    uint32_t variant, variant_count;
    hml_allocator allocator;
    hml_file_bytes file;
    void *copy; /* NULL, or the allocation that holds the file */
    hml_record_copies copies;
    uint32_t format_minor; /* of the file */
    hml_model_tables tables;
    hml_variant *variants;
    hml_file_bytes weights, provenance;
    uint8_t *code_image; /* NULL when inspect_only */
};

/* The chosen variant's program. */
static inline const hml_program *hml_model_program(const hml_model *model)
{
    return &model->variants[model->variant].program;
}

/* session/states.c. Of all states together; *bytes grows by what a session needs for them. */
uint64_t hml_model_state_bytes(const hml_model *model);
bool hml_model_state_room(const hml_model *model, size_t *bytes);

/* The user's nodes behind a step; "" when there are none. */
static inline const char *hml_step_location(const hml_program *program, uint32_t step)
{
    uint32_t location = program->steps[step].location;
    return location == HML_NONE ? "" : program->strings + program->locations[location];
}

static inline hml_message hml_open_message(const hml_open_options *options)
{
    return (hml_message){options->message, options->message_bytes};
}

/* -- Parts of loading, in this order; each is a file ------------------------------------------ */

/* Sorts the sections: model, weights, provenance, variants. Allocates model->variants. */
hml_status hml_model_find_sections(hml_model *model, const hml_container *container,
                                   hml_message message);

/* What the refusal of something within the file means: in a file of a later minor version nothing
 * is damaged that this runtime does not understand. */
hml_status hml_model_refusal(const hml_model *model, hml_status status, hml_message message);

/* Checks the MODEL section. */
hml_status hml_model_check_tables(hml_model *model, const hml_section_record *section,
                                  hml_message message);

/* Checks one variant's PROGRAM and CODE sections; the model's tables are checked already. */
hml_status hml_variant_check(hml_model *model, hml_variant *variant, hml_message message);

/* Sets model->variant: the one of that name, or the best one for NULL and "". A variant that this
 * runtime is too old for is never chosen. */
hml_status hml_model_choose_variant(hml_model *model, const char *wanted, hml_message message);

#endif

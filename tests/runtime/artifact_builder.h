/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds artifacts for the tests, byte by byte as the format says, independently of the compiler's
 * writer. Tables are plain arrays that a test may also fill with nonsense.
 */
#ifndef ARTIFACT_BUILDER_H
#define ARTIFACT_BUILDER_H

#include "test_kernels.h"

#include <hml_format/artifact.h>
#include <stddef.h>

enum { BUILDER_MOST = 64, BUILDER_TEXT = 2048, BUILDER_WEIGHTS = 4096 };

typedef struct artifact_builder {
    hml_symbol_record symbols[BUILDER_MOST];
    hml_tensor_record inputs[BUILDER_MOST], outputs[BUILDER_MOST];
    hml_state_record states[BUILDER_MOST]; /* of the last inputs and outputs */
    hml_dim_record dims[BUILDER_MOST];
    hml_check_record checks[BUILDER_MOST];
    hml_buffer_record buffers[BUILDER_MOST];
    hml_operand_record operands[BUILDER_MOST];
    uint32_t indices[BUILDER_MOST];
    hml_kernel_record kernels[BUILDER_MOST];
    hml_step_record steps[BUILDER_MOST];
    uint32_t locations[BUILDER_MOST], output_dims[BUILDER_MOST];
    uint32_t symbol_count, input_count, output_count, state_count, dim_count, check_count,
        buffer_count, operand_count, index_count, kernel_count, step_count, location_count,
        output_dim_count;
    char strings[BUILDER_TEXT]; /* of the model and of the programs */
    uint32_t string_bytes;
    uint8_t weights[BUILDER_WEIGHTS];
    uint32_t weight_bytes;
    uint32_t entry_dims, arena_dim, scratch_dim, growable_count;
    uint32_t step_check_count; /* of the last checks: made by steps */
    uint32_t variant_count;    /* 0: one; further ones are copies that need more features */
    const char *target_name;   /* of the first variant; NULL: "base" */
    uint32_t architecture;     /* 0: x86-64 */
    uint64_t features;         /* of the first variant */
    uint64_t preferred;        /* features of all variants but the first */
    uint32_t page;             /* the code's, as its record states it; 0: 4096 */
    uint64_t alignment;        /* of code and weights; 0: the page and 64 */
    uint64_t padding;          /* zero bytes behind the weights, for large files */
} artifact_builder;

uint32_t build_string(artifact_builder *b, const char *text);
uint32_t build_symbol(artifact_builder *b, const char *name, int64_t minimum, int64_t maximum,
                      int64_t multiple, uint32_t slot);
uint32_t build_dim(artifact_builder *b, uint32_t op, uint32_t left, uint32_t right, uint32_t third);
uint32_t build_constant(artifact_builder *b, int64_t value);
/* `slots` and `texts` have `rank` entries; returns the buffer. */
uint32_t build_input(artifact_builder *b, const char *name, hml_dtype dtype, uint32_t rank,
                     const uint32_t *slots, const char *const *texts);
uint32_t build_output(artifact_builder *b, const char *name, hml_dtype dtype, uint32_t rank,
                      const uint32_t *slots, const char *const *texts);
uint32_t build_arena(artifact_builder *b, uint32_t offset_dim, uint32_t bytes_dim);
uint32_t build_growable(artifact_builder *b, uint32_t bytes_dim);
uint32_t build_weights(artifact_builder *b, const void *data, uint32_t bytes);
void build_check(artifact_builder *b, uint32_t kind, uint32_t left, uint32_t right, uint32_t slot);
uint32_t build_kernel(artifact_builder *b, const char *name, hml_kernel_function *function);
/* Lists end with HML_NONE; the last operand is the one that is written. */
uint32_t build_call(artifact_builder *b, uint32_t kernel, const uint32_t *buffers,
                    const uint32_t *dims, uint32_t units_dim, const char *location);
uint32_t build_step(artifact_builder *b, uint32_t kind);

/* The whole file, malloc'ed and 64-byte aligned: free(). NULL when there is no memory. */
uint8_t *build_artifact(const artifact_builder *b, size_t *bytes);

/* Section record `index`, whatever its length: fields behind that are not the section's. */
static inline hml_section_record *artifact_section(uint8_t *data, uint32_t index)
{
    const hml_file_header *header = (const void *)data;
    uint32_t bytes = header->section_record_bytes != 0 ? header->section_record_bytes
                                                       : (uint32_t)HML_SECTION_RECORD_BYTES_1_0;
    return (void *)(data + header->section_table_offset + (size_t)index * bytes);
}

/* Recomputes all checksums of a file that was changed; false when its tables point nowhere. */
int reseal_artifact(uint8_t *data, size_t bytes);

#endif

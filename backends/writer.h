/* SPDX-License-Identifier: Apache-2.0 */
/* The artifact writer: sections in order, checksums, one atomic replace of the file. */
#ifndef HMLC_WRITER_H
#define HMLC_WRITER_H

#include "image/link.h"
#include "program.h"

typedef struct hmlc_artifact {
    hmlc_module *module; /* of the first program; all have its interface */
    hmlc_program *programs;
    hmlc_image *images;
    uint32_t variant_count;
    const hmlc_weights *weights;
    const char *provenance;         /* JSON text or NULL */
    const hml_state_record *states; /* one per state of the module */
} hmlc_artifact;

/* Writes `path` by way of a temporary file: old or new, never torn. *file_bytes receives the size.
 */
hmlc_status hmlc_artifact_write(const hmlc_artifact *artifact, const char *path,
                                uint64_t *file_bytes) HMLC_MUST_USE;

/* Writes text (assembly, LLVM IR) from a list of open files, as atomically. */
hmlc_status hmlc_text_write(hmlc_module *module, const hmlc_objects *objects, uint32_t count,
                            const char *path) HMLC_MUST_USE;

/* Length of the record that the MODEL section begins with: a model without states needs no more
 * than format 1.0 had. */
uint32_t hmlc_section_model_head(const hmlc_artifact *artifact);
/* The MODEL and PROGRAM sections as bytes (malloc). */
hmlc_status hmlc_section_model(const hmlc_artifact *artifact, hmlc_byte_table *bytes) HMLC_MUST_USE;
hmlc_status hmlc_section_program(const hmlc_program *program, hmlc_byte_table *bytes) HMLC_MUST_USE;

#endif

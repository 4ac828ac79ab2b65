/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts as other versions of the format might write them: the same model, records of other
 * lengths. */
#ifndef REFORM_ARTIFACT_H
#define REFORM_ARTIFACT_H

#include <hml_format/artifact.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct artifact_form {
    uint32_t longer; /* so many bytes, a multiple of 8, behind what this version knows of each
                        record, of the header and of section records; none of them zero */
    bool shorter; /* records end where their reserved fields begin; section records and the records
                     at the start of sections are those of format 1.0, which did not state their
                     lengths */
    uint16_t minor;
} artifact_form;

/* Longer records, those of format 1.0 and the shortest, longer ones of a newer minor version. */
extern const artifact_form artifact_forms[3];
enum { ARTIFACT_FORMS = 3 };

/* malloc'ed and 64-byte aligned: free(). `data` is as this version writes it. */
uint8_t *reform_artifact(const uint8_t *data, const artifact_form *form, size_t *bytes);

#endif

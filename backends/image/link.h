/* SPDX-License-Identifier: Apache-2.0 */
/* From objects to a code image: ld.lld makes a shared object without relocations, which is
 * flattened to segments. */
#ifndef HMLC_LINK_H
#define HMLC_LINK_H

#include "objects.h"
#include "program.h"

/* Text and constants as they lie in memory; offsets are multiples of the target's page. */
typedef struct hmlc_image {
    uint8_t *bytes;         /* malloc; hmlc_image_release */
    hml_code_record record; /* image_offset is relative to the image's start: 0 */
} hmlc_image;

/* Links, checks that nothing is undefined or relocated, writes the kernels' entries into the
 * program, a seal before each of them, and the image's own seal at its end. */
hmlc_status hmlc_link(hmlc_program *program, const hmlc_objects *objects,
                      hmlc_image *image) HMLC_MUST_USE;
void hmlc_image_release(hmlc_image *image);

#endif

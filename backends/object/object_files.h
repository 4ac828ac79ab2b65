/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMLC_OBJECT_FILES_H
#define HMLC_OBJECT_FILES_H

#include "object_form.h"
#include "objects.h"

/* Writes BASE.o (the only member of `objects`), .h, .json and what else the options ask for.
 * *bytes: of all of them. */
hmlc_status hmlc_object_write(const hmlc_object_form *form, const hmlc_objects *objects,
                              uint64_t *bytes) HMLC_MUST_USE;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generated objects of one variant, in a fixed order: the members of an archive in an anonymous
 * file, so that the descriptors in use do not grow with the kernels.
 */
#ifndef HMLC_OBJECTS_H
#define HMLC_OBJECTS_H

#include "growable.h"

typedef struct hmlc_object {
    uint64_t offset, bytes; /* in the archive */
} hmlc_object;

typedef struct hmlc_objects {
    int file;       /* the archive; open where there are members */
    uint64_t bytes; /* of the archive */
    HMLC_TABLE(hmlc_object) members;
} hmlc_objects;

/* Appends all that the file `from` holds. */
hmlc_status hmlc_objects_add(hmlc_objects *objects, int from) HMLC_MUST_USE;
void hmlc_objects_release(hmlc_objects *objects);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tar archives that models come in (POSIX ustar, with pax and GNU names): members are used where
 * they lie. Nothing is ever written to a path.
 */
#ifndef HMLC_TAR_H
#define HMLC_TAR_H

#include "importer/names.h"

typedef struct hmlc_tar_member {
    const char *name; /* "1/saved_model.pb", without "./" in front */
    const uint8_t *data;
    size_t size;
    struct hmlc_tar_member *next;
} hmlc_tar_member;

typedef struct hmlc_tar {
    const uint8_t *data;
    size_t size;
    hmlc_arena *arena; /* for the list */
    hmlc_diagnostics *diagnostics;
    const hmlc_location *where;
    hmlc_tar_member *members; /* files, in the order of the archive */
    hmlc_names names;         /* name -> hmlc_tar_member */
} hmlc_tar;

/* Reads the headers; the fields up to `where` are set. Refuses names that lead out of a folder or
 * come twice, links and devices. */
hmlc_status hmlc_tar_open(hmlc_tar *tar) HMLC_MUST_USE;

#endif

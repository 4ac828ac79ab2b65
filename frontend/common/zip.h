/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zip archives that models come in (PKWARE's APPNOTE 6.3, members below 4 GiB): stored members are
 * used where they lie in the file, deflated ones are inflated. Nothing is ever written to a path.
 */
#ifndef HMLC_ZIP_H
#define HMLC_ZIP_H

#include "importer/names.h"

typedef struct hmlc_zip_member {
    const char *name;
    uint64_t packed_offset, packed, size; /* bytes as stored, and as they are */
    uint32_t method, checksum;
} hmlc_zip_member;

typedef struct hmlc_zip {
    const uint8_t *data;
    size_t size;
    hmlc_arena *arena; /* for the directory */
    hmlc_diagnostics *diagnostics;
    const hmlc_location *where;
    hmlc_zip_member *members; /* in the order of the directory */
    uint32_t count;
    hmlc_names names; /* name -> hmlc_zip_member */
} hmlc_zip;

/* Reads the directory; the fields up to `where` are set. Refuses names that lead out of a folder,
 * names that come twice, members that share bytes, and encrypted ones. */
hmlc_status hmlc_zip_open(hmlc_zip *zip) HMLC_MUST_USE;
/* NULL: none of that name. */
const hmlc_zip_member *hmlc_zip_find(const hmlc_zip *zip, const char *name);
/* The member's bytes, whose checksum is compared: in the file, or inflated into `arena`. */
hmlc_status hmlc_zip_read(const hmlc_zip *zip, const hmlc_zip_member *member, hmlc_arena *arena,
                          const uint8_t **data) HMLC_MUST_USE;

#endif

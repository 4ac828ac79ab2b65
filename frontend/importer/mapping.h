/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files read for a module: the model, and external data beneath the model's folder. Nothing is
 * read through a symbolic link, hard link, device or FIFO below that folder. Not thread-safe.
 */
#ifndef HMLC_MAPPING_H
#define HMLC_MAPPING_H

#include <hmlc/frontend.h>

typedef struct hmlc_mapped_file {
    uint8_t *data; /* NULL: empty */
    size_t size;
    uint64_t device, inode;
    struct hmlc_mapped_file *next;
} hmlc_mapped_file;

/* NULL on failure. */
hmlc_mapping *hmlc_mapping_create(void);

/* Reads the model itself; links are followed, since the user named it. DAMAGED with a diagnostic
 * when it is not a readable regular file. The mapping keeps the folder open. */
hmlc_status hmlc_mapping_open_model(hmlc_mapping *mapping, const char *path,
                                    hmlc_diagnostics *diagnostics,
                                    const hmlc_mapped_file **file) HMLC_MUST_USE;

/* Reads an external file beneath the model's folder. DAMAGED with a diagnostic when it may not be
 * used. Each call reads anew: the caller keeps what it got. */
hmlc_status hmlc_mapping_open_external(hmlc_mapping *mapping, const char *location,
                                       hmlc_diagnostics *diagnostics, const hmlc_location *where,
                                       const hmlc_mapped_file **file) HMLC_MUST_USE;

/* Is there anything of that name in the model's folder? */
bool hmlc_mapping_has(const hmlc_mapping *mapping, const char *name);

/* Notes an external file for hmlc_mapping_visit alone; one that is not there is passed over. */
hmlc_status hmlc_mapping_note_external(hmlc_mapping *mapping, const char *location) HMLC_MUST_USE;

#endif

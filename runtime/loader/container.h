/* SPDX-License-Identifier: Apache-2.0 */
/* The file as a container: header, section table, checksums. Knows nothing of what is inside. */
#ifndef HML_CONTAINER_H
#define HML_CONTAINER_H

#include "loader/table.h"

typedef struct hml_container {
    const hml_section_record *sections; /* offset, bytes and alignment may be relied upon */
    uint32_t count;
    uint32_t minor; /* of the file's format; a later one may have kinds that are not known here */
} hml_container;

/*
 * Checks magic, byte order, versions, bounds, order and alignment of the sections, and the checksum
 * of every byte.
 */
hml_status hml_container_check(hml_file_bytes file, hml_record_copies *copies, hml_message message,
                               hml_container *container);

#endif

/* The file as a container: header, section table, checksums. Knows nothing of what is inside. */
#ifndef HML_CONTAINER_H
#define HML_CONTAINER_H

#include "common/message.h"
#include <hml_format/artifact.h>

/* A file in memory, aligned to 64 bytes. */
typedef struct hml_file_bytes {
    const uint8_t *data;
    uint64_t bytes;
} hml_file_bytes;

/*
 * Checks magic, byte order, versions, bounds, order and alignment of the sections, and the checksum
 * of every byte. On success *sections points at the file's own section table of *count records,
 * whose offset, bytes and alignment may be relied upon.
 */
hml_status hml_container_check(hml_file_bytes file, hml_message message,
                               const hml_section_record **sections, uint32_t *count);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Checked access to the tables and strings of one section, whatever version wrote them. */
#ifndef HML_TABLE_H
#define HML_TABLE_H

#include "common/memory.h"
#include "common/message.h"
#include <hml_format/artifact.h>

/* Bytes of the file or of a section, aligned to 64 bytes. */
typedef struct hml_file_bytes {
    const uint8_t *data;
    uint64_t bytes;
} hml_file_bytes;

/*
 * Records that had to be copied because those of the file are shorter or longer than this
 * runtime's. They live as long as the model. Records of the same length are used where they lie.
 */
typedef struct hml_record_copies {
    const hml_allocator *allocator;
    struct hml_record_copy *first;
} hml_record_copies;

/*
 * `count` records of `wanted_bytes` each from those at `records`, which have record_bytes: what is
 * missing is zero, what is more is left out. NULL when there is no memory.
 */
const void *hml_records_get(hml_record_copies *copies, const void *records, uint32_t count,
                            uint32_t record_bytes, size_t wanted_bytes);
void hml_records_release(hml_record_copies *copies);

typedef struct hml_table_reader {
    hml_file_bytes section; /* its used bytes */
    hml_message message;
    hml_record_copies *copies;
} hml_table_reader;

/* *record = the record at the start of the section, `first_bytes` long in format 1.0. */
hml_status hml_table_get_head(const hml_table_reader *reader, uint32_t head_bytes,
                              uint32_t first_bytes, size_t wanted_bytes, const void **record);

/* *records = the table's records, each of record_bytes bytes. `what` names the table in messages.
 */
hml_status hml_table_get(const hml_table_reader *reader, const hml_table *table, const char *what,
                         size_t record_bytes, const void **records);

/* A table of bytes that ends with NUL, so that every offset within it is a terminated string. */
hml_status hml_table_get_strings(const hml_table_reader *reader, const hml_table *table,
                                 const char **strings);

#endif

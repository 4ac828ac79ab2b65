/* Checked access to the tables and strings of one section. */
#ifndef HML_TABLE_H
#define HML_TABLE_H

#include "common/message.h"
#include "loader/container.h"

typedef struct hml_table_reader {
    hml_file_bytes section; /* its used bytes */
    hml_message message;
} hml_table_reader;

/*
 * *records = the table's records, each of record_bytes bytes, `alignment` a power of two up to 8.
 * `what` names the table in messages.
 */
hml_status hml_table_get(const hml_table_reader *reader, const hml_table *table, const char *what,
                         size_t record_bytes, const void **records);

/* A table of bytes that ends with NUL, so that every offset within it is a terminated string. */
hml_status hml_table_get_strings(const hml_table_reader *reader, const hml_table *table,
                                 const char **strings);

#endif

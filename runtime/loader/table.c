#include "loader/table.h"

hml_status hml_table_get(const hml_table_reader *reader, const hml_table *table, const char *what,
                         size_t record_bytes, const void **records)
{
    if (table->record_bytes != record_bytes || table->offset % 8 != 0 ||
        table->offset > reader->section.bytes ||
        (uint64_t)table->count * record_bytes > reader->section.bytes - table->offset) {
        return HML_FAIL(reader->message, HML_ERROR_table_bounds, "table of %s", what);
    }
    *records = reader->section.data + table->offset;
    return HML_OK;
}

hml_status hml_table_get_strings(const hml_table_reader *reader, const hml_table *table,
                                 const char **strings)
{
    const void *records = NULL;
    HML_TRY(hml_table_get(reader, table, "strings", 1, &records));
    const char *text = records;
    if (table->count == 0 || text[table->count - 1] != '\0') {
        return HML_FAIL(reader->message, HML_ERROR_string_invalid, "the table is not terminated");
    }
    *strings = text;
    return HML_OK;
}

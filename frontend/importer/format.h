/* SPDX-License-Identifier: Apache-2.0 */
/* Which importer reads a file: the table of formats.def, and the search in it. */
#ifndef HMLC_FORMAT_H
#define HMLC_FORMAT_H

#include "importer.h"

/* A text at an offset. */
typedef struct hmlc_format_mark {
    size_t offset, length;
    const char *text;
} hmlc_format_mark;

/* One row. What is NULL is not asked. */
typedef struct hmlc_format {
    const char *name;
    const char *title;            /* "ONNX"; NULL: there is no importer */
    const char *description;      /* "a zip archive" */
    const char *hint;             /* what to do instead; may be NULL */
    hmlc_import_function *import; /* NULL: there is none */
    bool (*looks)(const uint8_t *bytes, size_t size);
    const hmlc_format_mark *marks; /* any of them; ends with a text that is NULL */
    const char *extension;
    const char *folder; /* not NULL: the file that such a folder holds */
} hmlc_format;

/* formats.def, and the number of its rows. */
const hmlc_format *hmlc_format_table(uint32_t *count);

/* The first row that fits a file of these bytes; `path` is NULL in memory. NULL: none. */
const hmlc_format *hmlc_format_find(const hmlc_format *table, uint32_t count, const void *bytes,
                                    size_t size, const char *path);
/* The first row that fits the folder at `path`; `file` is then that of its file. NULL: none, or no
 * folder at all. */
const hmlc_format *hmlc_format_find_folder(const hmlc_format *table, uint32_t count,
                                           const char *path, char *file, size_t size);
/* "ONNX or TFLite": the titles of the rows with an importer. */
void hmlc_format_titles(const hmlc_format *table, uint32_t count, char *text, size_t size);

/* What the rows name. */
#define HMLC_FORMAT(name, title, description, import, looks, ...)                                  \
    hmlc_import_function import;                                                                   \
    bool hmlc_looks_like_##looks(const uint8_t *bytes, size_t size);
#define HMLC_FORMAT_REFUSED(name, description, hint, looks, ...)                                   \
    bool hmlc_looks_like_##looks(const uint8_t *bytes, size_t size);
#include "formats.def"
#undef HMLC_FORMAT
#undef HMLC_FORMAT_REFUSED

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON (RFC 8259) as a tree in an arena, for models that are described in it. Python's NaN and
 * Infinity are numbers here too. Objects keep the order of their members; a key that comes twice
 * is an error, since readers differ on which one counts.
 */
#ifndef HMLC_JSON_READER_H
#define HMLC_JSON_READER_H

#include <hmlc/ir.h>

typedef enum hmlc_json_kind {
    HMLC_JSON_NULL,
    HMLC_JSON_BOOL,
    HMLC_JSON_NUMBER,
    HMLC_JSON_TEXT,
    HMLC_JSON_ARRAY,
    HMLC_JSON_OBJECT,
} hmlc_json_kind;

/* Values nested deeper are refused. */
enum { HMLC_JSON_MAX_DEPTH = 100 };

typedef struct hmlc_json {
    hmlc_json_kind kind;
    uint32_t count;   /* elements or members */
    const char *key;  /* of a member; NULL: no member */
    const char *text; /* UTF-8 without NUL */
    double number;    /* of a bool: 0 or 1 */
    struct hmlc_json *first, *next;
} hmlc_json;

/* DAMAGED with a diagnostic that names the place; `what` is what the text is: "model_config". */
hmlc_status hmlc_json_read(hmlc_arena *arena, const char *text, size_t size, const char *what,
                           hmlc_diagnostics *diagnostics, const hmlc_location *where,
                           const hmlc_json **value) HMLC_MUST_USE;

/* Accessors take NULL, and values of another kind, as absent. */
const hmlc_json *hmlc_json_get(const hmlc_json *object, const char *key);
const hmlc_json *hmlc_json_at(const hmlc_json *array, uint32_t index);
/* NULL where it is no text. */
const char *hmlc_json_text(const hmlc_json *value);
bool hmlc_json_is(const hmlc_json *value, hmlc_json_kind kind);
bool hmlc_json_is_text(const hmlc_json *value, const char *text);
/* A whole number that int64 and double both hold; false: it is none. */
bool hmlc_json_integer(const hmlc_json *value, int64_t *number);
/* "an object", "a number" ...; "nothing" for NULL. */
const char *hmlc_json_kind_name(const hmlc_json *value);

#endif

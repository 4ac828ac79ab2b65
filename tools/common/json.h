/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one writer of JSON. Members and elements are put one behind the other; the writer knows where
 * commas go:
 *
 *     hml_json_object(json, NULL);
 *     hml_json_string(json, "name", "x");
 *     hml_json_array(json, "shape");
 *     hml_json_integer(json, NULL, 4);
 *     hml_json_end(json);
 *     hml_json_end(json);
 *
 * A key is NULL within an array and for the outermost value. Errors show in ferror(json->out).
 */
#ifndef HML_JSON_H
#define HML_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { HML_JSON_DEPTH = 16 };

typedef struct hml_json {
    FILE *out;
    unsigned depth;
    char closers[HML_JSON_DEPTH];
    bool filled[HML_JSON_DEPTH + 1]; /* something stands at this depth already */
} hml_json;

void hml_json_object(hml_json *json, const char *key);
void hml_json_array(hml_json *json, const char *key);
void hml_json_end(hml_json *json); /* of the innermost object or array */

void hml_json_string(hml_json *json, const char *key, const char *text); /* NULL: null */
/* Text that need not end with a NUL byte; what is no UTF-8 becomes U+FFFD. */
void hml_json_text(hml_json *json, const char *key, const char *text, size_t bytes);
void hml_json_integer(hml_json *json, const char *key, int64_t value);
void hml_json_unsigned(hml_json *json, const char *key, uint64_t value);
/* Shortest text that keeps 9 digits; what JSON has no number for becomes null. */
void hml_json_real(hml_json *json, const char *key, double value);
void hml_json_bool(hml_json *json, const char *key, bool value);
void hml_json_shape(hml_json *json, const char *key, const int64_t *dims, uint32_t rank);
/* Members or elements that another writer made, without brackets; "" adds nothing. */
void hml_json_members(hml_json *json, const char *text);

#endif

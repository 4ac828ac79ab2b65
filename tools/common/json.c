/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include "printable.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void put_character(FILE *out, unsigned char c)
{
    static const char escapes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = c != 0 ? strchr(escapes, c) : NULL;
    if (found != NULL) {
        fputc('\\', out);
        fputc(letters[found - escapes], out);
    } else if (c < 0x20 || c == 0x7f) {
        fprintf(out, "\\u%04x", c);
    } else {
        fputc(c, out);
    }
}

static void put_text(FILE *out, const char *text, size_t bytes)
{
    fputc('"', out);
    for (size_t i = 0, n; i < bytes; i += n) {
        unsigned code;
        n = hml_utf8_character(text + i, bytes - i, &code);
        if (n > 1) {
            fwrite(text + i, 1, n, out);
        } else if (n == 1) {
            put_character(out, (unsigned char)text[i]);
        } else {
            fputs("\\ufffd", out); /* JSON is UTF-8 */
            n = 1;
        }
    }
    fputc('"', out);
}

/* The comma before a value, and its key. */
static void put_key(hml_json *json, const char *key)
{
    if (json->filled[json->depth]) {
        fputc(',', json->out);
    }
    json->filled[json->depth] = true;
    if (key != NULL) {
        put_text(json->out, key, strlen(key));
        fputc(':', json->out);
    }
}

static void open_level(hml_json *json, const char *key, char opener, char closer)
{
    put_key(json, key);
    fputc(opener, json->out);
    json->closers[json->depth] = closer;
    json->depth++;
    json->filled[json->depth] = false;
}

void hml_json_object(hml_json *json, const char *key)
{
    open_level(json, key, '{', '}');
}

void hml_json_array(hml_json *json, const char *key)
{
    open_level(json, key, '[', ']');
}

void hml_json_end(hml_json *json)
{
    json->depth--;
    fputc(json->closers[json->depth], json->out);
}

void hml_json_text(hml_json *json, const char *key, const char *text, size_t bytes)
{
    put_key(json, key);
    put_text(json->out, text, bytes);
}

void hml_json_string(hml_json *json, const char *key, const char *text)
{
    put_key(json, key);
    if (text != NULL) {
        put_text(json->out, text, strlen(text));
    } else {
        fputs("null", json->out);
    }
}

void hml_json_integer(hml_json *json, const char *key, int64_t value)
{
    put_key(json, key);
    fprintf(json->out, "%" PRId64, value);
}

void hml_json_unsigned(hml_json *json, const char *key, uint64_t value)
{
    put_key(json, key);
    fprintf(json->out, "%" PRIu64, value);
}

void hml_json_real(hml_json *json, const char *key, double value)
{
    put_key(json, key);
    if (isfinite(value)) {
        fprintf(json->out, "%.9g", value);
    } else {
        fputs("null", json->out);
    }
}

void hml_json_bool(hml_json *json, const char *key, bool value)
{
    put_key(json, key);
    fputs(value ? "true" : "false", json->out);
}

void hml_json_shape(hml_json *json, const char *key, const int64_t *dims, uint32_t rank)
{
    hml_json_array(json, key);
    for (uint32_t i = 0; i < rank; i++) {
        hml_json_integer(json, NULL, dims[i]);
    }
    hml_json_end(json);
}

void hml_json_members(hml_json *json, const char *text)
{
    if (text[0] != '\0') {
        put_key(json, NULL);
        fputs(text, json->out);
    }
}

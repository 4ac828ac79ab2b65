#include "json.h"

#include "printable.h"

#include <math.h>
#include <string.h>

static void put_character(FILE *out, unsigned char c)
{
    static const char escapes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = c != 0 ? strchr(escapes, c) : NULL;
    if (found != NULL) {
        fputc('\\', out);
        fputc(letters[found - escapes], out);
    } else if (c < 0x20) {
        fprintf(out, "\\u%04x", c);
    } else {
        fputc(c, out);
    }
}

void hml_json_text(FILE *out, const char *text, size_t bytes)
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

void hml_json_string(FILE *out, const char *text)
{
    hml_json_text(out, text, strlen(text));
}

void hml_json_number(FILE *out, double value)
{
    if (isfinite(value)) {
        fprintf(out, "%.6g", value);
    } else {
        fputs("null", out);
    }
}

void hml_json_shape(FILE *out, const int64_t *dims, uint32_t rank)
{
    fputc('[', out);
    for (uint32_t i = 0; i < rank; i++) {
        fprintf(out, "%s%lld", i == 0 ? "" : ",", (long long)dims[i]);
    }
    fputc(']', out);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "printable.h"

#include <stdbool.h>
#include <string.h>

size_t hml_utf8_character(const char *text, size_t bytes, unsigned *code)
{
    /* By length: the bits of the first byte, and the smallest number that needs that length. */
    static const struct {
        unsigned char mask, mark;
        unsigned least;
    } lengths[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    const unsigned char *at = (const unsigned char *)text;
    for (size_t n = 1; n <= 4 && n <= bytes; n++) {
        if ((at[0] & lengths[n - 1].mask) != lengths[n - 1].mark) {
            continue;
        }
        unsigned value = at[0] & (unsigned char)~lengths[n - 1].mask;
        for (size_t k = 1; k < n; k++) {
            if ((at[k] & 0xc0) != 0x80) {
                return 0;
            }
            value = value << 6 | (at[k] & 0x3fU);
        }
        *code = value;
        bool surrogate = value >= 0xd800 && value <= 0xdfff;
        return value < lengths[n - 1].least || value > 0x10ffff || surrogate ? 0 : n;
    }
    return 0;
}

static bool is_control(unsigned code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/* Separators of lines, marks and overrides of direction. */
static bool is_layout(unsigned code)
{
    return (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
           code == 0x200e || code == 0x200f || code == 0x061c;
}

static int print_escape(FILE *out, unsigned code)
{
    static const char letters[] = "nrt", escaped[] = "\n\r\t";
    const char *found = code != 0 && code < 0x20 ? strchr(escaped, (int)code) : NULL;
    return found != NULL ? fprintf(out, "\\%c", letters[found - escaped])
                         : fprintf(out, code < 0x100 ? "\\x%02x" : "\\u%04x", code);
}

/* Returns the columns that it took. */
static int print_text(FILE *out, const char *text)
{
    int columns = 0;
    for (size_t left = strlen(text), n; left > 0; text += n, left -= n) {
        unsigned code = (unsigned char)text[0];
        n = hml_utf8_character(text, left, &code);
        if (n == 0 || is_control(code) || is_layout(code)) {
            columns += print_escape(out, n == 0 ? (unsigned char)text[0] : code);
            n = n == 0 ? 1 : n;
        } else {
            fwrite(text, 1, n, out);
            columns++;
        }
    }
    return columns;
}

void hml_print_text(FILE *out, const char *text)
{
    (void)print_text(out, text);
}

void hml_print_column(FILE *out, const char *text, int width)
{
    int columns = print_text(out, text);
    fprintf(out, "%*s", columns < width ? width - columns : 0, "");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "pages.h"

#include <string.h>

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"

/* "OUT.hml": capitals, then a suffix in small letters. */
static bool is_file_name(const char *text)
{
    size_t stem = strspn(text, UPPER);
    return stem > 0 && text[stem] == '.' && strspn(text + stem + 1, LOWER) > 0;
}

hml_word_kind hml_word_kind_of(const char *text)
{
    if (text == NULL || text[0] == '\0') {
        return HML_WORD_NONE;
    }
    if (strchr(text, '|') != NULL && strspn(text, LOWER "0123456789-|") == strlen(text)) {
        return HML_WORD_CHOICE;
    }
    if (strcmp(text, "T,...") == 0) {
        return HML_WORD_TARGETS;
    }
    if (strcmp(text, "NAME=FILE") == 0) {
        return HML_WORD_NAMED_FILE;
    }
    if (strncmp(text, "DIR", 3) == 0) {
        return HML_WORD_FOLDER;
    }
    bool file = strncmp(text, "FILE", 4) == 0 || strncmp(text, "MODEL", 5) == 0;
    return file || is_file_name(text) ? HML_WORD_FILE : HML_WORD_FREE;
}

bool hml_option_repeats(const hml_option *option)
{
    return option->help != NULL && strstr(option->help, "may be repeated") != NULL;
}

size_t hml_next_choice(const char **at, const char **word)
{
    *word = *at;
    size_t length = strcspn(*at, "|");
    *at += length + ((*at)[length] == '|');
    return length;
}

void hml_print_escaped(const char *text, const char *special, const char *before)
{
    for (; *text != '\0'; text++) {
        if (strchr(special, *text) != NULL) {
            fputs(before, stdout);
        }
        putchar(*text);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WORD = 64 };

/* What is parsed, and where a message goes. */
struct word_list {
    int argc;
    char *const *argv;
    char *message;
    size_t message_bytes;
};

/* Levenshtein distance; words longer than MOST_WORD are never close. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t length_a = strlen(a), length_b = strlen(b), row[MOST_WORD + 1];
    if (length_a > MOST_WORD || length_b > MOST_WORD) {
        return MOST_WORD;
    }
    for (size_t k = 0; k <= length_b; k++) {
        row[k] = k;
    }
    for (size_t i = 1; i <= length_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= length_b; k++) {
            size_t replaced = diagonal + (a[i - 1] != b[k - 1]);
            size_t least = row[k] < row[k - 1] ? row[k] + 1 : row[k - 1] + 1;
            diagonal = row[k];
            row[k] = replaced < least ? replaced : least;
        }
    }
    return row[length_b];
}

/* The closest of `candidates` within a third of the word's length, or NULL. */
static const char *closest_word(const char *word, const char *const *candidates, size_t count)
{
    const char *closest = NULL;
    size_t least = strlen(word) / 3 + 1;
    for (size_t k = 0; k < count; k++) {
        size_t distance = edit_distance(word, candidates[k]);
        if (distance <= least) {
            least = distance > 0 ? distance - 1 : 0;
            closest = candidates[k];
        }
    }
    return closest;
}

const char *hml_did_you_mean(const char *word, const char *const *candidates, size_t count,
                             char *text, size_t text_bytes)
{
    const char *closest = closest_word(word, candidates, count);
    text[0] = '\0';
    if (closest != NULL) {
        snprintf(text, text_bytes, "; did you mean '%s'?", closest);
    }
    return text;
}

bool hml_parse_number(const char *text, long long most, long long *value)
{
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *value >= 0 && *value <= most;
}

static int find_option(const hml_options *options, const char *name, size_t length)
{
    for (size_t k = 0; k < options->table_count; k++) {
        const hml_option *row = &options->table[k];
        if (strlen(row->name) == length && strncmp(row->name, name, length) == 0) {
            return (int)k;
        }
    }
    return -1;
}

static int find_letter(const hml_options *options, char letter)
{
    for (size_t k = 0; k < options->table_count; k++) {
        if (options->table[k].letter == letter) {
            return (int)k;
        }
    }
    return -1;
}

static bool unknown_option(const hml_options *options, const char *word, char *message,
                           size_t message_bytes)
{
    const char *names[HML_OPTIONS_MOST];
    size_t count =
        options->table_count < HML_OPTIONS_MOST ? options->table_count : HML_OPTIONS_MOST;
    size_t listed = 0;
    for (size_t k = 0; k < count; k++) {
        if (options->table[k].help != NULL) {
            names[listed++] = options->table[k].name;
        }
    }
    char name[MOST_WORD], suggestion[MOST_WORD + 24] = "";
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    const char *closest = closest_word(name + strspn(name, "-"), names, listed);
    if (closest != NULL) {
        snprintf(suggestion, sizeof suggestion, "; did you mean '--%s'?", closest);
    }
    snprintf(message, message_bytes, "unknown option '%s'%s", name, suggestion);
    return false;
}

static void add_word(hml_options *options, int option, const char *value)
{
    options->words[options->word_count++] =
        (struct hml_option_word){option, value != NULL ? value : ""};
}

/* The value of an option: what is joined to it, else the next word; *at is moved past that. */
static bool take_value(hml_options *options, int option, const char *joined,
                       const struct word_list *list, int *at)
{
    const hml_option *row = &options->table[option];
    if (row->argument != NULL && joined == NULL) {
        if (*at + 1 >= list->argc) {
            snprintf(list->message, list->message_bytes, "'--%s' needs a value: %s", row->name,
                     row->argument);
            return false;
        }
        joined = list->argv[++*at];
    }
    add_word(options, option, joined);
    return true;
}

static bool parse_long(hml_options *options, const struct word_list *list, int *at)
{
    const char *word = list->argv[*at];
    size_t length = strcspn(word + 2, "=");
    const char *value = word[2 + length] == '=' ? word + 3 + length : NULL;
    int option = find_option(options, word + 2, length);
    if (option < 0) {
        return unknown_option(options, word, list->message, list->message_bytes);
    }
    if (options->table[option].argument == NULL && value != NULL) {
        snprintf(list->message, list->message_bytes, "'--%s' takes no value",
                 options->table[option].name);
        return false;
    }
    return take_value(options, option, value, list, at);
}

/* Letters: flags may stand together, the rest of the word is the value of one that takes one. */
static bool parse_letters(hml_options *options, const struct word_list *list, int *at)
{
    const char *word = list->argv[*at];
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        int option = find_letter(options, *letter);
        if (option < 0) {
            return unknown_option(options, word, list->message, list->message_bytes);
        }
        if (options->table[option].argument != NULL) {
            return take_value(options, option, letter[1] != '\0' ? letter + 1 : NULL, list, at);
        }
        add_word(options, option, NULL);
    }
    return true;
}

bool hml_options_parse(hml_options *options, const hml_option *table, size_t table_count, int argc,
                       char *const *argv, char *message, size_t message_bytes)
{
    *options = (hml_options){.table = table, .table_count = table_count};
    size_t most = 1; /* letters that stand together are a word each */
    for (int at = 0; at < argc; at++) {
        most += strlen(argv[at]) + 1;
    }
    options->words = calloc(most, sizeof *options->words);
    if (options->words == NULL) {
        snprintf(message, message_bytes, "out of memory");
        return false;
    }
    const struct word_list list = {argc, argv, message, message_bytes};
    bool only_positional = false, good = true;
    for (int at = 0; at < argc && good; at++) {
        const char *word = argv[at];
        if (only_positional || word[0] != '-' || word[1] == '\0') {
            add_word(options, -1, word);
        } else if (strcmp(word, "--") == 0) {
            only_positional = true;
        } else {
            good = word[1] == '-' ? parse_long(options, &list, &at)
                                  : parse_letters(options, &list, &at);
        }
    }
    return good;
}

void hml_options_release(hml_options *options)
{
    free(options->words);
    options->words = NULL;
    options->word_count = 0;
}

const char *hml_options_at(const hml_options *options, const char *name, size_t n)
{
    int option = name != NULL ? find_option(options, name, strlen(name)) : -1;
    if (name != NULL && option < 0) {
        return NULL;
    }
    for (size_t k = 0; k < options->word_count; k++) {
        if (options->words[k].option == option && n-- == 0) {
            return options->words[k].value;
        }
    }
    return NULL;
}

size_t hml_options_count(const hml_options *options, const char *name)
{
    size_t count = 0;
    while (hml_options_at(options, name, count) != NULL) {
        count++;
    }
    return count;
}

const char *hml_options_get(const hml_options *options, const char *name)
{
    size_t count = hml_options_count(options, name);
    return count > 0 ? hml_options_at(options, name, count - 1) : NULL;
}

void hml_options_print(const hml_option *table, size_t table_count)
{
    for (size_t k = 0; k < table_count; k++) {
        char word[MOST_WORD], letter[8] = "";
        if (table[k].help == NULL) {
            continue;
        }
        if (table[k].letter != 0) {
            snprintf(letter, sizeof letter, "-%c, ", table[k].letter);
        }
        snprintf(word, sizeof word, "%s--%s%s%s", letter, table[k].name,
                 table[k].argument != NULL ? " " : "",
                 table[k].argument != NULL ? table[k].argument : "");
        printf("  %-28s %s\n", word, table[k].help);
    }
}

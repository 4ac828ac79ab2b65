/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command-line options, the same for `hmlc` and `hml`: a table per command, words after it. An
 * option is "--name VALUE", "--name=VALUE" or a flag "--name"; a letter is short for it where the
 * table says so: "-o FILE", "-j4", "-q", "-qv"; everything else, also "-" alone, is positional;
 * "--" ends options.
 */
#ifndef HML_OPTIONS_H
#define HML_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum { HML_OPTIONS_MOST = 40 };

typedef struct hml_option {
    const char *name;     /* "threads", without dashes */
    char letter;          /* 'o' for -o; 0: none */
    const char *argument; /* "N"; NULL: a flag */
    const char *help;     /* one line; NULL: not listed, a word that is refused by name */
} hml_option;

typedef struct hml_options {
    const hml_option *table;
    size_t table_count;
    /* In order of appearance: option index and value ("" for flags); positional words have index
     * -1. Freed by hml_options_release. */
    struct hml_option_word {
        int option;
        const char *value;
    } *words;
    size_t word_count;
} hml_options;

/*
 * Parses argv[0..argc). False with a message in `message` (unknown words get a did-you-mean). The
 * words point into argv.
 */
bool hml_options_parse(hml_options *options, const hml_option *table, size_t table_count, int argc,
                       char *const *argv, char *message, size_t message_bytes);
void hml_options_release(hml_options *options);

/* Last value of an option, NULL when it was not given. */
const char *hml_options_get(const hml_options *options, const char *name);
/* The n-th value of a repeated option, or NULL; the n-th positional word with name NULL. */
const char *hml_options_at(const hml_options *options, const char *name, size_t n);
size_t hml_options_count(const hml_options *options, const char *name);

/* Prints the table, a row each. */
void hml_options_print(const hml_option *table, size_t table_count);

/* "; did you mean 'x'?" for the closest candidate, "" when none is close; returns `text`. */
const char *hml_did_you_mean(const char *word, const char *const *candidates, size_t count,
                             char *text, size_t text_bytes);

/* A whole non-negative number; false when it is not one or is above `most`. */
bool hml_parse_number(const char *text, long long most, long long *value);

#endif

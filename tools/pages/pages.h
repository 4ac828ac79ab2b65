/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program tells of itself outside: its man page and its completions for bash, zsh and fish,
 * each written to stdout from the tables that --help is made from.
 */
#ifndef HML_PAGES_H
#define HML_PAGES_H

#include "common/tool_command.h"

void hml_write_man_page(const hml_tool_program *program);
void hml_write_bash_completion(const hml_tool_program *program);
void hml_write_zsh_completion(const hml_tool_program *program);
void hml_write_fish_completion(const hml_tool_program *program);

/* What a value is, as far as a shell can help with it. */
typedef enum hml_word_kind {
    HML_WORD_NONE,       /* a flag has none */
    HML_WORD_FREE,       /* "N": a shell knows nothing of it */
    HML_WORD_CHOICE,     /* "nchw|nhwc" */
    HML_WORD_TARGETS,    /* "T,...": what `hmlc targets` lists */
    HML_WORD_FILE,       /* "FILE", "OUT.hml", "MODEL" */
    HML_WORD_NAMED_FILE, /* "NAME=FILE" */
    HML_WORD_FOLDER,     /* "DIR" */
} hml_word_kind;

/* Of an option's argument, or of the words behind a command: their first decides. */
hml_word_kind hml_word_kind_of(const char *text);

/* Whether a table's row says that its option may stand more than once. */
bool hml_option_repeats(const hml_option *option);

/* The next of "a|b|c" from *at, which is moved past it; its length, 0 at the end. */
size_t hml_next_choice(const char **at, const char **word);

/* Prints `text` with `before` in front of each character of `special`. */
void hml_print_escaped(const char *text, const char *special, const char *before);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command of `hml` or `hmlc` in one description, which yields its parser, its --help (also as
 * JSON), its did-you-mean and its row in the list of commands.
 */
#ifndef HML_TOOL_COMMAND_H
#define HML_TOOL_COMMAND_H

#include "options.h"
#include "report.h"

enum { HML_MOST_WORDS = 1 << 30, HML_MOST_EXAMPLES = 3 };

typedef struct hml_command {
    const char *name;    /* "run"; "": the program has but this one, and no word for it */
    const char *words;   /* "MODEL.hml": what stands behind it */
    const char *summary; /* one line for the list of commands */
    const char *purpose; /* a few lines, each ended by \n */
    const hml_option *options;
    size_t option_count;
    const char *examples[HML_MOST_EXAMPLES]; /* without the program's name; NULL: no more */
    unsigned least_words, most_words;
    const char *expected;    /* "one artifact": said when there are fewer or more words */
    const char *no;          /* what exit status 1 says; NULL: the command never ends with it */
    const char *environment; /* lines of its variables beyond those of all; NULL: none */
    int (*run)(const hml_options *options, hml_report *report); /* returns the exit status */
} hml_command;

/* The rows that end each command's option table. */
#define HML_COMMON_OPTIONS                                                                         \
    {"json", 0, NULL, "print one JSON object on standard output"},                                 \
        {"quiet", 'q', NULL, "neither progress, notes nor a summary"},                             \
        {"verbose", 'v', NULL, "say more of what is done"}, {"help", 'h', NULL, "print this"}

/* A program: its name and what follows it in its help. */
typedef struct hml_tool_program {
    const char *name, *purpose;
    const hml_command *const *commands;
    size_t command_count;
    const char *const *reserved; /* words that will be commands, refused by name; ends with NULL */
} hml_tool_program;

/* Each program defines its own, in a file that its man page and completions are made from, too. */
extern const hml_tool_program hml_this_program;

#endif

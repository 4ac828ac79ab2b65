/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of hml-opt: one command without a word of its own. */
#include "common/tool_command.h"

static const hml_option table[] = {
    {"passes", 0, "A,B", "passes and pipelines to run, in order"},
    {"print-after", 0, "PASS", "print after that pass (or all) to standard error"},
    {"locations", 0, NULL, "print source locations"},
    {"storage", 0, NULL, "print the memory plan"},
    {"no-verify", 0, NULL, "do not run the verifier"},
    {"list", 0, NULL, "list the passes"},
    {"output", 'o', "FILE.hir", "write there, and large constants to FILE.hir.bin"},
    {"help", 'h', NULL, "print this"},
};

static const hml_command command = {
    .name = "",
    .words = "FILE.hir",
    .summary = "runs passes on text IR",
    .purpose = "Reads a module in text form (and FILE.hir.bin beside it), runs passes, prints the "
               "result.\nFILE.hir may be - for standard input.\n",
    .options = table,
    .option_count = sizeof table / sizeof table[0],
    .examples = {"--passes=dce model.hir", "--list"},
    .least_words = 0,
    .most_words = 1,
    .expected = "one text file",
};

static const hml_command *const commands[] = {&command};

const hml_tool_program hml_this_program = {
    .name = "hml-opt",
    .purpose = "runs passes on text IR",
    .commands = commands,
    .command_count = 1,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of hml: those of hmlc that need the runtime alone. */
#include "common/commands.h"

static const hml_command *const commands[] = {
    &hml_command_run,
    &hml_command_bench,
    &hml_command_inspect,
};

const hml_tool_program hml_this_program = {
    .name = "hml",
    .purpose = "runs compiled models",
    .commands = commands,
    .command_count = sizeof commands / sizeof commands[0],
};

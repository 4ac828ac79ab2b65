/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of hmlc. */
#include "hmlc_commands.h"

static const hml_command *const commands[] = {
#define HMLC_COMMAND(description) &description,
#include "commands.def"
#undef HMLC_COMMAND
};

static const char *const reserved[] = {"tune", "sign", "verify", "report", NULL};

const hml_tool_program hml_this_program = {
    .name = "hmlc",
    .purpose = "compiles trained models to artifacts that run anywhere",
    .commands = commands,
    .command_count = sizeof commands / sizeof commands[0],
    .reserved = reserved,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Running a program, or one of its commands. */
#ifndef HML_TOOL_PROGRAM_H
#define HML_TOOL_PROGRAM_H

#include "tool_command.h"

/* The whole program: finds the command, or answers help, --help, -h and --version. */
int hml_program_main(const hml_tool_program *program, int argc, char **argv);

/* One command with the words behind its name. *report is open before and after: the caller fills
 * its program and closes it. */
int hml_command_call(const hml_command *command, int argc, char **argv, hml_report *report);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Help of programs and commands, as text or as members of the report's JSON, and what it is made
 * of. */
#ifndef HML_TOOL_HELP_H
#define HML_TOOL_HELP_H

#include "tool_command.h"

/* The exit statuses in rising order: false past the last. *meaning is the command's own word, which
 * is NULL where it never ends so. */
bool hml_exit_status_at(const hml_command *command, size_t index, int *status,
                        const char **meaning);
/* Lines "  NAME  meaning" of the variables that all commands heed. */
extern const char hml_common_environment[];

void hml_program_help(const hml_tool_program *program, hml_report *report);
void hml_command_help(const hml_command *command, hml_report *report);

#endif

/* Help of programs and commands, as text or as members of the report's JSON. */
#ifndef HML_TOOL_HELP_H
#define HML_TOOL_HELP_H

#include "tool_command.h"

void hml_program_help(const hml_tool_program *program, hml_report *report);
void hml_command_help(const hml_command *command, hml_report *report);

#endif

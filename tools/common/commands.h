/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that `hml` and `hmlc` share. */
#ifndef HML_COMMANDS_H
#define HML_COMMANDS_H

#include "tool_command.h"

/* What the loader asks the environment for. */
#define HML_RUNTIME_ENVIRONMENT                                                                    \
    "  HML_VARIANT              name of the variant to run instead of the best one\n"

extern const hml_command hml_command_run;
extern const hml_command hml_command_bench;
extern const hml_command hml_command_inspect;

#endif

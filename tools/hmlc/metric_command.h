/* SPDX-License-Identifier: Apache-2.0 */
/* A user's command that scores a model. */
#ifndef HMLC_METRIC_COMMAND_H
#define HMLC_METRIC_COMMAND_H

#include "common/tool_error.h"

#include <stdbool.h>

/*
 * Runs `command` in a shell with the path of a model as its last word, which $HMLC_MODEL holds too.
 * False with a reason in `text` where it fails, or its last line is no finite number.
 */
bool hmlc_metric_run(const char *command, const char *model, double *score, char *text,
                     size_t bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Paths from a command line: mistakes in them are told before anything is read, the same way by
 * every command. */
#ifndef HML_INPUT_PATH_H
#define HML_INPUT_PATH_H

#include "tool_error.h"

typedef enum hml_path_kind {
    HML_PATH_ARTIFACT,
    HML_PATH_MODEL,
    HML_PATH_FILE,
    HML_PATH_FOLDER
} hml_path_kind;

/*
 * HML_ERROR_path_wrong when nothing is there, when it is a folder where a file is needed or the
 * other way round, a pipe or device, or a model in place of an artifact or the other way round.
 * What may not be read, or holds something else, is left to the reader.
 */
hml_status hml_path_check(const char *path, hml_path_kind kind, hml_tool_error *error);

#endif

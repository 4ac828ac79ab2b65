/* The frame of a command on one artifact: options, --help, the number of words. */
#ifndef HML_TOOL_COMMAND_H
#define HML_TOOL_COMMAND_H

#include "options.h"

/* Parses, and calls `body` when there is exactly one positional word. Returns the exit status. */
int hml_tool_command(const char *name, const hml_option *table, size_t count, int argc, char **argv,
                     int (*body)(const hml_options *options));

#endif

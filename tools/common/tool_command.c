#include "tool_command.h"

#include "tool_error.h"

#include <stdio.h>

static int print_help(const char *name, const hml_option *table, size_t count)
{
    printf("usage: %s MODEL.hml [options]\n\n", name);
    hml_options_print(table, count);
    return 0;
}

int hml_tool_command(const char *name, const hml_option *table, size_t count, int argc, char **argv,
                     int (*body)(const hml_options *options))
{
    hml_options options;
    hml_tool_error error;
    char message[256];
    int status;
    if (!hml_options_parse(&options, table, count, argc, argv, message, sizeof message)) {
        status = hml_tool_report(HML_TOOL_FAIL(&error, HML_ERROR_usage, "%s: %s", name, message),
                                 &error);
    } else if (hml_options_get(&options, "help") != NULL) {
        status = print_help(name, table, count);
    } else if (hml_options_count(&options, NULL) != 1) {
        status = hml_tool_report(
            HML_TOOL_FAIL(&error, HML_ERROR_usage, "%s: expected one artifact", name), &error);
    } else {
        status = body(&options);
    }
    hml_options_release(&options);
    return status;
}

#include "tool_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void hml_tool_error_set(hml_tool_error *error, hml_status status, const char *format, ...)
{
    const hml_status_text *text = hml_status_describe(status);
    int head = snprintf(error->text, sizeof error->text, "HML%u: %s%s", text->number, text->title,
                        format[0] != '\0' ? ": " : "");
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text + head, sizeof error->text - (size_t)head, format, arguments);
    va_end(arguments);
}

int hml_tool_report(hml_status status, const hml_tool_error *error)
{
    const hml_status_text *text = hml_status_describe(status);
    if (status == HML_OK) {
        return 0;
    }
    const char *message = error->text[0] != '\0' ? strchr(error->text, ':') : NULL;
    fprintf(stderr, "error[HML%u]: %s\n", text->number,
            message != NULL ? message + 2 : text->title);
    fprintf(stderr, "  = help: %s\n", text->explanation);
    return (int)text->exit_class;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_error.h"

#include <stdarg.h>
#include <stdio.h>

void hml_tool_error_set(hml_tool_error *error, hml_status status, const char *format, ...)
{
    const hml_status_text *text = hml_status_describe(status);
    int head = snprintf(error->text, sizeof error->text, "HML%u: %s%s", text->number, text->title,
                        format[0] != '\0' ? ": " : "");
    va_list arguments;
    error->hint = NULL;
    va_start(arguments, format);
    vsnprintf(error->text + head, sizeof error->text - (size_t)head, format, arguments);
    va_end(arguments);
}

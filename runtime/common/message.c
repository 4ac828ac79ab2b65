#include "common/message.h"
#include <stdarg.h>
#include <stdio.h>

hml_status hml_fail(hml_message message, hml_status status, const char *format, ...)
{
    if (message.text == NULL || message.bytes == 0) {
        return status;
    }
    const hml_status_text *text = hml_status_describe(status);
    int head = snprintf(message.text, message.bytes, "HML%u: %s%s", (unsigned)text->number,
                        text->title, format[0] != '\0' ? ": " : "");
    if (head < 0 || (size_t)head >= message.bytes) {
        return status;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message.text + head, message.bytes - (size_t)head, format, arguments);
    va_end(arguments);
    return status;
}

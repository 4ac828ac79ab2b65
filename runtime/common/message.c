/* SPDX-License-Identifier: Apache-2.0 */
#include "common/message.h"
#include <stdarg.h>
#include <stdio.h>

void hml_message_write(hml_message message, hml_status status, const char *format, ...)
{
    if (message.text == NULL || message.bytes == 0) {
        return;
    }
    const hml_status_text *text = hml_status_describe(status);
    int head = snprintf(message.text, message.bytes, "HML%u: %s%s", (unsigned)text->number,
                        text->title, format[0] != '\0' ? ": " : "");
    if (head < 0 || (size_t)head >= message.bytes) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message.text + head, message.bytes - (size_t)head, format, arguments);
    va_end(arguments);
}

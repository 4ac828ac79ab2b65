/* SPDX-License-Identifier: Apache-2.0 */
/* Error messages into memory that somebody owns, and the macro that passes a status on. */
#ifndef HML_MESSAGE_H
#define HML_MESSAGE_H

#include <hml/hml.h>

#define HML_TRY(expression)                                                                        \
    do {                                                                                           \
        hml_status hml_try_ = (expression);                                                        \
        if (hml_try_ != HML_OK) {                                                                  \
            return hml_try_;                                                                       \
        }                                                                                          \
    } while (0)

#if defined(__GNUC__)
#define HML_PRINTF(format_index, first_argument)                                                   \
    __attribute__((format(printf, format_index, first_argument)))
#else
#define HML_PRINTF(format_index, first_argument)
#endif

/* Where a message goes; text may be NULL. */
typedef struct hml_message {
    char *text;
    size_t bytes;
} hml_message;

/* Writes "HML1010: <title>: <details>", cut to the space there is. An empty format leaves the title
 * alone. */
void hml_message_write(hml_message message, hml_status status, const char *format, ...)
    HML_PRINTF(3, 4);

/* Writes the message and is `status`, which is evaluated twice. A macro, so that a reader and an
 * analyzer see which status a function returns. */
#define HML_FAIL(message, status, ...)                                                             \
    (hml_message_write((message), (status), __VA_ARGS__), (status))

#endif

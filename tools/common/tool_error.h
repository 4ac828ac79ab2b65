/* SPDX-License-Identifier: Apache-2.0 */
/* How the tools report failures: a status, and the details behind its title. */
#ifndef HML_TOOL_ERROR_H
#define HML_TOOL_ERROR_H

#include <hml/hml.h>

#if defined(__GNUC__)
#define HML_TOOL_PRINTF(format_index, first_argument)                                              \
    __attribute__((format(printf, format_index, first_argument)))
#else
#define HML_TOOL_PRINTF(format_index, first_argument)
#endif

typedef struct hml_tool_error {
    char text[768];   /* "HML1102: tensor file is damaged: a.npy: ..."; "" when nothing is known */
    const char *hint; /* what to do; NULL: what the status' explanation says */
} hml_tool_error;

#define HML_TOOL_TRY(expression)                                                                   \
    do {                                                                                           \
        hml_status hml_tool_try_ = (expression);                                                   \
        if (hml_tool_try_ != HML_OK) {                                                             \
            return hml_tool_try_;                                                                  \
        }                                                                                          \
    } while (0)

void hml_tool_error_set(hml_tool_error *error, hml_status status, const char *format, ...)
    HML_TOOL_PRINTF(3, 4);

/* Fills *error and is `status`, which is evaluated twice. An empty format leaves the title alone.
 */
#define HML_TOOL_FAIL(error, status, ...)                                                          \
    (hml_tool_error_set((error), (status), __VA_ARGS__), (status))

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Text of any length that is put together in pieces: nothing that a tool prints is cut. */
#ifndef HML_GROWING_TEXT_H
#define HML_GROWING_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "tool_error.h"

/* {0} is empty. */
typedef struct hml_growing_text {
    char *data;
    size_t used, capacity;
    bool failed; /* memory ran out: what was added since is missing */
} hml_growing_text;

void hml_growing_text_add(hml_growing_text *text, const char *format, ...) HML_TOOL_PRINTF(2, 3);
/* What was added, as long as nothing more is; after a failure a sentence that says so. */
const char *hml_growing_text_get(const hml_growing_text *text);
void hml_growing_text_release(hml_growing_text *text);

#endif

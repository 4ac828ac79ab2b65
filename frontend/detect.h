/* What a model file is, from its first bytes. */
#ifndef HMLC_DETECT_H
#define HMLC_DETECT_H

#include <stddef.h>
#include <stdint.h>

typedef struct hmlc_format {
    const char *description; /* "a zip archive" */
    const char *hint;        /* what to do instead; may be NULL */
} hmlc_format;

/* The format when it is one that is known but not read; NULL when it may be ONNX. Never fails,
 * reads at most the first 64 bytes. */
const hmlc_format *hmlc_format_detect(const void *data, size_t size);

#endif

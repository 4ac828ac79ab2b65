/* SPDX-License-Identifier: Apache-2.0 */
/* What files without a mark look like, for formats.def. At most the first 64 bytes are read. */
#include "format.h"

#include <string.h>

bool hmlc_looks_like_anything(const uint8_t *bytes, size_t size)
{
    (void)bytes;
    (void)size;
    return true;
}

bool hmlc_looks_like_empty(const uint8_t *bytes, size_t size)
{
    (void)bytes;
    return size == 0;
}

bool hmlc_looks_like_text(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size && i < 64; i++) {
        if (bytes[i] < 0x20 && strchr("\t\n\r\f", bytes[i]) == NULL) {
            return false;
        }
        if (bytes[i] == 0 || bytes[i] == 0x7f || bytes[i] >= 0xf5) { /* never in UTF-8 */
            return false;
        }
    }
    return size > 0;
}

/* Text that begins with one of these letters, after blanks. */
static bool text_begins(const uint8_t *bytes, size_t size, const char *letters)
{
    size_t first = 0, looked_at = size < 64 ? size : 64;
    if (!hmlc_looks_like_text(bytes, size)) {
        return false;
    }
    while (first + 1 < looked_at && strchr(" \t\r\n", bytes[first]) != NULL) {
        first++;
    }
    return strchr(letters, bytes[first]) != NULL;
}

bool hmlc_looks_like_html(const uint8_t *bytes, size_t size)
{
    return text_begins(bytes, size, "<");
}

bool hmlc_looks_like_json(const uint8_t *bytes, size_t size)
{
    return text_begins(bytes, size, "{[");
}

/* A GraphDef starts with a node. */
bool hmlc_looks_like_graph_def(const uint8_t *bytes, size_t size)
{
    return size > 0 && bytes[0] == 0x0a;
}

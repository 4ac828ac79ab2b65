/* SPDX-License-Identifier: Apache-2.0 */
#include "common/versioned.h"
#include <string.h>

/* struct_bytes is the first field of all. */
static size_t stated_bytes(const void *given)
{
    uint32_t bytes;
    memcpy(&bytes, given, sizeof bytes);
    return bytes;
}

const char *hml_struct_read(void *known, size_t known_bytes, size_t first_bytes, const void *given)
{
    size_t stated = stated_bytes(given);
    if (stated == 0) {
        return "struct_bytes is 0, not the size of the structure";
    }
    if (stated < first_bytes || stated > HML_MOST_STRUCT_BYTES) {
        return "struct_bytes is not the size of the structure in any version";
    }
    const uint8_t *bytes = given;
    for (size_t i = known_bytes; i < stated; i++) {
        if (bytes[i] != 0) {
            return "a field is set that only a newer runtime has";
        }
    }
    memset(known, 0, known_bytes);
    memcpy(known, given, stated < known_bytes ? stated : known_bytes);
    return NULL;
}

int hml_struct_write(void *given, size_t first_bytes, const void *known, size_t known_bytes)
{
    size_t stated = stated_bytes(given), size = sizeof(uint32_t);
    if (stated < first_bytes || stated > HML_MOST_STRUCT_BYTES) {
        return 0;
    }
    size_t common = stated < known_bytes ? stated : known_bytes;
    memcpy((uint8_t *)given + size, (const uint8_t *)known + size, common - size);
    memset((uint8_t *)given + common, 0, stated - common);
    return 1;
}

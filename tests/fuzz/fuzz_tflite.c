/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of the TFLite importer: any bytes behind the mark of the format. */
#include <string.h>

#include "fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *file = size >= 8 ? malloc(size) : NULL;
    if (file == NULL) {
        return 0;
    }
    memcpy(file, data, size);
    memcpy(file + 4, "TFL3", 4);
    fuzz_import(file, size);
    free(file);
    return 0;
}

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
    static const uint8_t mark[] = {'T', 'F', 'L', '3'};
    memcpy(file + 4, mark, sizeof mark);
    fuzz_import(file, size);
    free(file);
    return 0;
}

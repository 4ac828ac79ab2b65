/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of the archives that models come in: members lie in the file, or in bounded memory.
 */
#include <stdlib.h>

#include "budget_arena.h"
#include "common/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    budget_arena memory;
    hmlc_arena *arena = budget_arena_open(&memory, size);
    hmlc_diagnostics *diagnostics = arena != NULL ? hmlc_diagnostics_create(arena, 20) : NULL;
    if (diagnostics != NULL) {
        hmlc_zip zip = {.data = data, .size = size, .arena = arena, .diagnostics = diagnostics};
        hmlc_status status = hmlc_zip_open(&zip);
        for (uint32_t i = 0; status == HMLC_OK && i < zip.count; i++) {
            const uint8_t *bytes;
            unsigned sum = 0;
            if (hmlc_zip_read(&zip, &zip.members[i], arena, &bytes) == HMLC_OK) {
                for (uint64_t k = 0; k < zip.members[i].size; k++) {
                    sum += bytes[k]; /* the sanitizer looks */
                }
            }
            (void)sum;
        }
        if (status != HMLC_OK && status != HMLC_RESOURCE &&
            hmlc_diagnostics_error_count(diagnostics) == 0) {
            abort();
        }
    }
    budget_arena_close(&memory);
    return 0;
}

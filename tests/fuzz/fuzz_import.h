/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets of importers ask: any bytes end with a status, in bounded memory, and a
 * module that imports verifies. */
#ifndef FUZZ_IMPORT_H
#define FUZZ_IMPORT_H

#include <stdlib.h>

#include <hmlc/frontend.h>

#include "limited_memory.h"

static inline void fuzz_import(const uint8_t *data, size_t size)
{
    limited_memory memory;
    limited_memory_init(&memory, size);
    hmlc_module *module = hmlc_module_create(&memory.allocator);
    if (module == NULL) {
        return;
    }
    hmlc_status status = hmlc_import_memory(data, size, NULL, module);
    if (status == HMLC_OK && hmlc_verify(module, "import") != HMLC_OK) {
        abort();
    }
    if (status == HMLC_INTERNAL ||
        (status != HMLC_OK && hmlc_diagnostics_error_count(module->diagnostics) == 0)) {
        abort(); /* a failure must say why, and damage is never our defect */
    }
    hmlc_module_destroy(module);
    if (memory.used != 0) {
        abort(); /* a leak */
    }
}

#endif

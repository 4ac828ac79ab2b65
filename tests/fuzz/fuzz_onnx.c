/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the ONNX importer: any bytes end with a status, in bounded memory, and a module
 * that imports verifies. Built as a libFuzzer target with clang (-DHMLC_FUZZ=ON), else with
 * replay_main.c, which runs the target on the files and folders it is given.
 */
#include <stdlib.h>

#include <hmlc/frontend.h>

#include "limited_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    limited_memory memory;
    limited_memory_init(&memory, size);
    hmlc_module *module = hmlc_module_create(&memory.allocator);
    if (module == NULL) {
        return 0;
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
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of tensor bundles: the index of a checkpoint, without the files of its tensors. */
#include <stdlib.h>

#include "limited_memory.h"
#include "tensorflow/tensorflow_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    limited_memory memory;
    limited_memory_init(&memory, size);
    hmlc_module *module = hmlc_module_create(&memory.allocator);
    if (module == NULL) {
        return 0;
    }
    hmlc_importer importer;
    hmlc_status status = hmlc_importer_open_memory(&importer, data, size, NULL, module);
    union {
        const uint8_t *readable;
        uint8_t *any;
    } bytes = {.readable = data};
    const hmlc_mapped_file index = {.data = bytes.any, .size = size};
    hmlc_tf_bundle *bundle = NULL;
    if (status == HMLC_OK) {
        status = hmlc_tf_bundle_parse(&importer, &index, &bundle);
    }
    hmlc_tensor tensor;
    if (status == HMLC_OK && hmlc_tf_bundle_has(bundle, "a") &&
        hmlc_tf_bundle_read(&importer, bundle, "a", importer.where, &tensor) == HMLC_OK) {
        abort(); /* there are no bytes */
    }
    status = hmlc_importer_conclude(&importer, status);
    hmlc_importer_close(&importer);
    if (status != HMLC_OK && hmlc_diagnostics_error_count(module->diagnostics) == 0) {
        abort();
    }
    hmlc_module_destroy(module);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of TensorFlow's models: SavedModels, graphs, and archives of them. */
#include "fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_import(data, size);
    return 0;
}

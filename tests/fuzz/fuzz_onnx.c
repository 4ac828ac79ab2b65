/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the ONNX importer, and of whatever format the bytes look like. Built as a
 * libFuzzer target with clang (-DHMLC_FUZZ=ON), else with replay_main.c, which runs the target on
 * the files and folders it is given.
 */
#include "fuzz_import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_import(data, size);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of .pb tensor files on any bytes. */
#include "common/tensor_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    hml_owned_tensor tensor = {0};
    hml_tool_error error;
    (void)!hml_pb_read(data, bytes, "fuzzed", &tensor, &error);
    hml_tensor_release(&tensor);
    return 0;
}

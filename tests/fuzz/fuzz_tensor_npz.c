/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of .npz archives, and with it the inflater, on any bytes. */
#include "common/tensor_file.h"

#include <support/inflate.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    hml_tensor_list list;
    hml_tool_error error;
    (void)!hml_npz_read(data, bytes, "fuzzed", &list, &error);
    hml_tensor_list_release(&list);
    uint8_t out[4096];
    (void)!hml_inflate(data, bytes, out, sizeof out);
    return 0;
}

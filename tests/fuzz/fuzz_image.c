/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of pictures on any bytes. */
#include "common/image.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    hml_image image = {0};
    hml_tool_error error = {0};
    if (hml_image_is(data, bytes)) {
        (void)!hml_image_read(data, bytes, "fuzzed", &image, &error);
    }
    free(image.samples);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures as inputs: PNG (8 or 16 bits, or a palette, not interlaced) and binary PPM and PGM.
 * Readers take bytes that they do not trust; memory is bounded by what the bytes can unpack to.
 */
#ifndef HML_IMAGE_H
#define HML_IMAGE_H

#include "tensor_file.h"

typedef struct hml_image {
    uint32_t width, height, channels; /* 1: grey, 2: grey and alpha, 3: RGB, 4: RGBA */
    uint32_t most;                    /* of a sample: 255 or what the file says, up to 65535 */
    uint16_t *samples;                /* [height][width][channels]; free it */
} hml_image;

/* Whether the first bytes are those of a picture. */
bool hml_image_is(const uint8_t *data, size_t bytes);

hml_status hml_image_read(const uint8_t *data, size_t bytes, const char *path, hml_image *image,
                          hml_tool_error *error);

/*
 * The picture as the tensor of an input of rank 2 (height, width), 3 or 4 (batch 1). `layout` is
 * "nchw" or "nhwc"; NULL: told by where the model has 1, 3 or 4 channels. Floats are samples /
 * most, integers 0 to 255. Grey and RGB become each other where the model wants that (luma of ITU-R
 * BT.601), alpha is dropped; width and height must be the model's.
 */
hml_status hml_image_tensor(const hml_image *image, const hml_tensor_info *info, const char *layout,
                            const char *path, hml_owned_tensor *tensor, hml_tool_error *error);

#endif

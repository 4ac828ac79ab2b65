/* SPDX-License-Identifier: Apache-2.0 */
/* Pixels of a picture as the elements of an input. */
#include "image.h"

#include "number.h"

#include <stdlib.h>
#include <string.h>

/* Where the parts of a picture are in a shape; -1: nowhere. */
typedef struct picture_axes {
    int height, width, channel;
} picture_axes;

/* The number that a dim text is; -1: a name or an expression. */
static int64_t fixed_dim(const hml_tensor_info *info, int axis)
{
    char *end;
    long long value = strtoll(info->dim_texts[axis], &end, 10);
    return *end == '\0' && end != info->dim_texts[axis] ? value : -1;
}

static bool is_channels(int64_t dim)
{
    return dim == 1 || dim == 3 || dim == 4;
}

static hml_status find_axes(const hml_tensor_info *info, const char *layout, const char *path,
                            picture_axes *axes, hml_tool_error *error)
{
    int rank = (int)info->rank, first = rank - 3;
    if (rank < 2 || rank > 4 || (rank == 4 && fixed_dim(info, 0) > 1)) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage,
                             "%s: input '%s' takes no single picture; it has rank %d%s", path,
                             info->name, rank, rank == 4 ? " and a batch above 1" : "");
    }
    if (rank == 2) {
        *axes = (picture_axes){0, 1, -1};
        return HML_OK;
    }
    bool front = is_channels(fixed_dim(info, first)), back = is_channels(fixed_dim(info, rank - 1));
    if (layout == NULL && front == back) {
        return HML_TOOL_FAIL(
            error, HML_ERROR_usage,
            "%s: the shape of input '%s' does not tell where its channels are: say "
            "--layout nchw or nhwc",
            path, info->name);
    }
    bool channels_first = layout != NULL ? strcmp(layout, "nchw") == 0 : front;
    *axes = channels_first ? (picture_axes){first + 1, first + 2, first}
                           : (picture_axes){first, first + 1, first + 2};
    return HML_OK;
}

static hml_status check_size(const hml_image *image, const hml_tensor_info *info,
                             const picture_axes *axes, const char *path, hml_tool_error *error)
{
    int64_t height = fixed_dim(info, axes->height), width = fixed_dim(info, axes->width);
    if ((height >= 0 && height != image->height) || (width >= 0 && width != image->width)) {
        return HML_TOOL_FAIL(error, HML_ERROR_input_dim,
                             "%s is %u wide and %u high; input '%s' has width %s and height %s",
                             path, image->width, image->height, info->name,
                             info->dim_texts[axes->width], info->dim_texts[axes->height]);
    }
    return HML_OK;
}

/* Channel `channel` of `wanted` at a pixel, 0 to 1. */
static double sample(const hml_image *image, const uint16_t *pixel, uint32_t wanted,
                     uint32_t channel)
{
    bool coloured = image->channels >= 3;
    double value = pixel[0];
    if (wanted == 4 && channel == 3) {
        value = image->channels % 2 == 0 ? pixel[image->channels - 1] : image->most;
    } else if (wanted == 1 && coloured) {
        value = 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2];
    } else if (coloured) {
        value = pixel[channel];
    }
    return value / image->most;
}

static double element_of(hml_dtype dtype, double value)
{
    bool real = dtype == HML_F16 || dtype == HML_BF16 || dtype == HML_F32 || dtype == HML_F64;
    double scaled = dtype == HML_I8 ? value * 127 : value * 255;
    return real ? value : (double)(int)(scaled + 0.5);
}

hml_status hml_image_tensor(const hml_image *image, const hml_tensor_info *info, const char *layout,
                            const char *path, hml_owned_tensor *tensor, hml_tool_error *error)
{
    picture_axes axes = {0};
    int64_t dims[4] = {1, 1, 1, 1};
    HML_TOOL_TRY(find_axes(info, layout, path, &axes, error));
    HML_TOOL_TRY(check_size(image, info, &axes, path, error));
    int64_t fixed = axes.channel >= 0 ? fixed_dim(info, axes.channel) : 1;
    uint32_t wanted = is_channels(fixed) ? (uint32_t)fixed : image->channels >= 3 ? 3 : 1;
    if (fixed >= 0 && !is_channels(fixed)) {
        return HML_TOOL_FAIL(error, HML_ERROR_input_dim,
                             "%s: input '%s' has %s channels; pictures have 1, 3 or 4", path,
                             info->name, info->dim_texts[axes.channel]);
    }
    dims[axes.height] = image->height;
    dims[axes.width] = image->width;
    if (axes.channel >= 0) {
        dims[axes.channel] = wanted;
    }
    HML_TOOL_TRY(hml_tensor_create(info->dtype, info->rank, dims, NULL, 0, tensor, error));
    bool last = axes.channel < 0 || axes.channel > axes.width;
    size_t pixels = (size_t)image->width * image->height;
    for (size_t p = 0; p < pixels; p++) {
        for (uint32_t c = 0; c < wanted; c++) {
            double value = sample(image, image->samples + p * image->channels, wanted, c);
            hml_number_store(&tensor->tensor, last ? p * wanted + c : c * pixels + p,
                             element_of(info->dtype, value));
        }
    }
    return HML_OK;
}

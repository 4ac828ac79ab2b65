/* SPDX-License-Identifier: Apache-2.0 */
#include "input_file.h"

#include "image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length > tail && strcmp(text + length - tail, end) == 0;
}

/* The type, and the dims that are numbers, fit the input. */
static bool fits_input(const hml_tensor_info *info, const hml_tensor *shape)
{
    bool fits = info->dtype == shape->dtype && info->rank == shape->rank;
    for (uint32_t d = 0; d < info->rank && fits; d++) {
        char *end = NULL;
        long long wanted = strtoll(info->dim_texts[d], &end, 10);
        fits = end == info->dim_texts[d] || *end != '\0' || wanted == shape->dims[d];
    }
    return fits;
}

/* What fits no input is not unpacked: a small archive may hold very large zeros. */
static bool fits_any_input(const void *context, const hml_tensor *shape)
{
    const hml_workbench *bench = context;
    bool fits = false;
    for (uint32_t i = 0; i < bench->info.input_count && !fits; i++) {
        hml_tensor_info info = {.struct_bytes = sizeof info};
        fits = hml_model_input(bench->model, i, &info) == HML_OK && fits_input(&info, shape);
    }
    return fits;
}

static hml_status picture(const uint8_t *data, size_t bytes, const hml_tensor_info *info,
                          const char *layout, const char *path, hml_owned_tensor *tensor,
                          hml_tool_error *error)
{
    hml_image image;
    HML_TOOL_TRY(hml_image_read(data, bytes, path, &image, error));
    hml_status status = hml_image_tensor(&image, info, layout, path, tensor, error);
    free(image.samples);
    return status;
}

/* The elements themselves; their number must be that of the shape. */
static hml_status elements(const hml_workbench *bench, uint32_t index, const uint8_t *data,
                           size_t bytes, const char *path, hml_owned_tensor *tensor,
                           hml_tool_error *error)
{
    hml_tensor *shapes = calloc(bench->info.input_count + 1U, sizeof *shapes);
    if (shapes == NULL) {
        return HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "%s", path);
    }
    hml_status status =
        hml_model_shapes(bench->model, bench->dims, bench->dim_count, shapes, NULL, NULL);
    hml_tensor shape = shapes[index];
    free(shapes);
    if (status != HML_OK) {
        return HML_TOOL_FAIL(error, status, "the shape for %s, with these --dim", path);
    }
    if (shape.bytes != bytes) {
        return HML_TOOL_FAIL(error, HML_ERROR_input_bytes,
                             "%s holds %zu bytes, the input needs %zu; --dim chooses its dims",
                             path, bytes, shape.bytes);
    }
    HML_TOOL_TRY(hml_tensor_create(shape.dtype, shape.rank, shape.dims, NULL, 0, tensor, error));
    if (bytes > 0) {
        memcpy(tensor->tensor.data, data, bytes);
    }
    return HML_OK;
}

hml_status hml_input_layout_check(const hml_options *options, hml_tool_error *error)
{
    const char *layout = hml_options_get(options, "layout");
    bool good = layout == NULL || strcmp(layout, "nchw") == 0 || strcmp(layout, "nhwc") == 0;
    return good ? HML_OK
                : HML_TOOL_FAIL(error, HML_ERROR_usage, "'--layout %s': expected nchw or nhwc",
                                layout);
}

/* A list of one tensor that the model's input gives its shape or meaning. */
static hml_status read_for_input(const hml_workbench *bench, uint32_t index, const uint8_t *data,
                                 size_t bytes, const char *path, const hml_options *options,
                                 hml_tensor_list *list, hml_tool_error *error)
{
    hml_tensor_info info = {.struct_bytes = sizeof info};
    const char *layout = hml_options_get(options, "layout");
    HML_TOOL_TRY(hml_model_input(bench->model, index, &info));
    list->tensors = calloc(1, sizeof *list->tensors);
    if (list->tensors == NULL) {
        return HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "%s", path);
    }
    list->count = 1;
    return hml_image_is(data, bytes)
               ? picture(data, bytes, &info, layout, path, list->tensors, error)
               : elements(bench, index, data, bytes, path, list->tensors, error);
}

hml_status hml_input_file_read(const hml_workbench *bench, uint32_t index, const char *path,
                               const hml_options *options, hml_tensor_list *list,
                               hml_tool_error *error)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    bool stream = strcmp(path, "-") == 0;
    const hml_tensor_filter filter = {fits_any_input, bench};
    *list = (hml_tensor_list){0};
    HML_TOOL_TRY(stream ? hml_stream_read(STDIN_FILENO, "standard input", &data, &bytes, error)
                        : hml_file_read(path, &data, &bytes, error));
    path = stream ? "standard input" : path;
    index = index == bench->info.input_count && bench->info.input_count == 1 ? 0 : index;
    bool bare = ends_with(path, ".raw") || ends_with(path, ".bin");
    bool for_input = index < bench->info.input_count && (bare || hml_image_is(data, bytes));
    hml_status status = for_input
                            ? read_for_input(bench, index, data, bytes, path, options, list, error)
                            : hml_tensor_data_read(&data, bytes, path, filter, list, error);
    free(data);
    if (status != HML_OK) {
        hml_tensor_list_release(list);
    }
    return status;
}

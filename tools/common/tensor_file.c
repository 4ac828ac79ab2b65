/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor_file.h"

#include "input_path.h"
#include "output_file.h"
#include "tensor_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static hml_status no_memory(hml_tool_error *error, size_t bytes)
{
    return HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "%zu bytes for a tensor", bytes);
}

/* -- Reading ----------------------------------------------------------------------------------- */

static hml_status read_descriptor(int file, const char *path, uint8_t **data, size_t *bytes,
                                  hml_tool_error *error)
{
    struct stat state;
    if (fstat(file, &state) != 0 || !S_ISREG(state.st_mode) || state.st_size < 0) {
        return HML_TOOL_FAIL(error, HML_ERROR_file_unreadable, "%s: not a regular file", path);
    }
    if ((uint64_t)state.st_size >= SIZE_MAX) {
        return no_memory(error, SIZE_MAX);
    }
    size_t size = (size_t)state.st_size, done = 0;
    void *block = NULL;
    if (posix_memalign(&block, 64, size + 1) != 0) {
        return no_memory(error, size);
    }
    uint8_t *memory = block;
    while (done < size) {
        ssize_t count = read(file, memory + done, size - done);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            free(memory);
            return HML_TOOL_FAIL(error, HML_ERROR_file_unreadable, "%s: reading failed", path);
        }
        done += (size_t)count;
    }
    *data = memory;
    *bytes = size;
    return HML_OK;
}

hml_status hml_file_read(const char *path, uint8_t **data, size_t *bytes, hml_tool_error *error)
{
    HML_TOOL_TRY(hml_path_check(path, HML_PATH_FILE, error));
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        return HML_TOOL_FAIL(error, HML_ERROR_file_unreadable, "%s: %s", path, strerror(errno));
    }
    hml_status status = read_descriptor(file, path, data, bytes, error);
    close(file);
    return status;
}

hml_status hml_stream_read(int descriptor, const char *name, uint8_t **data, size_t *bytes,
                           hml_tool_error *error)
{
    uint8_t *memory = NULL;
    size_t size = 0, capacity = 0;
    for (ssize_t count = 1; count > 0;) {
        if (size == capacity) {
            void *larger = NULL;
            capacity = capacity * 2 + (1 << 16);
            if (posix_memalign(&larger, 64, capacity) != 0) {
                free(memory);
                return no_memory(error, capacity);
            }
            if (size > 0) {
                memcpy(larger, memory, size);
            }
            free(memory);
            memory = larger;
        }
        count = read(descriptor, memory + size, capacity - size);
        if (count < 0 && errno != EINTR) {
            free(memory);
            return HML_TOOL_FAIL(error, HML_ERROR_file_unreadable, "%s: %s", name, strerror(errno));
        }
        size += count > 0 ? (size_t)count : 0;
        count = count < 0 ? 1 : count;
    }
    *data = memory;
    *bytes = size;
    return HML_OK;
}

/* A file that a model decodes itself. */
static hml_status read_whole(const uint8_t *data, size_t bytes, hml_owned_tensor *tensor,
                             hml_tool_error *error)
{
    const int64_t length = (int64_t)bytes;
    HML_TOOL_TRY(hml_tensor_create(HML_U8, 1, &length, "", 0, tensor, error));
    memcpy(tensor->tensor.data, data, bytes);
    return HML_OK;
}

static hml_status read_single(uint8_t **data, size_t bytes, const char *path, hml_tensor_list *list,
                              hml_tool_error *error)
{
    list->tensors = calloc(1, sizeof *list->tensors);
    if (list->tensors == NULL) {
        return no_memory(error, sizeof *list->tensors);
    }
    bool is_npy = bytes >= 6 && memcmp(*data, "\x93NUMPY", 6) == 0;
    if (bytes >= 12 && memcmp(*data, "RIFF", 4) == 0 && memcmp(*data + 8, "WAVE", 4) == 0) {
        list->count = 1;
        return read_whole(*data, bytes, list->tensors, error);
    }
    HML_TOOL_TRY(is_npy ? hml_npy_take(data, bytes, path, list->tensors, error)
                        : hml_pb_take(data, bytes, path, list->tensors, error));
    list->count = 1;
    return HML_OK;
}

hml_status hml_tensor_data_read(uint8_t **data, size_t bytes, const char *path,
                                hml_tensor_filter filter, hml_tensor_list *list,
                                hml_tool_error *error)
{
    const uint8_t *head = *data;
    bool is_archive =
        bytes >= 4 && (memcmp(head, "PK\3\4", 4) == 0 || memcmp(head, "PK\5\6", 4) == 0);
    return is_archive ? hml_npz_read_wanted(head, bytes, path, filter, list, error)
                      : read_single(data, bytes, path, list, error);
}

hml_status hml_tensor_file_read(const char *path, hml_tensor_list *list, hml_tool_error *error)
{
    const hml_tensor_filter all = {NULL, NULL};
    uint8_t *data = NULL;
    size_t bytes = 0;
    *list = (hml_tensor_list){0};
    HML_TOOL_TRY(hml_file_read(path, &data, &bytes, error));
    hml_status status = hml_tensor_data_read(&data, bytes, path, all, list, error);
    free(data);
    if (status != HML_OK) {
        hml_tensor_list_release(list);
    }
    return status;
}

hml_status hml_numbered_tensor_read(const char *folder, const char *stem, uint32_t index,
                                    bool *found, hml_tensor_list *list, hml_tool_error *error)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s_%u.pb", folder, stem, index);
    if (length < 0 || (size_t)length >= sizeof path) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage, "the path of the test data is too long");
    }
    *found = access(path, F_OK) == 0;
    if (!*found) {
        return HML_OK;
    }
    return hml_tensor_file_read(path, list, error);
}

/* -- Writing ----------------------------------------------------------------------------------- */

hml_status hml_tensor_file_write(const char *path, hml_tensor_format format,
                                 const hml_tensor *tensor, const char *name,
                                 const hml_input_files *inputs, hml_tool_error *error)
{
    hml_output_file file;
    HML_TOOL_TRY(hml_output_open(&file, path, inputs, error));
    if (format == HML_FORMAT_NPY) {
        hml_npy_write(file.stream, tensor);
    } else {
        hml_pb_write(file.stream, tensor, name);
    }
    return hml_output_close(&file, error);
}

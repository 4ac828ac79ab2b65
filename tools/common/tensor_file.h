/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors in files: .npy (versions 1 to 3), .npz (stored and deflated entries) and ONNX TensorProto
 * (.pb). Every reader takes bytes that it does not trust, in time and memory bounded by their
 * number (and, for deflated entries, by the size of the array that their header states).
 */
#ifndef HML_TENSOR_FILE_H
#define HML_TENSOR_FILE_H

#include "owned_tensor.h"

/* -- Readers of bytes; `path` only names the file in messages ---------------------------------- */

hml_status hml_npy_read(const uint8_t *data, size_t bytes, const char *path,
                        hml_owned_tensor *tensor, hml_tool_error *error);
/* The same of a 64-byte aligned block from malloc's family, which becomes the tensor's memory where
 * its elements stand in it in order; *data is NULL then. */
hml_status hml_npy_take(uint8_t **data, size_t bytes, const char *path, hml_owned_tensor *tensor,
                        hml_tool_error *error);
/* What a file has to hold in all, by its first bytes: header and elements. `bytes` are there;
 * HML_NPY_HEADER of them are always enough. */
enum { HML_NPY_HEADER = 12 + 65535 };
hml_status hml_npy_size(const uint8_t *data, size_t bytes, const char *path, hml_tensor *shape,
                        size_t *whole, hml_tool_error *error);

/* Whether anybody wants a tensor of this type and shape, of which `data` is NULL. */
typedef bool hml_tensor_wanted(const void *context, const hml_tensor *shape);
typedef struct hml_tensor_filter {
    hml_tensor_wanted *wanted; /* NULL: all are */
    const void *context;
} hml_tensor_filter;

/* All entries, named without ".npy". Of an entry whose header states another size than the archive
 * no more than the header is unpacked. */
hml_status hml_npz_read(const uint8_t *data, size_t bytes, const char *path, hml_tensor_list *list,
                        hml_tool_error *error);
/* The same; entries that nobody wants are not unpacked: they have name, type and shape, and no
 * data. */
hml_status hml_npz_read_wanted(const uint8_t *data, size_t bytes, const char *path,
                               hml_tensor_filter filter, hml_tensor_list *list,
                               hml_tool_error *error);
hml_status hml_pb_read(const uint8_t *data, size_t bytes, const char *path,
                       hml_owned_tensor *tensor, hml_tool_error *error);
/* The same of a 64-byte aligned block from malloc's family, which becomes the tensor's memory where
 * its elements stand in it as they are; *data is NULL then. */
hml_status hml_pb_take(uint8_t **data, size_t bytes, const char *path, hml_owned_tensor *tensor,
                       hml_tool_error *error);

/* -- Files ------------------------------------------------------------------------------------- */

/* Whole regular file, 64-byte aligned; free(*data). */
hml_status hml_file_read(const char *path, uint8_t **data, size_t *bytes, hml_tool_error *error);

/* The same of a descriptor up to its end, also of a pipe; `name` is for messages. */
hml_status hml_stream_read(int descriptor, const char *name, uint8_t **data, size_t *bytes,
                           hml_tool_error *error);

/* Tensors in memory from hml_file_read, which *data may lose to them; free(*data) in any case. Of
 * an archive, entries that nobody wants have no data. */
hml_status hml_tensor_data_read(uint8_t **data, size_t bytes, const char *path,
                                hml_tensor_filter filter, hml_tensor_list *list,
                                hml_tool_error *error);

/* One tensor (.npy, .pb) or all of an archive, told apart by their first bytes. */
hml_status hml_tensor_file_read(const char *path, hml_tensor_list *list, hml_tool_error *error);

/* Reads <folder>/<stem>_<index>.pb; *found is false when there is no such file. */
hml_status hml_numbered_tensor_read(const char *folder, const char *stem, uint32_t index,
                                    bool *found, hml_tensor_list *list, hml_tool_error *error);

typedef enum hml_tensor_format { HML_FORMAT_NPY, HML_FORMAT_PB } hml_tensor_format;

/* Writes a tensor, in place of none of `inputs`; `name` goes into a .pb. bf16 in .npy is written as
 * two-byte void elements. */
struct hml_input_files;
hml_status hml_tensor_file_write(const char *path, hml_tensor_format format,
                                 const hml_tensor *tensor, const char *name,
                                 const struct hml_input_files *inputs, hml_tool_error *error);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* NumPy's .npz: a zip archive of .npy files. Sizes are taken from the central directory, which is
 * the only complete account of them. */
#include "tensor_file.h"

#include <stdlib.h>
#include <string.h>

#include <support/inflate.h>

enum { END_BYTES = 22, ENTRY_BYTES = 46, LOCAL_BYTES = 30, MOST_COMMENT = 65535 };

typedef struct archive {
    const uint8_t *data;
    size_t bytes;
    const char *path;
    hml_tool_error *error;
    hml_tensor_filter filter;
    size_t unread; /* bytes that no entry took: entries that share theirs would multiply a file */
} archive;

typedef struct archive_entry {
    const char *name;
    size_t name_bytes;
    uint32_t flags, method, crc;
    size_t packed, unpacked, local_offset;
} archive_entry;

static uint32_t read16(const uint8_t *data)
{
    return (uint32_t)data[0] | (uint32_t)data[1] << 8;
}

static uint32_t read32(const uint8_t *data)
{
    return read16(data) | read16(data + 2) << 16;
}

static hml_status damaged(const archive *zip, const char *what)
{
    return HML_TOOL_FAIL(zip->error, HML_ERROR_tensor_damaged, "%s: %s", zip->path, what);
}

static hml_status unsupported(const archive *zip, const char *what)
{
    return HML_TOOL_FAIL(zip->error, HML_ERROR_tensor_unsupported, "%s: %s", zip->path, what);
}

/* The end record is the last thing in the file but for a comment of up to 64 KiB. */
static const uint8_t *find_end(const archive *zip)
{
    size_t last = zip->bytes < END_BYTES ? 0 : zip->bytes - END_BYTES;
    for (size_t back = 0; zip->bytes >= END_BYTES && back <= last && back <= MOST_COMMENT; back++) {
        const uint8_t *at = zip->data + last - back;
        if (memcmp(at, "PK\5\6", 4) == 0 && read16(at + 20) == back) {
            return at;
        }
    }
    return NULL;
}

static hml_status read_entry(const archive *zip, size_t *at, size_t end, archive_entry *entry)
{
    const uint8_t *record = zip->data + *at;
    if (end - *at < ENTRY_BYTES || memcmp(record, "PK\1\2", 4) != 0) {
        return damaged(zip, "the archive's directory is damaged");
    }
    size_t name_bytes = read16(record + 28);
    size_t total = ENTRY_BYTES + name_bytes + read16(record + 30) + read16(record + 32);
    if (total > end - *at) {
        return damaged(zip, "the archive's directory is damaged");
    }
    *entry = (archive_entry){.name = (const char *)record + ENTRY_BYTES,
                             .name_bytes = name_bytes,
                             .flags = read16(record + 8),
                             .method = read16(record + 10),
                             .crc = read32(record + 16),
                             .packed = read32(record + 20),
                             .unpacked = read32(record + 24),
                             .local_offset = read32(record + 42)};
    if (entry->packed == UINT32_MAX || entry->unpacked == UINT32_MAX ||
        entry->local_offset == UINT32_MAX) {
        return unsupported(zip, "entries of 4 GiB and more");
    }
    *at += total;
    return HML_OK;
}

/* Where the entry's packed bytes start. */
static hml_status locate(const archive *zip, const archive_entry *entry, const uint8_t **packed)
{
    size_t offset = entry->local_offset;
    if (offset > zip->bytes || zip->bytes - offset < LOCAL_BYTES ||
        memcmp(zip->data + offset, "PK\3\4", 4) != 0) {
        return damaged(zip, "an entry lies outside of the archive");
    }
    size_t skip = LOCAL_BYTES + read16(zip->data + offset + 26) + read16(zip->data + offset + 28);
    if (skip > zip->bytes - offset || entry->packed > zip->bytes - offset - skip) {
        return damaged(zip, "an entry lies outside of the archive");
    }
    *packed = zip->data + offset + skip;
    return HML_OK;
}

/* Before anything is unpacked: the array that the entry's header states is as large as the entry.
 */
static hml_status check_size(const archive *zip, const archive_entry *entry, const uint8_t *packed,
                             hml_tensor *shape)
{
    size_t most = entry->unpacked < HML_NPY_HEADER ? entry->unpacked : HML_NPY_HEADER, whole = 0;
    uint8_t *head = malloc(most + 1);
    if (head == NULL) {
        return HML_TOOL_FAIL(zip->error, HML_ERROR_out_of_memory, "%zu bytes", most);
    }
    size_t there = most < entry->packed ? most : entry->packed;
    if (entry->method == 0) {
        memcpy(head, packed, there);
    } else {
        there = hml_inflate_start(packed, entry->packed, head, most);
    }
    hml_status status = hml_npy_size(head, there, zip->path, shape, &whole, zip->error);
    free(head);
    return status != HML_OK || whole == entry->unpacked
               ? status
               : damaged(zip, "an entry's size is not what its array needs");
}

static hml_status unpack(const archive *zip, const archive_entry *entry, const uint8_t *packed,
                         uint8_t **unpacked)
{
    /* Deflate cannot shrink further than 1032 to 1, which bounds what a small file can ask for. */
    if (entry->unpacked / 1032 > entry->packed) {
        return damaged(zip, "an entry declares an impossible size");
    }
    void *block = NULL;
    if (posix_memalign(&block, 64, entry->unpacked + 1) != 0) {
        return HML_TOOL_FAIL(zip->error, HML_ERROR_out_of_memory, "%zu bytes", entry->unpacked);
    }
    uint8_t *memory = block;
    bool whole = entry->method == 0 ? entry->packed == entry->unpacked
                                    : hml_inflate(packed, entry->packed, memory, entry->unpacked);
    if (whole && entry->method == 0) {
        memcpy(memory, packed, entry->unpacked);
    }
    if (!whole || hml_crc32(memory, entry->unpacked) != entry->crc) {
        free(memory);
        return damaged(zip, "an entry's content is damaged");
    }
    *unpacked = memory;
    return HML_OK;
}

static hml_status read_tensor(archive *zip, const archive_entry *entry, hml_owned_tensor *tensor)
{
    if ((entry->flags & 1) != 0 || (entry->method != 0 && entry->method != 8)) {
        return unsupported(zip, "encrypted entries, and methods but stored and deflated");
    }
    const uint8_t *packed = NULL;
    uint8_t *unpacked = NULL;
    HML_TOOL_TRY(locate(zip, entry, &packed));
    if (entry->packed > zip->unread) {
        return damaged(zip, "entries share their bytes");
    }
    zip->unread -= entry->packed;
    HML_TOOL_TRY(check_size(zip, entry, packed, &tensor->tensor));
    if (zip->filter.wanted == NULL || zip->filter.wanted(zip->filter.context, &tensor->tensor)) {
        HML_TOOL_TRY(unpack(zip, entry, packed, &unpacked));
        hml_status status = hml_npy_take(&unpacked, entry->unpacked, zip->path, tensor, zip->error);
        free(unpacked);
        HML_TOOL_TRY(status);
    }
    size_t length = entry->name_bytes;
    length -= length >= 4 && memcmp(entry->name + length - 4, ".npy", 4) == 0 ? 4 : 0;
    free(tensor->name);
    tensor->name = calloc(length + 1, 1);
    if (tensor->name == NULL) {
        hml_tensor_release(tensor);
        return HML_TOOL_FAIL(zip->error, HML_ERROR_out_of_memory, "%zu bytes", length);
    }
    memcpy(tensor->name, entry->name, length);
    return HML_OK;
}

hml_status hml_npz_read(const uint8_t *data, size_t bytes, const char *path, hml_tensor_list *list,
                        hml_tool_error *error)
{
    const hml_tensor_filter all = {NULL, NULL};
    return hml_npz_read_wanted(data, bytes, path, all, list, error);
}

hml_status hml_npz_read_wanted(const uint8_t *data, size_t bytes, const char *path,
                               hml_tensor_filter filter, hml_tensor_list *list,
                               hml_tool_error *error)
{
    archive zip = {data, bytes, path, error, filter, bytes};
    const uint8_t *end = find_end(&zip);
    *list = (hml_tensor_list){0};
    if (end == NULL) {
        return damaged(&zip, "the archive has no directory");
    }
    size_t count = read16(end + 10), size = read32(end + 12), at = read32(end + 16);
    size_t end_at = (size_t)(end - data);
    if (at > end_at || size > end_at - at || count > size / ENTRY_BYTES) {
        return damaged(&zip, "the archive's directory is damaged");
    }
    list->tensors = calloc(count + 1, sizeof *list->tensors);
    if (list->tensors == NULL) {
        return HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "%zu tensors", count);
    }
    hml_status status = HML_OK;
    for (size_t i = 0; i < count && status == HML_OK; i++) {
        archive_entry entry = {0};
        status = read_entry(&zip, &at, end_at, &entry);
        if (status == HML_OK) {
            status = read_tensor(&zip, &entry, &list->tensors[i]);
        }
        list->count += status == HML_OK ? 1 : 0;
    }
    if (status != HML_OK) {
        hml_tensor_list_release(list);
    }
    return status;
}

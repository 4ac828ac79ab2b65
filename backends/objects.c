/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memfd_create */
#include "objects.h"

#include <ar.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_bytes(hmlc_objects *objects, const void *data, size_t size)
{
    bool good = write(objects->file, data, size) == (ssize_t)size;
    objects->bytes += size;
    return good;
}

static bool open_archive(hmlc_objects *objects)
{
    if (objects->members.count > 0) {
        return true;
    }
    objects->file = memfd_create("hmlc-objects", 0);
    return objects->file >= 0 && write_bytes(objects, ARMAG, SARMAG);
}

/* Member headers are text in fields of fixed width. */
static bool write_header(hmlc_objects *objects, uint64_t bytes)
{
    char text[sizeof(struct ar_hdr) + 1];
    int length = snprintf(text, sizeof text, "%-16s%-12d%-6d%-6d%-8d%-10" PRIu64 "%s", "o/", 0, 0,
                          0, 644, bytes, ARFMAG);
    return length == (int)sizeof(struct ar_hdr) && write_bytes(objects, text, (size_t)length);
}

static bool copy_bytes(hmlc_objects *objects, int from, uint64_t bytes)
{
    off_t at = 0;
    while ((uint64_t)at < bytes) {
        ssize_t copied = sendfile(objects->file, from, &at, bytes - (uint64_t)at);
        if (copied <= 0 && (copied == 0 || errno != EINTR)) {
            return false;
        }
    }
    objects->bytes += bytes;
    return bytes % 2 == 0 || write_bytes(objects, "\n", 1);
}

hmlc_status hmlc_objects_add(hmlc_objects *objects, int from)
{
    struct stat status;
    if (fstat(from, &status) != 0 || !open_archive(objects)) {
        return HMLC_RESOURCE;
    }
    uint64_t bytes = (uint64_t)status.st_size;
    const hmlc_object member = {objects->bytes + sizeof(struct ar_hdr), bytes};
    HMLC_TRY(HMLC_APPEND(&objects->members, &member));
    return write_header(objects, bytes) && copy_bytes(objects, from, bytes) ? HMLC_OK
                                                                            : HMLC_RESOURCE;
}

void hmlc_objects_release(hmlc_objects *objects)
{
    if (objects->members.count > 0) {
        close(objects->file);
    }
    HMLC_TABLE_FREE(&objects->members);
    *objects = (hmlc_objects){0};
}

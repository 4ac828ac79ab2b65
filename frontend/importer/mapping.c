/* SPDX-License-Identifier: Apache-2.0 */
#include "mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct hmlc_mapping {
    int folder; /* the model's folder; -1: none */
    hmlc_mapped_file *files;
};

typedef struct file_request {
    hmlc_diagnostics *diagnostics;
    const hmlc_location *where;
    hmlc_error error;
    const char *name;
} file_request;

hmlc_mapping *hmlc_mapping_create(void)
{
    hmlc_mapping *mapping = calloc(1, sizeof *mapping);
    if (mapping != NULL) {
        mapping->folder = -1;
    }
    return mapping;
}

void hmlc_mapping_release(hmlc_mapping *mapping)
{
    if (mapping == NULL) {
        return;
    }
    hmlc_mapped_file *file = mapping->files;
    while (file != NULL) {
        hmlc_mapped_file *next = file->next;
        free(file->data);
        free(file);
        file = next;
    }
    if (mapping->folder >= 0) {
        (void)close(mapping->folder);
    }
    free(mapping);
}

void hmlc_mapping_visit(const hmlc_mapping *mapping,
                        void (*visit)(void *context, uint64_t device, uint64_t inode),
                        void *context)
{
    for (const hmlc_mapped_file *file = mapping->files; file != NULL; file = file->next) {
        visit(context, file->device, file->inode);
    }
}

static hmlc_status refuse(const file_request *request, const char *hint, const char *reason)
{
    return hmlc_error_add(request->diagnostics, request->error, request->where, hint, "'%s': %s",
                          request->name, reason);
}

/*
 * Reads `size` bytes. A mapping would do with less memory, but then a file that another process
 * cuts short kills this one, and one that changes gives a model that was never anybody's.
 */
static hmlc_status read_bytes(const file_request *request, int descriptor, uint8_t *data,
                              size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = read(descriptor, data + done, size - done);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return refuse(request, "try again when nothing writes to the file",
                          count < 0 ? strerror(errno) : "became shorter while it was read");
        }
        done += (size_t)count;
    }
    return HMLC_OK;
}

/* Reads what `descriptor` holds into `file`. */
static hmlc_status read_descriptor(const file_request *request, int descriptor, bool sole_link,
                                   hmlc_mapped_file *file)
{
    struct stat info;
    if (fstat(descriptor, &info) != 0) {
        return refuse(request, NULL, strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return refuse(request, "give a regular file",
                      S_ISDIR(info.st_mode) ? "is a folder" : "is not a regular file");
    }
    file->device = (uint64_t)info.st_dev;
    file->inode = (uint64_t)info.st_ino;
    if (sole_link && info.st_nlink != 1) {
        return refuse(request, "copy the file, so that it has no second name",
                      "is a hard link: the file has another name elsewhere");
    }
    if (info.st_size <= 0) {
        return HMLC_OK;
    }
    size_t size = (size_t)info.st_size;
    file->data = malloc(size);
    if (file->data == NULL) {
        return hmlc_error_add(request->diagnostics, HMLC_ERROR_out_of_memory, request->where, NULL,
                              "'%s' has %zu bytes", request->name, size);
    }
    file->size = size;
    return read_bytes(request, descriptor, file->data, size);
}

static hmlc_mapped_file *add_file(hmlc_mapping *mapping)
{
    hmlc_mapped_file *file = calloc(1, sizeof *file);
    if (file != NULL) {
        file->next = mapping->files;
        mapping->files = file;
    }
    return file;
}

/* The folder part of a path, opened; -1 on failure. */
static int open_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    size_t length = slash == path ? 1 : (size_t)(slash - path);
    char *folder = malloc(length + 1);
    if (folder == NULL) {
        return -1;
    }
    memcpy(folder, path, length);
    folder[length] = '\0';
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    return descriptor;
}

hmlc_status hmlc_mapping_open_model(hmlc_mapping *mapping, const char *path,
                                    hmlc_diagnostics *diagnostics, const hmlc_mapped_file **file)
{
    file_request request = {
        .diagnostics = diagnostics, .error = HMLC_ERROR_file_unreadable, .name = path};
    /* O_NONBLOCK: a FIFO must not make us wait for its writer. */
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) {
        return refuse(&request, "check the path and its permissions", strerror(errno));
    }
    hmlc_mapped_file *opened = add_file(mapping);
    hmlc_status status =
        opened == NULL ? HMLC_RESOURCE : read_descriptor(&request, descriptor, false, opened);
    (void)close(descriptor);
    mapping->folder = open_folder(path);
    *file = opened;
    return status;
}

/* Opens `location` beneath the folder, component by component, following no link. */
static hmlc_status open_beneath(const file_request *request, int folder, int *descriptor)
{
    const char *hint = "external data must be a relative path of a file beneath the model's folder";
    if (request->name[0] == '\0') {
        return refuse(request, hint, "the location is empty");
    }
    if (request->name[0] == '/') {
        return refuse(request, hint, "the location is an absolute path");
    }
    int current = dup(folder);
    const char *rest = request->name;
    hmlc_status status = current < 0 ? refuse(request, NULL, strerror(errno)) : HMLC_OK;
    while (status == HMLC_OK && *rest != '\0') {
        char component[256];
        size_t length = strcspn(rest, "/");
        const char *next = rest + length + strspn(rest + length, "/");
        if (length >= sizeof component) {
            status = refuse(request, hint, "a part of the path is longer than 255 bytes");
            break;
        }
        memcpy(component, rest, length);
        component[length] = '\0';
        rest = next;
        if (strcmp(component, ".") == 0) {
            continue;
        }
        if (strcmp(component, "..") == 0) {
            status = refuse(request, hint, "the location leaves the model's folder with '..'");
            break;
        }
        int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
        int opened = openat(current, component, *rest != '\0' ? flags | O_DIRECTORY : flags);
        if (opened < 0) {
            bool link = errno == ELOOP;
            const char *advice = errno == ENOENT ? "put the file where the model names it" : hint;
            status = refuse(request, link ? "replace the link by the file itself" : advice,
                            link ? "is a symbolic link" : strerror(errno));
            break;
        }
        (void)close(current);
        current = opened;
    }
    if (status != HMLC_OK && current >= 0) {
        (void)close(current);
    }
    *descriptor = current;
    return status;
}

hmlc_status hmlc_mapping_open_external(hmlc_mapping *mapping, const char *location,
                                       hmlc_diagnostics *diagnostics, const hmlc_location *where,
                                       const hmlc_mapped_file **file)
{
    file_request request = {.diagnostics = diagnostics,
                            .where = where,
                            .error = HMLC_ERROR_external_data_refused,
                            .name = location};
    hmlc_mapped_file *opened = add_file(mapping);
    HMLC_TRY_MEMORY(opened);
    int descriptor = -1;
    HMLC_TRY(open_beneath(&request, mapping->folder, &descriptor));
    hmlc_status status = read_descriptor(&request, descriptor, true, opened);
    (void)close(descriptor);
    *file = opened;
    return status;
}

bool hmlc_mapping_has(const hmlc_mapping *mapping, const char *name)
{
    struct stat info;
    return mapping->folder >= 0 && fstatat(mapping->folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

hmlc_status hmlc_mapping_note_external(hmlc_mapping *mapping, const char *location)
{
    struct stat info;
    if (mapping->folder < 0 || fstatat(mapping->folder, location, &info, 0) != 0) {
        return HMLC_OK;
    }
    hmlc_mapped_file *file = add_file(mapping);
    HMLC_TRY_MEMORY(file);
    file->device = (uint64_t)info.st_dev;
    file->inode = (uint64_t)info.st_ino;
    return HMLC_OK;
}

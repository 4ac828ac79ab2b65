/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* mkostemp */
#include "output_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void hold_signals(hml_output_file *file)
{
    static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    sigset_t held;
    sigemptyset(&held);
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++) {
        sigaddset(&held, ending[i]);
    }
    file->held = sigprocmask(SIG_BLOCK, &held, &file->mask) == 0;
}

static int open_temporary(hml_output_file *file)
{
    static const char ending[] = ".XXXXXX";
    size_t length = strlen(file->target);
    file->temporary = malloc(length + sizeof ending);
    if (file->temporary == NULL) {
        return -1;
    }
    memcpy(file->temporary, file->target, length);
    memcpy(file->temporary + length, ending, sizeof ending);
    int descriptor = mkostemp(file->temporary, O_CLOEXEC);
    mode_t mask = umask(0);
    umask(mask);
    if (descriptor >= 0) {
        (void)fchmod(descriptor, 0666 & ~mask);
    }
    return descriptor;
}

/* The path that the link `path` holds, seen from where `path` is seen; NULL: it is no link. */
static char *read_link(const char *path)
{
    char text[4096];
    ssize_t length = readlink(path, text, sizeof text - 1);
    if (length <= 0) {
        return NULL;
    }
    text[length] = '\0';
    const char *slash = text[0] == '/' ? NULL : strrchr(path, '/');
    size_t folder = slash != NULL ? (size_t)(slash + 1 - path) : 0;
    char *joined = malloc(folder + (size_t)length + 1);
    if (joined != NULL) {
        memcpy(joined, path, folder);
        memcpy(joined + folder, text, (size_t)length + 1);
    }
    return joined;
}

char *hml_output_target(const char *path)
{
    enum { MOST_LINKS = 40 };
    char *target = realpath(path, NULL);
    if (target != NULL || errno == ELOOP) {
        return target;
    }
    if (errno != ENOENT || access(path, F_OK) == 0) {
        return strdup(path); /* a pipe has no path */
    }
    target = strdup(path);
    char *next = target != NULL ? read_link(target) : NULL;
    for (int links = 0; next != NULL && links < MOST_LINKS; links++) {
        free(target);
        target = next;
        next = read_link(target);
    }
    free(next);
    return target;
}

static void abandon(hml_output_file *file)
{
    int cause = errno;
    free(file->target);
    free(file->temporary);
    file->target = file->temporary = NULL;
    if (file->held) {
        sigprocmask(SIG_SETMASK, &file->mask, NULL);
    }
    errno = cause;
}

/* -- The inputs -------------------------------------------------------------------------------- */

bool hml_input_files_add_number(hml_input_files *inputs, uint64_t device, uint64_t inode)
{
    if (inputs->count == inputs->capacity) {
        size_t capacity = inputs->capacity * 2 + 16;
        struct hml_input_file *files = realloc(inputs->files, capacity * sizeof *files);
        if (files == NULL) {
            return false;
        }
        inputs->files = files;
        inputs->capacity = capacity;
    }
    inputs->files[inputs->count++] = (struct hml_input_file){device, inode};
    return true;
}

bool hml_input_files_add(hml_input_files *inputs, const char *path)
{
    struct stat state;
    return stat(path, &state) != 0 ||
           hml_input_files_add_number(inputs, (uint64_t)state.st_dev, (uint64_t)state.st_ino);
}

bool hml_input_files_add_folder(hml_input_files *inputs, const char *path)
{
    bool good = hml_input_files_add(inputs, path);
    DIR *folder = opendir(path);
    for (const struct dirent *entry; good && folder != NULL && (entry = readdir(folder)) != NULL;) {
        size_t bytes = strlen(path) + strlen(entry->d_name) + 2;
        char *name = malloc(bytes);
        if (name != NULL) {
            snprintf(name, bytes, "%s/%s", path, entry->d_name);
        }
        bool is_entry = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
        good = name != NULL && (!is_entry || hml_input_files_add(inputs, name));
        free(name);
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return good;
}

void hml_input_files_release(hml_input_files *inputs)
{
    free(inputs->files);
    *inputs = (hml_input_files){0};
}

hml_status hml_output_guard(const hml_input_files *inputs, const char *path, hml_tool_error *error)
{
    struct stat state;
    if (stat(path, &state) != 0 || !(S_ISREG(state.st_mode) || S_ISDIR(state.st_mode))) {
        return HML_OK;
    }
    for (size_t i = 0; inputs != NULL && i < inputs->count; i++) {
        if (inputs->files[i].device == (uint64_t)state.st_dev &&
            inputs->files[i].inode == (uint64_t)state.st_ino) {
            return HML_TOOL_FAIL(error, HML_ERROR_input_overwritten, "%s is read by this command",
                                 path);
        }
    }
    return HML_OK;
}

/* -- The output -------------------------------------------------------------------------------- */

hml_status hml_output_failed(const char *path, int cause, hml_tool_error *error)
{
    bool wrong = cause == ENOENT || cause == ENOTDIR || cause == EISDIR || cause == ELOOP ||
                 cause == ENAMETOOLONG;
    hml_status status = wrong ? HML_ERROR_path_wrong : HML_ERROR_output_unwritable;
    hml_tool_error_set(error, status, "%s: %s", path, strerror(cause));
    error->hint = wrong ? "name a file in a folder that exists" : NULL;
    return status;
}

/* The folder that the last part of a path lies in. */
static bool has_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct stat state;
    if (slash == NULL || slash == path) {
        return true;
    }
    char *folder = strndup(path, (size_t)(slash - path));
    bool found = folder == NULL || stat(folder, &state) == 0 || errno == EACCES;
    free(folder);
    return found;
}

hml_status hml_output_check(const hml_input_files *inputs, const char *path, hml_tool_error *error)
{
    struct stat state;
    HML_TOOL_TRY(hml_output_guard(inputs, path, error));
    if (strcmp(path, "-") == 0) { /* where inputs may be - */
        hml_tool_error_set(error, HML_ERROR_usage, "no file is called '-'");
        error->hint = "outputs are files; ./- is one of that name";
        return HML_ERROR_usage;
    }
    if (path[0] == '\0' || !has_folder(path)) {
        return hml_output_failed(path, ENOENT, error);
    }
    return stat(path, &state) == 0 && S_ISDIR(state.st_mode)
               ? hml_output_failed(path, EISDIR, error)
               : HML_OK;
}

hml_status hml_output_open(hml_output_file *file, const char *path, const hml_input_files *inputs,
                           hml_tool_error *error)
{
    struct stat state;
    bool exists = stat(path, &state) == 0;
    int descriptor = -1;
    *file = (hml_output_file){.path = path};
    HML_TOOL_TRY(hml_output_check(inputs, path, error));
    if (exists && !S_ISREG(state.st_mode)) { /* nothing to clean up; a pipe may have no reader */
        descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    } else {
        hold_signals(file);
        file->target = hml_output_target(path);
        descriptor = file->target != NULL ? open_temporary(file) : -1;
    }
    file->stream = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
    if (file->stream == NULL) {
        abandon(file);
        return hml_output_failed(path, errno, error);
    }
    return HML_OK;
}

hml_status hml_output_close(hml_output_file *file, hml_tool_error *error)
{
    errno = 0;
    bool written = ferror(file->stream) == 0;
    written = fclose(file->stream) == 0 && written;
    if (file->temporary != NULL) {
        written = written && rename(file->temporary, file->target) == 0;
        int cause = errno;
        if (!written) {
            (void)unlink(file->temporary);
        }
        errno = cause;
    }
    file->stream = NULL;
    abandon(file);
    if (written) {
        return HML_OK;
    }
    /* 0: an earlier write failed, and its cause is gone. */
    return hml_output_failed(file->path, errno != 0 ? errno : ENOSPC, error);
}

void hml_output_abandon(hml_output_file *file)
{
    (void)fclose(file->stream);
    file->stream = NULL;
    if (file->temporary != NULL) {
        (void)unlink(file->temporary);
    }
    abandon(file);
}

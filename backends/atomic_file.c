/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* O_TMPFILE */
#include "atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

hmlc_status hmlc_file_error(const hmlc_atomic_file *f, const char *doing)
{
    int cause = errno;
    return hmlc_error_add(f->module->diagnostics, HMLC_ERROR_output_unwritable, NULL,
                          "check that the folder exists, may be written and has room", "%s: %s%s%s",
                          f->path, doing, cause != 0 ? ": " : "",
                          cause != 0 ? strerror(cause) : "");
}

/* A link is followed, so that it stays and /dev/stdout is never replaced. */
static hmlc_status file_names(hmlc_atomic_file *f)
{
    hmlc_arena *arena = f->module->arena;
    char *real = realpath(f->path, NULL);
    f->target = hmlc_arena_string(arena, real != NULL ? real : f->path);
    free(real);
    HMLC_TRY_MEMORY(f->target);
    const char *slash = strrchr(f->target, '/');
    size_t length = slash != NULL ? (size_t)(slash - f->target) : 1;
    const char *folder = slash == NULL ? "." : (length == 0 ? "/" : f->target);
    f->folder = hmlc_arena_string_n(arena, folder, length > 0 ? length : 1);
    HMLC_TRY_MEMORY(f->folder);
    f->temporary = hmlc_arena_printf(arena, "%s.XXXXXX", f->target);
    HMLC_TRY_MEMORY(f->temporary);
    return HMLC_OK;
}

static void hold_signals(hmlc_atomic_file *f)
{
    static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    sigset_t held;
    sigemptyset(&held);
    for (size_t k = 0; k < sizeof ending / sizeof ending[0]; k++) {
        sigaddset(&held, ending[k]);
    }
    f->held = pthread_sigmask(SIG_BLOCK, &held, &f->mask) == 0;
}

/* Where the file system can, the file is nameless until it is whole: then even SIGKILL leaves
 * nothing. */
hmlc_status hmlc_file_open(hmlc_atomic_file *f)
{
    struct stat status;
    hold_signals(f);
    HMLC_TRY(file_names(f));
    if (stat(f->path, &status) == 0 && !S_ISREG(status.st_mode)) {
        f->temporary[0] = '\0';
        errno = S_ISDIR(status.st_mode) ? EISDIR : 0;
        return hmlc_file_error(f, "is not a regular file");
    }
    /* Made once in any case: it finds a free name, and what forbids the file forbids it here. */
    f->file = mkostemp(f->temporary, O_CLOEXEC);
    if (f->file < 0) {
        f->temporary[0] = '\0';
        return hmlc_file_error(f, "cannot create");
    }
    int nameless = open(f->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
    if (nameless >= 0) {
        close(f->file);
        unlink(f->temporary);
        f->file = nameless;
    }
    return HMLC_OK;
}

hmlc_status hmlc_file_write(void *context, const void *data, size_t bytes)
{
    hmlc_atomic_file *f = context;
    f->at += bytes;
    for (const char *from = data; bytes > 0;) {
        ssize_t written = write(f->file, from, bytes);
        if (written < 0 && errno != EINTR) {
            return hmlc_file_error(f, "cannot write");
        }
        from += written > 0 ? written : 0;
        bytes -= written > 0 ? (size_t)written : 0;
    }
    return HMLC_OK;
}

hmlc_status hmlc_file_copy(hmlc_atomic_file *f, int from, uint64_t offset, uint64_t bytes)
{
    char buffer[65536];
    uint64_t at = offset, end = offset + bytes;
    while (at < end) {
        size_t wanted = end - at < sizeof buffer ? (size_t)(end - at) : sizeof buffer;
        ssize_t size = pread(from, buffer, wanted, (off_t)at);
        if (size <= 0) {
            return hmlc_file_error(f, "cannot read generated text");
        }
        HMLC_TRY(hmlc_file_write(f, buffer, (size_t)size));
        at += (uint64_t)size;
    }
    return HMLC_OK;
}

hmlc_status hmlc_file_commit(hmlc_atomic_file *f)
{
    char nameless[64];
    snprintf(nameless, sizeof nameless, "/proc/self/fd/%d", f->file);
    struct stat status;
    bool named = fstat(f->file, &status) == 0 && status.st_nlink > 0;
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(f->file, 0666 & ~mask) != 0 || fsync(f->file) != 0) {
        return hmlc_file_error(f, "cannot write");
    }
    if (!named && linkat(AT_FDCWD, nameless, AT_FDCWD, f->temporary, AT_SYMLINK_FOLLOW) != 0) {
        return hmlc_file_error(f, "cannot create");
    }
    if (rename(f->temporary, f->target) != 0) {
        return hmlc_file_error(f, "cannot rename");
    }
    f->temporary[0] = '\0';
    int folder = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        (void)fsync(folder); /* some file systems cannot; the file itself is safe */
        close(folder);
    }
    return HMLC_OK;
}

void hmlc_file_close(hmlc_atomic_file *f)
{
    if (f->file >= 0) {
        close(f->file);
    }
    if (f->temporary != NULL && f->temporary[0] != '\0') {
        unlink(f->temporary);
    }
    if (f->held) {
        pthread_sigmask(SIG_SETMASK, &f->mask, NULL);
    }
}

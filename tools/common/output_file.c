#define _GNU_SOURCE /* mkostemp */
#include "output_file.h"

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

bool hml_output_open(hml_output_file *file, const char *path)
{
    struct stat state;
    bool direct = stat(path, &state) == 0 && !S_ISREG(state.st_mode);
    int descriptor = -1;
    *file = (hml_output_file){0};
    if (direct) { /* nothing to clean up; and a pipe may have no reader for ever */
        descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    } else {
        hold_signals(file);
        file->target = realpath(path, NULL);
        file->target = file->target != NULL ? file->target : strdup(path);
        descriptor = file->target != NULL ? open_temporary(file) : -1;
    }
    file->stream = descriptor >= 0 ? fdopen(descriptor, "wb") : NULL;
    if (file->stream == NULL) {
        abandon(file);
    }
    return file->stream != NULL;
}

bool hml_output_close(hml_output_file *file)
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
    errno = errno != 0 || written ? errno : ENOSPC; /* an earlier write failed; its cause is gone */
    return written;
}

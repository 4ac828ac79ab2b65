/* SPDX-License-Identifier: Apache-2.0 */
/* A file that appears whole or not at all. */
#ifndef HMLC_ATOMIC_FILE_H
#define HMLC_ATOMIC_FILE_H

#include <signal.h>

#include <hmlc/ir.h>

typedef struct hmlc_atomic_file {
    hmlc_module *module;
    const char *path;
    char *target;    /* what path is a link to, else the same */
    char *folder;    /* of target */
    char *temporary; /* name to rename from; empty while the file has none */
    int file;
    bool held;     /* signals that end programs wait */
    sigset_t mask; /* of the thread before that */
    uint64_t at;
} hmlc_atomic_file;

/* `module` and `path` are set, `file` is -1. Signals that end programs wait until it is closed. */
hmlc_status hmlc_file_open(hmlc_atomic_file *f) HMLC_MUST_USE;
/* Appends; a sink of hmlc_weights_write. */
hmlc_status hmlc_file_write(void *context, const void *data, size_t bytes) HMLC_MUST_USE;
/* Appends what another file holds. */
hmlc_status hmlc_file_copy(hmlc_atomic_file *f, int from, uint64_t offset,
                           uint64_t bytes) HMLC_MUST_USE;
/* Now it is there. */
hmlc_status hmlc_file_commit(hmlc_atomic_file *f) HMLC_MUST_USE;
/* In any state; without a commit nothing is left. */
void hmlc_file_close(hmlc_atomic_file *f);
/* A diagnostic about the file, with errno's words. */
hmlc_status hmlc_file_error(const hmlc_atomic_file *f, const char *doing);

#endif

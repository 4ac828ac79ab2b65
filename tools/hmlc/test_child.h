/* SPDX-License-Identifier: Apache-2.0 */
/* A child process with a place for one artifact, a log and a time limit, for `hmlc test`. */
#ifndef HMLC_TEST_CHILD_H
#define HMLC_TEST_CHILD_H

#include <stdbool.h>
#include <stddef.h>

typedef struct test_child {
    int (*body)(void *context, char *artifact); /* runs in the child; its result is the status */
    void *context;
    unsigned limit; /* seconds until SIGALRM */
    int log;        /* what the child printed */
} test_child;

/*
 * Runs the child to its end and removes its files. False with the reason in `text` when there is no
 * place or process for it. A signal that ends programs kills the child first, removes its files,
 * and then ends this process.
 */
bool hmlc_test_child_run(test_child *child, int *wait_status, char *text, size_t bytes);

/* Copies the log to stderr where it is wanted, and releases it. */
void hmlc_test_child_end(test_child *child, bool print_log);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a test's program asks of the machine it runs on: an operating system, or a board under an
 * emulator. */
#ifndef OBJECT_TEST_HOST_H
#define OBJECT_TEST_HOST_H

#include <stddef.h>
#include <stdint.h>

/* A whole file of the current folder; a failure ends the program. */
void host_read(const char *name, void *data, size_t bytes);
void host_write(const char *name, const void *data, size_t bytes);
/* "word number" on a line of its own. */
void host_say(const char *word, unsigned long number);
/* Instructions, where the machine counts them; else 0. Wraps at 24 bits. */
uint32_t host_ticks(void);
/* main of every machine calls it; its exit status. */
int object_test_main(void);

#endif

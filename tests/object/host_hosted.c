/* SPDX-License-Identifier: Apache-2.0 */
/* An operating system. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>

static FILE *open_file(const char *name, const char *mode)
{
    FILE *file = fopen(name, mode);
    if (file == NULL) {
        perror(name);
        exit(90);
    }
    return file;
}

void host_read(const char *name, void *data, size_t bytes)
{
    FILE *file = open_file(name, "rb");
    if (fread(data, 1, bytes, file) != bytes || fclose(file) != 0) {
        exit(91);
    }
}

void host_write(const char *name, const void *data, size_t bytes)
{
    FILE *file = open_file(name, "wb");
    if (fwrite(data, 1, bytes, file) != bytes || fclose(file) != 0) {
        exit(92);
    }
}

void host_say(const char *word, unsigned long number)
{
    printf("%s %lu\n", word, number);
}

uint32_t host_ticks(void)
{
    return 0;
}

int main(void)
{
    return object_test_main();
}

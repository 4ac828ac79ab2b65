/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over files and folders of them, each also truncated at every length up to 256
 * and with some bytes changed, so that ordinary builds pass over the corpus without libFuzzer.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static size_t inputs;

/* In memory of exactly this size, aligned as malloc does. */
static void feed(const uint8_t *data, size_t bytes)
{
    uint8_t *copy = malloc(bytes == 0 ? 1 : bytes);
    if (copy == NULL) {
        exit(1);
    }
    memcpy(copy, data, bytes);
    (void)LLVMFuzzerTestOneInput(copy, bytes);
    free(copy);
    inputs++;
}

static void feed_variations(uint8_t *data, size_t bytes)
{
    feed(data, bytes);
    for (size_t length = 0; length < bytes && length < 256; length++) {
        feed(data, length);
    }
    uint32_t random = 1;
    for (int i = 0; i < 512 && bytes > 0; i++) {
        random = random * UINT32_C(1664525) + UINT32_C(1013904223);
        size_t at = (random >> 8) % bytes;
        uint8_t old = data[at];
        data[at] = (uint8_t)(i % 3 == 0 ? 0xff : old ^ 1 << (random >> 4) % 8);
        feed(data, bytes);
        data[at] = old;
    }
}

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat state;
    if (file == NULL || fstat(fileno(file), &state) != 0) {
        fprintf(stderr, "%s cannot be read\n", path);
        return 1;
    }
    size_t bytes = (size_t)state.st_size;
    uint8_t *data = malloc(bytes + 1);
    int failed = data == NULL || fread(data, 1, bytes, file) != bytes;
    fclose(file);
    if (!failed) {
        feed_variations(data, bytes);
    }
    free(data);
    return failed;
}

static int replay(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return replay_file(path);
    }
    int failed = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char name[4096];
        int length = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && length > 0 && (size_t)length < sizeof name) {
            failed |= replay_file(name);
        }
    }
    closedir(folder);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        failed |= replay(argv[i]);
    }
    printf("%zu inputs\n", inputs);
    return failed || inputs == 0;
}

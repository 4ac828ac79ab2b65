/* SPDX-License-Identifier: Apache-2.0 */
#include "golden_file.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char separator[] = "# ----\n";

static bool is_golden(const char *name)
{
    const char *end = strrchr(name, '.');
    return end != NULL && strcmp(end, ".hir") == 0;
}

/* The whole file and a zero behind it; freed by the caller. */
static char *read_text(const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size > 0);
    assert_int_equal(fseek(file, 0, SEEK_SET), 0);
    char *text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    fclose(file);
    return text;
}

static uint32_t count_lines(const char *from, const char *to)
{
    uint32_t lines = 0;
    for (; from < to; from++) {
        lines += *from == '\n' ? 1 : 0;
    }
    return lines;
}

/* The next separator that is a line of its own; NULL at the end. */
static char *find_separator(char *text)
{
    char *found = strstr(text, separator);
    while (found != NULL && found != text && found[-1] != '\n') {
        found = strstr(found + 1, separator);
    }
    return found;
}

static uint32_t visit_file(const char *name, char *text, golden_visit *visit, void *context)
{
    uint32_t count = 0, line = 1;
    while (text != NULL) {
        char *end = find_separator(text);
        char *next = end != NULL ? end + strlen(separator) : NULL;
        uint32_t lines = next != NULL ? count_lines(text, next) : 0;
        if (end != NULL) {
            *end = '\0';
        }
        visit(context, &(golden_module){.file = name, .line = line, .text = text});
        count++;
        line += lines;
        text = next;
    }
    return count;
}

uint32_t golden_visit_folder(const char *folder, golden_visit *visit, void *context)
{
    uint32_t count = 0;
    DIR *files = opendir(folder);
    assert_non_null(files);
    for (const struct dirent *entry = readdir(files); entry != NULL; entry = readdir(files)) {
        if (is_golden(entry->d_name)) {
            char *text = read_text(folder, entry->d_name);
            count += visit_file(entry->d_name, text, visit, context);
            free(text);
        }
    }
    closedir(files);
    return count;
}

bool golden_next_line(const char **cursor, const char *start, char *rest, size_t size)
{
    size_t length = strlen(start);
    for (const char *line = *cursor; *line != '\0';) {
        size_t end = strcspn(line, "\n");
        const char *next = line + end + (line[end] == '\n' ? 1 : 0);
        if (end >= length && strncmp(line, start, length) == 0) {
            assert_true(end - length < size);
            memcpy(rest, line + length, end - length);
            rest[end - length] = '\0';
            *cursor = next;
            return true;
        }
        line = next;
    }
    return false;
}

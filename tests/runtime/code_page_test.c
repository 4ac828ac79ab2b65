/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How code comes into memory on systems with other pages than this one, and on systems without
 * sealed memory or without executable memory at all. Calls of the system go through the wrappers
 * below, which answer as another system would.
 */
#define _GNU_SOURCE /* syscall */
#include "runtime_test.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* -- another system ---------------------------------------------------------------------------- */

static long page_bytes;      /* 0: as it is */
static bool no_memory_files; /* an old kernel, or Android */
static bool no_new_code;     /* a policy: what was written never becomes executable */

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */
long __real_sysconf(int name);
long __wrap_sysconf(int name);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __real_mprotect(void *address, size_t bytes, int protection);
int __wrap_mprotect(void *address, size_t bytes, int protection);

long __wrap_sysconf(int name)
{
    return name == _SC_PAGESIZE && page_bytes != 0 ? page_bytes : __real_sysconf(name);
}

/* Only memory files and futexes come this way: up to six words. */
long __wrap_syscall(long number, ...)
{
    if (number == SYS_memfd_create && no_memory_files) {
        errno = ENOSYS;
        return -1;
    }
    va_list list;
    long words[6];
    va_start(list, number);
    for (int k = 0; k < 6; k++) {
        words[k] = va_arg(list, long);
    }
    va_end(list);
    return __real_syscall(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

int __wrap_mprotect(void *address, size_t bytes, int protection)
{
    if (no_new_code && (protection & PROT_EXEC) != 0) {
        errno = EACCES;
        return -1;
    }
    return __real_mprotect(address, bytes, protection);
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* -- what lies in memory ----------------------------------------------------------------------- */

/* Mappings of this process that hold code of an artifact, by where it comes from. */
typedef struct code_places {
    uint32_t anonymous, sealed, file;
    uint32_t writable; /* of all: none may be */
} code_places;

static code_places find_code(const char *path)
{
    code_places found = {0};
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        char rights[8] = "", name[256] = "";
        if (sscanf(line, "%*s %7s %*s %*s %*s %255s", rights, name) < 1 || rights[2] != 'x') {
            continue;
        }
        found.anonymous += name[0] == '\0' ? 1 : 0;
        found.sealed += strstr(name, "hml-code") != NULL ? 1 : 0;
        found.file += path != NULL && strcmp(name, path) == 0 ? 1 : 0;
        found.writable += rights[1] == 'w' ? 1 : 0;
    }
    (void)fclose(maps);
    return found;
}

static void assert_places(const char *path, code_places before, code_places more)
{
    code_places now = find_code(path);
    assert_int_equal(now.anonymous - before.anonymous, more.anonymous);
    assert_int_equal(now.sealed - before.sealed, more.sealed);
    assert_int_equal(now.file - before.file, more.file);
    assert_int_equal(now.writable, 0);
}

static void runs(hml_model *model)
{
    hml_session *session = NULL;
    assert_int_equal(hml_session_create(model, NULL, &session), HML_OK);
    float x[8] = {1, 2, 3, 40}, y[8] = {1, 2, 3, 4};
    hml_tensor tensors[] = {f32_matrix(x, 2, 4), f32_matrix(y, 2, 4)}, z;
    for (uint32_t k = 0; k < 2; k++) {
        assert_ok(hml_bind_input(session, k, &tensors[k]), session);
    }
    assert_ok(hml_run(session), session);
    assert_int_equal(hml_session_output(session, 0, &z), HML_OK);
    assert_float_equal(((const float *)z.data)[3], 88.0F, 0);
    hml_session_destroy(session);
}

/* -- the cases --------------------------------------------------------------------------------- */

typedef struct page_case {
    long system;     /* bytes of its pages */
    uint32_t layout; /* of the image's; 0: the record does not say */
    bool no_memory_files, no_new_code;
    code_places places; /* nowhere: it is refused */
} page_case;

#define KIB (1 << 10)

static const page_case memory_cases[] = {
    {4 * KIB, 0, false, false, {.sealed = 1}},
    {4 * KIB, 16 * KIB, false, false, {.sealed = 1}},
    {16 * KIB, 16 * KIB, false, false, {.sealed = 1}},
    {64 * KIB, 64 * KIB, false, false, {.sealed = 1}},
    {16 * KIB, 0, false, false, {.anonymous = 1}},
    {64 * KIB, 0, false, false, {.anonymous = 1}},
    {64 * KIB, 16 * KIB, false, false, {.anonymous = 1}},
    {4 * KIB, 0, true, false, {.anonymous = 1}},
    {16 * KIB, 16 * KIB, true, false, {.anonymous = 1}},
    {4 * KIB, 0, false, true, {.sealed = 1}},
    {4 * KIB, 0, true, true, {0}},
    {64 * KIB, 16 * KIB, false, true, {0}},
};

static const page_case file_cases[] = {
    {4 * KIB, 0, false, false, {.file = 1}},
    {4 * KIB, 0, true, true, {.file = 1}},
    {16 * KIB, 16 * KIB, true, true, {.file = 1}},
    {64 * KIB, 64 * KIB, true, true, {.file = 1}},
    {16 * KIB, 0, false, false, {.anonymous = 1}},
    {64 * KIB, 16 * KIB, false, false, {.anonymous = 1}},
    {64 * KIB, 16 * KIB, false, true, {0}},
};

static void become(const page_case *test)
{
    page_bytes = test->system;
    no_memory_files = test->no_memory_files;
    no_new_code = test->no_new_code;
}

/* Opens `data`, or the file at `path`. */
static void check_case(const page_case *test, const char *path, const uint8_t *data, size_t bytes)
{
    const bool refused = test->places.anonymous + test->places.sealed + test->places.file == 0;
    hml_model *model = NULL;
    char message[256] = "";
    const hml_open_options options = {
        .struct_bytes = sizeof options, .message = message, .message_bytes = sizeof message};
    code_places before = find_code(path);
    become(test);
    hml_status status = path != NULL ? hml_model_open(path, &options, &model)
                                     : hml_model_open_memory(data, bytes, &options, &model);
    assert_places(path, before, test->places);
    if (refused) {
        assert_int_equal(status, HML_ERROR_code_mapping);
        assert_int_equal(hml_status_describe(status)->exit_class, 5);
        assert_non_null(strstr(message, "code cannot be mapped"));
    } else {
        assert_int_equal(status, HML_OK);
        runs(model);
        hml_model_release(model);
    }
    become(&(page_case){0});
    assert_places(path, before, (code_places){0});
}

static uint8_t *build(const page_case *test, uint64_t padding, size_t *bytes)
{
    artifact_builder b;
    build_sum(&b);
    b.page = test->layout;
    b.padding = padding;
    b.alignment = padding != 0 ? HML_MAPPED_ALIGNMENT : 0;
    uint8_t *data = build_artifact(&b, bytes);
    assert_non_null(data);
    return data;
}

static void code_in_memory(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof memory_cases / sizeof memory_cases[0]; k++) {
        size_t bytes = 0;
        uint8_t *data = build(&memory_cases[k], 0, &bytes);
        check_case(&memory_cases[k], NULL, data, bytes);
        free(data);
    }
}

static void code_in_files(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof file_cases / sizeof file_cases[0]; k++) {
        char path[] = "/tmp/hml-pages-XXXXXX";
        size_t bytes = 0;
        uint8_t *data = build(&file_cases[k], 3 << 20, &bytes); /* large enough to be mapped */
        int file = mkstemp(path);
        assert_int_equal(write(file, data, bytes), (ssize_t)bytes);
        (void)close(file);
        check_case(&file_cases[k], path, NULL, 0);
        assert_int_equal(unlink(path), 0);
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_in_memory),
        cmocka_unit_test(code_in_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

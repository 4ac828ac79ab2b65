/* SPDX-License-Identifier: Apache-2.0 */
/* What a load says when the system refuses: no descriptors, no executable memory files, no address
 * space. Each in a child process, which its limits do not outlive. */
#define _DEFAULT_SOURCE
#include "runtime_test.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Sanitizers need address space and calls of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

typedef struct expected {
    hml_status status;
    const char *text; /* in the message */
} expected;

static uint8_t *artifact;
static size_t artifact_bytes;
static char path[] = "/tmp/hml-limits-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    artifact_builder b;
    build_sum(&b);
    b.padding = 3 << 20; /* large enough to be mapped */
    b.alignment = HML_MAPPED_ALIGNMENT;
    artifact = build_artifact(&b, &artifact_bytes);
    int file = mkstemp(path);
    bool good = artifact != NULL && file >= 0 &&
                write(file, artifact, artifact_bytes) == (ssize_t)artifact_bytes;
    (void)close(file);
    return good ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    free(artifact);
    return unlink(path);
}

static bool open_says(bool from_memory, expected wanted)
{
    char message[256] = "";
    const hml_open_options options = {
        .struct_bytes = sizeof options, .message = message, .message_bytes = sizeof message};
    hml_model *model = NULL;
    hml_status status = from_memory
                            ? hml_model_open_memory(artifact, artifact_bytes, &options, &model)
                            : hml_model_open(path, &options, &model);
    hml_model_release(model);
    bool good = status == wanted.status && strstr(message, wanted.text) != NULL;
    if (!good) {
        (void)fprintf(stderr, "status %d: %s\n", (int)status, message);
    }
    return good;
}

/* `body` in a child. */
static void in_child(bool (*body)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(body() ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static bool limit(int resource, rlim_t value)
{
    const struct rlimit both = {value, value};
    return setrlimit(resource, &both) == 0;
}

static bool without_descriptors(void)
{
    int next = dup(STDERR_FILENO); /* the first that is free: from there on there are none */
    (void)close(next);
    return next > 0 && limit(RLIMIT_NOFILE, (rlim_t)next) &&
           open_says(false, (expected){HML_ERROR_file_unreadable, "too many files open"}) &&
           open_says(true, (expected){HML_OK, ""}); /* its code is copied */
}

/* One descriptor is enough: none is kept. */
static bool with_one_descriptor(void)
{
    int next = dup(STDERR_FILENO);
    (void)close(next);
    bool good = next > 0 && limit(RLIMIT_NOFILE, (rlim_t)next + 1);
    for (int k = 0; k < 3; k++) {
        good = good && open_says(false, (expected){HML_OK, ""}) &&
               open_says(true, (expected){HML_OK, ""});
    }
    return good;
}

/* As vm.memfd_noexec=2 does. */
static bool without_memory_files(void)
{
    struct sock_filter rows[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof rows / sizeof rows[0], rows};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
           open_says(true, (expected){HML_OK, ""}) && /* its code is copied */
           open_says(false, (expected){HML_OK, ""});  /* its code is mapped from the file */
}

/* Mapping fails, and so does memory to read the file into. */
static bool without_address_space(void)
{
    return limit(RLIMIT_AS, 1 << 20) &&
           open_says(false, (expected){HML_ERROR_out_of_memory, "bytes"}) &&
           open_says(true, (expected){HML_ERROR_code_mapping, "code cannot be mapped"});
}

static void refusals_are_named(void **state)
{
    (void)state;
    in_child(without_descriptors);
    in_child(with_one_descriptor);
    if (!SANITIZED) {
        in_child(without_memory_files);
        in_child(without_address_space);
    }
}

static hml_session *forked;

static bool runs(void)
{
    return hml_run(forked) == HML_OK;
}

/* Models and sessions without a pool stay good in the child of a fork. */
static void sessions_survive_fork(void **state)
{
    (void)state;
    hml_model *model = NULL;
    assert_int_equal(hml_model_open(path, NULL, &model), HML_OK);
    assert_int_equal(hml_session_create(model, NULL, &forked), HML_OK);
    float x[8] = {1}, y[8] = {2};
    hml_tensor tensors[] = {f32_matrix(x, 2, 4), f32_matrix(y, 2, 4)}, z;
    for (uint32_t k = 0; k < 2; k++) {
        assert_ok(hml_bind_input(forked, k, &tensors[k]), forked);
    }
    in_child(runs);
    assert_ok(hml_run(forked), forked);
    in_child(runs);
    assert_int_equal(hml_session_output(forked, 0, &z), HML_OK);
    assert_float_equal(*(const float *)z.data, 6.0F, 0);
    hml_session_destroy(forked);
    hml_model_release(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_are_named),
        cmocka_unit_test(sessions_survive_fork),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

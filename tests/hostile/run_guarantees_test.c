/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hml_run promises, on a compiled model: no system call on one thread, futexes alone with a
 * pool; no allocation and no lock; the same bits on any number of threads; a session in the
 * caller's memory allocates nothing at all.
 *
 *     run_guarantees_test MODEL.onnx
 */
#include "hostile_models.h"

#include <hml/hml.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_TENSORS = 64, BATCH = 4, RUNS = 5, MOST_TRIES = 400 };
enum { SKIPPED = 77 }; /* ctest's SKIP_RETURN_CODE */

/* -- Calls that are counted -------------------------------------------------------------------- */

static _Atomic uint64_t counted;

#define COUNTED(result, name, parameters, arguments)                                               \
    result __real_##name parameters;                                                               \
    result __wrap_##name parameters;                                                               \
    result __wrap_##name parameters                                                                \
    {                                                                                              \
        counted++;                                                                                 \
        return __real_##name arguments;                                                            \
    }
COUNTED(void *, malloc, (size_t a), (a))
COUNTED(void *, calloc, (size_t a, size_t b), (a, b))
COUNTED(void *, realloc, (void *a, size_t b), (a, b))
COUNTED(void *, aligned_alloc, (size_t a, size_t b), (a, b))
COUNTED(int, posix_memalign, (void **a, size_t b, size_t c), (a, b, c))
COUNTED(int, pthread_mutex_lock, (void *a), (a))
COUNTED(int, pthread_cond_wait, (void *a, void *b), (a, b))

void __real_free(void *a);
void __wrap_free(void *a);
void __wrap_free(void *a)
{
    counted++;
    __real_free(a);
}

/* -- A filter that kills the process at any other system call ---------------------------------- */

static bool forbid_calls(void)
{
    struct sock_filter rows[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof rows / sizeof rows[0], rows};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

static bool forbid_futexes(void)
{
    struct sock_filter rows[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {sizeof rows / sizeof rows[0], rows};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

/* -- The model --------------------------------------------------------------------------------- */

static hml_model *model;
static hml_model_info info = {.struct_bytes = sizeof info};
static hml_tensor inputs[MOST_TENSORS], outputs[MOST_TENSORS];
static hml_dim dims[MOST_TENSORS]; /* of the symbols that inputs decide */
static uint32_t dim_count;

#define DEMAND(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static void *memory_of(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 64) / 64 * 64);
    DEMAND(memory != NULL);
    memset(memory, 0, (bytes + 64) / 64 * 64);
    return memory;
}

static void fill(hml_tensor *tensor)
{
    tensor->data = memory_of(tensor->bytes);
    uint8_t *bytes = tensor->data;
    for (size_t k = 0; k < tensor->bytes / 4 && tensor->dtype == HML_F32; k++) {
        float value = (float)((int)(k * 7 % 31) - 15) / 16.0F;
        memcpy(bytes + 4 * k, &value, sizeof value);
    }
}

static hml_session *bind_inputs(hml_session *session)
{
    for (uint32_t k = 0; k < info.input_count; k++) {
        DEMAND(hml_bind_input(session, k, &inputs[k]) == HML_OK);
    }
    return session;
}

static hml_session *create(hml_pool *pool);

/* Inputs for `dims`, or false when the model cannot run with these. */
static bool make_inputs(void)
{
    if (hml_model_shapes(model, dims, dim_count, inputs, outputs, NULL) != HML_OK) {
        return false;
    }
    for (uint32_t k = 0; k < info.input_count; k++) {
        if (inputs[k].bytes > (size_t)64 << 20) {
            return false;
        }
    }
    for (uint32_t k = 0; k < info.input_count; k++) {
        fill(&inputs[k]);
    }
    hml_session *session = create(NULL);
    bool runs = hml_run(session) == HML_OK;
    hml_session_destroy(session);
    for (uint32_t k = 0; k < info.input_count && !runs; k++) {
        free(inputs[k].data);
    }
    return runs;
}

/* Dims that the model runs with: a batch of 4, its smallest ones, else others by turns. */
static bool make_tensors(void)
{
    static const int64_t sizes[] = {1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 512};
    uint64_t random = 1;
    for (uint32_t try = 0; try < MOST_TRIES; try++) {
        dim_count = 0;
        for (uint32_t k = 0; k < info.symbol_count; k++) {
            hml_symbol_info symbol = {.struct_bytes = sizeof symbol};
            DEMAND(hml_model_symbol(model, k, &symbol) == HML_OK);
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            int64_t size =
                try == 0 ? BATCH : sizes[(random >> 33) % (sizeof sizes / sizeof *sizes)];
            if (symbol.run_time == 0 && try != 1 && size >= symbol.minimum &&
                size <= symbol.maximum && size % symbol.multiple == 0) {
                dims[dim_count++] = (hml_dim){symbol.name, size};
            }
        }
        if (make_inputs()) {
            return true;
        }
    }
    return false;
}

/* Ready to be watched: sizes known only while running need one run to be known. */
static void get_ready(hml_session *session)
{
    DEMAND(hml_session_prepare(session) == HML_OK);
    DEMAND(info.growable == 0 || hml_run(session) == HML_OK);
}

static hml_session *create(hml_pool *pool)
{
    hml_session *session = NULL;
    const hml_session_options options = {.struct_bytes = sizeof options, .pool = pool};
    DEMAND(hml_session_create(model, &options, &session) == HML_OK);
    return bind_inputs(session);
}

/* -- The promises ------------------------------------------------------------------------------ */

static void run_watched(hml_session *session, bool futexes)
{
    get_ready(session);
    (void)usleep(futexes ? 200000 : 0); /* the C library starts threads with calls of its own */
    DEMAND(futexes || forbid_futexes());
    DEMAND(forbid_calls());
    bool good = true;
    for (int k = 0; k < RUNS; k++) {
        good = good && hml_run(session) == HML_OK;
    }
    _exit(good ? 0 : 1); /* exit_group alone */
}

static void makes_no_system_call(uint32_t threads)
{
    pid_t child = fork();
    DEMAND(child >= 0);
    if (child == 0) {
        hml_pool *pool = NULL;
        const hml_pool_options options = {.struct_bytes = sizeof options, .threads = threads};
        DEMAND(threads == 1 || hml_pool_create(&options, &pool) == HML_OK);
        run_watched(create(pool), threads > 1);
    }
    int status = 0;
    DEMAND(waitpid(child, &status, 0) == child);
    if (status != 0) { /* the filter killed it, or a run failed */
        fprintf(stderr, "%u threads: wait status %d\n", threads, status);
    }
    DEMAND(status == 0);
}

static void allocates_and_locks_nothing(uint32_t threads)
{
    hml_pool *pool = NULL;
    const hml_pool_options options = {.struct_bytes = sizeof options, .threads = threads};
    DEMAND(hml_pool_create(&options, &pool) == HML_OK);
    hml_session *session = create(pool);
    get_ready(session);
    uint64_t before = counted;
    for (int k = 0; k < RUNS; k++) {
        DEMAND(hml_run(session) == HML_OK);
    }
    DEMAND(counted == before);
    hml_session_destroy(session);
    hml_pool_release(pool);
}

static void bits_are_the_same(uint32_t threads)
{
    hml_pool *pool = NULL;
    const hml_pool_options options = {.struct_bytes = sizeof options, .threads = threads};
    DEMAND(hml_pool_create(&options, &pool) == HML_OK);
    hml_session *session = create(pool);
    for (int k = 0; k < RUNS; k++) {
        DEMAND(hml_run(session) == HML_OK);
        for (uint32_t i = 0; i < info.output_count; i++) {
            hml_tensor found;
            DEMAND(hml_session_output(session, i, &found) == HML_OK);
            DEMAND(outputs[i].bytes == 0 || found.bytes == outputs[i].bytes);
            if (outputs[i].data == NULL) {
                outputs[i].bytes = found.bytes;
                outputs[i].data = memory_of(found.bytes);
                memcpy(outputs[i].data, found.data, found.bytes);
            }
            DEMAND(memcmp(outputs[i].data, found.data, found.bytes) == 0);
        }
    }
    hml_session_destroy(session);
    hml_pool_release(pool);
}

/* Given dims, memory and bound outputs: from init to the last run. */
static void the_callers_memory_is_enough(void)
{
    hml_session_options options = {
        .struct_bytes = sizeof options, .dims = dims, .dim_count = dim_count, .fixed = 1};
    size_t bytes = 0;
    DEMAND(hml_session_size(model, &options, &bytes) == HML_OK);
    void *memory = memory_of(bytes), *result[MOST_TENSORS];
    for (uint32_t k = 0; k < info.output_count; k++) {
        result[k] = memory_of(outputs[k].bytes);
    }
    hml_session *session = NULL;
    uint64_t before = counted;
    options.memory = memory;
    options.memory_bytes = bytes - 1;
    DEMAND(hml_session_create(model, &options, &session) == HML_ERROR_session_memory);
    options.memory_bytes = bytes;
    DEMAND(hml_session_create(model, &options, &session) == HML_OK);
    (void)bind_inputs(session);
    for (uint32_t k = 0; k < info.output_count; k++) {
        DEMAND(hml_bind_output(session, k, result[k], outputs[k].bytes) == HML_OK);
    }
    DEMAND(hml_run(session) == HML_OK);
    hml_session_destroy(session);
    DEMAND(counted == before);
    for (uint32_t k = 0; k < info.output_count; k++) {
        DEMAND(memcmp(result[k], outputs[k].data, outputs[k].bytes) == 0);
        free(result[k]);
    }
    free(memory);
}

int main(int argc, char **argv)
{
    size_t bytes = 0;
    if (argc == 2 && access(argv[1], R_OK) != 0) {
        printf("skipped: no model at %s\n", argv[1]);
        return SKIPPED;
    }
    unsetenv("HML_VARIANT");
    uint8_t *data = argc == 2 ? hostile_artifact_of(argv[1], &bytes) : NULL;
    if (data == NULL) {
        return SKIPPED; /* the compiler said why */
    }
    char message[256] = "";
    const hml_open_options options = {
        .struct_bytes = sizeof options, .message = message, .message_bytes = sizeof message};
    if (hml_model_open_memory(data, bytes, &options, &model) != HML_OK) {
        fprintf(stderr, "%s\n", message);
        return 1;
    }
    DEMAND(hml_model_describe(model, &info) == HML_OK);
    DEMAND(info.input_count <= MOST_TENSORS && info.output_count <= MOST_TENSORS &&
           info.symbol_count <= MOST_TENSORS);
    if (!make_tensors()) {
        fprintf(stderr, "no dims that %s runs with\n", argv[1]);
        return 1;
    }
    for (uint32_t threads = 1; threads <= 4; threads *= 2) {
        bits_are_the_same(threads);
        allocates_and_locks_nothing(threads);
        makes_no_system_call(threads);
    }
    if (info.growable == 0) {
        the_callers_memory_is_enough();
    }
    for (uint32_t k = 0; k < info.input_count; k++) {
        free(inputs[k].data);
    }
    for (uint32_t k = 0; k < info.output_count; k++) {
        free(outputs[k].data);
    }
    hml_model_release(model);
    free(data);
    printf("all promises hold for %s\n", argv[1]);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Artifacts whose header, tables and programs were changed and whose checksums were computed anew:
 * opened, given a session, inputs and outputs, and run. Each is refused or runs without touching
 * anything but its own memory, which lies between inaccessible pages; the file and the inputs may
 * not be written at all. Every byte of every output is read whatever the run says. A case that
 * crashes, hangs or writes outside is printed and counted, and
 * the next one goes on in a new process.
 *
 *     altered_program_test [--count N] [--first K]
 */
#include "alterations.h"
#include "artifact_builder.h"
#include "guarded_memory.h"
#include "hostile_models.h"
#include "reform_artifact.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* As the compiler writes them, then in the forms of other versions. */
enum { ARTIFACTS = HOSTILE_MODEL_COUNT * (1 + ARTIFACT_FORMS) };

enum { DEADLINE = 500 * 1000 * 1000 }; /* of a run, nanoseconds */
enum { SECONDS_PER_CASE = 5, MOST_INPUTS = 8, HEAP_LIMIT = 64 << 20, FAILURES_SHOWN = 20 };

/* What the working process tells the one that watches it. */
typedef struct progress {
    uint64_t current;
    char text[1024];
    uint64_t refused_open, refused_session, refused_inputs, refused_run, completed;
    uint64_t bytes_read, sum; /* of outputs; the sum keeps the reads */
    uint32_t damaged;
} progress;

typedef struct artifact {
    uint8_t *data;
    size_t bytes;
} artifact;

static artifact artifacts[ARTIFACTS];
static progress *shared;

/* -- Inputs that the unaltered models take ----------------------------------------------------- */

typedef struct bound_inputs {
    void *memory[MOST_INPUTS];
    size_t bytes[MOST_INPUTS];
    uint32_t count;
} bound_inputs;

static void fill(uint8_t *data, const hml_tensor *tensor)
{
    for (size_t k = 0; k + sizeof(float) <= tensor->bytes && tensor->dtype == HML_F32; k += 4) {
        float value = (float)((int)(k / 4 % 9) - 3);
        memcpy(data + k, &value, sizeof value);
    }
    if (tensor->dtype == HML_I64) {
        for (size_t k = 0; k < tensor->bytes / 8; k++) {
            int64_t value = (int64_t)(k % 3);
            memcpy(data + k * 8, &value, sizeof value);
        }
    }
    if (tensor->dtype == HML_BOOL) {
        memset(data, 1, tensor->bytes);
    }
}

static hml_status bind(guarded_heap *heap, hml_session *session, uint32_t index, hml_tensor tensor,
                       bound_inputs *inputs)
{
    void *memory = guarded_allocate(heap, tensor.bytes);
    if (memory == NULL) {
        return HML_ERROR_out_of_memory;
    }
    fill(memory, &tensor);
    guarded_freeze(memory, tensor.bytes);
    inputs->memory[inputs->count] = memory;
    inputs->bytes[inputs->count++] = tensor.bytes;
    tensor.data = memory;
    return hml_bind_input(session, index, &tensor);
}

/* For as many of the dims as there are. */
static hml_status find_shapes(const hml_model *model, int64_t batch, hml_tensor *inputs,
                              hml_tensor *outputs)
{
    const hml_dim dims[] = {{"batch", batch}, {"n", batch}};
    hml_status status = HML_ERROR_symbol_unknown;
    for (uint32_t count = 3; count > 0 && status != HML_OK; count--) {
        status = hml_model_shapes(model, dims, count - 1, inputs, outputs, NULL);
    }
    return status;
}

/* Shapes as the altered model itself tells them, for batches of `batch`. */
static hml_status bind_inputs(guarded_heap *heap, const hml_model *model, hml_session *session,
                              int64_t batch, bound_inputs *inputs)
{
    hml_model_info info = {.struct_bytes = sizeof info};
    (void)!hml_model_describe(model, &info);
    hml_tensor *shapes = calloc(info.input_count + 1U, sizeof *shapes);
    hml_status status =
        shapes != NULL ? find_shapes(model, batch, shapes, NULL) : HML_ERROR_out_of_memory;
    for (uint32_t k = 0; k < info.input_count && k < MOST_INPUTS && status == HML_OK; k++) {
        status = bind(heap, session, k, shapes[k], inputs);
    }
    free(shapes);
    return status;
}

static void release_inputs(guarded_heap *heap, bound_inputs *inputs)
{
    for (uint32_t k = 0; k < inputs->count; k++) {
        guarded_release(heap, inputs->memory[k], inputs->bytes[k]);
    }
}

/* -- Outputs ---------------------------------------------------------------------------------- */

/* Reads all that the session tells: what does not lie in its memory ends the case. */
static void read_outputs(const hml_model *model, const hml_session *session)
{
    hml_model_info info = {.struct_bytes = sizeof info};
    (void)!hml_model_describe(model, &info);
    for (uint32_t k = 0; k < info.output_count; k++) {
        hml_tensor tensor;
        if (hml_session_output(session, k, &tensor) != HML_OK) {
            continue;
        }
        const volatile uint8_t *bytes = tensor.data;
        for (size_t i = 0; i < tensor.bytes; i++) {
            shared->sum += bytes[i];
        }
        shared->bytes_read += tensor.bytes;
    }
}

/* -- One case ---------------------------------------------------------------------------------- */

static hml_status run_twice(guarded_heap *heap, const hml_model *model, hml_session *session)
{
    hml_status status = HML_OK;
    for (int64_t batch = 3; batch >= 2 && status == HML_OK; batch--) {
        bound_inputs inputs = {.count = 0};
        status = bind_inputs(heap, model, session, batch, &inputs);
        if (status != HML_OK) {
            shared->refused_inputs++;
        } else {
            /* An altered step may well jump back for ever: a host that fears that sets a deadline.
             */
            (void)hml_session_stop(session, DEADLINE);
            status = hml_run(session);
            *(status == HML_OK ? &shared->completed : &shared->refused_run) += 1;
        }
        read_outputs(model, session);
        release_inputs(heap, &inputs);
    }
    return status;
}

/* Outputs of the size that the altered model asks for, bound in memory of their own. */
static void run_bound(guarded_heap *heap, const hml_model *model, hml_session *session)
{
    hml_model_info info = {.struct_bytes = sizeof info};
    (void)!hml_model_describe(model, &info);
    void *memory[MOST_INPUTS] = {NULL};
    size_t bytes[MOST_INPUTS] = {0};
    hml_tensor *shapes = calloc(info.output_count + 1U, sizeof *shapes);
    bool known = shapes != NULL && find_shapes(model, 3, NULL, shapes) == HML_OK;
    for (uint32_t k = 0; k < info.output_count && k < MOST_INPUTS && known; k++) {
        bytes[k] = shapes[k].bytes == 0 ? 384 : shapes[k].bytes;
        memory[k] = guarded_allocate(heap, bytes[k]);
        if (memory[k] != NULL) {
            (void)!hml_bind_output(session, k, memory[k], bytes[k]);
        }
    }
    free(shapes);
    (void)run_twice(heap, model, session);
    for (uint32_t k = 0; k < MOST_INPUTS; k++) { /* half of the memory, until the next run */
        if (memory[k] != NULL) {
            (void)!hml_bind_output(session, k, memory[k], bytes[k] / 2);
        }
    }
    read_outputs(model, session);
    for (uint32_t k = 0; k < MOST_INPUTS; k++) {
        if (memory[k] != NULL) {
            (void)!hml_bind_output(session, k, NULL, 0);
            guarded_release(heap, memory[k], bytes[k]);
        }
    }
}

static void run_sessions(guarded_heap *heap, hml_model *model, bool bound)
{
    hml_session *session = NULL;
    if (hml_session_create(model, NULL, &session) != HML_OK) {
        shared->refused_session++;
        return;
    }
    if (bound) {
        run_bound(heap, model, session);
    } else {
        (void)run_twice(heap, model, session);
    }
    hml_session_destroy(session);
}

static void run_case(uint64_t number, bool alter)
{
    const artifact *from = &artifacts[number % ARTIFACTS];
    guarded_heap heap = {.limit = HEAP_LIMIT};
    alteration_random random = {number * UINT64_C(0x9e3779b97f4a7c15) + 1};
    uint8_t *data = guarded_allocate(&heap, from->bytes);
    if (data == NULL) {
        _exit(2);
    }
    memcpy(data, from->data, from->bytes);
    shared->current = number;
    if (alter) {
        alteration_apply(&random, from->data, data, shared->text, sizeof shared->text);
        (void)reseal_artifact(data, from->bytes);
    }
    guarded_freeze(data, from->bytes);
    (void)alarm(SECONDS_PER_CASE);
    hml_allocator allocator = guarded_allocator(&heap);
    hml_open_options options = {.struct_bytes = sizeof options, .allocator = &allocator};
    hml_model *model = NULL;
    if (hml_model_open_memory(data, from->bytes, &options, &model) == HML_OK) {
        run_sessions(&heap, model, alteration_next(&random, 2) == 0);
        hml_model_release(model);
    } else {
        shared->refused_open++;
    }
    (void)alarm(0);
    guarded_release(&heap, data, from->bytes);
    if (heap.damaged || heap.used != 0) {
        shared->damaged++;
        _exit(3);
    }
}

/* -- The watching process ---------------------------------------------------------------------- */

static int watch(uint64_t first, uint64_t end)
{
    uint32_t failures = 0;
    while (first < end) {
        (void)fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            for (uint64_t number = first; number < end; number++) {
                run_case(number, true);
            }
            _exit(0);
        }
        int status = 0;
        if (child < 0 || waitpid(child, &status, 0) != child) {
            return 2;
        }
        if (status == 0) {
            break;
        }
        failures++;
        if (failures <= FAILURES_SHOWN) {
            printf("FAILED: case %llu (%s): %s %d\n", (unsigned long long)shared->current,
                   shared->text, WIFSIGNALED(status) ? "signal" : "status",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        }
        first = shared->current + 1;
    }
    printf("%llu refused on opening, %llu sessions, %llu inputs, %llu runs; %llu runs completed, "
           "%llu bytes of outputs read; %u cases failed\n",
           (unsigned long long)shared->refused_open, (unsigned long long)shared->refused_session,
           (unsigned long long)shared->refused_inputs, (unsigned long long)shared->refused_run,
           (unsigned long long)shared->completed, (unsigned long long)shared->bytes_read, failures);
    return failures == 0 ? 0 : 1;
}

/* The unaltered models run in guarded memory; else the cases show nothing. */
static bool unaltered_models_run(void)
{
    for (uint64_t number = 0; number < ARTIFACTS; number++) {
        run_case(number, false);
    }
    return shared->completed == 2 * ARTIFACTS;
}

/* -- Where kernels start ----------------------------------------------------------------------- */

static const hml_section_record *section_of(const uint8_t *data, uint32_t kind)
{
    const hml_file_header *header = (const void *)data;
    const hml_section_record *sections = (const void *)(data + header->section_table_offset);
    uint32_t k = 0;
    while (sections[k].kind != kind) { /* the compiler writes one of each */
        k++;
    }
    return &sections[k];
}

static hml_status open_with_entry(const artifact *from, uint8_t *data, uint32_t kernel,
                                  uint64_t entry)
{
    const hml_section_record *section = section_of(from->data, HML_SECTION_PROGRAM);
    const hml_program_record *program = (const void *)(from->data + section->offset);
    uint8_t *place =
        data + section->offset + program->kernels.offset + kernel * sizeof(hml_kernel_record);
    memcpy(data, from->data, from->bytes);
    memcpy(place + offsetof(hml_kernel_record, entry), &entry, sizeof entry);
    (void)reseal_artifact(data, from->bytes);
    hml_model *model = NULL;
    hml_status status = hml_model_open_memory(data, from->bytes, NULL, &model);
    hml_model_release(model);
    return status;
}

/* A kernel's entry moved to another kernel's, to nearby bytes and to any others in the code. */
static bool kernel_entries_hold(const artifact *from, uint8_t *data, uint32_t kernel)
{
    const hml_section_record *program_section = section_of(from->data, HML_SECTION_PROGRAM);
    const hml_section_record *code_section = section_of(from->data, HML_SECTION_CODE);
    const hml_program_record *program = (const void *)(from->data + program_section->offset);
    const hml_code_record *code = (const void *)(from->data + code_section->offset);
    const hml_kernel_record *kernels =
        (const void *)((const uint8_t *)program + program->kernels.offset);
    uint64_t own = kernels[kernel].entry;
    bool good = open_with_entry(from, data, kernel, own) == HML_OK;
    for (uint32_t k = 0; k < program->kernels.count; k++) {
        good = good && (k == kernel || open_with_entry(from, data, kernel, kernels[k].entry) ==
                                           HML_ERROR_kernel_invalid);
    }
    alteration_random random = {kernel};
    for (uint32_t k = 1; k <= 64; k++) {
        uint64_t any = alteration_next(&random, (uint32_t)code->text_bytes);
        good = good && open_with_entry(from, data, kernel, own + k) == HML_ERROR_kernel_invalid &&
               open_with_entry(from, data, kernel, own - k) == HML_ERROR_kernel_invalid &&
               (any == own || open_with_entry(from, data, kernel, any) == HML_ERROR_kernel_invalid);
    }
    return good;
}

static bool entries_hold(const artifact *from)
{
    const hml_section_record *section = section_of(from->data, HML_SECTION_PROGRAM);
    const hml_program_record *program = (const void *)(from->data + section->offset);
    uint8_t *data = aligned_alloc(64, (from->bytes + 63) / 64 * 64);
    bool good = data != NULL && program->kernels.count > 1;
    for (uint32_t k = 0; good && k < program->kernels.count; k++) {
        good = kernel_entries_hold(from, data, k);
    }
    free(data);
    return good;
}

/* -- What the code says of itself -------------------------------------------------------------- */

static hml_status open_resealed(uint8_t *data, size_t bytes)
{
    hml_model *model = NULL;
    (void)reseal_artifact(data, bytes);
    hml_status status = hml_model_open_memory(data, bytes, NULL, &model);
    hml_model_release(model);
    return status;
}

/* No field of the code record may have another value. */
static bool code_record_holds(const artifact *from, uint8_t *data)
{
    uint64_t start = section_of(from->data, HML_SECTION_CODE)->offset, own;
    alteration_random random = {7};
    bool good = true;
    for (uint64_t at = 0; at < offsetof(hml_code_record, kernel_abi); at += sizeof own) {
        memcpy(&own, from->data + start + at, sizeof own);
        const uint64_t any = (uint64_t)alteration_next(&random, 1U << 20) * 4096;
        const uint64_t others[] = {0,       4096,    own + 4096, own - 4096,
                                   own * 2, own + 1, UINT64_MAX, any};
        for (size_t k = 0; k < sizeof others / sizeof others[0]; k++) {
            memcpy(data, from->data, from->bytes);
            memcpy(data + start + at, &others[k], sizeof own);
            good = good && (others[k] == own || open_resealed(data, from->bytes) != HML_OK);
        }
    }
    return good;
}

/* Nor may program and code agree on other features than those that the code was made for. */
static bool features_hold(const artifact *from, uint8_t *data)
{
    bool good = true;
    for (uint32_t bit = 0; good && bit < 64; bit++) {
        memcpy(data, from->data, from->bytes);
        const hml_file_header *header = (const void *)data;
        hml_section_record *records = (void *)(data + header->section_table_offset);
        for (uint32_t k = 0; k < header->section_count; k++) {
            records[k].required_features ^= UINT64_C(1) << bit;
        }
        good = open_resealed(data, from->bytes) == HML_ERROR_code_invalid;
    }
    return good;
}

static bool code_holds(const artifact *from)
{
    uint8_t *data = aligned_alloc(64, (from->bytes + 63) / 64 * 64);
    bool good = data != NULL && code_record_holds(from, data) && features_hold(from, data);
    free(data);
    return good;
}

static bool make_artifacts(void)
{
    for (uint32_t k = 0; k < ARTIFACTS; k++) {
        artifact *made = &artifacts[k], *model = &artifacts[k % HOSTILE_MODEL_COUNT];
        made->data =
            k < HOSTILE_MODEL_COUNT
                ? hostile_artifact((hostile_model)k, &made->bytes)
                : reform_artifact(model->data, &artifact_forms[k / HOSTILE_MODEL_COUNT - 1],
                                  &made->bytes);
        if (made->data == NULL) {
            return false;
        }
        printf("artifact %u: %zu bytes\n", k, made->bytes);
    }
    return true;
}

int main(int argc, char **argv)
{
    uint64_t count = 20000, first = 0;
    for (int k = 1; k + 1 < argc; k += 2) {
        uint64_t value = strtoull(argv[k + 1], NULL, 10);
        if (strcmp(argv[k], "--count") == 0) {
            count = value;
        } else if (strcmp(argv[k], "--first") == 0) {
            first = value;
        }
    }
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        return 2;
    }
    if (!make_artifacts()) {
        return 2;
    }
    if (!unaltered_models_run()) {
        printf("the unaltered models do not run\n");
        return 2;
    }
    for (uint32_t k = 0; k < HOSTILE_MODEL_COUNT; k++) {
        if (!entries_hold(&artifacts[k])) {
            printf("artifact %u: another entry of a kernel is accepted\n", k);
            return 1;
        }
        if (!code_holds(&artifacts[k])) {
            printf("artifact %u: another code record or other features are accepted\n", k);
            return 1;
        }
    }
    *shared = (progress){0};
    int result = watch(first, first + count);
    for (uint32_t k = 0; k < ARTIFACTS; k++) {
        free(artifacts[k].data);
    }
    return result;
}

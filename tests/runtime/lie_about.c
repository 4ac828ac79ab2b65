/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs an artifact with each word of its model and program tables replaced by lies under recomputed
 * checksums: lie_about MODEL.hml [STRIDE]. Whatever the tables say, kernels in check mode must keep
 * a run within its memory, so the only outcomes are a status and an end. Prints and counts crashes;
 * each is a child process of its own, so that all of them are found.
 */
#define _POSIX_C_SOURCE 200809L
#include "artifact_builder.h"

#include "common/random_tensor.h"
#include "common/tensor_file.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct liar {
    const uint8_t *data; /* the true artifact */
    uint8_t *changed;
    size_t bytes;
    hml_tensor_list inputs; /* fit the true model */
    size_t tried, crashes;
} liar;

static const uint32_t lies[] = {0, 1, 2, 3, 7, 64, 0x7fffffff, 0x80000000U, 0xffffffffU};
enum { LIES = sizeof lies / sizeof lies[0] };

static int make_inputs(liar *l)
{
    hml_model *model = NULL;
    hml_model_info info = {.struct_bytes = sizeof info};
    hml_tool_error error;
    uint64_t seed = 0;
    if (hml_model_open_memory(l->data, l->bytes, NULL, &model) != HML_OK) {
        return 0;
    }
    (void)!hml_model_describe(model, &info);
    l->inputs.tensors = calloc(info.input_count + 1, sizeof *l->inputs.tensors);
    l->inputs.count = info.input_count;
    int good = l->inputs.tensors != NULL;
    hml_tensor *shapes = calloc(info.input_count + 1U, sizeof *shapes);
    good = good && shapes != NULL && hml_model_shapes(model, NULL, 0, shapes, NULL, NULL) == HML_OK;
    for (uint32_t i = 0; good && i < info.input_count; i++) {
        good = hml_tensor_create(shapes[i].dtype, shapes[i].rank, shapes[i].dims, NULL, 0,
                                 &l->inputs.tensors[i], &error) == HML_OK;
        if (good) {
            hml_tensor_randomize(&l->inputs.tensors[i].tensor, &seed);
        }
    }
    free(shapes);
    hml_model_release(model);
    return good;
}

/* In the child. */
static void run_changed(const liar *l)
{
    hml_model *model = NULL;
    hml_session *session = NULL;
    if (hml_model_open_memory(l->changed, l->bytes, NULL, &model) != HML_OK ||
        hml_session_create(model, NULL, &session) != HML_OK) {
        return;
    }
    for (uint32_t i = 0; i < l->inputs.count; i++) {
        if (hml_bind_input(session, i, &l->inputs.tensors[i].tensor) != HML_OK) {
            return;
        }
    }
    (void)!hml_run(session);
}

static void try_lie(liar *l, size_t at, uint32_t lie)
{
    uint32_t truth;
    memcpy(&truth, l->changed + at, sizeof truth);
    if (truth == lie) {
        return;
    }
    memcpy(l->changed + at, &lie, sizeof lie);
    (void)reseal_artifact(l->changed, l->bytes);
    l->tried++;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        /* Long and large runs are no crash: what a table asks for may be much. */
        const struct rlimit seconds = {2, 3};
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CPU, &seconds);
        setrlimit(RLIMIT_CORE, &none);
        run_changed(l);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    int out_of_time =
        WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL);
    if (status != 0 && !out_of_time) {
        printf("byte %zu: %u instead of %u ends with wait status %d\n", at, lie, truth, status);
        l->crashes++;
    }
    memcpy(l->changed + at, &truth, sizeof truth);
}

static void lie_in_section(liar *l, const hml_section_record *section, size_t stride)
{
    for (size_t at = 0; at + 4 <= section->bytes; at += 4 * stride) {
        for (size_t i = 0; i < LIES; i++) {
            try_lie(l, (size_t)section->offset + at, lies[i]);
        }
    }
}

/* The variant that runs here, and the model's tables. */
static void lie_everywhere(liar *l, size_t stride)
{
    hml_model *model = NULL;
    hml_model_info info = {.struct_bytes = sizeof info};
    if (hml_model_open_memory(l->data, l->bytes, NULL, &model) == HML_OK) {
        (void)!hml_model_describe(model, &info);
    }
    hml_model_release(model);
    hml_file_header header;
    memcpy(&header, l->data, sizeof header);
    for (uint32_t i = 0; i < header.section_count; i++) {
        hml_section_record section;
        memcpy(&section, l->data + header.section_table_offset + i * sizeof section,
               sizeof section);
        if (section.kind == HML_SECTION_MODEL ||
            (section.kind == HML_SECTION_PROGRAM && section.variant == info.variant)) {
            lie_in_section(l, &section, stride);
        }
    }
}

int main(int argc, char **argv)
{
    liar l = {0};
    uint8_t *data = NULL;
    hml_tool_error error = {0};
    if (argc < 2 || hml_file_read(argv[1], &data, &l.bytes, &error) != HML_OK) {
        fprintf(stderr, "usage: lie_about MODEL.hml [STRIDE]\n%s\n", error.text);
        return 2;
    }
    uint8_t *truth = aligned_alloc(64, (l.bytes + 63) / 64 * 64);
    l.changed = aligned_alloc(64, (l.bytes + 63) / 64 * 64);
    if (truth == NULL || l.changed == NULL) {
        return 5;
    }
    memcpy(truth, data, l.bytes);
    memcpy(l.changed, data, l.bytes);
    l.data = truth;
    int stride = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 1;
    if (!make_inputs(&l)) {
        fprintf(stderr, "%s does not open\n", argv[1]);
        return 2;
    }
    lie_everywhere(&l, stride > 0 ? (size_t)stride : 1);
    printf("%zu lies, %zu crashes\n", l.tried, l.crashes);
    hml_tensor_list_release(&l.inputs);
    free(l.changed);
    free(truth);
    free(data);
    return l.crashes != 0;
}

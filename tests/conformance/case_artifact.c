/* SPDX-License-Identifier: Apache-2.0 */
#include "case_artifact.h"

#include <hmlc/backends.h>
#include <hmlc/passes.h>
#include <stdio.h>
#include <string.h>

/* Both enumerations in one order of pairs. */
static const struct {
    hmlc_dtype compiler;
    hml_dtype runtime;
} dtypes[] = {
    {HMLC_DTYPE_bool, HML_BOOL}, {HMLC_DTYPE_i8, HML_I8},   {HMLC_DTYPE_i16, HML_I16},
    {HMLC_DTYPE_i32, HML_I32},   {HMLC_DTYPE_i64, HML_I64}, {HMLC_DTYPE_u8, HML_U8},
    {HMLC_DTYPE_u16, HML_U16},   {HMLC_DTYPE_u32, HML_U32}, {HMLC_DTYPE_u64, HML_U64},
    {HMLC_DTYPE_f16, HML_F16},   {HMLC_DTYPE_f32, HML_F32}, {HMLC_DTYPE_f64, HML_F64},
};
enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

hmlc_status artifact_compile(hmlc_module *module, const char *path, char *message, size_t size)
{
    const hmlc_target *target = hmlc_target_find("native");
    hmlc_codegen_options codegen = {.targets = &target, .target_count = 1, .jobs = 1};
    hmlc_codegen_summary summary;
    hmlc_status status = hmlc_run_passes(module, &(hmlc_pass_options){.verify = true});
    status = status == HMLC_OK ? hmlc_compile(module, &codegen, path, &summary) : status;
    if (status != HMLC_OK) {
        const hmlc_diagnostic *first = hmlc_diagnostics_first(module->diagnostics);
        (void)snprintf(message, size, "status %d: %s", (int)status,
                       first != NULL ? first->message : "no diagnostic");
    }
    return status;
}

/* Binds a copy: the bundle's tensors lie at any address, the runtime wants whole elements aligned.
 */
hml_status artifact_bind(hml_session *session, uint32_t index, const hmlc_tensor *from,
                         hmlc_arena *arena)
{
    void *data = hmlc_arena_allocate(arena, from->bytes + 1);
    if (data == NULL) {
        return HML_ERROR_out_of_memory;
    }
    if (from->bytes > 0) {
        memcpy(data, from->data, from->bytes);
    }
    hml_tensor tensor = {.data = data, .bytes = from->bytes, .rank = (uint32_t)from->rank};
    for (uint32_t i = 0; i < DTYPES; i++) {
        if (dtypes[i].compiler == from->dtype) {
            tensor.dtype = dtypes[i].runtime;
        }
    }
    memcpy(tensor.dims, from->dims, (size_t)from->rank * sizeof tensor.dims[0]);
    return hml_bind_input(session, index, &tensor);
}

/* Copies an output; false where memory ran out. */
static bool take(const hml_tensor *from, hmlc_arena *arena, hmlc_tensor *output)
{
    *output = (hmlc_tensor){.rank = (int32_t)from->rank, .bytes = from->bytes};
    for (uint32_t i = 0; i < DTYPES; i++) {
        if (dtypes[i].runtime == from->dtype) {
            output->dtype = dtypes[i].compiler;
        }
    }
    memcpy(output->dims, from->dims, from->rank * sizeof from->dims[0]);
    void *data = hmlc_arena_allocate(arena, from->bytes + 1);
    if (data != NULL && from->bytes > 0) {
        memcpy(data, from->data, from->bytes);
    }
    output->data = data;
    return data != NULL;
}

bool artifact_take(hml_session *session, uint32_t index, hmlc_arena *arena, hmlc_tensor *output)
{
    hml_tensor found;
    return hml_session_output(session, index, &found) == HML_OK && take(&found, arena, output);
}

static hml_status run(hml_session *session, const bundle_case *tested, hmlc_arena *arena,
                      hmlc_tensor *outputs)
{
    hml_status status = HML_OK;
    for (uint32_t i = 0; i < tested->input_count && status == HML_OK; i++) {
        status = artifact_bind(session, i, &tested->inputs[i].tensor, arena);
    }
    status = status == HML_OK ? hml_run(session) : status;
    for (uint32_t i = 0; i < tested->output_count && status == HML_OK; i++) {
        hml_tensor output;
        status = hml_session_output(session, i, &output);
        if (status == HML_OK && !take(&output, arena, &outputs[i])) {
            status = HML_ERROR_out_of_memory;
        }
    }
    return status;
}

artifact_result artifact_run(hmlc_module *module, const bundle_case *tested, const char *path,
                             hmlc_arena *arena, hmlc_tensor *outputs, char *message, size_t size)
{
    hml_model *model = NULL;
    hml_session *session = NULL;
    hmlc_status compiled = artifact_compile(module, path, message, size);
    if (compiled != HMLC_OK) {
        return compiled == HMLC_REFUSED ? ARTIFACT_REFUSED : ARTIFACT_FAILED;
    }
    hml_status status = hml_model_open(path, NULL, &model);
    if (status == HML_OK) {
        status = hml_session_create(model, NULL, &session);
    }
    if (status == HML_OK) {
        status = run(session, tested, arena, outputs);
    }
    if (status != HML_OK) {
        (void)snprintf(message, size, "HML%u %s", (unsigned)status,
                       session != NULL ? hml_session_error(session) : "");
    }
    hml_session_destroy(session);
    hml_model_release(model);
    return status == HML_OK ? ARTIFACT_RAN : ARTIFACT_FAILED;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The loader: what it accepts, which variant it takes, and what its statuses say. */
#include "runtime_test.h"

#include <stdio.h>
#include <unistd.h>

/* -- What is accepted -------------------------------------------------------------------------- */

static void describes_what_is_inside(void **state)
{
    (void)state;
    artifact_builder b;
    uint8_t *data;
    build_sum(&b);
    hml_model *model = open_built(&b, &data);
    hml_model_info info = {.struct_bytes = sizeof info};
    assert_int_equal(hml_model_describe(model, &info), HML_OK);
    assert_int_equal(info.input_count, 2);
    assert_int_equal(info.output_count, 1);
    assert_int_equal(info.symbol_count, 1);
    assert_int_equal(info.variant_count, 1);
    assert_int_equal(info.step_count, 2);
    assert_int_equal(info.growable, 0);
    assert_int_equal(info.provenance_bytes, 17);
    assert_memory_equal(info.provenance, "{\"source\":\"test\"}", 17);
    hml_tensor_info tensor = {.struct_bytes = sizeof tensor};
    assert_int_equal(hml_model_input(model, 1, &tensor), HML_OK);
    assert_string_equal(tensor.name, "y");
    assert_int_equal(tensor.dtype, HML_F32);
    assert_int_equal(tensor.rank, 2);
    assert_string_equal(tensor.dim_texts[0], "n");
    assert_int_equal(hml_model_input(model, 2, &tensor), HML_ERROR_bad_argument);
    hml_symbol_info symbol = {.struct_bytes = sizeof symbol};
    assert_int_equal(hml_model_symbol(model, 0, &symbol), HML_OK);
    assert_string_equal(symbol.name, "n");
    assert_int_equal(symbol.minimum, 1);
    assert_int_equal(symbol.maximum, 64);
    hml_step_info step = {.struct_bytes = sizeof step};
    assert_int_equal(hml_model_step(model, 1, &step), HML_OK);
    assert_string_equal(step.kind, "call");
    assert_string_equal(step.kernel, "add_by_scratch");
    assert_string_equal(step.form, "loop");
    assert_string_equal(step.location, "sum.onnx: node 'second' (Add)");
    hml_variant_info variant = {.struct_bytes = sizeof variant};
    assert_int_equal(hml_model_variant(model, 0, &variant), HML_OK);
    assert_string_equal(variant.name, "base");
    assert_string_equal(variant.architecture, "x86-64");
    assert_int_equal(variant.runs_here, 1);
    hml_model_release(model);
    free(data);
}

static void sizes_follow_the_dims(void **state)
{
    (void)state;
    artifact_builder b;
    uint8_t *data;
    build_sum(&b);
    hml_model *model = open_built(&b, &data);
    hml_shape_info sizes = {.struct_bytes = sizeof sizes};
    assert_int_equal(hml_model_shapes(model, NULL, 0, NULL, NULL, &sizes), HML_OK);
    assert_int_equal(sizes.arena_bytes, 16);
    assert_int_equal(sizes.input_bytes, 32);
    const hml_dim dims[] = {{"n", 10}};
    assert_int_equal(hml_model_shapes(model, dims, 1, NULL, NULL, &sizes), HML_OK);
    assert_int_equal(sizes.arena_bytes, 160);
    assert_int_equal(sizes.scratch_bytes_per_thread, 160);
    assert_int_equal(sizes.output_bytes, 160);
    hml_tensor shape;
    assert_int_equal(hml_model_shapes(model, dims, 1, NULL, &shape, NULL), HML_OK);
    assert_int_equal(shape.dims[0], 10);
    assert_int_equal(shape.dims[1], 4);
    assert_int_equal(shape.bytes, 160);
    const hml_dim unknown[] = {{"m", 1}}, large[] = {{"n", 65}};
    assert_int_equal(hml_model_shapes(model, unknown, 1, NULL, NULL, &sizes),
                     HML_ERROR_symbol_unknown);
    assert_int_equal(hml_model_shapes(model, large, 1, NULL, NULL, &sizes), HML_ERROR_dim_range);
    hml_model_release(model);
    free(data);
}

/* Writes `bytes` bytes to a new file whose name goes to `path`. */
static void write_file(char *path, const uint8_t *data, size_t bytes)
{
    strcpy(path, "/tmp/hml-load-test-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, data, bytes), (ssize_t)bytes);
    close(file);
}

static void opens_small_and_large_files(void **state)
{
    (void)state;
    for (int large = 0; large < 2; large++) {
        artifact_builder b;
        build_sum(&b);
        b.alignment = large ? HML_MAPPED_ALIGNMENT : 0;
        b.padding = large ? 1 << 20 : 0;
        size_t bytes = 0;
        char path[64];
        uint8_t *data = build_artifact(&b, &bytes);
        write_file(path, data, bytes);
        hml_model *model = NULL;
        assert_int_equal(hml_model_open(path, NULL, &model), HML_OK);
        hml_model_info info = {.struct_bytes = sizeof info};
        assert_int_equal(hml_model_describe(model, &info), HML_OK);
        assert_int_equal(info.mapped, large);
        assert_int_equal(info.file_bytes, bytes);
        /* A file that is replaced does not touch who has it open. */
        assert_int_equal(unlink(path), 0);
        hml_session *session = NULL;
        float x[4] = {1, 2, 3, 4}, y[4] = {10, 20, 30, 40};
        hml_tensor tx = f32_matrix(x, 1, 4), ty = f32_matrix(y, 1, 4), out;
        assert_int_equal(hml_session_create(model, NULL, &session), HML_OK);
        assert_ok(hml_bind_input(session, 0, &tx), session);
        assert_ok(hml_bind_input(session, 1, &ty), session);
        assert_ok(hml_run(session), session);
        assert_int_equal(hml_session_output(session, 0, &out), HML_OK);
        assert_true(((const float *)out.data)[3] == 88.0F);
        hml_session_destroy(session);
        hml_model_release(model);
        free(data);
    }
}

static void copies_misaligned_memory(void **state)
{
    (void)state;
    size_t bytes = 0;
    uint8_t *data = sum_artifact(&bytes);
    uint8_t *moved = malloc(bytes + 1);
    memcpy(moved + 1, data, bytes);
    assert_int_equal(open_bytes(moved + 1, bytes, 0), HML_OK);
    free(moved);
    free(data);
}

static void refuses_what_is_no_file(void **state)
{
    (void)state;
    hml_model *model = NULL;
    char message[256];
    hml_open_options options = {
        .struct_bytes = sizeof options, .message = message, .message_bytes = sizeof message};
    assert_int_equal(hml_model_open("/nonexistent/model.hml", &options, &model),
                     HML_ERROR_file_unreadable);
    assert_non_null(strstr(message, "/nonexistent/model.hml"));
    assert_int_equal(hml_model_open("/dev/null", NULL, &model), HML_ERROR_file_unreadable);
    assert_int_equal(hml_model_open("/tmp", NULL, &model), HML_ERROR_file_unreadable);
    options.flags = 8;
    assert_int_equal(hml_model_open("/dev/null", &options, &model), HML_ERROR_bad_argument);
}

/* -- Variants ---------------------------------------------------------------------------------- */

static void takes_the_last_variant_that_runs(void **state)
{
    (void)state;
    artifact_builder b;
    uint8_t *data;
    build_sum(&b);
    b.variant_count = 3;
    hml_model *model = open_built(&b, &data);
    hml_model_info info = {.struct_bytes = sizeof info};
    assert_int_equal(hml_model_describe(model, &info), HML_OK);
    assert_int_equal(info.variant_count, 3);
    assert_int_equal(info.variant, 1); /* SSE4.2 is there; the third asks for what no CPU has */
    hml_model_release(model);
    free(data);
}

static void a_variant_can_be_asked_for(void **state)
{
    (void)state;
    artifact_builder b;
    size_t bytes = 0;
    build_sum(&b);
    b.variant_count = 3;
    uint8_t *data = build_artifact(&b, &bytes);
    hml_model *model = NULL;
    hml_model_info info = {.struct_bytes = sizeof info};
    hml_open_options options = {.struct_bytes = sizeof options, .variant = "base"};
    assert_int_equal(hml_model_open_memory(data, bytes, &options, &model), HML_OK);
    assert_int_equal(hml_model_describe(model, &info), HML_OK);
    assert_int_equal(info.variant, 0);
    hml_model_release(model);
    options.variant = "widest";
    assert_int_equal(hml_model_open_memory(data, bytes, &options, &model),
                     HML_ERROR_variant_unsupported);
    options.variant = "other";
    assert_int_equal(hml_model_open_memory(data, bytes, &options, &model),
                     HML_ERROR_variant_unknown);
    setenv("HML_VARIANT", "base", 1);
    assert_int_equal(hml_model_open_memory(data, bytes, NULL, &model), HML_OK);
    assert_int_equal(hml_model_describe(model, &info), HML_OK);
    unsetenv("HML_VARIANT");
    assert_int_equal(info.variant, 0);
    hml_model_release(model);
    free(data);
}

static void other_cpus_are_for_inspection(void **state)
{
    (void)state;
    artifact_builder b;
    size_t bytes = 0;
    build_sum(&b);
    b.architecture = HML_ARCHITECTURE_AARCH64;
    uint8_t *data = build_artifact(&b, &bytes);
    hml_model *model = NULL;
    assert_int_equal(open_bytes(data, bytes, 0), HML_ERROR_other_cpu);
    assert_int_equal(hml_status_describe(HML_ERROR_other_cpu)->exit_class, 3);
    hml_open_options options = {.struct_bytes = sizeof options, .flags = HML_OPEN_INSPECT};
    assert_int_equal(hml_model_open_memory(data, bytes, &options, &model), HML_OK);
    hml_variant_info variant = {.struct_bytes = sizeof variant};
    assert_int_equal(hml_model_variant(model, 0, &variant), HML_OK);
    assert_string_equal(variant.architecture, "aarch64");
    assert_int_equal(variant.runs_here, 0);
    hml_session *session = NULL;
    assert_int_equal(hml_session_create(model, NULL, &session), HML_ERROR_not_runnable);
    hml_model_release(model);
    free(data);
}

/* Opens `data` and returns the status; *variant: which was taken, its message as text. */
static hml_status open_variant(const uint8_t *data, size_t bytes, const char *wanted,
                               uint32_t *variant, char message[512])
{
    hml_model *model = NULL;
    const hml_open_options options = {.struct_bytes = sizeof options,
                                      .variant = wanted,
                                      .message = message,
                                      .message_bytes = 512};
    hml_status status = hml_model_open_memory(data, bytes, &options, &model);
    hml_model_info info = {.struct_bytes = sizeof info};
    if (status == HML_OK) {
        assert_int_equal(hml_model_describe(model, &info), HML_OK);
        *variant = info.variant;
    }
    hml_model_release(model);
    return status;
}

/* Sections of variant `variant` are for `architecture`; checksums are made anew. */
static void set_architecture(uint8_t *data, size_t bytes, uint32_t variant, uint32_t architecture)
{
    for (uint32_t k = 1 + 2 * variant; k <= 2 + 2 * variant; k++) {
        artifact_section(data, k)->architecture = architecture;
    }
    assert_true(reseal_artifact(data, bytes));
}

/* Of CPUs and of features that this version does not know: left out, whatever the file's version.
 */
static void unknown_machines_are_left_out(void **state)
{
    (void)state;
    artifact_builder b;
    size_t bytes = 0;
    uint32_t variant = 9;
    char message[512] = "";
    build_sum(&b);
    b.variant_count = 3;
    uint8_t *data = build_artifact(&b, &bytes);
    assert_int_equal(open_variant(data, bytes, "widest", &variant, message),
                     HML_ERROR_variant_unsupported);
    assert_non_null(strstr(message, "'widest' needs CPU features that this runtime does not know"));
    set_architecture(data, bytes, 1, 99);
    assert_int_equal(open_variant(data, bytes, NULL, &variant, message), HML_OK);
    assert_int_equal(variant, 0);
    assert_int_equal(open_variant(data, bytes, "middle", &variant, message),
                     HML_ERROR_variant_unknown);
    assert_non_null(strstr(message, "base, one that needs a newer runtime, widest"));
    set_architecture(data, bytes, 0, 99);
    assert_int_equal(open_variant(data, bytes, NULL, &variant, message), HML_ERROR_other_cpu);
    assert_non_null(strstr(message, "one for unknown needs a newer runtime; "));
    assert_non_null(strstr(message, "'widest' needs CPU features that this runtime does not know"));
    set_architecture(data, bytes, 2, 99);
    assert_int_equal(open_variant(data, bytes, NULL, &variant, message), HML_ERROR_format_newer);
    assert_int_equal(hml_status_describe(HML_ERROR_format_newer)->exit_class, 3);
    free(data);
}

/* Without a preferred feature a variant runs, when no other does. */
static void preferences_only_order(void **state)
{
    (void)state;
    artifact_builder b;
    size_t bytes = 0;
    uint32_t variant = 9;
    char message[512] = "";
    build_sum(&b);
    b.variant_count = 2;
    for (uint32_t bit = 0; bit < 64; bit++) {
        b.preferred = UINT64_C(1) << bit;
        uint8_t *data = build_artifact(&b, &bytes);
        assert_int_equal(open_variant(data, bytes, NULL, &variant, message), HML_OK);
        assert_true(variant == 1 || bit > 0); /* the CPU has what the variant requires */
        assert_true(variant == 0 || bit < 63);
        assert_int_equal(open_variant(data, bytes, "middle", &variant, message), HML_OK);
        assert_int_equal(variant, 1);
        set_architecture(data, bytes, 0, 99); /* no other is there */
        assert_int_equal(open_variant(data, bytes, NULL, &variant, message), HML_OK);
        assert_int_equal(variant, 1);
        free(data);
    }
}

/* Code that no variant has for this CPU is named, each variant with its reason. */
static void foreign_variants_are_named(void **state)
{
    (void)state;
    artifact_builder b;
    size_t bytes = 0;
    uint32_t variant = 9;
    char message[512] = "";
    build_sum(&b);
    b.variant_count = 3;
    b.architecture = HML_ARCHITECTURE_AARCH64;
    uint8_t *data = build_artifact(&b, &bytes);
    assert_int_equal(open_variant(data, bytes, NULL, &variant, message), HML_ERROR_other_cpu);
    assert_non_null(
        strstr(message, "'base' is for aarch64; 'middle' is for aarch64; 'widest' is for aarch64"));
    assert_int_equal(open_variant(data, bytes, "base", &variant, message),
                     HML_ERROR_variant_unsupported);
    assert_non_null(strstr(message, "'base' is for aarch64"));
    /* The tables say x86-64, the code says that it is AArch64's. */
    set_architecture(data, bytes, 0, HML_ARCHITECTURE_X86_64);
    assert_int_equal(open_variant(data, bytes, NULL, &variant, message), HML_ERROR_code_invalid);
    free(data);
}

/* -- Status texts ------------------------------------------------------------------------------ */

static void every_status_has_a_text(void **state)
{
    (void)state;
    static const hml_status all[] = {
#define HML_STATUS(identifier, number, exit_class, title, explanation) HML_ERROR_##identifier,
#include <hml/status.def>
#undef HML_STATUS
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const hml_status_text *text = hml_status_describe(all[i]);
        assert_int_equal(text->number, all[i]);
        assert_true(text->title[0] != '\0' && text->explanation[0] != '\0');
        assert_true(text->exit_class >= 1 && text->exit_class <= 5);
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(all[i], all[k]);
        }
    }
    assert_int_equal(hml_status_describe(HML_OK)->exit_class, 0);
    assert_string_equal(hml_status_describe((hml_status)9)->name, "unknown");
    assert_string_equal(hml_dtype_name(HML_BF16), "bf16");
    assert_int_equal(hml_dtype_bytes(HML_F64), 8);
    assert_int_equal(hml_dtype_bytes((hml_dtype)0), 0);
    assert_null(hml_dtype_name((hml_dtype)14));
}

int main(void)
{
    unsetenv("HML_VARIANT");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(describes_what_is_inside),
        cmocka_unit_test(sizes_follow_the_dims),
        cmocka_unit_test(opens_small_and_large_files),
        cmocka_unit_test(copies_misaligned_memory),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(takes_the_last_variant_that_runs),
        cmocka_unit_test(a_variant_can_be_asked_for),
        cmocka_unit_test(other_cpus_are_for_inspection),
        cmocka_unit_test(unknown_machines_are_left_out),
        cmocka_unit_test(preferences_only_order),
        cmocka_unit_test(foreign_variants_are_named),
        cmocka_unit_test(every_status_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

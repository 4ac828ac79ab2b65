/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts of other versions: records of other lengths run, what is newer is refused as newer or
 * left out, and never called damaged. */
#include "reform_artifact.h"
#include "runtime_test.h"

#include <stdio.h>

/* In the order in which the builder writes them. */
enum {
    MODEL,
    FIRST_PROGRAM,
    FIRST_CODE,
    SECOND_PROGRAM,
    SECOND_CODE,
    WEIGHTS_OF_TWO,
    PROVENANCE_OF_TWO
};

enum { NEWER_MINOR = HML_FORMAT_MINOR + 6, UNKNOWN_KIND = 77 };

typedef struct artifact {
    uint8_t *data;
    size_t bytes;
} artifact;

static artifact build(void (*describe)(artifact_builder *), uint32_t variants)
{
    artifact_builder b;
    artifact built;
    describe(&b);
    b.variant_count = variants;
    built.data = build_artifact(&b, &built.bytes);
    assert_non_null(built.data);
    return built;
}

static hml_file_header *header_of(const artifact *a)
{
    return (void *)a->data;
}

static hml_program_record *program_of(const artifact *a, uint32_t section)
{
    return (void *)(a->data + artifact_section(a->data, section)->offset);
}

static hml_step_record *steps_of(const artifact *a, uint32_t section)
{
    hml_program_record *program = program_of(a, section);
    return (void *)((uint8_t *)program + program->steps.offset);
}

static hml_code_record *code_of(const artifact *a, uint32_t section)
{
    return (void *)(a->data + artifact_section(a->data, section)->offset);
}

/* Opens it under new checksums; the message is that of the last call. */
static char message[512];

static hml_status open_sealed(const artifact *a, uint32_t flags, hml_model **model)
{
    hml_open_options options = {.struct_bytes = sizeof options,
                                .flags = flags,
                                .message = message,
                                .message_bytes = sizeof message};
    message[0] = '\0';
    assert_true(reseal_artifact(a->data, a->bytes));
    return hml_model_open_memory(a->data, a->bytes, &options, model);
}

static void must_refuse(const artifact *a, hml_status expected)
{
    hml_model *model = NULL;
    assert_int_equal(open_sealed(a, 0, &model), expected);
    assert_int_equal(hml_status_describe(expected)->exit_class, 3);
    assert_null(model);
}

/* Opens it, and runs the variant of that name. */
static void must_choose(const artifact *a, const char *name)
{
    hml_model *model = NULL;
    if (open_sealed(a, 0, &model) != HML_OK) {
        fail_msg("%s", message);
    }
    assert_string_equal(message, "");
    hml_model_info info = {.struct_bytes = sizeof info};
    hml_variant_info variant = {.struct_bytes = sizeof variant};
    assert_int_equal(hml_model_describe(model, &info), HML_OK);
    assert_ok(hml_model_variant(model, info.variant, &variant), NULL);
    assert_string_equal(variant.name, name);
    assert_int_equal(variant.newer, 0);
    hml_model_release(model);
}

/* -- Runs -------------------------------------------------------------------------------------- */

/* z = (x + y) + (x + y) */
static void run_sum(hml_model *model)
{
    float x[12], y[12];
    for (int i = 0; i < 12; i++) {
        x[i] = (float)i;
        y[i] = (float)(100 - 3 * i);
    }
    hml_session *session = NULL;
    hml_tensor z, inputs[] = {f32_matrix(x, 3, 4), f32_matrix(y, 3, 4)};
    assert_ok(hml_session_create(model, NULL, &session), session);
    assert_ok(hml_bind_input(session, 0, &inputs[0]), session);
    assert_ok(hml_bind_input(session, 1, &inputs[1]), session);
    assert_ok(hml_run(session), session);
    assert_ok(hml_session_output(session, 0, &z), session);
    assert_int_equal(z.bytes, sizeof x);
    for (int i = 0; i < 12; i++) {
        assert_true(((const float *)z.data)[i] == 2 * (x[i] + y[i]));
    }
    hml_session_destroy(session);
}

/* Positions of what is not 0: sizes known only while running. */
static void run_positions(hml_model *model)
{
    float x[] = {0, 4, 0, 0, 1, 9, 0};
    static const int64_t expected[] = {1, 4, 5};
    hml_session *session = NULL;
    hml_tensor positions, input = f32_tensor(x, 7);
    assert_ok(hml_session_create(model, NULL, &session), session);
    assert_ok(hml_bind_input(session, 0, &input), session);
    assert_ok(hml_run(session), session);
    assert_ok(hml_session_output(session, 0, &positions), session);
    assert_int_equal(positions.bytes, sizeof expected);
    assert_memory_equal(positions.data, expected, sizeof expected);
    hml_session_destroy(session);
}

/* z = x + x where x[0] > 0, else x + x + x */
static void run_branch(hml_model *model)
{
    float x[] = {-1, 2, 3};
    hml_session *session = NULL;
    hml_tensor z, input = f32_tensor(x, 3);
    assert_ok(hml_session_create(model, NULL, &session), session);
    for (int round = 2; round <= 3; round++) {
        x[0] = round == 2 ? 1.0F : -1.0F;
        assert_ok(hml_bind_input(session, 0, &input), session);
        assert_ok(hml_run(session), session);
        assert_ok(hml_session_output(session, 0, &z), session);
        for (int i = 0; i < 3; i++) {
            assert_true(((const float *)z.data)[i] == (float)round * x[i]);
        }
    }
    hml_session_destroy(session);
}

/* a = x + y, then a += 2 y as long as it is positive */
static void run_repeat(hml_model *model)
{
    float x[] = {10, 20}, y[] = {-1, 1};
    hml_session *session = NULL;
    hml_tensor z, first = f32_tensor(x, 2), second = f32_tensor(y, 2);
    assert_ok(hml_session_create(model, NULL, &session), session);
    assert_ok(hml_bind_input(session, 0, &first), session);
    assert_ok(hml_bind_input(session, 1, &second), session);
    for (int steps = 11; steps >= 3; steps -= 2) {
        assert_ok(hml_run(session), session);
        assert_ok(hml_session_output(session, 0, &z), session);
        assert_true(((const float *)z.data)[0] == 2 * x[0] - (float)steps);
        assert_true(((const float *)z.data)[1] == 2 * x[1] + (float)steps);
        x[0] -= 2;
    }
    hml_session_destroy(session);
}

static const struct {
    void (*describe)(artifact_builder *);
    void (*run)(hml_model *model);
} scenes[] = {{build_sum, run_sum},
              {build_positions, run_positions},
              {build_branch, run_branch},
              {build_repeat, run_repeat}};

static void records_of_any_length_run(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof scenes / sizeof scenes[0]; s++) {
        artifact built = build(scenes[s].describe, 0);
        for (uint32_t form = 0; form < ARTIFACT_FORMS; form++) {
            artifact reformed;
            reformed.data = reform_artifact(built.data, &artifact_forms[form], &reformed.bytes);
            hml_model *model = NULL;
            if (open_sealed(&reformed, 0, &model) != HML_OK) {
                fail_msg("form %u: %s", form, message);
            }
            scenes[s].run(model);
            hml_model_release(model);
            free(reformed.data);
        }
        free(built.data);
    }
}

/* The forms differ from this version's in what they should, so that the test above shows something.
 */
static void the_forms_have_other_lengths(void **state)
{
    (void)state;
    artifact built = build(build_sum, 0);
    for (uint32_t form = 0; form < ARTIFACT_FORMS; form++) {
        artifact reformed;
        reformed.data = reform_artifact(built.data, &artifact_forms[form], &reformed.bytes);
        const hml_program_record *program = program_of(&reformed, FIRST_PROGRAM);
        bool longer = artifact_forms[form].longer != 0;
        assert_int_equal(longer, program->steps.record_bytes > sizeof(hml_step_record));
        assert_int_equal(!longer, program->checks.record_bytes < sizeof(hml_check_record));
        assert_int_equal(!longer, program->operands.record_bytes < sizeof(hml_operand_record));
        assert_int_equal(!longer, header_of(&reformed)->section_record_bytes == 0);
        free(reformed.data);
    }
    free(built.data);
}

/* Copies of records are memory of the model's allocator, and may not be there. */
typedef struct scarce_memory {
    uint32_t calls, fail_at, live;
} scarce_memory;

static void *scarce_allocate(void *context, size_t bytes, size_t alignment)
{
    scarce_memory *scarce = context;
    void *memory = NULL;
    if (++scarce->calls == scarce->fail_at || posix_memalign(&memory, alignment, bytes) != 0) {
        return NULL;
    }
    scarce->live++;
    memset(memory, 0xa5, bytes);
    return memory;
}

static void scarce_release(void *context, void *memory, size_t bytes)
{
    scarce_memory *scarce = context;
    (void)bytes;
    scarce->live--;
    free(memory);
}

static void every_copy_may_fail(void **state)
{
    (void)state;
    artifact built = build(build_positions, 3), reformed;
    reformed.data = reform_artifact(built.data, &artifact_forms[0], &reformed.bytes);
    scarce_memory scarce = {0};
    hml_allocator allocator = {.struct_bytes = sizeof allocator,
                               .context = &scarce,
                               .allocate = scarce_allocate,
                               .release = scarce_release};
    hml_open_options options = {.struct_bytes = sizeof options, .allocator = &allocator};
    hml_model *model = NULL;
    hml_status status = HML_ERROR_out_of_memory;
    for (scarce.fail_at = 1; status != HML_OK; scarce.fail_at++) {
        scarce.calls = 0;
        status = hml_model_open_memory(reformed.data, reformed.bytes, &options, &model);
        assert_true(status == HML_OK || (status == HML_ERROR_out_of_memory && scarce.live == 0));
    }
    assert_true(scarce.fail_at > 20);
    run_positions(model);
    hml_model_release(model);
    assert_int_equal(scarce.live, 0);
    free(reformed.data);
    free(built.data);
}

/* -- Newer files ------------------------------------------------------------------------------- */

static void a_newer_minor_runs(void **state)
{
    (void)state;
    artifact a = build(build_sum, 0);
    header_of(&a)->format_minor = UINT16_MAX;
    hml_model *model = NULL;
    assert_int_equal(open_sealed(&a, 0, &model), HML_OK);
    run_sum(model);
    hml_model_release(model);
    free(a.data);
}

static void a_newer_major_is_refused_as_newer(void **state)
{
    (void)state;
    artifact a = build(build_sum, 0);
    header_of(&a)->format_major = HML_FORMAT_MAJOR + 1;
    must_refuse(&a, HML_ERROR_format_newer);
    assert_non_null(strstr(message, "format 2."));
    /* Whatever else a later version changes: nothing behind the version is looked at. */
    memset(a.data + offsetof(hml_file_header, minimum_abi), 0xff, 600);
    hml_model *model = NULL;
    assert_int_equal(hml_model_open_memory(a.data, a.bytes, NULL, &model), HML_ERROR_format_newer);
    free(a.data);
}

static void a_newer_abi_is_refused_as_newer(void **state)
{
    (void)state;
    artifact a = build(build_sum, 0);
    header_of(&a)->minimum_abi = HML_RUNTIME_ABI + 1;
    must_refuse(&a, HML_ERROR_runtime_too_old);
    free(a.data);
}

static void unknown_sections_are_left_alone(void **state)
{
    (void)state;
    artifact a = build(build_sum, 2);
    artifact_section(a.data, PROVENANCE_OF_TWO)->kind = UNKNOWN_KIND;
    header_of(&a)->format_minor = NEWER_MINOR;
    must_choose(&a, "middle");
    artifact_section(a.data, PROVENANCE_OF_TWO)->variant = 9;
    must_choose(&a, "middle");
    /* In a file of a version that this runtime knows it is damage. */
    header_of(&a)->format_minor = HML_FORMAT_MINOR;
    hml_model *model = NULL;
    assert_int_equal(open_sealed(&a, 0, &model), HML_ERROR_section_kind);
    free(a.data);
}

static void unknown_sections_that_are_needed_are_heeded(void **state)
{
    (void)state;
    artifact a = build(build_sum, 2);
    hml_section_record *section = artifact_section(a.data, PROVENANCE_OF_TWO);
    section->kind = UNKNOWN_KIND;
    section->needs = 2;
    header_of(&a)->format_minor = NEWER_MINOR;
    must_refuse(&a, HML_ERROR_format_newer);
    section->variant = 1;
    must_choose(&a, "base");
    section->variant = 0;
    must_choose(&a, "middle");
    free(a.data);
}

static void unknown_steps_make_a_variant_newer(void **state)
{
    (void)state;
    artifact a = build(build_sum, 2);
    steps_of(&a, SECOND_PROGRAM)[0].kind = UNKNOWN_KIND;
    header_of(&a)->format_minor = NEWER_MINOR;
    must_choose(&a, "base");
    steps_of(&a, FIRST_PROGRAM)[0].kind = UNKNOWN_KIND;
    must_refuse(&a, HML_ERROR_format_newer);
    header_of(&a)->format_minor = HML_FORMAT_MINOR;
    hml_model *model = NULL;
    assert_int_equal(open_sealed(&a, 0, &model), HML_ERROR_step_invalid);
    free(a.data);
}

static void unknown_kinds_of_the_model_make_the_file_newer(void **state)
{
    (void)state;
    artifact a = build(build_sum, 0);
    hml_model_record *model = (void *)(a.data + artifact_section(a.data, MODEL)->offset);
    hml_tensor_record *inputs = (void *)((uint8_t *)model + model->inputs.offset);
    inputs[0].kind = 2; /* a map, one day */
    header_of(&a)->format_minor = NEWER_MINOR;
    must_refuse(&a, HML_ERROR_format_newer);
    free(a.data);
}

static void needs_leave_a_variant_out(void **state)
{
    (void)state;
    static const uint32_t sections[] = {SECOND_PROGRAM, SECOND_CODE};
    for (size_t k = 0; k < 2; k++) {
        artifact a = build(build_sum, 2);
        artifact_section(a.data, sections[k])->needs = UINT32_C(1) << 20;
        must_choose(&a, "base");
        artifact_section(a.data, sections[k] - 2)->needs = UINT32_C(1) << 20;
        must_refuse(&a, HML_ERROR_format_newer);
        free(a.data);
    }
}

static void a_newer_kernel_abi_leaves_a_variant_out(void **state)
{
    (void)state;
    artifact a = build(build_sum, 2);
    code_of(&a, SECOND_CODE)->kernel_abi = HML_KERNEL_ABI + 1;
    must_choose(&a, "base");
    code_of(&a, FIRST_CODE)->kernel_abi = HML_KERNEL_ABI + 1;
    must_refuse(&a, HML_ERROR_kernel_abi);
    free(a.data);
}

/* What a message says when the only variant for this CPU is newer, and another CPU's is understood.
 */
static void the_variant_for_this_cpu_is_newer(void **state)
{
    (void)state;
    artifact a = build(build_sum, 3); /* the third needs a feature that no CPU has */
    artifact_section(a.data, FIRST_PROGRAM)->needs = 2;
    artifact_section(a.data, SECOND_PROGRAM)->needs = 2;
    must_refuse(&a, HML_ERROR_format_newer);
    assert_non_null(strstr(message, "variant 0"));
    free(a.data);
}

static void newer_variants_are_listed_and_not_named(void **state)
{
    (void)state;
    artifact a = build(build_sum, 2);
    artifact_section(a.data, SECOND_CODE)->needs = 2;
    hml_model *model = NULL;
    assert_int_equal(open_sealed(&a, HML_OPEN_INSPECT, &model), HML_OK);
    hml_model_info info = {.struct_bytes = sizeof info};
    hml_variant_info variant = {.struct_bytes = sizeof variant};
    assert_int_equal(hml_model_describe(model, &info), HML_OK);
    assert_int_equal(info.variant_count, 2);
    assert_int_equal(info.variant, 0);
    assert_int_equal(hml_model_variant(model, 1, &variant), HML_OK);
    assert_int_equal(variant.newer, 1);
    assert_int_equal(variant.runs_here, 0);
    assert_string_equal(variant.name, "");
    assert_string_equal(variant.architecture, "x86-64");
    hml_model_release(model);
    hml_open_options options = {.struct_bytes = sizeof options,
                                .variant = "middle",
                                .message = message,
                                .message_bytes = sizeof message};
    assert_int_equal(hml_model_open_memory(a.data, a.bytes, &options, &model),
                     HML_ERROR_variant_unknown);
    assert_non_null(strstr(message, "needs a newer runtime"));
    free(a.data);
}

static void architectures_to_come_do_no_harm(void **state)
{
    (void)state;
    artifact a = build(build_sum, 2);
    hml_section_record *program = artifact_section(a.data, SECOND_PROGRAM);
    hml_section_record *code = artifact_section(a.data, SECOND_CODE);
    program->architecture = code->architecture = 41;
    program->required_features = code->required_features = UINT64_MAX;
    code_of(&a, SECOND_CODE)->text_bytes += 512; /* other pages */
    header_of(&a)->format_minor = NEWER_MINOR;
    must_choose(&a, "base");
    free(a.data);
}

/* -- Preference -------------------------------------------------------------------------------- */

/* Of variants that run, one that lacks a preferred feature comes behind all that lack none. */
static void preferred_features_order_what_runs(void **state)
{
    (void)state;
    artifact a = build(build_sum, 2);
    must_choose(&a, "middle");
    hml_section_record *second = artifact_section(a.data, SECOND_CODE);
    second->preferred_features = HML_CPU_X86_SSE42;
    must_choose(&a, "middle");
    second->preferred_features = UINT64_C(1) << 62;
    must_choose(&a, "base");
    artifact_section(a.data, FIRST_CODE)->preferred_features = UINT64_C(1) << 61;
    must_choose(&a, "middle");
    free(a.data);
}

int main(void)
{
    unsetenv("HML_VARIANT");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_forms_have_other_lengths),
        cmocka_unit_test(records_of_any_length_run),
        cmocka_unit_test(every_copy_may_fail),
        cmocka_unit_test(a_newer_minor_runs),
        cmocka_unit_test(a_newer_major_is_refused_as_newer),
        cmocka_unit_test(a_newer_abi_is_refused_as_newer),
        cmocka_unit_test(unknown_sections_are_left_alone),
        cmocka_unit_test(unknown_sections_that_are_needed_are_heeded),
        cmocka_unit_test(unknown_steps_make_a_variant_newer),
        cmocka_unit_test(unknown_kinds_of_the_model_make_the_file_newer),
        cmocka_unit_test(needs_leave_a_variant_out),
        cmocka_unit_test(a_newer_kernel_abi_leaves_a_variant_out),
        cmocka_unit_test(the_variant_for_this_cpu_is_newer),
        cmocka_unit_test(newer_variants_are_listed_and_not_named),
        cmocka_unit_test(architectures_to_come_do_no_harm),
        cmocka_unit_test(preferred_features_order_what_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

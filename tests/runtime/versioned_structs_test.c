/* SPDX-License-Identifier: Apache-2.0 */
/* Structures of callers that were compiled with an older or a newer hml.h. */
#include "runtime_test.h"

#include "common/versioned.h"

#include <stdio.h>

/* A structure in three versions; the library has the second. */
typedef struct first_version {
    uint32_t struct_bytes, a;
} first_version;

typedef struct second_version {
    uint32_t struct_bytes, a;
    uint64_t b;
} second_version;

typedef struct third_version {
    uint32_t struct_bytes, a;
    uint64_t b, c;
} third_version;

enum { FIRST = HML_FIRST_BYTES(second_version, a) };

static void an_older_caller_gets_defaults(void **state)
{
    (void)state;
    const struct {
        first_version given;
        uint64_t behind;
    } memory = {{.struct_bytes = sizeof(first_version), .a = 7}, UINT64_MAX};
    second_version known = {.b = 3};
    assert_null(hml_struct_read(&known, sizeof known, FIRST, &memory.given));
    assert_int_equal(known.a, 7);
    assert_int_equal(known.b, 0);
}

static void nothing_is_written_behind_an_older_caller(void **state)
{
    (void)state;
    struct {
        first_version given;
        uint64_t behind;
    } memory = {{.struct_bytes = sizeof(first_version)}, UINT64_MAX};
    const second_version known = {.a = 5, .b = 6};
    assert_true(hml_struct_write(&memory.given, FIRST, &known, sizeof known));
    assert_int_equal(memory.given.struct_bytes, sizeof(first_version));
    assert_int_equal(memory.given.a, 5);
    assert_true(memory.behind == UINT64_MAX);
}

static void a_newer_caller_may_not_set_what_is_not_known(void **state)
{
    (void)state;
    third_version given = {.struct_bytes = sizeof given, .a = 1, .b = 2};
    second_version known;
    assert_null(hml_struct_read(&known, sizeof known, FIRST, &given));
    assert_int_equal(known.b, 2);
    given.c = UINT64_C(1) << 63;
    const char *wrong = hml_struct_read(&known, sizeof known, FIRST, &given);
    assert_non_null(wrong);
    assert_non_null(strstr(wrong, "newer runtime"));
}

static void a_newer_caller_reads_zeros(void **state)
{
    (void)state;
    third_version given = {.struct_bytes = sizeof given, .c = 9};
    const second_version known = {.a = 5, .b = 6};
    assert_true(hml_struct_write(&given, FIRST, &known, sizeof known));
    assert_int_equal(given.struct_bytes, sizeof given);
    assert_int_equal(given.b, 6);
    assert_int_equal(given.c, 0);
}

static void sizes_that_no_version_has_are_refused(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 1, 4, FIRST - 1, HML_MOST_STRUCT_BYTES + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        second_version given = {.struct_bytes = sizes[i], .a = 1}, known = {.a = 2};
        assert_non_null(hml_struct_read(&known, sizeof known, FIRST, &given));
        assert_false(hml_struct_write(&given, FIRST, &known, sizeof known));
        assert_int_equal(given.a, 1);
    }
}

/* -- The public structures --------------------------------------------------------------------- */

/* Each as a newer caller has it. */
#define NEWER(type)                                                                                \
    struct {                                                                                       \
        type known;                                                                                \
        uint64_t more;                                                                             \
    }

typedef struct bench {
    uint8_t *data;
    size_t bytes;
    hml_model *model;
} bench;

static bench open_bench(void)
{
    bench b;
    b.data = sum_artifact(&b.bytes);
    assert_int_equal(hml_model_open_memory(b.data, b.bytes, NULL, &b.model), HML_OK);
    return b;
}

static void close_bench(bench *b)
{
    hml_model_release(b->model);
    free(b->data);
}

static void options_of_other_versions(void **state)
{
    (void)state;
    bench b = open_bench();
    char message[256] = "";
    NEWER(hml_open_options)
    open = {{.struct_bytes = sizeof open, .message = message, .message_bytes = sizeof message}, 0};
    hml_model *model = NULL;
    assert_int_equal(hml_model_open_memory(b.data, b.bytes, &open.known, &model), HML_OK);
    hml_model_release(model);
    open.more = 1;
    model = NULL;
    assert_int_equal(hml_model_open_memory(b.data, b.bytes, &open.known, &model),
                     HML_ERROR_bad_argument);
    assert_non_null(strstr(message, "newer runtime"));
    open.known.struct_bytes = 0;
    assert_int_equal(hml_model_open("/", &open.known, &model), HML_ERROR_bad_argument);
    assert_non_null(strstr(message, "struct_bytes is 0"));
    open.known.struct_bytes = sizeof open.known - 8; /* nothing is told: the size is no size */
    message[0] = '\0';
    assert_int_equal(hml_model_open("/", &open.known, &model), HML_ERROR_bad_argument);
    assert_string_equal(message, "");
    assert_null(model);

    NEWER(hml_session_options) options = {{.struct_bytes = sizeof options}, 0};
    options.known.message = message;
    options.known.message_bytes = sizeof message;
    hml_session *session = NULL;
    size_t bytes = 0;
    assert_int_equal(hml_session_size(b.model, &options.known, &bytes), HML_OK);
    assert_int_equal(hml_session_create(b.model, &options.known, &session), HML_OK);
    hml_session_destroy(session);
    session = NULL;
    options.more = 1;
    assert_int_equal(hml_session_create(b.model, &options.known, &session), HML_ERROR_bad_argument);
    assert_non_null(strstr(message, "newer runtime"));
    options.known.struct_bytes = 0;
    assert_int_equal(hml_session_size(b.model, &options.known, &bytes), HML_ERROR_bad_argument);
    options.known.struct_bytes = sizeof options.known;
    options.known.reserved = 1;
    assert_int_equal(hml_session_create(b.model, &options.known, &session), HML_ERROR_bad_argument);
    assert_null(session);

    NEWER(hml_pool_options) pooled = {{.struct_bytes = sizeof pooled, .threads = 1}, 0};
    hml_pool *pool = NULL;
    assert_int_equal(hml_pool_create(&pooled.known, &pool), HML_OK);
    hml_pool_release(pool);
    pooled.more = 1;
    assert_int_equal(hml_pool_create(&pooled.known, &pool), HML_ERROR_bad_argument);
    pooled.known.struct_bytes = 0;
    assert_int_equal(hml_pool_create(&pooled.known, &pool), HML_ERROR_bad_argument);
    close_bench(&b);
}

/* Fills it, with zeros behind what is known, and refuses a size of 0 without touching it. */
#define CHECK_INFO(type, call)                                                                     \
    do {                                                                                           \
        NEWER(type) info = {{.struct_bytes = sizeof info}, 5};                                     \
        assert_int_equal((call), HML_OK);                                                          \
        assert_int_equal(info.more, 0);                                                            \
        assert_int_equal(info.known.struct_bytes, sizeof info);                                    \
        memset(&info, 0, sizeof info);                                                             \
        static const uint8_t untouched[sizeof info];                                               \
        assert_int_equal((call), HML_ERROR_bad_argument);                                          \
        assert_memory_equal(&info, untouched, sizeof info);                                        \
    } while (0)

static void results_of_other_versions(void **state)
{
    (void)state;
    bench b = open_bench();
    CHECK_INFO(hml_model_info, hml_model_describe(b.model, &info.known));
    CHECK_INFO(hml_tensor_info, hml_model_input(b.model, 0, &info.known));
    CHECK_INFO(hml_tensor_info, hml_model_output(b.model, 0, &info.known));
    CHECK_INFO(hml_symbol_info, hml_model_symbol(b.model, 0, &info.known));
    CHECK_INFO(hml_variant_info, hml_model_variant(b.model, 0, &info.known));
    CHECK_INFO(hml_step_info, hml_model_step(b.model, 0, &info.known));
    CHECK_INFO(hml_shape_info, hml_model_shapes(b.model, NULL, 0, NULL, NULL, &info.known));
    close_bench(&b);
}

/* What another device holds is refused until there is one. */
static void reserved_fields_of_tensors_are_zero(void **state)
{
    (void)state;
    bench b = open_bench();
    hml_session *session = NULL;
    float x[8] = {0};
    assert_int_equal(hml_session_create(b.model, NULL, &session), HML_OK);
    hml_tensor tensors[] = {f32_matrix(x, 2, 4), f32_matrix(x, 2, 4), f32_matrix(x, 2, 4)};
    tensors[0].memory_kind = 1;
    tensors[1].device = 1;
    tensors[2].reserved[2] = 1;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(hml_bind_input(session, 0, &tensors[i]), HML_ERROR_bad_argument);
        assert_error_names(session, "reserved");
    }
    hml_session_destroy(session);
    close_bench(&b);
}

static void versions_agree(void **state)
{
    (void)state;
    char text[64];
    (void)snprintf(text, sizeof text, "%d.%d.%d", HML_VERSION_MAJOR, HML_VERSION_MINOR,
                   HML_VERSION_PATCH);
    assert_string_equal(hml_version(), text);
    assert_string_equal(hml_version(), TEST_PROJECT_VERSION);
}

int main(void)
{
    unsetenv("HML_VARIANT");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_caller_gets_defaults),
        cmocka_unit_test(nothing_is_written_behind_an_older_caller),
        cmocka_unit_test(a_newer_caller_may_not_set_what_is_not_known),
        cmocka_unit_test(a_newer_caller_reads_zeros),
        cmocka_unit_test(sizes_that_no_version_has_are_refused),
        cmocka_unit_test(options_of_other_versions),
        cmocka_unit_test(results_of_other_versions),
        cmocka_unit_test(reserved_fields_of_tensors_are_zero),
        cmocka_unit_test(versions_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

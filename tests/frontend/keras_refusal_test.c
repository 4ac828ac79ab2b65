/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keras models that are refused, each with its code and words: configs around one file of weights,
 * packed as Keras packs them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <hmlc/frontend.h>
#include <support/inflate.h>

enum { MOST_BYTES = 1 << 17 };

static uint8_t weights[MOST_BYTES], archive[2 * MOST_BYTES];
static size_t weight_bytes;

static uint8_t *put(uint8_t *at, uint32_t value, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        *at++ = (uint8_t)(value >> (8 * i));
    }
    return at;
}

/* What stands in both headers of a member: versions to the length of its name. */
static uint8_t *put_member(uint8_t *at, const char *name, const uint8_t *data, size_t size)
{
    at = put(at, 20, 2);
    at = put(at, 0, 2); /* flags */
    at = put(at, 0, 2); /* stored */
    at = put(at, 0, 4); /* time */
    at = put(at, hml_crc32(data, size), 4);
    at = put(at, (uint32_t)size, 4);
    at = put(at, (uint32_t)size, 4);
    at = put(at, (uint32_t)strlen(name), 2);
    return put(at, 0, 2);
}

/* The two members of a .keras file; the number of its bytes. */
static size_t pack(const char *config)
{
    const char *const names[] = {"config.json", "model.weights.h5"};
    const uint8_t *const data[] = {(const uint8_t *)config, weights};
    const size_t sizes[] = {strlen(config), weight_bytes};
    size_t offsets[2];
    uint8_t *at = archive;
    for (uint32_t i = 0; i < 2; i++) {
        offsets[i] = (size_t)(at - archive);
        at = put(at, 0x04034b50, 4);
        at = put_member(at, names[i], data[i], sizes[i]);
        memcpy(at, names[i], strlen(names[i]));
        at += strlen(names[i]);
        memcpy(at, data[i], sizes[i]);
        at += sizes[i];
    }
    uint8_t *directory = at;
    for (uint32_t i = 0; i < 2; i++) {
        at = put(at, 0x02014b50, 4);
        at = put(at, 20, 2);
        at = put_member(at, names[i], data[i], sizes[i]);
        at = put(at, 0, 4);
        at = put(at, 0, 4);
        at = put(at, 0, 2);
        at = put(at, (uint32_t)offsets[i], 4);
        memcpy(at, names[i], strlen(names[i]));
        at += strlen(names[i]);
    }
    size_t size = (size_t)(at - directory), place = (size_t)(directory - archive);
    at = put(at, 0x06054b50, 4);
    at = put(at, 0, 4);
    at = put(at, 2, 2);
    at = put(at, 2, 2);
    at = put(at, (uint32_t)size, 4);
    at = put(at, (uint32_t)place, 4);
    at = put(at, 0, 2);
    return (size_t)(at - archive);
}

static bool says(const hmlc_module *module, const char *text)
{
    for (const hmlc_diagnostic *at = hmlc_diagnostics_first(module->diagnostics); at != NULL;
         at = at->next) {
        if (strstr(at->message, text) != NULL || (at->hint != NULL && strstr(at->hint, text))) {
            return true;
        }
    }
    return false;
}

static void check_bytes(const void *data, size_t size, uint32_t code, const char *words)
{
    hmlc_module *module = hmlc_module_create(NULL);
    assert_non_null(module);
    hmlc_status status = hmlc_import_memory(data, size, NULL, module);
    const hmlc_diagnostic *first = hmlc_diagnostics_first(module->diagnostics);
    if (status == HMLC_OK || first == NULL) {
        fail_msg("imported, where this was expected: %s", words);
    } else if (hmlc_error_get_info(first->error)->number != code || !says(module, words)) {
        fail_msg("HML%04u expected with \"%s\", found HML%04u %s", code, words,
                 hmlc_error_get_info(first->error)->number, first->message);
    }
    hmlc_module_destroy(module);
}

static void check(const char *config, uint32_t code, const char *words)
{
    check_bytes(archive, pack(config), code, words);
}

/* A Sequential model from [batch, 4] of these layers. */
static void check_layers(const char *layers, uint32_t code, const char *words)
{
    char config[8192];
    (void)snprintf(config, sizeof config,
                   "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"s\", \"layers\": ["
                   "{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [null, 4], "
                   "\"name\": \"x\"}}, %s]}}",
                   layers);
    check(config, code, words);
}

#define LAYER(class, name, rest)                                                                   \
    "{\"class_name\": \"" class "\", \"config\": {\"name\": \"" name "\"" rest "}}"
#define DENSE LAYER("Dense", "dense", ", \"units\": 3, \"use_bias\": true")

static int read_weights(void **state)
{
    (void)state;
    FILE *file = fopen(TEST_CORPUS "/hdf5/weights.h5", "rb");
    if (file == NULL) {
        return 1;
    }
    weight_bytes = fread(weights, 1, sizeof weights, file);
    fclose(file);
    return weight_bytes == 0;
}

/* The archive and its weights are sound: a config that fits them imports. */
static void what_fits_is_imported(void **state)
{
    (void)state;
    size_t size =
        pack("{\"class_name\": \"Sequential\", \"config\": {\"name\": \"s\", \"layers\": ["
             "{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [null, 4], \"name\": "
             "\"x\"}}, " DENSE "]}}");
    hmlc_module *module = hmlc_module_create(NULL);
    assert_int_equal(hmlc_import_memory(archive, size, NULL, module), HMLC_OK);
    assert_int_equal(hmlc_verify(module, "import"), HMLC_OK);
    char text[64];
    (void)hmlc_type_format(hmlc_op_operand(module->main->last, 0)->type, text, sizeof text);
    assert_string_equal(text, "f32[batch, 3]");
    assert_string_equal(module->output_names[0], "dense");
    /* The kernel's bytes are the file's. */
    bool inside = false;
    HMLC_FOR_EACH_OP(op, module->main)
    {
        const hmlc_tensor *constant =
            hmlc_value_constant(op->result_count > 0 ? op->results[0] : NULL);
        if (op->opcode == HMLC_OP_constant && constant->bytes == 48) {
            const uint8_t *data = constant->data;
            inside = data > archive && data < archive + size;
        }
    }
    assert_true(inside);
    hmlc_module_destroy(module);
}

static void layers_are_refused_by_name(void **state)
{
    (void)state;
    check_layers(LAYER("Lambda", "lambda_3", ", \"function\": [\"4wEAAA\", null, null]"), 206,
                 "holds Python code, which is never run");
    check_layers(LAYER("MyLayer", "mine", ""), 205, "is no layer of Keras");
    check_layers(LAYER("Dens", "dens", ""), 205, "did you mean 'Dense'?");
    check_layers(LAYER("StringLookup", "words", ""), 206, "prepares data outside of the model");
    check_layers(LAYER("Attention", "heads", ""), 206, "is not supported");
    check_layers(LAYER("Activation", "act", ", \"activation\": \"my_function\""), 206,
                 "the activation 'my_function'");
    check_layers(LAYER("TFOpLambda", "op", ", \"function\": \"math.bessel\""), 206,
                 "the function 'math.bessel'");
    check_layers(LAYER("Dropout", "drop", ", \"new_word\": 3"), 304, "'new_word' in its config");
    check_layers(LAYER("Dense", "dense",
                       ", \"units\": 3, \"dtype\": {\"class_name\": \"DTypePolicy\", \"config\": "
                       "{\"name\": \"mixed_float16\"}}"),
                 302, "the policy 'mixed_float16'");
    check("{\"class_name\": \"MyModel\", \"config\": {}}", 206, "the model's class is 'MyModel'");
}

/* Two problems in one model: both are told. */
static void all_problems_are_told(void **state)
{
    (void)state;
    hmlc_module *module = hmlc_module_create(NULL);
    size_t size =
        pack("{\"class_name\": \"Sequential\", \"config\": {\"name\": \"s\", \"layers\": "
             "[{\"class_name\": \"InputLayer\", \"config\": {\"batch_shape\": [null, 4], "
             "\"name\": \"x\"}}, " LAYER("Lambda", "l", "") ", " LAYER("Mine", "m", "") "]}}");
    assert_int_equal(hmlc_import_memory(archive, size, NULL, module), HMLC_REFUSED);
    assert_int_equal(hmlc_diagnostics_error_count(module->diagnostics), 2);
    hmlc_module_destroy(module);
}

static void weights_must_fit(void **state)
{
    (void)state;
    check_layers(LAYER("Dense", "dense", ", \"units\": 3, \"use_bias\": false"), 209,
                 "has 2 weights for the layer, which needs 1");
    check_layers(DENSE ", " LAYER("BatchNormalization", "norm", ""), 209,
                 "has 0 weights for the layer, which needs 4");
    check_layers(LAYER("Dense", "dense", ", \"units\": 5"), 209, "has 'units' 5, but the weight");
    check_layers(LAYER("Reshape", "r", ", \"target_shape\": [2, 2, 1]") ", " LAYER(
                     "Conv2D", "c", ", \"filters\": 2, \"kernel_size\": [2, 2]"),
                 209, "has 'kernel_size' 2, but its kernel has 3");
    check_layers(DENSE ", " LAYER("Dense", "dense_1", ", \"units\": 2"), 304,
                 "is stored in chunks");
}

static void configs_must_make_sense(void **state)
{
    (void)state;
    check("{\"class_name\": ", 201, "config.json is no JSON: byte 15");
    check("{\"class_name\": \"Sequential\", \"class_name\": \"Model\"}", 201, "a key twice");
    check("{\"class_name\": \"Sequential\", \"config\": {\"layers\": []}}", 201, "without layers");
    check_layers(DENSE ", " DENSE, 201, "is the name of two layers");
    check_layers("{\"class_name\": 3}", 201, "no class_name");
    check_layers(LAYER("Reshape", "r", ", \"target_shape\": [-1, -1]"), 207, "is no shape");
    check_layers(LAYER("Permute", "p", ", \"dims\": [3, 1]"), 207, "no order of the input's dims");
    check_layers(LAYER("Reshape", "r", ", \"target_shape\": [2, 2, 1]") ", " LAYER(
                     "Conv2D", "c", ", \"filters\": 2, \"kernel_size\": 3, \"padding\": \"odd\""),
                 207, "'padding' is 'odd'");
    check("{\"class_name\": \"Sequential\", \"config\": {\"layers\": [" DENSE "]}}", 303,
          "does not say what shape its input has");
    check("{\"class_name\": \"Sequential\", \"config\": {\"layers\": [{\"class_name\": "
          "\"InputLayer\", \"config\": {\"name\": \"x\", \"batch_shape\": [null, 1e300]}}]}}",
          201, "the shape of the input holds a number");
    char deep[1024] = "{\"class_name\": \"Sequential\", \"config\": ";
    for (size_t i = strlen(deep), k = 0; k < 200; k++) {
        deep[i + k] = '[';
    }
    check(deep, 203, "nested deeper");
}

#define FUNCTIONAL(layers, outputs)                                                                \
    "{\"class_name\": \"Functional\", \"config\": {\"name\": \"f\", \"layers\": "                  \
    "[{\"class_name\": "                                                                           \
    "\"InputLayer\", \"name\": \"x\", \"config\": {\"batch_shape\": [null, 4], \"name\": \"x\"}, " \
    "\"inbound_nodes\": []}, " layers "], \"input_layers\": [[\"x\", 0, 0]], \"output_layers\": "  \
    "[" outputs "]}}"
#define ACT(name, inbound)                                                                         \
    "{\"class_name\": \"Activation\", \"name\": \"" name "\", \"config\": {\"name\": \"" name      \
    "\", \"activation\": \"relu\"}, \"inbound_nodes\": [[" inbound "]]}"

static void graphs_must_hang_together(void **state)
{
    (void)state;
    check(FUNCTIONAL(ACT("a", "[\"b\", 0, 0, {}]") ", " ACT("b", "[\"a\", 0, 0, {}]"),
                     "[\"a\", 0, 0]"),
          208, "depend on each other in a circle");
    check(FUNCTIONAL(ACT("a", "[\"nobody\", 0, 0, {}]"), "[\"a\", 0, 0]"), 208,
          "is read, and does not exist");
    check(FUNCTIONAL(ACT("a", "[\"x\", 3, 0, {}]"), "[\"a\", 0, 0]"), 208,
          "after more calls than it has");
    check(FUNCTIONAL(ACT("a", "[\"x\", 0, 0, {}]"), ""), 201, "has no outputs");
}

#define EMBEDDING(rest) LAYER("Embedding", "e", ", \"input_dim\": 5, \"output_dim\": 2" rest)
#define LSTM            LAYER("LSTM", "l", ", \"units\": 1")

/* A mask reaches a layer that would ignore it; a layer that does not look at it is no matter. */
static void masks_are_refused_where_they_count(void **state)
{
    (void)state;
    check_layers(EMBEDDING(", \"mask_zero\": true") ", " LAYER("Dropout", "d", "") ", " LSTM, 304,
                 "has an input with a mask");
    check_layers(EMBEDDING(", \"mask_zero\": false") ", " LSTM ", " LAYER("Lambda", "end", ""), 206,
                 "holds Python code");
}

static void files_must_be_whole(void **state)
{
    (void)state;
    check_bytes(weights, weight_bytes, 206, "it holds weights alone");
    check_bytes("{\"class_name\": \"Model\", \"config\": {}}", 37, 206, "no weights are beside it");
    size_t size = pack("{}");
    check_bytes(archive, size - 30, 201, "has no directory");
    check_bytes(archive, size, 206, "the model's class is ''");
    archive[200] ^= 1;
    check_bytes(archive, size, 201, "does not fit its checksum");
}

/* Any cut and any changed byte ends with a status and a reason. */
static void damage_is_survived(void **state)
{
    (void)state;
    size_t size = pack(
        "{\"class_name\": \"Sequential\", \"config\": {\"layers\": [{\"class_name\": "
        "\"InputLayer\", \"config\": {\"batch_shape\": [null, 4], \"name\": \"x\"}}, " DENSE "]}}");
    uint8_t *copy = malloc(weight_bytes);
    assert_non_null(copy);
    memcpy(copy, weights, weight_bytes);
    uint32_t random = 1;
    for (uint32_t i = 0; i < 3000; i++) {
        random = random * UINT32_C(1664525) + UINT32_C(1013904223);
        weights[(random >> 8) % weight_bytes] ^= (uint8_t)(1 << (random >> 4) % 8);
        (void)pack(
            "{\"class_name\": \"Sequential\", \"config\": {\"layers\": [{\"class_name\": "
            "\"InputLayer\", \"config\": {\"batch_shape\": [null, 4], \"name\": \"x\"}}, " DENSE
            "]}}");
        hmlc_module *module = hmlc_module_create(NULL);
        hmlc_status status =
            hmlc_import_memory(archive, i % 2 == 0 ? size : i % size, NULL, module);
        assert_true(status == HMLC_OK || hmlc_diagnostics_error_count(module->diagnostics) > 0);
        assert_int_not_equal(status, HMLC_INTERNAL);
        hmlc_module_destroy(module);
        memcpy(weights, copy, i % 4 == 3 ? weight_bytes : 0);
    }
    memcpy(weights, copy, weight_bytes);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_imported),
        cmocka_unit_test(layers_are_refused_by_name),
        cmocka_unit_test(all_problems_are_told),
        cmocka_unit_test(weights_must_fit),
        cmocka_unit_test(configs_must_make_sense),
        cmocka_unit_test(graphs_must_hang_together),
        cmocka_unit_test(masks_are_refused_where_they_count),
        cmocka_unit_test(files_must_be_whole),
        cmocka_unit_test(damage_is_survived),
    };
    return cmocka_run_group_tests(tests, read_weights, NULL);
}

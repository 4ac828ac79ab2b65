/* SPDX-License-Identifier: Apache-2.0 */
/* TFLite files: what comes out of good ones, and how bad ones are refused; by code and words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flat_writer.h"
#include "import_expect.h"

static imported import_flat(const flat_model *model)
{
    wire_buffer file = flat_write(model);
    return import_bytes(&file, NULL);
}

static void expect(const flat_model *model, hmlc_status status, const char *error, const char *text)
{
    expect_status(import_flat(model), status, error, text);
}

static void expect_damage(const flat_model *model, const char *text)
{
    expect(model, HMLC_DAMAGED, "file_damaged", text);
}

/* -- good files -- */

static void a_small_model_imports(void **state)
{
    (void)state;
    flat_model model = flat_sample();
    imported result = import_flat(&model);
    assert_int_equal(result.status, HMLC_OK);
    assert_string_equal(input_type(&result, 0), "f32[2, 3]");
    assert_string_equal(output_type(&result, 0), "f32[2, 3]");
    assert_string_equal(result.module->main->arguments[0]->name, "x");
    assert_string_equal(result.module->output_names[0], "y");
    assert_int_equal(count_ops(&result, HMLC_OP_relu), 1);
    assert_int_equal(count_ops(&result, HMLC_OP_transpose), 0);
    imported_free(&result);
}

/* The bytes of a constant are those of the file. */
static void weights_stay_in_the_file(void **state)
{
    (void)state;
    flat_model model = flat_sample();
    imported result = import_flat(&model);
    const hmlc_op *op = result.module->main->first;
    assert_int_equal(op->opcode, HMLC_OP_constant);
    const unsigned char *data = hmlc_value_constant(op->results[0])->data;
    assert_true(data >= result.file.data && data < result.file.data + result.file.size);
    imported_free(&result);
}

/* -1 of the first dim of every input is the batch; another is the tensor's own. */
static void varying_dims_are_symbols(void **state)
{
    (void)state;
    static const int32_t batch[] = {-1, 3, FLAT_END}, width[] = {2, -1, FLAT_END};
    flat_model model = flat_sample();
    model.subgraphs[0].tensors[0].signature = batch;
    imported result = import_flat(&model);
    assert_int_equal(result.status, HMLC_OK);
    assert_string_equal(output_type(&result, 0), "f32[batch, 3]");
    imported_free(&result);
    model.subgraphs[0].tensors[0].signature = width;
    result = import_flat(&model);
    assert_int_equal(result.status, HMLC_OK);
    assert_string_equal(input_type(&result, 0), "f32[2, x_dim1]");
    imported_free(&result);
}

static void names_that_repeat_get_numbers(void **state)
{
    (void)state;
    flat_model model = flat_sample();
    model.subgraphs[0].tensors[3].name = "x";
    imported result = import_flat(&model);
    assert_int_equal(result.status, HMLC_OK);
    assert_string_equal(result.module->output_names[0], "x#3");
    imported_free(&result);
}

/* Data behind the FlatBuffer, by offset and size. */
static void buffers_may_lie_behind(void **state)
{
    (void)state;
    flat_model model = flat_sample();
    wire_buffer file = flat_write(&model);
    size_t end = (file.size + 15) / 16 * 16;
    model.buffers[1] = (flat_buffer){.offset = end, .outside = 12};
    wire_free(&file);
    file = flat_write(&model);
    assert_true(file.size <= end);
    static const unsigned char zeros[64];
    wire_put_raw(&file, zeros, end + 12 - file.size);
    imported result = import_bytes(&file, NULL);
    assert_int_equal(result.status, HMLC_OK);
    imported_free(&result);
}

/* -- words -- */

static imported import_part(const flat_model *model, const hmlc_import_options *options)
{
    wire_buffer file = flat_write(model);
    return import_bytes(&file, options);
}

static flat_model with_signature(void)
{
    flat_model model = flat_sample();
    model.signatures[0] = (flat_signature){"serving_default", 0, 0, 3};
    model.signature_count = 1;
    return model;
}

static void a_signature_gives_its_names(void **state)
{
    (void)state;
    flat_model model = with_signature();
    imported result = import_part(&model, &(hmlc_import_options){.signature = "serving_default"});
    assert_int_equal(result.status, HMLC_OK);
    assert_string_equal(result.module->main->arguments[0]->name, "in");
    assert_string_equal(result.module->output_names[0], "out");
    imported_free(&result);
    result = import_part(&model, &(hmlc_import_options){.signature = "serving_defalt"});
    assert_string_equal(first_error(&result), "usage");
    assert_true(says(&result, "did you mean 'serving_default'?"));
    imported_free(&result);
}

/* What is fed needs nobody who gives it, and what nobody wants is not imported. */
static void ends_may_be_chosen(void **state)
{
    (void)state;
    flat_model model = flat_sample();
    imported result = import_part(&model, &(hmlc_import_options){.outputs = "sum"});
    assert_int_equal(result.status, HMLC_OK);
    assert_string_equal(result.module->output_names[0], "sum");
    assert_int_equal(count_ops(&result, HMLC_OP_relu), 0);
    imported_free(&result);
    model.codes[0] = (flat_code){32, 1, "Mine"};
    result = import_part(&model, &(hmlc_import_options){.inputs = "sum"});
    assert_int_equal(result.status, HMLC_OK);
    assert_string_equal(result.module->main->arguments[0]->name, "sum");
    assert_int_equal(count_ops(&result, HMLC_OP_relu), 1);
    imported_free(&result);
    result = import_part(&model, &(hmlc_import_options){.outputs = "sum,none"});
    assert_string_equal(first_error(&result), "usage");
    assert_true(says(&result, "--outputs: the model has no tensor 'none'"));
    imported_free(&result);
}

static void releases_are_known_by_name(void **state)
{
    (void)state;
    flat_model model = flat_sample();
    imported result = import_part(&model, &(hmlc_import_options){.tflite_rounding = "litert2.3"});
    assert_int_equal(result.status, HMLC_OK);
    imported_free(&result);
    result = import_part(&model, &(hmlc_import_options){.tflite_rounding = "tf1"});
    assert_string_equal(first_error(&result), "usage");
    assert_true(says(&result, "no release is called 'tf1'"));
    imported_free(&result);
}

static void other_formats_have_no_such_words(void **state)
{
    (void)state;
    wire_buffer graph = one_node("Relu", "2 3");
    imported result =
        import_graph_with(&graph, 17, &(hmlc_import_options){.signature = "serving_default"});
    assert_string_equal(first_error(&result), "usage");
    imported_free(&result);
}

/* -- bad files -- */

static void indices_are_checked(void **state)
{
    (void)state;
    static const int32_t below[] = {0, -2, FLAT_END}, behind[] = {0, 4, FLAT_END};
    static const int32_t absent[] = {-1, FLAT_END};
    flat_model model = flat_sample();
    model.subgraphs[0].operators[0].inputs = below;
    expect_damage(&model, "is named: out of range");
    model.subgraphs[0].operators[0].inputs = behind;
    expect_damage(&model, "is named: out of range");
    model = flat_sample();
    model.subgraphs[0].outputs = absent;
    expect_damage(&model, "is named: out of range");
    model = flat_sample();
    model.subgraphs[0].operators[1].code = 2;
    expect_damage(&model, "number of an operator code is out of range");
    model = flat_sample();
    model.subgraphs[0].tensors[1].buffer = 2;
    expect_damage(&model, "number of a tensor's buffer is out of range");
    model = flat_sample();
    model.signatures[0] = (flat_signature){"serving_default", 1, 0, 3};
    model.signature_count = 1;
    expect_damage(&model, "a signature names a subgraph out of range");
    model.signatures[0] = (flat_signature){"serving_default", 0, 0, 4};
    expect_damage(&model, "a signature names a tensor out of range");
}

static void parts_must_be_there(void **state)
{
    (void)state;
    flat_model model = flat_sample();
    model.subgraph_count = 0;
    expect_damage(&model, "no subgraph");
    model = flat_sample();
    model.version = 4;
    expect(&model, HMLC_REFUSED, "version_newer", "version 4 of the TFLite schema");
    model = flat_sample();
    model.code_count = 0;
    expect_damage(&model, "operator code is out of range");
}

static void buffers_must_fit(void **state)
{
    (void)state;
    flat_model model = flat_sample();
    model.buffers[1].size = 8;
    expect(&model, HMLC_DAMAGED, "tensor_data_invalid", "8 bytes are stored, but");
    model = flat_sample();
    model.buffers[1] = (flat_buffer){.offset = 1U << 30, .outside = 12};
    expect_damage(&model, "a buffer lies outside the file");
    model.buffers[1] = (flat_buffer){.offset = UINT64_MAX - 4, .outside = 16};
    expect_damage(&model, "a buffer lies outside the file");
    model = flat_sample();
    model.subgraphs[0].tensors[1].external = 1;
    expect(&model, HMLC_DAMAGED, "external_data_refused", "lies in another file");
}

static void operators_are_refused_by_name(void **state)
{
    (void)state;
    flat_model model = flat_sample();
    model.codes[1] = (flat_code){19, 99, NULL};
    expect(&model, HMLC_REFUSED, "version_newer", "RELU has version 99");
    model.codes[1] = (flat_code){1000, 1, NULL};
    expect(&model, HMLC_REFUSED, "op_unknown", "no builtin operator has the number 1000");
    model.codes[1] = (flat_code){136, 1, NULL};
    expect(&model, HMLC_REFUSED, "op_unsupported", "operator HASHTABLE is not supported");
    model.codes[1] = (flat_code){32, 1, "FlexErf"};
    expect(&model, HMLC_REFUSED, "op_unsupported", "convert without SELECT_TF_OPS");
    model.codes[1] = (flat_code){32, 1, "edgetpu-custom-op"};
    expect(&model, HMLC_REFUSED, "op_unsupported", "Edge TPU");
    model.codes[1] = (flat_code){32, 1, "Mine"};
    expect(&model, HMLC_REFUSED, "op_unsupported", "custom operator 'Mine'");
}

/* Both problems are told, and the place says the operator's number and what it gives. */
static void all_problems_are_told(void **state)
{
    (void)state;
    flat_model model = flat_sample();
    model.codes[0] = (flat_code){136, 1, NULL};
    model.codes[1] = (flat_code){32, 1, "Mine"};
    imported result = import_flat(&model);
    char where[128];
    const hmlc_diagnostic *first = hmlc_diagnostics_first(result.module->diagnostics);
    assert_int_equal(error_count(&result), 2);
    hmlc_location_format(first->location, where, sizeof where);
    assert_string_equal(where, "model: node '#0 sum' (HASHTABLE)");
    imported_free(&result);
}

static void options_are_checked(void **state)
{
    (void)state;
    flat_model model = flat_sample();
    flat_operator *add = &model.subgraphs[0].operators[0];
    add->options[0].value = 5;
    expect(&model, HMLC_DAMAGED, "attribute_invalid", "fused activation 5");
    model = flat_sample();
    add->options_type = 21;
    expect(&model, HMLC_DAMAGED, "attribute_invalid", "options of kind 21");
    model = flat_sample();
    add->options[0] = (flat_option){9, 4, 1};
    expect(&model, HMLC_REFUSED, "version_newer", "an option (field 9) that is not known");
}

static void quantization_is_checked(void **state)
{
    (void)state;
    flat_model model = flat_sample();
    flat_tensor *w = &model.subgraphs[0].tensors[1];
    w->type = 9;
    model.buffers[1].size = 3;
    w->scale_count = 1;
    w->scales[0] = -0.5F;
    expect(&model, HMLC_DAMAGED, "attribute_invalid", "scale 0 of 1 is negative or no number");
    w->scales[0] = strtof("nan", NULL);
    expect(&model, HMLC_DAMAGED, "attribute_invalid", "scale 0 of 1 is negative or no number");
    w->scales[0] = 0.5F;
    w->zero = 128;
    expect(&model, HMLC_DAMAGED, "attribute_invalid", "zero point 128 fits no element of 8 bits");
    w->zero = 0;
    w->scale_count = 2;
    w->scales[1] = 0.5F;
    expect(&model, HMLC_DAMAGED, "attribute_invalid", "2 scales for 3 channels");
    static const int32_t matrix[] = {1, 3, FLAT_END};
    w->shape = matrix;
    w->axis = 2;
    expect(&model, HMLC_DAMAGED, "attribute_invalid", "along axis 2, its rank is 2");
}

static void values_have_one_source(void **state)
{
    (void)state;
    static const int32_t x[] = {0, FLAT_END}, w[] = {1, FLAT_END}, y[] = {3, FLAT_END};
    flat_model model = flat_sample();
    model.subgraphs[0].operators[1].outputs = x;
    expect(&model, HMLC_DAMAGED, "value_undefined", "'x' is defined twice");
    model.subgraphs[0].operators[1].outputs = w;
    expect(&model, HMLC_DAMAGED, "value_undefined", "'w' is defined twice");
    model = flat_sample();
    model.subgraphs[0].operators[0].outputs = y;
    expect(&model, HMLC_DAMAGED, "value_undefined", "'y' is defined twice");
    model = flat_sample();
    model.subgraphs[0].inputs = w;
    expect(&model, HMLC_DAMAGED, "value_undefined", "'w' is an input and a constant");
    model = flat_sample();
    flat_operator first = model.subgraphs[0].operators[0];
    model.subgraphs[0].operators[0] = model.subgraphs[0].operators[1];
    model.subgraphs[0].operators[1] = first;
    expect(&model, HMLC_DAMAGED, "graph_invalid", "reads 'sum', which a later operator gives");
}

static void declared_types_bind(void **state)
{
    (void)state;
    flat_model model = flat_sample();
    model.subgraphs[0].tensors[3].type = 2;
    expect(&model, HMLC_DAMAGED, "declared_type_contradicts", "declared as INT32");
    model = flat_sample();
    model.subgraphs[0].tensors[0].type = 5;
    expect(&model, HMLC_REFUSED, "op_unsupported_type", "the input is STRING");
    model = flat_sample();
    model.subgraphs[0].tensors[0].shape = NULL;
    expect(&model, HMLC_REFUSED, "rank_unknown", "the input has no shape");
}

/* IF whose branch is the graph that it stands in. */
static void calls_in_a_circle_end(void **state)
{
    (void)state;
    static const int32_t sum[] = {2, FLAT_END}, y[] = {3, FLAT_END}, x[] = {0, FLAT_END};
    flat_model model = flat_sample();
    model.codes[1] = (flat_code){118, 1, NULL};
    model.subgraphs[0].tensors[0].type = model.subgraphs[0].tensors[1].type = 6;
    model.codes[0] = (flat_code){86, 1, NULL};
    model.subgraphs[0].tensors[2].type = model.subgraphs[0].tensors[3].type = 6;
    model.buffers[1].size = 3;
    model.subgraphs[0].operators[0].options_type = 0;
    model.subgraphs[0].inputs = x;
    static const int32_t choice[] = {2, 0, FLAT_END};
    model.subgraphs[0].operators[1] = (flat_operator){1, choice, y, 92, {{0, 4, 0}, {1, 4, 7}}, 2};
    static const int32_t one[] = {1, FLAT_END};
    for (uint32_t k = 0; k < 4; k++) {
        model.subgraphs[0].tensors[k].shape = one;
    }
    model.buffers[1].size = 1;
    (void)sum;
    expect(&model, HMLC_DAMAGED, "graph_invalid", "calls itself");
}

static void inputs_and_constants_may_be_outputs(void **state)
{
    (void)state;
    static const int32_t ends[] = {0, 1, 3, 3, FLAT_END};
    flat_model model = flat_sample();
    model.subgraphs[0].outputs = ends;
    imported result = import_flat(&model);
    assert_int_equal(result.status, HMLC_OK);
    assert_string_equal(output_type(&result, 0), "f32[2, 3]");
    assert_string_equal(output_type(&result, 1), "f32[3]");
    imported_free(&result);
}

/* -- damaged bytes -- */

static void expect_bytes(const unsigned char *data, size_t size, const char *text)
{
    wire_buffer file = {0};
    wire_put_raw(&file, data, size);
    expect_status(import_bytes(&file, NULL), HMLC_DAMAGED, "file_damaged", text);
}

/* By place in the file: the root's offset, its vtable's size, the offset of a vector, its length.
 */
static void broken_structure_is_told(void **state)
{
    (void)state;
    flat_model model = flat_sample();
    wire_buffer file = flat_write(&model);
    uint32_t root, back, kept, word;
    memcpy(&root, file.data, 4);
    memcpy(&back, file.data + root, 4);
    unsigned char *vtable = file.data + root - back;
    word = 0x7ffffff0U;
    memcpy(file.data, &word, 4);
    expect_bytes(file.data, file.size, "an offset points outside the file");
    memcpy(file.data, &root, 4);
    vtable[0]++;
    expect_bytes(file.data, file.size, "a table's size does not fit the file");
    vtable[0]--;
    word = 4;
    memcpy(file.data + root, &word, 4); /* the fields are described within the table */
    expect_bytes(file.data, file.size, "");
    memcpy(file.data + root, &back, 4);
    size_t slot = root + vtable[4 + 2 * 2]; /* subgraphs */
    memcpy(&kept, file.data + slot, 4);
    word = 1U << 31;
    memcpy(file.data + slot + kept, &word, 4);
    expect_bytes(file.data, file.size, "a vector is longer than the file");
    wire_free(&file);
}

static hmlc_status import_copy(const unsigned char *data, size_t size)
{
    wire_buffer file = {0};
    wire_put_raw(&file, data, size);
    imported model = import_bytes(&file, NULL);
    hmlc_status status = model.status;
    assert_true(status == HMLC_OK || error_count(&model) > 0);
    if (status == HMLC_OK) {
        assert_int_equal(hmlc_verify(model.module, "import"), HMLC_OK);
    }
    imported_free(&model);
    return status;
}

static wire_buffer sample_file(void)
{
    flat_model model = flat_sample();
    model.subgraphs[0].tensors[0].scale_count = 1;
    model.subgraphs[0].tensors[0].scales[0] = 0.5F;
    model.signatures[0] = (flat_signature){"serving_default", 0, 0, 3};
    model.signature_count = 1;
    return flat_write(&model);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    wire_buffer file = sample_file();
    assert_int_equal(import_copy(file.data, file.size), HMLC_OK);
    for (size_t size = 0; size < file.size - 8; size++) {
        assert_int_not_equal(import_copy(file.data, size), HMLC_OK);
    }
    wire_free(&file);
}

/* Nothing is promised of the status, but that it comes. */
static void altered_bytes_do_no_harm(void **state)
{
    (void)state;
    static const unsigned char masks[] = {0x01, 0x80, 0xff};
    wire_buffer file = sample_file();
    for (size_t at = 0; at < file.size; at++) {
        for (size_t k = 0; k < sizeof masks; k++) {
            file.data[at] ^= masks[k];
            hmlc_status status = import_copy(file.data, file.size);
            assert_true(status != HMLC_INTERNAL);
            file.data[at] ^= masks[k];
        }
    }
    wire_free(&file);
}

/* Each word of the file becomes an offset or a length that points far away. */
static void wild_offsets_do_no_harm(void **state)
{
    (void)state;
    static const uint32_t words[] = {0x80000000U, 0xfffffffcU, 0x7fffffffU, 4};
    wire_buffer file = sample_file();
    for (size_t at = 0; at + 4 <= file.size; at += 4) {
        for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
            uint32_t kept;
            memcpy(&kept, file.data + at, 4);
            memcpy(file.data + at, &words[k], 4);
            assert_true(import_copy(file.data, file.size) != HMLC_INTERNAL);
            memcpy(file.data + at, &kept, 4);
        }
    }
    wire_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_model_imports),
        cmocka_unit_test(weights_stay_in_the_file),
        cmocka_unit_test(varying_dims_are_symbols),
        cmocka_unit_test(names_that_repeat_get_numbers),
        cmocka_unit_test(buffers_may_lie_behind),
        cmocka_unit_test(a_signature_gives_its_names),
        cmocka_unit_test(ends_may_be_chosen),
        cmocka_unit_test(releases_are_known_by_name),
        cmocka_unit_test(other_formats_have_no_such_words),
        cmocka_unit_test(indices_are_checked),
        cmocka_unit_test(parts_must_be_there),
        cmocka_unit_test(buffers_must_fit),
        cmocka_unit_test(operators_are_refused_by_name),
        cmocka_unit_test(all_problems_are_told),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(quantization_is_checked),
        cmocka_unit_test(values_have_one_source),
        cmocka_unit_test(declared_types_bind),
        cmocka_unit_test(calls_in_a_circle_end),
        cmocka_unit_test(inputs_and_constants_may_be_outputs),
        cmocka_unit_test(broken_structure_is_told),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(altered_bytes_do_no_harm),
        cmocka_unit_test(wild_offsets_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

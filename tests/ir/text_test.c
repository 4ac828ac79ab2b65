/* SPDX-License-Identifier: Apache-2.0 */
/* The text form: print, parse, print gives the same text; keys of kernels; what is refused. */
#include <stdio.h>
#include <string.h>

#include "test.h"
#include "text_files.h"

static void check_round_trip(const hmlc_text_buffer *source)
{
    hmlc_module *module = test_parse(source, NULL);
    hmlc_text_buffer text = {0}, constants = {0}, again = {0}, constants_again = {0};
    test_print(module, &text, &constants);
    hmlc_module *copy = test_parse(&text, &constants);
    assert_int_equal(hmlc_verify(copy, "parsing"), HMLC_OK);
    test_print(copy, &again, &constants_again);
    assert_string_equal(text.data, again.data);
    assert_int_equal(constants.size, constants_again.size);
    if (constants.size > 0) {
        assert_memory_equal(constants.data, constants_again.data, constants.size);
    }
    hmlc_text_buffer_free(&text);
    hmlc_text_buffer_free(&constants);
    hmlc_text_buffer_free(&again);
    hmlc_text_buffer_free(&constants_again);
    hmlc_module_destroy(module);
    hmlc_module_destroy(copy);
}

static void every_op_comes_back(void **state)
{
    (void)state;
    hmlc_text_buffer source = test_read("every_op.hir");
    check_round_trip(&source);
    hmlc_text_buffer_free(&source);
}

static void storage_comes_back(void **state)
{
    (void)state;
    hmlc_text_buffer source = test_read("storage.hir");
    check_round_trip(&source);
    hmlc_text_buffer_free(&source);
}

static void count_ops(const hmlc_region *region, bool *ops, bool *attrs, bool *dtypes)
{
    for (const hmlc_op *op = region->first; op != NULL; op = op->next) {
        ops[op->opcode] = true;
        for (uint32_t i = 0; i < op->attr_count; i++) {
            attrs[op->attrs[i].name] = true;
        }
        for (uint32_t i = 0; i < op->result_count; i++) {
            dtypes[op->results[i]->type->dtype] = true;
        }
        for (uint32_t i = 0; i < op->region_count; i++) {
            count_ops(op->regions[i], ops, attrs, dtypes);
        }
    }
}

/* A new row of ops.def or attrs.def belongs into every_op.hir too. */
static void the_sample_holds_every_op_and_attribute(void **state)
{
    (void)state;
    bool ops[HMLC_OP_COUNT] = {false}, attrs[HMLC_ATTR_COUNT] = {false};
    bool dtypes[HMLC_DTYPE_COUNT] = {false}, used[HMLC_ATTR_COUNT] = {false};
    hmlc_text_buffer source = test_read("every_op.hir");
    hmlc_module *module = test_parse(&source, NULL);
    count_ops(module->main, ops, attrs, dtypes);
    for (int i = 0; i < HMLC_OP_COUNT; i++) {
        const hmlc_op_info *info = hmlc_op_get_info((hmlc_opcode)i);
        if (!ops[i]) {
            fail_msg("op %s is missing", info->name);
        }
        for (uint32_t k = 0; k < info->attr_count; k++) {
            used[info->attrs[k].name] = true;
        }
    }
    for (int i = 0; i < HMLC_ATTR_COUNT; i++) {
        if (used[i] && !attrs[i]) {
            fail_msg("attribute %s is missing", hmlc_attr_name_text((hmlc_attr_name)i));
        }
    }
    for (int i = HMLC_DTYPE_bool; i <= HMLC_DTYPE_f64; i++) {
        if (!dtypes[i]) {
            fail_msg("element type %s is missing", hmlc_dtype_name((hmlc_dtype)i));
        }
    }
    hmlc_module_destroy(module);
    hmlc_text_buffer_free(&source);
}

static hmlc_module *parse_text(const char *text)
{
    hmlc_text_buffer buffer = {.data = NULL};
    union {
        const char *readable;
        char *writable;
    } pun = {.readable = text};
    buffer.data = pun.writable;
    buffer.size = strlen(text);
    return test_parse(&buffer, NULL);
}

static char *key_of(const hmlc_op *op)
{
    hmlc_text_buffer text = {0};
    assert_int_equal(hmlc_op_print(op, &text), HMLC_OK);
    return text.data;
}

static void equal_kernels_have_equal_keys(void **state)
{
    (void)state;
    hmlc_module *module = parse_text(
        "hir 1\nmodel \"\"\nmain(%0: f32[4], %1: f32[4]) {\n"
        "  %2 \"first\" = kernel(%0, %1) {form = loop} : f32[4] loc(\"a\", \"b\", \"c\") (%3: "
        "f32[4], %4: f32[4]) {\n    %5 \"inside\" = sub(%4, %3) : f32[4]\n    yield(%5)\n  }\n"
        "  %6 = kernel(%2, %0) {form = loop} : f32[4] (%7: f32[4], %8: f32[4]) {\n"
        "    %9 = sub(%8, %7) : f32[4]\n    yield(%9)\n  }\n"
        "  %10 = kernel(%2, %2) {form = loop} : f32[4] (%11: f32[4], %12: f32[4]) {\n"
        "    %13 = sub(%12, %11) : f32[4]\n    yield(%13)\n  }\n"
        "  %14 = kernel(%2, %0) {form = loop} : f32[4] (%15: f32[4], %16: f32[4]) {\n"
        "    %17 = sub(%15, %16) : f32[4]\n    yield(%17)\n  }\n"
        "  yield(%6, %10, %14)\n}\n");
    hmlc_op *op = module->main->first;
    hmlc_text_buffer first = {.data = key_of(op)}, second = {.data = key_of(op->next)};
    hmlc_text_buffer third = {.data = key_of(op->next->next)};
    hmlc_text_buffer fourth = {.data = key_of(op->next->next->next)};
    assert_string_equal(first.data,
                        "%2 = kernel(%0: f32[4], %1: f32[4]) {form = loop} : f32[4] "
                        "(%3: f32[4], %4: f32[4]) {\n  %5 = sub(%4, %3) : f32[4]\n  yield(%5)\n}");
    assert_string_equal(first.data, second.data);
    assert_string_not_equal(first.data, third.data);
    assert_string_not_equal(first.data, fourth.data);
    hmlc_text_buffer_free(&first);
    hmlc_text_buffer_free(&second);
    hmlc_text_buffer_free(&third);
    hmlc_text_buffer_free(&fourth);
    hmlc_module_destroy(module);
}

static void control_flow_keeps_its_symbols(void **state)
{
    (void)state;
    const char *text = "hir 1\nmodel \"\"\nsymbol \"a\" [0, inf] hint 64\nsymbol \"b\" [0, inf] "
                       "hint 64\nsymbol \"if7\" [0, inf] hint 64 run\nmain(%0: bool[], %1: f32[a], "
                       "%2: f32[b]) {\n  %3 = if(%0) : f32[if7] () {\n    yield(%1)\n  } () {\n    "
                       "yield(%2)\n  }\n  yield(%3)\n}\n";
    hmlc_module *module = parse_text(text);
    hmlc_text_buffer printed = {0};
    test_print(module, &printed, NULL);
    assert_string_equal(printed.data, text);
    assert_int_equal(hmlc_symbol_count(module->dims), 3);
    hmlc_text_buffer_free(&printed);
    hmlc_module_destroy(module);
}

#define MODULE(arguments, body) "hir 1\nmodel \"\"\nmain(" arguments ") {\n" body "}\n"

static void faults_are_named_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "1:1: expected 'hir 1', found the end of the text"},
        {"hir 2", "1:5: expected an integer from 1 to 1, found '2'"},
        {"hir 1 main(", "1:12: expected a value such as %0, found the end of the text"},
        {MODULE("%0: f33[4]", ""), "3:10: expected an element type, found 'f33'"},
        {MODULE("%0: f32[n]", ""), "3:14: expected declared symbols alone, found 'n'"},
        {MODULE("%0: f32[+]", ""), "3:14: expected a dim expression, found '+'"},
        {MODULE("%0: f32[4], %0: f32[]", ""), "expected a value that is not defined yet"},
        {MODULE("", "yield(%1)\n"), "4:7: expected a value that is defined before, found '%1'"},
        {MODULE("", "frob()\n"), "4:1: expected the name of an operator, found 'frob'"},
        {MODULE("%0: f32[4]", "%1 = neg(%0) {foo = 1} : f32[4]\n"), "expected the name of an attr"},
        {MODULE("%0: f32[4]", "%1 = neg(%0) {axis = 1} : f32[4]\n"), "neg has no attribute axis"},
        {MODULE("%0: f32[4]", "%1 = neg(%0)\n"), "expected ':'"},
        {MODULE("%0: f32[4]", "%1, %2 = neg(%0) : f32[4], f32[4]\n"), "neg has 1 results, 2 are"},
        {MODULE("%0: f32[4]", "neg(%0)\n"), "neg has 1 results, 0 are given"},
        {MODULE("%0: f32[4]", "%1 = add(%0) : f32[4]\n"), "add takes 2 to 2 operands, found 1"},
        {MODULE("%0: f32[4]", "%1 = add(%0, _) : f32[4]\n"), "add takes 2 to 2 operands, found 1"},
        {MODULE("%0: f32[4]", "%1 = gelu(%0) {approximate = x} : f32[4]\n"), "a word of attribute"},
        {MODULE("", "%0 = constant() {value = i8[1](300)} : i8[1]\n"), "a value of type i8"},
        {MODULE("", "%0 = constant() {value = i8[2](3)} : i8[2]\n"), "expected ','"},
        {MODULE("", "%0 = constant() {value = i8[999999999999](3)} : i8[1]\n"),
         "expected 999999999999 elements"},
        {MODULE("", "%0 = constant() {value = i4[2](3)} : i4[2]\n"), "with a dense form"},
        {MODULE("", "%0 = constant() {value = u8[9](hash 00)} : u8[9]\n"), "expected a hash"},
        {MODULE("", "%0 = constant() {value = u8[9](hash 00000000000000000000000000000000 at 0)} : "
                    "u8[9]\n"),
         "and the file of constants"},
        {MODULE("%0: f32[4]", "yield(%0)\nyield(%0)\n"), "expected nothing behind the yield"},
        {MODULE("%0: f32[4]", "yield(%0)\n") "x", "expected nothing behind the main graph"},
        {"hir 1 main(%0: f32[]) -> (\"a\", \"b\") { yield(%0) }", "one output name per operand"},
        {MODULE("%0 \"\\q\": f32[4]", ""), "expected the escapes"},
        {MODULE("%0 \"abc: f32[4]", ""), "expected ':'"},
        {MODULE("%0: f32[1,1,1,1,1,1,1,1,1,1,1,1,1]", ""), "expected at most 12 entries"},
        {"hir 1 symbol a [0, 5] symbol a [0, 5]", "a symbol that is not declared yet"},
        {"hir 1 symbol a [5, 4]", "expected an integer from 5"},
        {MODULE("%0: f32[4] @arena 0 root %9", ""), "expected a value that is defined, found '%9'"},
        {MODULE("%0: f32[4] @arena 0 strides[1, 2]", ""), "expected one stride per dim"},
        {MODULE("%0: f32[9223372036854775807*9223372036854775807]", ""), "does not overflow"},
        {MODULE("%0: f32[4]", "%1 = kernel(%0) {form = loop} : f32[4] (%2: f32[4]) { %3 = neg(%0) "
                              ": f32[4] yield(%3) }\n"),
         "expected a value of the kernel itself"},
        {MODULE("%0: f32[4]", "%1 = kernel(%0) {form = loop} : f32[4] (%2: f32[4]) { yield(%2) } "
                              "yield(%2)\n"),
         "expected a value that is defined before"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hmlc_module *module = hmlc_module_create(NULL);
        hmlc_status status = hmlc_module_parse(module, rows[i].text, strlen(rows[i].text), NULL, 0);
        const hmlc_diagnostic *first = hmlc_diagnostics_first(module->diagnostics);
        if (status != HMLC_DAMAGED || first == NULL ||
            strstr(first->message, rows[i].message) == NULL) {
            fail_msg("row %zu ends with %d and '%s', expected '%s'", i, status,
                     first == NULL ? "" : first->message, rows[i].message);
        }
        hmlc_module_destroy(module);
    }
}

static void constants_are_checked_against_their_hash(void **state)
{
    (void)state;
    hmlc_text_buffer source = test_read("every_op.hir"), text = {0}, constants = {0};
    hmlc_module *module = test_parse(&source, NULL);
    test_print(module, &text, &constants);
    assert_true(constants.size > 64);
    constants.data[constants.size - 1] ^= 1;
    hmlc_module *copy = hmlc_module_create(NULL);
    assert_int_equal(hmlc_module_parse(copy, text.data, text.size, constants.data, constants.size),
                     HMLC_DAMAGED);
    hmlc_module_destroy(copy);
    copy = hmlc_module_create(NULL);
    assert_int_equal(
        hmlc_module_parse(copy, text.data, text.size, constants.data, constants.size - 1),
        HMLC_DAMAGED);
    hmlc_module_destroy(copy);
    hmlc_module_destroy(module);
    hmlc_text_buffer_free(&source);
    hmlc_text_buffer_free(&text);
    hmlc_text_buffer_free(&constants);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_op_comes_back),
        cmocka_unit_test(storage_comes_back),
        cmocka_unit_test(the_sample_holds_every_op_and_attribute),
        cmocka_unit_test(equal_kernels_have_equal_keys),
        cmocka_unit_test(control_flow_keeps_its_symbols),
        cmocka_unit_test(faults_are_named_with_their_place),
        cmocka_unit_test(constants_are_checked_against_their_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

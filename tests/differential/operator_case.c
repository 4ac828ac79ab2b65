/* SPDX-License-Identifier: Apache-2.0 */
/* Modules of one op, from the text of a row. */
#include "operator_case.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "maker.h"
#include "text/text_parser.h"

static uint32_t pick(operator_case *made, uint32_t limit)
{
    return (uint32_t)((maker_next(&made->random) >> 33) % limit);
}

static hmlc_dtype any_type(operator_case *made)
{
    static const hmlc_dtype types[] = {
        HMLC_DTYPE_bool, HMLC_DTYPE_i8,  HMLC_DTYPE_i16, HMLC_DTYPE_i32, HMLC_DTYPE_i64,
        HMLC_DTYPE_u8,   HMLC_DTYPE_u16, HMLC_DTYPE_u32, HMLC_DTYPE_u64, HMLC_DTYPE_f16,
        HMLC_DTYPE_bf16, HMLC_DTYPE_f64, HMLC_DTYPE_f32, HMLC_DTYPE_f32,
    };
    /* Contractions have code for few other types. */
    bool contracts = hmlc_opcode_has(made->opcode, HMLC_TRAIT_CONTRACTION);
    return contracts && pick(made, 2) == 0 ? HMLC_DTYPE_f32
                                           : types[pick(made, sizeof types / sizeof *types)];
}

static hmlc_dtype type_of_letter(operator_case *made, char letter)
{
    static const hmlc_dtype indices[] = {HMLC_DTYPE_i64, HMLC_DTYPE_i64, HMLC_DTYPE_i64,
                                         HMLC_DTYPE_i32, HMLC_DTYPE_i32, HMLC_DTYPE_u8,
                                         HMLC_DTYPE_i16, HMLC_DTYPE_u64};
    switch (letter) {
    case 'T':
    case 'U':
        return made->types[0];
    case 'S':
        return made->types[1];
    case 'N':
        return made->types[2];
    case 'I':
        return indices[pick(made, 8)];
    case 'L':
        return HMLC_DTYPE_i64;
    case 'F':
        return pick(made, 4) == 0 ? HMLC_DTYPE_f64 : HMLC_DTYPE_f32;
    case 'B':
        return HMLC_DTYPE_bool;
    default:
        return HMLC_DTYPE_i8;
    }
}

/* "a,2]": dims, the symbols' names with the operand's number behind; gives the rank, -1: bad. */
static int32_t read_dims(operator_case *made, const char **text, uint32_t index, hmlc_dim *dims)
{
    int32_t rank = 0;
    for (; **text != ']' && **text != '\0'; (*text)++) {
        char name[8];
        if (isdigit((unsigned char)**text)) {
            char *end = NULL;
            dims[rank++] = hmlc_dim_constant(made->module->dims, strtol(*text, &end, 10));
            *text = end - 1;
        } else if (islower((unsigned char)**text)) {
            (void)snprintf(name, sizeof name, "%c%u", **text, index);
            hmlc_symbol *symbol = hmlc_symbol_get(made->module->dims, name);
            if (symbol == NULL) {
                return -1;
            }
            dims[rank++] = hmlc_dim_symbol(made->module->dims, symbol);
        }
    }
    *text += **text == ']';
    return rank;
}

/* -- Elements ------------------------------------------------------------------------------ */

typedef enum element_mood { TAME, WIDE, ADVERSE } element_mood;

static void set_float(hmlc_dtype dtype, void *data, int64_t at, element_mood mood, bool sums,
                      uint64_t *random)
{
    static const double adverse[] = {
        __builtin_nan(""), __builtin_inf(), -__builtin_inf(), -0.0, 0.0, 0.5, 1, -1,
        /* those whose sum or product depends on the order come last */
        3.4028234e38, -3.4028234e38, 65504, 1e30, -2147483648.0, 9223372036854775808.0, 255.5, 88.8,
        -104, 1e-30, 2.5, -0.5, 16777217, 1e300, 1e-40, -1e-45};
    uint64_t bits = maker_next(random) >> 11;
    double value = (double)(bits % 33) / 8 - 2;
    if (mood == ADVERSE && (bits >> 8) % 4 == 0) {
        value = adverse[(bits >> 16) % (sums ? 8 : sizeof adverse / sizeof *adverse)];
    } else if (mood == WIDE && !sums) {
        value = __builtin_ldexp(value, (int)((bits >> 8) % 48) - 24);
    }
    hmlc_element_set_double(dtype, data, at, value);
}

static void set_integer(hmlc_dtype dtype, void *data, int64_t at, element_mood mood,
                        uint64_t *random)
{
    uint64_t bits = maker_next(random);
    uint32_t width = hmlc_dtype_bits(dtype);
    uint64_t least = hmlc_dtype_class_of(dtype) == HMLC_CLASS_INT ? (uint64_t)1 << (width - 1) : 0;
    uint64_t value = (bits >> 8) % 7 - 3;
    if (hmlc_dtype_class_of(dtype) == HMLC_CLASS_UINT && mood == TAME) {
        value = (bits >> 8) % 5;
    }
    if (mood == ADVERSE && bits % 3 == 0) {
        const uint64_t adverse[] = {least,     least - 1,         0,
                                    1,         (uint64_t)-1,      least + 1,
                                    bits >> 9, (uint64_t)1 << 31, 0x7fffffff};
        value = adverse[(bits >> 20) % 9];
    } else if (mood == WIDE) {
        value = bits >> 7;
    }
    hmlc_element_set_int(dtype, data, at, (int64_t)(dtype == HMLC_DTYPE_bool ? value & 1 : value));
}

/* An index that counts from the start or the end of a dim of `limit` elements. */
static void set_index(hmlc_dtype dtype, void *data, int64_t at, int64_t limit, element_mood mood,
                      uint64_t *random)
{
    uint64_t bits = maker_next(random) >> 11;
    int64_t value = (int64_t)(bits % (uint64_t)(2 * limit)) - limit;
    if (hmlc_dtype_class_of(dtype) == HMLC_CLASS_UINT && value < 0) {
        value += limit;
    }
    if (mood == ADVERSE && (bits >> 20) % 16 == 0) {
        set_integer(dtype, data, at, ADVERSE, random);
    } else {
        hmlc_element_set_int(dtype, data, at, value);
    }
}

static void fill(const operator_case *made, char letter, hmlc_tensor *tensor, void *data,
                 int64_t limit, element_mood mood, uint64_t *random)
{
    int64_t count = hmlc_tensor_count(tensor);
    bool sums = (made->text.flags & OPERATOR_SUMS) != 0;
    bool real = (made->text.flags & OPERATOR_REAL) != 0 && hmlc_dtype_bits(tensor->dtype) == 64;
    mood = mood != TAME && letter == 'U' ? WIDE : mood;
    for (int64_t i = 0; i < count; i++) {
        if (letter == 'I' && limit > 0) {
            set_index(tensor->dtype, data, i, limit, mood, random);
        } else if (hmlc_dtype_is_float(tensor->dtype)) {
            set_float(tensor->dtype, data, i, mood, sums, random);
        } else {
            set_integer(tensor->dtype, data, i, real ? TAME : mood, random);
        }
    }
}

/* -- Modules ------------------------------------------------------------------------------- */

static hmlc_value *make_constant(operator_case *made, const hmlc_type *type, hmlc_builder *builder)
{
    hmlc_tensor tensor = {.dtype = type->dtype, .rank = type->rank};
    for (int32_t i = 0; i < type->rank; i++) {
        if (!hmlc_dim_is_constant(type->dims[i], &tensor.dims[i])) {
            return NULL;
        }
    }
    tensor.bytes = (size_t)hmlc_tensor_count(&tensor) * hmlc_dtype_bytes(type->dtype);
    void *data = hmlc_arena_allocate(made->module->arena, tensor.bytes + 1);
    hmlc_value *value = NULL;
    if (data == NULL) {
        return NULL;
    }
    fill(made, 'T', &tensor, data, 0, TAME, &made->random);
    tensor.data = data;
    return hmlc_build_constant(builder, &tensor, &value) == HMLC_OK ? value : NULL;
}

/* One type of the row at *text; *value is NULL for an absent operand. */
static bool read_operand(operator_case *made, const char **text, uint32_t index,
                         hmlc_builder *builder, hmlc_value **value)
{
    bool constant = **text == '=';
    *text += constant;
    char letter = *(*text)++;
    *value = NULL;
    if (letter == '_') {
        return true;
    }
    hmlc_dim dims[HMLC_MAX_RANK];
    hmlc_dtype dtype = type_of_letter(made, letter);
    int32_t rank = -1;
    if (*(*text)++ == '[') {
        rank = read_dims(made, text, index, dims);
    }
    const hmlc_type *type =
        rank < 0 ? NULL : hmlc_type_tensor(made->module->arena, dtype, rank, dims);
    if (type == NULL || made->module->main->argument_count == OPERATOR_INPUTS) {
        return false;
    }
    made->letters[made->module->main->argument_count] = letter;
    *value = constant ? make_constant(made, type, builder)
                      : hmlc_region_add_argument(made->module->main, type, NULL);
    return *value != NULL;
}

static bool read_operands(operator_case *made, hmlc_builder *builder, hmlc_value **operands,
                          uint32_t *count)
{
    uint32_t index = 0;
    bool parameters = false;
    for (const char *text = made->text.operands; *text != '\0';) {
        hmlc_value *value = NULL;
        if (*text == ';' || *text == ' ' || *text == '/') {
            parameters |= *text++ == '/';
            continue;
        }
        if (!read_operand(made, &text, index, builder, &value)) {
            return false;
        }
        index++;
        if (!parameters) {
            operands[(*count)++] = value;
            made->op_arguments = made->module->main->argument_count;
        }
    }
    return true;
}

/* $T, $S, $N and $F become names of types. */
static void name_types(const operator_case *made, char *text, size_t size)
{
    size_t length = 0;
    for (const char *from = made->text.attrs; *from != '\0' && length + 8 < size; from++) {
        if (*from != '$') {
            text[length++] = *from;
            continue;
        }
        char letter = *++from;
        hmlc_dtype type = letter == 'T'   ? made->types[0]
                          : letter == 'S' ? made->types[1]
                          : letter == 'N' ? made->types[2]
                                          : HMLC_DTYPE_f32;
        length += (size_t)snprintf(text + length, size - length, "%s", hmlc_dtype_name(type));
    }
    text[length] = '\0';
}

static bool read_attrs(operator_case *made, hmlc_arena *scratch, hmlc_attr *attrs, uint32_t *count)
{
    char text[1200];
    name_types(made, text, sizeof text);
    hmlc_text_parser parser = {
        .module = made->module, .scratch = scratch, .lexer = {text, text + strlen(text), text, 1}};
    hmlc_parse_advance(&parser);
    *count = 0;
    while (parser.token.kind != HMLC_TOKEN_END) {
        if ((*count > 0 && !hmlc_parse_accept(&parser, ',')) ||
            hmlc_parse_attr(&parser, &attrs[*count]) != HMLC_OK) {
            return false;
        }
        (*count)++;
    }
    return true;
}

static bool try_once(operator_case *made)
{
    hmlc_value *operands[OPERATOR_INPUTS];
    hmlc_attr attrs[HMLC_ATTR_COUNT];
    uint32_t operand_count = 0, attr_count = 0;
    made->module = hmlc_module_create(NULL);
    hmlc_arena *scratch = hmlc_arena_create(NULL);
    bool good = false;
    if (made->module != NULL && scratch != NULL) {
        hmlc_builder builder = hmlc_builder_at_end(made->module->main);
        hmlc_op *op = NULL;
        good = read_operands(made, &builder, operands, &operand_count) &&
               read_attrs(made, scratch, attrs, &attr_count) &&
               hmlc_op_create(&builder, made->opcode, operands, operand_count, attrs, attr_count,
                              &op) == HMLC_OK &&
               hmlc_build_yield(&builder, op->results, op->result_count) == HMLC_OK &&
               hmlc_verify(made->module, "operator") == HMLC_OK;
    }
    hmlc_arena_destroy(scratch);
    return good;
}

bool operator_case_make(hmlc_opcode opcode, uint64_t seed, operator_case *made)
{
    *made = (operator_case){.opcode = opcode, .seed = seed, .random = seed};
    for (const char *name = hmlc_op_get_info(opcode)->name; *name != '\0'; name++) {
        made->random = made->random * 31 + (unsigned char)*name;
    }
    for (int tries = 0; tries < 60; tries++) {
        for (int i = 0; i < 2; i++) {
            made->types[i] = any_type(made);
        }
        do {
            made->types[2] = any_type(made);
        } while (!hmlc_dtype_is_integer(made->types[2]));
        if (operator_text_make(opcode, &made->random, &made->text) && try_once(made)) {
            return true;
        }
        operator_case_destroy(made);
    }
    return false;
}

void operator_case_destroy(operator_case *made)
{
    hmlc_module_destroy(made->module);
    made->module = NULL;
}

/* -- Inputs -------------------------------------------------------------------------------- */

/* Sizes by letter; mostly all symbols of a letter have its size. */
static void choose_dims(const operator_case *made, uint32_t run, uint64_t *random, int64_t *symbols)
{
    static const int64_t sizes[] = {3, 4, 5, 2, 7, 8, 1, 6, 2, 3, 0, 1, 9, 16, 17, 33, 67, 130};
    uint32_t symbol_count = hmlc_symbol_count(made->module->dims);
    uint32_t limit = symbol_count > 8 ? 8 : symbol_count > 4 ? 13 : symbol_count > 2 ? 16 : 18;
    uint32_t first = run == 0 ? 6 : limit;
    int64_t of_letter[26];
    for (int i = 0; i < 26; i++) {
        of_letter[i] = sizes[(maker_next(random) >> 33) % first];
    }
    bool loose = run % 4 == 3, broadcasts = (made->text.flags & OPERATOR_BROADCASTS) != 0;
    if (run == 4) { /* one letter is empty */
        of_letter[(maker_next(random) >> 33) % 4] = 0;
    }
    for (uint32_t i = 0; i < symbol_count; i++) {
        uint64_t bits = maker_next(random) >> 11;
        symbols[i] = of_letter[hmlc_symbol_at(made->module->dims, i)->name[0] - 'a'];
        if (broadcasts && run > 0 && bits % 4 == 0) {
            symbols[i] = 1;
        } else if (loose && (bits >> 8) % 3 == 0) {
            symbols[i] = sizes[(bits >> 16) % first];
        }
    }
}

/* The smallest dim of the first operand that is not empty: indices fit every axis. */
static int64_t index_limit(const hmlc_tensor *inputs)
{
    int64_t least = INT64_MAX;
    for (int32_t i = 0; i < inputs[0].rank; i++) {
        int64_t dim = inputs[0].dims[i];
        least = dim > 0 && dim < least ? dim : least;
    }
    return least == INT64_MAX ? 1 : least;
}

bool operator_case_inputs(const operator_case *made, uint32_t run, hmlc_arena *arena,
                          hmlc_tensor *inputs)
{
    static const element_mood moods[] = {TAME, ADVERSE, WIDE, TAME, ADVERSE, TAME};
    uint64_t random = made->seed * 7919 + run;
    int64_t symbols[64] = {0};
    choose_dims(made, run, &random, symbols);
    for (uint32_t i = 0; i < made->module->main->argument_count; i++) {
        const hmlc_type *type = made->module->main->arguments[i]->type;
        hmlc_tensor *tensor = &inputs[i];
        *tensor = (hmlc_tensor){.dtype = type->dtype, .rank = type->rank};
        for (int32_t k = 0; k < type->rank; k++) {
            if (!hmlc_dim_evaluate(type->dims[k], symbols, &tensor->dims[k])) {
                return false;
            }
        }
        tensor->bytes = (size_t)hmlc_tensor_count(tensor) * hmlc_dtype_bytes(type->dtype);
        void *data = hmlc_arena_allocate(arena, tensor->bytes + 1);
        if (data == NULL) {
            return false;
        }
        fill(made, made->letters[i], tensor, data, index_limit(inputs), moods[run % 6], &random);
        tensor->data = data;
    }
    return true;
}

/* -- Text ---------------------------------------------------------------------------------- */

static void print_tensor(const hmlc_tensor *tensor, uint32_t index)
{
    (void)fprintf(stderr, "  input %u: %s[", index, hmlc_dtype_name(tensor->dtype));
    for (int32_t k = 0; k < tensor->rank; k++) {
        (void)fprintf(stderr, k > 0 ? ", %lld" : "%lld", (long long)tensor->dims[k]);
    }
    (void)fputs("](", stderr);
    int64_t count = hmlc_tensor_count(tensor);
    for (int64_t k = 0; k < count && k < 64; k++) {
        (void)fputs(k > 0 ? ", " : "", stderr);
        if (hmlc_dtype_is_float(tensor->dtype)) {
            (void)fprintf(stderr, "%.9g", hmlc_tensor_get_double(tensor, k));
        } else {
            (void)fprintf(stderr, "%lld", (long long)hmlc_tensor_get_int(tensor, k));
        }
    }
    (void)fputs(count > 64 ? ", ...)\n" : ")\n", stderr);
}

void operator_case_print(const operator_case *made, const hmlc_tensor *inputs)
{
    hmlc_text_buffer text = {0}, constants = {0};
    hmlc_print_options options = {0};
    if (hmlc_module_print(made->module, &options, &text, &constants) == HMLC_OK) {
        (void)fputs(text.data, stderr);
    }
    hmlc_text_buffer_free(&text);
    hmlc_text_buffer_free(&constants);
    for (uint32_t i = 0; inputs != NULL && i < made->module->main->argument_count; i++) {
        print_tensor(&inputs[i], i);
    }
}

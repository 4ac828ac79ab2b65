/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parser of dim expressions: our own text and the spellings of exporters. Runs twice, first without
 * building anything, so that text that is no expression leaves no symbols behind. Values are
 * fractions until floor, ceil or the end: "floor(seq/2 + 1/2)" means what it says.
 */
#include <string.h>

#include "dim_internal.h"

enum {
    MAX_DEPTH = 64,
    MAX_ADDENDS = 64,
    MAX_NAME = 1024,
    MAX_TEXT = 1 << 16,
    MAX_EXPONENT = 8,
};

typedef struct rational {
    hmlc_dim numerator, denominator; /* denominator NULL: 1 */
} rational;

typedef struct dim_parser {
    hmlc_dims *dims; /* NULL in the first, checking run */
    const char *at, *end;
    int depth;
    bool failed;
} dim_parser;

static rational parse_comparison(dim_parser *parser);

static rational fail(dim_parser *parser)
{
    parser->failed = true;
    parser->at = parser->end;
    return (rational){NULL, NULL};
}

static void skip_blanks(dim_parser *parser)
{
    while (parser->at < parser->end && (*parser->at == ' ' || *parser->at == '\t')) {
        parser->at++;
    }
}

static char peek(dim_parser *parser)
{
    skip_blanks(parser);
    return parser->at < parser->end ? *parser->at : '\0';
}

/* Takes `text` if it comes next. */
static bool accept(dim_parser *parser, const char *text)
{
    size_t length = strlen(text);
    skip_blanks(parser);
    if ((size_t)(parser->end - parser->at) < length || memcmp(parser->at, text, length) != 0) {
        return false;
    }
    parser->at += length;
    return true;
}

/* Takes the word if it comes next and does not go on. */
static bool accept_word(dim_parser *parser, const char *word)
{
    const char *start = parser->at;
    if (!accept(parser, word)) {
        return false;
    }
    if (parser->at < parser->end && hmlc_dim_is_name_part(*parser->at)) {
        parser->at = start;
        return false;
    }
    return true;
}

static void expect(dim_parser *parser, const char *text)
{
    if (!parser->failed && !accept(parser, text)) {
        fail(parser);
    }
}

/* A rational as an integer, rounded down. */
static hmlc_dim to_integer(dim_parser *parser, rational value)
{
    if (parser->dims == NULL || parser->failed) {
        return NULL;
    }
    return value.denominator == NULL
               ? value.numerator
               : hmlc_dim_floordiv(parser->dims, value.numerator, value.denominator);
}

static rational from_integer(hmlc_dim dim)
{
    return (rational){dim, NULL};
}

static rational from_constant(dim_parser *parser, int64_t value)
{
    return from_integer(parser->dims == NULL ? NULL : hmlc_dim_constant(parser->dims, value));
}

static hmlc_dim multiply_denominators(dim_parser *parser, hmlc_dim a, hmlc_dim b)
{
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    return hmlc_dim_multiply(parser->dims, a, b);
}

static rational multiply(dim_parser *parser, rational a, rational b)
{
    if (parser->dims == NULL || parser->failed) {
        return a;
    }
    return (rational){hmlc_dim_multiply(parser->dims, a.numerator, b.numerator),
                      multiply_denominators(parser, a.denominator, b.denominator)};
}

static rational divide(dim_parser *parser, rational a, rational b)
{
    if (parser->dims == NULL || parser->failed) {
        return a;
    }
    rational inverse = {b.denominator == NULL ? hmlc_dim_constant(parser->dims, 1) : b.denominator,
                        b.numerator};
    return multiply(parser, a, inverse);
}

static rational add(dim_parser *parser, rational a, rational b)
{
    hmlc_dims *dims = parser->dims;
    if (dims == NULL || parser->failed) {
        return a;
    }
    hmlc_dim left =
        b.denominator == NULL ? a.numerator : hmlc_dim_multiply(dims, a.numerator, b.denominator);
    hmlc_dim right =
        a.denominator == NULL ? b.numerator : hmlc_dim_multiply(dims, b.numerator, a.denominator);
    return (rational){hmlc_dim_add(dims, left, right),
                      multiply_denominators(parser, a.denominator, b.denominator)};
}

static rational parse_number(dim_parser *parser, bool negative)
{
    uint64_t value = 0, limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    while (parser->at < parser->end && *parser->at >= '0' && *parser->at <= '9') {
        uint64_t digit = (uint64_t)(*parser->at++ - '0');
        if (value > (limit - digit) / 10) {
            return fail(parser);
        }
        value = value * 10 + digit;
    }
    if (parser->at < parser->end && hmlc_dim_is_name_part(*parser->at)) {
        return fail(parser); /* "2x", "1.5" */
    }
    return from_constant(parser, (int64_t)(negative ? ~value + 1 : value));
}

static rational make_symbol(dim_parser *parser, const char *name)
{
    if (parser->dims == NULL) {
        return from_integer(NULL);
    }
    return from_integer(hmlc_dim_symbol(parser->dims, hmlc_symbol_get(parser->dims, name)));
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, c);
    return found == NULL ? -1 : (int)(found - digits);
}

/* One character of a quoted name; -1 at its end, -2 where it is malformed. */
static int quoted_character(dim_parser *parser)
{
    char c = *parser->at++;
    if (c == '"') {
        return -1;
    }
    if (c != '\\') {
        return c == '\0' ? -2 : (unsigned char)c;
    }
    if (parser->end - parser->at >= 3 && parser->at[0] == 'x') {
        int high = hex_digit(parser->at[1]), low = hex_digit(parser->at[2]);
        parser->at += 3;
        return high < 0 || low < 0 || (high == 0 && low == 0) ? -2 : high * 16 + low;
    }
    bool known = parser->at < parser->end && (*parser->at == '"' || *parser->at == '\\');
    return known ? (unsigned char)*parser->at++ : -2;
}

static rational parse_quoted(dim_parser *parser)
{
    char name[MAX_NAME];
    size_t length = 0;
    parser->at++;
    while (parser->at < parser->end) {
        int c = quoted_character(parser);
        if (c == -1) {
            name[length] = '\0';
            return make_symbol(parser, name);
        }
        if (c == -2 || length + 1 == sizeof name) {
            break;
        }
        name[length++] = (char)c;
    }
    return fail(parser);
}

typedef enum function_kind {
    FUNCTION_MINIMUM,
    FUNCTION_MAXIMUM,
    FUNCTION_FLOOR,
    FUNCTION_CEIL,
    FUNCTION_FLOORDIV,
    FUNCTION_CEILDIV,
    FUNCTION_MODULO,
    FUNCTION_SELECT,
} function_kind;

static const struct {
    const char *name;
    function_kind kind;
    int arguments; /* 0: one or more */
} functions[] = {
    {"min", FUNCTION_MINIMUM, 0},       {"Min", FUNCTION_MINIMUM, 0},
    {"max", FUNCTION_MAXIMUM, 0},       {"Max", FUNCTION_MAXIMUM, 0},
    {"floor", FUNCTION_FLOOR, 1},       {"ceil", FUNCTION_CEIL, 1},
    {"ceiling", FUNCTION_CEIL, 1},      {"floordiv", FUNCTION_FLOORDIV, 2},
    {"FloorDiv", FUNCTION_FLOORDIV, 2}, {"CleanDiv", FUNCTION_FLOORDIV, 2},
    {"ceildiv", FUNCTION_CEILDIV, 2},   {"CeilDiv", FUNCTION_CEILDIV, 2},
    {"Mod", FUNCTION_MODULO, 2},        {"PythonMod", FUNCTION_MODULO, 2},
    {"select", FUNCTION_SELECT, 3},
};

static rational apply_extreme(dim_parser *parser, function_kind kind, rational a, rational b)
{
    hmlc_dim left = to_integer(parser, a), right = to_integer(parser, b);
    if (left == NULL || right == NULL) {
        return a;
    }
    return from_integer(kind == FUNCTION_MINIMUM ? hmlc_dim_minimum(parser->dims, left, right)
                                                 : hmlc_dim_maximum(parser->dims, left, right));
}

static rational round_up(dim_parser *parser, rational value)
{
    if (parser->dims == NULL || parser->failed || value.denominator == NULL) {
        return value;
    }
    return from_integer(hmlc_dim_ceildiv(parser->dims, value.numerator, value.denominator));
}

static rational apply(dim_parser *parser, function_kind kind, const rational *arguments)
{
    if (parser->dims == NULL || parser->failed) {
        return arguments[0];
    }
    rational quotient;
    hmlc_dim a, b;
    switch (kind) {
    case FUNCTION_FLOOR:
        return from_integer(to_integer(parser, arguments[0]));
    case FUNCTION_CEIL:
        return round_up(parser, arguments[0]);
    case FUNCTION_FLOORDIV:
        quotient = divide(parser, arguments[0], arguments[1]);
        return from_integer(to_integer(parser, quotient));
    case FUNCTION_CEILDIV:
        return round_up(parser, divide(parser, arguments[0], arguments[1]));
    case FUNCTION_MODULO:
        a = to_integer(parser, arguments[0]);
        b = to_integer(parser, arguments[1]);
        return from_integer(hmlc_dim_modulo(parser->dims, a, b));
    case FUNCTION_SELECT:
        a = to_integer(parser, arguments[1]);
        b = to_integer(parser, arguments[2]);
        return from_integer(hmlc_dim_select(parser->dims, to_integer(parser, arguments[0]), a, b));
    default:
        return from_integer(to_integer(parser, arguments[0]));
    }
}

/* The arguments behind "name(". */
static rational parse_call(dim_parser *parser, function_kind kind, int count)
{
    rational arguments[3] = {{NULL, NULL}, {NULL, NULL}, {NULL, NULL}};
    arguments[0] = parse_comparison(parser);
    if (count == 0) {
        while (!parser->failed && accept(parser, ",")) {
            arguments[0] = apply_extreme(parser, kind, arguments[0], parse_comparison(parser));
        }
    }
    for (int i = 1; i < count && !parser->failed; i++) {
        expect(parser, ",");
        arguments[i] = parse_comparison(parser);
    }
    expect(parser, ")");
    return parser->failed ? fail(parser) : apply(parser, kind, arguments);
}

static rational parse_name(dim_parser *parser)
{
    const char *start = parser->at;
    while (parser->at < parser->end && hmlc_dim_is_name_part(*parser->at)) {
        parser->at++;
    }
    size_t length = (size_t)(parser->at - start);
    if (length >= MAX_NAME) {
        return fail(parser);
    }
    char name[MAX_NAME];
    memcpy(name, start, length);
    name[length] = '\0';
    if (peek(parser) != '(') {
        return strcmp(name, "mod") == 0 ? fail(parser) : make_symbol(parser, name);
    }
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (strcmp(functions[i].name, name) == 0) {
            parser->at++;
            return parse_call(parser, functions[i].kind, functions[i].arguments);
        }
    }
    return fail(parser);
}

static rational parse_primary(dim_parser *parser, bool negative)
{
    char c = peek(parser);
    if (c >= '0' && c <= '9') {
        return parse_number(parser, negative);
    }
    rational value;
    if (c == '(') {
        parser->at++;
        value = parse_comparison(parser);
        expect(parser, ")");
    } else if (c == '"') {
        value = parse_quoted(parser);
    } else if (hmlc_dim_is_name_start(c)) {
        value = parse_name(parser);
    } else {
        return fail(parser);
    }
    return negative ? multiply(parser, value, from_constant(parser, -1)) : value;
}

/* A small constant power: "s0**2". */
static rational parse_power(dim_parser *parser, bool negative)
{
    rational base = parse_primary(parser, negative);
    if (!accept(parser, "**")) {
        return base;
    }
    int exponent = peek(parser) - '0';
    if (exponent < 1 || exponent > MAX_EXPONENT) {
        return fail(parser);
    }
    parser->at++;
    rational power = base;
    for (int i = 1; i < exponent; i++) {
        power = multiply(parser, power, base);
    }
    return power;
}

static rational parse_unary(dim_parser *parser)
{
    bool negative = false;
    while (accept(parser, "-")) {
        negative = !negative;
    }
    return parse_power(parser, negative);
}

/* "a-b" and "a/b" without blanks are names, not expressions. */
static bool glues_names(const dim_parser *parser, const char *start)
{
    return parser->at > start && hmlc_dim_is_name_part(parser->at[-1]) &&
           parser->end - parser->at >= 2 && hmlc_dim_is_name_start(parser->at[1]);
}

static rational parse_product(dim_parser *parser, const char *start)
{
    rational value = parse_unary(parser);
    while (!parser->failed) {
        if (parser->at < parser->end && *parser->at == '/' && glues_names(parser, start)) {
            return fail(parser);
        }
        if (accept(parser, "//")) {
            rational quotient = divide(parser, value, parse_unary(parser));
            value = from_integer(to_integer(parser, quotient));
        } else if (accept(parser, "/")) {
            value = divide(parser, value, parse_unary(parser));
        } else if (accept(parser, "*")) {
            value = multiply(parser, value, parse_unary(parser));
        } else if (accept(parser, "%") || accept_word(parser, "mod")) {
            rational arguments[] = {value, parse_unary(parser)};
            value = apply(parser, FUNCTION_MODULO, arguments);
        } else {
            break;
        }
    }
    return value;
}

/* Addends are gathered and summed at once: the result does not depend on their order. */
typedef struct addends {
    hmlc_dim dims[MAX_ADDENDS];
    uint32_t count;
} addends;

static void flush(dim_parser *parser, addends *gathered)
{
    hmlc_dim sum = hmlc_dim_add_all(parser->dims, gathered->dims, gathered->count);
    gathered->dims[0] = sum;
    gathered->count = 1;
}

static void gather(dim_parser *parser, addends *gathered, rational *fractions, rational value)
{
    if (parser->dims == NULL || parser->failed) {
        return;
    }
    if (value.denominator != NULL) {
        *fractions = fractions->numerator == NULL ? value : add(parser, *fractions, value);
        return;
    }
    if (gathered->count == MAX_ADDENDS) {
        flush(parser, gathered);
    }
    gathered->dims[gathered->count++] = value.numerator;
}

static rational parse_sum(dim_parser *parser)
{
    const char *start = parser->at;
    addends gathered = {.count = 0};
    rational fractions = {NULL, NULL};
    gather(parser, &gathered, &fractions, parse_product(parser, start));
    while (!parser->failed) {
        bool glued = parser->at < parser->end && *parser->at == '-' && glues_names(parser, start);
        if (glued) {
            return fail(parser);
        }
        if (accept(parser, "+")) {
            gather(parser, &gathered, &fractions, parse_product(parser, start));
        } else if (accept(parser, "-")) {
            rational minus_one = from_constant(parser, -1);
            rational value = multiply(parser, parse_product(parser, start), minus_one);
            gather(parser, &gathered, &fractions, value);
        } else {
            break;
        }
    }
    if (parser->dims == NULL || parser->failed) {
        return (rational){NULL, NULL};
    }
    if (gathered.count == 0) {
        return fractions;
    }
    if (gathered.count > 1) {
        flush(parser, &gathered);
    }
    rational integers = from_integer(gathered.dims[0]);
    return fractions.numerator == NULL ? integers : add(parser, fractions, integers);
}

static rational parse_comparison(dim_parser *parser)
{
    if (parser->depth == MAX_DEPTH) {
        return fail(parser);
    }
    parser->depth++;
    rational value = parse_sum(parser);
    bool equal = !parser->failed && accept(parser, "==");
    if (equal || (!parser->failed && accept(parser, "<"))) {
        hmlc_dim left = to_integer(parser, value);
        hmlc_dim right = to_integer(parser, parse_sum(parser));
        if (left != NULL && right != NULL) {
            value = from_integer(equal ? hmlc_dim_equal(parser->dims, left, right)
                                       : hmlc_dim_less(parser->dims, left, right));
        }
    }
    parser->depth--;
    return value;
}

hmlc_dim hmlc_dim_parse(hmlc_dims *dims, const char *text, size_t length)
{
    if (length > MAX_TEXT) {
        return NULL;
    }
    dim_parser check = {.at = text, .end = text + length};
    parse_comparison(&check);
    skip_blanks(&check);
    if (check.failed || check.at != check.end) {
        return NULL;
    }
    dim_parser parser = {.dims = dims, .at = text, .end = text + length};
    rational value = parse_comparison(&parser);
    return to_integer(&parser, value);
}

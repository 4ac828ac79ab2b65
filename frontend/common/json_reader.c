/* SPDX-License-Identifier: Apache-2.0 */
#include "json_reader.h"

#include "importer/names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct json_parser {
    hmlc_arena *arena;
    const char *start, *at, *end;
    const char *what;
    hmlc_diagnostics *diagnostics;
    const hmlc_location *where;
} json_parser;

static hmlc_status damaged(const json_parser *parser, const char *problem)
{
    return hmlc_error_add(parser->diagnostics, HMLC_ERROR_file_damaged, parser->where,
                          "the file may be cut short or altered: fetch or export it again",
                          "%s is no JSON: byte %zu: %s", parser->what,
                          (size_t)(parser->at - parser->start), problem);
}

static void skip_blanks(json_parser *parser)
{
    while (parser->at < parser->end && *parser->at != '\0' &&
           strchr(" \t\r\n", *parser->at) != NULL) {
        parser->at++;
    }
}

/* Skips blanks; true, and the letter is taken, where it comes next. */
static bool take(json_parser *parser, char letter)
{
    skip_blanks(parser);
    if (parser->at == parser->end || *parser->at != letter) {
        return false;
    }
    parser->at++;
    return true;
}

static int32_t hex_digit(char letter)
{
    static const char digits[] = "0123456789abcdef";
    bool is_control = (unsigned char)letter < 0x20; /* which the bit would make a digit */
    const char *found = is_control ? NULL : strchr(digits, letter | 0x20);
    return found != NULL ? (int32_t)(found - digits) : -1;
}

/* Four hexadecimal digits behind "\u"; -1: they are none. */
static int32_t take_unit(json_parser *parser)
{
    int32_t unit = 0;
    if (parser->end - parser->at < 4) {
        return -1;
    }
    for (uint32_t i = 0; i < 4; i++) {
        int32_t digit = hex_digit(*parser->at++);
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

/* One character or a surrogate pair; 0: damaged, or NUL, which no name may hold. */
static uint32_t take_code(json_parser *parser)
{
    int32_t unit = take_unit(parser);
    if (unit < 0 || (unit >= 0xdc00 && unit < 0xe000)) {
        return 0;
    }
    if (unit < 0xd800 || unit >= 0xe000) {
        return (uint32_t)unit;
    }
    if (parser->end - parser->at < 2 || parser->at[0] != '\\' || parser->at[1] != 'u') {
        return 0;
    }
    parser->at += 2;
    int32_t low = take_unit(parser);
    return low >= 0xdc00 && low < 0xe000
               ? 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00)
               : 0;
}

static char *put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    uint32_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint32_t leads[] = {0, 0xc0, 0xe0, 0xf0};
    *out++ = (char)(leads[more] | code >> (6 * more));
    while (more-- > 0) {
        *out++ = (char)(0x80 | (code >> (6 * more) & 0x3f));
    }
    return out;
}

/* Behind a backslash; NULL: no such escape. */
static char *take_escape(json_parser *parser, char *out)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char letter = *parser->at++;
    if (letter == 'u') {
        uint32_t code = take_code(parser);
        return code != 0 ? put_utf8(out, code) : NULL;
    }
    const char *found = letter != '\0' ? strchr(letters, letter) : NULL;
    if (found == NULL) {
        return NULL;
    }
    *out = meant[found - letters];
    return out + 1;
}

/* Behind the opening quote. Escapes are never shorter than what they stand for. */
static hmlc_status read_text(json_parser *parser, const char **text)
{
    const char *close = parser->at;
    while (close < parser->end && *close != '"') {
        close += *close == '\\' && parser->end - close > 1 ? 2 : 1;
    }
    if (close >= parser->end) {
        return damaged(parser, "a text has no end");
    }
    char *out = hmlc_arena_allocate(parser->arena, (size_t)(close - parser->at) + 1);
    HMLC_TRY_MEMORY(out);
    *text = out;
    while (*parser->at != '"') {
        char letter = *parser->at++;
        if ((unsigned char)letter < 0x20) {
            return damaged(parser, "a text holds a control character");
        }
        if (letter != '\\') {
            *out++ = letter;
            continue;
        }
        out = take_escape(parser, out);
        if (out == NULL) {
            return damaged(parser, "a text holds an escape that JSON does not have");
        }
    }
    parser->at++;
    return HMLC_OK;
}

/* strtod needs an end, and takes more than JSON's numbers. */
static hmlc_status read_number(json_parser *parser, double *number)
{
    char text[64];
    size_t length = 0;
    while (parser->at + length < parser->end && length < sizeof text - 1 &&
           strchr("+-0123456789.eE", parser->at[length]) != NULL && parser->at[length] != '\0') {
        text[length] = parser->at[length];
        length++;
    }
    text[length] = '\0';
    char *end = text;
    *number = length > 0 ? strtod(text, &end) : 0;
    if (end == text || *end != '\0' || length == sizeof text - 1) {
        return damaged(parser, "here should be a value");
    }
    parser->at += length;
    return HMLC_OK;
}

static bool take_word(json_parser *parser, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(parser->end - parser->at) < length || memcmp(parser->at, word, length) != 0) {
        return false;
    }
    parser->at += length;
    return true;
}

static hmlc_status read_scalar(json_parser *parser, hmlc_json *value)
{
    static const struct {
        const char *word;
        hmlc_json_kind kind;
        double number;
    } words[] = {
        {"null", HMLC_JSON_NULL, 0},
        {"true", HMLC_JSON_BOOL, 1},
        {"false", HMLC_JSON_BOOL, 0},
        {"NaN", HMLC_JSON_NUMBER, (double)NAN},
        {"Infinity", HMLC_JSON_NUMBER, (double)INFINITY},
        {"-Infinity", HMLC_JSON_NUMBER, -(double)INFINITY},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (take_word(parser, words[i].word)) {
            value->kind = words[i].kind;
            value->number = words[i].number;
            return HMLC_OK;
        }
    }
    value->kind = HMLC_JSON_NUMBER;
    return read_number(parser, &value->number);
}

static hmlc_status read_value(json_parser *parser, hmlc_json *value, uint32_t depth);

/* A member's key and colon. */
static hmlc_status read_key(json_parser *parser, hmlc_json *value)
{
    if (!take(parser, '"')) {
        return damaged(parser, "here should be a key");
    }
    HMLC_TRY(read_text(parser, &value->key));
    return take(parser, ':') ? HMLC_OK : damaged(parser, "here should be a colon");
}

/* Objects of a few members are the common ones: comparing them needs no map. */
enum { FEW_MEMBERS = 16 };

static hmlc_status check_keys(json_parser *parser, const hmlc_json *object)
{
    hmlc_names seen = hmlc_names_create(parser->arena);
    for (hmlc_json *member = object->first; member != NULL; member = member->next) {
        bool twice = false;
        if (object->count > FEW_MEMBERS) {
            twice = hmlc_names_find(&seen, member->key) != NULL;
            HMLC_TRY(hmlc_names_set(&seen, member->key, member));
        }
        for (const hmlc_json *other = member->next; other != NULL && object->count <= FEW_MEMBERS;
             other = other->next) {
            twice = twice || strcmp(other->key, member->key) == 0;
        }
        if (twice) {
            return damaged(parser, "an object that ends here has a key twice");
        }
    }
    return HMLC_OK;
}

static hmlc_status read_list(json_parser *parser, hmlc_json *list, char closer, uint32_t depth)
{
    hmlc_json **link = &list->first;
    if (depth >= HMLC_JSON_MAX_DEPTH) {
        return hmlc_error_add(parser->diagnostics, HMLC_ERROR_nesting_too_deep, parser->where, NULL,
                              "%s: byte %zu: values are nested deeper than %d", parser->what,
                              (size_t)(parser->at - parser->start), HMLC_JSON_MAX_DEPTH);
    }
    if (take(parser, closer)) {
        return HMLC_OK;
    }
    do {
        *link = HMLC_NEW(parser->arena, hmlc_json);
        HMLC_TRY_MEMORY(*link);
        if (list->kind == HMLC_JSON_OBJECT) {
            HMLC_TRY(read_key(parser, *link));
        }
        HMLC_TRY(read_value(parser, *link, depth + 1));
        list->count++;
        link = &(*link)->next;
    } while (take(parser, ','));
    if (!take(parser, closer)) {
        return damaged(parser, closer == '}' ? "an object has no end" : "a list has no end");
    }
    return list->kind == HMLC_JSON_OBJECT ? check_keys(parser, list) : HMLC_OK;
}

static hmlc_status read_value(json_parser *parser, hmlc_json *value, uint32_t depth)
{
    if (take(parser, '{')) {
        value->kind = HMLC_JSON_OBJECT;
        return read_list(parser, value, '}', depth);
    }
    if (take(parser, '[')) {
        value->kind = HMLC_JSON_ARRAY;
        return read_list(parser, value, ']', depth);
    }
    if (take(parser, '"')) {
        value->kind = HMLC_JSON_TEXT;
        return read_text(parser, &value->text);
    }
    return read_scalar(parser, value);
}

hmlc_status hmlc_json_read(hmlc_arena *arena, const char *text, size_t size, const char *what,
                           hmlc_diagnostics *diagnostics, const hmlc_location *where,
                           const hmlc_json **value)
{
    json_parser parser = {.arena = arena,
                          .start = text,
                          .at = text,
                          .end = text + size,
                          .what = what,
                          .diagnostics = diagnostics,
                          .where = where};
    hmlc_json *root = HMLC_NEW(arena, hmlc_json);
    HMLC_TRY_MEMORY(root);
    HMLC_TRY(read_value(&parser, root, 0));
    skip_blanks(&parser);
    if (parser.at != parser.end) {
        return damaged(&parser, "something follows the value");
    }
    *value = root;
    return HMLC_OK;
}

const hmlc_json *hmlc_json_get(const hmlc_json *object, const char *key)
{
    if (!hmlc_json_is(object, HMLC_JSON_OBJECT)) {
        return NULL;
    }
    for (const hmlc_json *member = object->first; member != NULL; member = member->next) {
        if (strcmp(member->key, key) == 0) {
            return member;
        }
    }
    return NULL;
}

const hmlc_json *hmlc_json_at(const hmlc_json *array, uint32_t index)
{
    if (!hmlc_json_is(array, HMLC_JSON_ARRAY)) {
        return NULL;
    }
    const hmlc_json *element = array->first;
    for (; element != NULL && index > 0; index--) {
        element = element->next;
    }
    return element;
}

const char *hmlc_json_text(const hmlc_json *value)
{
    return hmlc_json_is(value, HMLC_JSON_TEXT) ? value->text : NULL;
}

bool hmlc_json_is(const hmlc_json *value, hmlc_json_kind kind)
{
    return value != NULL && value->kind == kind;
}

bool hmlc_json_is_text(const hmlc_json *value, const char *text)
{
    return hmlc_json_is(value, HMLC_JSON_TEXT) && strcmp(value->text, text) == 0;
}

bool hmlc_json_integer(const hmlc_json *value, int64_t *number)
{
    if (!hmlc_json_is(value, HMLC_JSON_NUMBER) || !(fabs(value->number) <= 9007199254740992.0) ||
        value->number != floor(value->number)) {
        return false;
    }
    *number = (int64_t)value->number;
    return true;
}

const char *hmlc_json_kind_name(const hmlc_json *value)
{
    static const char *const names[] = {"null",   "a bool", "a number",
                                        "a text", "a list", "an object"};
    return value != NULL ? names[value->kind] : "nothing";
}

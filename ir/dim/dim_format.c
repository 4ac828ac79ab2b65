/* SPDX-License-Identifier: Apache-2.0 */
/* Text of dim expressions. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dim_internal.h"

/* How tightly a form binds; an operand that binds less than its place needs parentheses. */
typedef enum precedence {
    PRECEDENCE_COMPARE,
    PRECEDENCE_SUM,
    PRECEDENCE_MODULO, /* a product's rank, but put in parentheses where it could be misread */
    PRECEDENCE_PRODUCT,
    PRECEDENCE_ATOM,
} precedence;

typedef struct dim_sink {
    char *text;
    size_t size, length;
} dim_sink;

static void put_n(dim_sink *sink, const char *text, size_t length)
{
    if (sink->length + 1 < sink->size) {
        size_t room = sink->size - sink->length - 1;
        size_t copied = length < room ? length : room;
        memcpy(sink->text + sink->length, text, copied);
        sink->text[sink->length + copied] = '\0';
    }
    sink->length += length;
}

static void put(dim_sink *sink, const char *text)
{
    put_n(sink, text, strlen(text));
}

static void put_magnitude(dim_sink *sink, int64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, hmlc_magnitude(value));
    put(sink, digits);
}

bool hmlc_dim_is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool hmlc_dim_is_name_part(char c)
{
    return hmlc_dim_is_name_start(c) || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(".:$#@", c) != NULL);
}

static bool is_plain_name(const char *name)
{
    if (!hmlc_dim_is_name_start(name[0]) || strcmp(name, "mod") == 0) {
        return false;
    }
    for (; *name != '\0'; name++) {
        if (!hmlc_dim_is_name_part(*name)) {
            return false;
        }
    }
    return true;
}

static void put_name(dim_sink *sink, const char *name)
{
    if (is_plain_name(name)) {
        put(sink, name);
        return;
    }
    put(sink, "\"");
    for (; *name != '\0'; name++) {
        unsigned char c = (unsigned char)*name;
        char escape[8];
        if (c == '"' || c == '\\') {
            snprintf(escape, sizeof escape, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            snprintf(escape, sizeof escape, "\\x%02x", c);
        } else {
            snprintf(escape, sizeof escape, "%c", c);
        }
        put(sink, escape);
    }
    put(sink, "\"");
}

static precedence precedence_of(hmlc_dim dim)
{
    switch (dim->kind) {
    case HMLC_DIM_CONSTANT:
        return dim->value < 0 ? PRECEDENCE_SUM : PRECEDENCE_ATOM;
    case HMLC_DIM_ADD:
        return PRECEDENCE_SUM;
    case HMLC_DIM_MULTIPLY:
        return dim->a->kind == HMLC_DIM_CONSTANT && dim->a->value < 0 ? PRECEDENCE_SUM
                                                                      : PRECEDENCE_PRODUCT;
    case HMLC_DIM_MODULO:
        return PRECEDENCE_MODULO;
    case HMLC_DIM_EQUAL:
    case HMLC_DIM_LESS:
        return PRECEDENCE_COMPARE;
    default:
        return PRECEDENCE_ATOM;
    }
}

static void put_dim(dim_sink *sink, hmlc_dim dim, precedence least);

static void put_binary(dim_sink *sink, hmlc_dim dim, const char *open, const char *operator,
                       const char * close, precedence left, precedence right)
{
    put(sink, open);
    put_dim(sink, dim->a, left);
    put(sink, operator);
    put_dim(sink, dim->b, right);
    put(sink, close);
}

/* A term without its sign. */
static void put_unsigned_term(dim_sink *sink, hmlc_dim dim)
{
    if (dim->kind == HMLC_DIM_CONSTANT) {
        put_magnitude(sink, dim->value);
        return;
    }
    if (dim->kind == HMLC_DIM_MULTIPLY && dim->a->kind == HMLC_DIM_CONSTANT) {
        if (hmlc_magnitude(dim->a->value) != 1) {
            put_magnitude(sink, dim->a->value);
            put(sink, "*");
        }
        put_dim(sink, dim->b, PRECEDENCE_PRODUCT);
        return;
    }
    put_dim(sink, dim, PRECEDENCE_MODULO);
}

static bool is_negative(hmlc_dim dim)
{
    return (dim->kind == HMLC_DIM_CONSTANT && dim->value < 0) ||
           (dim->kind == HMLC_DIM_MULTIPLY && dim->a->kind == HMLC_DIM_CONSTANT &&
            dim->a->value < 0);
}

static void put_sum(dim_sink *sink, hmlc_dim dim)
{
    if (dim->kind == HMLC_DIM_ADD) {
        put_sum(sink, dim->a);
        put(sink, is_negative(dim->b) ? " - " : " + ");
        put_unsigned_term(sink, dim->b);
        return;
    }
    put(sink, is_negative(dim) ? "-" : "");
    put_unsigned_term(sink, dim);
}

static void put_select(dim_sink *sink, hmlc_dim dim)
{
    put(sink, "select(");
    put_dim(sink, dim->a, PRECEDENCE_COMPARE);
    put(sink, ", ");
    put_dim(sink, dim->b, PRECEDENCE_COMPARE);
    put(sink, ", ");
    put_dim(sink, dim->c, PRECEDENCE_COMPARE);
    put(sink, ")");
}

static void put_bare(dim_sink *sink, hmlc_dim dim)
{
    const precedence any = PRECEDENCE_COMPARE, sum = PRECEDENCE_SUM;
    const precedence product = PRECEDENCE_PRODUCT, atom = PRECEDENCE_ATOM;
    switch (dim->kind) {
    case HMLC_DIM_SYMBOL:
        put_name(sink, dim->symbol->name);
        break;
    case HMLC_DIM_CONSTANT:
    case HMLC_DIM_ADD:
        put_sum(sink, dim);
        break;
    case HMLC_DIM_MULTIPLY:
        if (dim->a->kind == HMLC_DIM_CONSTANT) {
            put_sum(sink, dim);
        } else {
            put_binary(sink, dim, "", "*", "", product, atom);
        }
        break;
    case HMLC_DIM_FLOORDIV:
        put_binary(sink, dim, "floor(", " / ", ")", product, atom);
        break;
    case HMLC_DIM_CEILDIV:
        put_binary(sink, dim, "ceil(", " / ", ")", product, atom);
        break;
    case HMLC_DIM_MODULO:
        put_binary(sink, dim, "", " mod ", "", atom, atom);
        break;
    case HMLC_DIM_MINIMUM:
        put_binary(sink, dim, "min(", ", ", ")", any, any);
        break;
    case HMLC_DIM_MAXIMUM:
        put_binary(sink, dim, "max(", ", ", ")", any, any);
        break;
    case HMLC_DIM_EQUAL:
        put_binary(sink, dim, "", " == ", "", sum, sum);
        break;
    case HMLC_DIM_LESS:
        put_binary(sink, dim, "", " < ", "", sum, sum);
        break;
    case HMLC_DIM_SELECT:
        put_select(sink, dim);
        break;
    }
}

static void put_dim(dim_sink *sink, hmlc_dim dim, precedence least)
{
    bool parentheses = precedence_of(dim) < least;
    put(sink, parentheses ? "(" : "");
    put_bare(sink, dim);
    put(sink, parentheses ? ")" : "");
}

int hmlc_dim_format(hmlc_dim dim, char *text, size_t size)
{
    dim_sink sink = {text, size, 0};
    if (size > 0) {
        text[0] = '\0';
    }
    put_dim(&sink, dim, PRECEDENCE_COMPARE);
    return (int)sink.length;
}

char *hmlc_dim_text(hmlc_arena *arena, hmlc_dim dim)
{
    size_t size = (size_t)hmlc_dim_format(dim, NULL, 0) + 1;
    char *text = hmlc_arena_allocate(arena, size);
    if (text != NULL) {
        (void)hmlc_dim_format(dim, text, size);
    }
    return text;
}

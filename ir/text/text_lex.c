/* SPDX-License-Identifier: Apache-2.0 */
/* The lexer of the text form. Every byte is looked at once. */
#include "text_lex.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_word_part(char c)
{
    return is_word_start(c) || is_digit(c) || c == '.';
}

static void skip_blanks(hmlc_lexer *lexer)
{
    bool comment = false;
    for (; lexer->at < lexer->end; lexer->at++) {
        char c = *lexer->at;
        if (c == '\n') {
            comment = false;
            lexer->line++;
            lexer->line_start = lexer->at + 1;
        } else if (c == '#') {
            comment = true;
        } else if (!comment && c != ' ' && c != '\t' && c != '\r') {
            return;
        }
    }
}

static void skip_word(hmlc_lexer *lexer)
{
    const char *start = lexer->at;
    while (lexer->at < lexer->end && is_word_part(*lexer->at)) {
        lexer->at++;
    }
    bool is_nan = lexer->at - start == 3 && memcmp(start, "nan", 3) == 0;
    if (is_nan && lexer->at < lexer->end && *lexer->at == ':') { /* the bits of a NaN */
        lexer->at++;
        while (lexer->at < lexer->end && is_word_part(*lexer->at)) {
            lexer->at++;
        }
    }
}

/* Digits, letters and points; a sign behind the letter of an exponent. */
static void skip_number(hmlc_lexer *lexer)
{
    char before = *lexer->at++;
    for (; lexer->at < lexer->end; before = *lexer->at++) {
        char c = *lexer->at;
        bool sign = (c == '+' || c == '-') && (before == 'e' || before == 'E' || before == 'p');
        if (!is_word_part(c) && !sign) {
            return;
        }
    }
}

/* False where the string does not end on its line. */
static bool skip_string(hmlc_lexer *lexer)
{
    for (lexer->at++; lexer->at < lexer->end && *lexer->at != '\n'; lexer->at++) {
        if (*lexer->at == '"') {
            lexer->at++;
            return true;
        }
        if (*lexer->at == '\\' && lexer->at + 1 < lexer->end && lexer->at[1] != '\n') {
            lexer->at++;
        }
    }
    return false;
}

static hmlc_token_kind scan(hmlc_lexer *lexer)
{
    char c = *lexer->at;
    char next = lexer->at + 1 < lexer->end ? lexer->at[1] : '\0';
    if (is_word_start(c)) {
        skip_word(lexer);
        return HMLC_TOKEN_WORD;
    }
    if (is_digit(c) || (c == '-' && (is_digit(next) || next == 'i'))) {
        skip_number(lexer);
        return HMLC_TOKEN_NUMBER;
    }
    if (c == '"') {
        return skip_string(lexer) ? HMLC_TOKEN_STRING : HMLC_TOKEN_BAD;
    }
    if (c == '%' && is_word_part(next)) {
        lexer->at++;
        skip_word(lexer);
        return HMLC_TOKEN_VALUE;
    }
    if (c == '-' && next == '>') {
        lexer->at += 2;
        return HMLC_TOKEN_ARROW;
    }
    lexer->at++;
    return c != '\0' && strchr("()[]{}<>,:=@", c) != NULL ? HMLC_TOKEN_MARK : HMLC_TOKEN_BAD;
}

hmlc_token hmlc_lex(hmlc_lexer *lexer)
{
    skip_blanks(lexer);
    hmlc_token token = {.kind = HMLC_TOKEN_END,
                        .start = lexer->at,
                        .line = lexer->line,
                        .column = (uint32_t)(lexer->at - lexer->line_start) + 1};
    if (lexer->at < lexer->end) {
        token.kind = scan(lexer);
        token.length = (size_t)(lexer->at - token.start);
    }
    return token;
}

bool hmlc_lex_dim(hmlc_lexer *lexer, const hmlc_token *token, size_t *length)
{
    uint32_t depth = 0;
    lexer->at = token->start;
    while (lexer->at < lexer->end) {
        char c = *lexer->at;
        if (depth == 0 && (c == ',' || c == ']' || c == ')')) {
            *length = (size_t)(lexer->at - token->start);
            return true;
        }
        if (c == '\n' || (c == '"' && !skip_string(lexer))) {
            return false;
        }
        depth += c == '(' ? 1 : 0;
        depth -= c == ')' ? 1 : 0;
        lexer->at += c == '"' ? 0 : 1;
    }
    return false;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, c);
    return found == NULL ? -1 : (int)(found - digits);
}

bool hmlc_token_unquote(const hmlc_token *token, char *text)
{
    const char *at = token->start + 1, *end = token->start + token->length - 1;
    for (; at < end; at++) {
        if (*at == '\0') {
            return false;
        }
        if (*at != '\\') {
            *text++ = *at;
            continue;
        }
        at++;
        if (end - at >= 3 && *at == 'x') {
            int high = hex_digit(at[1]), low = hex_digit(at[2]);
            if (high < 0 || low < 0 || (high == 0 && low == 0)) {
                return false;
            }
            *text++ = (char)(high * 16 + low);
            at += 2;
        } else if (at < end && (*at == '"' || *at == '\\')) {
            *text++ = *at;
        } else {
            return false;
        }
    }
    *text = '\0';
    return true;
}

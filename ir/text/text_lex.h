/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of the text form. */
#ifndef HMLC_TEXT_LEX_H
#define HMLC_TEXT_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum hmlc_token_kind {
    HMLC_TOKEN_END,
    HMLC_TOKEN_WORD,   /* add, f32, nan, nan:0x7fc01 */
    HMLC_TOKEN_NUMBER, /* 12, -1.5e-3, -inf: read as the place demands */
    HMLC_TOKEN_STRING, /* with its quotes */
    HMLC_TOKEN_VALUE,  /* %12, with its % */
    HMLC_TOKEN_ARROW,  /* -> */
    HMLC_TOKEN_MARK,   /* one punctuation character */
    HMLC_TOKEN_BAD,    /* a character that starts no token, or a string without end */
} hmlc_token_kind;

typedef struct hmlc_token {
    hmlc_token_kind kind;
    const char *start;
    size_t length;
    uint32_t line, column; /* from 1 */
} hmlc_token;

typedef struct hmlc_lexer {
    const char *at, *end;
    const char *line_start;
    uint32_t line;
} hmlc_lexer;

/* The next token; blanks and comments (# to the end of the line) are skipped. */
hmlc_token hmlc_lex(hmlc_lexer *lexer);
/*
 * From `token` on, the text up to the next , ] or ) outside of brackets and strings: a dim
 * expression. False where the line ends first.
 */
bool hmlc_lex_dim(hmlc_lexer *lexer, const hmlc_token *token, size_t *length);
/* Unquotes a STRING token into `text`, which has room for token->length bytes; false where an
 * escape is malformed or a NUL is inside. */
bool hmlc_token_unquote(const hmlc_token *token, char *text);

#endif

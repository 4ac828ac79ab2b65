/* SPDX-License-Identifier: Apache-2.0 */
/* Taking tokens: what all files of the parser use. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text_buffer.h"
#include "text_parser.h"

hmlc_status hmlc_parse_fail(hmlc_text_parser *parser, const char *format, ...)
{
    char message[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    const hmlc_token *token = &parser->token;
    int shown = (int)(token->length < 40 ? token->length : 40);
    if (token->kind == HMLC_TOKEN_END) {
        return hmlc_error_add(parser->module->diagnostics, HMLC_ERROR_text_syntax, NULL, NULL,
                              "%u:%u: %s, found the end of the text", token->line, token->column,
                              message);
    }
    return hmlc_error_add(parser->module->diagnostics, HMLC_ERROR_text_syntax, NULL, NULL,
                          "%u:%u: %s, found '%.*s'", token->line, token->column, message, shown,
                          token->start);
}

void hmlc_parse_advance(hmlc_text_parser *parser)
{
    parser->token = hmlc_lex(&parser->lexer);
}

bool hmlc_parse_at_mark(const hmlc_text_parser *parser, char mark)
{
    return parser->token.kind == HMLC_TOKEN_MARK && *parser->token.start == mark;
}

static bool at_word(const hmlc_text_parser *parser, const char *word)
{
    return parser->token.kind == HMLC_TOKEN_WORD && parser->token.length == strlen(word) &&
           memcmp(parser->token.start, word, parser->token.length) == 0;
}

bool hmlc_parse_accept(hmlc_text_parser *parser, char mark)
{
    bool found = hmlc_parse_at_mark(parser, mark);
    if (found) {
        hmlc_parse_advance(parser);
    }
    return found;
}

bool hmlc_parse_accept_word(hmlc_text_parser *parser, const char *word)
{
    bool found = at_word(parser, word);
    if (found) {
        hmlc_parse_advance(parser);
    }
    return found;
}

hmlc_status hmlc_parse_expect(hmlc_text_parser *parser, char mark)
{
    return hmlc_parse_accept(parser, mark) ? HMLC_OK
                                           : hmlc_parse_fail(parser, "expected '%c'", mark);
}

hmlc_status hmlc_parse_int(hmlc_text_parser *parser, int64_t least, int64_t most, int64_t *value)
{
    const hmlc_token *token = &parser->token;
    if (token->kind != HMLC_TOKEN_NUMBER ||
        !hmlc_element_parse(HMLC_DTYPE_i64, token->start, token->length, value) || *value < least ||
        *value > most) {
        return hmlc_parse_fail(parser, "expected an integer from %lld to %lld", (long long)least,
                               (long long)most);
    }
    hmlc_parse_advance(parser);
    return HMLC_OK;
}

hmlc_status hmlc_parse_string(hmlc_text_parser *parser, const char **text)
{
    if (parser->token.kind != HMLC_TOKEN_STRING) {
        return hmlc_parse_fail(parser, "expected a string");
    }
    char *copy = hmlc_arena_allocate(parser->module->arena, parser->token.length);
    HMLC_TRY_MEMORY(copy);
    if (!hmlc_token_unquote(&parser->token, copy)) {
        return hmlc_parse_fail(parser, "expected the escapes \\\" \\\\ \\xNN alone");
    }
    hmlc_parse_advance(parser);
    *text = copy;
    return HMLC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* State of the text parser, and what its files share. */
#ifndef HMLC_TEXT_PARSER_H
#define HMLC_TEXT_PARSER_H

#include "graph/graph_internal.h"
#include "text_lex.h"

/* Regions and types nest at most this deep. */
#define HMLC_TEXT_DEPTH 64

/* A value's name in the text and what it stands for. */
typedef struct hmlc_text_name {
    const char *text;
    size_t length;
    hmlc_value *value;
    uint32_t level; /* depth of its region; 0: out of scope */
    struct hmlc_text_name *next_in_scope;
} hmlc_text_name;

/* A storage root, which may be defined further down. */
typedef struct hmlc_text_root {
    hmlc_value *value;
    hmlc_token name;
    struct hmlc_text_root *next;
} hmlc_text_root;

typedef struct hmlc_text_parser {
    hmlc_module *module;
    hmlc_arena *scratch;
    hmlc_lexer lexer;
    hmlc_token token; /* the next one */
    const unsigned char *constants;
    size_t constants_size;
    hmlc_text_name **names; /* hash table, a power of two */
    uint32_t name_count, name_capacity;
    hmlc_text_name *scope; /* of the innermost region */
    uint32_t level;        /* depth of the innermost region, from 1 */
    uint32_t base_level;   /* values of regions further out cannot be used: a kernel's body */
    hmlc_text_root *roots;
    uint32_t state_capacity;
} hmlc_text_parser;

/* Reports at the next token. */
hmlc_status hmlc_parse_fail(hmlc_text_parser *parser, const char *format, ...) HMLC_PRINTF(2, 3);
void hmlc_parse_advance(hmlc_text_parser *parser);
bool hmlc_parse_at_mark(const hmlc_text_parser *parser, char mark);
/* Takes the mark or word when it is next. */
bool hmlc_parse_accept(hmlc_text_parser *parser, char mark);
bool hmlc_parse_accept_word(hmlc_text_parser *parser, const char *word);
/* Takes it or reports. */
hmlc_status hmlc_parse_expect(hmlc_text_parser *parser, char mark) HMLC_MUST_USE;
hmlc_status hmlc_parse_int(hmlc_text_parser *parser, int64_t least, int64_t most,
                           int64_t *value) HMLC_MUST_USE;
/* A string into the module's arena. */
hmlc_status hmlc_parse_string(hmlc_text_parser *parser, const char **text) HMLC_MUST_USE;
/* A dim expression over declared symbols. */
hmlc_status hmlc_parse_dim(hmlc_text_parser *parser, hmlc_dim *dim) HMLC_MUST_USE;
hmlc_status hmlc_parse_type(hmlc_text_parser *parser, const hmlc_type **type) HMLC_MUST_USE;
hmlc_status hmlc_parse_attr(hmlc_text_parser *parser, hmlc_attr *attr) HMLC_MUST_USE;
hmlc_status hmlc_parse_tensor(hmlc_text_parser *parser, const hmlc_tensor **tensor) HMLC_MUST_USE;
/* Any number of loc(...); NULL for none. */
hmlc_status hmlc_parse_location(hmlc_text_parser *parser,
                                const hmlc_location **location) HMLC_MUST_USE;
/* An optional storage; `root` is a VALUE token when it names one. */
hmlc_status hmlc_parse_storage(hmlc_text_parser *parser, const hmlc_type *type,
                               hmlc_storage *storage, hmlc_token *root) HMLC_MUST_USE;
/* "(arguments)", and "{ ops }" with what they define taken out of scope, of an empty region. */
hmlc_status hmlc_parse_arguments(hmlc_text_parser *parser, hmlc_region *region) HMLC_MUST_USE;
/* "(" dim "," dim ")" location behind "require": what `branch`, NULL for the main graph, needs. */
hmlc_status hmlc_parse_equality(hmlc_text_parser *parser, const hmlc_region *branch) HMLC_MUST_USE;
hmlc_status hmlc_parse_body(hmlc_text_parser *parser, hmlc_region *region) HMLC_MUST_USE;

/* Names. */
hmlc_text_name *hmlc_parse_find(const hmlc_text_parser *parser, const hmlc_token *token);

#endif

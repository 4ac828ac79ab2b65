/* SPDX-License-Identifier: Apache-2.0 */
/* The parser's entry: header and main graph. */
#include "text_parser.h"

#define MAX_TEXT_BYTES ((size_t)1 << 31)

static hmlc_status parse_version(hmlc_text_parser *parser)
{
    int64_t version = 0;
    if (!hmlc_parse_accept_word(parser, "hir")) {
        return hmlc_parse_fail(parser, "expected 'hir 1'");
    }
    return hmlc_parse_int(parser, 1, 1, &version);
}

/* [minimum, maximum] */
static hmlc_status parse_range(hmlc_text_parser *parser, hmlc_symbol *symbol)
{
    const int64_t most = HMLC_DIM_UNBOUNDED;
    HMLC_TRY(hmlc_parse_expect(parser, '['));
    HMLC_TRY(hmlc_parse_int(parser, -most, most, &symbol->minimum));
    HMLC_TRY(hmlc_parse_expect(parser, ','));
    if (hmlc_parse_accept_word(parser, "inf")) {
        symbol->maximum = most;
    } else {
        HMLC_TRY(hmlc_parse_int(parser, symbol->minimum, most, &symbol->maximum));
    }
    return hmlc_parse_expect(parser, ']');
}

static hmlc_status parse_symbol_name(hmlc_text_parser *parser, const char **name)
{
    if (parser->token.kind != HMLC_TOKEN_WORD) {
        return hmlc_parse_string(parser, name);
    }
    *name = hmlc_arena_string_n(parser->module->arena, parser->token.start, parser->token.length);
    HMLC_TRY_MEMORY(*name);
    hmlc_parse_advance(parser);
    return HMLC_OK;
}

/* symbol "seq" [1, inf] multiple 8 hint 128 run */
static hmlc_status parse_symbol(hmlc_text_parser *parser)
{
    const char *name = "";
    hmlc_token token = parser->token;
    HMLC_TRY(parse_symbol_name(parser, &name));
    if (hmlc_symbol_find(parser->module->dims, name) != NULL) {
        parser->token = token;
        return hmlc_parse_fail(parser, "expected a symbol that is not declared yet");
    }
    hmlc_symbol *symbol = hmlc_symbol_get(parser->module->dims, name);
    HMLC_TRY_MEMORY(symbol);
    HMLC_TRY(parse_range(parser, symbol));
    if (hmlc_parse_accept_word(parser, "multiple")) {
        HMLC_TRY(hmlc_parse_int(parser, 1, HMLC_DIM_UNBOUNDED, &symbol->multiple));
    }
    if (hmlc_parse_accept_word(parser, "hint")) {
        HMLC_TRY(hmlc_parse_int(parser, -HMLC_DIM_UNBOUNDED, HMLC_DIM_UNBOUNDED, &symbol->hint));
    }
    symbol->bound_at_run = hmlc_parse_accept_word(parser, "run");
    return HMLC_OK;
}

static hmlc_status parse_equality(hmlc_text_parser *parser)
{
    return hmlc_parse_equality(parser, NULL);
}

/* arena(bytes) growable 2 */
static hmlc_status parse_arena(hmlc_text_parser *parser)
{
    int64_t count = 0;
    HMLC_TRY(hmlc_parse_expect(parser, '('));
    HMLC_TRY(hmlc_parse_dim(parser, &parser->module->arena_bytes));
    HMLC_TRY(hmlc_parse_expect(parser, ')'));
    if (!hmlc_parse_accept_word(parser, "growable")) {
        return hmlc_parse_fail(parser, "expected 'growable'");
    }
    HMLC_TRY(hmlc_parse_int(parser, 0, UINT32_MAX, &count));
    parser->module->growable_count = (uint32_t)count;
    return HMLC_OK;
}

static hmlc_status parse_sources(hmlc_text_parser *parser)
{
    int64_t count = 0;
    HMLC_TRY(hmlc_parse_int(parser, 0, UINT32_MAX, &count));
    parser->module->source_node_count = (uint32_t)count;
    return HMLC_OK;
}

static hmlc_status parse_name(hmlc_text_parser *parser)
{
    return hmlc_parse_string(parser, &parser->module->name);
}

static hmlc_status parse_producer(hmlc_text_parser *parser)
{
    return hmlc_parse_string(parser, &parser->module->producer);
}

/* What one state begins with. */
static hmlc_status parse_state(hmlc_text_parser *parser)
{
    hmlc_module *module = parser->module;
    void *items = (void *)module->initial_states;
    if (!hmlc_arena_grow(module->arena, &items, &parser->state_capacity, module->state_count,
                         sizeof *module->initial_states)) {
        return HMLC_RESOURCE;
    }
    module->initial_states = items;
    const hmlc_tensor **initial = &module->initial_states[module->state_count++];
    *initial = NULL;
    return hmlc_parse_accept_word(parser, "zero") ? HMLC_OK : hmlc_parse_tensor(parser, initial);
}

/* The graph's outputs have names: -> ("logits", _); kept until the yield's count is known. */
static hmlc_status parse_output_names(hmlc_text_parser *parser, const char ***names,
                                      uint32_t *count)
{
    uint32_t capacity = 0;
    HMLC_TRY(hmlc_parse_expect(parser, '('));
    while (!hmlc_parse_at_mark(parser, ')')) {
        if (*count > 0) {
            HMLC_TRY(hmlc_parse_expect(parser, ','));
        }
        void *items = (void *)*names;
        if (!hmlc_arena_grow(parser->module->arena, &items, &capacity, *count, sizeof(char *))) {
            return HMLC_RESOURCE;
        }
        *names = items;
        (*names)[*count] = NULL;
        if (!hmlc_parse_accept_word(parser, "_")) {
            HMLC_TRY(hmlc_parse_string(parser, &(*names)[*count]));
        }
        ++*count;
    }
    return hmlc_parse_expect(parser, ')');
}

static hmlc_status parse_main(hmlc_text_parser *parser)
{
    hmlc_module *module = parser->module;
    const char **names = NULL;
    uint32_t count = 0;
    parser->level++;
    HMLC_TRY(hmlc_parse_arguments(parser, module->main));
    bool named = parser->token.kind == HMLC_TOKEN_ARROW;
    if (named) {
        hmlc_parse_advance(parser);
        HMLC_TRY(parse_output_names(parser, &names, &count));
    }
    hmlc_token place = parser->token;
    HMLC_TRY(hmlc_parse_body(parser, module->main));
    const hmlc_op *yield = module->main->last;
    bool complete = yield != NULL && yield->opcode == HMLC_OP_yield;
    if (named && count != (complete ? yield->operand_count : 0)) {
        parser->token = place;
        return hmlc_parse_fail(parser, "expected one output name per operand of the main yield");
    }
    if (named && names == NULL) { /* no outputs: an empty list is still a list */
        names = HMLC_NEW_ARRAY(module->arena, const char *, 1);
        HMLC_TRY_MEMORY(names);
    }
    module->output_names = names;
    return HMLC_OK;
}

static hmlc_status parse_header_line(hmlc_text_parser *parser, bool *known)
{
    static const struct {
        const char *word;
        hmlc_status (*parse)(hmlc_text_parser *parser);
    } lines[] = {{"model", parse_name},    {"producer", parse_producer}, {"sources", parse_sources},
                 {"symbol", parse_symbol}, {"require", parse_equality},  {"arena", parse_arena},
                 {"state", parse_state}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (hmlc_parse_accept_word(parser, lines[i].word)) {
            *known = true;
            return lines[i].parse(parser);
        }
    }
    *known = false;
    return HMLC_OK;
}

static hmlc_status resolve_roots(hmlc_text_parser *parser)
{
    for (hmlc_text_root *root = parser->roots; root != NULL; root = root->next) {
        const hmlc_text_name *name = hmlc_parse_find(parser, &root->name);
        if (name == NULL) {
            parser->token = root->name;
            return hmlc_parse_fail(parser, "expected a value that is defined");
        }
        root->value->storage.root = name->value;
    }
    return HMLC_OK;
}

static hmlc_status parse_all(hmlc_text_parser *parser)
{
    bool known = true;
    hmlc_parse_advance(parser);
    HMLC_TRY(parse_version(parser));
    while (known) {
        HMLC_TRY(parse_header_line(parser, &known));
    }
    if (!hmlc_parse_accept_word(parser, "main")) {
        return hmlc_parse_fail(parser, "expected a line of the header, or 'main'");
    }
    HMLC_TRY(parse_main(parser));
    if (parser->token.kind != HMLC_TOKEN_END) {
        return hmlc_parse_fail(parser, "expected nothing behind the main graph");
    }
    HMLC_TRY(resolve_roots(parser));
    HMLC_TRY(hmlc_dims_status(parser->module->dims));
    return hmlc_verify_with(parser->module, NULL, HMLC_ERROR_graph_invalid);
}

hmlc_status hmlc_module_parse(hmlc_module *module, const char *text, size_t size,
                              const void *constants, size_t constants_size)
{
    if (size > MAX_TEXT_BYTES || module->main->first != NULL || module->main->argument_count > 0) {
        return hmlc_error_add(module->diagnostics, HMLC_ERROR_usage, NULL, NULL,
                              "text of %zu bytes, or a module that is not empty", size);
    }
    hmlc_text_parser parser = {.module = module,
                               .scratch = hmlc_arena_create(NULL),
                               .lexer = {text, text + size, text, 1},
                               .constants = constants,
                               .constants_size = constants == NULL ? 0 : constants_size};
    HMLC_TRY_MEMORY(parser.scratch);
    hmlc_status status = parse_all(&parser);
    hmlc_arena_destroy(parser.scratch);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing of regions and ops, and the names of values. */
#include <string.h>

#include "text_parser.h"

static uint32_t hash_text(const char *text, size_t length)
{
    uint64_t hash = length;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return (uint32_t)(hash >> 16);
}

/* The slot of that name, or the empty one where it belongs; the table is never full. */
static hmlc_text_name **find_slot(hmlc_text_name **names, uint32_t capacity, const char *text,
                                  size_t length)
{
    uint32_t slot = hash_text(text, length) & (capacity - 1);
    while (names[slot] != NULL &&
           (names[slot]->length != length || memcmp(names[slot]->text, text, length) != 0)) {
        slot = (slot + 1) & (capacity - 1);
    }
    return &names[slot];
}

hmlc_text_name *hmlc_parse_find(const hmlc_text_parser *parser, const hmlc_token *token)
{
    return parser->name_capacity == 0
               ? NULL
               : *find_slot(parser->names, parser->name_capacity, token->start, token->length);
}

static bool grow_names(hmlc_text_parser *parser)
{
    if (parser->name_count < parser->name_capacity / 2) {
        return true;
    }
    uint32_t capacity = parser->name_capacity == 0 ? 64 : parser->name_capacity * 2;
    hmlc_text_name **names = HMLC_NEW_ARRAY(parser->scratch, hmlc_text_name *, capacity);
    if (names == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < parser->name_capacity; i++) {
        hmlc_text_name *name = parser->names[i];
        if (name != NULL) {
            *find_slot(names, capacity, name->text, name->length) = name;
        }
    }
    parser->names = names;
    parser->name_capacity = capacity;
    return true;
}

static hmlc_status define_name(hmlc_text_parser *parser, const hmlc_token *token, hmlc_value *value)
{
    if (hmlc_parse_find(parser, token) != NULL) {
        parser->token = *token;
        return hmlc_parse_fail(parser, "expected a value that is not defined yet");
    }
    hmlc_text_name *name = HMLC_NEW(parser->scratch, hmlc_text_name);
    if (name == NULL || !grow_names(parser)) {
        return HMLC_RESOURCE;
    }
    *name = (hmlc_text_name){token->start, token->length, value, parser->level, parser->scope};
    *find_slot(parser->names, parser->name_capacity, name->text, name->length) = name;
    parser->name_count++;
    parser->scope = name;
    return HMLC_OK;
}

/* Remembers that the value's storage root is `root`, when that is a VALUE token. */
static hmlc_status add_root(hmlc_text_parser *parser, hmlc_value *value, const hmlc_token *root)
{
    if (root->kind != HMLC_TOKEN_VALUE) {
        return HMLC_OK;
    }
    hmlc_text_root *entry = HMLC_NEW(parser->scratch, hmlc_text_root);
    HMLC_TRY_MEMORY(entry);
    *entry = (hmlc_text_root){value, *root, parser->roots};
    parser->roots = entry;
    return HMLC_OK;
}

/* What an op's line says, before the op is made. */
typedef struct op_line {
    hmlc_opcode opcode;
    hmlc_token place;
    hmlc_token *results;
    const char **result_names;
    const hmlc_type **types;
    hmlc_storage *storages;
    hmlc_token *roots;
    uint32_t result_count, result_capacity;
    hmlc_value **operands;
    uint32_t operand_count, operand_capacity;
    hmlc_attr *attrs;
    uint32_t attr_count;
    hmlc_region **regions;
    uint32_t region_count, region_capacity;
    const hmlc_location *location;
} op_line;

/* A value's token and, optionally, its name in the model. */
static hmlc_status parse_definition(hmlc_text_parser *parser, hmlc_token *token, const char **name)
{
    if (parser->token.kind != HMLC_TOKEN_VALUE) {
        return hmlc_parse_fail(parser, "expected a value such as %%0");
    }
    *token = parser->token;
    *name = NULL;
    hmlc_parse_advance(parser);
    return parser->token.kind == HMLC_TOKEN_STRING ? hmlc_parse_string(parser, name) : HMLC_OK;
}

static bool grow_results(hmlc_text_parser *parser, op_line *line)
{
    uint32_t count = line->result_count, old = line->result_capacity;
    void *tokens = line->results, *names = (void *)line->result_names;
    uint32_t capacity = old;
    if (!hmlc_arena_grow(parser->scratch, &tokens, &capacity, count, sizeof(hmlc_token))) {
        return false;
    }
    capacity = old;
    if (!hmlc_arena_grow(parser->scratch, &names, &capacity, count, sizeof(char *))) {
        return false;
    }
    line->results = tokens;
    line->result_names = names;
    line->result_capacity = capacity;
    return true;
}

/* %1 "name", %2 = */
static hmlc_status parse_results(hmlc_text_parser *parser, op_line *line)
{
    if (parser->token.kind != HMLC_TOKEN_VALUE) {
        return HMLC_OK;
    }
    do {
        if (!grow_results(parser, line)) {
            return HMLC_RESOURCE;
        }
        HMLC_TRY(parse_definition(parser, &line->results[line->result_count],
                                  &line->result_names[line->result_count]));
        line->result_count++;
    } while (hmlc_parse_accept(parser, ','));
    return hmlc_parse_expect(parser, '=');
}

static hmlc_status parse_opcode(hmlc_text_parser *parser, op_line *line)
{
    line->place = parser->token;
    if (parser->token.kind != HMLC_TOKEN_WORD ||
        !hmlc_opcode_from_name(parser->token.start, parser->token.length, &line->opcode)) {
        return hmlc_parse_fail(parser, "expected the name of an operator");
    }
    hmlc_parse_advance(parser);
    return HMLC_OK;
}

/* %3, or _ for an absent one. */
static hmlc_status parse_operand(hmlc_text_parser *parser, hmlc_value **value)
{
    *value = NULL;
    if (hmlc_parse_accept_word(parser, "_")) {
        return HMLC_OK;
    }
    if (parser->token.kind != HMLC_TOKEN_VALUE) {
        return hmlc_parse_fail(parser, "expected an operand");
    }
    const hmlc_text_name *name = hmlc_parse_find(parser, &parser->token);
    if (name == NULL || name->level == 0) {
        return hmlc_parse_fail(parser, "expected a value that is defined before");
    }
    if (name->level < parser->base_level) {
        return hmlc_parse_fail(parser, "expected a value of the kernel itself");
    }
    *value = name->value;
    hmlc_parse_advance(parser);
    return HMLC_OK;
}

static hmlc_status parse_operands(hmlc_text_parser *parser, op_line *line)
{
    HMLC_TRY(hmlc_parse_expect(parser, '('));
    while (!hmlc_parse_at_mark(parser, ')')) {
        if (line->operand_count > 0) {
            HMLC_TRY(hmlc_parse_expect(parser, ','));
        }
        void *items = (void *)line->operands;
        if (!hmlc_arena_grow(parser->scratch, &items, &line->operand_capacity, line->operand_count,
                             sizeof(hmlc_value *))) {
            return HMLC_RESOURCE;
        }
        line->operands = items;
        HMLC_TRY(parse_operand(parser, &line->operands[line->operand_count]));
        line->operand_count++;
    }
    return hmlc_parse_expect(parser, ')');
}

static hmlc_status parse_attrs(hmlc_text_parser *parser, op_line *line)
{
    if (!hmlc_parse_accept(parser, '{')) {
        return HMLC_OK;
    }
    line->attrs = HMLC_NEW_ARRAY(parser->scratch, hmlc_attr, HMLC_ATTR_COUNT);
    HMLC_TRY_MEMORY(line->attrs);
    do {
        if (line->attr_count == HMLC_ATTR_COUNT) {
            return hmlc_parse_fail(parser, "expected fewer attributes");
        }
        HMLC_TRY(hmlc_parse_attr(parser, &line->attrs[line->attr_count]));
        line->attr_count++;
    } while (hmlc_parse_accept(parser, ','));
    return hmlc_parse_expect(parser, '}');
}

/* : type @storage, type ... */
static hmlc_status parse_types(hmlc_text_parser *parser, op_line *line)
{
    line->types = HMLC_NEW_ARRAY(parser->scratch, const hmlc_type *, line->result_count);
    line->storages = HMLC_NEW_ARRAY(parser->scratch, hmlc_storage, line->result_count);
    line->roots = HMLC_NEW_ARRAY(parser->scratch, hmlc_token, line->result_count);
    HMLC_TRY_MEMORY(line->types);
    HMLC_TRY_MEMORY(line->storages);
    HMLC_TRY_MEMORY(line->roots);
    for (uint32_t i = 0; i < line->result_count; i++) {
        HMLC_TRY(hmlc_parse_expect(parser, i == 0 ? ':' : ','));
        HMLC_TRY(hmlc_parse_type(parser, &line->types[i]));
        HMLC_TRY(hmlc_parse_storage(parser, line->types[i], &line->storages[i], &line->roots[i]));
    }
    return HMLC_OK;
}

static hmlc_status parse_regions(hmlc_text_parser *parser, op_line *line)
{
    uint32_t base = parser->base_level;
    if (line->opcode == HMLC_OP_kernel) {
        parser->base_level = parser->level + 1;
    }
    while (hmlc_parse_at_mark(parser, '(')) {
        void *items = (void *)line->regions;
        if (!hmlc_arena_grow(parser->scratch, &items, &line->region_capacity, line->region_count,
                             sizeof(hmlc_region *))) {
            return HMLC_RESOURCE;
        }
        line->regions = items;
        hmlc_region *region = line->opcode == HMLC_OP_kernel
                                  ? hmlc_region_create(parser->module, NULL)
                                  : hmlc_region_create_branch(parser->module);
        HMLC_TRY_MEMORY(region);
        line->regions[line->region_count++] = region;
        hmlc_text_name *scope = parser->scope;
        if (parser->level == HMLC_TEXT_DEPTH) {
            return hmlc_parse_fail(parser, "expected less deep regions");
        }
        parser->scope = NULL;
        parser->level++;
        HMLC_TRY(hmlc_parse_arguments(parser, region));
        HMLC_TRY(hmlc_parse_body(parser, region));
        parser->level--;
        parser->scope = scope;
    }
    parser->base_level = base;
    return HMLC_OK;
}

/* Makes the op that the line describes. */
static hmlc_status make_op(hmlc_text_parser *parser, hmlc_region *region, const op_line *line,
                           hmlc_op **op)
{
    hmlc_builder builder = hmlc_builder_at_end(region);
    builder.location = line->location;
    hmlc_op_parts parts = {line->opcode,     line->operands, line->operand_count, line->attrs,
                           line->attr_count, line->regions,  line->region_count};
    hmlc_infer expected = {.result_count = line->result_count, .types = line->types};
    hmlc_status status = hmlc_op_create_from_parts(&builder, &parts, &expected, op);
    if (status != HMLC_OK && status != HMLC_RESOURCE) {
        hmlc_warning_add(parser->module->diagnostics, HMLC_ERROR_text_syntax, line->location, NULL,
                         "%u:%u: this op is at fault", line->place.line, line->place.column);
    }
    return status;
}

static hmlc_status define_results(hmlc_text_parser *parser, const op_line *line, const hmlc_op *op)
{
    for (uint32_t i = 0; i < line->result_count; i++) {
        hmlc_value *value = op->results[i];
        value->name = line->result_names[i];
        value->storage = line->storages[i];
        HMLC_TRY(define_name(parser, &line->results[i], value));
        HMLC_TRY(add_root(parser, value, &line->roots[i]));
    }
    return HMLC_OK;
}

static hmlc_status parse_op(hmlc_text_parser *parser, hmlc_region *region)
{
    op_line line = {.opcode = HMLC_OP_COUNT};
    hmlc_op *op = NULL;
    HMLC_TRY(parse_results(parser, &line));
    HMLC_TRY(parse_opcode(parser, &line));
    HMLC_TRY(parse_operands(parser, &line));
    HMLC_TRY(parse_attrs(parser, &line));
    HMLC_TRY(parse_types(parser, &line));
    HMLC_TRY(hmlc_parse_location(parser, &line.location));
    HMLC_TRY(parse_regions(parser, &line));
    if (region->last != NULL && hmlc_op_has(region->last, HMLC_TRAIT_TERMINATOR)) {
        parser->token = line.place;
        return hmlc_parse_fail(parser, "expected nothing behind the yield");
    }
    HMLC_TRY(make_op(parser, region, &line, &op));
    return define_results(parser, &line, op);
}

static hmlc_status parse_argument(hmlc_text_parser *parser, hmlc_region *region)
{
    hmlc_token token = parser->token, root = token;
    const char *name = NULL;
    const hmlc_type *type = NULL;
    hmlc_storage storage;
    HMLC_TRY(parse_definition(parser, &token, &name));
    HMLC_TRY(hmlc_parse_expect(parser, ':'));
    HMLC_TRY(hmlc_parse_type(parser, &type));
    HMLC_TRY(hmlc_parse_storage(parser, type, &storage, &root));
    hmlc_value *value = hmlc_region_add_argument(region, type, name);
    HMLC_TRY_MEMORY(value);
    value->storage = storage;
    HMLC_TRY(define_name(parser, &token, value));
    return add_root(parser, value, &root);
}

hmlc_status hmlc_parse_arguments(hmlc_text_parser *parser, hmlc_region *region)
{
    HMLC_TRY(hmlc_parse_expect(parser, '('));
    while (!hmlc_parse_at_mark(parser, ')')) {
        if (region->argument_count > 0) {
            HMLC_TRY(hmlc_parse_expect(parser, ','));
        }
        HMLC_TRY(parse_argument(parser, region));
    }
    return hmlc_parse_expect(parser, ')');
}

hmlc_status hmlc_parse_body(hmlc_text_parser *parser, hmlc_region *region)
{
    HMLC_TRY(hmlc_parse_expect(parser, '{'));
    while (region->is_branch && hmlc_parse_accept_word(parser, "require")) {
        HMLC_TRY(hmlc_parse_equality(parser, region));
    }
    while (!hmlc_parse_at_mark(parser, '}')) {
        if (parser->token.kind == HMLC_TOKEN_END) {
            return hmlc_parse_fail(parser, "expected an op or '}'");
        }
        HMLC_TRY(parse_op(parser, region));
    }
    for (hmlc_text_name *name = parser->scope; name != NULL; name = name->next_in_scope) {
        name->level = 0;
    }
    hmlc_parse_advance(parser);
    return HMLC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing of what ops carry: dims, types, attributes, tensors, locations, storage. */
#include <string.h>

#include "text_buffer.h"
#include "text_parser.h"

hmlc_status hmlc_parse_dim(hmlc_text_parser *parser, hmlc_dim *dim)
{
    hmlc_dims *dims = parser->module->dims;
    size_t length;
    uint32_t symbols = hmlc_symbol_count(dims);
    if (!hmlc_lex_dim(&parser->lexer, &parser->token, &length)) {
        return hmlc_parse_fail(parser, "expected a dim expression that ends on its line");
    }
    *dim = hmlc_dim_parse(dims, parser->token.start, length);
    if (*dim == NULL) {
        return hmlc_parse_fail(parser, "expected a dim expression");
    }
    if (hmlc_symbol_count(dims) != symbols) {
        return hmlc_parse_fail(parser, "expected declared symbols alone");
    }
    hmlc_status status = hmlc_dims_status(dims);
    if (status != HMLC_OK) {
        return status == HMLC_DAMAGED
                   ? hmlc_parse_fail(parser, "expected a dim that does not overflow")
                   : status;
    }
    hmlc_parse_advance(parser);
    return HMLC_OK;
}

static hmlc_status parse_dtype(hmlc_text_parser *parser, hmlc_dtype *dtype)
{
    if (parser->token.kind != HMLC_TOKEN_WORD ||
        !hmlc_dtype_from_name(parser->token.start, parser->token.length, dtype)) {
        return hmlc_parse_fail(parser, "expected an element type");
    }
    hmlc_parse_advance(parser);
    return HMLC_OK;
}

/* "[" dims "]" into an array with room for `most`. */
static hmlc_status parse_dims(hmlc_text_parser *parser, hmlc_dim *dims, uint32_t most,
                              uint32_t *count)
{
    *count = 0;
    HMLC_TRY(hmlc_parse_expect(parser, '['));
    while (!hmlc_parse_at_mark(parser, ']')) {
        if (*count > 0) {
            HMLC_TRY(hmlc_parse_expect(parser, ','));
        }
        if (*count == most) {
            return hmlc_parse_fail(parser, "expected at most %u entries", most);
        }
        HMLC_TRY(hmlc_parse_dim(parser, &dims[*count]));
        ++*count;
    }
    return hmlc_parse_expect(parser, ']');
}

static hmlc_status parse_tensor_type(hmlc_text_parser *parser, hmlc_type *type)
{
    hmlc_dim dims[HMLC_MAX_RANK];
    uint32_t rank;
    HMLC_TRY(parse_dtype(parser, &type->dtype));
    HMLC_TRY(parse_dims(parser, dims, HMLC_MAX_RANK, &rank));
    const hmlc_type *made =
        hmlc_type_tensor(parser->module->arena, type->dtype, (int32_t)rank, dims);
    HMLC_TRY_MEMORY(made);
    *type = *made;
    return HMLC_OK;
}

static bool accept_container(hmlc_text_parser *parser, hmlc_kind *kind)
{
    static const char *const words[] = {[HMLC_KIND_SEQUENCE] = "sequence",
                                        [HMLC_KIND_OPTIONAL] = "optional",
                                        [HMLC_KIND_MAP] = "map"};
    for (int i = HMLC_KIND_SEQUENCE; i <= HMLC_KIND_MAP; i++) {
        if (hmlc_parse_accept_word(parser, words[i])) {
            *kind = (hmlc_kind)i;
            return true;
        }
    }
    return false;
}

hmlc_status hmlc_parse_type(hmlc_text_parser *parser, const hmlc_type **type)
{
    const hmlc_type **place = type;
    uint32_t depth = 0;
    for (;; depth++) {
        hmlc_type *made = HMLC_NEW(parser->module->arena, hmlc_type);
        HMLC_TRY_MEMORY(made);
        *place = made;
        if (!accept_container(parser, &made->kind)) {
            HMLC_TRY(parse_tensor_type(parser, made));
            break;
        }
        if (depth == HMLC_TEXT_DEPTH) {
            return hmlc_parse_fail(parser, "expected less deep types");
        }
        HMLC_TRY(hmlc_parse_expect(parser, '<'));
        if (made->kind == HMLC_KIND_MAP) {
            HMLC_TRY(parse_dtype(parser, &made->dtype));
            HMLC_TRY(hmlc_parse_expect(parser, ','));
        }
        place = &made->element;
    }
    for (; depth > 0; depth--) {
        HMLC_TRY(hmlc_parse_expect(parser, '>'));
    }
    return HMLC_OK;
}

/* One element at the next token. */
static hmlc_status parse_element(hmlc_text_parser *parser, hmlc_dtype dtype, void *element)
{
    const hmlc_token *token = &parser->token;
    bool plain = token->kind == HMLC_TOKEN_NUMBER || token->kind == HMLC_TOKEN_WORD;
    if (!plain || !hmlc_element_parse(dtype, token->start, token->length, element)) {
        return hmlc_parse_fail(parser, "expected a value of type %s", hmlc_dtype_name(dtype));
    }
    hmlc_parse_advance(parser);
    return HMLC_OK;
}

static hmlc_status parse_elements(hmlc_text_parser *parser, hmlc_tensor *tensor)
{
    hmlc_dtype part = tensor->dtype;
    if (hmlc_dtype_class_of(part) == HMLC_CLASS_COMPLEX) {
        part = part == HMLC_DTYPE_c64 ? HMLC_DTYPE_f32 : HMLC_DTYPE_f64;
    }
    size_t bytes = hmlc_dtype_bytes(part), count = tensor->bytes / bytes;
    /* Each element takes at least a character: larger counts need no memory to be refused. */
    if (count > (size_t)(parser->lexer.end - parser->token.start)) {
        return hmlc_parse_fail(parser, "expected %zu elements", count);
    }
    unsigned char *data = hmlc_arena_allocate(parser->module->arena, tensor->bytes);
    HMLC_TRY_MEMORY(data);
    tensor->data = data;
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            HMLC_TRY(hmlc_parse_expect(parser, ','));
        }
        HMLC_TRY(parse_element(parser, part, data + i * bytes));
    }
    return HMLC_OK;
}

static bool read_hex(const char *text, uint64_t *value)
{
    *value = 0;
    for (int i = 0; i < 16; i++) {
        char c = text[i];
        bool digit = c >= '0' && c <= '9', letter = c >= 'a' && c <= 'f';
        if (!digit && !letter) {
            return false;
        }
        *value = *value << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
    }
    return true;
}

/* "hash" and "at": the bytes lie in the side buffer. */
static hmlc_status parse_side_bytes(hmlc_text_parser *parser, hmlc_tensor *tensor)
{
    hmlc_text_hash hash;
    const hmlc_token *token = &parser->token;
    if (token->length != 32 || !read_hex(token->start, &hash.high) ||
        !read_hex(token->start + 16, &hash.low)) {
        return hmlc_parse_fail(parser, "expected a hash of 32 hexadecimal digits");
    }
    hmlc_parse_advance(parser);
    if (!hmlc_parse_accept_word(parser, "at") || parser->constants == NULL) {
        return hmlc_parse_fail(parser, "expected 'at OFFSET', and the file of constants");
    }
    int64_t offset;
    hmlc_token place = parser->token;
    HMLC_TRY(hmlc_parse_int(parser, 0, INT64_MAX, &offset));
    if ((uint64_t)offset > parser->constants_size ||
        tensor->bytes > parser->constants_size - (size_t)offset) {
        parser->token = place;
        return hmlc_parse_fail(parser, "expected %zu bytes inside the %zu of the constants",
                               tensor->bytes, parser->constants_size);
    }
    tensor->data = parser->constants + offset;
    hmlc_text_hash found = hmlc_text_hash_of(tensor->data, tensor->bytes);
    if (found.high != hash.high || found.low != hash.low) {
        parser->token = place;
        return hmlc_parse_fail(parser, "expected constants with another hash");
    }
    return HMLC_OK;
}

static hmlc_status parse_tensor_shape(hmlc_text_parser *parser, hmlc_tensor *tensor)
{
    hmlc_token place = parser->token;
    HMLC_TRY(parse_dtype(parser, &tensor->dtype));
    HMLC_TRY(hmlc_parse_expect(parser, '['));
    while (!hmlc_parse_at_mark(parser, ']')) {
        if (tensor->rank > 0) {
            HMLC_TRY(hmlc_parse_expect(parser, ','));
        }
        if (tensor->rank == HMLC_MAX_RANK) {
            return hmlc_parse_fail(parser, "expected at most %d dims", HMLC_MAX_RANK);
        }
        HMLC_TRY(hmlc_parse_int(parser, 0, HMLC_DIM_UNBOUNDED, &tensor->dims[tensor->rank]));
        tensor->rank++;
    }
    HMLC_TRY(hmlc_parse_expect(parser, ']'));
    int64_t count = hmlc_tensor_count(tensor);
    size_t bytes = hmlc_dtype_bytes(tensor->dtype);
    if (bytes == 0 || count < 0 || !hmlc_size_multiply((size_t)count, bytes, &tensor->bytes)) {
        parser->token = place;
        return hmlc_parse_fail(parser, "expected a tensor with a dense form that fits the memory");
    }
    return HMLC_OK;
}

hmlc_status hmlc_parse_tensor(hmlc_text_parser *parser, const hmlc_tensor **tensor)
{
    hmlc_tensor *made = HMLC_NEW(parser->module->arena, hmlc_tensor);
    HMLC_TRY_MEMORY(made);
    HMLC_TRY(parse_tensor_shape(parser, made));
    HMLC_TRY(hmlc_parse_expect(parser, '('));
    if (hmlc_parse_accept_word(parser, "hash")) {
        HMLC_TRY(parse_side_bytes(parser, made));
    } else {
        HMLC_TRY(parse_elements(parser, made));
    }
    *tensor = made;
    return hmlc_parse_expect(parser, ')');
}

/* "[" numbers "]" of 8 bytes each, as int64 or double. */
static hmlc_status parse_numbers(hmlc_text_parser *parser, hmlc_dtype dtype, hmlc_attr *attr,
                                 void *items)
{
    HMLC_TRY(hmlc_parse_expect(parser, '['));
    while (!hmlc_parse_at_mark(parser, ']')) {
        if (attr->count > 0) {
            HMLC_TRY(hmlc_parse_expect(parser, ','));
        }
        if (attr->count == HMLC_MAX_ATTR_LIST) {
            return hmlc_parse_fail(parser, "expected at most %d entries", HMLC_MAX_ATTR_LIST);
        }
        HMLC_TRY(parse_element(parser, dtype, (unsigned char *)items + 8 * (size_t)attr->count));
        attr->count++;
    }
    return hmlc_parse_expect(parser, ']');
}

static hmlc_status parse_list(hmlc_text_parser *parser, hmlc_attr_kind kind, hmlc_attr *attr)
{
    if (kind == HMLC_ATTR_KIND_DIMS) {
        hmlc_dim *dims = HMLC_NEW_ARRAY(parser->scratch, hmlc_dim, HMLC_MAX_ATTR_LIST);
        HMLC_TRY_MEMORY(dims);
        attr->as.dims = dims;
        return parse_dims(parser, dims, HMLC_MAX_ATTR_LIST, &attr->count);
    }
    if (kind == HMLC_ATTR_KIND_INTS) {
        int64_t *integers = HMLC_NEW_ARRAY(parser->scratch, int64_t, HMLC_MAX_ATTR_LIST);
        HMLC_TRY_MEMORY(integers);
        attr->as.integers = integers;
        return parse_numbers(parser, HMLC_DTYPE_i64, attr, integers);
    }
    double *reals = HMLC_NEW_ARRAY(parser->scratch, double, HMLC_MAX_ATTR_LIST);
    HMLC_TRY_MEMORY(reals);
    attr->as.reals = reals;
    return parse_numbers(parser, HMLC_DTYPE_f64, attr, reals);
}

static hmlc_status parse_enum(hmlc_text_parser *parser, hmlc_attr *attr)
{
    const hmlc_token *token = &parser->token;
    if (token->kind != HMLC_TOKEN_WORD ||
        !hmlc_attr_enum_value(attr->name, token->start, token->length, &attr->as.integer)) {
        return hmlc_parse_fail(parser, "expected a word of attribute %s",
                               hmlc_attr_name_text(attr->name));
    }
    hmlc_parse_advance(parser);
    return HMLC_OK;
}

static hmlc_status parse_value(hmlc_text_parser *parser, hmlc_attr *attr)
{
    hmlc_attr_kind kind = hmlc_attr_kind_of(attr->name);
    switch (kind) {
    case HMLC_ATTR_KIND_INT:
        return hmlc_parse_int(parser, INT64_MIN, INT64_MAX, &attr->as.integer);
    case HMLC_ATTR_KIND_FLOAT:
        return parse_element(parser, HMLC_DTYPE_f64, &attr->as.real);
    case HMLC_ATTR_KIND_STRING:
        return hmlc_parse_string(parser, &attr->as.string);
    case HMLC_ATTR_KIND_DTYPE:
        return parse_dtype(parser, &attr->as.dtype);
    case HMLC_ATTR_KIND_TENSOR:
        return hmlc_parse_tensor(parser, &attr->as.tensor);
    case HMLC_ATTR_KIND_ENUM:
        return parse_enum(parser, attr);
    default:
        return parse_list(parser, kind, attr);
    }
}

hmlc_status hmlc_parse_attr(hmlc_text_parser *parser, hmlc_attr *attr)
{
    *attr = (hmlc_attr){.count = 0};
    if (parser->token.kind != HMLC_TOKEN_WORD ||
        !hmlc_attr_name_from_text(parser->token.start, parser->token.length, &attr->name)) {
        return hmlc_parse_fail(parser, "expected the name of an attribute");
    }
    hmlc_parse_advance(parser);
    HMLC_TRY(hmlc_parse_expect(parser, '='));
    return parse_value(parser, attr);
}

static hmlc_status parse_source_node(hmlc_text_parser *parser, hmlc_source_node *node)
{
    HMLC_TRY(hmlc_parse_expect(parser, '('));
    HMLC_TRY(hmlc_parse_string(parser, &node->file));
    HMLC_TRY(hmlc_parse_expect(parser, ','));
    HMLC_TRY(hmlc_parse_string(parser, &node->name));
    HMLC_TRY(hmlc_parse_expect(parser, ','));
    HMLC_TRY(hmlc_parse_string(parser, &node->op_type));
    return hmlc_parse_expect(parser, ')');
}

hmlc_status hmlc_parse_location(hmlc_text_parser *parser, const hmlc_location **location)
{
    hmlc_source_node *nodes = NULL;
    uint32_t count = 0, capacity = 0;
    *location = NULL;
    while (hmlc_parse_accept_word(parser, "loc")) {
        void *items = nodes;
        if (!hmlc_arena_grow(parser->scratch, &items, &capacity, count, sizeof *nodes)) {
            return HMLC_RESOURCE;
        }
        nodes = items;
        HMLC_TRY(parse_source_node(parser, &nodes[count]));
        count++;
    }
    if (count == 0) {
        return HMLC_OK;
    }
    hmlc_location *made = HMLC_NEW(parser->module->arena, hmlc_location);
    HMLC_TRY_MEMORY(made);
    made->node_count = count;
    made->nodes = hmlc_arena_copy(parser->module->arena, nodes, count * sizeof *nodes);
    HMLC_TRY_MEMORY(made->nodes);
    *location = made;
    return HMLC_OK;
}

static hmlc_status parse_storage_kind(hmlc_text_parser *parser, hmlc_storage *storage)
{
    static const char *const words[] = {
        [HMLC_STORAGE_NONE] = "none",         [HMLC_STORAGE_ARENA] = "arena",
        [HMLC_STORAGE_GROWABLE] = "growable", [HMLC_STORAGE_INPUT] = "input",
        [HMLC_STORAGE_OUTPUT] = "output",     [HMLC_STORAGE_CONSTANT] = "constant"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (hmlc_parse_accept_word(parser, words[i])) {
            storage->kind = (hmlc_storage_kind)i;
            int64_t index;
            HMLC_TRY(hmlc_parse_int(parser, 0, UINT32_MAX, &index));
            storage->index = (uint32_t)index;
            return HMLC_OK;
        }
    }
    return hmlc_parse_fail(parser, "expected a kind of storage");
}

static hmlc_status parse_strides(hmlc_text_parser *parser, const hmlc_type *type,
                                 hmlc_storage *storage)
{
    hmlc_dim dims[HMLC_MAX_RANK];
    uint32_t count;
    hmlc_token place = parser->token;
    HMLC_TRY(parse_dims(parser, dims, HMLC_MAX_RANK, &count));
    if (type->kind != HMLC_KIND_TENSOR || (int32_t)count != type->rank) {
        parser->token = place;
        return hmlc_parse_fail(parser, "expected one stride per dim");
    }
    storage->strides = hmlc_arena_copy(parser->module->arena, dims, count * sizeof dims[0]);
    HMLC_TRY_MEMORY(storage->strides);
    return HMLC_OK;
}

hmlc_status hmlc_parse_storage(hmlc_text_parser *parser, const hmlc_type *type,
                               hmlc_storage *storage, hmlc_token *root)
{
    *storage = (hmlc_storage){.kind = HMLC_STORAGE_NONE};
    root->kind = HMLC_TOKEN_END;
    if (!hmlc_parse_accept(parser, '@')) {
        return HMLC_OK;
    }
    HMLC_TRY(parse_storage_kind(parser, storage));
    if (hmlc_parse_accept_word(parser, "offset")) {
        HMLC_TRY(hmlc_parse_expect(parser, '('));
        HMLC_TRY(hmlc_parse_dim(parser, &storage->offset));
        HMLC_TRY(hmlc_parse_expect(parser, ')'));
    }
    if (hmlc_parse_accept_word(parser, "root")) {
        if (parser->token.kind != HMLC_TOKEN_VALUE) {
            return hmlc_parse_fail(parser, "expected a value");
        }
        *root = parser->token;
        hmlc_parse_advance(parser);
    }
    return hmlc_parse_accept_word(parser, "strides") ? parse_strides(parser, type, storage)
                                                     : HMLC_OK;
}

hmlc_status hmlc_parse_equality(hmlc_text_parser *parser, const hmlc_region *branch)
{
    hmlc_dim left = NULL, right = NULL;
    const hmlc_location *location = NULL;
    HMLC_TRY(hmlc_parse_expect(parser, '('));
    HMLC_TRY(hmlc_parse_dim(parser, &left));
    HMLC_TRY(hmlc_parse_expect(parser, ','));
    HMLC_TRY(hmlc_parse_dim(parser, &right));
    HMLC_TRY(hmlc_parse_expect(parser, ')'));
    HMLC_TRY(hmlc_parse_location(parser, &location));
    return hmlc_dims_require_equal_in(parser->module->dims, branch, left, right, location);
}

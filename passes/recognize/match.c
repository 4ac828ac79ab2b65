/* SPDX-License-Identifier: Apache-2.0 */
/* The pattern matcher: backtracking over the operands of commutative ops, with a trail of bindings.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "match.h"
#include "query.h"

enum { MAX_ARGUMENTS = 6, MAX_FACTORS = 8, MAX_PATTERN_DEPTH = 16 };

typedef enum node_kind { NODE_OP, NODE_VALUE, NODE_CAPTURE, NODE_NUMBER } node_kind;

struct hmlc_pattern {
    node_kind kind;
    hmlc_opcode opcode;
    char letter; /* of a value, a captured number or a named op; 0: none */
    double number;
    uint32_t count;
    const hmlc_pattern *arguments[MAX_ARGUMENTS];
};

/* Compilation */

typedef struct pattern_parser {
    hmlc_module *module;
    hmlc_arena *arena;
    const char *start, *text; /* the whole pattern, and what is left of it */
} pattern_parser;

static hmlc_status parse(pattern_parser *parser, int depth, const hmlc_pattern **out);

/* Patterns stand in the compiler's own tables. */
static hmlc_status parse_fail(const pattern_parser *parser, const char *expected)
{
    return hmlc_error_add(parser->module->diagnostics, HMLC_ERROR_compiler_defect, NULL, NULL,
                          "pattern '%s', character %d: expected %s", parser->start,
                          (int)(parser->text - parser->start) + 1, expected);
}

static void skip_space(pattern_parser *parser)
{
    parser->text += strspn(parser->text, " ");
}

static hmlc_status parse_arguments(pattern_parser *parser, int depth, hmlc_pattern *node)
{
    do {
        parser->text++; /* '(' or ',' */
        if (node->count == MAX_ARGUMENTS) {
            return parse_fail(parser, "no further argument");
        }
        HMLC_TRY(parse(parser, depth + 1, &node->arguments[node->count++]));
        skip_space(parser);
    } while (*parser->text == ',');
    if (*parser->text != ')') {
        return parse_fail(parser, "')'");
    }
    parser->text++;
    return HMLC_OK;
}

static hmlc_status parse_op(pattern_parser *parser, int depth, hmlc_pattern *node)
{
    if (isupper((unsigned char)*parser->text) && parser->text[1] == ':') {
        node->letter = *parser->text;
        parser->text += 2;
    }
    size_t length = strspn(parser->text, "abcdefghijklmnopqrstuvwxyz_0123456789");
    if (length == 1 && parser->text[1] != '(' && node->letter == 0) {
        node->kind = NODE_VALUE;
        node->letter = *parser->text;
        parser->text++;
        return HMLC_OK;
    }
    node->kind = NODE_OP;
    if (!hmlc_opcode_from_name(parser->text, length, &node->opcode) ||
        parser->text[length] != '(') {
        return parse_fail(parser, "an operator and '('");
    }
    parser->text += length;
    return parse_arguments(parser, depth, node);
}

static hmlc_status parse(pattern_parser *parser, int depth, const hmlc_pattern **out)
{
    hmlc_pattern *node = HMLC_NEW(parser->arena, hmlc_pattern);
    HMLC_TRY_MEMORY(node);
    *out = node;
    skip_space(parser);
    if (depth > MAX_PATTERN_DEPTH) {
        return parse_fail(parser, "no deeper nesting");
    }
    const char *text = parser->text;
    if (*text == '?' && islower((unsigned char)text[1])) {
        node->kind = NODE_CAPTURE;
        node->letter = text[1];
        parser->text += 2;
        return HMLC_OK;
    }
    if (isdigit((unsigned char)*text) || *text == '-') {
        char *end;
        node->kind = NODE_NUMBER;
        node->number = strtod(text, &end);
        parser->text = end;
        return HMLC_OK;
    }
    return parse_op(parser, depth, node);
}

hmlc_status hmlc_pattern_compile(hmlc_module *module, hmlc_arena *arena, const char *text,
                                 const hmlc_pattern **pattern)
{
    pattern_parser parser = {module, arena, text, text};
    HMLC_TRY(parse(&parser, 0, pattern));
    skip_space(&parser);
    bool whole = *parser.text == '\0' && (*pattern)->kind == NODE_OP;
    return whole ? HMLC_OK : parse_fail(&parser, "one operator and the end");
}

bool hmlc_pattern_starts_at(const hmlc_pattern *pattern, hmlc_opcode opcode)
{
    return pattern->opcode == opcode ||
           (pattern->opcode == HMLC_OP_mul && opcode == HMLC_OP_div); /* by a constant */
}

/* Matching */

typedef struct matcher {
    hmlc_match *match;
    char trail[64]; /* letters bound, to be unbound on failure */
    uint32_t trail_count;
    uint32_t steps; /* left, against patterns that explode */
} matcher;

typedef struct mark {
    uint32_t trail_count, op_count;
} mark;

static mark set_mark(const matcher *state)
{
    return (mark){state->trail_count, state->match->op_count};
}

static void undo(matcher *state, mark to)
{
    while (state->trail_count > to.trail_count) {
        char letter = state->trail[--state->trail_count];
        if (isupper((unsigned char)letter)) {
            HMLC_MATCHED_OP(state->match, letter) = NULL;
        } else {
            HMLC_MATCHED_VALUE(state->match, letter) = NULL;
        }
    }
    state->match->op_count = to.op_count;
}

static bool remember(matcher *state, char letter)
{
    if (state->trail_count == sizeof(state->trail)) {
        return false;
    }
    state->trail[state->trail_count++] = letter;
    return true;
}

static bool contains(const hmlc_match *match, const hmlc_op *op)
{
    for (uint32_t i = 0; i < match->op_count; i++) {
        if (match->ops[i] == op) {
            return true;
        }
    }
    return false;
}

static bool add_op(matcher *state, hmlc_op *op)
{
    if (contains(state->match, op)) {
        return true;
    }
    if (state->match->op_count == HMLC_MATCH_MAX_OPS) {
        return false;
    }
    state->match->ops[state->match->op_count++] = op;
    return true;
}

/* As near as constants of the element type come to a number that a framework wrote. */
static bool is_near(hmlc_dtype dtype, double found, double expected)
{
    double tolerance = dtype == HMLC_DTYPE_f16 ? 5e-4 : dtype == HMLC_DTYPE_bf16 ? 4e-3 : 5e-5;
    return fabs(found - expected) <= tolerance * fabs(expected);
}

static bool match_value(matcher *state, const hmlc_pattern *node, hmlc_value *value);

static bool match_leaf(matcher *state, const hmlc_pattern *node, hmlc_value *value)
{
    if (node->kind == NODE_VALUE) {
        hmlc_value **bound = &HMLC_MATCHED_VALUE(state->match, node->letter);
        if (*bound != NULL) {
            return *bound == value;
        }
        *bound = value;
        return remember(state, node->letter);
    }
    double splat;
    if (!hmlc_value_splat(value, &splat)) {
        return false;
    }
    if (node->kind == NODE_CAPTURE) {
        HMLC_MATCHED_NUMBER(state->match, node->letter) = splat;
        return true;
    }
    return is_near(value->type->dtype, splat, node->number);
}

/* The leaves of a tree of products or sums, and the constant that all its constants make. */
typedef struct matched_factors {
    hmlc_opcode opcode; /* mul or add */
    hmlc_value *leaves[MAX_FACTORS];
    uint32_t count;
    double coefficient;
    bool has_coefficient;
    hmlc_dtype dtype;
} matched_factors;

static bool add_leaf(matched_factors *list, hmlc_value *value)
{
    double splat;
    if (hmlc_value_splat(value, &splat)) {
        if (list->opcode == HMLC_OP_add && list->coefficient * splat < 0) {
            return false; /* adding and taking off rounds to what lies between */
        }
        list->coefficient =
            list->opcode == HMLC_OP_mul ? list->coefficient * splat : list->coefficient + splat;
        list->has_coefficient = true;
        return true;
    }
    if (list->count == MAX_FACTORS) {
        return false;
    }
    list->leaves[list->count++] = value;
    return true;
}

static bool collect(matcher *state, matched_factors *list, hmlc_value *value, bool root)
{
    hmlc_op *op = value->producer;
    double splat;
    bool inside = op != NULL && value->index == 0 && (root || hmlc_value_has_one_use(value));
    if (inside && op->opcode == list->opcode) {
        return add_op(state, op) && collect(state, list, op->operands[0].value, false) &&
               collect(state, list, op->operands[1].value, false);
    }
    if (inside && list->opcode == HMLC_OP_mul && op->opcode == HMLC_OP_div &&
        hmlc_value_splat(op->operands[1].value, &splat) && splat != 0.0) {
        list->coefficient /= splat;
        list->has_coefficient = true;
        return add_op(state, op) && collect(state, list, op->operands[0].value, false);
    }
    if (inside && list->opcode == HMLC_OP_mul && op->opcode == HMLC_OP_neg) {
        list->coefficient = -list->coefficient;
        list->has_coefficient = true;
        return add_op(state, op) && collect(state, list, op->operands[0].value, false);
    }
    return add_leaf(list, value);
}

/* Assigns leaves to the pattern's arguments from `next` on; `used` has a bit per leaf. */
static bool assign(matcher *state, const hmlc_pattern *node, uint32_t next,
                   const matched_factors *list, uint32_t used)
{
    while (next < node->count && (node->arguments[next]->kind == NODE_NUMBER ||
                                  node->arguments[next]->kind == NODE_CAPTURE)) {
        next++;
    }
    if (next == node->count) {
        return true;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        mark before = set_mark(state);
        if ((used >> i & 1) == 0 && match_value(state, node->arguments[next], list->leaves[i]) &&
            assign(state, node, next + 1, list, used | 1u << i)) {
            return true;
        }
        undo(state, before);
    }
    return false;
}

/* Compares the tree's constant with the pattern's numbers, or captures it. */
static bool match_coefficient(matcher *state, const hmlc_pattern *node, const matched_factors *list)
{
    double neutral = node->opcode == HMLC_OP_mul ? 1.0 : 0.0;
    double expected = neutral;
    char capture = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        const hmlc_pattern *argument = node->arguments[i];
        if (argument->kind == NODE_NUMBER) {
            expected = node->opcode == HMLC_OP_mul ? expected * argument->number
                                                   : expected + argument->number;
        }
        capture = argument->kind == NODE_CAPTURE ? argument->letter : capture;
    }
    if (capture != 0) {
        HMLC_MATCHED_NUMBER(state->match, capture) = list->coefficient;
        return list->has_coefficient;
    }
    return is_near(list->dtype, list->coefficient, expected);
}

static uint32_t count_leaves(const hmlc_pattern *node)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->count; i++) {
        count +=
            node->arguments[i]->kind == NODE_OP || node->arguments[i]->kind == NODE_VALUE ? 1 : 0;
    }
    return count;
}

static bool match_tree(matcher *state, const hmlc_pattern *node, hmlc_value *value)
{
    matched_factors list = {.opcode = node->opcode,
                            .coefficient = node->opcode == HMLC_OP_mul ? 1.0 : 0.0,
                            .dtype = value->type->dtype};
    return collect(state, &list, value, true) && list.count == count_leaves(node) &&
           match_coefficient(state, node, &list) && assign(state, node, 0, &list, 0);
}

static bool match_operands(matcher *state, const hmlc_pattern *node, const hmlc_op *op,
                           bool swapped)
{
    for (uint32_t i = 0; i < node->count; i++) {
        hmlc_value *operand = op->operands[swapped ? 1 - i : i].value;
        if (operand == NULL || !match_value(state, node->arguments[i], operand)) {
            return false;
        }
    }
    return true;
}

/* The op as it stands, both orders where it commutes. */
static bool match_structure(matcher *state, const hmlc_pattern *node, hmlc_value *value)
{
    hmlc_op *op = value->producer;
    mark before = set_mark(state);
    if (op->opcode != node->opcode || op->operand_count != node->count || !add_op(state, op)) {
        return false;
    }
    if (match_operands(state, node, op, false)) {
        return true;
    }
    undo(state, before);
    return hmlc_op_has(op, HMLC_TRAIT_COMMUTATIVE) && op->operand_count == 2 && add_op(state, op) &&
           match_operands(state, node, op, true);
}

static bool match_value(matcher *state, const hmlc_pattern *node, hmlc_value *value)
{
    if (state->steps == 0) {
        return false;
    }
    state->steps--;
    if (node->kind != NODE_OP) {
        return match_leaf(state, node, value);
    }
    if (value->producer == NULL || value->index != 0) {
        return false;
    }
    mark before = set_mark(state);
    bool found = match_structure(state, node, value);
    if (!found && (node->opcode == HMLC_OP_mul || node->opcode == HMLC_OP_add)) {
        undo(state, before);
        found = match_tree(state, node, value);
    }
    if (!found) {
        undo(state, before);
        return false;
    }
    if (node->letter != 0) {
        HMLC_MATCHED_OP(state->match, node->letter) = value->producer;
        return remember(state, node->letter);
    }
    return true;
}

static bool is_read_within(const hmlc_match *match, const hmlc_value *value)
{
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        if (!contains(match, use->op)) {
            return false;
        }
    }
    return true;
}

static bool is_closed(const hmlc_match *match, const hmlc_op *root)
{
    for (uint32_t i = 0; i < match->op_count; i++) {
        const hmlc_op *op = match->ops[i];
        for (uint32_t k = 0; op != root && k < op->result_count; k++) {
            if (!is_read_within(match, op->results[k])) {
                return false;
            }
        }
    }
    return true;
}

bool hmlc_pattern_match(const hmlc_pattern *pattern, hmlc_op *op, hmlc_match *match)
{
    memset(match, 0, sizeof *match);
    matcher state = {.match = match, .steps = 2000};
    return op->result_count == 1 && match_value(&state, pattern, op->results[0]) &&
           is_closed(match, op);
}

const hmlc_location *hmlc_match_location(hmlc_arena *arena, const hmlc_match *match)
{
    const hmlc_location *joined = NULL;
    for (uint32_t i = match->op_count; i > 0; i--) {
        joined = hmlc_location_join(arena, joined, match->ops[i - 1]->location);
    }
    return joined;
}

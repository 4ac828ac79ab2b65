/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Einsum: operands are contracted from left to right, each pair as a batched matrix product. A
 * label is a letter, or a dim under the ellipsis, counted from the right.
 */
#include "einsum.h"

#include <string.h>

enum { LETTERS = 52, LABELS = LETTERS + HMLC_MAX_RANK };

/* A value and what its dims are called; names are distinct. */
typedef struct labelled {
    hmlc_value *value;
    int32_t rank;
    int32_t labels[HMLC_MAX_RANK];
} labelled;

typedef struct einsum {
    hmlc_node *node;
    uint32_t count;
    labelled *operands;
    int32_t rank; /* of the result */
    int32_t labels[HMLC_MAX_RANK];
    int32_t ellipsis; /* dims under the widest ellipsis */
} einsum;

static void malformed(einsum *state, const char *what)
{
    if (hmlc_node_ok(state->node)) {
        hmlc_node_fail(state->node, HMLC_ERROR_attribute_invalid, NULL, "'equation' %s", what);
    }
}

static int32_t letter_label(char letter)
{
    return letter >= 'a' && letter <= 'z'   ? letter - 'a' + 26
           : letter >= 'A' && letter <= 'Z' ? letter - 'A'
                                            : -1;
}

static int32_t find_label(const int32_t *labels, int32_t rank, int32_t label)
{
    for (int32_t i = 0; i < rank; i++) {
        if (labels[i] == label) {
            return i;
        }
    }
    return -1;
}

static void add_label(einsum *state, int32_t *labels, int32_t *rank, int32_t label)
{
    if (*rank == HMLC_MAX_RANK) {
        malformed(state, "has a term of too many labels");
        return;
    }
    labels[(*rank)++] = label;
}

/* Reads "ab...c" up to a comma, an arrow or the end; `under` dims lie under an ellipsis. */
static const char *read_term(einsum *state, const char *text, int32_t under, int32_t *labels,
                             int32_t *rank)
{
    bool ellipsis = false;
    *rank = 0;
    while (*text != '\0' && *text != ',' && *text != '-' && hmlc_node_ok(state->node)) {
        if (*text == ' ') {
            text++;
        } else if (strncmp(text, "...", 3) == 0 && !ellipsis) {
            ellipsis = true;
            for (int32_t i = under; i > 0; i--) {
                add_label(state, labels, rank, LETTERS + i - 1);
            }
            text += 3;
        } else if (letter_label(*text) >= 0) {
            add_label(state, labels, rank, letter_label(*text++));
        } else {
            malformed(state, "holds a character that is no label");
        }
    }
    return text;
}

static int32_t letters_in(const char *text)
{
    int32_t count = 0;
    for (; *text != '\0' && *text != ',' && *text != '-'; text++) {
        count += letter_label(*text) >= 0;
    }
    return count;
}

/* The diagonal of two axes: elements beside it are 0, one axis is summed away. */
static void take_diagonal(einsum *state, labelled *operand, int32_t keep, int32_t drop)
{
    hmlc_emitter *emit = &state->node->emit;
    hmlc_value *index[2];
    const hmlc_type *type = operand->value->type;
    hmlc_emit_require_equal(emit, type->dims[keep], type->dims[drop]);
    for (int32_t i = 0; i < 2; i++) {
        index[i] =
            hmlc_emit(emit, HMLC_OP_iota, NULL, 0,
                      HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, type->dims, (uint32_t)type->rank),
                                 hmlc_attr_int(HMLC_ATTR_axis, i == 0 ? keep : drop),
                                 hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_i64)));
    }
    int64_t axis = drop;
    hmlc_value *on = hmlc_emit_binary(emit, HMLC_OP_equal, index[0], index[1]);
    hmlc_value *zero = hmlc_emit_scalar_like(emit, operand->value, 0);
    hmlc_value *rest = hmlc_emit_select(emit, on, operand->value, zero);
    operand->value = hmlc_emit_reduce(emit, HMLC_OP_reduce_sum, rest, &axis, 1, false);
    operand->rank--;
    memmove(operand->labels + drop, operand->labels + drop + 1,
            (size_t)(operand->rank - drop) * sizeof operand->labels[0]);
}

static void make_distinct(einsum *state, labelled *operand)
{
    for (int32_t i = 0; i < operand->rank && hmlc_node_ok(state->node); i++) {
        int32_t again =
            find_label(operand->labels + i + 1, operand->rank - i - 1, operand->labels[i]);
        if (again >= 0) {
            take_diagonal(state, operand, i, i + 1 + again);
            i--;
        }
    }
}

static const char *read_operand(einsum *state, const char *text, uint32_t index)
{
    labelled *operand = &state->operands[index];
    operand->value = state->node->inputs[index];
    int32_t rank = operand->value->type->rank, under = rank - letters_in(text);
    text = read_term(state, text, under < 0 ? 0 : under, operand->labels, &operand->rank);
    if (operand->rank != rank) {
        malformed(state, "does not fit the rank of an operand");
        return text;
    }
    bool has_ellipsis = find_label(operand->labels, rank, LETTERS) >= 0;
    state->ellipsis = has_ellipsis && under > state->ellipsis ? under : state->ellipsis;
    make_distinct(state, operand);
    return text;
}

/* Without an arrow: the ellipsis, then the letters that occur once, in order. */
static void implicit_result(einsum *state, const char *equation)
{
    state->rank = 0;
    for (int32_t i = state->ellipsis; i > 0; i--) {
        add_label(state, state->labels, &state->rank, LETTERS + i - 1);
    }
    for (int32_t label = 0; label < LETTERS; label++) {
        int32_t times = 0;
        for (const char *letter = equation; *letter != '\0'; letter++) {
            times += letter_label(*letter) == label;
        }
        if (times == 1) {
            add_label(state, state->labels, &state->rank, label);
        }
    }
}

static void read_equation(einsum *state, const char *equation)
{
    const char *text = equation;
    for (uint32_t i = 0; i < state->count && hmlc_node_ok(state->node); i++) {
        text = read_operand(state, text, i);
        bool last = i + 1 == state->count;
        if (!last && *text != ',') {
            malformed(state, "has fewer terms than there are operands");
        }
        text += !last && *text == ',';
    }
    if (!hmlc_node_ok(state->node)) {
        return;
    }
    if (*text == '\0') {
        implicit_result(state, equation);
    } else if (strncmp(text, "->", 2) == 0) {
        text = read_term(state, text + 2, state->ellipsis, state->labels, &state->rank);
    }
    if (*text != '\0') {
        malformed(state, "has more terms than there are operands");
    }
}

/* Sums the axes away whose label is not wanted any more. */
static void sum_unwanted(einsum *state, labelled *operand, const bool *wanted)
{
    int64_t axes[HMLC_MAX_RANK];
    uint32_t count = 0;
    int32_t kept = 0;
    for (int32_t i = 0; i < operand->rank; i++) {
        if (wanted[operand->labels[i]]) {
            operand->labels[kept++] = operand->labels[i];
        } else {
            axes[count++] = i;
        }
    }
    operand->rank = kept;
    if (count > 0) {
        operand->value = hmlc_emit_reduce(&state->node->emit, HMLC_OP_reduce_sum, operand->value,
                                          axes, count, false);
    }
}

static void permute(einsum *state, labelled *operand, const int32_t *order)
{
    int64_t permutation[HMLC_MAX_RANK];
    for (int32_t i = 0; i < operand->rank; i++) {
        permutation[i] = find_label(operand->labels, operand->rank, order[i]);
    }
    operand->value = hmlc_emit_transpose(&state->node->emit, operand->value, permutation);
    memcpy(operand->labels, order, (size_t)operand->rank * sizeof *order);
}

/* Labels of a pair, by part: in both and in the result, in both alone, in one. */
typedef struct pair_labels {
    int32_t batch[HMLC_MAX_RANK], inner[HMLC_MAX_RANK], left[HMLC_MAX_RANK], right[HMLC_MAX_RANK];
    int32_t batches, inners, lefts, rights;
} pair_labels;

static pair_labels classify(const labelled *a, const labelled *b, const bool *kept)
{
    pair_labels found = {0};
    for (int32_t i = 0; i < a->rank; i++) {
        int32_t label = a->labels[i];
        if (find_label(b->labels, b->rank, label) < 0) {
            found.left[found.lefts++] = label;
        } else if (kept[label]) {
            found.batch[found.batches++] = label;
        } else {
            found.inner[found.inners++] = label;
        }
    }
    for (int32_t i = 0; i < b->rank; i++) {
        if (find_label(a->labels, a->rank, b->labels[i]) < 0) {
            found.right[found.rights++] = b->labels[i];
        }
    }
    return found;
}

static void append(int32_t *order, int32_t *count, const int32_t *labels, int32_t added)
{
    memcpy(order + *count, labels, (size_t)added * sizeof *labels);
    *count += added;
}

static hmlc_dim product(einsum *state, const hmlc_dim *dims, int32_t count)
{
    hmlc_dim all = hmlc_emit_number(&state->node->emit, 1);
    for (int32_t i = 0; i < count; i++) {
        all = hmlc_dim_multiply(hmlc_emit_table(&state->node->emit), all, dims[i]);
    }
    return all;
}

/* [batch..., rows..., columns...] as [batch..., rows, columns]. */
static hmlc_value *as_matrices(einsum *state, hmlc_value *x, int32_t batches, int32_t rows)
{
    hmlc_dim shape[HMLC_MAX_RANK + 2];
    if (!hmlc_node_ok(state->node)) {
        return NULL;
    }
    const hmlc_type *type = x->type;
    memcpy(shape, type->dims, (size_t)batches * sizeof shape[0]);
    shape[batches] = product(state, type->dims + batches, rows);
    shape[batches + 1] = product(state, type->dims + batches + rows, type->rank - batches - rows);
    return hmlc_emit_reshape(&state->node->emit, x, shape, (uint32_t)batches + 2);
}

/* a := a * b, summed over labels that nothing else wants. */
static void contract(einsum *state, labelled *a, labelled *b, const bool *kept)
{
    hmlc_emitter *emit = &state->node->emit;
    pair_labels part = classify(a, b, kept);
    int32_t left_order[2 * HMLC_MAX_RANK], right_order[2 * HMLC_MAX_RANK], count = 0;
    append(left_order, &count, part.batch, part.batches);
    append(left_order, &count, part.left, part.lefts);
    append(left_order, &count, part.inner, part.inners);
    count = 0;
    append(right_order, &count, part.batch, part.batches);
    append(right_order, &count, part.inner, part.inners);
    append(right_order, &count, part.right, part.rights);
    permute(state, a, left_order);
    permute(state, b, right_order);
    if (!hmlc_node_ok(state->node)) {
        return;
    }
    if (part.batches + 2 > HMLC_MAX_RANK ||
        part.batches + part.lefts + part.rights > HMLC_MAX_RANK) {
        hmlc_node_fail(state->node, HMLC_ERROR_not_implemented, NULL,
                       "has a product of more than %d dims", HMLC_MAX_RANK);
        return;
    }
    const hmlc_type *left = a->value->type, *right = b->value->type;
    for (int32_t i = 0; i < part.inners && part.inners > 1; i++) { /* the product is compared */
        hmlc_emit_require_equal(emit, left->dims[part.batches + part.lefts + i],
                                right->dims[part.batches + i]);
    }
    hmlc_value *rows = as_matrices(state, a->value, part.batches, part.lefts);
    hmlc_value *columns = as_matrices(state, b->value, part.batches, part.inners);
    hmlc_value *result = hmlc_emit_binary(emit, HMLC_OP_matmul, rows, columns);
    if (!hmlc_node_ok(state->node)) {
        return;
    }
    hmlc_dim shape[HMLC_MAX_RANK];
    for (int32_t i = 0; i < part.batches; i++) {
        shape[i] = result->type->dims[i];
    }
    a->rank = part.batches;
    memcpy(a->labels, part.batch, (size_t)part.batches * sizeof a->labels[0]);
    for (int32_t i = 0; i < part.lefts; i++) {
        shape[a->rank] = left->dims[part.batches + i];
        a->labels[a->rank++] = part.left[i];
    }
    for (int32_t i = 0; i < part.rights; i++) {
        shape[a->rank] = right->dims[part.batches + part.inners + i];
        a->labels[a->rank++] = part.right[i];
    }
    a->value = hmlc_emit_reshape(emit, result, shape, (uint32_t)a->rank);
}

/* Labels that the result or operands from `first` on still need. */
static void mark_wanted(const einsum *state, uint32_t first, bool *wanted)
{
    memset(wanted, 0, LABELS * sizeof *wanted);
    for (int32_t i = 0; i < state->rank; i++) {
        wanted[state->labels[i]] = true;
    }
    for (uint32_t k = first; k < state->count; k++) {
        for (int32_t i = 0; i < state->operands[k].rank; i++) {
            wanted[state->operands[k].labels[i]] = true;
        }
    }
}

static void reduce_operands(einsum *state)
{
    bool wanted[LABELS];
    labelled *total = &state->operands[0];
    for (uint32_t k = 1; k < state->count && hmlc_node_ok(state->node); k++) {
        labelled *next = &state->operands[k];
        mark_wanted(state, k, wanted);
        sum_unwanted(state, total, wanted);
        mark_wanted(state, k + 1, wanted);
        for (int32_t i = 0; i < total->rank; i++) {
            wanted[total->labels[i]] = true;
        }
        sum_unwanted(state, next, wanted);
        mark_wanted(state, k + 1, wanted);
        contract(state, total, next, wanted);
    }
    mark_wanted(state, state->count, wanted);
    if (hmlc_node_ok(state->node)) {
        sum_unwanted(state, total, wanted);
    }
}

hmlc_value *hmlc_node_einsum(hmlc_node *node, const char *text, size_t length)
{
    einsum state = {.node = node, .count = node->input_count};
    hmlc_arena *arena = node->emit.builder.module->arena;
    state.operands = HMLC_NEW_ARRAY(arena, labelled, state.count);
    char *equation = hmlc_arena_string_n(arena, text, length);
    if (equation == NULL || state.operands == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return NULL;
    }
    read_equation(&state, equation);
    for (int32_t i = 0; i < state.rank && hmlc_node_ok(node); i++) {
        bool found = find_label(state.labels, i, state.labels[i]) < 0;
        bool known = false;
        for (uint32_t k = 0; k < state.count; k++) {
            const labelled *operand = &state.operands[k];
            known = known || find_label(operand->labels, operand->rank, state.labels[i]) >= 0;
        }
        if (!found || !known) {
            malformed(&state, "has a result label that is no operand's, or there twice");
        }
    }
    if (hmlc_node_ok(node)) {
        reduce_operands(&state);
    }
    if (hmlc_node_ok(node)) {
        permute(&state, &state.operands[0], state.labels);
        return state.operands[0].value;
    }
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What went wrong with dims, in the words of the caller: which input dims the numbers come from. */
#include "session/session.h"
#include <stdio.h>

/* Expressions are followed this far; a message names at most so many sources. */
enum { MOST_VISITS = 256, DEEPEST = 32, MOST_SOURCES = 4 };

typedef struct sources {
    const hml_session *session;
    uint32_t slots[MOST_SOURCES]; /* of INPUT and ELEMENT records, distinct */
    uint32_t count, visits;
} sources;

static void add_source(sources *found, uint32_t slot)
{
    for (uint32_t i = 0; i < found->count; i++) {
        if (found->slots[i] == slot) {
            return;
        }
    }
    if (found->count < MOST_SOURCES) {
        found->slots[found->count++] = slot;
    }
}

static void collect(sources *found, uint32_t slot, uint32_t depth)
{
    const hml_dim_record *dim = &found->session->program->dims[slot];
    if (found->visits == MOST_VISITS || depth == DEEPEST) {
        return;
    }
    found->visits++;
    switch (dim->op) {
    case HML_DIM_CONSTANT:
        return;
    case HML_DIM_INPUT:
    case HML_DIM_ELEMENT:
        add_source(found, slot);
        return;
    default:
        collect(found, dim->a, depth + 1);
        collect(found, dim->b, depth + 1);
        if (dim->op == HML_DIM_SELECT) {
            collect(found, dim->c, depth + 1);
        }
    }
}

/* "dim 1 of input 'x' is 5", or "'size0' is 5" for a run-time symbol. */
static int write_source(const hml_session *session, uint32_t slot, char *text, size_t bytes)
{
    const hml_dim_record *dim = &session->program->dims[slot];
    const hml_model_tables *tables = &session->model->tables;
    long long value = (long long)session->dims[slot];
    if (dim->op == HML_DIM_INPUT) {
        return snprintf(text, bytes, "dim %u of input '%s' is %lld", dim->b,
                        tables->strings + tables->inputs[dim->a].name, value);
    }
    const char *name =
        dim->c == HML_NONE ? "a computed dim" : tables->strings + tables->symbols[dim->c].name;
    return snprintf(text, bytes, "'%s' is %lld", name, value);
}

void hml_session_sources_text(const hml_session *session, const uint32_t *slots, uint32_t count,
                              char *text, size_t bytes)
{
    sources found = {.session = session};
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        collect(&found, slots[i], 0);
    }
    for (uint32_t i = 0; i < found.count && used + 4 < bytes; i++) {
        int length = snprintf(text + used, bytes - used, "%s", i == 0 ? ": " : ", ");
        used += (size_t)length;
        length = write_source(session, found.slots[i], text + used, bytes - used);
        used += length > 0 ? (size_t)length : 0;
    }
}

/* The other operand of the minimum at slot `a` when `b` is one of them: b must be at most it. */
static uint32_t limit_of(const hml_program *program, uint32_t a, uint32_t b)
{
    const hml_dim_record *dim = &program->dims[a];
    if (dim->op != HML_DIM_MINIMUM || (dim->a != b && dim->b != b)) {
        return HML_NONE;
    }
    return dim->a == b ? dim->b : dim->a;
}

/* The operand of the comparison at slot `a` where `b` is the constant 0: that the two are not equal
 * is required. */
static uint32_t forbidden(const hml_program *program, uint32_t a, uint32_t b)
{
    const hml_dim_record *wrong = &program->dims[b];
    bool zero = wrong->op == HML_DIM_CONSTANT && wrong->value == 0;
    return zero && program->dims[a].op == HML_DIM_EQUAL ? program->dims[a].a : HML_NONE;
}

/* A relation is written as an equality of slots: min(a, b) = a says that a is at most b, (a == b) =
 * 0 that they differ, and (a == 1 ? b : a) = ... that a and b broadcast. */
static int write_relation(const hml_session *session, uint32_t a, uint32_t b, char *text,
                          size_t bytes)
{
    const hml_program *program = session->program;
    const int64_t *dims = session->dims;
    uint32_t small = b, limit = limit_of(program, a, b);
    if (limit == HML_NONE) {
        small = a;
        limit = limit_of(program, b, a);
    }
    uint32_t equal = forbidden(program, a, b);
    equal = equal == HML_NONE ? forbidden(program, b, a) : equal;
    if (equal != HML_NONE) {
        return snprintf(text, bytes, "a dim must not be %lld", (long long)dims[equal]);
    }
    if (limit != HML_NONE && program->dims[small].op == HML_DIM_CONSTANT && dims[small] == 0) {
        return snprintf(text, bytes, "%lld must not be negative", (long long)dims[limit]);
    }
    if (limit != HML_NONE) {
        return snprintf(text, bytes, "%lld must be at most %lld", (long long)dims[small],
                        (long long)dims[limit]);
    }
    const hml_dim_record *rest = &program->dims[program->dims[a].op == HML_DIM_MODULO ? a : b];
    if (rest->op == HML_DIM_MODULO) {
        return snprintf(text, bytes, "%lld must be a multiple of %lld", (long long)dims[rest->a],
                        (long long)dims[rest->b]);
    }
    const char *broadcast =
        program->dims[a].op == HML_DIM_SELECT || program->dims[b].op == HML_DIM_SELECT ? " or 1"
                                                                                       : "";
    return snprintf(text, bytes, "%lld and %lld must be equal%s", (long long)dims[a],
                    (long long)dims[b], broadcast);
}

hml_status hml_session_relation_error(hml_session *session, uint32_t a, uint32_t b,
                                      const char *node)
{
    char relation[96], from[320];
    uint32_t slots[] = {a, b};
    (void)write_relation(session, a, b, relation, sizeof relation);
    hml_session_sources_text(session, slots, 2, from, sizeof from);
    return HML_FAIL(hml_session_message(session), HML_ERROR_dims_unequal, "%s for %s%s", relation,
                    node[0] != '\0' ? node : "the model", from);
}

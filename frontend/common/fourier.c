/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Discrete Fourier transforms as products with constant matrices: sum over t of x[t] exp(-2 pi i k
 * t / n), with the other sign and divided by n when inverse. At the lengths of audio frames such a
 * product is as fast as the packed kernels are, and it fuses.
 */
#include "fourier.h"

#include <inttypes.h>
#include <math.h>

#include "moving.h"

/* Elements of a matrix: 64 MiB in f32. */
enum { MOST_ELEMENTS = 1 << 24 };

typedef struct transform {
    int64_t length;               /* of the whole transform */
    int64_t from, to;             /* entries that are taken and given */
    int64_t from_parts, to_parts; /* 1: real, 2: complex */
    bool inverse, one_sided;
} transform;

/* What part `p` of entry `k` adds to part `q` of entry `t`: the angle is exact before it is cos. */
static double entry_of(int64_t row, int64_t column, const void *context)
{
    const transform *t = context;
    int64_t from = row / t->from_parts, p = row % t->from_parts;
    int64_t to = column / t->to_parts, q = column % t->to_parts;
    const double pi = 3.14159265358979323846;
    int64_t turns = from * to % t->length /* both are below 2^24 */;
    double angle = 2 * pi * (double)turns / (double)t->length;
    /* At whole half turns the sine is 0, which pi in a double misses. */
    double sine = 2 * turns % t->length == 0 ? 0 : t->inverse ? sin(angle) : -sin(angle);
    double value = p == q ? cos(angle) : p == 0 ? sine : -sine;
    if (!t->inverse) {
        return value;
    }
    /* The frequencies that one side leaves out are the conjugates of those in the middle. */
    bool alone = !t->one_sided || from == 0 || 2 * from == t->length;
    return value * (alone ? 1 : 2) / (double)t->length;
}

static hmlc_value *matrix(hmlc_node *node, const transform *t, hmlc_dtype dtype)
{
    return hmlc_node_table(node, dtype, t->from * t->from_parts, t->to * t->to_parts, entry_of, t);
}

/* The signal's entries, as many as the transform takes. */
static hmlc_value *fit(hmlc_node *node, hmlc_value *x, int64_t found, int64_t wanted)
{
    int32_t axis = x->type->rank - 2;
    hmlc_dim zero = hmlc_emit_number(&node->emit, 0);
    if (found > wanted) {
        return hmlc_emit_slice_axis(&node->emit, x, axis, zero,
                                    hmlc_emit_number(&node->emit, wanted));
    }
    if (found == wanted) {
        return x;
    }
    hmlc_dim pads[2 * HMLC_MAX_RANK];
    for (int32_t d = 0; d < 2 * x->type->rank; d++) {
        pads[d] = zero;
    }
    pads[x->type->rank + axis] = hmlc_emit_number(&node->emit, wanted - found);
    return hmlc_node_pad(node, x, pads, NULL, HMLC_PAD_CONSTANT);
}

static bool is_feasible(hmlc_node *node, const hmlc_value *x, const transform *t, int64_t *found)
{
    const hmlc_type *type = x->type;
    const char *reason = NULL;
    if (type->rank < 2 || (!hmlc_dim_is(type->dims[type->rank - 1], 1) &&
                           !hmlc_dim_is(type->dims[type->rank - 1], 2))) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "the last dim of the signal must be 1 (real) or 2 (complex)");
        return false;
    }
    if (!hmlc_dim_is_constant(type->dims[type->rank - 2], found)) {
        reason = "the length of the signal is known only when the model runs";
    } else if (t->length < 1 || t->length > MOST_ELEMENTS ||
               t->from * t->from_parts > MOST_ELEMENTS / (t->to * t->to_parts)) {
        reason = "transforms of this length are not compiled";
    }
    if (reason != NULL) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, "choose a fixed length of at most 2048",
                       "%s (length %" PRId64 ")", reason, t->length);
    }
    return reason == NULL;
}

hmlc_value *hmlc_node_fourier(hmlc_node *node, hmlc_value *x, int64_t length, bool inverse,
                              bool one_sided)
{
    int64_t found = 0, side = length / 2 + 1;
    int32_t rank = x->type->rank;
    transform t = {.length = length,
                   .from = inverse && one_sided ? side : length,
                   .to = one_sided && !inverse ? side : length,
                   .to_parts = inverse && one_sided ? 1 : 2,
                   .inverse = inverse,
                   .one_sided = one_sided};
    t.from_parts = rank > 0 && hmlc_dim_is(x->type->dims[rank - 1], 2) ? 2 : 1;
    if (!is_feasible(node, x, &t, &found)) {
        return NULL;
    }
    hmlc_emitter *emit = &node->emit;
    hmlc_dim shape[HMLC_MAX_RANK];
    for (int32_t d = 0; d < rank - 2; d++) {
        shape[d] = x->type->dims[d];
    }
    x = fit(node, x, found, t.from);
    /* A product has rows: a signal alone is one. */
    int32_t front = rank > 2 ? rank - 2 : 1;
    hmlc_dim rows[HMLC_MAX_RANK];
    for (int32_t d = 0; d < front; d++) {
        rows[d] = rank > 2 ? shape[d] : hmlc_emit_number(emit, 1);
    }
    rows[front] = hmlc_emit_number(emit, t.from * t.from_parts);
    if (x != NULL) {
        x = hmlc_emit_reshape(emit, x, rows, (uint32_t)front + 1);
    }
    hmlc_value *factors = x != NULL ? matrix(node, &t, x->type->dtype) : NULL;
    if (factors == NULL) {
        return NULL;
    }
    x = hmlc_emit(emit, HMLC_OP_matmul, HMLC_OPERANDS(x, factors), HMLC_NO_ATTRS);
    shape[rank - 2] = hmlc_emit_number(emit, t.to);
    shape[rank - 1] = hmlc_emit_number(emit, t.to_parts);
    return x != NULL ? hmlc_emit_reshape(emit, x, shape, (uint32_t)rank) : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Numpy broadcast of symbolic shapes. */
#include <stdio.h>

#include "infer_tools.h"

static hmlc_dim widen(hmlc_dims *dims, hmlc_dim dim, hmlc_dim other)
{
    hmlc_dim one = hmlc_dim_constant(dims, 1);
    return hmlc_dim_select(dims, hmlc_dim_equal(dims, dim, one), other, dim);
}

/*
 * Is `wide` a broadcast that `part` took part in already? What was required then makes their
 * broadcast `wide` again, and keeps expressions from growing with every op of a chain.
 */
static bool absorbs(hmlc_dims *dims, hmlc_dim wide, hmlc_dim part)
{
    if (wide == part) {
        return true;
    }
    /* What an expression holds is older than itself. */
    return part->id < wide->id && wide->kind == HMLC_DIM_SELECT &&
           wide == widen(dims, wide->c, wide->b) &&
           (absorbs(dims, wide->b, part) || absorbs(dims, wide->c, part));
}

/*
 * Is `small` min(c, wide) with a constant c > 1? Either both are 1 or none is, so that they
 * broadcast only where they are equal (positions[:, :seq] added to [batch, seq]).
 */
static bool is_clamped(hmlc_dim small, hmlc_dim wide)
{
    int64_t limit;
    return small->kind == HMLC_DIM_MINIMUM &&
           ((small->a == wide && hmlc_dim_is_constant(small->b, &limit) && limit > 1) ||
            (small->b == wide && hmlc_dim_is_constant(small->a, &limit) && limit > 1));
}

/*
 * Two sizes that are long computations of their own (the lengths of a residual layer's two ways)
 * are meant to be equal: a choice between them holds both three times, and would triple with every
 * layer. A run in which one of them happens to be 1 and the other not is refused.
 */
static bool is_long(hmlc_dim a, hmlc_dim b)
{
    enum { LONG = 40 };
    bool computed = a->size > 1 && b->size > 1;
    return computed && a->size + b->size > LONG;
}

/*
 * A dim of 0 or 1 beside a 1: a window of one row that left its table (row seq of a mask for 1024
 * rows). The empty result that numpy gives is required not to happen.
 */
static bool is_cut_to_nothing(hmlc_dim part, hmlc_dim one)
{
    return hmlc_dim_is(one, 1) && part->minimum == 0 && part->maximum == 1;
}

/*
 * The broadcast of two dims, NULL where it is impossible. Where neither is known to be 1 or equal
 * to the other, the result is (a == 1 ? b : a), which is also right for empty tensors (max(a, b) is
 * not), and the run-time check says the same of b.
 */
static hmlc_dim broadcast_dim(hmlc_dims *dims, const hmlc_location *location, hmlc_dim a,
                              hmlc_dim b, hmlc_status *status)
{
    hmlc_dim one = hmlc_dim_constant(dims, 1);
    if (is_cut_to_nothing(a, b) || is_cut_to_nothing(b, a)) {
        hmlc_status recorded = hmlc_dims_require_equal(dims, a, b, location);
        *status = recorded != HMLC_OK ? recorded : *status;
        return one;
    }
    if (hmlc_dim_is(b, 1) || hmlc_dim_known_equal(dims, a, b)) {
        return hmlc_dim_is(b, 1) || hmlc_dim_is_constant(a, NULL) ? a : b;
    }
    if (hmlc_dim_is(a, 1)) {
        return b;
    }
    bool a_is_wide = hmlc_dim_known_unequal(dims, a, one);
    bool b_is_wide = hmlc_dim_known_unequal(dims, b, one);
    if (a_is_wide && b_is_wide && hmlc_dim_known_unequal(dims, a, b)) {
        return NULL;
    }
    if (absorbs(dims, a, b)) {
        return a;
    }
    if (absorbs(dims, b, a)) {
        return b;
    }
    if (is_clamped(a, b) || is_clamped(b, a) || is_long(a, b)) {
        hmlc_status recorded = hmlc_dims_require_equal(dims, a, b, location);
        *status = recorded != HMLC_OK ? recorded : *status;
        return is_clamped(a, b) || (!is_clamped(b, a) && b->size < a->size) ? b : a;
    }
    /* Both orders of operands must give the same expression. */
    hmlc_dim first = a->id < b->id ? a : b;
    hmlc_dim second = a->id < b->id ? b : a;
    hmlc_dim left = widen(dims, first, second);
    hmlc_dim right = widen(dims, second, first);
    if (!hmlc_dim_known_equal(dims, left, right)) {
        hmlc_status recorded = hmlc_dims_require_equal(dims, left, right, location);
        *status = recorded != HMLC_OK ? recorded : *status;
    }
    if (hmlc_dim_is_constant(a, NULL) || hmlc_dim_is_constant(b, NULL)) {
        return hmlc_dim_is_constant(a, NULL) ? a : b;
    }
    if (a_is_wide && b_is_wide) {
        return first;
    }
    return a_is_wide ? a : b_is_wide ? b : left;
}

static hmlc_status report_mismatch(hmlc_module *module, const hmlc_location *location,
                                   int32_t rank_a, const hmlc_dim *dims_a, int32_t rank_b,
                                   const hmlc_dim *dims_b, int32_t from_end)
{
    char a[80], b[80];
    hmlc_dim_format(dims_a[rank_a - from_end], a, sizeof a);
    hmlc_dim_format(dims_b[rank_b - from_end], b, sizeof b);
    hmlc_infer context = {.module = module};
    return hmlc_error_add(module->diagnostics, HMLC_ERROR_graph_invalid, location, NULL,
                          "shapes %s and %s do not broadcast: dim -%d is %s on one side and %s on "
                          "the other; expected equal dims, or 1 on one side",
                          hmlc_infer_shape_text(&context, rank_a, dims_a),
                          hmlc_infer_shape_text(&context, rank_b, dims_b), from_end, a, b);
}

hmlc_status hmlc_infer_broadcast(hmlc_module *module, const hmlc_location *location, int32_t rank_a,
                                 const hmlc_dim *dims_a, int32_t rank_b, const hmlc_dim *dims_b,
                                 int32_t *rank, hmlc_dim *dims)
{
    hmlc_status status = HMLC_OK;
    hmlc_dim one = hmlc_dim_constant(module->dims, 1);
    *rank = rank_a > rank_b ? rank_a : rank_b;
    /* `dims` may be dims_a: read both before the write, from the end. */
    hmlc_dim joined[HMLC_MAX_RANK];
    for (int32_t k = 1; k <= *rank; ++k) {
        hmlc_dim a = k <= rank_a ? dims_a[rank_a - k] : one;
        hmlc_dim b = k <= rank_b ? dims_b[rank_b - k] : one;
        hmlc_dim dim = broadcast_dim(module->dims, location, a, b, &status);
        if (dim == NULL) {
            return report_mismatch(module, location, rank_a, dims_a, rank_b, dims_b, k);
        }
        joined[*rank - k] = dim;
    }
    for (int32_t i = 0; i < *rank; ++i) {
        dims[i] = joined[i];
    }
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Loop variables over the result shape. */
#include "loop.h"

static void init_var(hmlc_loop_var *var, int32_t dim, hmlc_dim extent, hmlc_dim scale, bool reduced)
{
    *var = (hmlc_loop_var){
        .extent = extent, .trip = extent, .dim = dim, .scale = scale, .reduced = reduced};
}

hmlc_status hmlc_loop_space_create(hmlc_loop_space *space, hmlc_dims *dims, int32_t rank,
                                   const hmlc_dim *shape, uint32_t reduced_mask)
{
    *space = (hmlc_loop_space){.rank = rank, .shape = shape, .count = (uint32_t)rank};
    hmlc_dim one = hmlc_dim_constant(dims, 1);
    for (int32_t k = 0; k < rank; k++) {
        init_var(&space->vars[k], k, shape[k], one, (reduced_mask >> k) & 1);
    }
    return HMLC_OK;
}

bool hmlc_loop_space_split(hmlc_loop_space *space, hmlc_dims *dims, uint32_t k, hmlc_dim inner)
{
    if (space->count == HMLC_LOOP_MAX_VARS) {
        return false;
    }
    hmlc_loop_var old = space->vars[k];
    for (uint32_t i = space->count; i > k + 1; i--) {
        space->vars[i] = space->vars[i - 1];
    }
    space->count++;
    hmlc_dim outer = hmlc_dim_floordiv(dims, old.extent, inner);
    init_var(&space->vars[k], old.dim, outer, hmlc_dim_multiply(dims, old.scale, inner),
             old.reduced);
    init_var(&space->vars[k + 1], old.dim, inner, old.scale, old.reduced);
    return true;
}

static bool coefficients_join(hmlc_dims *dims, const hmlc_loop_index *access, uint32_t outer,
                              uint32_t inner, hmlc_dim trip)
{
    hmlc_dim a = access->coefficient[outer], b = access->coefficient[inner];
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return hmlc_dim_known_equal(dims, a, hmlc_dim_multiply(dims, b, trip));
}

static void move_segments(hmlc_loop_space *space, hmlc_dims *dims, uint32_t outer, uint32_t inner)
{
    hmlc_loop_var *from = &space->vars[outer], *to = &space->vars[inner];
    to->segment_count = from->segment_count;
    for (uint32_t s = 0; from->segment_count > 0 && s <= from->segment_count; s++) {
        to->bounds[s] = hmlc_dim_multiply(dims, from->bounds[s], to->trip);
    }
    from->segment_count = 0;
    for (uint32_t k = 0; k < space->cut_count; k++) {
        if (space->cuts[k].var == outer) {
            space->cuts[k].var = inner;
        }
    }
}

/* The next variable that is not idle; count when there is none. */
static uint32_t next_active(const hmlc_loop_space *space, uint32_t k)
{
    for (k++; k < space->count && hmlc_loop_var_idle(&space->vars[k]); k++) {
    }
    return k;
}

static bool can_fuse(const hmlc_loop_space *space, hmlc_dims *dims, uint32_t outer, uint32_t inner,
                     const hmlc_loop_index *accesses, uint32_t access_count)
{
    const hmlc_loop_var *a = &space->vars[outer], *b = &space->vars[inner];
    if (a->reduced != b->reduced || b->segment_count > 0) {
        return false;
    }
    for (uint32_t k = 0; k < access_count; k++) {
        if (!coefficients_join(dims, &accesses[k], outer, inner, b->trip)) {
            return false;
        }
    }
    return true;
}

void hmlc_loop_space_fuse(hmlc_loop_space *space, hmlc_dims *dims, const hmlc_loop_index *accesses,
                          uint32_t access_count)
{
    for (uint32_t k = space->count; k-- > 0;) {
        if (hmlc_loop_var_idle(&space->vars[k])) {
            continue;
        }
        uint32_t inner = next_active(space, k);
        if (inner == space->count || !can_fuse(space, dims, k, inner, accesses, access_count)) {
            continue;
        }
        hmlc_loop_var *a = &space->vars[k], *b = &space->vars[inner];
        move_segments(space, dims, k, inner);
        b->trip = hmlc_dim_multiply(dims, a->trip, b->trip);
        a->fused = true;
    }
}

bool hmlc_loop_var_idle(const hmlc_loop_var *var)
{
    return var->fused || hmlc_dim_is(var->trip, 1);
}

/* Every cut multiplies the code: no more nests than this. */
enum { MAX_NESTS = 16 };

static bool can_cut(const hmlc_loop_space *space, uint32_t var, const hmlc_dim *bounds,
                    uint32_t count)
{
    uint32_t nests = count;
    for (uint32_t k = 0; k < space->count; k++) {
        uint32_t segments = space->vars[k].segment_count;
        nests *= k != var && segments > 0 ? segments : 1;
    }
    const hmlc_loop_var *wanted = &space->vars[var];
    if (wanted->segment_count == 0) {
        return nests <= MAX_NESTS && count <= HMLC_LOOP_MAX_SEGMENTS;
    }
    for (uint32_t s = 0; s <= count; s++) { /* equal cuts serve two ops */
        if (wanted->segment_count != count || wanted->bounds[s] != bounds[s]) {
            return false;
        }
    }
    return true;
}

void hmlc_loop_space_cut(hmlc_loop_context *context, const hmlc_op *op, int32_t dim,
                         const hmlc_loop_index *index, const hmlc_dim *bounds, uint32_t count)
{
    hmlc_loop_space *space = context->space;
    int32_t var = hmlc_loop_index_only_var(index);
    if (var < 0 || hmlc_loop_segment_of(context, op, dim, index) >= 0 ||
        space->cut_count == HMLC_LOOP_MAX_CUTS || count > HMLC_LOOP_MAX_SEGMENTS) {
        return;
    }
    hmlc_dim moved[HMLC_LOOP_MAX_SEGMENTS + 1];
    for (uint32_t s = 0; s <= count; s++) {
        moved[s] = hmlc_dim_subtract(context->dims, bounds[s], index->constant);
    }
    if (!can_cut(space, (uint32_t)var, moved, count)) {
        return;
    }
    hmlc_loop_var *chosen = &space->vars[var];
    chosen->segment_count = count;
    for (uint32_t s = 0; s <= count; s++) {
        chosen->bounds[s] = moved[s];
    }
    space->cuts[space->cut_count++] =
        (hmlc_loop_cut){op, dim, (uint32_t)var, (uint32_t)var, index->constant};
}

int32_t hmlc_loop_segment_of(const hmlc_loop_context *context, const hmlc_op *op, int32_t dim,
                             const hmlc_loop_index *index)
{
    const hmlc_loop_space *space = context->space;
    int32_t var = hmlc_loop_index_only_var(index);
    for (uint32_t k = 0; var >= 0 && k < space->cut_count; k++) {
        const hmlc_loop_cut *cut = &space->cuts[k];
        if (cut->op == op && cut->dim == dim && cut->source == (uint32_t)var &&
            cut->constant == index->constant) {
            return context->segment[cut->var];
        }
    }
    return -1;
}

int64_t hmlc_loop_dim_hint(hmlc_dims *dims, hmlc_dim dim, hmlc_arena *arena)
{
    int64_t value = 0;
    if (hmlc_dim_is_constant(dim, &value)) {
        return value < 1 ? 1 : value;
    }
    uint32_t count = hmlc_symbol_count(dims);
    int64_t *values = HMLC_NEW_ARRAY(arena, int64_t, count + 1);
    if (values == NULL) {
        return 1;
    }
    for (uint32_t k = 0; k < count; k++) {
        values[k] = hmlc_symbol_at(dims, k)->hint;
    }
    return hmlc_dim_evaluate(dim, values, &value) && value > 0 ? value : 1;
}

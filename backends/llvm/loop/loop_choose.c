/* SPDX-License-Identifier: Apache-2.0 */
/* What planning decides once the accesses are known: lanes, tile, loop order, work units. */
#include "loop.h"

/* A work unit should take this long on one core: long against the hand-over to a thread. */
enum { UNIT_TENTHS_NS = 40000, SHORT_INNER = 8, LEAST_TILE = 4, PLAIN_VECTORS = 4 };

static int32_t last_active(const hmlc_loop_space *space, int32_t before, bool reduced_too)
{
    for (int32_t k = before - 1; k >= 0; k--) {
        if (!hmlc_loop_var_idle(&space->vars[k]) && (reduced_too || !space->vars[k].reduced)) {
            return k;
        }
    }
    return -1;
}

static bool is_short(const hmlc_loop_var *var, int64_t limit)
{
    int64_t trip;
    return hmlc_dim_is_constant(var->trip, &trip) && trip < limit;
}

/*
 * Lanes lie along the last variable, whose elements are neighbours in the result. A short last
 * variable is taken whole into the lanes (channels of an image), or, when it is reduced, left to
 * the next kept one.
 */
static void choose_vector(const hmlc_loop_context *context, hmlc_loop_state *state)
{
    const hmlc_loop_space *space = context->space;
    int32_t last = last_active(space, (int32_t)space->count, true);
    state->vector = last;
    state->inner = state->tile = -1;
    if (last < 0 || !is_short(&space->vars[last], SHORT_INNER)) {
        return;
    }
    if (state->rows != NULL) {
        int32_t kept = last_active(space, last, false);
        state->vector = space->vars[last].reduced && kept >= 0 ? kept : last;
        return;
    }
    int32_t outer = last_active(space, last, true);
    if (outer >= 0 && space->vars[last].segment_count == 0 &&
        !is_short(&space->vars[outer], LEAST_TILE)) {
        state->vector = outer;
        state->inner = last;
    }
}

/* A load that is contiguous along another variable than the lanes'. */
static void choose_tile(const hmlc_loop_context *context, hmlc_loop_state *state)
{
    const hmlc_loop_analysis *analysis = context->analysis;
    if (state->rows != NULL || state->vector < 0 || state->inner >= 0) {
        return;
    }
    for (uint32_t i = 0; i < analysis->load_count; i++) {
        const hmlc_loop_index *load = &analysis->loads[i];
        hmlc_dim across = load->coefficient[state->vector];
        if (analysis->load_bytes[i] != 4 || load->computed_serial != 0 || across == NULL ||
            hmlc_dim_is(across, 1)) {
            continue;
        }
        for (uint32_t k = 0; k < context->space->count; k++) {
            const hmlc_loop_var *var = &context->space->vars[k];
            bool wanted = (int32_t)k != state->vector && load->coefficient[k] != NULL &&
                          hmlc_dim_is(load->coefficient[k], 1);
            if (wanted && !hmlc_loop_var_idle(var) && !var->reduced && !is_short(var, LEAST_TILE)) {
                state->tile = (int32_t)k;
                return;
            }
        }
    }
}

static void choose_lanes(const hmlc_loop_context *context, hmlc_loop_state *state)
{
    const hmlc_loop_analysis *analysis = context->analysis;
    uint32_t bytes = analysis->element_bytes < 1 ? 1 : analysis->element_bytes;
    bytes = analysis->movement ? bytes : 4;
    bytes = bytes > 8 ? 8 : bytes;
    uint32_t vector = (uint32_t)context->plan->target->vector_bytes;
    uint32_t registers = analysis->cost > 0 ? context->plan->target->rates.chains : PLAIN_VECTORS;
    state->movement = analysis->movement;
    state->failing = analysis->failing;
    if (state->vector < 0) {
        state->lanes = state->wide = 1;
        return;
    }
    state->lanes = vector > bytes ? vector / bytes : 1;
    state->wide = state->lanes * registers;
    state->wide = state->wide > HMLC_LOOP_MAX_LANES ? HMLC_LOOP_MAX_LANES : state->wide;
    if (state->inner >= 0) { /* lanes count positions of the variable around it */
        state->wide = state->lanes = state->lanes > 16 ? 16 : state->lanes;
    } else if (state->tile >= 0) {
        state->lanes = state->lanes > HMLC_LOOP_MAX_ROWS ? HMLC_LOOP_MAX_ROWS : state->lanes;
        state->wide = state->lanes;
    }
}

static void choose_order(const hmlc_loop_context *context, hmlc_loop_state *state)
{
    const hmlc_loop_space *space = context->space;
    int32_t last[] = {state->tile, state->vector};
    state->order_count = state->inside_count = 0;
    for (uint32_t k = 0; k < space->count; k++) {
        bool later = (int32_t)k == state->tile || (int32_t)k == state->vector;
        if (later || hmlc_loop_var_idle(&space->vars[k]) || (int32_t)k == state->inner) {
            continue;
        }
        if (space->vars[k].reduced) {
            state->inside[state->inside_count++] = k;
        } else {
            state->order[state->order_count++] = k;
        }
    }
    for (int i = 0; i < 2; i++) {
        if (last[i] < 0) {
            continue;
        }
        if (space->vars[last[i]].reduced) {
            state->inside[state->inside_count++] = (uint32_t)last[i];
        } else {
            state->order[state->order_count++] = (uint32_t)last[i];
        }
    }
}

/* -- work units -- */

static int64_t hint(const hmlc_loop_context *context, uint32_t var)
{
    return hmlc_loop_dim_hint(context->dims, context->space->vars[var].trip, context->arena);
}

/* Elements evaluated per iteration of all loops behind `level`. */
static int64_t inner_elements(const hmlc_loop_context *context, const hmlc_loop_state *state,
                              uint32_t level)
{
    int64_t count = state->inner >= 0 ? hint(context, (uint32_t)state->inner) : 1;
    for (uint32_t k = level + 1; k < state->order_count; k++) {
        if (!hmlc_int64_multiply(count, hint(context, state->order[k]), &count)) {
            return INT64_MAX;
        }
    }
    for (uint32_t k = 0; k < state->inside_count; k++) {
        if (!hmlc_int64_multiply(count, hint(context, state->inside[k]), &count)) {
            return INT64_MAX;
        }
    }
    return count;
}

/* Units of a variable do not cut its widest piece. */
static int64_t granule(const hmlc_loop_state *state, uint32_t var)
{
    if ((int32_t)var == state->vector) {
        return state->wide;
    }
    return (int32_t)var == state->tile ? HMLC_LOOP_MAX_ROWS : 1;
}

static void choose_units(const hmlc_loop_context *context, hmlc_loop_state *state, int64_t target)
{
    state->unit = -1;
    state->chunk = 1;
    for (uint32_t level = 0; level < state->order_count; level++) {
        uint32_t var = state->order[level];
        int64_t inside = inner_elements(context, state, level);
        bool stays = context->space->vars[var].segment_count > 0 || (int32_t)var == state->tile;
        if (inside > target && !stays && level + 1 < state->order_count) {
            continue; /* one index of it is a unit or more */
        }
        int64_t trip = hint(context, var), chunk = target / (inside < 1 ? 1 : inside);
        int64_t step = granule(state, var);
        chunk = chunk < 1 ? 1 : chunk > trip ? trip : chunk;
        int64_t count = (trip + chunk - 1) / chunk;
        chunk = (trip + count - 1) / count; /* even units */
        state->chunk = (chunk + step - 1) / step * step;
        state->unit = (int32_t)level;
        return;
    }
}

static hmlc_dim unit_count(const hmlc_loop_context *context, const hmlc_loop_state *state)
{
    hmlc_dims *dims = context->dims;
    hmlc_dim units = hmlc_dim_constant(dims, 1);
    for (int32_t level = 0; level <= state->unit; level++) {
        hmlc_dim trip = context->space->vars[state->order[level]].trip;
        if (level == state->unit) {
            trip = hmlc_dim_ceildiv(dims, trip, hmlc_dim_constant(dims, state->chunk));
        }
        units = hmlc_dim_multiply(dims, units, trip);
    }
    return units;
}

void hmlc_loop_choose(hmlc_loop_context *context, hmlc_kernel_plan *plan)
{
    hmlc_loop_state *state = context->state;
    choose_vector(context, state);
    choose_tile(context, state);
    choose_lanes(context, state);
    choose_order(context, state);
    uint32_t cost = context->analysis->cost + 2 * context->analysis->load_count;
    cost = cost * plan->target->rates.loop_percent / 100;
    choose_units(context, state, UNIT_TENTHS_NS / (cost < 1 ? 1 : cost));
    plan->units = unit_count(context, state);
    int64_t elements = state->chunk;
    if (state->unit >= 0) {
        int64_t inside = inner_elements(context, state, (uint32_t)state->unit);
        if (!hmlc_int64_multiply(elements, inside, &elements)) {
            elements = INT64_MAX;
        }
    } else {
        elements = inner_elements(context, state, 0);
    }
    int64_t nanoseconds = elements > INT32_MAX ? INT32_MAX : elements * cost / 10;
    plan->unit_cost = nanoseconds < 1           ? 1
                      : nanoseconds > INT32_MAX ? INT32_MAX
                                                : (uint32_t)nanoseconds;
}

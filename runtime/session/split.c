/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A step on several threads. Each part is given consecutive units and claims them from the front, a
 * share at a time, so that its panels and rows stay in its core's cache; a part that has none left
 * claims the last ones of another. So a thread that another process or the host holds up costs no
 * more than the share it is at. Units are independent: who runs them changes no bit.
 */
#include "session/session.h"

enum {
    SHARE = 4,                    /* a claim takes this part of what is left, at least one */
    PREPARED_SCRATCH = 16 * 1024, /* kernels with more fill it at the start of each call */
};

typedef struct split_call {
    hml_session *session;
    const hml_step_state *state;
    uint32_t parts;
    int64_t grain; /* units that count as one in claims, which have 32 bits */
    bool whole;    /* a claim takes all that is left */
} split_call;

typedef struct claim {
    uint32_t first, end;
} claim;

static uint64_t pack(claim units)
{
    return (uint64_t)units.first << 32 | units.end;
}

static claim unpack(uint64_t units)
{
    return (claim){(uint32_t)(units >> 32), (uint32_t)units};
}

/* Takes some of the part's units, from the front or from the end; false when none are left. */
static bool take_claim(const split_call *call, hml_part *part, bool front, claim *taken)
{
    uint64_t seen = atomic_load_explicit(&part->unclaimed, memory_order_relaxed);
    claim left;
    do {
        left = unpack(seen);
        if (left.first == left.end) {
            return false;
        }
        uint32_t count = (left.end - left.first) / SHARE;
        count = call->whole ? left.end - left.first : count < 1 ? 1 : count;
        *taken = left;
        if (front) {
            taken->end = left.first += count;
        } else {
            taken->first = left.end -= count;
        }
    } while (!atomic_compare_exchange_weak_explicit(&part->unclaimed, &seen, pack(left),
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

static int32_t run_claim(const split_call *call, hml_kernel_args *args, claim units)
{
    args->begin = units.first * call->grain;
    args->end = units.end * call->grain;
    args->end = args->end < args->units ? args->end : args->units;
    return hml_kernel_call(call->state->function, args);
}

static int64_t run_part(void *context, uint32_t index)
{
    const split_call *call = context;
    hml_session *session = call->session;
    hml_part *self = &session->parts[index];
    hml_kernel_args args = call->state->args;
    args.detail = self->detail;
    args.scratch = session->scratch_stride == 0
                       ? NULL
                       : session->scratch.data + index * session->scratch_stride;
    int64_t done = 0;
    for (uint32_t k = 0; k < call->parts; k++) {
        hml_part *owner = &session->parts[(index + k) % call->parts];
        claim units;
        while (self->status == HML_KERNEL_OK && take_claim(call, owner, k == 0, &units)) {
            self->status = run_claim(call, &args, units);
            done += units.end - units.first;
        }
    }
    return done;
}

/* The first units % parts parts are one longer. */
static void give_units(const split_call *call)
{
    int64_t units = (call->state->args.units + call->grain - 1) / call->grain, first = 0;
    for (uint32_t k = 0; k < call->parts; k++) {
        int64_t end = first + units / call->parts + (k < units % call->parts ? 1 : 0);
        hml_part *part = &call->session->parts[k];
        atomic_store_explicit(&part->unclaimed, pack((claim){(uint32_t)first, (uint32_t)end}),
                              memory_order_relaxed);
        part->status = HML_KERNEL_OK;
        first = end;
    }
}

static int64_t scratch_bytes(const hml_session *session, uint32_t index)
{
    uint32_t slot = session->program->steps[index].scratch_dim;
    return slot == HML_NONE ? 0 : session->dims[slot];
}

hml_status hml_session_run_split(hml_session *session, uint32_t index, uint32_t parts)
{
    const hml_step_state *state = &session->steps[index];
    split_call call = {
        .session = session,
        .state = state,
        .parts = parts,
        .grain = state->args.units / UINT32_MAX + 1,
        .whole = scratch_bytes(session, index) > PREPARED_SCRATCH,
    };
    give_units(&call);
    hml_pool_run(session->pool, parts, run_part, &call);
    for (uint32_t k = 0; k < parts; k++) {
        const hml_part *part = &session->parts[k];
        if (part->status != HML_KERNEL_OK) {
            return hml_session_kernel_error(session, index, part->status, part->detail);
        }
    }
    return HML_OK;
}

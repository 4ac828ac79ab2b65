/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reference evaluation: the one meaning of each operator, plain and slow, accumulating in f64 and
 * rounding once. Constant folding, `hmlc compare` and the tests use it as the oracle of every
 * backend. Reentrant.
 */
#ifndef HMLC_EVAL_H
#define HMLC_EVAL_H

#include <hmlc/graph.h>

typedef struct hmlc_eval hmlc_eval;

/* One op's evaluation: operands are tensors with data (NULL: absent); results have dtype, rank and
 * dims set from the inferred type, and zeroed data to fill. Returns HMLC_USAGE with a diagnostic
 * for an index out of range. */
struct hmlc_eval {
    hmlc_module *module; /* for dims and diagnostics */
    hmlc_arena *arena;   /* for temporary memory */
    const hmlc_op *op;
    uint32_t operand_count;
    const hmlc_tensor *const *operands;
    uint32_t result_count;
    hmlc_tensor *results; /* data is writable memory of the arena */
    int64_t *symbols;     /* value of each symbol, by index; bind_dims writes it */
    /* How an op with regions runs, and what that needs; NULL where none is evaluated. */
    hmlc_status (*run_regions)(hmlc_eval *context);
    void *interpreter;
};

#define HMLC_OP(name, operands, results, traits, cost, infer, eval, attributes)                    \
    hmlc_status hmlc_eval_##eval(hmlc_eval *context);
#include <hmlc/ops.def>
#undef HMLC_OP

/* Writable data of a result. */
static inline void *hmlc_eval_data(hmlc_tensor *result)
{
    union {
        const void *readable;
        void *writable;
    } data = {.readable = result->data};
    return data.writable;
}

/*
 * Runs the main graph on `inputs` (one per argument, in order; dtype and rank must fit, dims define
 * the symbols and are checked against ranges and equalities). Results live in `arena`. Where
 * `input_count` leaves the states out they are as they begin; `output_count` may leave out what
 * they become. HMLC_USAGE with diagnostics when inputs do not fit.
 */
hmlc_status hmlc_interpret(hmlc_module *module, const hmlc_tensor *inputs, uint32_t input_count,
                           hmlc_arena *arena, hmlc_tensor *outputs,
                           uint32_t output_count) HMLC_MUST_USE;

/*
 * Evaluates one op whose operands are all constants (or absent) and whose result dims are static.
 * HMLC_NO when that is not so or the result would exceed max_bytes; else fills
 * results[result_count], data in `arena`.
 */
hmlc_status hmlc_eval_constant_op(hmlc_op *op, hmlc_arena *arena, size_t max_bytes,
                                  hmlc_tensor *results) HMLC_MUST_USE;

/* Symbol values implied by input dims; unset ones are -1. Used by the interpreter and by tools.
 * States may be left out. */
hmlc_status hmlc_bind_inputs(hmlc_module *module, const hmlc_tensor *inputs, uint32_t input_count,
                             int64_t *symbols) HMLC_MUST_USE;

#endif

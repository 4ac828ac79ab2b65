/* SPDX-License-Identifier: Apache-2.0 */
/* The reference interpreter's inside: values of a run, regions, symbols. */
#ifndef HMLC_INTERPRETER_H
#define HMLC_INTERPRETER_H

#include <hmlc/eval.h>

/* Memory of one op's results, shared by the values that alias it. */
typedef struct hmlc_buffer {
    hmlc_arena *arena;
    uint32_t references;
} hmlc_buffer;

/* What a value holds in the running graph. */
typedef struct hmlc_slot {
    hmlc_tensor tensor;
    hmlc_buffer *buffer;     /* NULL: borrowed (inputs, constants) */
    const hmlc_op *last_use; /* op of the value's own region after which it is released */
    bool present;
} hmlc_slot;

typedef struct hmlc_interpreter {
    hmlc_module *module;
    hmlc_status (*run_regions)(hmlc_eval *context); /* hmlc_interpret_regions */
    int64_t *symbols;                               /* by index; HMLC_SYMBOL_UNSET */
    hmlc_slot *slots;                               /* by value id */
} hmlc_interpreter;

/* Runs all ops of a region but its yield; arguments are set. */
hmlc_status hmlc_interpreter_run(hmlc_interpreter *interpreter,
                                 const hmlc_region *region) HMLC_MUST_USE;
/* Drops whatever a region's values still hold. */
void hmlc_interpreter_clear(hmlc_interpreter *interpreter, const hmlc_region *region);
/* Makes `value` hold what `slot` holds (shared). */
void hmlc_interpreter_share(hmlc_interpreter *interpreter, const hmlc_value *value,
                            const hmlc_slot *slot);
void hmlc_slot_release(hmlc_slot *slot);

/*
 * Fits the dims of a tensor to a type's: binds run-time symbols that stand alone, checks the
 * others. `what` names the value in messages.
 */
hmlc_status hmlc_interpreter_fit(hmlc_interpreter *interpreter, const hmlc_type *type,
                                 const hmlc_tensor *tensor, const hmlc_location *location,
                                 const char *what) HMLC_MUST_USE;
/* Checks the equalities that `region` relies on, as far as their symbols are bound. */
hmlc_status hmlc_symbols_check(const hmlc_module *module, const hmlc_region *region,
                               const int64_t *symbols) HMLC_MUST_USE;
/* Evaluates a dim; false where a symbol is not bound or the value is out of range. */
bool hmlc_symbols_evaluate(hmlc_dim dim, const int64_t *symbols, int64_t *value);

/* Ops with regions. */
hmlc_status hmlc_interpret_regions(hmlc_eval *context) HMLC_MUST_USE;

#endif

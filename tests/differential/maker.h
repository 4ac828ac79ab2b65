/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes random valid modules, the same for the same seed on every machine. Each value carries what
 * is known of its elements: the largest magnitude, how far two right implementations may differ,
 * and the grid it lies on. Ops that amplify or jump (exp, floor, arg_max ...) are made only where
 * that is safe, so that every module has one right answer.
 */
#ifndef MAKER_H
#define MAKER_H

#include <hmlc/ir.h>

enum { MAKER_POOL = 320, MAKER_INPUTS = 12, MAKER_OUTPUTS = 128, MAKER_ELEMENTS = 40000 };

/* Relative error allowed to one f32 operation with its approximations. */
#define MAKER_EPSILON 5e-7

typedef struct maker_value {
    hmlc_value *value;
    double bound; /* floats: |element| is at most this */
    double error; /* floats: how far two right results may differ; 0: every bit is decided */
    int grid;     /* floats: elements are multiples of 2^-grid; -1: any */
} maker_value;

typedef struct maker {
    hmlc_module *module;
    hmlc_builder builder;
    uint64_t random;
    maker_value pool[MAKER_POOL];
    uint32_t count;
    double output_error[MAKER_OUTPUTS];
    bool broken; /* an op could not be made: a defect of a rule */
} maker;

/* Dims of the module's symbols, in the order of their first use; a run chooses their values. */
enum { MAKER_BATCH, MAKER_SEQUENCE, MAKER_SYMBOLS };

/* Random choices. */
uint64_t maker_next(uint64_t *random);
uint32_t maker_pick(maker *m, uint32_t limit); /* [0, limit) */
bool maker_chance(maker *m, uint32_t percent);

/* Any value, recent ones more often; NULL where 30 tries found none that `fits`. */
typedef bool maker_filter(const maker_value *value);
const maker_value *maker_any(maker *m, maker_filter *fits);
bool maker_is_float(const maker_value *value);
bool maker_is_integer(const maker_value *value);
bool maker_is_bool(const maker_value *value);
bool maker_is_number(const maker_value *value);
bool maker_is_tensor(const maker_value *value); /* rank >= 1 */

/* The op's only result, described by bound, error and grid; it joins the pool unless it is too
 * large or too far off. NULL then. */
const maker_value *maker_op(maker *m, hmlc_opcode opcode, hmlc_value *const *operands,
                            uint32_t operand_count, const hmlc_attr *attrs, uint32_t attr_count,
                            maker_value facts);
/* Facts of a result that moves the operand's elements, and of one that is no float. */
maker_value maker_facts(double bound, double error, int grid);
#define MAKER_NO_FACTS maker_facts(0, 0, 0)

/* Constants: floats are eighths in [-1, 1], integers in [low, high]. */
const maker_value *maker_constant(maker *m, hmlc_dtype dtype, int32_t rank, const int64_t *dims,
                                  int64_t low, int64_t high);
const maker_value *maker_scalar(maker *m, hmlc_dtype dtype, double value);
/* Something that broadcasts with x without a run-time check, of that element type. */
const maker_value *maker_partner(maker *m, const maker_value *x, hmlc_dtype dtype);
/* x scaled by a power of two until its bound is at most `limit`. */
const maker_value *maker_scaled(maker *m, const maker_value *x, double limit);

/* Whether a dim is a constant, and which; the largest value of a dim or of a product. */
int64_t maker_static(hmlc_dim dim); /* -1: symbolic */
int64_t maker_largest(const hmlc_type *type);
hmlc_dim maker_dim(maker *m, int64_t value);

/* A rule adds some ops, or does nothing where the pool has nothing that fits. */
typedef struct maker_rule {
    const char *name;
    uint32_t weight;
    void (*make)(maker *m);
} maker_rule;
extern const maker_rule maker_elementwise_rules[], maker_movement_rules[], maker_row_rules[],
    maker_contraction_rules[], maker_control_rules[]; /* each ends with an empty row */

/* One random smooth or exact unary op on x, in the builder's region. */
const maker_value *maker_unary(maker *m, const maker_value *x);

/*
 * A whole module from a seed. `ops` limits the rules applied: a smaller number gives the same
 * module cut short. `only`
 * >= 0 keeps that output alone. NULL on a failed allocation; broken where a rule made something
 * invalid.
 */
maker *maker_create(uint64_t seed, uint32_t ops, int only);
void maker_destroy(maker *m);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ADD and SUB of 8-bit integers. The reference kernels bring both sides to steps of twice the
 * larger scale / 2^20, and their sum to those of the result: three products with real numbers.
 * There are only 65,536 pairs of operands, so that a shorter formula is tried on all of them, and
 * taken where it gives the same bits:
 *
 *     (a A + b B + C) / 2^shift, cut off downwards
 */
#include <math.h>

#include "tflite_fixed.h"

typedef struct sum_rule {
    double sign;                       /* of the second side */
    int64_t zeros[2], zero;            /* zero points of both sides and of the result */
    int64_t least[2], lowest, highest; /* of the operands; bounds of the result */
    bool exact[2];                     /* that side has the larger scale: its product is exact */
    hmlc_tflite_factor sides[2], result;
} sum_rule;

typedef struct short_sum {
    int64_t factors[2], constant;
    int32_t shift;
    bool away; /* halves below zero go down */
} short_sum;

static int64_t clipped(const sum_rule *rule, int64_t x)
{
    return x < rule->lowest ? rule->lowest : x > rule->highest ? rule->highest : x;
}

/* As hmlc_tflite_times computes it. */
static int64_t times(const hmlc_tflite_factor *factor, int64_t x)
{
    int32_t right = factor->shift < 0 ? -factor->shift : 0;
    uint32_t left = (uint32_t)x << (factor->shift > 0 ? factor->shift : 0);
    x = ((int32_t)left * factor->multiplier + (1LL << 30)) >> 31;
    return right > 0 ? (x + (1LL << (right - 1)) - (x < 0)) >> right : x;
}

static bool read_rule(hmlc_node *node, sum_rule *rule)
{
    const hmlc_tflite_tensor *sides[] = {hmlc_tflite_input(node, 0), hmlc_tflite_input(node, 1)};
    const hmlc_tflite_tensor *result = hmlc_tflite_output(node, 0);
    float a = sides[0]->quantization.scales[0], b = sides[1]->quantization.scales[0];
    double twice = (double)(2 * (a > b ? a : b)), lowest, highest;
    double last = twice / (double)((1 << 20) * result->quantization.scales[0]);
    bool valid = hmlc_tflite_bounds(node, result, &lowest, &highest);
    *rule = (sum_rule){.sign = node->opcode == HMLC_OP_sub ? -1 : 1,
                       .zero = result->quantization.zeros[0],
                       .lowest = (int64_t)lowest,
                       .highest = (int64_t)highest};
    for (int k = 0; valid && k < 2; k++) {
        double factor = (double)sides[k]->quantization.scales[0] / twice;
        rule->zeros[k] = sides[k]->quantization.zeros[0];
        rule->least[k] = sides[k]->dtype == HMLC_DTYPE_i8 ? -128 : 0;
        rule->exact[k] = factor == 0.5;
        valid = hmlc_tflite_factor_of(factor, &rule->sides[k]);
    }
    if (hmlc_node_ok(node) && (!valid || !hmlc_tflite_factor_of(last, &rule->result))) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "its scales differ by more than 2^30, which integers cannot hold");
    }
    return hmlc_node_ok(node);
}

/* -- the short formula -- */

/* Where the reference's results come from. */
typedef struct pair_source {
    const sum_rule *rule;
    int64_t sides[2][256]; /* every operand in steps of the sum */
} pair_source;

static void list_sides(const sum_rule *rule, pair_source *source)
{
    source->rule = rule;
    for (int side = 0; side < 2; side++) {
        for (int64_t k = 0; k < 256; k++) {
            int64_t x = (rule->least[side] + k - rule->zeros[side]) * (1 << 20);
            source->sides[side][k] = times(&rule->sides[side], x);
        }
    }
}

static int64_t wanted(const pair_source *source, int64_t a, int64_t b)
{
    int64_t right = source->sides[1][b];
    int64_t sum = source->sides[0][a] + (source->rule->sign < 0 ? -right : right);
    return clipped(source->rule, times(&source->rule->result, sum) + source->rule->zero);
}

/* a A + b B of operands that are counted from their least ones. */
static int64_t weighed(const sum_rule *rule, const short_sum *formula, int64_t a, int64_t b)
{
    return (rule->least[0] + a) * formula->factors[0] + (rule->least[1] + b) * formula->factors[1];
}

/* Which constants give every pair's result: an interval, of which the middle is taken. */
static bool find_constant(const pair_source *source, short_sum *formula)
{
    const sum_rule *rule = source->rule;
    int64_t least = INT32_MIN, most = INT32_MAX, step = 1LL << formula->shift;
    for (int64_t a = 0; a < 256 && least <= most; a++) {
        for (int64_t b = 0; b < 256; b++) {
            int64_t sum = weighed(rule, formula, a, b), result = wanted(source, a, b);
            int64_t low = result * step - sum, high = low + step - 1;
            least = result > rule->lowest && low > least ? low : least;
            most = result < rule->highest && high < most ? high : most;
        }
    }
    formula->constant = least + (most - least) / 2;
    return least <= most;
}

/* Halves away from zero: the constant is given. */
static bool is_same(const pair_source *source, const short_sum *formula)
{
    const sum_rule *rule = source->rule;
    int64_t half = 1LL << (formula->shift - 1);
    for (int64_t a = 0; a < 256; a++) {
        for (int64_t b = 0; b < 256; b++) {
            int64_t sum = weighed(rule, formula, a, b) + formula->constant;
            sum = ((sum + half + (sum >> 63)) >> formula->shift) + rule->zero;
            if (clipped(rule, sum) != wanted(source, a, b)) {
                return false;
            }
        }
    }
    return true;
}

/* The largest number on the way, with the zero point taken away again, fits 32 bits. */
static bool fits(const sum_rule *rule, const short_sum *formula)
{
    int64_t most = formula->constant < 0 ? -formula->constant : formula->constant;
    for (int k = 0; k < 2; k++) {
        int64_t farthest = rule->least[k] < 0 ? 128 : 255;
        most += farthest * (formula->factors[k] < 0 ? -formula->factors[k] : formula->factors[k]);
    }
    return most + (1LL << formula->shift) < INT32_MAX;
}

static bool try_short(const pair_source *source, short_sum *formula)
{
    const sum_rule *rule = source->rule;
    int64_t zeros = formula->factors[0] * rule->zeros[0] + formula->factors[1] * rule->zeros[1];
    formula->away = false;
    formula->constant = (rule->zero << formula->shift) - zeros;
    if (!fits(rule, formula)) {
        return false;
    }
    if (find_constant(source, formula) && fits(rule, formula)) {
        return true;
    }
    formula->away = true;
    formula->constant = -zeros;
    return fits(rule, formula) && is_same(source, formula);
}

/* The factors near the real ones, at the largest scales that fit, each moved by a step. */
static bool find_short(const sum_rule *rule, const double *reals, short_sum *formula)
{
    enum { MOST_SHIFT = 22, LEAST_SHIFT = 12, MOVES = 9 };
    static const int64_t moves[MOVES][2] = {{0, 0}, {0, 1},  {0, -1}, {1, 0},  {-1, 0},
                                            {1, 1}, {1, -1}, {-1, 1}, {-1, -1}};
    pair_source source;
    list_sides(rule, &source);
    for (int32_t shift = MOST_SHIFT; shift >= LEAST_SHIFT; shift--) {
        for (int32_t m = 0; m < MOVES; m++) {
            *formula = (short_sum){.shift = shift};
            for (int k = 0; k < 2; k++) {
                formula->factors[k] = (int64_t)round(ldexp(reals[k], shift)) + moves[m][k];
            }
            if (try_short(&source, formula)) {
                return true;
            }
        }
    }
    return false;
}

/* -- what is emitted -- */

static hmlc_value *whole(hmlc_node *node, hmlc_opcode opcode, hmlc_value *x, int64_t number)
{
    hmlc_emitter *emit = &node->emit;
    return hmlc_emit_binary(emit, opcode, x,
                            hmlc_emit_scalar(emit, HMLC_DTYPE_i32, (double)number));
}

static hmlc_value *emit_short(hmlc_node *node, const sum_rule *rule, const short_sum *formula)
{
    hmlc_value *sides[2];
    for (uint32_t k = 0; k < 2; k++) {
        sides[k] = whole(node, HMLC_OP_mul, hmlc_tflite_less(node, node->inputs[k], 0),
                         formula->factors[k]);
    }
    hmlc_value *sum = hmlc_emit_binary(&node->emit, HMLC_OP_add, sides[0], sides[1]);
    sum = whole(node, HMLC_OP_add, sum, formula->constant);
    if (formula->away) {
        hmlc_value *below = whole(node, HMLC_OP_shift_right, sum, 31);
        sum = hmlc_emit_binary(&node->emit, HMLC_OP_add, sum, below);
        sum = whole(node, HMLC_OP_add, sum, 1LL << (formula->shift - 1));
    }
    sum = whole(node, HMLC_OP_shift_right, sum, formula->shift);
    return formula->away ? sum : whole(node, HMLC_OP_sub, sum, rule->zero);
}

/* One side; of the larger scale the factor is a half, and nothing is rounded. */
static hmlc_value *addend(hmlc_node *node, const sum_rule *rule, uint32_t k)
{
    hmlc_value *x = hmlc_tflite_less(node, node->inputs[k], rule->zeros[k]);
    return rule->exact[k]
               ? whole(node, HMLC_OP_mul, x, 1 << 19)
               : hmlc_tflite_times(node, whole(node, HMLC_OP_mul, x, 1 << 20), &rule->sides[k], 1);
}

void hmlc_tflite_integer_sum(hmlc_node *node)
{
    const hmlc_tflite_tensor *result = hmlc_tflite_output(node, 0);
    sum_rule rule;
    short_sum formula;
    if (!read_rule(node, &rule)) {
        return;
    }
    const double steps = (double)result->quantization.scales[0];
    const double reals[] = {(double)hmlc_tflite_input(node, 0)->quantization.scales[0] / steps,
                            rule.sign * (double)hmlc_tflite_input(node, 1)->quantization.scales[0] /
                                steps};
    if (find_short(&rule, reals, &formula)) {
        node->outputs[0] = hmlc_tflite_store(node, emit_short(node, &rule, &formula), result);
        return;
    }
    hmlc_value *sum =
        hmlc_emit_binary(&node->emit, node->opcode, addend(node, &rule, 0), addend(node, &rule, 1));
    node->outputs[0] =
        hmlc_tflite_store(node, hmlc_tflite_times(node, sum, &rule.result, 1), result);
}

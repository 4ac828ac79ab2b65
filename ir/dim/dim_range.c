/* SPDX-License-Identifier: Apache-2.0 */
/* What is derived from an expression's operands: range, divisor, size. */
#include "dim_internal.h"

#define UNBOUNDED HMLC_DIM_UNBOUNDED

int64_t hmlc_floor_divide(int64_t a, int64_t b)
{
    int64_t quotient = a / b;
    return a % b < 0 ? quotient - 1 : quotient;
}

int64_t hmlc_floor_modulo(int64_t a, int64_t b)
{
    int64_t remainder = a % b;
    return remainder < 0 ? remainder + b : remainder;
}

uint64_t hmlc_magnitude(int64_t value)
{
    return value < 0 ? ~(uint64_t)value + 1 : (uint64_t)value;
}

uint64_t hmlc_gcd(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t saturate(int64_t value)
{
    return most(-UNBOUNDED, least(value, UNBOUNDED));
}

/* Bounds at +-UNBOUNDED mean "not known" and stay so through arithmetic. */
static int64_t add_minimums(int64_t a, int64_t b)
{
    return a <= -UNBOUNDED || b <= -UNBOUNDED ? -UNBOUNDED : saturate(a + b);
}

static int64_t add_maximums(int64_t a, int64_t b)
{
    return a >= UNBOUNDED || b >= UNBOUNDED ? UNBOUNDED : saturate(a + b);
}

static int64_t multiply_bounds(int64_t a, int64_t b)
{
    int64_t product;
    if (a == 0 || b == 0) {
        return 0;
    }
    bool finite =
        hmlc_magnitude(a) < (uint64_t)UNBOUNDED && hmlc_magnitude(b) < (uint64_t)UNBOUNDED;
    if (finite && hmlc_int64_multiply(a, b, &product)) {
        return saturate(product);
    }
    return (a < 0) == (b < 0) ? UNBOUNDED : -UNBOUNDED;
}

static int64_t ceil_divide(int64_t a, int64_t b)
{
    return -hmlc_floor_divide(-a, b);
}

/* Range of a binary operation that is monotonous in each operand: the extremes are at corners. */
static void derive_corners(struct hmlc_dim_node *node, int64_t (*operation)(int64_t, int64_t),
                           int64_t b_minimum, int64_t b_maximum)
{
    int64_t corners[] = {
        operation(node->a->minimum, b_minimum), operation(node->a->minimum, b_maximum),
        operation(node->a->maximum, b_minimum), operation(node->a->maximum, b_maximum)};
    node->minimum = node->maximum = corners[0];
    for (int i = 1; i < 4; i++) {
        node->minimum = least(node->minimum, corners[i]);
        node->maximum = most(node->maximum, corners[i]);
    }
}

static void derive_division(struct hmlc_dim_node *node, int64_t (*operation)(int64_t, int64_t))
{
    int64_t b_minimum = most(1, node->b->minimum); /* others fail when they are evaluated */
    derive_corners(node, operation, b_minimum, most(b_minimum, node->b->maximum));
    if (node->a->minimum <= -UNBOUNDED) {
        node->minimum = -UNBOUNDED;
    }
    if (node->a->maximum >= UNBOUNDED) {
        node->maximum = UNBOUNDED;
    }
}

static void derive_modulo(struct hmlc_dim_node *node)
{
    node->minimum = 0;
    node->maximum = node->b->maximum >= UNBOUNDED ? UNBOUNDED : most(0, node->b->maximum - 1);
    if (node->a->minimum >= 0) {
        node->maximum = least(node->maximum, node->a->maximum);
    }
}

/* upper = lower + step with a constant step? Sums have their constant last. */
static bool is_step(hmlc_dim upper, hmlc_dim lower, int64_t *step)
{
    bool constant = upper->kind == HMLC_DIM_ADD && upper->b->kind == HMLC_DIM_CONSTANT;
    *step = constant ? upper->b->value : 0;
    return constant && upper->a == lower;
}

/* min(c, x + k) - min(c, x) lies between 0 and k: a window of k at the end of x, cut at c. */
static void derive_difference(struct hmlc_dim_node *node, hmlc_dim first, hmlc_dim second)
{
    int64_t step;
    if (first->kind != HMLC_DIM_MINIMUM || second->kind != HMLC_DIM_MULTIPLY ||
        second->a->kind != HMLC_DIM_CONSTANT || second->a->value != -1 ||
        second->b->kind != HMLC_DIM_MINIMUM) {
        return;
    }
    hmlc_dim upper = first, lower = second->b;
    bool matches = (upper->a == lower->a && is_step(upper->b, lower->b, &step)) ||
                   (upper->b == lower->b && is_step(upper->a, lower->a, &step));
    if (matches && step >= 0) {
        node->minimum = most(node->minimum, 0);
        node->maximum = least(node->maximum, step);
    }
}

static void derive_leaf_range(struct hmlc_dim_node *node)
{
    bool constant = node->kind == HMLC_DIM_CONSTANT;
    node->minimum = saturate(constant ? node->value : node->symbol->minimum);
    node->maximum = saturate(constant ? node->value : node->symbol->maximum);
}

static void derive_range(struct hmlc_dim_node *node)
{
    hmlc_dim a = node->a, b = node->b, c = node->c != NULL ? node->c : b;
    switch (node->kind) {
    case HMLC_DIM_ADD:
        node->minimum = add_minimums(a->minimum, b->minimum);
        node->maximum = add_maximums(a->maximum, b->maximum);
        derive_difference(node, a, b);
        derive_difference(node, b, a);
        break;
    case HMLC_DIM_MULTIPLY:
        derive_corners(node, multiply_bounds, b->minimum, b->maximum);
        break;
    case HMLC_DIM_FLOORDIV:
        derive_division(node, hmlc_floor_divide);
        break;
    case HMLC_DIM_CEILDIV:
        derive_division(node, ceil_divide);
        break;
    case HMLC_DIM_MODULO:
        derive_modulo(node);
        break;
    case HMLC_DIM_MINIMUM:
        derive_corners(node, least, b->minimum, b->maximum);
        break;
    case HMLC_DIM_MAXIMUM:
        derive_corners(node, most, b->minimum, b->maximum);
        break;
    case HMLC_DIM_SELECT:
        node->minimum = least(b->minimum, c->minimum);
        node->maximum = most(b->maximum, c->maximum);
        break;
    default: /* comparisons */
        node->minimum = 0;
        node->maximum = 1;
        break;
    }
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    uint64_t divisor = hmlc_gcd(hmlc_magnitude(a), hmlc_magnitude(b));
    return divisor > (uint64_t)INT64_MAX ? 1 : (int64_t)divisor;
}

static int64_t product_divisor(hmlc_dim a, hmlc_dim b)
{
    int64_t product;
    return hmlc_int64_multiply(a->divisor, b->divisor, &product) ? product : a->divisor;
}

static int64_t quotient_divisor(hmlc_dim a, hmlc_dim b)
{
    bool exact = b->kind == HMLC_DIM_CONSTANT && b->value > 0 && a->divisor % b->value == 0;
    return exact ? a->divisor / b->value : 1;
}

static int64_t derive_leaf_divisor(const struct hmlc_dim_node *node)
{
    if (node->kind == HMLC_DIM_CONSTANT) {
        return common_divisor(node->value, 0);
    }
    return node->symbol->multiple > 1 ? node->symbol->multiple : 1;
}

static int64_t derive_divisor(const struct hmlc_dim_node *node)
{
    hmlc_dim c = node->c != NULL ? node->c : node->b;
    switch (node->kind) {
    case HMLC_DIM_MULTIPLY:
        return product_divisor(node->a, node->b);
    case HMLC_DIM_FLOORDIV:
    case HMLC_DIM_CEILDIV:
        return quotient_divisor(node->a, node->b);
    case HMLC_DIM_ADD:
    case HMLC_DIM_MODULO:
    case HMLC_DIM_MINIMUM:
    case HMLC_DIM_MAXIMUM:
        return common_divisor(node->a->divisor, node->b->divisor);
    case HMLC_DIM_SELECT:
        return common_divisor(node->b->divisor, c->divisor);
    default:
        return 1;
    }
}

static void add_operand(struct hmlc_dim_node *node, hmlc_dim operand)
{
    node->size += operand->size;
    node->uses_run_symbol = node->uses_run_symbol || operand->uses_run_symbol;
}

void hmlc_dim_derive(struct hmlc_dim_node *node)
{
    node->size = 1;
    if (node->kind == HMLC_DIM_CONSTANT || node->kind == HMLC_DIM_SYMBOL) {
        node->uses_run_symbol = node->kind == HMLC_DIM_SYMBOL && node->symbol->bound_at_run;
        node->divisor = derive_leaf_divisor(node);
        derive_leaf_range(node);
        return;
    }
    add_operand(node, node->a);
    add_operand(node, node->b);
    if (node->c != NULL) {
        add_operand(node, node->c);
    }
    derive_range(node);
    node->divisor = derive_divisor(node);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Views and movement, and the dims that they need as tensors. */
#include "onnx_save.h"

#include <string.h>

#define ONE(type, result, ...)                                                                     \
    hmlc_save_node1(saver, type, result, HMLC_SAVE_NAMES(__VA_ARGS__), NULL, 0)

/* -- dims as tensors i64[1] -------------------------------------------------------------------- */

static const char *save_dim(hmlc_saver *saver, hmlc_dim dim);

/* The input that has the symbol as a dim. */
static const char *save_symbol(hmlc_saver *saver, hmlc_dim dim)
{
    const hmlc_region *main = saver->module->main;
    for (uint32_t i = 0; i < main->argument_count; i++) {
        const hmlc_type *type = main->arguments[i]->type;
        for (int32_t k = 0; k < type->rank; k++) {
            if (type->dims[k] == dim) {
                hmlc_save_attr attrs[] = {hmlc_save_int_attr("start", k),
                                          hmlc_save_int_attr("end", k + 1)};
                return hmlc_save_node1(saver, "Shape", NULL,
                                       HMLC_SAVE_NAMES(hmlc_save_name(saver, main->arguments[i])),
                                       attrs, 2);
            }
        }
    }
    hmlc_save_refuse(saver, "a dim that no input has");
    return "";
}

/* floor(a / b): Mod takes the divisor's sign, and leaves a division without a rest. */
static const char *save_floor(hmlc_saver *saver, const char *a, const char *b)
{
    const char *rest = ONE("Mod", NULL, a, b);
    return ONE("Div", NULL, ONE("Sub", NULL, a, rest), b);
}

static const char *save_operation(hmlc_saver *saver, hmlc_dim dim)
{
    static const struct {
        hmlc_dim_kind kind;
        const char *type;
    } rows[] = {
        {HMLC_DIM_ADD, "Add"},     {HMLC_DIM_MULTIPLY, "Mul"}, {HMLC_DIM_MODULO, "Mod"},
        {HMLC_DIM_MINIMUM, "Min"}, {HMLC_DIM_MAXIMUM, "Max"},
    };
    const char *a = save_dim(saver, dim->a), *b = save_dim(saver, dim->b);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].kind == dim->kind) {
            return ONE(rows[i].type, NULL, a, b);
        }
    }
    if (dim->kind == HMLC_DIM_FLOORDIV) {
        return save_floor(saver, a, b);
    }
    if (dim->kind == HMLC_DIM_CEILDIV) {
        return ONE("Neg", NULL, save_floor(saver, ONE("Neg", NULL, a), b));
    }
    if (dim->kind == HMLC_DIM_SELECT) {
        hmlc_save_attr to = hmlc_save_int_attr("to", hmlc_save_dtype(HMLC_DTYPE_bool));
        const char *chosen = hmlc_save_node1(saver, "Cast", NULL, HMLC_SAVE_NAMES(a), &to, 1);
        return ONE("Where", NULL, chosen, b, save_dim(saver, dim->c));
    }
    hmlc_save_attr to = hmlc_save_int_attr("to", hmlc_save_dtype(HMLC_DTYPE_i64));
    const char *answer = ONE(dim->kind == HMLC_DIM_EQUAL ? "Equal" : "Less", NULL, a, b);
    return hmlc_save_node1(saver, "Cast", NULL, HMLC_SAVE_NAMES(answer), &to, 1);
}

static const char *save_dim(hmlc_saver *saver, hmlc_dim dim)
{
    int64_t number;
    if (hmlc_dim_is_constant(dim, &number)) {
        return hmlc_save_ints(saver, &number, 1);
    }
    const char *key = hmlc_arena_printf(saver->arena, "%u", dim->id);
    char *known = key != NULL ? hmlc_names_find(&saver->dims, key) : NULL;
    if (key == NULL || known != NULL) {
        return known != NULL ? known : "";
    }
    bool computed = dim->kind == HMLC_DIM_SYMBOL && dim->symbol->bound_at_run;
    if (computed) {
        hmlc_save_refuse(saver, "a size that only the run knows");
        return "";
    }
    const char *name =
        dim->kind == HMLC_DIM_SYMBOL ? save_symbol(saver, dim) : save_operation(saver, dim);
    char *kept = hmlc_arena_string(saver->arena, name);
    if (kept == NULL || hmlc_names_set(&saver->dims, key, kept) != HMLC_OK) {
        saver->status = HMLC_RESOURCE;
    }
    return name;
}

/* Neighbours that are numbers become one constant. */
const char *hmlc_save_dims(hmlc_saver *saver, const hmlc_dim *dims, uint32_t count)
{
    int64_t numbers[HMLC_MAX_ATTR_LIST];
    const char *parts[HMLC_MAX_ATTR_LIST];
    uint32_t part_count = 0, number_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (hmlc_dim_is_constant(dims[i], &numbers[number_count])) {
            number_count++;
            continue;
        }
        if (number_count > 0) {
            parts[part_count++] = hmlc_save_ints(saver, numbers, number_count);
            number_count = 0;
        }
        parts[part_count++] = save_dim(saver, dims[i]);
    }
    if (number_count > 0 || part_count == 0) {
        parts[part_count++] = hmlc_save_ints(saver, numbers, number_count);
    }
    hmlc_save_attr axis = hmlc_save_int_attr("axis", 0);
    return part_count == 1 ? parts[0]
                           : hmlc_save_node1(saver, "Concat", NULL, parts, part_count, &axis, 1);
}

/* Element k of the operand is the value of symbol k. */
void hmlc_save_op_bind_dims(hmlc_saver *saver, const char *type)
{
    (void)type;
    const hmlc_attr *symbols = hmlc_op_attr(saver->op, HMLC_ATTR_symbols);
    const char *values = hmlc_save_operand(saver, 0);
    hmlc_dim count = hmlc_dim_constant(saver->module->dims, (int64_t)symbols->count);
    values = ONE("Reshape", NULL, values, hmlc_save_dims(saver, &count, 1));
    for (uint32_t i = 0; i < symbols->count; i++) {
        int64_t index = i;
        hmlc_save_attr axis = hmlc_save_int_attr("axis", 0);
        const char *one =
            hmlc_save_node1(saver, "Gather", NULL,
                            HMLC_SAVE_NAMES(values, hmlc_save_ints(saver, &index, 1)), &axis, 1);
        const char *key = hmlc_arena_printf(saver->arena, "%u", symbols->as.dims[i]->id);
        char *kept = hmlc_arena_string(saver->arena, one);
        if (key == NULL || kept == NULL || hmlc_names_set(&saver->dims, key, kept) != HMLC_OK) {
            saver->status = HMLC_RESOURCE;
        }
    }
}

/* How many elements are not 0: the second dim of their indices. */
void hmlc_save_op_nonzero_count(hmlc_saver *saver, const char *type)
{
    const char *indices = ONE(type, NULL, hmlc_save_operand(saver, 0));
    hmlc_save_attr attrs[] = {hmlc_save_int_attr("start", 1), hmlc_save_int_attr("end", 2)};
    (void)hmlc_save_node1(saver, "Shape", hmlc_save_result(saver, 0), HMLC_SAVE_NAMES(indices),
                          attrs, 2);
}

/* Integers alone are dims; other types take them by a cast. */
void hmlc_save_op_dims_tensor(hmlc_saver *saver, const char *type)
{
    (void)type;
    const hmlc_attr *elements = hmlc_op_attr(saver->op, HMLC_ATTR_elements);
    const hmlc_attr *shape = hmlc_op_attr(saver->op, HMLC_ATTR_shape);
    const char *values = hmlc_save_dims(saver, elements->as.dims, elements->count);
    hmlc_save_attr to =
        hmlc_save_int_attr("to", hmlc_save_dtype(saver->op->results[0]->type->dtype));
    values = ONE("Reshape", NULL, values, hmlc_save_dims(saver, shape->as.dims, shape->count));
    (void)hmlc_save_node1(saver, "Cast", hmlc_save_result(saver, 0), HMLC_SAVE_NAMES(values), &to,
                          1);
}

/* The index along an axis: a range, spread over the other dims. */
void hmlc_save_op_iota(hmlc_saver *saver, const char *type)
{
    const hmlc_type *to = saver->op->results[0]->type;
    int64_t axis = hmlc_op_int(saver->op, HMLC_ATTR_axis), shape[HMLC_MAX_RANK];
    const char *zero = hmlc_save_scalar(saver, HMLC_DTYPE_i64, 0);
    const char *one = hmlc_save_scalar(saver, HMLC_DTYPE_i64, 1);
    const char *count = ONE("Reshape", NULL, hmlc_save_dims(saver, &to->dims[axis], 1),
                            hmlc_save_ints(saver, NULL, 0));
    for (int32_t i = 0; i < to->rank; i++) {
        shape[i] = i == axis ? -1 : 1;
    }
    const char *values = ONE(type, NULL, zero, count, one);
    values = ONE("Reshape", NULL, values, hmlc_save_ints(saver, shape, (size_t)to->rank));
    values = ONE("Expand", NULL, values, hmlc_save_dims(saver, to->dims, (uint32_t)to->rank));
    hmlc_save_attr cast = hmlc_save_int_attr("to", hmlc_save_dtype(to->dtype));
    (void)hmlc_save_node1(saver, "Cast", hmlc_save_result(saver, 0), HMLC_SAVE_NAMES(values), &cast,
                          1);
}

/* -- views ------------------------------------------------------------------------------------- */

/* 0 says "as the operand has it" and -1 "what is left": enough for most shapes with open dims, and
 * what other tools understand. False where it is not. */
static bool spell_shape(const hmlc_op *op, int64_t shape[HMLC_MAX_RANK])
{
    const hmlc_type *from = hmlc_op_operand(op, 0)->type, *to = op->results[0]->type;
    uint32_t open = 0;
    for (int32_t i = 0; i < to->rank; i++) {
        if (hmlc_dim_is_constant(to->dims[i], &shape[i])) {
            if (shape[i] == 0) {
                return false;
            }
        } else if (i < from->rank && from->dims[i] == to->dims[i]) {
            shape[i] = 0;
        } else {
            shape[i] = -1;
            open++;
        }
    }
    return open <= 1;
}

void hmlc_save_op_reshape(hmlc_saver *saver, const char *type)
{
    const hmlc_type *to = saver->op->results[0]->type;
    int64_t shape[HMLC_MAX_RANK];
    bool spelled = spell_shape(saver->op, shape);
    const char *list = spelled ? hmlc_save_ints(saver, shape, (size_t)to->rank)
                               : hmlc_save_dims(saver, to->dims, (uint32_t)to->rank);
    hmlc_save_attr allow = hmlc_save_int_attr("allowzero", spelled ? 0 : 1);
    (void)hmlc_save_node1(saver, type, hmlc_save_result(saver, 0),
                          HMLC_SAVE_NAMES(hmlc_save_operand(saver, 0), list), &allow, 1);
}

void hmlc_save_op_transpose(hmlc_saver *saver, const char *type)
{
    hmlc_save_attr attr = hmlc_save_list_attr(saver, "perm", HMLC_ATTR_permutation);
    (void)hmlc_save_node1(saver, type, hmlc_save_result(saver, 0),
                          HMLC_SAVE_NAMES(hmlc_save_operand(saver, 0)), &attr, 1);
}

void hmlc_save_op_expand(hmlc_saver *saver, const char *type)
{
    const hmlc_type *to = saver->op->results[0]->type;
    (void)ONE(type, hmlc_save_result(saver, 0), hmlc_save_operand(saver, 0),
              hmlc_save_dims(saver, to->dims, (uint32_t)to->rank));
}

/* The index behind the last one; running down past element 0, which "-1" would misname, it is a
 * number that ONNX clamps. */
static hmlc_dim end_of(hmlc_saver *saver, hmlc_dim start, hmlc_dim size, hmlc_dim step)
{
    hmlc_dims *table = saver->module->dims;
    hmlc_dim end = hmlc_dim_add(table, start, hmlc_dim_multiply(table, size, step));
    int64_t number, by;
    if (hmlc_dim_is_constant(step, &by) && by > 0) {
        return end;
    }
    if (hmlc_dim_is_constant(end, &number)) {
        return number >= 0 ? end : hmlc_dim_constant(table, -HMLC_DIM_UNBOUNDED);
    }
    return hmlc_dim_select(table, hmlc_dim_less(table, end, hmlc_dim_constant(table, 0)),
                           hmlc_dim_constant(table, -HMLC_DIM_UNBOUNDED), end);
}

void hmlc_save_op_slice(hmlc_saver *saver, const char *type)
{
    const hmlc_op *op = saver->op;
    const hmlc_type *from = hmlc_op_operand(op, 0)->type;
    const hmlc_dim *starts = hmlc_op_attr(op, HMLC_ATTR_starts)->as.dims;
    const hmlc_dim *sizes = hmlc_op_attr(op, HMLC_ATTR_sizes)->as.dims;
    const hmlc_dim *steps = hmlc_op_attr(op, HMLC_ATTR_steps)->as.dims;
    hmlc_dim first[HMLC_MAX_RANK], end[HMLC_MAX_RANK], step[HMLC_MAX_RANK];
    int64_t axes[HMLC_MAX_RANK];
    uint32_t count = 0;
    for (int32_t i = 0; i < from->rank; i++) {
        if (sizes[i] == from->dims[i] && hmlc_dim_is(steps[i], 1) && hmlc_dim_is(starts[i], 0)) {
            continue;
        }
        axes[count] = i;
        first[count] = starts[i];
        step[count] = steps[i];
        end[count++] = end_of(saver, starts[i], sizes[i], steps[i]);
    }
    (void)ONE(type, hmlc_save_result(saver, 0), hmlc_save_operand(saver, 0),
              hmlc_save_dims(saver, first, count), hmlc_save_dims(saver, end, count),
              hmlc_save_ints(saver, axes, count), hmlc_save_dims(saver, step, count));
}

/* -- movement ---------------------------------------------------------------------------------- */

void hmlc_save_op_pad(hmlc_saver *saver, const char *type)
{
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};
    const hmlc_attr *pads = hmlc_op_attr(saver->op, HMLC_ATTR_pads);
    hmlc_save_attr mode =
        hmlc_save_text_attr("mode", modes[hmlc_op_int(saver->op, HMLC_ATTR_pad_mode)]);
    (void)hmlc_save_node1(saver, type, hmlc_save_result(saver, 0),
                          HMLC_SAVE_NAMES(hmlc_save_operand(saver, 0),
                                          hmlc_save_dims(saver, pads->as.dims, pads->count),
                                          hmlc_save_operand(saver, 1)),
                          &mode, 1);
}

void hmlc_save_op_tile(hmlc_saver *saver, const char *type)
{
    const hmlc_type *from = hmlc_op_operand(saver->op, 0)->type, *to = saver->op->results[0]->type;
    hmlc_dim repeats[HMLC_MAX_RANK];
    for (int32_t i = 0; i < to->rank; i++) {
        repeats[i] = hmlc_dim_floordiv(saver->module->dims, to->dims[i], from->dims[i]);
    }
    (void)ONE(type, hmlc_save_result(saver, 0), hmlc_save_operand(saver, 0),
              hmlc_save_dims(saver, repeats, (uint32_t)to->rank));
}

void hmlc_save_op_one_hot(hmlc_saver *saver, const char *type)
{
    const hmlc_attr *depth = hmlc_op_attr(saver->op, HMLC_ATTR_depth);
    hmlc_save_attr axis = hmlc_save_int_attr("axis", hmlc_op_int(saver->op, HMLC_ATTR_axis));
    (void)hmlc_save_node1(saver, type, hmlc_save_result(saver, 0),
                          HMLC_SAVE_NAMES(hmlc_save_operand(saver, 0),
                                          hmlc_save_dims(saver, depth->as.dims, 1),
                                          hmlc_save_operand(saver, 1)),
                          &axis, 1);
}

void hmlc_save_op_top_k(hmlc_saver *saver, const char *type)
{
    const hmlc_attr *count = hmlc_op_attr(saver->op, HMLC_ATTR_count);
    hmlc_save_attr attrs[] = {
        hmlc_save_int_attr("axis", hmlc_op_int(saver->op, HMLC_ATTR_axis)),
        hmlc_save_int_attr("largest", hmlc_op_int(saver->op, HMLC_ATTR_largest)),
        hmlc_save_int_attr("sorted", hmlc_op_int(saver->op, HMLC_ATTR_sorted))};
    const char *inputs[] = {hmlc_save_operand(saver, 0), hmlc_save_dims(saver, count->as.dims, 1)};
    const char *outputs[] = {hmlc_save_result(saver, 0), hmlc_save_result(saver, 1)};
    hmlc_save_node_full(saver, type, inputs, 2, outputs, 2, attrs, 3);
}

void hmlc_save_op_cumsum(hmlc_saver *saver, const char *type)
{
    const char *axis =
        hmlc_save_scalar(saver, HMLC_DTYPE_i64, (double)hmlc_op_int(saver->op, HMLC_ATTR_axis));
    hmlc_save_attr attrs[] = {
        hmlc_save_int_attr("exclusive", hmlc_op_int(saver->op, HMLC_ATTR_exclusive)),
        hmlc_save_int_attr("reverse", hmlc_op_int(saver->op, HMLC_ATTR_reverse))};
    (void)hmlc_save_node1(saver, type, hmlc_save_result(saver, 0),
                          HMLC_SAVE_NAMES(hmlc_save_operand(saver, 0), axis), attrs, 2);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "instrument.h"

#include <string.h>

/* Inputs behind the model's own, and outputs behind its own. */
enum { FLAGS, STEPS, LOWS, HIGHS, SHIFTS, CONTROLS };
enum { NOISE, SIGNAL, MEAN, FLOAT_MEAN, MEASURES };

typedef struct assembly {
    hmlc_instrument *made;
    hmlc_builder builder;
    hmlc_value **values;  /* by id */
    hmlc_value **rounded; /* by tensor of the plan: the value on 8 bits */
    hmlc_value *controls[CONTROLS];
    hmlc_value **parts[MEASURES]; /* by node */
} assembly;

static hmlc_dim number(const assembly *a, int64_t value)
{
    return hmlc_dim_constant(a->builder.module->dims, value);
}

/* `count` elements of a control from `first` on, in a shape of that many
 * elements. */
static hmlc_status take(assembly *a, int control, int64_t first, int64_t count,
                        const hmlc_dim *shape, uint32_t rank, hmlc_value **result)
{
    hmlc_dim start = number(a, first), size = number(a, count), step = number(a, 1);
    hmlc_attr attrs[] = {hmlc_attr_dims(HMLC_ATTR_starts, &start, 1),
                         hmlc_attr_dims(HMLC_ATTR_sizes, &size, 1),
                         hmlc_attr_dims(HMLC_ATTR_steps, &step, 1)};
    HMLC_TRY(hmlc_build(&a->builder, HMLC_OP_slice, &a->controls[control], 1, attrs, 3, result));
    return hmlc_build_reshape(&a->builder, *result, shape, rank, result);
}

/* What dequantize(quantize(x)) gives, with scale and limits from outside. Where
 * x is a node's result, it is that of the choice: nodes are doubled in order.
 */
static hmlc_status rounded_input(assembly *a, uint32_t tensor, hmlc_value **result)
{
    hmlc_value *x = a->values[a->made->plan->tensors[tensor].value], *step, *low, *high, *y;
    *result = a->rounded[tensor];
    if (*result != NULL) {
        return HMLC_OK;
    }
    HMLC_TRY(take(a, STEPS, tensor, 1, NULL, 0, &step));
    HMLC_TRY(take(a, LOWS, tensor, 1, NULL, 0, &low));
    HMLC_TRY(take(a, HIGHS, tensor, 1, NULL, 0, &high));
    HMLC_TRY(hmlc_build_binary(&a->builder, HMLC_OP_div, x, step, &y));
    HMLC_TRY(hmlc_build_unary(&a->builder, HMLC_OP_round, y, &y));
    HMLC_TRY(hmlc_build_binary(&a->builder, HMLC_OP_max, y, low, &y));
    HMLC_TRY(hmlc_build_binary(&a->builder, HMLC_OP_min, y, high, &y));
    HMLC_TRY(hmlc_build_binary(&a->builder, HMLC_OP_mul, y, step, &y));
    a->rounded[tensor] = *result = y;
    return HMLC_OK;
}

static hmlc_status rounded_weights(assembly *a, const hmlc_quantize_node *node, hmlc_value **result)
{
    hmlc_tensor tensor = *node->weights;
    int64_t count = hmlc_tensor_count(&tensor), inner = 1;
    float *data = HMLC_NEW_ARRAY(a->builder.module->arena, float, count);
    HMLC_TRY_MEMORY(data);
    for (int32_t i = node->weight_axis + 1; i < tensor.rank; i++) {
        inner *= tensor.dims[i];
    }
    for (int64_t i = 0; i < count; i++) {
        data[i] = (float)node->quantized[i] * node->scales[i / inner % node->channels];
    }
    tensor.data = data;
    tensor.bytes = (size_t)count * sizeof *data;
    return hmlc_build_constant(&a->builder, &tensor, result);
}

static hmlc_status add_shift(assembly *a, uint32_t index, const hmlc_op *op, hmlc_value **y)
{
    const hmlc_quantize_node *node = &a->made->plan->nodes[a->made->nodes[index]];
    hmlc_dim shape[HMLC_MAX_RANK];
    int32_t rank = (*y)->type->rank, axis = hmlc_quantize_channel_axis(op, rank);
    hmlc_value *shift;
    for (int32_t i = axis; i < rank; i++) {
        shape[i - axis] = number(a, i == axis ? node->channels : 1);
    }
    HMLC_TRY(take(a, SHIFTS, a->made->first[index], node->channels, shape, (uint32_t)(rank - axis),
                  &shift));
    return hmlc_build_binary(&a->builder, HMLC_OP_add, *y, shift, y);
}

/* A reduction of the whole value, or of all but its channels, as a list. */
static hmlc_status reduce(assembly *a, hmlc_opcode opcode, hmlc_value *x, int32_t but,
                          int64_t count, hmlc_value **result)
{
    int64_t axes[HMLC_MAX_RANK];
    uint32_t axis_count = 0;
    for (int32_t i = 0; i < x->type->rank; i++) {
        if (i != but) {
            axes[axis_count++] = i;
        }
    }
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_axes, axes, axis_count),
                         hmlc_attr_int(HMLC_ATTR_keep_dims, 0)};
    HMLC_TRY(hmlc_build(&a->builder, opcode, &x, 1, attrs, 2, result));
    hmlc_dim shape = number(a, count);
    return hmlc_build_reshape(&a->builder, *result, &shape, 1, result);
}

/* What a relu cuts off does not matter behind it. */
static hmlc_status cut(assembly *a, bool relu, hmlc_value *x, hmlc_value **result)
{
    *result = x;
    return relu ? hmlc_build_unary(&a->builder, HMLC_OP_relu, x, result) : HMLC_OK;
}

static hmlc_status measure(assembly *a, uint32_t index, const hmlc_op *op, hmlc_value *in_float,
                           hmlc_value *in_bytes, hmlc_value *chosen, bool relu)
{
    int64_t channels = a->made->plan->nodes[a->made->nodes[index]].channels;
    int32_t axis = hmlc_quantize_channel_axis(op, in_float->type->rank);
    hmlc_value *square, *left, *right;
    HMLC_TRY(cut(a, relu, in_bytes, &left));
    HMLC_TRY(cut(a, relu, in_float, &right));
    HMLC_TRY(hmlc_build_binary(&a->builder, HMLC_OP_sub, left, right, &square));
    HMLC_TRY(hmlc_build_binary(&a->builder, HMLC_OP_mul, square, square, &square));
    HMLC_TRY(reduce(a, HMLC_OP_reduce_sum, square, -1, 1, &a->parts[NOISE][index]));
    HMLC_TRY(hmlc_build_binary(&a->builder, HMLC_OP_mul, right, right, &square));
    HMLC_TRY(reduce(a, HMLC_OP_reduce_sum, square, -1, 1, &a->parts[SIGNAL][index]));
    HMLC_TRY(reduce(a, HMLC_OP_reduce_mean, chosen, axis, channels, &a->parts[MEAN][index]));
    return reduce(a, HMLC_OP_reduce_mean, in_float, axis, channels, &a->parts[FLOAT_MEAN][index]);
}

/* The node's second form behind it, and the choice between both in the place of
 * its result. */
static hmlc_status double_node(assembly *a, uint32_t index)
{
    const hmlc_quantize_node *node = &a->made->plan->nodes[a->made->nodes[index]];
    hmlc_value *in_float = a->values[node->value], *x, *w, *in_bytes, *flag, *half, *chosen;
    hmlc_op *op = in_float->producer;
    bool relu = hmlc_value_has_one_use(in_float) && in_float->uses->op->opcode == HMLC_OP_relu;
    a->builder = hmlc_builder_after(op);
    HMLC_TRY(rounded_input(a, node->tensor, &x));
    HMLC_TRY(rounded_weights(a, node, &w));
    hmlc_value *operands[] = {x, w, hmlc_op_operand(op, 2)};
    HMLC_TRY(hmlc_build(&a->builder, op->opcode, operands, op->operand_count, op->attrs,
                        op->attr_count, &in_bytes));
    HMLC_TRY(add_shift(a, index, op, &in_bytes));
    HMLC_TRY(take(a, FLAGS, index, 1, NULL, 0, &flag));
    HMLC_TRY(hmlc_build_scalar(&a->builder, HMLC_DTYPE_f32, 0.5, &half));
    HMLC_TRY(hmlc_build_binary(&a->builder, HMLC_OP_less, half, flag, &flag));
    hmlc_value *either[] = {flag, in_bytes, in_float};
    HMLC_TRY(hmlc_build(&a->builder, HMLC_OP_select, either, 3, NULL, 0, &chosen));
    hmlc_value_replace_uses(in_float, chosen);
    hmlc_op_set_operand(chosen->producer, 2, in_float);
    a->values[node->value] = chosen;
    HMLC_TRY(measure(a, index, op, in_float, in_bytes, chosen, relu));
    return HMLC_OK;
}

static hmlc_status list_nodes(hmlc_instrument *made)
{
    const hmlc_quantize_plan *plan = made->plan;
    made->nodes = HMLC_NEW_ARRAY(made->arena, uint32_t, plan->node_count + 1);
    made->first = HMLC_NEW_ARRAY(made->arena, uint32_t, plan->node_count + 1);
    HMLC_TRY_MEMORY(made->nodes);
    HMLC_TRY_MEMORY(made->first);
    for (uint32_t i = 0; i < plan->node_count; i++) {
        if (hmlc_quantize_is_chosen(&plan->nodes[i])) {
            made->first[made->node_count] = made->channel_count;
            made->nodes[made->node_count++] = i;
            made->channel_count += (uint32_t)plan->nodes[i].channels;
        }
    }
    return HMLC_OK;
}

static hmlc_status add_controls(assembly *a)
{
    static const char *const names[CONTROLS] = {"hmlc.flags", "hmlc.steps", "hmlc.lows",
                                                "hmlc.highs", "hmlc.shifts"};
    hmlc_instrument *made = a->made;
    uint32_t tensors = made->plan->tensor_count;
    uint32_t counts[CONTROLS] = {made->node_count, tensors, tensors, tensors, made->channel_count};
    float **data[CONTROLS] = {&made->flags, &made->steps, &made->lows, &made->highs, &made->shifts};
    for (int i = 0; i < CONTROLS; i++) {
        hmlc_dim dim = hmlc_dim_constant(made->module->dims, counts[i]);
        const hmlc_type *type = hmlc_type_tensor(made->module->arena, HMLC_DTYPE_f32, 1, &dim);
        HMLC_TRY_MEMORY(type);
        a->controls[i] = hmlc_region_add_argument(made->module->main, type, names[i]);
        *data[i] = HMLC_NEW_ARRAY(made->arena, float, counts[i] + 1);
        HMLC_TRY_MEMORY(a->controls[i]);
        HMLC_TRY_MEMORY(*data[i]);
        made->inputs[made->input_count + (uint32_t)i] = (hmlc_tensor){
            .dtype = HMLC_DTYPE_f32,
            .rank = 1,
            .dims = {counts[i]},
            .data = *data[i],
            .bytes = counts[i] * sizeof(float),
        };
    }
    return HMLC_OK;
}

/* The outputs: the model's own, then the measures of all nodes, each joined to
 * one list. */
static hmlc_status add_outputs(assembly *a)
{
    static const char *const names[MEASURES] = {"hmlc.noise", "hmlc.signal", "hmlc.mean",
                                                "hmlc.float_mean"};
    hmlc_instrument *made = a->made;
    hmlc_op *old = made->module->main->last;
    uint32_t count = made->output_count;
    hmlc_value **outputs = HMLC_NEW_ARRAY(made->arena, hmlc_value *, count + MEASURES);
    const char **labels = HMLC_NEW_ARRAY(made->module->arena, const char *, count + MEASURES);
    HMLC_TRY_MEMORY(outputs);
    HMLC_TRY_MEMORY(labels);
    for (uint32_t i = 0; i < count; i++) {
        outputs[i] = hmlc_op_operand(old, i);
        labels[i] = made->module->output_names != NULL ? made->module->output_names[i] : NULL;
    }
    a->builder = hmlc_builder_before(old);
    hmlc_attr axis = hmlc_attr_int(HMLC_ATTR_axis, 0);
    for (uint32_t i = 0; i < MEASURES; i++) {
        HMLC_TRY(hmlc_build(&a->builder, HMLC_OP_concat, a->parts[i], made->node_count, &axis, 1,
                            &outputs[count + i]));
        labels[count + i] = names[i];
    }
    HMLC_TRY(hmlc_build_yield(&a->builder, outputs, count + MEASURES));
    hmlc_op_erase(old);
    made->module->output_names = labels;
    return HMLC_OK;
}

static hmlc_status assemble(hmlc_instrument *made)
{
    assembly a = {.made = made};
    HMLC_TRY(list_nodes(made));
    HMLC_TRY(hmlc_module_clone(made->plan->module, NULL, &made->module));
    made->input_count = made->module->main->argument_count;
    made->output_count = made->module->main->last->operand_count;
    made->inputs = HMLC_NEW_ARRAY(made->arena, hmlc_tensor, made->input_count + CONTROLS);
    made->outputs = HMLC_NEW_ARRAY(made->arena, hmlc_tensor, made->output_count + MEASURES);
    a.values = hmlc_quantize_values(made->module, made->arena);
    a.rounded = HMLC_NEW_ARRAY(made->arena, hmlc_value *, made->plan->tensor_count + 1);
    if (made->inputs == NULL || made->outputs == NULL || a.values == NULL || a.rounded == NULL) {
        return HMLC_RESOURCE;
    }
    for (int i = 0; i < MEASURES; i++) {
        a.parts[i] = HMLC_NEW_ARRAY(made->arena, hmlc_value *, made->node_count + 1);
        HMLC_TRY_MEMORY(a.parts[i]);
    }
    HMLC_TRY(add_controls(&a));
    for (uint32_t i = 0; i < made->node_count; i++) {
        HMLC_TRY(double_node(&a, i));
    }
    HMLC_TRY(add_outputs(&a));
    return made->runner->open(made->runner->context, made->module, &made->model);
}

hmlc_status hmlc_instrument_create(const hmlc_quantize_plan *plan, const hmlc_runner *runner,
                                   hmlc_instrument **instrument)
{
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_instrument *made = arena != NULL ? HMLC_NEW(arena, hmlc_instrument) : NULL;
    *instrument = made;
    if (made == NULL) {
        hmlc_arena_destroy(arena);
        return HMLC_RESOURCE;
    }
    *made = (hmlc_instrument){.plan = plan, .runner = runner, .arena = arena};
    HMLC_TRY(assemble(made));
    for (uint32_t i = 0; i < plan->tensor_count; i++) {
        hmlc_instrument_set_range(made, i, plan->tensors[i].range);
    }
    return HMLC_OK;
}

void hmlc_instrument_release(hmlc_instrument *instrument)
{
    if (instrument != NULL) {
        instrument->runner->close(instrument->runner->context, instrument->model);
        hmlc_module_destroy(instrument->module);
        hmlc_arena_destroy(instrument->arena);
    }
}

void hmlc_instrument_set_all(hmlc_instrument *instrument, bool quantized)
{
    for (uint32_t i = 0; i < instrument->node_count; i++) {
        instrument->flags[i] = quantized ? 1 : 0;
    }
}

void hmlc_instrument_set_range(hmlc_instrument *instrument, uint32_t tensor,
                               hmlc_quantize_range range)
{
    enum { MOST = 255 };
    /* A tensor that nothing quantized reads has no range; its row is there all
     * the same. */
    instrument->steps[tensor] = range.scale > 0 ? range.scale : 1;
    instrument->lows[tensor] = (float)(0 - range.zero);
    instrument->highs[tensor] = (float)(MOST - range.zero);
}

hmlc_status hmlc_instrument_run(hmlc_instrument *made, uint32_t sample)
{
    uint64_t hash;
    const hmlc_runner *runner = made->runner;
    HMLC_TRY(runner->sample(runner->context, sample, made->inputs, &hash));
    HMLC_TRY(runner->run(runner->context, made->model, made->inputs, made->input_count + CONTROLS,
                         made->outputs, made->output_count + MEASURES));
    const hmlc_tensor *measures = made->outputs + made->output_count;
    made->noise = measures[NOISE].data;
    made->signal = measures[SIGNAL].data;
    made->mean = measures[MEAN].data;
    made->float_mean = measures[FLOAT_MEAN].data;
    return HMLC_OK;
}

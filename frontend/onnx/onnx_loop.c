/* SPDX-License-Identifier: Apache-2.0 */
/* Loop and Scan. */
#include "onnx_subgraph.h"

enum { MOST_LEARNED = 16 };

/* A body while it is imported. */
typedef struct loop_body {
    hmlc_body body;
    hmlc_value **arguments; /* what its inputs stand for */
    uint32_t count;
    /* Sizes that the run computes and that must be what stands beside them. */
    hmlc_dim learned[MOST_LEARNED][2];
    uint32_t learned_count;
} loop_body;

static hmlc_emitter inside(const hmlc_node *node, const loop_body *loop)
{
    hmlc_emitter emit = {.builder = hmlc_builder_at_end(loop->body.region)};
    emit.builder.location = node->emit.builder.location;
    return emit;
}

static bool open_body(hmlc_node *node, uint32_t arguments, loop_body *loop)
{
    hmlc_importer *base = hmlc_onnx_self(node)->importer->base;
    *loop = (loop_body){.body.region = hmlc_region_create_branch(base->module)};
    loop->arguments = HMLC_NEW_ARRAY(base->scratch, hmlc_value *, arguments + 1);
    if (loop->body.region == NULL || loop->arguments == NULL) {
        base->fatal = HMLC_RESOURCE;
    }
    return base->fatal == HMLC_OK;
}

static void add_argument(hmlc_node *node, loop_body *loop, const hmlc_type *type)
{
    hmlc_value *argument = hmlc_region_add_argument(loop->body.region, type, NULL);
    if (argument == NULL) {
        hmlc_onnx_self(node)->importer->base->fatal = HMLC_RESOURCE;
    }
    loop->arguments[loop->count++] = argument;
}

/* An argument of one element, of the rank that the body declares for it (0 or 1). */
static void add_scalar(hmlc_node *node, loop_body *loop, hmlc_dtype dtype)
{
    const Onnx__GraphProto *graph = hmlc_onnx_subgraph(node, "body");
    const Onnx__TypeProto *declared =
        loop->count < graph->n_input ? graph->input[loop->count]->type : NULL;
    bool list = declared != NULL && declared->tensor_type != NULL &&
                declared->tensor_type->shape != NULL && declared->tensor_type->shape->n_dim == 1;
    hmlc_dim one = hmlc_emit_number(&node->emit, 1);
    hmlc_module *module = node->emit.builder.module;
    const hmlc_type *type = hmlc_type_tensor(module->arena, dtype, list ? 1 : 0, &one);
    if (type == NULL) {
        hmlc_onnx_self(node)->importer->base->fatal = HMLC_RESOURCE;
        return;
    }
    add_argument(node, loop, type);
}

/* In the body the condition is true: else it would not run. */
static void fix_condition(hmlc_node *node, loop_body *loop)
{
    hmlc_emitter emit = inside(node, loop);
    const hmlc_type *type = loop->arguments[1]->type;
    hmlc_value *yes = hmlc_emit_scalar(&emit, HMLC_DTYPE_bool, 1);
    loop->body.last_constant = yes != NULL ? yes->producer : NULL;
    loop->arguments[1] =
        yes != NULL ? hmlc_emit_reshape(&emit, yes, type->dims, (uint32_t)type->rank) : NULL;
    node->emit.status = node->emit.status == HMLC_OK ? emit.status : node->emit.status;
}

/*
 * The next value of what argument `argument` of the body carries, where only the run can tell that
 * its shape is still that one: an iteration that changes it is refused.
 */
static hmlc_value *keep_shape(hmlc_emitter *emit, loop_body *loop, hmlc_value *value,
                              const hmlc_value *argument)
{
    hmlc_dims *dims = hmlc_emit_table(emit);
    const hmlc_type *type = argument->type, *found = value->type;
    bool fits = found->dtype == type->dtype && found->rank == type->rank &&
                !hmlc_type_same_shape(dims, found, type);
    for (int32_t d = 0; fits && d < type->rank; d++) {
        fits = !hmlc_dim_known_unequal(dims, found->dims[d], type->dims[d]);
    }
    for (int32_t d = 0; fits && d < type->rank; d++) {
        if (!hmlc_dim_known_equal(dims, found->dims[d], type->dims[d])) {
            hmlc_emit_require_equal(emit, found->dims[d], type->dims[d]);
            if (loop->learned_count < MOST_LEARNED) {
                loop->learned[loop->learned_count][0] = found->dims[d];
                loop->learned[loop->learned_count++][1] = type->dims[d];
            }
        }
    }
    return fits ? hmlc_emit_reshape(emit, value, type->dims, (uint32_t)type->rank) : value;
}

/* A row of a scanned output, with sizes that keep_shape has learned. */
static hmlc_value *learn_row(hmlc_emitter *emit, const loop_body *loop, hmlc_value *value)
{
    hmlc_dim shape[HMLC_MAX_RANK];
    for (int32_t d = 0; d < value->type->rank; d++) {
        shape[d] = value->type->dims[d];
        for (uint32_t k = 0; k < loop->learned_count; k++) {
            shape[d] = shape[d] == loop->learned[k][0] ? loop->learned[k][1] : shape[d];
        }
    }
    return hmlc_emit_reshape(emit, value, shape, (uint32_t)value->type->rank);
}

/* The body's values, yielded; NULL when something was refused. From `first` on, `carried` ones are
 * carried: `first` is 1 in a Loop, whose condition comes before them, as do two arguments. */
static hmlc_value **import_body(hmlc_node *node, loop_body *loop, uint32_t outputs, uint32_t first,
                                uint32_t carried)
{
    hmlc_importer *base = hmlc_onnx_self(node)->importer->base;
    if (base->fatal != HMLC_OK || !hmlc_node_ok(node)) {
        return NULL;
    }
    hmlc_onnx_scope scope = {.names = {.body = &loop->body},
                             .arguments = loop->arguments,
                             .argument_count = loop->count};
    hmlc_value **values = hmlc_onnx_import_subgraph(node, &scope, "body", outputs, false);
    if (values == NULL) {
        return NULL;
    }
    hmlc_emitter emit = inside(node, loop);
    uint32_t count = (uint32_t)scope.graph->n_output;
    for (uint32_t k = 0; emit.status == HMLC_OK && first + k < count; k++) {
        hmlc_value **value = &values[first + k];
        const hmlc_value *argument = k < carried ? loop->arguments[first > 0 ? 2 + k : k] : NULL;
        *value = argument != NULL ? keep_shape(&emit, loop, *value, argument)
                                  : learn_row(&emit, loop, *value);
    }
    node->emit.status = emit.status;
    if (emit.status == HMLC_OK) {
        base->fatal = hmlc_build_yield(&emit.builder, values, count);
    }
    return hmlc_node_ok(node) && base->fatal == HMLC_OK ? values : NULL;
}

/* Both sizes of a value that is carried; nothing changes its shape. */
static void check_carried(hmlc_node *node, uint32_t index, const hmlc_type *begin,
                          const hmlc_type *end)
{
    bool same = begin->dtype == end->dtype;
    if (same && hmlc_type_same_shape(hmlc_emit_table(&node->emit), begin, end)) {
        return;
    }
    char from[160], to[160];
    hmlc_type_format(begin, from, sizeof from);
    hmlc_type_format(end, to, sizeof to);
    hmlc_node_fail(node, same ? HMLC_ERROR_not_implemented : HMLC_ERROR_graph_invalid,
                   same ? "keep the shape, for instance by padding" : NULL,
                   "carried value %u is %s at first and %s after an iteration%s", index, from, to,
                   same ? "; loops whose values change their shape are not compiled" : "");
}

/* Rows of one size, which is known outside of the body: `result` is what collects them. */
static void check_row(hmlc_node *node, uint32_t index, const hmlc_type *row,
                      const hmlc_type *result)
{
    for (int32_t d = 0; hmlc_node_ok(node) && d < row->rank; d++) {
        if (!hmlc_dim_known_equal(hmlc_emit_table(&node->emit), row->dims[d],
                                  result->dims[d + 1])) {
            hmlc_node_fail(node, HMLC_ERROR_not_implemented, "yield rows of one size",
                           "dim %d of scanned output %u is known in an iteration alone", d, index);
        }
    }
}

static hmlc_op *create(hmlc_node *node, hmlc_opcode opcode, hmlc_value **operands, uint32_t count,
                       const hmlc_attr *attrs, uint32_t attr_count, loop_body *loop)
{
    hmlc_op *op = NULL;
    if (hmlc_node_ok(node)) {
        node->emit.status =
            hmlc_op_create_with_regions(&node->emit.builder, opcode, operands, count, attrs,
                                        attr_count, &loop->body.region, 1, &op);
    }
    return hmlc_node_ok(node) ? op : NULL;
}

/* Checks each result of the op, of which `carried` are carried from operand `first` on. */
static void check_results(hmlc_node *node, const hmlc_op *op, hmlc_value *const *yields,
                          uint32_t first, uint32_t carried)
{
    for (uint32_t k = 0; k < op->result_count && hmlc_node_ok(node); k++) {
        if (k < carried) {
            check_carried(node, k, hmlc_op_operand(op, first + k)->type, yields[k]->type);
        } else {
            check_row(node, k - carried, yields[k]->type, op->results[k]->type);
        }
    }
}

void hmlc_onnx_import_loop(hmlc_node *node)
{
    uint32_t carried = node->input_count - 2;
    loop_body loop;
    if (!open_body(node, node->input_count, &loop)) {
        return;
    }
    add_scalar(node, &loop, HMLC_DTYPE_i64);
    add_scalar(node, &loop, HMLC_DTYPE_bool);
    for (uint32_t k = 0; k < carried; k++) {
        if (node->inputs[2 + k] == NULL) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "carried value %u is missing", k);
            return;
        }
        add_argument(node, &loop, node->inputs[2 + k]->type);
    }
    fix_condition(node, &loop);
    uint32_t least = carried > node->output_count ? carried : node->output_count;
    hmlc_value **values = import_body(node, &loop, 1 + least, 1, carried);
    if (values != NULL && values[0]->type->dtype != HMLC_DTYPE_bool) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "the condition of body is %s",
                       hmlc_dtype_name(values[0]->type->dtype));
    }
    hmlc_op *op = values != NULL
                      ? create(node, HMLC_OP_loop, node->inputs, node->input_count, NULL, 0, &loop)
                      : NULL;
    if (op == NULL) {
        return;
    }
    check_results(node, op, values + 1, 2, carried);
    for (uint32_t k = 0; k < node->output_count; k++) {
        node->outputs[k] = op->results[k];
    }
}

/* -- Scan -------------------------------------------------------------------------------------- */

/* Entry `index` of a list of axes or directions; `otherwise` where there is no list. */
static int64_t entry(hmlc_node *node, const char *name, uint32_t index, uint32_t wanted)
{
    uint32_t count = 0;
    const int64_t *list = hmlc_node_ints(node, name, &count);
    if (list != NULL && count != wanted) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'%s' has %u entries, must have %u", name, count, wanted);
        return 0;
    }
    return list != NULL ? list[index] : 0;
}

/* Axis `from` goes to place `to`, the others keep their order. */
static hmlc_value *move_axis(hmlc_node *node, hmlc_value *x, int64_t from, int64_t to)
{
    int64_t permutation[HMLC_MAX_RANK], next = 0;
    for (int64_t d = 0; d < x->type->rank; d++) {
        next += next == from ? 1 : 0;
        permutation[d] = d == to ? from : next++;
    }
    return from == to ? x : hmlc_emit_transpose(&node->emit, x, permutation);
}

/* The first axis from its end. */
static hmlc_value *reversed(hmlc_node *node, hmlc_value *x)
{
    hmlc_dims *dims = hmlc_emit_table(&node->emit);
    hmlc_dim one = hmlc_emit_number(&node->emit, 1);
    hmlc_dim starts[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    for (int32_t d = 0; d < x->type->rank; d++) {
        starts[d] = hmlc_emit_number(&node->emit, 0);
        steps[d] = one;
    }
    starts[0] = hmlc_dim_subtract(dims, x->type->dims[0], one);
    steps[0] = hmlc_emit_number(&node->emit, -1);
    return hmlc_emit_slice(&node->emit, x, starts, x->type->dims, steps);
}

/* A scanned input with its axis in front, in the order in which it is read. */
static hmlc_value *scan_input(hmlc_node *node, hmlc_value *x, uint32_t index, uint32_t inputs)
{
    int64_t axis = entry(node, "scan_input_axes", index, inputs);
    axis = hmlc_node_axis(node, axis, x->type->rank);
    bool backwards = entry(node, "scan_input_directions", index, inputs) != 0;
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    x = move_axis(node, x, axis, 0);
    return backwards && x != NULL ? reversed(node, x) : x;
}

static hmlc_value *scan_output(hmlc_node *node, hmlc_value *y, uint32_t index, uint32_t outputs)
{
    int64_t axis = entry(node, "scan_output_axes", index, outputs);
    axis = hmlc_node_axis(node, axis, y->type->rank);
    bool backwards = entry(node, "scan_output_directions", index, outputs) != 0;
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    y = backwards ? reversed(node, y) : y;
    return y != NULL ? move_axis(node, y, 0, axis) : NULL;
}

/* Arguments of the body: what is carried, then one element of each input. */
static bool scan_arguments(hmlc_node *node, loop_body *loop, hmlc_value **operands,
                           uint32_t carried)
{
    hmlc_module *module = node->emit.builder.module;
    for (uint32_t k = 0; k < node->input_count; k++) {
        const hmlc_type *type = node->inputs[k]->type;
        operands[k] = node->inputs[k];
        if (k >= carried) {
            operands[k] =
                scan_input(node, node->inputs[k], k - carried, node->input_count - carried);
            type = operands[k] != NULL
                       ? hmlc_type_tensor(module->arena, type->dtype, type->rank - 1,
                                          operands[k]->type->dims + 1)
                       : NULL;
        }
        if (type == NULL) {
            return false;
        }
        add_argument(node, loop, type);
    }
    return true;
}

void hmlc_onnx_import_scan(hmlc_node *node)
{
    int64_t inputs = hmlc_node_int(node, "num_scan_inputs", 0);
    if (inputs < 1 || inputs > node->input_count) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'num_scan_inputs' is %lld, the node has %u inputs", (long long)inputs,
                       node->input_count);
        return;
    }
    uint32_t carried = node->input_count - (uint32_t)inputs;
    loop_body loop;
    hmlc_importer *base = hmlc_onnx_self(node)->importer->base;
    hmlc_value **operands = HMLC_NEW_ARRAY(base->scratch, hmlc_value *, node->input_count);
    if (operands == NULL || !open_body(node, node->input_count, &loop)) {
        base->fatal = HMLC_RESOURCE;
        return;
    }
    if (!scan_arguments(node, &loop, operands, carried)) {
        return;
    }
    uint32_t least = carried > node->output_count ? carried : node->output_count;
    hmlc_value **values = import_body(node, &loop, least, 0, carried);
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_input_count, inputs);
    hmlc_op *op = values != NULL
                      ? create(node, HMLC_OP_scan, operands, node->input_count, &attr, 1, &loop)
                      : NULL;
    if (op == NULL) {
        return;
    }
    check_results(node, op, values, 0, carried);
    for (uint32_t k = 0; k < node->output_count && hmlc_node_ok(node); k++) {
        node->outputs[k] = k < carried ? op->results[k]
                                       : scan_output(node, op->results[k], k - carried,
                                                     op->result_count - carried);
    }
}

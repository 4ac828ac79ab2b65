/* SPDX-License-Identifier: Apache-2.0 */
/* Building branches and loops. */
#include "tensorflow_control.h"

#include <inttypes.h>

static hmlc_arena *scratch_of(const hmlc_tf_node *node)
{
    return node->importer->base->scratch;
}

static hmlc_value **new_values(hmlc_tf_node *node, size_t count)
{
    hmlc_value **values = HMLC_NEW_ARRAY(scratch_of(node), hmlc_value *, count + 1);
    if (values == NULL) {
        node->importer->base->fatal = HMLC_RESOURCE;
    }
    return values;
}

static bool good(const hmlc_tf_node *node)
{
    return hmlc_tf_ok(node) && node->importer->base->fatal == HMLC_OK;
}

static hmlc_emitter emitter_in(const hmlc_tf_node *node, hmlc_region *region)
{
    hmlc_emitter emit = {.builder = hmlc_builder_at_end(region)};
    emit.builder.location = node->node.emit.builder.location;
    return emit;
}

/* Numbers and flags as a flag: a scalar, whatever dims of 1 it has. */
static hmlc_value *flag_of(hmlc_tf_node *node, hmlc_region *region, hmlc_value *x)
{
    hmlc_emitter emit = emitter_in(node, region);
    if (hmlc_tf_is_handle(x) || !hmlc_dim_is(hmlc_type_count(hmlc_emit_table(&emit), x->type), 1)) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "has a condition that is no scalar");
        return NULL;
    }
    x = hmlc_emit_reshape(&emit, hmlc_emit_cast(&emit, x, HMLC_DTYPE_bool), NULL, 0);
    node->node.emit.status = emit.status;
    return x;
}

/* The parts of all values, one after the other. */
static uint32_t flatten(hmlc_value *const *values, uint32_t count, const bool *left_out,
                        hmlc_value **parts)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += left_out != NULL && left_out[i] ? 0 : hmlc_tf_parts(values[i], parts + total);
    }
    return total;
}

/* Values like these, of other parts. */
static bool unflatten(hmlc_tf_node *node, hmlc_value *const *like, uint32_t count,
                      const bool *left_out, hmlc_value *const *parts, hmlc_value **values)
{
    hmlc_value *own[HMLC_TF_MOST_PARTS];
    for (uint32_t i = 0; i < count; i++) {
        bool kept = left_out != NULL && left_out[i];
        values[i] = kept ? like[i] : hmlc_tf_rebuild(scratch_of(node), like[i], parts);
        if (values[i] == NULL) {
            node->importer->base->fatal = HMLC_RESOURCE;
            return false;
        }
        parts += kept ? 0 : hmlc_tf_parts(like[i], own);
    }
    return true;
}

/* The same in kind, type and shape. */
static bool alike(hmlc_tf_node *node, hmlc_value *x, hmlc_value *y)
{
    hmlc_value *a[HMLC_TF_MOST_PARTS], *b[HMLC_TF_MOST_PARTS];
    uint32_t count = hmlc_tf_parts(x, a);
    bool same = count == hmlc_tf_parts(y, b) && hmlc_tf_is_handle(x) == hmlc_tf_is_handle(y) &&
                (count > 0 || x == y);
    for (uint32_t k = 0; same && k < count; k++) {
        same = a[k]->type->dtype == b[k]->type->dtype &&
               hmlc_type_same_shape(hmlc_emit_table(&node->node.emit), a[k]->type, b[k]->type);
    }
    return same;
}

static void erase_region(hmlc_region *region)
{
    while (region->last != NULL) {
        hmlc_op_erase(region->last);
    }
}

static hmlc_region *new_region(hmlc_tf_node *node)
{
    hmlc_region *region = hmlc_region_create_branch(node->importer->base->module);
    if (region == NULL) {
        node->importer->base->fatal = HMLC_RESOURCE;
    }
    return region;
}

/* -- branches ---------------------------------------------------------------------------------- */

static bool agree(hmlc_tf_node *node, uint32_t count, hmlc_value **const *values)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!alike(node, values[0][i], values[1][i])) {
            hmlc_tf_fail(node, HMLC_ERROR_not_implemented,
                         "give both branches results of one shape",
                         "result %" PRIu32 " has another shape in each branch", i);
            return false;
        }
    }
    return true;
}

/* Both regions with their values, which are yielded. */
static bool import_branches(const hmlc_tf_branches *branches, hmlc_region **regions,
                            hmlc_value ***values, uint32_t *parts)
{
    hmlc_tf_node *node = branches->node;
    for (uint32_t i = 0; i < 2; i++) {
        regions[i] = new_region(node);
        values[i] = new_values(node, branches->count);
        hmlc_body body = {.region = regions[i]};
        if (!good(node) || !branches->import(branches, i, &body, values[i])) {
            return false;
        }
    }
    if (!agree(node, branches->count, values)) {
        return false;
    }
    for (uint32_t i = 0; i < 2; i++) {
        hmlc_value **yields = new_values(node, (size_t)branches->count * HMLC_TF_MOST_PARTS);
        hmlc_builder builder = emitter_in(node, regions[i]).builder;
        *parts = yields != NULL ? flatten(values[i], branches->count, NULL, yields) : 0;
        node->importer->base->fatal =
            yields != NULL ? hmlc_build_yield(&builder, yields, *parts) : HMLC_RESOURCE;
    }
    return good(node);
}

bool hmlc_tf_build_if(const hmlc_tf_branches *branches, hmlc_value *condition, hmlc_value **results)
{
    hmlc_tf_node *node = branches->node;
    uint32_t count = 0, parts = 0;
    int64_t known = 0;
    hmlc_body *body = node->scope->names.body;
    hmlc_value *flag = flag_of(node, body->region, condition), **values[2];
    const hmlc_dim *elements =
        flag != NULL ? hmlc_emit_elements(&node->node.emit, flag, &count) : NULL;
    if (elements != NULL && count == 1 && hmlc_dim_is_constant(elements[0], &known)) {
        return branches->import(branches, known != 0 ? 0 : 1, body, results);
    }
    hmlc_region *regions[2];
    hmlc_op *op = NULL;
    if (flag == NULL || !import_branches(branches, regions, values, &parts)) {
        return false;
    }
    node->node.emit.status = hmlc_op_create_with_regions(&node->node.emit.builder, HMLC_OP_if,
                                                         &flag, 1, NULL, 0, regions, 2, &op);
    return op != NULL && unflatten(node, values[0], branches->count, NULL, op->results, results);
}

/* -- loops ------------------------------------------------------------------------------------- */

/* The region's arguments: a count, the condition, then what is carried. */
static bool add_arguments(hmlc_tf_loop *loop, hmlc_region *region, hmlc_value **inside)
{
    hmlc_tf_node *node = loop->node;
    hmlc_arena *arena = node->importer->base->module->arena;
    hmlc_value **parts = new_values(node, (size_t)loop->count * HMLC_TF_MOST_PARTS + 2);
    const hmlc_type *front[] = {hmlc_type_tensor(arena, HMLC_DTYPE_i64, 0, NULL),
                                hmlc_type_tensor(arena, HMLC_DTYPE_bool, 0, NULL)};
    if (parts == NULL || front[0] == NULL || front[1] == NULL) {
        node->importer->base->fatal = HMLC_RESOURCE;
        return false;
    }
    uint32_t count = flatten(loop->initial, loop->count, loop->fixed, parts + 2);
    for (uint32_t i = 0; i < count + 2; i++) {
        const hmlc_type *type = i < 2 ? front[i] : parts[i]->type;
        parts[i] = hmlc_region_add_argument(region, type, NULL);
        if (parts[i] == NULL) {
            node->importer->base->fatal = HMLC_RESOURCE;
            return false;
        }
    }
    return unflatten(node, loop->initial, loop->count, loop->fixed, parts + 2, inside);
}

/* What is carried keeps its type and shape. */
static bool keeps(hmlc_tf_loop *loop, uint32_t index, hmlc_value *before, hmlc_value *after)
{
    bool same = alike(loop->node, before, after);
    if (!same) {
        hmlc_value *a[HMLC_TF_MOST_PARTS], *b[HMLC_TF_MOST_PARTS];
        uint32_t left = hmlc_tf_parts(before, a), right = hmlc_tf_parts(after, b);
        char from[160] = "a variable or an empty list", to[160] = "something else";
        if (left > 0) {
            hmlc_type_format(a[0]->type, from, sizeof from);
        }
        if (right > 0) {
            hmlc_type_format(b[0]->type, to, sizeof to);
        }
        hmlc_tf_fail(
            loop->node, HMLC_ERROR_not_implemented, "keep the shape, for instance by padding",
            "carries value %" PRIu32 ", which is %s at first and %s after a turn", index, from, to);
    }
    return same;
}

/* A turn in a region of its own. */
static bool import_turn(hmlc_tf_loop *loop, hmlc_body *body, hmlc_value **inside,
                        hmlc_value **after)
{
    body->region = new_region(loop->node);
    body->last_constant = NULL;
    return good(loop->node) && add_arguments(loop, body->region, inside) &&
           loop->turn(loop, body, inside, after) && good(loop->node);
}

static bool is_open(const hmlc_tf_loop *loop, uint32_t index)
{
    const hmlc_tf_handle *list =
        loop->fixed[index] ? NULL : hmlc_tf_handle_of(loop->initial[index], HMLC_TF_LIST);
    return list != NULL && list->parts[0] == NULL;
}

/* A list of zeros whose elements are as a turn writes them. */
static void open_list(hmlc_tf_loop *loop, uint32_t index, hmlc_value *after)
{
    hmlc_tf_node *node = loop->node;
    hmlc_emitter *emit = &node->node.emit;
    const hmlc_tf_handle *list = hmlc_tf_handle_of(loop->initial[index], HMLC_TF_LIST);
    const hmlc_tf_handle *written = hmlc_tf_handle_of(after, HMLC_TF_LIST);
    if (written == NULL || written->parts[0] == NULL) {
        return;
    }
    const hmlc_type *type = written->parts[0]->type;
    hmlc_value *zero = hmlc_emit_scalar(emit, type->dtype, 0);
    hmlc_value *data = hmlc_emit_expand(emit, zero, type->dims, (uint32_t)type->rank);
    hmlc_tf_handle *made = hmlc_tf_handle_create(scratch_of(node), HMLC_TF_LIST);
    if (made == NULL || data == NULL) {
        node->importer->base->fatal = made == NULL ? HMLC_RESOURCE : node->importer->base->fatal;
        return;
    }
    made->size = list->size;
    made->parts[0] = data;
    loop->initial[index] = &made->value;
}

/* Lists whose elements have no known shape yet get the one that a turn gives them: it is imported
 * once to see, and thrown away. */
static bool open_lists(hmlc_tf_loop *loop, hmlc_value **inside, hmlc_value **after)
{
    bool open = false;
    hmlc_body body;
    for (uint32_t i = 0; i < loop->count; i++) {
        open = open || is_open(loop, i);
    }
    if (!open) {
        return true;
    }
    if (!import_turn(loop, &body, inside, after)) {
        return false;
    }
    erase_region(body.region);
    for (uint32_t i = 0; i < loop->count && good(loop->node); i++) {
        if (is_open(loop, i)) {
            open_list(loop, i, after[i]);
        }
    }
    return good(loop->node);
}

static hmlc_value *import_condition(const hmlc_tf_loop *loop, hmlc_body *body,
                                    hmlc_value *const *values)
{
    hmlc_value *flag = loop->condition(loop, body, values);
    return flag != NULL && good(loop->node) ? flag_of(loop->node, body->region, flag) : NULL;
}

bool hmlc_tf_build_loop(hmlc_tf_loop *loop, hmlc_value **results)
{
    hmlc_tf_node *node = loop->node;
    size_t room = (size_t)loop->count * HMLC_TF_MOST_PARTS + 2;
    hmlc_value **inside = new_values(node, loop->count), **after = new_values(node, loop->count);
    hmlc_value **operands = new_values(node, room), **yields = new_values(node, room);
    hmlc_body body = {0};
    if (!good(node) || !open_lists(loop, inside, after)) {
        return false;
    }
    /* The condition is asked before each turn: once in front, then at each turn's end. */
    uint32_t count = flatten(loop->initial, loop->count, loop->fixed, operands + 2);
    operands[1] = import_condition(loop, node->scope->names.body, loop->initial);
    if (operands[1] == NULL || !import_turn(loop, &body, inside, after)) {
        return false;
    }
    for (uint32_t i = 0; i < loop->count; i++) {
        if (loop->fixed[i]) {
            after[i] = loop->initial[i];
        } else if (!keeps(loop, i, inside[i], after[i])) {
            return false;
        }
    }
    (void)flatten(after, loop->count, loop->fixed, yields + 1);
    yields[0] = import_condition(loop, &body, after);
    if (yields[0] == NULL) {
        return false;
    }
    hmlc_op *op = NULL;
    hmlc_builder builder = emitter_in(node, body.region).builder;
    node->node.emit.status = hmlc_build_yield(&builder, yields, count + 1);
    if (hmlc_tf_ok(node)) {
        node->node.emit.status =
            hmlc_op_create_with_regions(&node->node.emit.builder, HMLC_OP_loop, operands, count + 2,
                                        NULL, 0, &body.region, 1, &op);
    }
    return op != NULL &&
           unflatten(node, loop->initial, loop->count, loop->fixed, op->results, results);
}

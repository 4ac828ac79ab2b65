/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that name functions to choose or to repeat: If, Case, While. */
#include "tensorflow_control.h"

#include <inttypes.h>
#include <string.h>

/* The function in an attribute; NULL with a diagnostic. */
static const Tensorflow__NameAttrList *named_function(hmlc_tf_node *node, const char *name,
                                                      size_t index)
{
    const Tensorflow__AttrValue *value = hmlc_tf_attr_in(node->scope, node->def, name);
    const Tensorflow__NameAttrList *found = value == NULL ? NULL
                                            : value->list != NULL && index < value->list->n_func
                                                ? value->list->func[index]
                                                : value->func;
    if (found == NULL || found->name == NULL) {
        hmlc_tf_fail(node, HMLC_ERROR_attribute_invalid, NULL, "'%s' names no function", name);
        return NULL;
    }
    if (hmlc_tf_function(node->importer, found->name) == NULL) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL,
                     "'%s' is function '%s', which is not there", name, found->name);
        return NULL;
    }
    return found;
}

/* The results of a function on these inputs: those of `wanted`. */
static bool run(hmlc_tf_node *node, const Tensorflow__NameAttrList *named, hmlc_body *body,
                hmlc_value *const *inputs, uint32_t count, uint64_t wanted, hmlc_value **outputs)
{
    const hmlc_tf_call call = {
        .function = hmlc_tf_function(node->importer, named->name),
        .attrs = {.list = named->attr, .count = named->n_attr},
        .body = body,
        .inputs = inputs,
        .input_count = count,
        .wanted = wanted,
    };
    return hmlc_tf_run_call(node, &call, outputs);
}

/* -- If, Case ---------------------------------------------------------------------------------- */

/* Which functions a node chooses from, and where it stands in the choice. */
typedef struct choice {
    const char *attributes[2]; /* of branch 0 and 1; the same: a list */
    int64_t first, last;       /* of a list: what is still open */
    hmlc_value *index;
} choice;

static bool import_branch(const hmlc_tf_branches *branches, uint32_t branch, hmlc_body *body,
                          hmlc_value **values)
{
    hmlc_tf_node *node = branches->node;
    const choice *from = branches->context;
    hmlc_value *outputs[HMLC_TF_MOST_OUTPUTS] = {NULL};
    const Tensorflow__NameAttrList *named =
        named_function(node, from->attributes[branch], (size_t)from->first);
    bool good = named != NULL && run(node, named, body, node->node.inputs + 1,
                                     node->node.input_count - 1, node->state->read, outputs);
    uint32_t next = 0;
    for (uint32_t i = 0; good && i < HMLC_TF_MOST_OUTPUTS; i++) {
        if ((node->state->read >> i & 1) != 0) {
            values[next++] = outputs[i];
        }
    }
    return good;
}

static uint32_t count_read(const hmlc_tf_node *node)
{
    return (uint32_t)__builtin_popcountll(node->state->read);
}

static void give_results(hmlc_tf_node *node, hmlc_value *const *results)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < HMLC_TF_MOST_OUTPUTS; i++) {
        if ((node->state->read >> i & 1) != 0) {
            node->node.outputs[i] = results[next++];
        }
    }
}

void hmlc_tf_import_if(hmlc_tf_node *node)
{
    const choice from = {.attributes = {"then_branch", "else_branch"}};
    const hmlc_tf_branches branches = {
        .node = node, .count = count_read(node), .import = import_branch, .context = &from};
    hmlc_value *results[HMLC_TF_MOST_OUTPUTS];
    if (hmlc_tf_build_if(&branches, node->node.inputs[0], results)) {
        give_results(node, results);
    }
}

/* Case k, or the choice among those behind it. An index outside means the last one. */
static bool import_case(const hmlc_tf_branches *branches, uint32_t branch, hmlc_body *body,
                        hmlc_value **values)
{
    hmlc_tf_node *node = branches->node;
    choice from = *(const choice *)branches->context;
    if (branch == 0) {
        return import_branch(branches, 0, body, values);
    }
    hmlc_tf_branches rest = *branches;
    rest.context = &from;
    from.first++;
    if (from.first == from.last) {
        return import_branch(&rest, 0, body, values);
    }
    /* The choice stands in the branch. */
    hmlc_emitter outside = node->node.emit;
    hmlc_body *around = node->scope->names.body;
    node->node.emit.builder = hmlc_builder_at_end(body->region);
    node->node.emit.builder.location = outside.builder.location;
    node->scope->names.body = body;
    hmlc_value *number = hmlc_emit_scalar_like(&node->node.emit, from.index, (double)from.first);
    hmlc_value *same = hmlc_emit_binary(&node->node.emit, HMLC_OP_equal, from.index, number);
    bool good = same != NULL && hmlc_tf_build_if(&rest, same, values);
    node->scope->names.body = around;
    node->node.emit.builder = outside.builder;
    return good;
}

void hmlc_tf_import_case(hmlc_tf_node *node)
{
    const Tensorflow__AttrValue *list = hmlc_tf_attr(node->def, "branches");
    enum { MOST_CASES = 32 };
    int64_t count = list != NULL && list->list != NULL ? (int64_t)list->list->n_func : 0;
    if (count < 1 || count > MOST_CASES || hmlc_tf_is_handle(node->node.inputs[0])) {
        hmlc_tf_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                     "has %" PRId64 " branches; at most %d are supported", count, MOST_CASES);
        return;
    }
    const choice from = {
        .attributes = {"branches", "branches"}, .last = count - 1, .index = node->node.inputs[0]};
    const hmlc_tf_branches branches = {
        .node = node, .count = count_read(node), .import = import_case, .context = &from};
    hmlc_value *results[HMLC_TF_MOST_OUTPUTS];
    hmlc_emitter *emit = &node->node.emit;
    hmlc_value *first = hmlc_emit_binary(emit, HMLC_OP_equal, node->node.inputs[0],
                                         hmlc_emit_scalar_like(emit, node->node.inputs[0], 0));
    bool alone = count == 1;
    bool good = alone ? import_branch(&branches, 0, node->scope->names.body, results)
                      : first != NULL && hmlc_tf_build_if(&branches, first, results);
    if (good) {
        give_results(node, results);
    }
}

/* -- While ------------------------------------------------------------------------------------- */

typedef struct while_functions {
    const Tensorflow__NameAttrList *condition, *body;
} while_functions;

static bool import_turn(const hmlc_tf_loop *loop, hmlc_body *body, hmlc_value *const *values,
                        hmlc_value **after)
{
    const while_functions *functions = loop->context;
    hmlc_value *outputs[HMLC_TF_MOST_OUTPUTS] = {NULL};
    uint64_t wanted = 0;
    for (uint32_t i = 0; i < loop->count; i++) {
        wanted |= loop->fixed[i] ? 0 : UINT64_C(1) << i;
    }
    bool good = run(loop->node, functions->body, body, values, loop->count, wanted, outputs);
    for (uint32_t i = 0; good && i < loop->count; i++) {
        after[i] = loop->fixed[i] ? values[i] : outputs[i];
    }
    return good;
}

static hmlc_value *import_condition(const hmlc_tf_loop *loop, hmlc_body *body,
                                    hmlc_value *const *values)
{
    const while_functions *functions = loop->context;
    hmlc_value *outputs[HMLC_TF_MOST_OUTPUTS] = {NULL};
    return run(loop->node, functions->condition, body, values, loop->count, 1, outputs) ? outputs[0]
                                                                                        : NULL;
}

void hmlc_tf_import_while(hmlc_tf_node *node)
{
    bool fixed[HMLC_TF_MOST_OUTPUTS];
    uint32_t count = node->node.input_count;
    if (count > HMLC_TF_MOST_OUTPUTS) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "carries %" PRIu32 " values; at most %d are supported", count,
                     HMLC_TF_MOST_OUTPUTS);
        return;
    }
    const while_functions functions = {.condition = named_function(node, "cond", 0),
                                       .body = named_function(node, "body", 0)};
    if (functions.condition == NULL || functions.body == NULL) {
        return;
    }
    hmlc_tf_graph *body = hmlc_tf_function(node->importer, functions.body->name);
    for (uint32_t i = 0; i < count; i++) {
        fixed[i] = hmlc_tf_returns_argument(node->importer, body, i);
    }
    hmlc_tf_loop loop = {.node = node,
                         .count = count,
                         .initial = node->node.inputs,
                         .fixed = fixed,
                         .turn = import_turn,
                         .condition = import_condition,
                         .context = &functions};
    (void)hmlc_tf_build_loop(&loop, node->node.outputs);
}

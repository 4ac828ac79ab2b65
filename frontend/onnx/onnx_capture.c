/* SPDX-License-Identifier: Apache-2.0 */
/* The names that a node reads: its inputs, and what its subgraphs capture. */
#include "onnx_import.h"

/* What the subgraphs around a node define: such a name hides that of the graph outside. */
typedef struct inner_names {
    const struct inner_names *outer; /* NULL: the graph outside is next */
    hmlc_names defined;
} inner_names;

typedef struct name_visit {
    hmlc_arena *scratch;
    hmlc_status (*visit)(void *context, const char *name);
    void *context;
} name_visit;

static hmlc_status define(inner_names *names, const char *name)
{
    return name != NULL ? hmlc_names_set(&names->defined, name, names) : HMLC_OK;
}

static hmlc_status define_graph(inner_names *names, const Onnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_input; i++) {
        HMLC_TRY(define(names, graph->input[i]->name));
    }
    for (size_t i = 0; i < graph->n_initializer; i++) {
        HMLC_TRY(define(names, graph->initializer[i]->name));
    }
    for (size_t i = 0; i < graph->n_node; i++) {
        for (size_t o = 0; o < graph->node[i]->n_output; o++) {
            HMLC_TRY(define(names, graph->node[i]->output[o]));
        }
    }
    return HMLC_OK;
}

static hmlc_status visit_name(const name_visit *call, const inner_names *inner, const char *name)
{
    for (; inner != NULL; inner = inner->outer) {
        if (hmlc_names_find(&inner->defined, name) != NULL) {
            return HMLC_OK;
        }
    }
    return call->visit(call->context, name);
}

/* Every name read in it that the graph outside defines and no subgraph in between. Nesting is
 * bounded by the wire walker. */
static hmlc_status visit_graph(const name_visit *call, const inner_names *outer,
                               const Onnx__GraphProto *graph);

static hmlc_status visit_node(const name_visit *call, const inner_names *inner,
                              const Onnx__NodeProto *node)
{
    for (size_t i = 0; i < node->n_input; i++) {
        HMLC_TRY(visit_name(call, inner, node->input[i]));
    }
    for (size_t i = 0; i < node->n_attribute; i++) {
        if (node->attribute[i]->g != NULL) {
            HMLC_TRY(visit_graph(call, inner, node->attribute[i]->g));
        }
    }
    return HMLC_OK;
}

static hmlc_status visit_graph(const name_visit *call, const inner_names *outer,
                               const Onnx__GraphProto *graph)
{
    inner_names inner = {.outer = outer, .defined = hmlc_names_create(call->scratch)};
    HMLC_TRY(define_graph(&inner, graph));
    for (size_t i = 0; i < graph->n_node; i++) {
        HMLC_TRY(visit_node(call, &inner, graph->node[i]));
    }
    for (size_t i = 0; i < graph->n_output; i++) {
        const char *name = graph->output[i]->name;
        HMLC_TRY(visit_name(call, &inner, name != NULL ? name : ""));
    }
    return HMLC_OK;
}

hmlc_status hmlc_onnx_visit_reads(hmlc_arena *scratch, const Onnx__NodeProto *node,
                                  hmlc_status (*visit)(void *context, const char *name),
                                  void *context)
{
    const name_visit call = {.scratch = scratch, .visit = visit, .context = context};
    return visit_node(&call, NULL, node);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* From a graph to ONNX's nodes: names, constants, regions; the ops themselves are rows of
 * onnx_save_rows.def. */
#include "onnx_save.h"

#include <string.h>

/* -- failures ---------------------------------------------------------------------------------- */

static void note_status(hmlc_saver *saver, hmlc_status status)
{
    if (saver->status == HMLC_OK) {
        saver->status = status;
    }
}

/* What an arena gave, noting where it gave nothing. */
static void *held(hmlc_saver *saver, void *memory)
{
    if (memory == NULL) {
        note_status(saver, HMLC_RESOURCE);
    }
    return memory;
}

void hmlc_save_refuse(hmlc_saver *saver, const char *what)
{
    saver->refused = true;
    (void)hmlc_error_add(saver->module->diagnostics, HMLC_ERROR_not_implemented,
                         saver->op->location, NULL, "%s cannot be written as ONNX: %s",
                         hmlc_op_get_info(saver->op->opcode)->name, what);
}

/* -- names ------------------------------------------------------------------------------------- */

static const char *unique(hmlc_saver *saver, hmlc_names *names, const char *wanted)
{
    const char *name = wanted;
    if (name[0] == '\0' || hmlc_names_find(names, name) != NULL) {
        do {
            name = held(saver,
                        hmlc_arena_printf(saver->arena, "%s_%u",
                                          wanted[0] != '\0' ? wanted : "value", ++saver->fresh));
        } while (name != NULL && hmlc_names_find(names, name) != NULL);
    }
    if (name == NULL) {
        return "";
    }
    note_status(saver, hmlc_names_set(names, name, saver));
    return name;
}

const char *hmlc_save_fresh(hmlc_saver *saver, const char *from)
{
    return unique(saver, &saver->taken, from);
}

const char *hmlc_save_name(hmlc_saver *saver, const hmlc_value *value)
{
    if (value == NULL) {
        return "";
    }
    if (saver->names[value->id] == NULL) {
        saver->names[value->id] =
            unique(saver, &saver->taken, value->name != NULL ? value->name : "");
    }
    return saver->names[value->id];
}

const char *hmlc_save_operand(hmlc_saver *saver, uint32_t index)
{
    return hmlc_save_name(saver, hmlc_op_operand(saver->op, index));
}

const char *hmlc_save_result(hmlc_saver *saver, uint32_t index)
{
    return hmlc_save_name(saver, saver->op->results[index]);
}

/* A node is named after the user's nodes that it comes from. */
static const char *node_name(hmlc_saver *saver, const char *type)
{
    enum { MOST_NAMES = 3 };
    const hmlc_location *where = saver->op != NULL ? saver->op->location : NULL;
    const char *name = "";
    for (uint32_t i = 0; where != NULL && i < where->node_count && i < MOST_NAMES; i++) {
        const char *source = where->nodes[i].name;
        if (source[0] != '\0' && name != NULL) {
            name = name[0] == '\0'
                       ? source
                       : held(saver, hmlc_arena_printf(saver->arena, "%s + %s", name, source));
        }
    }
    return unique(saver, &saver->node_names, name != NULL && name[0] != '\0' ? name : type);
}

/* -- nodes and constants ----------------------------------------------------------------------- */

/* A copy of a list of names, without the absent ones at its end. */
static const char *const *copy_names(hmlc_saver *saver, const char *const *names, size_t count,
                                     uint32_t *kept)
{
    while (count > 0 && names[count - 1][0] == '\0') {
        count--;
    }
    *kept = (uint32_t)count;
    return held(saver, hmlc_arena_copy(saver->arena, names, count * sizeof *names));
}

void hmlc_save_node_full(hmlc_saver *saver, const char *type, const char *const *inputs,
                         size_t input_count, const char *const *outputs, size_t output_count,
                         const hmlc_save_attr *attrs, size_t attr_count)
{
    hmlc_save_node *node = held(saver, HMLC_NEW(saver->arena, hmlc_save_node));
    if (node == NULL) {
        return;
    }
    node->type = type;
    node->name = node_name(saver, type);
    node->inputs = copy_names(saver, inputs, input_count, &node->input_count);
    node->outputs = copy_names(saver, outputs, output_count, &node->output_count);
    node->attrs = held(saver, hmlc_arena_copy(saver->arena, attrs, attr_count * sizeof *attrs));
    node->attr_count = (uint32_t)attr_count;
    hmlc_save_graph *graph = saver->graph;
    if (graph->last != NULL) {
        graph->last->next = node;
    } else {
        graph->first = node;
    }
    graph->last = node;
}

const char *hmlc_save_node1(hmlc_saver *saver, const char *type, const char *result,
                            const char *const *inputs, size_t input_count,
                            const hmlc_save_attr *attrs, size_t attr_count)
{
    const char *output = result != NULL ? result : hmlc_save_fresh(saver, "");
    hmlc_save_node_full(saver, type, inputs, input_count, &output, 1, attrs, attr_count);
    return output;
}

const char *hmlc_save_tensor(hmlc_saver *saver, const char *name, const hmlc_tensor *tensor)
{
    hmlc_save_constant *constant = held(saver, HMLC_NEW(saver->arena, hmlc_save_constant));
    if (constant == NULL) {
        return "";
    }
    constant->name = name != NULL ? name : hmlc_save_fresh(saver, "constant");
    constant->tensor = *tensor;
    if (saver->last_constant != NULL) {
        saver->last_constant->next = constant;
    } else {
        saver->first_constant = constant;
    }
    saver->last_constant = constant;
    return constant->name;
}

const char *hmlc_save_ints(hmlc_saver *saver, const int64_t *values, size_t count)
{
    hmlc_tensor tensor = {.dtype = HMLC_DTYPE_i64, .rank = 1, .dims = {(int64_t)count}};
    tensor.bytes = count * sizeof *values;
    tensor.data = held(saver, hmlc_arena_copy(saver->arena, values, tensor.bytes));
    return hmlc_save_tensor(saver, NULL, &tensor);
}

const char *hmlc_save_scalar(hmlc_saver *saver, hmlc_dtype dtype, double value)
{
    hmlc_tensor tensor = {.dtype = dtype, .bytes = hmlc_dtype_bytes(dtype)};
    void *data = held(saver, hmlc_arena_allocate(saver->arena, tensor.bytes));
    if (data != NULL) {
        hmlc_element_set_double(dtype, data, 0, value);
    }
    tensor.data = data;
    return hmlc_save_tensor(saver, NULL, &tensor);
}

/* -- attributes -------------------------------------------------------------------------------- */

hmlc_save_attr hmlc_save_int_attr(const char *name, int64_t value)
{
    return (hmlc_save_attr){.name = name, .kind = HMLC_SAVE_INT, .as.integer = value};
}

hmlc_save_attr hmlc_save_float_attr(const char *name, double value)
{
    return (hmlc_save_attr){.name = name, .kind = HMLC_SAVE_FLOAT, .as.real = (float)value};
}

hmlc_save_attr hmlc_save_text_attr(const char *name, const char *text)
{
    return (hmlc_save_attr){.name = name, .kind = HMLC_SAVE_STRING, .as.text = text};
}

hmlc_save_attr hmlc_save_ints_attr(const char *name, const int64_t *values, uint32_t count)
{
    return (hmlc_save_attr){
        .name = name, .kind = HMLC_SAVE_INTS, .count = count, .as.integers = values};
}

hmlc_save_attr hmlc_save_list_attr(hmlc_saver *saver, const char *name, hmlc_attr_name from)
{
    const hmlc_attr *attr = hmlc_op_attr(saver->op, from);
    if (attr == NULL) {
        return hmlc_save_ints_attr(name, NULL, 0);
    }
    if (hmlc_attr_kind_of(from) == HMLC_ATTR_KIND_INTS) {
        return hmlc_save_ints_attr(name, attr->as.integers, attr->count);
    }
    int64_t *values = held(saver, HMLC_NEW_ARRAY(saver->arena, int64_t, attr->count + 1));
    for (uint32_t i = 0; values != NULL && i < attr->count; i++) {
        if (!hmlc_dim_is_constant(attr->as.dims[i], &values[i])) {
            hmlc_save_refuse(saver, "a list of its attributes depends on dims of the inputs");
            break;
        }
    }
    return hmlc_save_ints_attr(name, values, values != NULL ? attr->count : 0);
}

/* -- regions ----------------------------------------------------------------------------------- */

typedef struct save_row {
    const char *type;
    void (*save)(hmlc_saver *saver, const char *type);
} save_row;

static const save_row rows[HMLC_OP_COUNT] = {
#define HMLC_SAVE(opcode, type, function) [HMLC_OP_##opcode] = {type, hmlc_save_op_##function},
#include "onnx_save_rows.def"
#undef HMLC_SAVE
};

void hmlc_save_region(hmlc_saver *saver, const hmlc_region *region)
{
    const hmlc_op *outer = saver->op;
    HMLC_FOR_EACH_OP(op, region)
    {
        saver->op = op;
        if (rows[op->opcode].save != NULL) {
            rows[op->opcode].save(saver, rows[op->opcode].type);
        } else if (op->opcode != HMLC_OP_yield) {
            hmlc_save_refuse(saver, "opset 21 has no operator for it");
        }
    }
    saver->op = outer;
}

/* Values that a graph gives under other names than their own, or twice, or that come from outside,
 * need a node in between. */
static const hmlc_save_port *save_outputs(hmlc_saver *saver, const hmlc_region *region,
                                          const char *const *names)
{
    const hmlc_op *yield = region->last;
    hmlc_save_port *ports =
        held(saver, HMLC_NEW_ARRAY(saver->arena, hmlc_save_port, yield->operand_count + 1));
    for (uint32_t i = 0; ports != NULL && i < yield->operand_count; i++) {
        const hmlc_value *value = hmlc_op_operand(yield, i);
        ports[i] = (hmlc_save_port){.name = names != NULL ? names[i] : NULL,
                                    .type = names != NULL ? value->type : NULL};
        const char *name = hmlc_save_name(saver, value);
        if (ports[i].name == NULL || strcmp(ports[i].name, name) != 0) {
            saver->op = yield;
            ports[i].name =
                hmlc_save_node1(saver, "Identity", ports[i].name, HMLC_SAVE_NAMES(name), NULL, 0);
            saver->op = NULL;
        }
    }
    return ports;
}

const hmlc_save_graph *hmlc_save_branch(hmlc_saver *saver, const hmlc_region *region,
                                        const char *name)
{
    hmlc_save_graph *outer = saver->graph;
    const hmlc_op *op = saver->op;
    hmlc_names dims = saver->dims;
    hmlc_save_graph *graph = held(saver, HMLC_NEW(saver->arena, hmlc_save_graph));
    if (graph == NULL) {
        return NULL;
    }
    /* Values of dims that this branch makes are not seen outside of it. */
    saver->dims = hmlc_names_create(saver->arena);
    saver->graph = graph;
    graph->name = name;
    hmlc_save_region(saver, region);
    graph->outputs = save_outputs(saver, region, NULL);
    graph->output_count = region->last->operand_count;
    saver->graph = outer;
    saver->op = op;
    saver->dims = dims;
    return graph;
}

/* The interface keeps its names: they are taken before any value gets one. */
static void save_interface(hmlc_saver *saver, hmlc_save_graph *graph)
{
    const hmlc_module *module = saver->module;
    const hmlc_region *main = module->main;
    hmlc_save_port *inputs =
        held(saver, HMLC_NEW_ARRAY(saver->arena, hmlc_save_port, main->argument_count + 1));
    for (uint32_t i = 0; inputs != NULL && i < main->argument_count; i++) {
        inputs[i].name = hmlc_save_name(saver, main->arguments[i]);
        inputs[i].type = main->arguments[i]->type;
    }
    graph->inputs = inputs;
    graph->input_count = main->argument_count;
    for (uint32_t i = 0; i < main->last->operand_count; i++) {
        const hmlc_value *value = hmlc_op_operand(main->last, i);
        const char *name = module->output_names[i];
        bool own = value->producer != NULL && value->producer->opcode != HMLC_OP_constant &&
                   saver->names[value->id] == NULL;
        if (own && hmlc_names_find(&saver->taken, name) == NULL) {
            saver->names[value->id] = name;
        }
        note_status(saver, hmlc_names_set(&saver->taken, name, saver));
    }
}

static hmlc_status save_with(hmlc_saver *saver, const hmlc_save_options *options, FILE *stream)
{
    hmlc_save_graph main = {.name = saver->module->name};
    if (saver->module->state_count > 0) {
        return hmlc_error_add(
            saver->module->diagnostics, HMLC_ERROR_not_implemented, NULL,
            "with --state zero it begins anew in each run",
            "the model keeps states from run to run, for which ONNX has no words");
    }
    saver->names = HMLC_NEW_ARRAY(saver->arena, const char *, saver->module->value_count + 1);
    HMLC_TRY_MEMORY(saver->names);
    saver->graph = &main;
    if (main.name == NULL || main.name[0] == '\0') {
        main.name = "graph"; /* the standard wants one */
    }
    save_interface(saver, &main);
    hmlc_save_region(saver, saver->module->main);
    main.outputs = save_outputs(saver, saver->module->main, saver->module->output_names);
    main.output_count = saver->module->main->last->operand_count;
    main.constants = saver->first_constant;
    HMLC_TRY(saver->status);
    if (saver->refused) {
        return HMLC_REFUSED;
    }
    if (hmlc_save_size(&main, options->producer_version) > INT32_MAX) {
        return hmlc_error_add(saver->module->diagnostics, HMLC_ERROR_not_implemented, NULL,
                              "weights of fewer bits make it smaller",
                              "the model would be larger than 2 GiB, which no reader of ONNX takes "
                              "as one file");
    }
    hmlc_save_write(&main, options->producer_version, stream);
    return HMLC_OK;
}

hmlc_status hmlc_onnx_save(hmlc_module *module, const hmlc_save_options *options, FILE *stream)
{
    hmlc_arena *arena = hmlc_arena_create(NULL);
    HMLC_TRY_MEMORY(arena);
    hmlc_saver saver = {.module = module,
                        .arena = arena,
                        .taken = hmlc_names_create(arena),
                        .node_names = hmlc_names_create(arena),
                        .dims = hmlc_names_create(arena)};
    hmlc_status status = save_with(&saver, options, stream);
    hmlc_arena_destroy(arena);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a model for cutting: its parts by position, its values by name. */
#include "onnx_cut.h"

#include <stdlib.h>
#include <string.h>

#include "importer/format.h"

/* -- values ------------------------------------------------------------------------------------ */

static hmlc_status grow_values(hmlc_cut *cut)
{
    void *grown = cut->value;
    if (!hmlc_arena_grow(cut->base.scratch, &grown, &cut->value_capacity, cut->value_count,
                         sizeof *cut->value)) {
        return HMLC_RESOURCE;
    }
    cut->value = grown;
    return HMLC_OK;
}

/* The index of a name's value, made when the name is new; NONE for "" and NULL. */
static hmlc_status value_of(hmlc_cut *cut, const char *name, uint32_t *index)
{
    *index = HMLC_CUT_NONE;
    if (name == NULL || name[0] == '\0') {
        return HMLC_OK;
    }
    uint32_t *known = hmlc_names_find(&cut->values, name);
    if (known != NULL) {
        *index = *known;
        return HMLC_OK;
    }
    HMLC_TRY(grow_values(cut));
    known = HMLC_NEW(cut->base.scratch, uint32_t);
    HMLC_TRY_MEMORY(known);
    *known = *index = cut->value_count++;
    cut->value[*index] = (hmlc_cut_value){.name = name, .producer = HMLC_CUT_NONE};
    return hmlc_names_set(&cut->values, name, known);
}

typedef struct read_list {
    hmlc_cut *cut;
    uint32_t *values; /* NULL: to be counted */
    uint32_t count;
} read_list;

static hmlc_status note_read(void *context, const char *name)
{
    read_list *list = context;
    uint32_t index;
    HMLC_TRY(value_of(list->cut, name, &index));
    if (list->values != NULL) {
        list->values[list->count] = index;
    }
    if (index != HMLC_CUT_NONE) {
        list->cut->value[index].read = true;
    }
    list->count++;
    return HMLC_OK;
}

static hmlc_status list_reads(hmlc_cut *cut, hmlc_cut_node *node, const Onnx__NodeProto *proto)
{
    hmlc_arena *scratch = cut->base.scratch;
    read_list list = {.cut = cut};
    HMLC_TRY(hmlc_onnx_visit_reads(scratch, proto, note_read, &list));
    node->reads = HMLC_NEW_ARRAY(scratch, uint32_t, list.count + 1);
    HMLC_TRY_MEMORY(node->reads);
    list = (read_list){.cut = cut, .values = node->reads};
    node->input_count = (uint32_t)proto->n_input;
    HMLC_TRY(hmlc_onnx_visit_reads(scratch, proto, note_read, &list));
    node->read_count = list.count;
    return HMLC_OK;
}

static hmlc_status list_writes(hmlc_cut *cut, uint32_t index, const Onnx__NodeProto *proto)
{
    hmlc_cut_node *node = &cut->nodes[index];
    node->writes = HMLC_NEW_ARRAY(cut->base.scratch, uint32_t, proto->n_output + 1);
    HMLC_TRY_MEMORY(node->writes);
    node->write_count = (uint32_t)proto->n_output;
    for (uint32_t i = 0; i < node->write_count; i++) {
        HMLC_TRY(value_of(cut, proto->output[i], &node->writes[i]));
        if (node->writes[i] != HMLC_CUT_NONE) {
            cut->value[node->writes[i]].producer = index;
        }
    }
    return HMLC_OK;
}

/* -- parts of the file ------------------------------------------------------------------------- */

/* The member with this number that comes first; an empty span without one. */
static hmlc_cut_span member_of(hmlc_cut_span message, uint64_t number)
{
    hmlc_wire_field field = {0};
    for (size_t at = 0; at < message.size &&
                        hmlc_wire_read_field(message.data, at, message.size, &field) == HMLC_OK;
         at = field.end) {
        if (field.number == number) {
            return (hmlc_cut_span){message.data + field.value, field.end - field.value};
        }
    }
    return (hmlc_cut_span){0};
}

/* The type of a ValueInfoProto. */
static hmlc_cut_span type_of(hmlc_cut_span info)
{
    return member_of(info, 2);
}

static hmlc_status note_initializer(hmlc_cut *cut, hmlc_cut_part *part,
                                    const Onnx__TensorProto *proto)
{
    HMLC_TRY(value_of(cut, proto != NULL ? proto->name : NULL, &part->value));
    if (part->value != HMLC_CUT_NONE) {
        cut->value[part->value].constant = true;
    }
    /* Data that cannot be read stays where the model says it is: a failure of its own. */
    if (proto != NULL && proto->data_location == 1 &&
        hmlc_onnx_tensor(&cut->base, proto, cut->base.where, &part->tensor) == HMLC_OK) {
        part->external = proto;
    }
    return HMLC_OK;
}

static hmlc_status note_port(hmlc_cut *cut, hmlc_cut_span span, const Onnx__ValueInfoProto *proto,
                             uint32_t *index)
{
    HMLC_TRY(value_of(cut, proto->name, index));
    if (*index != HMLC_CUT_NONE && cut->value[*index].declared.size == 0) {
        cut->value[*index].declared = type_of(span);
    }
    return HMLC_OK;
}

/* Counters run along the lists of the unpacked graph, whose order is that of the file. */
static hmlc_status note_part(hmlc_cut *cut, uint64_t number, hmlc_cut_span span)
{
    const Onnx__GraphProto *graph = cut->importer.model->graph;
    uint32_t index;
    switch (number) {
    case HMLC_CUT_NODE:
        cut->nodes[cut->node_count++].span = span;
        return HMLC_OK;
    case HMLC_CUT_INITIALIZER:
        index = cut->initializer_count++;
        cut->initializers[index].span = span;
        return note_initializer(cut, &cut->initializers[index], graph->initializer[index]);
    case HMLC_CUT_SPARSE:
        index = cut->sparse_count++;
        cut->sparse[index].span = span;
        return note_initializer(cut, &cut->sparse[index], graph->sparse_initializer[index]->values);
    case HMLC_CUT_INPUT:
        HMLC_TRY(note_port(cut, span, graph->input[cut->input_count], &index));
        cut->inputs[cut->input_count++] = index;
        if (index != HMLC_CUT_NONE) {
            cut->value[index].input = true;
        }
        return HMLC_OK;
    case HMLC_CUT_OUTPUT:
        HMLC_TRY(note_port(cut, span, graph->output[cut->output_count++], &index));
        if (index != HMLC_CUT_NONE) {
            cut->value[index].output = true;
        }
        return HMLC_OK;
    case HMLC_CUT_VALUE_INFO:
        index = cut->info_count++;
        cut->infos[index].span = span;
        return note_port(cut, span, graph->value_info[index], &cut->infos[index].value);
    default:
        return HMLC_OK;
    }
}

static hmlc_status make_room(hmlc_cut *cut)
{
    const Onnx__GraphProto *graph = cut->importer.model->graph;
    hmlc_arena *arena = cut->base.scratch;
    cut->nodes = HMLC_NEW_ARRAY(arena, hmlc_cut_node, graph->n_node + 1);
    cut->initializers = HMLC_NEW_ARRAY(arena, hmlc_cut_part, graph->n_initializer + 1);
    cut->sparse = HMLC_NEW_ARRAY(arena, hmlc_cut_part, graph->n_sparse_initializer + 1);
    cut->infos = HMLC_NEW_ARRAY(arena, hmlc_cut_part, graph->n_value_info + 1);
    cut->inputs = HMLC_NEW_ARRAY(arena, uint32_t, graph->n_input + 1);
    bool room = cut->nodes != NULL && cut->initializers != NULL && cut->sparse != NULL &&
                cut->infos != NULL && cut->inputs != NULL;
    return room ? HMLC_OK : HMLC_RESOURCE;
}

static hmlc_status index_parts(hmlc_cut *cut)
{
    enum { GRAPH = 7 };
    const hmlc_cut_span graph = member_of((hmlc_cut_span){cut->base.data, cut->base.size}, GRAPH);
    hmlc_wire_field field;
    for (size_t at = 0; at < graph.size; at = field.end) {
        HMLC_TRY(hmlc_wire_read_field(graph.data, at, graph.size, &field));
        HMLC_TRY(note_part(cut, field.number,
                           (hmlc_cut_span){graph.data + field.value, field.end - field.value}));
    }
    return HMLC_OK;
}

static hmlc_status index_nodes(hmlc_cut *cut)
{
    const Onnx__GraphProto *graph = cut->importer.model->graph;
    for (uint32_t i = 0; i < cut->node_count; i++) {
        HMLC_TRY(list_reads(cut, &cut->nodes[i], graph->node[i]));
        HMLC_TRY(list_writes(cut, i, graph->node[i]));
    }
    return HMLC_OK;
}

/* -- types ------------------------------------------------------------------------------------- */

/* What hmlc_cut_write_types left; ends where it was cut short. */
static hmlc_status read_types(hmlc_cut *cut, hmlc_cut_span types)
{
    hmlc_wire_field field;
    for (size_t at = 0; at < types.size; at = field.end) {
        if (hmlc_wire_read_field(types.data, at, types.size, &field) != HMLC_OK) {
            break;
        }
        hmlc_cut_span info = {types.data + field.value, field.end - field.value};
        hmlc_cut_span name = member_of(info, 1);
        const char *text =
            hmlc_arena_string_n(cut->base.scratch, (const char *)name.data, name.size);
        HMLC_TRY_MEMORY(text);
        const uint32_t *index = hmlc_names_find(&cut->values, text);
        if (index != NULL) {
            cut->value[*index].inferred = type_of(info);
        }
    }
    return HMLC_OK;
}

static bool same_type(const hmlc_cut_value *a, const hmlc_cut_value *b)
{
    const hmlc_cut_span *x = a->inferred.size > 0 ? &a->inferred : &a->declared;
    const hmlc_cut_span *y = b->inferred.size > 0 ? &b->inferred : &b->declared;
    return x->size == y->size && (x->size == 0 || memcmp(x->data, y->data, x->size) == 0);
}

/* An input of the output's type, or, where that is not known, the first that is computed. */
static void find_bypass(const hmlc_cut *cut, hmlc_cut_node *node)
{
    node->bypass = HMLC_CUT_NONE;
    const hmlc_cut_value *output = node->write_count > 0 && node->writes[0] != HMLC_CUT_NONE
                                       ? &cut->value[node->writes[0]]
                                       : NULL;
    for (uint32_t i = 0; output != NULL && i < node->input_count; i++) {
        uint32_t read = node->reads[i];
        bool unknown = output->inferred.size == 0 && output->declared.size == 0;
        if (read != HMLC_CUT_NONE && !cut->value[read].constant && &cut->value[read] != output &&
            (unknown || same_type(output, &cut->value[read]))) {
            node->bypass = read;
            return;
        }
    }
}

/* -- opening ----------------------------------------------------------------------------------- */

/* Nothing but ONNX can be cut. */
static hmlc_status check_format(const hmlc_importer *base, const char *path)
{
    uint32_t count;
    const hmlc_format *table = hmlc_format_table(&count);
    const hmlc_format *found = hmlc_format_find(table, count, base->data, base->size, path);
    if (found->import != hmlc_onnx_import) {
        return hmlc_error_add(base->module->diagnostics, HMLC_ERROR_format_unknown, base->where,
                              found->hint, "the file is no ONNX model: it is %s",
                              found->description);
    }
    return HMLC_OK;
}

static hmlc_status open_model(hmlc_cut *cut, const char *path, hmlc_cut_span types)
{
    cut->values = hmlc_names_create(cut->base.scratch);
    cut->importer.base = &cut->base;
    HMLC_TRY(check_format(&cut->base, path));
    HMLC_TRY(hmlc_onnx_open_model(&cut->importer));
    HMLC_TRY(make_room(cut));
    HMLC_TRY(index_parts(cut));
    HMLC_TRY(index_nodes(cut));
    HMLC_TRY(hmlc_onnx_note_external(&cut->importer));
    HMLC_TRY(read_types(cut, types));
    for (uint32_t i = 0; i < cut->node_count; i++) {
        find_bypass(cut, &cut->nodes[i]);
    }
    return HMLC_OK;
}

hmlc_status hmlc_cut_open(const char *path, const void *types, size_t types_size,
                          hmlc_module *module, hmlc_mapping **mapping, hmlc_cut **cut)
{
    hmlc_cut *opened = calloc(1, sizeof *opened);
    *cut = opened;
    *mapping = opened != NULL ? hmlc_mapping_create() : NULL;
    hmlc_status status = HMLC_RESOURCE;
    if (*mapping != NULL) {
        status = hmlc_importer_open(&opened->base, path, NULL, module, *mapping);
        status = status == HMLC_OK ? open_model(opened, path, (hmlc_cut_span){types, types_size})
                                   : status;
    }
    if (status == HMLC_RESOURCE && hmlc_diagnostics_error_count(module->diagnostics) == 0) {
        status = hmlc_error_add(module->diagnostics, HMLC_ERROR_out_of_memory, NULL, NULL,
                                "the model cannot be opened");
    }
    return status;
}

void hmlc_cut_release(hmlc_cut *cut)
{
    if (cut != NULL) {
        hmlc_importer_close(&cut->base);
        free(cut);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorLists and TensorArrays. Both are values here: a tensor [size, element...], of which a write
 * makes another one. A TensorArray's flow is that value, its handle what the array was at first.
 * Where the elements' shape is not known, the first write tells it.
 */
#include <inttypes.h>
#include <string.h>

#include "tensorflow_handle.h"
#include "tensorflow_import.h"

#define OUT       node->node.outputs[0]
#define IN(index) hmlc_tf_input(node, index)

static hmlc_tf_handle *new_list(hmlc_tf_node *node, hmlc_dim size, hmlc_value *data)
{
    hmlc_tf_handle *list = hmlc_tf_handle_create(node->importer->base->scratch, HMLC_TF_LIST);
    if (list == NULL) {
        node->importer->base->fatal = HMLC_RESOURCE;
        return NULL;
    }
    list->size = size;
    list->parts[0] = data;
    return list;
}

/* What a list becomes. */
static void give(hmlc_tf_node *node, hmlc_dim size, hmlc_value *data)
{
    hmlc_tf_handle *list = data != NULL ? new_list(node, size, data) : NULL;
    OUT = list != NULL ? &list->value : NULL;
}

/* The list in input `index`; of an array the flow, which comes last. */
static hmlc_tf_handle *list_in(hmlc_tf_node *node, uint32_t index)
{
    hmlc_tf_handle *list = hmlc_tf_handle_of(IN(index), HMLC_TF_LIST);
    if (list == NULL) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "input %" PRIu32 " is no list", index);
    }
    return list;
}

/* One with elements of a known shape. */
static hmlc_tf_handle *written_list(hmlc_tf_node *node, uint32_t index)
{
    hmlc_tf_handle *list = list_in(node, index);
    if (list != NULL && list->parts[0] == NULL) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "reads a list before anything is written to it");
        return NULL;
    }
    return list;
}

static hmlc_value *tensor_in(hmlc_tf_node *node, uint32_t index)
{
    hmlc_value *value = IN(index);
    if (value == NULL || hmlc_tf_is_handle(value)) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "input %" PRIu32 " is no tensor", index);
        return NULL;
    }
    return value;
}

static hmlc_value *zeros(hmlc_tf_node *node, hmlc_dtype dtype, const hmlc_dim *shape, uint32_t rank)
{
    hmlc_emitter *emit = &node->node.emit;
    return hmlc_emit_expand(emit, hmlc_emit_scalar(emit, dtype, 0), shape, rank);
}

/* A list of `size` elements of that shape. */
static hmlc_value *blank(hmlc_tf_node *node, hmlc_dim size, const hmlc_type *element)
{
    hmlc_dim shape[HMLC_MAX_RANK];
    if (element->rank >= HMLC_MAX_RANK) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL, "of elements of rank %d",
                     element->rank);
        return NULL;
    }
    shape[0] = size;
    for (int32_t i = 0; i < element->rank; i++) {
        shape[i + 1] = element->dims[i];
    }
    return zeros(node, element->dtype, shape, (uint32_t)element->rank + 1);
}

/* -- making ------------------------------------------------------------------------------------ */

static bool size_in(hmlc_tf_node *node, uint32_t index, hmlc_dim *size)
{
    uint32_t count = 0;
    hmlc_value *value = tensor_in(node, index);
    const hmlc_dim *elements =
        value != NULL ? hmlc_emit_elements(&node->node.emit, value, &count) : NULL;
    if (value != NULL && (elements == NULL || count != 1)) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "of a size known only at run time is not supported");
    }
    *size = elements != NULL ? elements[0] : NULL;
    return *size != NULL && hmlc_tf_ok(node);
}

/* Inputs: the element's shape, the size. Where all of the shape is known the list is zeros. */
void hmlc_tf_import_list_reserve(hmlc_tf_node *node)
{
    hmlc_dim size, shape[HMLC_MAX_RANK];
    uint32_t count = 0;
    hmlc_dtype dtype = hmlc_tf_dtype_attr(node, "element_dtype", HMLC_DTYPE_f32);
    if (!size_in(node, 1, &size)) {
        return;
    }
    hmlc_value *given = tensor_in(node, 0), *data = NULL;
    const hmlc_dim *elements =
        given != NULL ? hmlc_emit_elements(&node->node.emit, given, &count) : NULL;
    bool known = elements != NULL && given->type->rank == 1 && count < HMLC_MAX_RANK;
    shape[0] = size;
    for (uint32_t i = 0; known && i < count; i++) {
        int64_t dim = 0;
        known = !hmlc_dim_is_constant(elements[i], &dim) || dim >= 0;
        shape[i + 1] = elements[i];
    }
    if (known) {
        data = zeros(node, dtype, shape, count + 1);
    }
    hmlc_tf_handle *list = new_list(node, size, data);
    OUT = list != NULL ? &list->value : NULL;
}

/* Inputs: the element's shape, the most elements. */
void hmlc_tf_import_empty_list(hmlc_tf_node *node)
{
    hmlc_tf_handle *list = new_list(node, hmlc_emit_number(&node->node.emit, 0), NULL);
    (void)hmlc_tf_dtype_attr(node, "element_dtype", HMLC_DTYPE_f32); /* refuses other types */
    OUT = list != NULL ? &list->value : NULL;
}

/* Inputs: a tensor, the element's shape. */
void hmlc_tf_import_list_from_tensor(hmlc_tf_node *node)
{
    hmlc_value *x = tensor_in(node, 0);
    if (x != NULL && x->type->rank > 0) {
        give(node, x->type->dims[0], x);
    }
}

/* Input: the size. Results: the handle and the flow. */
void hmlc_tf_import_array(hmlc_tf_node *node)
{
    hmlc_dim size;
    (void)hmlc_tf_dtype_attr(node, "dtype", HMLC_DTYPE_f32); /* refuses other types */
    if (hmlc_node_int(&node->node, "dynamic_size", 0) != 0) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, "give the array its size",
                     "of a size that grows is not supported");
        return;
    }
    if (size_in(node, 0, &size)) {
        hmlc_tf_handle *list = new_list(node, size, NULL);
        OUT = list != NULL ? &list->value : NULL;
        node->node.outputs[1] = OUT;
    }
}

/* -- writing ----------------------------------------------------------------------------------- */

static void write_item(hmlc_tf_node *node, const hmlc_tf_handle *list, uint32_t index,
                       uint32_t item)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_value *at = tensor_in(node, index), *x = tensor_in(node, item);
    if (list == NULL || at == NULL || x == NULL) {
        return;
    }
    hmlc_value *data = list->parts[0] != NULL ? list->parts[0] : blank(node, list->size, x->type);
    at = hmlc_emit_cast(emit, hmlc_emit_reshape(emit, at, NULL, 0), HMLC_DTYPE_i64);
    x = hmlc_emit_unsqueeze(emit, x, 0);
    if (data != NULL && x != NULL && at != NULL) {
        give(node, list->size,
             hmlc_emit(emit, HMLC_OP_update_rows, HMLC_OPERANDS(data, x, at), HMLC_NO_ATTRS));
    }
}

/* Inputs: the list, an index, an item. */
void hmlc_tf_import_list_set(hmlc_tf_node *node)
{
    write_item(node, list_in(node, 0), 1, 2);
}

/* Inputs: the handle, an index, an item, the flow. */
void hmlc_tf_import_array_write(hmlc_tf_node *node)
{
    write_item(node, list_in(node, 3), 1, 2);
}

/* Inputs: the list, an item that is added at its end. */
void hmlc_tf_import_list_push(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    const hmlc_tf_handle *list = list_in(node, 0);
    hmlc_value *x = tensor_in(node, 1);
    x = x != NULL ? hmlc_emit_unsqueeze(emit, x, 0) : NULL;
    if (list == NULL || x == NULL) {
        return;
    }
    hmlc_value *const both[] = {list->parts[0], x};
    hmlc_dims *table = hmlc_emit_table(emit);
    hmlc_dim size = hmlc_dim_add(table, list->size, hmlc_emit_number(emit, 1));
    give(node, size, list->parts[0] != NULL ? hmlc_emit_concat(emit, both, 2, 0) : x);
}

/* All elements at once: `x` where the indices are 0, 1 ... in order, as is usual; else scattered.
 */
static void scatter(hmlc_tf_node *node, const hmlc_tf_handle *list, hmlc_value *indices,
                    hmlc_value *x)
{
    hmlc_emitter *emit = &node->node.emit;
    uint32_t count = 0;
    if (indices == NULL || x == NULL || x->type->rank < 1) {
        return;
    }
    const hmlc_dim *elements = hmlc_emit_elements(emit, indices, &count);
    bool ordered = indices->producer != NULL && indices->producer->opcode == HMLC_OP_range;
    for (uint32_t i = 0; elements != NULL && i < count; i++) {
        ordered = (i == 0 || ordered) && hmlc_dim_is(elements[i], i);
    }
    hmlc_dim size = list != NULL ? list->size : x->type->dims[0];
    if (ordered && hmlc_dim_known_equal(hmlc_emit_table(emit), size, x->type->dims[0])) {
        give(node, size, x);
        return;
    }
    hmlc_type element = {.kind = HMLC_KIND_TENSOR,
                         .dtype = x->type->dtype,
                         .rank = x->type->rank - 1,
                         .dims = x->type->dims + 1};
    hmlc_value *data =
        list != NULL && list->parts[0] != NULL ? list->parts[0] : blank(node, size, &element);
    indices = hmlc_emit_cast(emit, hmlc_emit_unsqueeze(emit, indices, 1), HMLC_DTYPE_i64);
    if (data != NULL && indices != NULL) {
        give(node, size,
             hmlc_emit(emit, HMLC_OP_scatter_nd, HMLC_OPERANDS(data, indices, x), HMLC_NO_ATTRS));
    }
}

/* Inputs: the handle, indices, a tensor, the flow. */
void hmlc_tf_import_array_scatter(hmlc_tf_node *node)
{
    const hmlc_tf_handle *list = list_in(node, 3);
    if (list != NULL) {
        scatter(node, list, tensor_in(node, 1), tensor_in(node, 2));
    }
}

/* Inputs: the list, a tensor, indices. */
void hmlc_tf_import_list_scatter(hmlc_tf_node *node)
{
    const hmlc_tf_handle *list = list_in(node, 0);
    if (list != NULL) {
        scatter(node, list, tensor_in(node, 2), tensor_in(node, 1));
    }
}

/* -- reading ----------------------------------------------------------------------------------- */

static void read_items(hmlc_tf_node *node, const hmlc_tf_handle *list, uint32_t index)
{
    hmlc_value *at = tensor_in(node, index);
    if (list != NULL && at != NULL) {
        OUT = hmlc_emit(&node->node.emit, HMLC_OP_gather, HMLC_OPERANDS(list->parts[0], at),
                        HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0)));
    }
}

/* Inputs: the list, an index or indices, the element's shape. */
void hmlc_tf_import_list_get(hmlc_tf_node *node)
{
    read_items(node, written_list(node, 0), 1);
}

/* Inputs: the handle, an index or indices, the flow. */
void hmlc_tf_import_array_read(hmlc_tf_node *node)
{
    uint32_t count = 0;
    const hmlc_tf_handle *list = written_list(node, 2);
    hmlc_value *at = list != NULL ? tensor_in(node, 1) : NULL;
    if (at == NULL) {
        return;
    }
    /* Range(0, size): all of it. */
    const hmlc_dim *elements = hmlc_emit_elements(&node->node.emit, at, &count);
    bool whole =
        elements == NULL && at->producer != NULL && at->producer->opcode == HMLC_OP_range &&
        hmlc_dim_known_equal(hmlc_emit_table(&node->node.emit), at->type->dims[0], list->size);
    if (whole) {
        OUT = list->parts[0];
        return;
    }
    read_items(node, list, 1);
}

/* Inputs: the list, the element's shape. */
void hmlc_tf_import_list_stack(hmlc_tf_node *node)
{
    const hmlc_tf_handle *list = written_list(node, 0);
    OUT = list != NULL ? list->parts[0] : NULL;
}

/* The elements behind each other along their first dim. */
static void join(hmlc_tf_node *node, const hmlc_tf_handle *list)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_dim shape[HMLC_MAX_RANK];
    if (list == NULL) {
        return;
    }
    const hmlc_type *type = list->parts[0]->type;
    if (type->rank < 2) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "joins scalars");
        return;
    }
    shape[0] = hmlc_dim_multiply(hmlc_emit_table(emit), type->dims[0], type->dims[1]);
    for (int32_t i = 2; i < type->rank; i++) {
        shape[i - 1] = type->dims[i];
    }
    OUT = hmlc_emit_reshape(emit, list->parts[0], shape, (uint32_t)type->rank - 1);
}

void hmlc_tf_import_list_concat(hmlc_tf_node *node)
{
    join(node, written_list(node, 0));
}

/* Inputs: the handle, the flow. */
void hmlc_tf_import_array_concat(hmlc_tf_node *node)
{
    join(node, written_list(node, 1));
}

static void give_size(hmlc_tf_node *node, const hmlc_tf_handle *list)
{
    OUT = list != NULL ? hmlc_emit_dim(&node->node.emit, list->size, HMLC_DTYPE_i32) : NULL;
}

void hmlc_tf_import_list_length(hmlc_tf_node *node)
{
    give_size(node, list_in(node, 0));
}

void hmlc_tf_import_array_size(hmlc_tf_node *node)
{
    give_size(node, list_in(node, 1));
}

/* Inputs: the list, the element's shape. Results: the list without its last element, and that. */
void hmlc_tf_import_list_pop(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    const hmlc_tf_handle *list = written_list(node, 0);
    if (list == NULL) {
        return;
    }
    hmlc_dim one = hmlc_emit_number(emit, 1), zero = hmlc_emit_number(emit, 0);
    hmlc_dim rest = hmlc_dim_subtract(hmlc_emit_table(emit), list->size, one);
    hmlc_value *last = hmlc_emit_slice_axis(emit, list->parts[0], 0, rest, one);
    give(node, rest, hmlc_emit_slice_axis(emit, list->parts[0], 0, zero, rest));
    node->node.outputs[1] = last != NULL ? hmlc_emit_squeeze(emit, last, 0) : NULL;
}

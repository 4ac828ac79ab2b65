/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranks of inputs without a shape, where they follow from use: one walk over the nodes, last to
 * first, notes the rank that a node wants of its inputs, or gives them from that of its result.
 */
#include "onnx_import.h"
#include "onnx_node.h"

#include <string.h>

/* How an input's rank follows. */
typedef enum rank_rule {
    RANK_IS,         /* the number itself */
    RANK_OF_LIST,    /* entries of an attribute, plus the number */
    RANK_OF_PADS,    /* half of the entries of attribute pads */
    RANK_OF_INPUT,   /* the rank of that input */
    RANK_OF_LENGTH,  /* the length of that input, an initializer */
    RANK_OF_RESULT,  /* that of the result */
    RANK_AS_PRODUCT, /* that of the result, where the input of that number is a matrix */
} rank_rule;

static const struct {
    const char *op;
    uint32_t input;
    rank_rule rule;
    int32_t number;
    const char *attribute;
} rules[] = {
    {"Conv", 0, RANK_OF_INPUT, 1, NULL},
    {"Conv", 0, RANK_OF_LIST, 2, "kernel_shape"},
    {"ConvTranspose", 0, RANK_OF_INPUT, 1, NULL},
    {"ConvTranspose", 0, RANK_OF_LIST, 2, "kernel_shape"},
    {"ConvInteger", 0, RANK_OF_INPUT, 1, NULL},
    {"QLinearConv", 0, RANK_OF_INPUT, 3, NULL},
    {"MaxPool", 0, RANK_OF_LIST, 2, "kernel_shape"},
    {"AveragePool", 0, RANK_OF_LIST, 2, "kernel_shape"},
    {"LpPool", 0, RANK_OF_LIST, 2, "kernel_shape"},
    {"Transpose", 0, RANK_OF_LIST, 0, "perm"},
    {"Pad", 0, RANK_OF_PADS, 0, "pads"},
    {"Upsample", 0, RANK_OF_LIST, 0, "scales"},
    {"Upsample", 0, RANK_OF_LENGTH, 1, NULL},
    {"Tile", 0, RANK_OF_LENGTH, 1, NULL},
    {"Gemm", 0, RANK_IS, 2, NULL},
    {"Gemm", 1, RANK_IS, 2, NULL},
    {"DepthToSpace", 0, RANK_IS, 4, NULL},
    {"SpaceToDepth", 0, RANK_IS, 4, NULL},
    {"GRU", 0, RANK_IS, 3, NULL},
    {"GRU", 4, RANK_IS, 1, NULL},
    {"GRU", 5, RANK_IS, 3, NULL},
    {"LSTM", 0, RANK_IS, 3, NULL},
    {"LSTM", 4, RANK_IS, 1, NULL},
    {"LSTM", 5, RANK_IS, 3, NULL},
    {"LSTM", 6, RANK_IS, 3, NULL},
    {"If", 0, RANK_IS, 0, NULL},
    {"MatMul", 0, RANK_AS_PRODUCT, 1, NULL},
    {"BatchNormalization", 0, RANK_OF_RESULT, 0, NULL},
    {"Cast", 0, RANK_OF_RESULT, 0, NULL},
    {"Clip", 0, RANK_OF_RESULT, 0, NULL},
    {"DequantizeLinear", 0, RANK_OF_RESULT, 0, NULL},
    {"Dropout", 0, RANK_OF_RESULT, 0, NULL},
    {"Identity", 0, RANK_OF_RESULT, 0, NULL},
    {"InstanceNormalization", 0, RANK_OF_RESULT, 0, NULL},
    {"LRN", 0, RANK_OF_RESULT, 0, NULL},
    {"LayerNormalization", 0, RANK_OF_RESULT, 0, NULL},
    {"LogSoftmax", 0, RANK_OF_RESULT, 0, NULL},
    {"QuantizeLinear", 0, RANK_OF_RESULT, 0, NULL},
    {"Slice", 0, RANK_OF_RESULT, 0, NULL},
    {"Softmax", 0, RANK_OF_RESULT, 0, NULL},
    {"Split", 0, RANK_OF_RESULT, 0, NULL},
};

enum { RULE_COUNT = sizeof rules / sizeof rules[0], UNKNOWN_RANK = -1 };

/* What is known of one name. */
typedef struct known_rank {
    int32_t rank;
    int64_t length; /* elements of an initializer, -1 for others */
} known_rank;

static int32_t rank_of(const hmlc_onnx_importer *importer, const char *name)
{
    const known_rank *known = hmlc_names_find(&importer->ranks, name);
    return known != NULL ? known->rank : UNKNOWN_RANK;
}

static void note(hmlc_onnx_importer *importer, const char *name, int64_t rank, int64_t length)
{
    if (rank < 0 || rank > HMLC_MAX_RANK || name == NULL || name[0] == '\0' ||
        hmlc_names_find(&importer->ranks, name) != NULL) {
        return;
    }
    known_rank *known = HMLC_NEW(importer->base->scratch, known_rank);
    if (known == NULL || hmlc_names_set(&importer->ranks, name, known) != HMLC_OK) {
        importer->base->fatal = HMLC_RESOURCE;
        return;
    }
    *known = (known_rank){.rank = (int32_t)rank, .length = length};
}

static void note_declared(hmlc_onnx_importer *importer, Onnx__ValueInfoProto *const *values,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const Onnx__TypeProto *type = values[i]->type;
        const Onnx__TensorShapeProto *shape =
            type != NULL && type->tensor_type != NULL ? type->tensor_type->shape : NULL;
        if (shape != NULL) {
            note(importer, values[i]->name, (int64_t)shape->n_dim, -1);
        }
    }
}

static const Onnx__AttributeProto *attribute_of(const Onnx__NodeProto *node, const char *name)
{
    for (size_t i = 0; i < node->n_attribute; i++) {
        if (node->attribute[i]->name != NULL && strcmp(node->attribute[i]->name, name) == 0) {
            return node->attribute[i];
        }
    }
    return NULL;
}

static int64_t apply_rule(const hmlc_onnx_importer *importer, const Onnx__NodeProto *node,
                          size_t index)
{
    rank_rule rule = rules[index].rule;
    int32_t number = rules[index].number;
    if (rule == RANK_IS) {
        return number;
    }
    if (rule == RANK_OF_LIST || rule == RANK_OF_PADS) {
        const Onnx__AttributeProto *list = attribute_of(node, rules[index].attribute);
        int64_t entries = list != NULL ? (int64_t)(list->n_ints + list->n_floats) : 0;
        return entries == 0 ? UNKNOWN_RANK : rule == RANK_OF_PADS ? entries / 2 : entries + number;
    }
    int32_t result = node->n_output > 0 ? rank_of(importer, node->output[0]) : UNKNOWN_RANK;
    if (rule == RANK_OF_RESULT) {
        return result;
    }
    const char *other = (size_t)number < node->n_input ? node->input[number] : "";
    const known_rank *known = hmlc_names_find(&importer->ranks, other);
    if (known == NULL) {
        return UNKNOWN_RANK;
    }
    if (rule == RANK_AS_PRODUCT) {
        return known->rank == 2 ? result : UNKNOWN_RANK;
    }
    return rule == RANK_OF_INPUT ? known->rank : known->length;
}

/* An operand of an elementwise operator has the result's rank unless another one may give it. */
static void note_elementwise(hmlc_onnx_importer *importer, const Onnx__NodeProto *node)
{
    int32_t result = node->n_output > 0 ? rank_of(importer, node->output[0]) : UNKNOWN_RANK;
    for (size_t i = 0; i < node->n_input && i < 2; i++) {
        int32_t other = node->n_input == 2 ? rank_of(importer, node->input[1 - i]) : 0;
        if (other != UNKNOWN_RANK && (other < result || node->n_input == 1)) {
            note(importer, node->input[i], result, -1);
        }
    }
}

static void note_operands(hmlc_onnx_importer *importer, const Onnx__NodeProto *node)
{
    const char *type = node->op_type != NULL ? node->op_type : "";
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (strcmp(rules[i].op, type) == 0 && rules[i].input < node->n_input) {
            note(importer, node->input[rules[i].input], apply_rule(importer, node, i), -1);
        }
    }
    const hmlc_onnx_op *row = hmlc_names_find(&importer->operators, type);
    if (row != NULL && row->opcode < HMLC_OP_COUNT &&
        (hmlc_op_get_info(row->opcode)->traits & HMLC_TRAIT_ELEMENTWISE) != 0) {
        note_elementwise(importer, node);
    }
}

int32_t hmlc_onnx_rank_by_use(hmlc_onnx_importer *importer, const char *name)
{
    const Onnx__GraphProto *graph = importer->model->graph;
    if (importer->ranks.arena == NULL) {
        importer->ranks = hmlc_names_create(importer->base->scratch);
        for (size_t i = 0; i < graph->n_initializer; i++) {
            const Onnx__TensorProto *tensor = graph->initializer[i];
            int64_t length = tensor->n_dims == 1 ? tensor->dims[0] : -1;
            note(importer, tensor->name, (int64_t)tensor->n_dims, length);
        }
        note_declared(importer, graph->input, graph->n_input);
        note_declared(importer, graph->output, graph->n_output);
        note_declared(importer, graph->value_info, graph->n_value_info);
        for (size_t i = graph->n_node; i > 0 && importer->base->fatal == HMLC_OK; i--) {
            note_operands(importer, graph->node[i - 1]);
        }
    }
    return rank_of(importer, name);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A node against its row of onnx_ops.def: operator and opset, attributes, arity, element types. */
#include "onnx_import.h"
#include "onnx_node.h"

#include <stdio.h>
#include <string.h>

#include "onnx_types.h"

static const char microsoft[] = "com.microsoft";

static const hmlc_onnx_op table[] = {
#define ONNX_OP(name, since, until, function, opcode, inputs, types, outputs, attributes)          \
    {#name,   since,      until, hmlc_onnx_import_##function, HMLC_OP_##opcode, inputs, types,     \
     outputs, attributes, NULL},
#define ONNX_REFUSED(name, since, until, inputs, types, outputs, attributes)                       \
    {#name, since, until, NULL, HMLC_OP_COUNT, inputs, types, outputs, attributes, NULL},
#define ONNX_MICROSOFT(name, function, opcode, inputs, types, outputs, attributes)                 \
    {#name,   1,          1,        hmlc_onnx_import_##function, HMLC_OP_##opcode, inputs, types,  \
     outputs, attributes, microsoft},
#include "onnx_ops.def"
#undef ONNX_MICROSOFT
#undef ONNX_OP
#undef ONNX_REFUSED
};

enum { ROW_COUNT = sizeof table / sizeof table[0] };

const hmlc_onnx_op *hmlc_onnx_op_at(uint32_t index)
{
    return index < ROW_COUNT ? &table[index] : NULL;
}

hmlc_status hmlc_onnx_index_ops(hmlc_onnx_importer *importer)
{
    union {
        const hmlc_onnx_op *readable;
        void *any;
    } row;
    importer->operators = hmlc_names_create(importer->base->scratch);
    for (size_t i = 0; i < ROW_COUNT; i++) {
        row.readable = &table[i];
        bool first = i == 0 || strcmp(table[i - 1].name, table[i].name) != 0;
        if (first && table[i].domain == NULL) {
            HMLC_TRY(hmlc_names_set(&importer->operators, table[i].name, row.any));
        }
    }
    return HMLC_OK;
}

static const char *next_operator(void *context)
{
    size_t *row = context;
    return *row < ROW_COUNT ? table[(*row)++].name : NULL;
}

static const hmlc_onnx_op *unknown_op(hmlc_onnx_importer *importer, const char *type,
                                      const hmlc_location *where)
{
    enum { MOST_SUGGESTIONS = 100 }; /* each looks at every operator's name */
    size_t first_row = 0;
    const char *similar = NULL;
    if (importer->suggestions < MOST_SUGGESTIONS) {
        importer->suggestions++;
        similar = hmlc_names_similar(type, next_operator, &first_row);
    }
    char hint[128] = "express it through standard operators before the export";
    if (similar != NULL) {
        (void)snprintf(hint, sizeof hint, "did you mean %s?", similar);
    }
    (void)hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_op_unknown, where, hint,
                         "no operator is called '%s' in the ONNX standard", type);
    return NULL;
}

/* The row of an operator of another domain; NULL: none. */
static const hmlc_onnx_op *row_of_domain(const Onnx__NodeProto *node, const char *type)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (table[i].domain != NULL && strcmp(table[i].domain, node->domain) == 0 &&
            strcmp(table[i].name, type) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static const hmlc_onnx_op *foreign_op(hmlc_onnx_importer *importer, const Onnx__NodeProto *node,
                                      const hmlc_location *where)
{
    const char *function =
        hmlc_arena_printf(importer->base->module->arena, "%s:%s", node->domain, node->op_type);
    if (function != NULL && hmlc_names_find(&importer->functions, function) != NULL) {
        (void)hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_not_implemented, where,
                             "inline functions before: onnx.inliner.inline_local_functions",
                             "calls the model-local function '%s'", node->op_type);
        return NULL;
    }
    const char *hint = "express it through standard operators before the export";
    if (strcmp(node->domain, "com.microsoft") == 0) {
        hint = "use the model before ONNX Runtime fused or quantized it";
    } else if (strcmp(node->domain, "ai.onnx.ml") == 0) {
        hint = "classical models (trees, scalers, encoders) cannot be imported from ONNX yet";
    }
    (void)hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_op_unsupported, where,
                         hint, "operator '%s' of domain '%s' is not supported", node->op_type,
                         node->domain);
    return NULL;
}

static const hmlc_onnx_op *outside_opset(hmlc_onnx_importer *importer, const hmlc_onnx_op *first,
                                         const hmlc_location *where)
{
    const hmlc_onnx_op *last = first;
    while (last + 1 < table + ROW_COUNT && strcmp(last[1].name, first->name) == 0) {
        last++;
    }
    bool too_old = importer->opset < first->since;
    if (too_old && importer->opset < HMLC_ONNX_OLDEST_OPSET &&
        first->since <= HMLC_ONNX_OLDEST_OPSET) {
        (void)hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_not_implemented, where,
                             "convert it: onnx.version_converter.convert_version(model, 17)",
                             "%s is supported from opset %d on; the model's opset is %lld",
                             first->name, first->since, (long long)importer->opset);
        return NULL;
    }
    (void)hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_op_unknown, where,
                         "correct the model's opset_import, or convert it to another opset",
                         "%s exists %s opset %d; the model's opset is %lld", first->name,
                         too_old ? "from" : "up to", too_old ? first->since : last->until,
                         (long long)importer->opset);
    return NULL;
}

const hmlc_onnx_op *hmlc_onnx_find_op(hmlc_onnx_importer *importer, const Onnx__NodeProto *node,
                                      const hmlc_location *where)
{
    const char *type = node->op_type != NULL ? node->op_type : "";
    if (node->domain != NULL && node->domain[0] != '\0' && strcmp(node->domain, "ai.onnx") != 0) {
        const hmlc_onnx_op *row = row_of_domain(node, type);
        return row != NULL ? row : foreign_op(importer, node, where);
    }
    const hmlc_onnx_op *first = hmlc_names_find(&importer->operators, type);
    if (importer->opset == 0) { /* as ONNX Runtime */
        importer->opset = HMLC_ONNX_NEWEST_OPSET;
        hmlc_warning_add(importer->base->module->diagnostics, HMLC_ERROR_version_newer, where,
                         "add the domain '' to the model's opset_import",
                         "the model names no opset of the ONNX standard; read as opset %d",
                         HMLC_ONNX_NEWEST_OPSET);
    }
    if (first == NULL) {
        return unknown_op(importer, type, where);
    }
    const hmlc_onnx_op *row = first;
    while (row < table + ROW_COUNT && strcmp(row->name, first->name) == 0 &&
           (importer->opset < row->since || importer->opset > row->until)) {
        row++;
    }
    if (row == table + ROW_COUNT || strcmp(row->name, first->name) != 0) {
        return outside_opset(importer, first, where);
    }
    if (row->import == NULL) {
        (void)hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_op_unsupported, where,
                             "express it through other operators before the export",
                             "operator %s (opset %lld) is not supported", type,
                             (long long)importer->opset);
        return NULL;
    }
    return row;
}

/* Attributes: "name:kind", with ! when required, separated by blanks. */

typedef struct attr_kind {
    char letter;
    const char *name;
    int32_t number; /* AttributeProto.type */
} attr_kind;

static const attr_kind attr_kinds[] = {
    {'f', "a float", 1},           {'i', "an int", 2},
    {'s', "a string", 3},          {'t', "a tensor", 4},
    {'g', "a graph", 5},           {'F', "a list of floats", 6},
    {'I', "a list of ints", 7},    {'S', "a list of strings", 8},
    {'T', "a list of tensors", 9}, {'G', "a list of graphs", 10},
    {'p', "a sparse tensor", 11},  {'y', "a type", 13},
};

static const attr_kind *kind_of_letter(char letter)
{
    const attr_kind *kind = attr_kinds;
    while (kind->letter != letter) {
        kind++;
    }
    return kind;
}

static const char *kind_name(int32_t number)
{
    for (size_t i = 0; i < sizeof attr_kinds / sizeof attr_kinds[0]; i++) {
        if (attr_kinds[i].number == number) {
            return attr_kinds[i].name;
        }
    }
    return "of unknown kind";
}

/* The kind that the fields give, for files that leave `type` out (IR version 1). */
static int32_t kind_of_attribute(const Onnx__AttributeProto *attribute)
{
    if (attribute->has_type && attribute->type != 0) {
        return attribute->type;
    }
    if (attribute->has_f) {
        return 1;
    }
    if (attribute->has_i) {
        return 2;
    }
    if (attribute->has_s) {
        return 3;
    }
    if (attribute->t != NULL) {
        return 4;
    }
    if (attribute->g != NULL) {
        return 5;
    }
    return attribute->n_floats > 0 ? 6 : attribute->n_strings > 0 ? 8 : 7;
}

/* The text behind "name:" of an attribute in a row; NULL where the row has no such attribute. */
static const char *find_spec(const char *specs, const char *name)
{
    size_t length = strlen(name);
    for (const char *spec = specs; *spec != '\0';) {
        if (strncmp(spec, name, length) == 0 && spec[length] == ':') {
            return spec + length + 1;
        }
        spec += strcspn(spec, " ");
        spec += strspn(spec, " ");
    }
    return NULL;
}

static void check_attribute(hmlc_node *node, size_t index)
{
    const hmlc_onnx_node *self = hmlc_onnx_self(node);
    const Onnx__AttributeProto *attribute = self->proto->attribute[index];
    const char *name = attribute->name != NULL ? attribute->name : "";
    const char *spec = find_spec(self->op->attributes, name);
    if (spec == NULL) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid,
                       self->op->attributes[0] != '\0' ? "the opset of the model may be wrong"
                                                       : "the operator has no attributes",
                       "has no attribute '%s' in this opset", name);
        return;
    }
    const attr_kind *kind = kind_of_letter(*spec);
    int32_t found = kind_of_attribute(attribute);
    bool missing_part =
        (found == 4 && attribute->t == NULL) || (found == 5 && attribute->g == NULL);
    if (found != kind->number || missing_part) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "attribute '%s' must be %s, but is %s", name, kind->name,
                       missing_part ? "empty" : kind_name(found));
    }
    if (attribute->ref_attr_name != NULL && attribute->ref_attr_name[0] != '\0') {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "attribute '%s' refers to attribute '%s' outside a function", name,
                       attribute->ref_attr_name);
    }
    for (size_t i = 0; i < index; i++) {
        const char *other = self->proto->attribute[i]->name;
        if (other != NULL && strcmp(other, name) == 0) {
            hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                           "attribute '%s' is given twice", name);
        }
    }
}

static void check_required(hmlc_node *node)
{
    for (const char *spec = hmlc_onnx_self(node)->op->attributes; *spec != '\0';) {
        size_t name_length = strcspn(spec, ":");
        size_t length = strcspn(spec, " ");
        char name[64];
        (void)snprintf(name, sizeof name, "%.*s", (int)name_length, spec);
        if (spec[length - 1] == '!' && hmlc_onnx_attr(node, name) == NULL) {
            hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                           "required attribute '%s' is missing", name);
        }
        spec += length + strspn(spec + length, " ");
    }
}

/* An operator has fewer attributes than this; more are junk, and would make the checks quadratic.
 */
enum { MOST_ATTRIBUTES = 64 };

hmlc_status hmlc_onnx_check_attributes(hmlc_node *node)
{
    const hmlc_onnx_node *self = hmlc_onnx_self(node);
    if (self->proto->n_attribute > MOST_ATTRIBUTES) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL, "has %zu attributes",
                       self->proto->n_attribute);
        return node->emit.status;
    }
    for (size_t i = 0; i < self->proto->n_attribute; i++) {
        check_attribute(node, i);
    }
    check_required(node);
    return node->emit.status;
}

/* Inputs: one letter per formal input, its type variable, followed by ? (optional), * (any number,
 * at least one, one type), ~ (any number, at least one, any types) or ~0 (any number). */

uint32_t hmlc_onnx_formal_inputs(const hmlc_onnx_op *op)
{
    uint32_t count = 0;
    for (const char *formal = op->inputs; *formal != '\0'; formal++) {
        count += *formal >= 'A' && *formal <= 'Z';
        count -= *formal == '*' || *formal == '~';
    }
    return count;
}

static bool is_variadic(const hmlc_onnx_op *op)
{
    return strpbrk(op->inputs, "*~") != NULL;
}

hmlc_status hmlc_onnx_check_arity(hmlc_node *node)
{
    const hmlc_onnx_node *self = hmlc_onnx_self(node);
    const hmlc_onnx_op *op = self->op;
    size_t given = self->proto->n_input;
    uint32_t formal = hmlc_onnx_formal_inputs(op);
    if (given > formal && !is_variadic(op)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "has %zu inputs, but takes at most %u",
                       given, formal);
    }
    if (op->most_outputs >= 0 && self->proto->n_output > (size_t)op->most_outputs) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "has %zu outputs, but gives at most %d", self->proto->n_output,
                       op->most_outputs);
    }
    uint32_t index = 0;
    for (const char *formals = op->inputs; *formals != '\0'; formals++) {
        if (*formals < 'A' || *formals > 'Z') {
            continue;
        }
        bool absent = index >= given || self->proto->input[index][0] == '\0';
        bool may_be_absent = formals[1] == '?' || (formals[1] == '~' && formals[2] == '0');
        if (absent && !may_be_absent) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "input %u is missing", index);
        }
        index++;
    }
    return node->emit.status;
}

static void format_types(const char *letters, size_t length, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < length && used < size; i++) {
        hmlc_dtype dtype;
        if (hmlc_onnx_dtype_of_letter(letters[i], &dtype)) {
            int written = snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "",
                                   hmlc_dtype_name(dtype));
            used += written > 0 ? (size_t)written : 0;
        }
    }
}

/* The set of a type variable: variable A is the first of the row's sets, which | separates. */
static const char *type_set(const hmlc_onnx_op *op, char variable, size_t *length)
{
    const char *set = op->types;
    for (char letter = 'A'; letter < variable; letter++) {
        set += strcspn(set, "|") + 1;
    }
    *length = strcspn(set, "|");
    return set;
}

typedef struct type_check {
    hmlc_node *node;
    int64_t bound[26]; /* input that fixed the variable, or -1 */
} type_check;

static void check_type(type_check *check, uint32_t index, char variable, bool any)
{
    hmlc_node *node = check->node;
    size_t length;
    const char *set = type_set(hmlc_onnx_self(node)->op, variable, &length);
    hmlc_dtype dtype = node->inputs[index]->type->dtype;
    char letter = hmlc_onnx_letter_of_dtype(dtype);
    const char *name = hmlc_node_input_name(node, index);
    if (letter == '\0' || memchr(set, letter, length) == NULL) {
        char text[128];
        format_types(set, length, text, sizeof text);
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, "insert a Cast, or correct the opset",
                       "input %u ('%s') is %s; this operator takes %s in this opset", index, name,
                       hmlc_dtype_name(dtype), text);
        return;
    }
    int64_t *first = &check->bound[variable - 'A'];
    if (*first < 0 || any) {
        *first = index;
        return;
    }
    hmlc_dtype expected = node->inputs[*first]->type->dtype;
    if (expected != dtype) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, "insert a Cast",
                       "input %u ('%s') is %s, but input %d ('%s') is %s: both must be of one type",
                       index, name, hmlc_dtype_name(dtype), (int)*first,
                       hmlc_node_input_name(node, (uint32_t)*first), hmlc_dtype_name(expected));
    }
}

hmlc_status hmlc_onnx_check_types(hmlc_node *node)
{
    type_check check = {.node = node};
    uint32_t index = 0;
    for (size_t i = 0; i < sizeof check.bound / sizeof check.bound[0]; i++) {
        check.bound[i] = -1;
    }
    for (const char *formal = hmlc_onnx_self(node)->op->inputs; *formal != '\0'; formal++) {
        if (*formal < 'A' || *formal > 'Z') {
            continue;
        }
        bool any_types = formal[1] == '~';
        uint32_t end = any_types || formal[1] == '*' ? node->input_count : index + 1;
        for (; index < end; index++) {
            if (node->inputs[index] != NULL) {
                check_type(&check, index, *formal, any_types);
            }
        }
    }
    return node->emit.status;
}

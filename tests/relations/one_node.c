/* SPDX-License-Identifier: Apache-2.0 */
#include "one_node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hmlc/backends.h>
#include <hmlc/eval.h>
#include <hmlc/passes.h>

#include "wire_writer.h"

enum { FIRST_NAME = 'a', TEXT = 128 };

typedef struct element_type {
    const char *name;
    int64_t onnx;
    hmlc_dtype ir;
    hml_dtype run_time;
} element_type;

static const element_type types[] = {
    {"f32", ONNX_FLOAT, HMLC_DTYPE_f32, HML_F32},   {"i64", ONNX_INT64, HMLC_DTYPE_i64, HML_I64},
    {"i32", ONNX_INT32, HMLC_DTYPE_i32, HML_I32},   {"i16", 5, HMLC_DTYPE_i16, HML_I16},
    {"bool", ONNX_BOOL, HMLC_DTYPE_bool, HML_BOOL},
};

struct one_node {
    hmlc_module *module; /* as imported */
    hmlc_arena *results;
    hml_model *model;
    hml_session *session;
    uint32_t count;
    const element_type *types[ONE_NODE_INPUTS];
    hmlc_tensor inputs[ONE_NODE_INPUTS];
    int64_t elements[ONE_NODE_INPUTS][ONE_NODE_ELEMENTS];
};

static const element_type *type_named(const char *name)
{
    for (size_t k = 0; k < sizeof types / sizeof types[0]; k++) {
        if (strcmp(types[k].name, name) == 0) {
            return &types[k];
        }
    }
    return NULL;
}

/* -- The model --------------------------------------------------------------------------------- */

/* "3,2" and "3,": a list. */
static void add_list(wire_buffer *node, const char *name, char *numbers)
{
    int64_t values[ONE_NODE_INPUTS];
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(numbers, ",", &rest); word != NULL && count < ONE_NODE_INPUTS;
         word = strtok_r(NULL, ",", &rest)) {
        values[count++] = strtoll(word, NULL, 10);
    }
    node_ints(node, name, values, count);
}

static void add_attributes(wire_buffer *node, const char *attributes)
{
    char text[TEXT], *rest = NULL;
    (void)snprintf(text, sizeof text, "%s", attributes);
    for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '='), *end = NULL;
        *value++ = '\0';
        int64_t number = strtoll(value, &end, 10);
        if (*end == ',') {
            add_list(node, word, value);
        } else if (*end == '\0') {
            node_int(node, word, number);
        } else {
            node_text(node, word, value);
        }
    }
}

/* Inputs are named a, b, c ...; false where an element type is unknown. */
static bool add_inputs(one_node *node, wire_buffer *graph, const char *inputs)
{
    char text[TEXT], *rest = NULL;
    (void)snprintf(text, sizeof text, "%s", inputs);
    for (char *input = strtok_r(text, ";", &rest); input != NULL;
         input = strtok_r(NULL, ";", &rest)) {
        input += strspn(input, " ");
        char *dims = input + strcspn(input, " ");
        char name[2] = {(char)(FIRST_NAME + (int)node->count), '\0'};
        char type[8] = "";
        (void)snprintf(type, sizeof type, "%.*s", (int)(dims - input), input);
        const element_type *found = type_named(type);
        if (found == NULL || node->count == ONE_NODE_INPUTS) {
            return false;
        }
        node->types[node->count++] = found;
        graph_value(graph, GRAPH_INPUT, name, found->onnx, dims + strspn(dims, " "));
    }
    return true;
}

/* then: b and b along the first axis; else: -b */
static void add_branches(wire_buffer *node)
{
    wire_buffer then = {0}, otherwise = {0}, joined = node_begin("Concat", "b b", "joined");
    node_int(&joined, "axis", 0);
    graph_node(&then, &joined);
    graph_value(&then, GRAPH_OUTPUT, "joined", ONNX_FLOAT, NULL);
    graph_add(&otherwise, "Neg", "b", "negated");
    graph_value(&otherwise, GRAPH_OUTPUT, "negated", ONNX_FLOAT, NULL);
    node_graph(node, "then_branch", &then);
    node_graph(node, "else_branch", &otherwise);
}

static bool write_model(one_node *node, const one_node_model *model, wire_buffer *file)
{
    static const char *const names[] = {"", "a", "a b", "a b c", "a b c d", "a b c d e"};
    static const char *const results[] = {"", "x", "x y", "x y z"};
    wire_buffer graph = {0}, written;
    char text[TEXT], *rest = NULL;
    size_t count = 0;
    if (!add_inputs(node, &graph, model->inputs)) {
        return false;
    }
    (void)snprintf(text, sizeof text, "%s", model->outputs);
    for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        char name[2] = {(char)('x' + (int)count++), '\0'};
        const element_type *type = type_named(word);
        if (type == NULL || count > 3) {
            return false;
        }
        graph_value(&graph, GRAPH_OUTPUT, name, type->onnx, NULL);
    }
    bool chooses = strcmp(model->type, "If") == 0;
    written = node_begin(model->type, chooses ? "a" : names[node->count], results[count]);
    add_attributes(&written, model->attributes);
    if (chooses) {
        add_branches(&written);
    }
    graph_node(&graph, &written);
    *file = model_end(&graph, model->opset);
    return true;
}

static void show(const hmlc_module *module)
{
    const hmlc_diagnostic *first = hmlc_diagnostics_first(module->diagnostics);
    (void)fprintf(stderr, "the model does not compile: %s\n", first != NULL ? first->message : "");
}

static hmlc_status compile(const wire_buffer *file, const char *path)
{
    const hmlc_target *target = hmlc_target_find("native");
    hmlc_module *module = hmlc_module_create(NULL);
    hmlc_pass_options passes = {.verify = true};
    hmlc_codegen_options codegen = {.targets = &target, .target_count = 1, .jobs = 1};
    hmlc_codegen_summary summary;
    if (module == NULL) {
        return HMLC_RESOURCE;
    }
    hmlc_status status = hmlc_import_memory(file->data, file->size, NULL, module);
    status = status == HMLC_OK ? hmlc_run_passes(module, &passes) : status;
    status = status == HMLC_OK ? hmlc_compile(module, &codegen, path, &summary) : status;
    if (status != HMLC_OK) {
        show(module);
    }
    hmlc_module_destroy(module);
    return status;
}

static bool open_artifact(one_node *node, const wire_buffer *file)
{
    char path[] = "/tmp/hml-relations-XXXXXX";
    int handle = mkstemp(path);
    if (handle < 0) {
        return false;
    }
    (void)close(handle);
    bool good = compile(file, path) == HMLC_OK &&
                hml_model_open(path, NULL, &node->model) == HML_OK &&
                hml_session_create(node->model, NULL, &node->session) == HML_OK;
    (void)unlink(path);
    return good;
}

one_node *one_node_create(const one_node_model *model)
{
    one_node *node = calloc(1, sizeof *node);
    wire_buffer file = {0};
    if (node == NULL) {
        return NULL;
    }
    node->module = hmlc_module_create(NULL);
    bool good = node->module != NULL && write_model(node, model, &file) &&
                hmlc_import_memory(file.data, file.size, NULL, node->module) == HMLC_OK &&
                open_artifact(node, &file);
    if (!good && node->module != NULL) {
        show(node->module);
    }
    wire_free(&file);
    if (!good) {
        one_node_destroy(node);
        return NULL;
    }
    return node;
}

void one_node_destroy(one_node *node)
{
    hml_session_destroy(node->session);
    hml_model_release(node->model);
    hmlc_arena_destroy(node->results);
    hmlc_module_destroy(node->module);
    free(node);
}

hml_session *one_node_session(one_node *node)
{
    return node->session;
}

/* -- Runs -------------------------------------------------------------------------------------- */

/* Reads element `at` from the text, which moves behind it; without one it is at + 1 (f32) or 0. */
static void read_element(hmlc_dtype dtype, int64_t *elements, int64_t at, char **text)
{
    if (dtype == HMLC_DTYPE_f32) {
        float real = *text != NULL ? strtof(*text, text) : (float)(at + 1);
        memcpy((char *)elements + (size_t)at * sizeof real, &real, sizeof real);
        return;
    }
    int64_t value = *text != NULL ? strtoll(*text, text, 10) : 0;
    memcpy((char *)elements + (size_t)at * hmlc_dtype_bytes(dtype), &value,
           hmlc_dtype_bytes(dtype)); /* little endian */
}

/* "3 4: 0 -1 ...". Elements beyond ONE_NODE_ELEMENTS are for shapes of no elements alone. */
static bool read_input(one_node *node, uint32_t index, char *text)
{
    hmlc_tensor *tensor = &node->inputs[index];
    hmlc_dtype dtype = node->types[index]->ir;
    char *values = strchr(text, ':'), *end = text;
    if (values != NULL) {
        *values++ = '\0';
    }
    *tensor = (hmlc_tensor){.dtype = dtype, .data = node->elements[index]};
    for (int64_t dim = strtoll(text, &end, 10); end != text; dim = strtoll(text, &end, 10)) {
        tensor->dims[tensor->rank++] = dim;
        text = end;
    }
    int64_t count = hmlc_tensor_count(tensor);
    if (count < 0 || count > ONE_NODE_ELEMENTS) {
        return false;
    }
    tensor->bytes = (size_t)count * hmlc_dtype_bytes(dtype);
    for (int64_t k = 0; k < count; k++) {
        read_element(dtype, node->elements[index], k, &values);
    }
    return true;
}

static hml_status run_artifact(one_node *node)
{
    hml_status status = HML_OK;
    for (uint32_t k = 0; k < node->count && status == HML_OK; k++) {
        const hmlc_tensor *from = &node->inputs[k];
        hml_tensor tensor = {.data = node->elements[k],
                             .bytes = from->bytes,
                             .dtype = node->types[k]->run_time,
                             .rank = (uint32_t)from->rank};
        memcpy(tensor.dims, from->dims, sizeof from->dims);
        status = hml_bind_input(node->session, k, &tensor);
    }
    return status == HML_OK ? hml_run(node->session) : status;
}

bool one_node_run(one_node *node, const char *inputs, one_node_answer *answer)
{
    char text[TEXT], *rest = NULL;
    uint32_t given = 0;
    (void)snprintf(text, sizeof text, "%s;", inputs);
    for (char *input = text; given < node->count; input = rest, given++) {
        rest = strchr(input, ';');
        if (rest == NULL) {
            return false;
        }
        *rest++ = '\0';
        if (!read_input(node, given, input)) {
            return false;
        }
    }
    hmlc_arena_destroy(node->results);
    node->results = hmlc_arena_create(NULL);
    hmlc_tensor outputs[ONE_NODE_INPUTS];
    hmlc_status status = hmlc_interpret(node->module, node->inputs, node->count, node->results,
                                        outputs, node->module->main->last->operand_count);
    *answer = (one_node_answer){.interpreted = status == HMLC_OK, .expected = outputs[0]};
    answer->status = run_artifact(node);
    answer->message = hml_session_error(node->session);
    if (answer->status == HML_OK) {
        answer->status = hml_session_output(node->session, 0, &answer->found);
    }
    return status == HMLC_OK || status == HMLC_USAGE;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "hostile_models.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hmlc/backends.h>
#include <hmlc/frontend.h>
#include <hmlc/passes.h>

#include "wire_writer.h"

static wire_buffer branch(const char *type, const char *inputs, const char *name, const char *dims)
{
    wire_buffer graph = {0};
    graph_add(&graph, type, inputs, name);
    graph_value(&graph, GRAPH_OUTPUT, name, ONNX_FLOAT, dims);
    return graph;
}

/* chosen = flag ? then : otherwise */
static void add_choice(wire_buffer *graph, wire_buffer then, wire_buffer otherwise)
{
    wire_buffer choice = node_begin("If", "flag", "chosen");
    node_graph(&choice, "then_branch", &then);
    node_graph(&choice, "else_branch", &otherwise);
    graph_node(graph, &choice);
}

static void add_weights(wire_buffer *graph)
{
    float values[8 * 16];
    for (int k = 0; k < 8 * 16; k++) {
        values[k] = (float)(k % 7) - 3.0F;
    }
    wire_buffer tensor = tensor_begin("w", ONNX_FLOAT, "8 16");
    wire_put_bytes(&tensor, TENSOR_RAW, values, sizeof values);
    graph_tensor(graph, &tensor);
}

/* x: f32[batch, 8], flag: bool, rows: i64[n], from, to: i64[1]. */
static wire_buffer dynamic_model(void)
{
    wire_buffer graph = {0};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "batch 8");
    graph_value(&graph, GRAPH_INPUT, "flag", ONNX_BOOL, "");
    graph_value(&graph, GRAPH_INPUT, "rows", ONNX_INT64, "n");
    graph_value(&graph, GRAPH_INPUT, "from", ONNX_INT64, "1");
    graph_value(&graph, GRAPH_INPUT, "to", ONNX_INT64, "1");
    add_weights(&graph);
    add_choice(&graph, branch("Relu", "x", "t", "batch 8"), branch("Neg", "x", "o", "batch 8"));
    graph_add(&graph, "MatMul", "chosen w", "product");
    graph_add(&graph, "Softmax", "product", "soft");
    graph_add(&graph, "Gather", "soft rows", "picked");
    graph_add(&graph, "NonZero", "x", "where");
    graph_add(&graph, "Slice", "chosen from to", "part");
    graph_add(&graph, "Exp", "part", "grown");
    graph_value(&graph, GRAPH_OUTPUT, "picked", ONNX_FLOAT, NULL);
    graph_value(&graph, GRAPH_OUTPUT, "where", ONNX_INT64, NULL);
    graph_value(&graph, GRAPH_OUTPUT, "grown", ONNX_FLOAT, NULL);
    return model_end(&graph, 17);
}

/* chosen = flag ? x y : -z needs batch = n where flag is true; sums = p + q knows both and does
 * not. */
static wire_buffer branches_model(void)
{
    wire_buffer graph = {0};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "2 batch");
    graph_value(&graph, GRAPH_INPUT, "y", ONNX_FLOAT, "n 3");
    graph_value(&graph, GRAPH_INPUT, "z", ONNX_FLOAT, "2 3");
    graph_value(&graph, GRAPH_INPUT, "flag", ONNX_BOOL, "");
    graph_value(&graph, GRAPH_INPUT, "p", ONNX_FLOAT, "batch 1");
    graph_value(&graph, GRAPH_INPUT, "q", ONNX_FLOAT, "1 n");
    add_choice(&graph, branch("MatMul", "x y", "t", "2 3"), branch("Neg", "z", "o", "2 3"));
    graph_add(&graph, "Add", "p q", "sums");
    graph_value(&graph, GRAPH_OUTPUT, "chosen", ONNX_FLOAT, NULL);
    graph_value(&graph, GRAPH_OUTPUT, "sums", ONNX_FLOAT, NULL);
    return model_end(&graph, 17);
}

static void show(const hmlc_module *module)
{
    const hmlc_diagnostic *first = hmlc_diagnostics_first(module->diagnostics);
    fprintf(stderr, "the model does not compile: %s\n", first != NULL ? first->message : "");
}

enum { MOST_TARGETS = 16 };

/* This machine's row and, with `others`, the first of each other architecture, in the table's
 * order. */
static uint32_t list_targets(const hmlc_target *targets[MOST_TARGETS], bool others)
{
    const hmlc_target *native = hmlc_target_find("native"), *target;
    uint32_t count = 0, architecture = 0;
    for (uint32_t k = 0; (target = hmlc_target_at(k)) != NULL && count < MOST_TARGETS; k++) {
        bool first = target->architecture != architecture;
        architecture = target->architecture;
        bool other = first && architecture != native->architecture && !target->object_only;
        if (target == native || (others && other)) {
            targets[count++] = target;
        }
    }
    return count;
}

static hmlc_status compile(hmlc_module *module, const char *path, bool others)
{
    const hmlc_target *targets[MOST_TARGETS];
    const hmlc_codegen_options options = {.targets = targets,
                                          .target_count = list_targets(targets, others)};
    const hmlc_pass_options passes = {.pipeline = NULL};
    hmlc_codegen_summary summary;
    HMLC_TRY(hmlc_run_passes(module, &passes));
    return hmlc_compile(module, &options, path, &summary);
}

static hmlc_status build_file(const char *onnx, hmlc_module *module, const char *path)
{
    hmlc_mapping *mapping = NULL;
    hmlc_status status = hmlc_import(onnx, NULL, module, &mapping);
    status = status == HMLC_OK ? compile(module, path, false) : status;
    if (status != HMLC_OK) {
        show(module);
    }
    hmlc_module_destroy(module);
    hmlc_mapping_release(mapping);
    return status;
}

static hmlc_status build_written(wire_buffer file, hmlc_module *module, const char *path,
                                 bool others)
{
    hmlc_status status = hmlc_import_memory(file.data, file.size, NULL, module);
    status = status == HMLC_OK ? compile(module, path, others) : status;
    if (status != HMLC_OK) {
        show(module);
    }
    hmlc_module_destroy(module);
    wire_free(&file);
    return status;
}

static uint8_t *read_file(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    (void)fseek(file, 0, SEEK_END);
    long size = ftell(file);
    (void)fseek(file, 0, SEEK_SET);
    uint8_t *data = size > 0 ? aligned_alloc(64, ((size_t)size + 63) / 64 * 64) : NULL;
    if (data != NULL && fread(data, 1, (size_t)size, file) != (size_t)size) {
        free(data);
        data = NULL;
    }
    (void)fclose(file);
    *bytes = (size_t)size;
    return data;
}

typedef hmlc_status build_function(const char *onnx, hmlc_module *module, const char *path);

static hmlc_status build_dynamic(const char *onnx, hmlc_module *module, const char *path)
{
    (void)onnx;
    return build_written(dynamic_model(), module, path, false);
}

static hmlc_status build_branches(const char *onnx, hmlc_module *module, const char *path)
{
    (void)onnx;
    return build_written(branches_model(), module, path, false);
}

static hmlc_status build_for_machines(const char *onnx, hmlc_module *module, const char *path)
{
    (void)onnx;
    return build_written(branches_model(), module, path, true);
}

static uint8_t *artifact_by(build_function *build, const char *onnx, size_t *bytes)
{
    char folder[] = "/tmp/hml-hostile-XXXXXX", path[64];
    hmlc_module *module = hmlc_module_create(NULL);
    if (module == NULL || mkdtemp(folder) == NULL) {
        return NULL;
    }
    (void)snprintf(path, sizeof path, "%s/model.hml", folder);
    hmlc_status status = build(onnx, module, path);
    uint8_t *data = status == HMLC_OK ? read_file(path, bytes) : NULL;
    (void)unlink(path);
    (void)rmdir(folder);
    return data;
}

uint8_t *hostile_artifact_of(const char *onnx, size_t *bytes)
{
    return artifact_by(build_file, onnx, bytes);
}

uint8_t *hostile_artifact(hostile_model model, size_t *bytes)
{
    static build_function *const builds[HOSTILE_MODEL_COUNT] = {[HOSTILE_DIGITS] = build_file,
                                                                [HOSTILE_DYNAMIC] = build_dynamic,
                                                                [HOSTILE_BRANCHES] = build_branches,
                                                                [HOSTILE_MACHINES] =
                                                                    build_for_machines};
    return artifact_by(builds[model], HMLC_DIGITS, bytes);
}

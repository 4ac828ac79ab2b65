/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes what bad_input_test.sh feeds the command line with.
 *
 *     bad_inputs models FOLDER          models and tensors, each named after what is wrong with it
 *     bad_inputs edit WHAT IN OUT       a copy of an artifact: cpu, format or abi raised, resealed
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hml_format/artifact.h>

#include "artifact_builder.h"
#include "wire_writer.h"

static const char *folder;
static int failed;

static void save(const char *name, const void *data, size_t bytes)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    failed |= !wire_save(path, data, bytes);
}

/* -- Models ------------------------------------------------------------------------------------ */

static wire_buffer graph_with(const char *x_dims)
{
    wire_buffer graph = {0};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, x_dims);
    return graph;
}

static wire_buffer finish(wire_buffer *graph)
{
    graph_value(graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, NULL);
    return model_end(graph, 17);
}

static void save_model(const char *name, wire_buffer *graph)
{
    wire_buffer model = finish(graph);
    save(name, model.data, model.size);
    wire_free(&model);
}

/* One node on x: f32[2, 4] (or what `dims` says). */
static void save_node(const char *name, const char *type, const char *inputs, const char *dims)
{
    wire_buffer graph = graph_with(dims);
    graph_add(&graph, type, inputs, "y");
    save_model(name, &graph);
}

static void graph_models(void)
{
    save_node("good.onnx", "Relu", "x", "2 4");
    save_node("unknown_operator.onnx", "Frobnicate", "x", "2 4");
    save_node("missing_input.onnx", "Add", "x nowhere", "2 4");
    save_node("cycle.onnx", "Add", "x y", "2 4");
    save_node("large.onnx", "Relu", "x", "64 64");
    save_node("range.onnx", "Relu", "x", "batch 4");
    save_node("dims_wrap.onnx", "Relu", "x", "4294967296 4294967296");
    save_node("dims_most.onnx", "Relu", "x", "9223372036854775807");
    save_node("dims_negative.onnx", "Relu", "x", "-2 4");
    save_node("dims_zero.onnx", "Relu", "x", "0 4");
    wire_buffer graph = graph_with("2 4"), node = node_begin("Relu", "x", "y");
    wire_put_text(&node, 7, "com.example");
    graph_node(&graph, &node);
    save_model("unknown_domain.onnx", &graph);
    graph = graph_with("2 4");
    graph_add(&graph, "Relu", "x", "y");
    graph_add(&graph, "Neg", "x", "y");
    save_model("duplicate.onnx", &graph);
    graph = graph_with("2 4");
    graph_value(&graph, GRAPH_INPUT, "z", ONNX_FLOAT, "5 6");
    graph_add(&graph, "MatMul", "x z", "y");
    save_model("contradiction.onnx", &graph);
    graph = graph_with("2 k");
    graph_value(&graph, GRAPH_INPUT, "z", ONNX_FLOAT, "m 3");
    graph_add(&graph, "MatMul", "x z", "y");
    save_model("equal.onnx", &graph);
    graph = graph_with("4 2");
    graph_value(&graph, GRAPH_INPUT, "rows", ONNX_INT64, "n");
    graph_add(&graph, "Gather", "x rows", "y");
    save_model("gather.onnx", &graph);
}

/* Models whose dims must fit each other. */
static void related_models(void)
{
    static const int64_t shape[] = {-1, 4};
    wire_buffer graph = graph_with("n 6"), tensor = tensor_begin("s", ONNX_INT64, "2");
    wire_put_bytes(&tensor, TENSOR_RAW, shape, sizeof shape);
    graph_tensor(&graph, &tensor);
    graph_add(&graph, "Reshape", "x s", "y");
    save_model("related.onnx", &graph);
    graph = graph_with("past 3");
    graph_value(&graph, GRAPH_INPUT, "z", ONNX_FLOAT, "total 3");
    graph_value(&graph, GRAPH_INPUT, "w", ONNX_INT64, "seq");
    graph_add(&graph, "Add", "x z", "y");
    save_model("past.onnx", &graph);
    save_node("picture.onnx", "Neg", "x", "n 3 h w");
    save_node("picture_last.onnx", "Neg", "x", "1 h w 3");
    save_node("picture_sized.onnx", "Neg", "x", "1 3 2 5");
    save_node("picture_free.onnx", "Neg", "x", "n c h w");
}

static void more_graph_models(void)
{
    wire_buffer graph = graph_with("2 4");
    graph_add(&graph, "Relu", "x b", "a");
    graph_add(&graph, "Add", "x c", "b");
    graph_add(&graph, "Add", "x b", "c");
    graph_add(&graph, "Frobnicate", "x", "d");
    graph_add(&graph, "Relu", "nowhere", "y");
    save_model("many.onnx", &graph);
    graph = graph_with("2 4");
    graph_add(&graph, "Add", "x b", "a");
    graph_add(&graph, "Relu", "a", "b");
    graph_add(&graph, "Relu", "b", "y");
    save_model("circle.onnx", &graph);
    graph = graph_with("2 4");
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "2 4");
    graph_add(&graph, "Relu", "x", "y");
    save_model("input_twice.onnx", &graph);
    graph = graph_with("2 4");
    graph_value(&graph, GRAPH_VALUE, "z", ONNX_INT64, "2 4");
    graph_add(&graph, "Relu", "x", "z");
    graph_add(&graph, "Neg", "z", "y");
    save_model("declared.onnx", &graph);
    graph = (wire_buffer){0};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_STRING, "4");
    graph_add(&graph, "Identity", "x", "y");
    save_model("strings.onnx", &graph);
    graph = graph_with("2 4");
    graph_add(&graph, "Relu", "x", "nothing");
    save_model("output_undefined.onnx", &graph);
}

/* Names that would move a terminal's cursor, or look like a line of ours. */
static void escape_models(void)
{
    save_node("escape.onnx", "Frob\x1b[2J\nerror", "x", "2 4");
    wire_buffer graph = graph_with("rows\x1b[1m 4");
    graph_add(&graph, "Relu", "x", "a\x1b[31m\r\nb");
    graph_add(&graph, "Identity", "a\x1b[31m\r\nb", "y");
    graph_value(&graph, GRAPH_OUTPUT, "a\x1b[31m\r\nb", ONNX_FLOAT, NULL);
    save_model("escape_good.onnx", &graph);
}

/* Large enough that a limit of memory bites in each phase. */
static void chain_model(void)
{
    wire_buffer graph = graph_with("2 4");
    char from[32] = "x", to[32];
    for (int k = 0; k < 5000; k++) {
        (void)snprintf(to, sizeof to, k == 4999 ? "y" : "v%d", k);
        graph_add(&graph, k % 2 == 0 ? "Sigmoid" : "Relu", from, to);
        memcpy(from, to, sizeof from);
    }
    save_model("chain.onnx", &graph);
}

static void nested_model(void)
{
    wire_buffer graph = graph_with("2 4");
    for (int level = 0; level < 1000; level++) {
        wire_buffer outer = {0}, node = node_begin("If", "c", "y");
        graph_value(&graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, NULL);
        node_graph(&node, "then_branch", &graph);
        graph_node(&outer, &node);
        graph = outer;
    }
    save_model("nested.onnx", &graph);
}

/* A file that starts well and then holds these bytes. */
static void save_bytes(const char *name, const char *bytes, size_t count)
{
    wire_buffer wire = {0};
    wire_put_int(&wire, 1, 8);
    wire_put_raw(&wire, bytes, count);
    save(name, wire.data, wire.size);
    wire_free(&wire);
}

static void byte_models(void)
{
    wire_buffer graph = graph_with("2 4");
    graph_add(&graph, "Relu", "x", "y");
    wire_buffer model = finish(&graph);
    save("truncated.onnx", model.data, model.size / 2);
    wire_put_int(&model, 1, 99); /* the last one counts */
    save("future.onnx", model.data, model.size);
    wire_free(&model);
    save_bytes("wire_types.onnx", "\x38\x05", 2); /* the graph, as a number */
    save_bytes("varint.onnx", "\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12);
    save_bytes("long_string.onnx", "\x12\xff\xff\xff\xff\x07name", 10); /* of 2 GiB */
    save_bytes("utf8.onnx", "\x12\x05na\xffme", 7);
    save("text.onnx", "this is no model\n", 17);
}

static void save_weights(const char *name, const char *dims, size_t bytes)
{
    static const float values[16];
    wire_buffer graph = graph_with("2 4"), tensor = tensor_begin("w", ONNX_FLOAT, dims);
    wire_put_bytes(&tensor, TENSOR_RAW, values, bytes);
    graph_tensor(&graph, &tensor);
    graph_add(&graph, "Add", "x w", "y");
    save_model(name, &graph);
}

static void save_external_at(const char *name, const char *location, const char *offset,
                             const char *length)
{
    wire_buffer graph = graph_with("2 4"), tensor = tensor_begin("w", ONNX_FLOAT, "4");
    wire_put_int(&tensor, 14, 1);
    tensor_external(&tensor, "location", location);
    if (offset != NULL) {
        tensor_external(&tensor, "offset", offset);
        tensor_external(&tensor, "length", length);
    }
    graph_tensor(&graph, &tensor);
    tensor = tensor_begin("unused", ONNX_FLOAT, "4");
    wire_put_int(&tensor, 14, 1);
    tensor_external(&tensor, "location", "unused.bin");
    graph_tensor(&graph, &tensor);
    graph_add(&graph, "Add", "x w", "y");
    save_model(name, &graph);
}

static void save_external(const char *name, const char *location)
{
    save_external_at(name, location, NULL, NULL);
}

static void weight_models(void)
{
    save_weights("weights_short.onnx", "4", 12);
    save_weights("weights_long.onnx", "4", 20);
    save_weights("overflow.onnx", "4294967296 4294967296 4", 16);
    save_external("external_good.onnx", "weights.bin");
    save_external("external_outside.onnx", "../outside.bin");
    save_external("external_link.onnx", "link.bin");
    save_external("external_fifo.onnx", "fifo.bin");
    save_external("external_short.onnx", "short.bin");
    save_external("external_missing.onnx", "missing.bin");
    save_external("external_hard.onnx", "hard.bin");
    save_external("external_absolute.onnx", "/dev/zero");
    save_external("external_folder.onnx", "folder");
    save_external_at("external_behind.onnx", "short.bin", "4096", "16");
    save_external_at("external_wrap.onnx", "short.bin", "18446744073709551600", "16");
}

/* -- Tensors ----------------------------------------------------------------------------------- */

/* `shape` as Python writes it: "(2, 4)"; zero elements, but for `first`, of int64. */
static void save_npy(const char *name, const char *type, const char *shape, size_t bytes,
                     int64_t first)
{
    unsigned char file[1024] = "\x93NUMPY\x01\x00\x76\x00";
    memset(file + 10, ' ', 0x76);
    int length = snprintf((char *)file + 10, 0x76,
                          "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    file[10 + length] = ' ';
    file[10 + 0x75] = '\n';
    memcpy(file + 128, &first, bytes < sizeof first ? bytes : sizeof first);
    save(name, file, 128 + bytes);
}

static void tensors(void)
{
    save_npy("f32_2x4.npy", "<f4", "(2, 4)", 32, 0);
    save_npy("f32_2x5.npy", "<f4", "(2, 5)", 40, 0);
    save_npy("f32_8.npy", "<f4", "(8,)", 32, 0);
    save_npy("f32_4x2.npy", "<f4", "(4, 2)", 32, 0);
    save_npy("f32_4x3.npy", "<f4", "(4, 3)", 48, 0);
    save_npy("f32_5x3.npy", "<f4", "(5, 3)", 60, 0);
    save_npy("f32_9x4.npy", "<f4", "(9, 4)", 144, 0);
    save_npy("i64_2x4.npy", "<i8", "(2, 4)", 64, 0);
    save_npy("rows_good.npy", "<i8", "(2,)", 16, 3);
    save_npy("rows_far.npy", "<i8", "(2,)", 16, 4);
    save_npy("rows_below.npy", "<i8", "(2,)", 16, -5);
    save_npy("size.npy", "<f4", "(2, 4)", 20, 0);
}

/* -- Artifacts --------------------------------------------------------------------------------- */

static void change(const char *what, uint8_t *data)
{
    hml_file_header *header = (void *)data;
    hml_section_record *records = (void *)(data + header->section_table_offset);
    for (uint32_t k = 0; strcmp(what, "cpu") == 0 && k < header->section_count; k++) {
        if (records[k].kind == HML_SECTION_PROGRAM || records[k].kind == HML_SECTION_CODE) {
            records[k].required_features |= UINT64_C(1) << 63;
        }
    }
    header->format_major = strcmp(what, "format") == 0 ? UINT16_MAX : header->format_major;
    header->minimum_abi = strcmp(what, "abi") == 0 ? UINT32_MAX : header->minimum_abi;
}

static int edit(const char *what, const char *from, const char *to)
{
    enum { MOST = 16 << 20 };
    uint8_t *data = aligned_alloc(64, MOST);
    FILE *file = fopen(from, "rb");
    size_t bytes = data != NULL && file != NULL ? fread(data, 1, MOST, file) : 0;
    if (file != NULL) {
        (void)fclose(file);
    }
    if (bytes >= sizeof(hml_file_header)) {
        change(what, data);
        failed |= !reseal_artifact(data, bytes);
        file = fopen(to, "wb");
        failed |= file == NULL || fwrite(data, 1, bytes, file) != bytes;
        failed |= file != NULL && fclose(file) != 0;
    } else {
        failed = 1;
    }
    free(data);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "edit") == 0) {
        return edit(argv[2], argv[3], argv[4]);
    }
    if (argc != 3 || strcmp(argv[1], "models") != 0) {
        return 2;
    }
    folder = argv[2];
    graph_models();
    more_graph_models();
    related_models();
    escape_models();
    nested_model();
    chain_model();
    byte_models();
    weight_models();
    tensors();
    return failed;
}

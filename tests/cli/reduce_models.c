/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models that fail, for reduce_test.sh.
 *
 *     reduce_models FOLDER        writes them there
 */
#include <stdio.h>
#include <string.h>

#include "wire_writer.h"

static const char *folder;
static int failed;

static void save(const char *name, const void *data, size_t bytes)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    failed |= !wire_save(path, data, bytes);
}

static void save_graph(const char *name, wire_buffer *graph, const char *output)
{
    graph_value(graph, GRAPH_OUTPUT, output, ONNX_FLOAT, NULL);
    failed |= !model_save(graph, 17, "%s/%s", folder, name);
}

/* `count` nodes from x to v<count>, all Relu but the one at `at`. */
static void add_chain(wire_buffer *graph, int count, int at, const char *type, const char *operand)
{
    for (int i = 0; i < count; i++) {
        char inputs[64], output[32];
        (void)snprintf(output, sizeof output, "v%d", i + 1);
        (void)snprintf(inputs, sizeof inputs, i == 0 ? "x" : "v%d", i);
        if (i == at) {
            strcat(inputs, operand);
        }
        graph_add(graph, i == at ? type : "Relu", inputs, output);
    }
}

static void chain(const char *name, const char *type)
{
    wire_buffer graph = {0};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "n 4");
    add_chain(&graph, 20, 10, type, "");
    save_graph(name, &graph, "v20");
}

/* Two branches; the index is out of range because of Add, with Abs on both sides of it. */
static void save_index(void)
{
    const int64_t five = 5;
    wire_buffer graph = {0}, tensor = tensor_begin("five", ONNX_INT64, "");
    wire_put_bytes(&tensor, TENSOR_RAW, &five, sizeof five);
    graph_tensor(&graph, &tensor);
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "4 2");
    graph_value(&graph, GRAPH_INPUT, "i", ONNX_INT64, "k");
    graph_add(&graph, "Neg", "x", "a");
    graph_add(&graph, "Abs", "i", "b");
    graph_add(&graph, "Add", "b five", "c");
    graph_add(&graph, "Abs", "c", "d");
    graph_add(&graph, "Gather", "a d", "e");
    graph_add(&graph, "Exp", "e", "y");
    save_graph("index.onnx", &graph, "y");
}

static void save_circle(void)
{
    wire_buffer graph = {0};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "n 4");
    add_chain(&graph, 6, 3, "Add", " back");
    graph_add(&graph, "Neg", "v4", "back");
    save_graph("circle.onnx", &graph, "v6");
}

/* Weights in a file of their own; the last bits of a product of four addends differ. */
static void save_external(void)
{
    float weights[4000];
    for (int i = 0; i < 4000; i++) {
        weights[i] = 0.1F + (float)(i * 7919 % 4001) / 4001;
    }
    save("weights.bin", weights, sizeof weights);
    wire_buffer graph = {0}, tensor = tensor_begin("w", ONNX_FLOAT, "1000 4");
    wire_put_int(&tensor, TENSOR_LOCATION, 1);
    tensor_external(&tensor, "location", "weights.bin");
    graph_tensor(&graph, &tensor);
    wire_buffer unused = tensor_begin("unused", ONNX_FLOAT, "1");
    wire_put_bytes(&unused, TENSOR_RAW, weights, sizeof weights[0]);
    graph_tensor(&graph, &unused);
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "n 1000");
    add_chain(&graph, 8, 4, "MatMul", " w");
    save_graph("external.onnx", &graph, "v8");
}

/* The interpreter takes far longer than a second for the product. */
static void save_slow(void)
{
    wire_buffer graph = {0};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "1800 1800");
    graph_add(&graph, "MatMul", "x x", "a");
    graph_add(&graph, "Relu", "a", "y");
    save_graph("slow.onnx", &graph, "y");
}

/* If whose branches read values around it, one of them refused. */
static void save_captured(void)
{
    wire_buffer graph = {0}, choice = node_begin("If", "c", "d"), one = {0}, other = {0};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "n 4");
    graph_value(&graph, GRAPH_INPUT, "c", ONNX_BOOL, "");
    graph_add(&graph, "Abs", "x", "a");
    graph_add(&graph, "Neg", "a", "b");
    graph_add(&one, "Frobnicate", "b", "r");
    graph_value(&one, GRAPH_OUTPUT, "r", ONNX_FLOAT, NULL);
    graph_add(&other, "Relu", "a", "r");
    graph_value(&other, GRAPH_OUTPUT, "r", ONNX_FLOAT, NULL);
    node_graph(&choice, "then_branch", &one);
    node_graph(&choice, "else_branch", &other);
    graph_node(&graph, &choice);
    graph_add(&graph, "Neg", "d", "y");
    save_graph("captured.onnx", &graph, "y");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    folder = argv[1];
    chain("refused.onnx", "Frobnicate");
    chain("sound.onnx", "Neg");
    chain("wrong.onnx", "Softmax");
    save_index();
    save_circle();
    save_external();
    save_slow();
    save_captured();
    return failed;
}

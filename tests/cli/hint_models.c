/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models that give a hint, and what becomes of them when the hint is followed, for hint_test.sh.
 *
 *     hint_models FOLDER        writes NAME.before.onnx and NAME.after.onnx of each case, and
 * prints NAME|options before|words of the hint|options after
 */
#include <stdio.h>
#include <string.h>

#include "wire_writer.h"

/* One model: the graph without its output y, and the opset. */
typedef void build_function(wire_buffer *graph, bool followed);

static void int64s(wire_buffer *graph, const char *name, const char *dims, int64_t value)
{
    graph_constant(graph, name, ONNX_INT64, dims, &value, sizeof value);
}

static void input(wire_buffer *graph, const char *dims)
{
    graph_value(graph, GRAPH_INPUT, "x", ONNX_FLOAT, dims);
}

/* If(shape[-1] == 1, Squeeze, Identity) */
static void if_of_ranks(wire_buffer *graph, bool followed)
{
    (void)followed;
    wire_buffer choice = node_begin("If", "is_one", "y"), squeezed = {0}, same = {0};
    input(graph, "2 n");
    int64s(graph, "one", "", 1);
    int64s(graph, "last", "", 1);
    int64s(graph, "axes", "1", -1);
    graph_add(graph, "Shape", "x", "shape");
    graph_add(graph, "Gather", "shape last", "size");
    graph_add(graph, "Equal", "size one", "is_one");
    graph_add(&squeezed, "Squeeze", "x axes", "b");
    graph_value(&squeezed, GRAPH_OUTPUT, "b", ONNX_FLOAT, NULL);
    graph_add(&same, "Identity", "x", "b");
    graph_value(&same, GRAPH_OUTPUT, "b", ONNX_FLOAT, NULL);
    node_graph(&choice, "then_branch", &squeezed);
    node_graph(&choice, "else_branch", &same);
    graph_node(graph, &choice);
}

static void squeeze_all(wire_buffer *graph, bool followed)
{
    input(graph, "n 1 3");
    if (followed) {
        int64s(graph, "axes", "1", 1);
    }
    graph_add(graph, "Squeeze", followed ? "x axes" : "x", "y");
}

static void squeeze_dim(wire_buffer *graph, bool followed)
{
    (void)followed;
    squeeze_all(graph, false);
}

static void relu_of_dims(wire_buffer *graph, bool followed)
{
    (void)followed;
    input(graph, "batch ?");
    graph_add(graph, "Relu", "x", "y");
}

/* s is a dim of no input: the one that is named so has an initializer. */
static void dim_of_a_constant(wire_buffer *graph, bool followed)
{
    (void)followed;
    const float numbers[3] = {1, 2, 3};
    input(graph, "s~+~t");
    graph_value(graph, GRAPH_INPUT, "k", ONNX_FLOAT, "s");
    graph_value(graph, GRAPH_INPUT, "z", ONNX_FLOAT, "t");
    graph_constant(graph, "k", ONNX_FLOAT, "3", numbers, sizeof numbers);
    wire_buffer node = node_begin("Concat", "x z", "y");
    node_int(&node, "axis", 0);
    graph_node(graph, &node);
}

static void attention_heads(wire_buffer *graph, bool followed)
{
    (void)followed;
    input(graph, "2 heads 5 8");
    graph_add(graph, "Attention", "x x x", "y");
}

static void run_time_list(wire_buffer *graph, const char *type, const char *data_dims)
{
    input(graph, data_dims);
    graph_value(graph, GRAPH_INPUT, "list", ONNX_INT64, "k");
    graph_add(graph, type, "x list", "y");
}

static void reshape_list(wire_buffer *graph, bool followed)
{
    (void)followed;
    run_time_list(graph, "Reshape", "4 6");
}

static void expand_list(wire_buffer *graph, bool followed)
{
    (void)followed;
    run_time_list(graph, "Expand", "4 6");
}

static void squeeze_list(wire_buffer *graph, bool followed)
{
    (void)followed;
    run_time_list(graph, "Squeeze", "4 1 6");
}

static void resize_list(wire_buffer *graph, bool followed)
{
    (void)followed;
    input(graph, "4 6");
    graph_value(graph, GRAPH_INPUT, "list", ONNX_INT64, "k");
    graph_add(graph, "Resize", "x - - list", "y");
}

static void gather_depth(wire_buffer *graph, bool followed)
{
    (void)followed;
    input(graph, "4 6");
    graph_value(graph, GRAPH_INPUT, "at", ONNX_INT64, "7 depth");
    graph_add(graph, "GatherND", "x at", "y");
}

static void input_shape(wire_buffer *graph, bool followed)
{
    input(graph, followed ? "n 3" : NULL);
    graph_add(graph, "Relu", "x", "y");
}

static void sparse(wire_buffer *graph, bool followed)
{
    const float one = 1;
    input(graph, "1");
    if (followed) {
        graph_constant(graph, "w", ONNX_FLOAT, "1", &one, sizeof one);
    } else {
        wire_buffer holder = {0}, values = tensor_begin("w", ONNX_FLOAT, "1");
        wire_put_bytes(&values, TENSOR_RAW, &one, sizeof one);
        wire_put_message(&holder, 1, &values);
        wire_put_message(graph, 15, &holder);
    }
    graph_add(graph, "Add", "x w", "y");
}

static void misspelt_operator(wire_buffer *graph, bool followed)
{
    input(graph, "2");
    graph_add(graph, followed ? "Sigmoid" : "Sigmod", "x", "y");
}

static void fused_operator(wire_buffer *graph, bool followed)
{
    wire_buffer node = node_begin(followed ? "Relu" : "QuickGelu", "x", "y");
    input(graph, "2");
    if (!followed) {
        wire_put_text(&node, 7, "com.microsoft");
    }
    graph_node(graph, &node);
}

static void other_type(wire_buffer *graph, bool followed)
{
    wire_buffer cast = node_begin("Cast", "k", "f");
    input(graph, "2");
    graph_value(graph, GRAPH_INPUT, "k", ONNX_INT32, "2");
    node_int(&cast, "to", ONNX_FLOAT);
    graph_node(graph, &cast);
    graph_add(graph, "Add", followed ? "x f" : "x k", "y");
}

static void relu(wire_buffer *graph, bool followed)
{
    (void)followed;
    input(graph, "2");
    graph_add(graph, "Relu", "x", "y");
}

static void upsample(wire_buffer *graph, bool followed)
{
    (void)followed;
    const float scales[2] = {1, 2};
    input(graph, "2 3");
    graph_constant(graph, "scales", ONNX_FLOAT, "2", scales, sizeof scales);
    graph_add(graph, "Upsample", "x scales", "y");
}

static void saturating_cast(wire_buffer *graph, bool followed)
{
    (void)followed;
    wire_buffer node = node_begin("Cast", "x", "i");
    input(graph, "2");
    node_int(&node, "to", ONNX_INT32);
    node_int(&node, "saturate", 1);
    graph_node(graph, &node);
    wire_buffer back = node_begin("Cast", "i", "y");
    node_int(&back, "to", ONNX_FLOAT);
    graph_node(graph, &back);
}

static void size_of_an_image(wire_buffer *graph, bool followed)
{
    const int64_t image[2] = {3, 3}, block[2] = {2, 2};
    input(graph, "1 4 4");
    graph_constant(graph, "block", ONNX_INT64, "2", block, sizeof block);
    if (followed) {
        graph_constant(graph, "image", ONNX_INT64, "2", image, sizeof image);
    } else {
        graph_value(graph, GRAPH_INPUT, "image", ONNX_INT64, "2");
    }
    graph_add(graph, "Col2Im", "x image block", "y");
}

static void circle(wire_buffer *graph, bool followed)
{
    input(graph, "2");
    graph_add(graph, "Add", followed ? "x x" : "x b", "a");
    graph_add(graph, "Relu", "a", "b");
    graph_add(graph, "Neg", "b", "y");
}

static void stale_shape(wire_buffer *graph, bool followed)
{
    input(graph, "2");
    graph_add(graph, "Relu", "x", "a");
    graph_add(graph, "Neg", "a", "y");
    if (!followed) {
        graph_value(graph, GRAPH_VALUE, "a", ONNX_FLOAT, "7");
    }
}

static void stale_type(wire_buffer *graph, bool followed)
{
    input(graph, "2");
    graph_add(graph, "Relu", "x", "a");
    graph_add(graph, "Neg", "a", "y");
    if (!followed) {
        graph_value(graph, GRAPH_VALUE, "a", ONNX_INT32, "2");
    }
}

static void data_twice(wire_buffer *graph, bool followed)
{
    const float one = 1;
    wire_buffer tensor = tensor_begin("k", ONNX_FLOAT, "1");
    wire_put_bytes(&tensor, TENSOR_RAW, &one, sizeof one);
    if (!followed) {
        wire_put_bytes(&tensor, TENSOR_FLOATS, &one, sizeof one);
    }
    input(graph, "1");
    graph_tensor(graph, &tensor);
    graph_add(graph, "Add", "x k", "y");
}

static void constants_of_one_name(wire_buffer *graph, bool followed)
{
    const float one = 1;
    input(graph, "1");
    graph_constant(graph, "k", ONNX_FLOAT, "1", &one, sizeof one);
    graph_constant(graph, followed ? "l" : "k", ONNX_FLOAT, "1", &one, sizeof one);
    graph_add(graph, "Add", "x k", "y");
}

static void affine_cell(wire_buffer *graph, bool followed)
{
    wire_buffer node = node_begin("LSTM", "x w r", "y");
    input(graph, "4 1 3");
    graph_value(graph, GRAPH_INPUT, "w", ONNX_FLOAT, "1 8 3");
    graph_value(graph, GRAPH_INPUT, "r", ONNX_FLOAT, "1 8 2");
    node_int(&node, "hidden_size", 2);
    node_texts(&node, "activations", "Affine Tanh Tanh");
    if (followed) {
        node_floats(&node, "activation_alpha", (const float[]){0.5F}, 1);
        node_floats(&node, "activation_beta", (const float[]){0.25F}, 1);
    }
    graph_node(graph, &node);
}

static const struct {
    const char *name;
    build_function *build;
    int64_t opset_before, opset_after;
    const char *options_before, *words, *options_after;
} cases[] = {
    {"if_of_ranks", if_of_ranks, 17, 17, "", "give the dims with --dim to silence", "--dim n=1"},
    {"if_of_rank_2", if_of_ranks, 17, 17, "", "give the dims with --dim to silence", "--dim n=3"},
    {"squeeze_dim", squeeze_dim, 17, 17, "", "give the dim with --dim where it is 1", "--dim n=1"},
    {"squeeze_axes", squeeze_all, 17, 17, "", "or the axes to squeeze", ""},
    {"dim_misspelt", relu_of_dims, 17, 17, "--dim bath=2", "did you mean 'batch'", "--dim batch=2"},
    {"dim_listed", relu_of_dims, 17, 17, "--dim ?=2", "dims are: batch, x_dim1", "--dim x_dim1=2"},
    {"dim_by_axis", relu_of_dims, 17, 17, "--dim x=2", "dims are: batch, x_dim1", "--dim x.1=2"},
    {"dim_range", relu_of_dims, 17, 17, "--dim batch=5..3", "expected NAME=N, NAME=LOW..HIGH",
     "--dim batch=3..5"},
    {"dim_of_a_constant", dim_of_a_constant, 17, 17, "", "give the dim a value with --dim",
     "--dim s=3"},
    {"attention_heads", attention_heads, 23, 23, "", "with --dim NAME=SIZE", "--dim heads=4"},
    {"reshape_list", reshape_list, 17, 17, "", "its length with --dim NAME=SIZE", "--dim k=3"},
    {"expand_list", expand_list, 17, 17, "", "its length with --dim NAME=SIZE", "--dim k=3"},
    {"squeeze_list", squeeze_list, 17, 17, "", "its length with --dim NAME=SIZE", "--dim k=1"},
    {"resize_list", resize_list, 17, 17, "", "its length with --dim NAME=SIZE", "--dim k=2"},
    {"gather_depth", gather_depth, 17, 17, "", "with --dim NAME=SIZE", "--dim depth=1"},
    {"input_shape", input_shape, 17, 17, "", "export the model with input shapes", ""},
    {"sparse", sparse, 17, 17, "", "store the tensor densely", ""},
    {"misspelt_operator", misspelt_operator, 17, 17, "", "did you mean Sigmoid", ""},
    {"fused_operator", fused_operator, 17, 17, "", "before ONNX Runtime fused", ""},
    {"other_type", other_type, 17, 17, "", "insert a Cast", ""},
    {"old_opset", relu, 5, 17, "", "convert_version(model, 17)", ""},
    {"newer_opset", relu, 99, 17, "", "export the model with an older opset", ""},
    {"outside_opset", upsample, 13, 9, "", "correct the model's opset_import", ""},
    {"attribute_of_opset", saturating_cast, 13, 19, "", "the opset of the model may be wrong", ""},
    {"size_of_an_image", size_of_an_image, 18, 18, "", "make it an initializer", ""},
    {"circle", circle, 17, 17, "", "break the circle", ""},
    {"stale_shape", stale_shape, 17, 17, "", "correct or remove the shape", ""},
    {"stale_type", stale_type, 17, 17, "", "correct or remove the type", ""},
    {"data_twice", data_twice, 17, 17, "", "remove one of the two", ""},
    {"constants_of_one_name", constants_of_one_name, 17, 17, "", "give each constant a name", ""},
    {"affine_cell", affine_cell, 17, 17, "", "give activation_alpha and activation_beta", ""},
};

static bool save(const char *folder, size_t index, bool followed)
{
    wire_buffer graph = {0};
    cases[index].build(&graph, followed);
    graph_value(&graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, NULL);
    return model_save(&graph, followed ? cases[index].opset_after : cases[index].opset_before,
                      "%s/%s.%s.onnx", folder, cases[index].name, followed ? "after" : "before");
}

int main(int argc, char **argv)
{
    bool written = argc == 2;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0] && written; i++) {
        written = save(argv[1], i, false) && save(argv[1], i, true);
        printf("%s|%s|%s|%s\n", cases[i].name, cases[i].options_before, cases[i].words,
               cases[i].options_after);
    }
    return written ? 0 : 1;
}

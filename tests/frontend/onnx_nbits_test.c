/* SPDX-License-Identifier: Apache-2.0 */
/* Constants of four bits and operators that read them: what is refused, in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "import_expect.h"

enum { ONNX_INT4 = 22 };

static void bytes_tensor(wire_buffer *graph, const char *name, int64_t type, const char *dims,
                         size_t count)
{
    static const unsigned char zeros[4096];
    assert_true(count <= sizeof zeros);
    graph_constant(graph, name, type, dims, zeros, count);
}

static void finish(wire_buffer *graph, int64_t type, hmlc_status status, const char *error,
                   const char *text)
{
    graph_value(graph, GRAPH_OUTPUT, "y", type, NULL);
    expect_status(import_graph(graph, 21), status, error, text);
}

/* MatMulNBits of 32 x 4, of which one thing is wrong. */
typedef struct product {
    int64_t depth, bits, block;
    const char *inputs;
    size_t bytes, scales, zeros; /* counts */
} product;

static const product right = {32, 4, 16, "x b s z", 64, 8, 4};

static wire_buffer product_graph(const product *of)
{
    char dims[32];
    wire_buffer graph = {0}, node = node_begin("MatMulNBits", of->inputs, "y");
    wire_put_text(&node, 7, "com.microsoft");
    node_int(&node, "K", of->depth);
    node_int(&node, "N", 4);
    node_int(&node, "bits", of->bits);
    node_int(&node, "block_size", of->block);
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "1 32");
    snprintf(dims, sizeof dims, "%zu", of->bytes);
    bytes_tensor(&graph, "b", ONNX_UINT8, dims, of->bytes);
    snprintf(dims, sizeof dims, "%zu", of->scales);
    bytes_tensor(&graph, "s", ONNX_FLOAT, dims, of->scales * sizeof(float));
    bytes_tensor(&graph, "f", ONNX_FLOAT, dims, of->scales * sizeof(float));
    snprintf(dims, sizeof dims, "%zu", of->zeros);
    bytes_tensor(&graph, "z", ONNX_UINT8, dims, of->zeros);
    bytes_tensor(&graph, "g", ONNX_INT32, "32", 32 * sizeof(int32_t));
    graph_node(&graph, &node);
    return graph;
}

static void refuse_product(product of, hmlc_status status, const char *error, const char *text)
{
    wire_buffer graph = product_graph(&of);
    finish(&graph, ONNX_FLOAT, status, error, text);
}

static void products_say_what_is_wrong(void **state)
{
    (void)state;
    wire_buffer graph = product_graph(&right);
    finish(&graph, ONNX_FLOAT, HMLC_OK, "", "");
    product of = right;
    of.block = 0;
    refuse_product(of, HMLC_DAMAGED, "attribute_invalid", "'block_size' is 0, must be a power");
    of.block = 24;
    refuse_product(of, HMLC_DAMAGED, "attribute_invalid", "'block_size' is 24");
    of.block = 8;
    refuse_product(of, HMLC_DAMAGED, "attribute_invalid", "'block_size' is 8");
    of.block = 64; /* above K: one block, which asks for other constants */
    refuse_product(of, HMLC_DAMAGED, "graph_invalid", "'b' has 64 bytes");
    of = right;
    of.bits = 2;
    refuse_product(of, HMLC_REFUSED, "not_implemented", "'bits' is 2; 4 and 8");
    of = right;
    of.depth = 0;
    refuse_product(of, HMLC_DAMAGED, "attribute_invalid", "'K' is 0");
    of = right;
    of.scales = 7;
    refuse_product(of, HMLC_DAMAGED, "graph_invalid", "'s' has 7 scales; there are 8 blocks");
    of = right;
    of.zeros = 3;
    refuse_product(of, HMLC_DAMAGED, "graph_invalid", "'z' has 3 bytes");
    of = right;
    of.inputs = "x b s z g";
    refuse_product(of, HMLC_REFUSED, "not_implemented", "'g' (g_idx)");
    of.inputs = "x b s f";
    refuse_product(of, HMLC_REFUSED, "not_implemented", "zero points 'f' are floats");
    of.inputs = "x x s";
    refuse_product(of, HMLC_DAMAGED, "graph_invalid", "");
}

/* What else reads four bits would take the IR's bytes for the model's type. */
static void four_bits_are_for_dequantize_alone(void **state)
{
    (void)state;
    wire_buffer graph = {0}, node = node_begin("QuantizeLinear", "x s z", "y");
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "4");
    bytes_tensor(&graph, "s", ONNX_FLOAT, "", sizeof(float));
    bytes_tensor(&graph, "z", ONNX_INT4, "", 1);
    graph_node(&graph, &node);
    finish(&graph, ONNX_INT4, HMLC_REFUSED, "op_unsupported_type", "'z' has integers of four bits");
    graph = (wire_buffer){0};
    node = node_begin("DequantizeLinear", "q s z", "y");
    bytes_tensor(&graph, "q", ONNX_INT4, "4", 2);
    bytes_tensor(&graph, "s", ONNX_FLOAT, "", sizeof(float));
    bytes_tensor(&graph, "z", ONNX_INT8, "", 1);
    graph_node(&graph, &node);
    finish(&graph, ONNX_FLOAT, HMLC_DAMAGED, "graph_invalid", "zero point");
}

static void stored_bytes_are_counted(void **state)
{
    (void)state;
    wire_buffer graph = {0}, node = node_begin("DequantizeLinear", "q s", "y");
    bytes_tensor(&graph, "q", ONNX_INT4, "5", 2);
    bytes_tensor(&graph, "s", ONNX_FLOAT, "", sizeof(float));
    graph_node(&graph, &node);
    finish(&graph, ONNX_FLOAT, HMLC_DAMAGED, "tensor_data_invalid", "2 bytes are stored");
}

static void blocks_need_their_scales(void **state)
{
    (void)state;
    wire_buffer graph = {0}, node = node_begin("DequantizeLinear", "q s", "y");
    node_int(&node, "axis", 0);
    node_int(&node, "block_size", 16);
    bytes_tensor(&graph, "q", ONNX_INT4, "32 4", 64);
    bytes_tensor(&graph, "s", ONNX_FLOAT, "3 4", 12 * sizeof(float));
    graph_node(&graph, &node);
    finish(&graph, ONNX_FLOAT, HMLC_DAMAGED, "graph_invalid", "blocks of the scale");
}

/* GatherBlockQuantized of one matrix; `along` is its quantize_axis. */
static void refuse_rows(int64_t block, int64_t along, const char *scales, size_t count,
                        const char *error, const char *text)
{
    wire_buffer graph = {0}, node = node_begin("GatherBlockQuantized", "q i s", "y");
    wire_put_text(&node, 7, "com.microsoft");
    node_int(&node, "block_size", block);
    node_int(&node, "quantize_axis", along);
    graph_value(&graph, GRAPH_INPUT, "i", ONNX_INT64, "3");
    bytes_tensor(&graph, "q", ONNX_UINT8, "32 16", 512);
    bytes_tensor(&graph, "s", ONNX_FLOAT, scales, count * sizeof(float));
    graph_node(&graph, &node);
    finish(&graph, ONNX_FLOAT, HMLC_DAMAGED, error, text);
}

static void rows_say_what_is_wrong(void **state)
{
    (void)state;
    refuse_rows(0, 1, "32 2", 64, "attribute_invalid", "'block_size' is 0");
    refuse_rows(16, 0, "2 16", 32, "graph_invalid", "must be the last one");
    refuse_rows(16, 1, "32 3", 96, "graph_invalid", "blocks of the scale");
    refuse_rows(16, 2, "32 2", 64, "graph_invalid", "axis 2 is outside");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(products_say_what_is_wrong),
                                       cmocka_unit_test(four_bits_are_for_dequantize_alone),
                                       cmocka_unit_test(stored_bytes_are_counted),
                                       cmocka_unit_test(blocks_need_their_scales),
                                       cmocka_unit_test(rows_say_what_is_wrong)};
    return cmocka_run_group_tests_name("onnx_nbits", tests, NULL, NULL);
}

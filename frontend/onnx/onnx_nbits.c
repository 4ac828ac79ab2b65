/* SPDX-License-Identifier: Apache-2.0 */
/* Operators of ONNX Runtime's domain on constants of 4 or 8 bits with scales in blocks. Elements of
 * four bits lie two a byte, low bits first, and become bytes. */
#include "onnx_import.h"
#include "onnx_node.h"

#include <inttypes.h>

/* Rows of elements, as they are stored. */
typedef struct packed_rows {
    int64_t rows, columns; /* of elements */
    int64_t stride;        /* bytes from one row to the next */
    int64_t bits;
} packed_rows;

static int64_t ceil_divide(int64_t a, int64_t b)
{
    return a / b + (a % b != 0);
}

/* An input that must be a constant; NULL after a diagnostic. */
static const hmlc_tensor *constant_input(hmlc_node *node, uint32_t index)
{
    const hmlc_tensor *tensor = hmlc_value_constant(node->inputs[index]);
    if (tensor == NULL) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, "make it an initializer",
                       "'%s' is computed by the model; it must be a constant",
                       hmlc_node_input_name(node, index));
    }
    return tensor;
}

/* `rows` of elements as a constant of bytes with these dims. */
static hmlc_value *unpack(hmlc_node *node, uint32_t index, const packed_rows *from,
                          const int64_t *dims, int32_t rank)
{
    const hmlc_tensor *stored = constant_input(node, index);
    int64_t bytes = 0;
    bool fits = stored != NULL && hmlc_int64_multiply(from->rows, from->stride, &bytes);
    if (stored == NULL || !fits || bytes != hmlc_tensor_count(stored)) {
        if (stored != NULL) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                           "'%s' has %" PRId64 " bytes; the attributes ask for %" PRId64
                           " rows of %" PRId64,
                           hmlc_node_input_name(node, index), hmlc_tensor_count(stored), from->rows,
                           from->stride);
        }
        return NULL;
    }
    hmlc_tensor tensor = {.dtype = stored->dtype, .rank = rank};
    for (int32_t k = 0; k < rank; k++) {
        tensor.dims[k] = dims[k];
    }
    tensor.bytes = (size_t)(from->rows * from->columns);
    uint8_t *to = hmlc_arena_allocate(node->emit.builder.module->arena, tensor.bytes + 1);
    if (to == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return NULL;
    }
    const uint8_t *data = stored->data;
    for (int64_t row = 0; row < from->rows; row++) {
        for (int64_t k = 0; k < from->columns; k++) {
            int64_t place = row * from->stride + k * from->bits / 8;
            int shift = from->bits == 4 ? (int)(k % 2 * 4) : 0;
            to[row * from->columns + k] =
                (uint8_t)(from->bits == 4 ? data[place] >> shift & 15 : data[place]);
        }
    }
    tensor.data = to;
    return hmlc_emit_constant(&node->emit, &tensor);
}

/* The zero point that no input says, for each block. */
static hmlc_value *middle(hmlc_node *node, hmlc_dtype dtype, int64_t bits, const hmlc_dim *dims,
                          uint32_t rank)
{
    hmlc_value *one = hmlc_emit_scalar(&node->emit, dtype, (double)(1 << (bits - 1)));
    return hmlc_emit_expand(&node->emit, one, dims, rank);
}

static hmlc_value *dequantize(hmlc_node *node, hmlc_value *const *parts, int64_t axis,
                              int64_t block)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *operands[] = {parts[0], hmlc_emit_cast(emit, parts[1], HMLC_DTYPE_f32), parts[2]};
    return hmlc_emit(emit, HMLC_OP_dequantize, operands, parts[2] != NULL ? 3 : 2,
                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis),
                                hmlc_attr_int(HMLC_ATTR_block, block),
                                hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32)));
}

/* `bits` and `block_size`, a power of two from 16 on; false after a diagnostic. */
static bool read_blocks(hmlc_node *node, int64_t otherwise, int64_t *bits, int64_t *block)
{
    *bits = hmlc_node_int(node, "bits", 4);
    *block = hmlc_node_int(node, "block_size", otherwise);
    if (*bits != 4 && *bits != 8) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "'bits' is %" PRId64 "; 4 and 8 are supported", *bits);
    }
    if (*block < 16 || *block > INT32_MAX || (*block & (*block - 1)) != 0) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'block_size' is %" PRId64 ", must be a power of two from 16 on", *block);
    }
    return hmlc_node_ok(node);
}

/* -- MatMulNBits: a [.., K] x dequantized b [N, K], transposed, + bias [N] */

enum { NBITS_A, NBITS_B, NBITS_SCALES, NBITS_ZEROS, NBITS_ORDER, NBITS_BIAS };

typedef struct nbits_product {
    int64_t depth, outputs, bits, block, blocks;
} nbits_product;

static bool read_product(hmlc_node *node, nbits_product *of)
{
    of->depth = hmlc_node_int(node, "K", 0);
    of->outputs = hmlc_node_int(node, "N", 0);
    if (of->depth < 1 || of->outputs < 1 || of->depth > INT32_MAX || of->outputs > INT32_MAX) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'K' is %" PRId64 " and 'N' is %" PRId64 ", must be at least 1", of->depth,
                       of->outputs);
    }
    if (hmlc_node_has_input(node, NBITS_ORDER)) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, "quantize without reordering (act-order)",
                       "'%s' (g_idx) gives each row a block of its own",
                       hmlc_node_input_name(node, NBITS_ORDER));
    }
    if (hmlc_node_has_input(node, NBITS_ZEROS) &&
        hmlc_dtype_is_float(node->inputs[NBITS_ZEROS]->type->dtype)) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, "use packed zero points of uint8",
                       "zero points '%s' are floats", hmlc_node_input_name(node, NBITS_ZEROS));
    }
    if (!hmlc_node_ok(node) || !read_blocks(node, 0, &of->bits, &of->block)) {
        return false;
    }
    of->blocks = ceil_divide(of->depth, of->block);
    return true;
}

static hmlc_value *product_weights(hmlc_node *node, const nbits_product *of)
{
    hmlc_emitter *emit = &node->emit;
    int64_t weights[] = {of->outputs, of->depth}, blocks[] = {of->outputs, of->blocks};
    hmlc_dim dims[] = {hmlc_emit_number(emit, of->outputs), hmlc_emit_number(emit, of->blocks)};
    const packed_rows rows = {.rows = of->outputs,
                              .columns = of->depth,
                              .stride = of->blocks * (of->block * of->bits / 8),
                              .bits = of->bits};
    const packed_rows zeros = {.rows = of->outputs,
                               .columns = of->blocks,
                               .stride = ceil_divide(of->blocks * of->bits, 8),
                               .bits = of->bits};
    hmlc_value *parts[3] = {unpack(node, NBITS_B, &rows, weights, 2)};
    const hmlc_tensor *scales = constant_input(node, NBITS_SCALES);
    if (parts[0] == NULL || scales == NULL) {
        return NULL;
    }
    if (hmlc_tensor_count(scales) != of->outputs * of->blocks) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "'%s' has %" PRId64 " scales; there are %" PRId64 " blocks",
                       hmlc_node_input_name(node, NBITS_SCALES), hmlc_tensor_count(scales),
                       of->outputs * of->blocks);
        return NULL;
    }
    parts[1] = hmlc_emit_reshape(emit, node->inputs[NBITS_SCALES], dims, 2);
    parts[2] = hmlc_node_has_input(node, NBITS_ZEROS)
                   ? unpack(node, NBITS_ZEROS, &zeros, blocks, 2)
                   : middle(node, HMLC_DTYPE_u8, of->bits, dims, 2);
    return hmlc_node_ok(node) ? dequantize(node, parts, 1, of->block) : NULL;
}

void hmlc_onnx_import_matmul_nbits(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    nbits_product of;
    hmlc_value *a = node->inputs[NBITS_A];
    if (!read_product(node, &of)) {
        return;
    }
    hmlc_value *weights = product_weights(node, &of);
    if (weights == NULL) {
        return;
    }
    if (a->type->rank < 2) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "'%s' has rank %d, must be at least 2",
                       hmlc_node_input_name(node, NBITS_A), a->type->rank);
        return;
    }
    hmlc_emit_require_equal(emit, a->type->dims[a->type->rank - 1],
                            hmlc_emit_number(emit, of.depth));
    hmlc_value *wide = hmlc_emit_cast(emit, a, HMLC_DTYPE_f32);
    hmlc_value *product = hmlc_emit(emit, HMLC_OP_matmul, HMLC_OPERANDS(wide, weights),
                                    HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_transpose_b, 1)));
    if (hmlc_node_has_input(node, NBITS_BIAS)) {
        hmlc_value *bias = hmlc_emit_cast(emit, node->inputs[NBITS_BIAS], HMLC_DTYPE_f32);
        product = hmlc_emit_binary(emit, HMLC_OP_add, product, bias);
    }
    node->outputs[0] = hmlc_node_ok(node) ? hmlc_emit_cast(emit, product, a->type->dtype) : NULL;
}

/* -- GatherBlockQuantized: slices of dequantized data */

enum { ROWS_DATA, ROWS_INDICES, ROWS_SCALES, ROWS_ZEROS };

/* Of uint8 in the model, too. */
static bool is_bytes(const hmlc_node *node, uint32_t index)
{
    return node->inputs[index]->type->dtype == HMLC_DTYPE_u8 &&
           !hmlc_onnx_reads_packed(node, index);
}

/* Data and zero points as bytes: those of uint8 lie two a byte along the last dim if `bits` is 4.
 */
static hmlc_value *gathered_part(hmlc_node *node, uint32_t index, int64_t bits, int64_t last)
{
    const hmlc_tensor *tensor = constant_input(node, index);
    if (tensor == NULL || bits != 4 || !is_bytes(node, index)) {
        return tensor != NULL ? node->inputs[index] : NULL;
    }
    packed_rows rows = {.rows = 1, .columns = last, .stride = ceil_divide(last, 2), .bits = 4};
    int64_t dims[HMLC_MAX_RANK];
    for (int32_t k = 0; k < tensor->rank; k++) {
        bool is_last = k == tensor->rank - 1;
        dims[k] = is_last ? last : tensor->dims[k];
        rows.rows *= is_last ? 1 : tensor->dims[k];
    }
    return unpack(node, index, &rows, dims, tensor->rank);
}

static int64_t last_dim(const hmlc_tensor *tensor)
{
    return tensor->rank > 0 ? tensor->dims[tensor->rank - 1] : 1;
}

void hmlc_onnx_import_gather_block_quantized(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    int64_t bits, block;
    int32_t rank = hmlc_node_rank(node, ROWS_DATA);
    int64_t axis = hmlc_node_axis(node, hmlc_node_int(node, "gather_axis", 0), rank);
    int64_t along = hmlc_node_axis(node, hmlc_node_int(node, "quantize_axis", 1), rank);
    if (!hmlc_node_ok(node) || !read_blocks(node, 128, &bits, &block)) {
        return;
    }
    const hmlc_tensor *data = constant_input(node, ROWS_DATA);
    const hmlc_tensor *scales = constant_input(node, ROWS_SCALES);
    if (data == NULL || scales == NULL) {
        return;
    }
    bool bytes = is_bytes(node, ROWS_DATA), pairs = bytes && bits == 4;
    if (pairs && along != rank - 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "'quantize_axis' of data that lies two a byte must be the last one");
        return;
    }
    int64_t length = last_dim(data) * (pairs ? 2 : 1);
    hmlc_value *parts[3] = {gathered_part(node, ROWS_DATA, bits, length), node->inputs[ROWS_SCALES],
                            NULL};
    if (hmlc_node_has_input(node, ROWS_ZEROS)) {
        parts[2] = gathered_part(node, ROWS_ZEROS, bits, last_dim(scales));
    } else if (bytes) {
        parts[2] = middle(node, HMLC_DTYPE_u8, bits, node->inputs[ROWS_SCALES]->type->dims,
                          (uint32_t)node->inputs[ROWS_SCALES]->type->rank);
    }
    if (!hmlc_node_ok(node)) {
        return;
    }
    hmlc_value *rows =
        hmlc_emit(emit, HMLC_OP_gather,
                  HMLC_OPERANDS(dequantize(node, parts, along, block), node->inputs[ROWS_INDICES]),
                  HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis)));
    node->outputs[0] = hmlc_node_ok(node) ? hmlc_emit_cast(emit, rows, scales->dtype) : NULL;
}

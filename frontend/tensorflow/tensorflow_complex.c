/* SPDX-License-Identifier: Apache-2.0 */
/* Complex numbers as pairs, so that the IR knows of none. */
#include <inttypes.h>
#include <string.h>

#include "common/fourier.h"
#include "tensorflow_handle.h"
#include "tensorflow_import.h"

#define OUT node->node.outputs[0]

enum { COMPLEX64 = 8, COMPLEX128 = 18 };

typedef struct complex_pair {
    hmlc_value *re, *im;
} complex_pair;

static hmlc_value *binary(hmlc_tf_node *node, hmlc_opcode opcode, hmlc_value *a, hmlc_value *b)
{
    return hmlc_emit_binary(&node->node.emit, opcode, a, b);
}

static hmlc_value *unary(hmlc_tf_node *node, hmlc_opcode opcode, hmlc_value *a)
{
    return hmlc_emit_unary(&node->node.emit, opcode, a);
}

static bool take(hmlc_tf_node *node, uint32_t index, complex_pair *x)
{
    const hmlc_tf_handle *handle = hmlc_tf_handle_of(hmlc_tf_input(node, index), HMLC_TF_COMPLEX);
    if (handle == NULL) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "input %" PRIu32 " is not complex",
                     index);
        return false;
    }
    *x = (complex_pair){handle->parts[0], handle->parts[1]};
    return true;
}

/* The parts in one shape: a part that is one number for all is spread. */
static complex_pair spread(hmlc_tf_node *node, complex_pair x)
{
    hmlc_emitter *emit = &node->node.emit;
    const hmlc_type *type = x.re->type->rank >= x.im->type->rank ? x.re->type : x.im->type;
    hmlc_value *re = hmlc_emit_expand(emit, x.re, type->dims, (uint32_t)type->rank);
    return (complex_pair){re, hmlc_emit_expand(emit, x.im, type->dims, (uint32_t)type->rank)};
}

static void give(hmlc_tf_node *node, hmlc_value *re, hmlc_value *im)
{
    hmlc_tf_handle *handle =
        re != NULL && im != NULL
            ? hmlc_tf_handle_create(node->importer->base->scratch, HMLC_TF_COMPLEX)
            : NULL;
    if (handle != NULL) {
        handle->parts[0] = re;
        handle->parts[1] = im;
        OUT = &handle->value;
    }
}

bool hmlc_tf_is_complex(const hmlc_tf_node *node)
{
    for (uint32_t i = 0; i < node->node.input_count; i++) {
        if (hmlc_tf_handle_of(node->node.inputs[i], HMLC_TF_COMPLEX) != NULL) {
            return true;
        }
    }
    return false;
}

bool hmlc_tf_is_complex_type(int32_t type)
{
    return type == COMPLEX64 || type == COMPLEX128;
}

static hmlc_value *product(hmlc_tf_node *node, hmlc_value *a, hmlc_value *b, hmlc_value *c,
                           hmlc_value *d, hmlc_opcode between)
{
    return binary(node, between, binary(node, HMLC_OP_mul, a, b), binary(node, HMLC_OP_mul, c, d));
}

/* e^x (cos y + i sin y) */
static void exponential(hmlc_tf_node *node, const complex_pair *x)
{
    hmlc_value *length = unary(node, HMLC_OP_exp, x->re);
    give(node, binary(node, HMLC_OP_mul, length, unary(node, HMLC_OP_cos, x->im)),
         binary(node, HMLC_OP_mul, length, unary(node, HMLC_OP_sin, x->im)));
}

/* Operators that real numbers have, too. */
void hmlc_tf_import_complex_math(hmlc_tf_node *node)
{
    complex_pair x, y = {0};
    const char *op = node->def->op;
    if (!take(node, 0, &x) || (node->node.input_count > 1 && !take(node, 1, &y))) {
        return;
    }
    if (strcmp(op, "Mul") == 0) {
        give(node, product(node, x.re, y.re, x.im, y.im, HMLC_OP_sub),
             product(node, x.re, y.im, x.im, y.re, HMLC_OP_add));
    } else if (strcmp(op, "Add") == 0 || strcmp(op, "AddV2") == 0) {
        give(node, binary(node, HMLC_OP_add, x.re, y.re), binary(node, HMLC_OP_add, x.im, y.im));
    } else if (strcmp(op, "Sub") == 0) {
        give(node, binary(node, HMLC_OP_sub, x.re, y.re), binary(node, HMLC_OP_sub, x.im, y.im));
    } else if (strcmp(op, "Exp") == 0) {
        exponential(node, &x);
    } else if (strcmp(op, "Neg") == 0) {
        give(node, unary(node, HMLC_OP_neg, x.re), unary(node, HMLC_OP_neg, x.im));
    } else {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL, "of complex numbers is not supported");
    }
}

/* A real number as a complex one, or its real part. */
void hmlc_tf_import_complex_cast(hmlc_tf_node *node)
{
    complex_pair x;
    if (hmlc_tf_is_complex(node)) {
        const Tensorflow__AttrValue *to = hmlc_tf_attr_in(node->scope, node->def, "DstT");
        bool stays = to != NULL && hmlc_tf_is_complex_type(to->type);
        if (take(node, 0, &x)) {
            OUT = stays ? node->node.inputs[0]
                        : hmlc_emit_cast(&node->node.emit, x.re,
                                         hmlc_tf_dtype_attr(node, "DstT", HMLC_DTYPE_f32));
        }
        return;
    }
    hmlc_value *re = hmlc_emit_cast(&node->node.emit, node->node.inputs[0], HMLC_DTYPE_f32);
    give(node, re, re != NULL ? hmlc_emit_scalar(&node->node.emit, HMLC_DTYPE_f32, 0) : NULL);
}

void hmlc_tf_import_complex(hmlc_tf_node *node)
{
    if (hmlc_tf_is_handle(node->node.inputs[0]) || hmlc_tf_is_handle(node->node.inputs[1])) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "takes real numbers");
        return;
    }
    give(node, node->node.inputs[0], node->node.inputs[1]);
}

void hmlc_tf_import_real(hmlc_tf_node *node)
{
    complex_pair x;
    if (take(node, 0, &x)) {
        OUT = spread(node, x).re;
    }
}

void hmlc_tf_import_imag(hmlc_tf_node *node)
{
    complex_pair x;
    if (take(node, 0, &x)) {
        OUT = spread(node, x).im;
    }
}

void hmlc_tf_import_conj(hmlc_tf_node *node)
{
    complex_pair x;
    if (take(node, 0, &x)) {
        give(node, x.re, unary(node, HMLC_OP_neg, x.im));
    }
}

/* sqrt(x^2 + y^2), as m sqrt((x/m)^2 + (y/m)^2) with the larger of both, which does not overflow.
 */
void hmlc_tf_import_complex_abs(hmlc_tf_node *node)
{
    complex_pair x;
    hmlc_emitter *emit = &node->node.emit;
    if (!take(node, 0, &x)) {
        return;
    }
    hmlc_value *a = unary(node, HMLC_OP_abs, x.re), *b = unary(node, HMLC_OP_abs, x.im);
    hmlc_value *most = binary(node, HMLC_OP_max, a, b), *least = binary(node, HMLC_OP_min, a, b);
    hmlc_value *one = most != NULL ? hmlc_emit_scalar_like(emit, most, 1) : NULL;
    hmlc_value *none = most != NULL ? hmlc_emit_scalar_like(emit, most, 0) : NULL;
    hmlc_value *empty = binary(node, HMLC_OP_equal, most, none);
    hmlc_value *part = binary(node, HMLC_OP_div, least, hmlc_emit_select(emit, empty, one, most));
    hmlc_value *sum = binary(node, HMLC_OP_add, binary(node, HMLC_OP_mul, part, part), one);
    OUT = binary(node, HMLC_OP_mul, most, unary(node, HMLC_OP_sqrt, sum));
}

/* The angle of (x, y): atan(y / x), in the quadrants of the signs. */
void hmlc_tf_emit_angle(hmlc_tf_node *node, hmlc_value *x, hmlc_value *y)
{
    const double pi = 3.14159265358979323846;
    hmlc_emitter *emit = &node->node.emit;
    hmlc_value *zero = hmlc_emit_scalar_like(emit, x, 0);
    hmlc_value *whole = hmlc_emit_scalar_like(emit, x, pi);
    hmlc_value *half = hmlc_emit_scalar_like(emit, x, pi / 2);
    hmlc_value *below = binary(node, HMLC_OP_less, y, zero);
    hmlc_value *behind = binary(node, HMLC_OP_less, x, zero);
    hmlc_value *on = binary(node, HMLC_OP_equal, x, zero);
    hmlc_value *one = hmlc_emit_scalar_like(emit, x, 1);
    hmlc_value *ratio = binary(node, HMLC_OP_div, y, hmlc_emit_select(emit, on, one, x));
    hmlc_value *angle = unary(node, HMLC_OP_atan, ratio);
    hmlc_value *turned = hmlc_emit_select(emit, below, binary(node, HMLC_OP_sub, angle, whole),
                                          binary(node, HMLC_OP_add, angle, whole));
    hmlc_value *flat = binary(node, HMLC_OP_equal, y, zero);
    hmlc_value *upright = hmlc_emit_select(
        emit, flat, zero,
        hmlc_emit_select(emit, below, half != NULL ? unary(node, HMLC_OP_neg, half) : NULL, half));
    OUT = hmlc_emit_select(emit, on, upright, hmlc_emit_select(emit, behind, turned, angle));
}

void hmlc_tf_import_angle(hmlc_tf_node *node)
{
    complex_pair x;
    if (take(node, 0, &x)) {
        hmlc_tf_emit_angle(node, x.re, x.im);
    }
}

/* -- transforms -------------------------------------------------------------------------------- */

/* A signal as the transform takes it: a last dim of its parts. */
static hmlc_value *signal_of(hmlc_tf_node *node, bool complex)
{
    hmlc_emitter *emit = &node->node.emit;
    complex_pair x;
    if (!complex) {
        return hmlc_emit_unsqueeze(emit, node->node.inputs[0], node->node.inputs[0]->type->rank);
    }
    if (!take(node, 0, &x)) {
        return NULL;
    }
    x = spread(node, x);
    if (x.re == NULL || x.im == NULL) {
        return NULL;
    }
    int32_t rank = x.re->type->rank;
    hmlc_value *parts[] = {hmlc_emit_unsqueeze(emit, x.re, rank), NULL};
    parts[1] = hmlc_emit_unsqueeze(emit, x.im, rank);
    return parts[0] != NULL && parts[1] != NULL ? hmlc_emit_concat(emit, parts, 2, rank) : NULL;
}

/* The parts of a result [..., 2]. */
static void give_parts(hmlc_tf_node *node, hmlc_value *x)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_value *parts[2] = {NULL};
    for (uint32_t i = 0; x != NULL && i < 2; i++) {
        int64_t axis = x->type->rank - 1;
        hmlc_value *part = hmlc_emit_slice_axis(emit, x, axis, hmlc_emit_number(emit, i),
                                                hmlc_emit_number(emit, 1));
        parts[i] = part != NULL ? hmlc_emit_squeeze(emit, part, axis) : NULL;
    }
    give(node, parts[0], parts[1]);
}

void hmlc_tf_import_fourier(hmlc_tf_node *node)
{
    const char *op = node->def->op;
    bool inverse = op[0] == 'I', one_sided = strstr(op, "RFFT") != NULL;
    bool complex = !one_sided || inverse;
    int64_t length = 0;
    if (!complex && hmlc_tf_is_handle(node->node.inputs[0])) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "takes real numbers");
        return;
    }
    hmlc_value *x = signal_of(node, complex);
    if (x == NULL) {
        return;
    }
    if (one_sided) {
        length = hmlc_truncate_to_int(hmlc_node_constant_input(&node->node, 1));
    } else if (!hmlc_dim_is_constant(x->type->dims[x->type->rank - 2], &length)) {
        length = 0;
    }
    x = hmlc_tf_ok(node) ? hmlc_node_fourier(&node->node, x, length, inverse, one_sided) : NULL;
    if (x == NULL) {
        return;
    }
    if (inverse && one_sided) {
        OUT = hmlc_emit_squeeze(&node->node.emit, x, x->type->rank - 1);
    } else {
        give_parts(node, x);
    }
}

/* -- constants --------------------------------------------------------------------------------- */

bool hmlc_tf_is_complex_constant(const Tensorflow__NodeDef *def)
{
    const Tensorflow__AttrValue *value = hmlc_tf_attr(def, "value");
    return value != NULL && value->tensor != NULL && hmlc_tf_is_complex_type(value->tensor->dtype);
}

/* Stored as pairs of floats, or as a list of them of which the last one repeats. */
void hmlc_tf_import_complex_constant(hmlc_tf_node *node)
{
    Tensorflow__Tensor pairs = *hmlc_tf_attr(node->def, "value")->tensor;
    Tensorflow__TensorShape shape = {0}, given = {0};
    Tensorflow__Dim two = {.base = pairs.base, .has_size = true, .size = 2};
    Tensorflow__Dim *dims[HMLC_MAX_RANK];
    hmlc_tensor tensor;
    hmlc_importer *base = node->importer->base;
    if (pairs.tensor_shape != NULL) {
        given = *pairs.tensor_shape;
    }
    if (given.n_dim >= HMLC_MAX_RANK || (!pairs.has_tensor_content && pairs.n_scomplex_val == 0)) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL, "of complex zeros is not supported");
        return;
    }
    shape = given;
    for (size_t i = 0; i < given.n_dim; i++) {
        dims[i] = given.dim[i];
    }
    dims[given.n_dim] = &two;
    shape.n_dim = given.n_dim + 1;
    shape.dim = dims;
    pairs.tensor_shape = &shape;
    pairs.float_val = pairs.scomplex_val;
    pairs.n_float_val = pairs.n_scomplex_val;
    pairs.dtype -= pairs.dtype == COMPLEX64 ? COMPLEX64 - 1 : COMPLEX128 - 2;
    if (pairs.dtype != 1 || (!pairs.has_tensor_content && pairs.n_float_val != 2)) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "of complex numbers in f64 or of repeated ones is not supported");
        return;
    }
    if (!pairs.has_tensor_content && given.n_dim > 0) {
        int64_t count = 1;
        for (size_t i = 0; i < given.n_dim; i++) {
            count *= given.dim[i]->size == 1 ? 1 : 2;
        }
        if (count != 1) {
            hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                         "of repeated complex numbers is not supported");
            return;
        }
    }
    hmlc_status status = hmlc_tf_tensor(base, &pairs, node->node.emit.builder.location, &tensor);
    if (status != HMLC_OK) {
        node->node.emit.status = status;
        return;
    }
    give_parts(node, hmlc_emit_constant(&node->node.emit, &tensor));
}

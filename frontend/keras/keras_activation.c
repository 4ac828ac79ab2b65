/* SPDX-License-Identifier: Apache-2.0 */
/* Activations by name, in other layers and as layers; keras/src/activations of Keras 3, and what
 * was different before it. */
#include "common/softmax.h"
#include "keras_call.h"

#include <hmlc/activation.h>

#include <string.h>

typedef enum activation_form {
    AS_OP,      /* one op, with alpha and beta where they are not 0 */
    AS_NOTHING, /* linear */
    AS_SOFTMAX, /* over the last axis; the op is the row's */
    AS_RELU6,
    AS_HARD_SIGMOID, /* by the version */
    AS_HARD_SWISH,
    AS_LOG_SIGMOID,
    AS_TANH_SHRINK,
} activation_form;

typedef struct keras_activation {
    const char *name;
    activation_form form;
    hmlc_opcode opcode;
    double alpha, beta;
    int32_t cell; /* hmlc_activation_kind; -1: not in cells */
} keras_activation;

static const keras_activation rows[] = {
    {"linear", AS_NOTHING, HMLC_OP_COUNT, 0, 0, -1},
    {"relu", AS_OP, HMLC_OP_relu, 0, 0, HMLC_ACTIVATION_relu},
    {"sigmoid", AS_OP, HMLC_OP_sigmoid, 0, 0, HMLC_ACTIVATION_sigmoid},
    {"tanh", AS_OP, HMLC_OP_tanh, 0, 0, HMLC_ACTIVATION_tanh},
    {"softmax", AS_SOFTMAX, HMLC_OP_softmax, 0, 0, -1},
    {"log_softmax", AS_SOFTMAX, HMLC_OP_log_softmax, 0, 0, -1},
    {"softplus", AS_OP, HMLC_OP_softplus, 0, 0, HMLC_ACTIVATION_softplus},
    {"softsign", AS_OP, HMLC_OP_softsign, 0, 0, HMLC_ACTIVATION_softsign},
    {"elu", AS_OP, HMLC_OP_elu, 1, 0, HMLC_ACTIVATION_elu},
    {"selu", AS_OP, HMLC_OP_selu, 0, 0, -1},
    {"celu", AS_OP, HMLC_OP_celu, 1, 0, -1},
    {"gelu", AS_OP, HMLC_OP_gelu, 0, 0, -1},
    {"swish", AS_OP, HMLC_OP_silu, 0, 0, -1},
    {"silu", AS_OP, HMLC_OP_silu, 0, 0, -1},
    {"mish", AS_OP, HMLC_OP_mish, 0, 0, -1},
    {"exponential", AS_OP, HMLC_OP_exp, 0, 0, -1},
    {"leaky_relu", AS_OP, HMLC_OP_leaky_relu, 0.2, 0, HMLC_ACTIVATION_leaky_relu},
    {"relu6", AS_RELU6, HMLC_OP_COUNT, 0, 0, -1},
    {"hard_sigmoid", AS_HARD_SIGMOID, HMLC_OP_hard_sigmoid, 0, 0, HMLC_ACTIVATION_hard_sigmoid},
    {"hard_silu", AS_HARD_SWISH, HMLC_OP_hard_swish, 0, 0, -1},
    {"hard_swish", AS_HARD_SWISH, HMLC_OP_hard_swish, 0, 0, -1},
    {"log_sigmoid", AS_LOG_SIGMOID, HMLC_OP_COUNT, 0, 0, -1},
    {"tanh_shrink", AS_TANH_SHRINK, HMLC_OP_COUNT, 0, 0, -1},
};

/* Before Keras 3 clip(0.2 x + 0.5, 0, 1), since then relu6(x + 3) / 6. */
static double hard_sigmoid_alpha(const hmlc_keras_call *call)
{
    return call->importer->version < 3 ? 0.2 : 1.0 / 6.0;
}

/* Functions are written as objects too: {"class_name": "function", "config": "relu"}. A layer in
 * the place of one comes back as `layer`. */
static const char *name_of(const hmlc_json *entry, const hmlc_json **layer)
{
    const char *name = hmlc_json_text(entry);
    *layer = NULL;
    if (name == NULL && hmlc_json_is(entry, HMLC_JSON_OBJECT)) {
        name = hmlc_json_text(hmlc_json_get(entry, "config"));
        *layer = name == NULL ? entry : NULL;
    }
    return name;
}

static const keras_activation *find_row(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static hmlc_value *emit_op(hmlc_emitter *emit, hmlc_opcode opcode, hmlc_value *x, double alpha,
                           double beta)
{
    const hmlc_attr attrs[] = {hmlc_attr_float(HMLC_ATTR_alpha, alpha),
                               hmlc_attr_float(HMLC_ATTR_beta, beta)};
    return hmlc_emit(emit, opcode, HMLC_OPERANDS(x), attrs, beta != 0 ? 2 : alpha != 0 ? 1 : 0);
}

static hmlc_value *clip(hmlc_emitter *emit, hmlc_value *x, double most)
{
    x = hmlc_emit_binary(emit, HMLC_OP_min, x, hmlc_emit_scalar(emit, HMLC_DTYPE_f32, most));
    return hmlc_emit_binary(emit, HMLC_OP_max, x, hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 0));
}

static hmlc_value *softmax_last(hmlc_emitter *emit, hmlc_opcode opcode, hmlc_value *x)
{
    int64_t axis = x->type->rank - 1;
    return hmlc_emit_softmax(emit, opcode, x, &axis, 1);
}

static hmlc_value *apply(hmlc_keras_call *call, const keras_activation *row, hmlc_value *x)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    switch (row->form) {
    case AS_NOTHING:
        return x;
    case AS_OP:
        return emit_op(emit, row->opcode, x, row->alpha, row->beta);
    case AS_SOFTMAX:
        return softmax_last(emit, row->opcode, x);
    case AS_RELU6:
        return clip(emit, x, 6);
    case AS_HARD_SIGMOID:
        return emit_op(emit, row->opcode, x, hard_sigmoid_alpha(call), 0.5);
    case AS_HARD_SWISH:
        return hmlc_emit_unary(emit, row->opcode, x);
    case AS_LOG_SIGMOID: /* -softplus(-x) */
        x = hmlc_emit_unary(emit, HMLC_OP_neg, x);
        x = hmlc_emit_unary(emit, HMLC_OP_softplus, x);
        return hmlc_emit_unary(emit, HMLC_OP_neg, x);
    case AS_TANH_SHRINK:
        return hmlc_emit_binary(emit, HMLC_OP_sub, x, hmlc_emit_unary(emit, HMLC_OP_tanh, x));
    default:
        return NULL;
    }
}

static void refuse(hmlc_keras_call *call, const char *name)
{
    hmlc_keras_fail(call, HMLC_ERROR_op_unsupported, "use one of Keras' activations",
                    "has the activation '%s', which is not supported", name);
}

/* A layer, such as LeakyReLU, in the place of a function. */
static hmlc_value *apply_layer(hmlc_keras_call *call, const hmlc_json *object, hmlc_value *x)
{
    const char *class_name = hmlc_json_text(hmlc_json_get(object, "class_name"));
    hmlc_keras_layer layer = *call->layer;
    layer.class_name = class_name != NULL ? class_name : "";
    layer.config = hmlc_json_get(object, "config");
    layer.row = hmlc_keras_find_row(layer.class_name);
    layer.weights = NULL;
    layer.weight_count = 0;
    if (layer.row == NULL || layer.row->weights[0] != '\0') {
        refuse(call, layer.class_name);
        return NULL;
    }
    return hmlc_keras_call_layer(call, &layer, x);
}

hmlc_value *hmlc_keras_activate(hmlc_keras_call *call, const char *key, hmlc_value *x)
{
    const hmlc_json *entry = hmlc_keras_entry(call, key), *layer;
    if (entry == NULL || x == NULL) {
        return x;
    }
    const char *name = name_of(entry, &layer);
    if (layer != NULL) {
        return apply_layer(call, layer, x);
    }
    const keras_activation *row = name != NULL ? find_row(name) : NULL;
    if (row == NULL) {
        refuse(call, name != NULL ? name : hmlc_json_kind_name(entry));
        return NULL;
    }
    return hmlc_keras_ok(call) ? apply(call, row, x) : NULL;
}

bool hmlc_keras_cell_activation(hmlc_keras_call *call, const char *key, const char *otherwise,
                                int64_t *kind, double *alpha, double *beta)
{
    const hmlc_json *entry = hmlc_keras_entry(call, key), *layer;
    const char *name = entry != NULL ? name_of(entry, &layer) : otherwise;
    const keras_activation *row = name != NULL ? find_row(name) : NULL;
    bool linear = row != NULL && row->form == AS_NOTHING;
    if (row == NULL || (row->cell < 0 && !linear)) {
        refuse(call, name != NULL ? name : hmlc_json_kind_name(entry));
        return false;
    }
    bool hard = row->form == AS_HARD_SIGMOID;
    *kind = linear ? HMLC_ACTIVATION_affine : row->cell;
    *alpha = linear ? 1 : hard ? hard_sigmoid_alpha(call) : row->alpha;
    *beta = hard ? 0.5 : row->beta;
    return true;
}

/* -- layers ------------------------------------------------------------------------------------ */

void hmlc_keras_import_activation(hmlc_keras_call *call)
{
    call->node.outputs[0] = hmlc_keras_activate(call, "activation", call->node.inputs[0]);
}

void hmlc_keras_import_elu(hmlc_keras_call *call)
{
    double alpha = hmlc_keras_float(call, "alpha", 1);
    call->node.outputs[0] = hmlc_emit(hmlc_keras_emitter(call), HMLC_OP_elu, call->node.inputs, 1,
                                      HMLC_ATTRS(hmlc_attr_float(HMLC_ATTR_alpha, alpha)));
}

/* Keras 3 calls the slope negative_slope, which was alpha. */
void hmlc_keras_import_leaky_relu(hmlc_keras_call *call)
{
    double alpha = hmlc_keras_float(call, "negative_slope", hmlc_keras_float(call, "alpha", 0.3));
    call->node.outputs[0] =
        hmlc_emit(hmlc_keras_emitter(call), HMLC_OP_leaky_relu, call->node.inputs, 1,
                  HMLC_ATTRS(hmlc_attr_float(HMLC_ATTR_alpha, alpha)));
}

/* x > theta ? x : 0 */
void hmlc_keras_import_thresholded_relu(hmlc_keras_call *call)
{
    double theta = hmlc_keras_float(call, "theta", 1);
    call->node.outputs[0] =
        hmlc_emit(hmlc_keras_emitter(call), HMLC_OP_thresholded_relu, call->node.inputs, 1,
                  HMLC_ATTRS(hmlc_attr_float(HMLC_ATTR_alpha, theta)));
}

/* max_value from max_value on, x from the threshold on, negative_slope * (x - threshold) below. */
void hmlc_keras_import_relu(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *x = call->node.inputs[0], *y;
    double slope = hmlc_keras_float(call, "negative_slope", 0);
    double threshold = hmlc_keras_float(call, "threshold", 0);
    if (threshold == 0 && slope == 0) {
        y = hmlc_emit_unary(emit, HMLC_OP_relu, x);
    } else if (threshold == 0) {
        y = emit_op(emit, HMLC_OP_leaky_relu, x, slope, 0);
    } else {
        hmlc_value *limit = hmlc_emit_scalar(emit, HMLC_DTYPE_f32, threshold);
        hmlc_value *below = hmlc_emit_binary(emit, HMLC_OP_less, x, limit);
        hmlc_value *away = hmlc_emit_binary(emit, HMLC_OP_sub, x, limit);
        hmlc_value *scaled = hmlc_emit_binary(emit, HMLC_OP_mul, away,
                                              hmlc_emit_scalar(emit, HMLC_DTYPE_f32, slope));
        y = hmlc_emit_select(emit, below, scaled, x);
    }
    if (hmlc_keras_entry(call, "max_value") != NULL) {
        hmlc_value *most =
            hmlc_emit_scalar(emit, HMLC_DTYPE_f32, hmlc_keras_float(call, "max_value", 0));
        y = hmlc_emit_binary(emit, HMLC_OP_min, y, most);
    }
    call->node.outputs[0] = y;
}

/* One slope per element, 1 along shared axes: [1, ...] behind the batch. */
void hmlc_keras_import_prelu(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *x = call->node.inputs[0];
    hmlc_value *alpha = hmlc_keras_weight_of(call, "alpha", x->type->rank - 1);
    if (alpha != NULL) {
        call->node.outputs[0] = hmlc_emit_binary(emit, HMLC_OP_prelu, x, alpha);
    }
}

void hmlc_keras_import_softmax(hmlc_keras_call *call)
{
    hmlc_value *x = call->node.inputs[0];
    const hmlc_json *entry = hmlc_keras_entry(call, "axis");
    int64_t list[HMLC_MAX_RANK] = {-1}, axes[HMLC_MAX_RANK];
    uint32_t count = 1;
    if (hmlc_json_is(entry, HMLC_JSON_ARRAY) && entry->count <= HMLC_MAX_RANK) {
        count = entry->count;
    }
    for (uint32_t i = 0; entry != NULL && i < count; i++) {
        const hmlc_json *axis = entry->kind == HMLC_JSON_ARRAY ? hmlc_json_at(entry, i) : entry;
        if (!hmlc_json_integer(axis, &list[i])) {
            hmlc_keras_fail(call, HMLC_ERROR_attribute_invalid, NULL, "'axis' holds no numbers");
            return;
        }
    }
    count = hmlc_node_axes(&call->node, list, count, x->type->rank, axes);
    call->node.outputs[0] =
        hmlc_emit_softmax(hmlc_keras_emitter(call), HMLC_OP_softmax, x, axes, count);
}

void hmlc_keras_import_identity(hmlc_keras_call *call)
{
    call->node.outputs[0] = call->node.inputs[0];
}

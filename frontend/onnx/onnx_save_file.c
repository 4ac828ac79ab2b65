/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a model: what stands where in ModelProto and below. */
#include "onnx_save.h"
#include "onnx_sink.h"
#include "onnx_types.h"

#include <string.h>

typedef struct whole_model {
    const hmlc_save_graph *graph;
    const char *producer_version;
} whole_model;

int64_t hmlc_save_dtype(hmlc_dtype dtype)
{
    static const struct {
        int64_t number;
        hmlc_dtype dtype;
    } rows[] = {
#define ONNX_DTYPE(number, name, letter, supported) {number, HMLC_DTYPE_##name},
        HMLC_ONNX_DTYPES(ONNX_DTYPE)
#undef ONNX_DTYPE
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].dtype == dtype) {
            return rows[i].number;
        }
    }
    return 0;
}

/* -- tensors and types ------------------------------------------------------------------------- */

/* TensorProto */
static void put_constant(hmlc_onnx_sink *out, const void *context)
{
    enum { DIMS = 1, DATA_TYPE = 2, NAME = 8, RAW_DATA = 9 };
    const hmlc_save_constant *constant = context;
    for (int32_t i = 0; i < constant->tensor.rank; i++) {
        hmlc_onnx_put_integer(out, DIMS, constant->tensor.dims[i]);
    }
    hmlc_onnx_put_integer(out, DATA_TYPE, hmlc_save_dtype(constant->tensor.dtype));
    hmlc_onnx_put_text(out, NAME, constant->name);
    hmlc_onnx_put_bytes(out, RAW_DATA, constant->tensor.data, constant->tensor.bytes);
}

/* Dimension: a number, or a text that may be an expression of symbols. */
static void put_dim(hmlc_onnx_sink *out, const void *context)
{
    enum { VALUE = 1, PARAM = 2, MOST_TEXT = 256 };
    const hmlc_dim *dim = context;
    char text[MOST_TEXT];
    int64_t number;
    if (hmlc_dim_is_constant(*dim, &number)) {
        hmlc_onnx_put_integer(out, VALUE, number);
    } else {
        int length = hmlc_dim_format(*dim, text, sizeof text);
        if (length > 0 && (size_t)length < sizeof text && !hmlc_dim_uses_run_symbol(*dim)) {
            hmlc_onnx_put_text(out, PARAM, text);
        }
    }
}

static void put_shape(hmlc_onnx_sink *out, const void *context)
{
    const hmlc_type *type = context;
    for (int32_t i = 0; i < type->rank; i++) {
        hmlc_onnx_put_message(out, 1, put_dim, &type->dims[i]);
    }
}

static void put_tensor_type(hmlc_onnx_sink *out, const void *context)
{
    const hmlc_type *type = context;
    hmlc_onnx_put_integer(out, 1, hmlc_save_dtype(type->dtype));
    hmlc_onnx_put_message(out, 2, put_shape, type);
}

static void put_type(hmlc_onnx_sink *out, const void *context)
{
    hmlc_onnx_put_message(out, 1, put_tensor_type, context);
}

/* ValueInfoProto */
static void put_port(hmlc_onnx_sink *out, const void *context)
{
    const hmlc_save_port *port = context;
    hmlc_onnx_put_text(out, 1, port->name);
    if (port->type != NULL) {
        hmlc_onnx_put_message(out, 2, put_type, port->type);
    }
}

/* -- nodes ------------------------------------------------------------------------------------- */

static void put_graph(hmlc_onnx_sink *out, const void *context);

static void put_list(hmlc_onnx_sink *out, const hmlc_save_attr *attr)
{
    enum { FLOATS = 7, INTS = 8, STRINGS = 9 };
    for (uint32_t i = 0; i < attr->count; i++) {
        if (attr->kind == HMLC_SAVE_INTS) {
            hmlc_onnx_put_integer(out, INTS, attr->as.integers[i]);
        } else if (attr->kind == HMLC_SAVE_FLOATS) {
            hmlc_onnx_put_float(out, FLOATS, attr->as.reals[i]);
        } else {
            hmlc_onnx_put_text(out, STRINGS, attr->as.texts[i]);
        }
    }
}

/* AttributeProto */
static void put_attr(hmlc_onnx_sink *out, const void *context)
{
    enum { NAME = 1, F = 2, I = 3, S = 4, G = 6, TYPE = 20 };
    const hmlc_save_attr *attr = context;
    hmlc_onnx_put_text(out, NAME, attr->name);
    switch (attr->kind) {
    case HMLC_SAVE_FLOAT:
        hmlc_onnx_put_float(out, F, attr->as.real);
        break;
    case HMLC_SAVE_INT:
        hmlc_onnx_put_integer(out, I, attr->as.integer);
        break;
    case HMLC_SAVE_STRING:
        hmlc_onnx_put_text(out, S, attr->as.text);
        break;
    case HMLC_SAVE_GRAPH:
        hmlc_onnx_put_message(out, G, put_graph, attr->as.graph);
        break;
    default:
        put_list(out, attr);
        break;
    }
    hmlc_onnx_put_integer(out, TYPE, attr->kind);
}

/* NodeProto */
static void put_node(hmlc_onnx_sink *out, const void *context)
{
    enum { INPUT = 1, OUTPUT = 2, NAME = 3, OP_TYPE = 4, ATTRIBUTE = 5 };
    const hmlc_save_node *node = context;
    for (uint32_t i = 0; i < node->input_count; i++) {
        hmlc_onnx_put_text(out, INPUT, node->inputs[i]);
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        hmlc_onnx_put_text(out, OUTPUT, node->outputs[i]);
    }
    hmlc_onnx_put_text(out, NAME, node->name);
    hmlc_onnx_put_text(out, OP_TYPE, node->type);
    for (uint32_t i = 0; i < node->attr_count; i++) {
        hmlc_onnx_put_message(out, ATTRIBUTE, put_attr, &node->attrs[i]);
    }
}

/* -- graph and model --------------------------------------------------------------------------- */

/* GraphProto */
static void put_graph(hmlc_onnx_sink *out, const void *context)
{
    enum { NODE = 1, NAME = 2, INITIALIZER = 5, INPUT = 11, OUTPUT = 12 };
    const hmlc_save_graph *graph = context;
    for (const hmlc_save_node *node = graph->first; node != NULL; node = node->next) {
        hmlc_onnx_put_message(out, NODE, put_node, node);
    }
    hmlc_onnx_put_text(out, NAME, graph->name);
    for (const hmlc_save_constant *c = graph->constants; c != NULL; c = c->next) {
        hmlc_onnx_put_message(out, INITIALIZER, put_constant, c);
    }
    for (uint32_t i = 0; i < graph->input_count; i++) {
        hmlc_onnx_put_message(out, INPUT, put_port, &graph->inputs[i]);
    }
    for (uint32_t i = 0; i < graph->output_count; i++) {
        hmlc_onnx_put_message(out, OUTPUT, put_port, &graph->outputs[i]);
    }
}

static void put_opset(hmlc_onnx_sink *out, const void *context)
{
    (void)context;
    hmlc_onnx_put_text(out, 1, "");
    hmlc_onnx_put_integer(out, 2, HMLC_SAVE_OPSET);
}

/* ModelProto */
static void put_model(hmlc_onnx_sink *out, const whole_model *model)
{
    enum { IR_VERSION = 1, PRODUCER = 2, PRODUCER_VERSION = 3, GRAPH = 7, OPSETS = 8 };
    hmlc_onnx_put_integer(out, IR_VERSION, HMLC_SAVE_IR_VERSION);
    hmlc_onnx_put_text(out, PRODUCER, "hmlc");
    if (model->producer_version != NULL) {
        hmlc_onnx_put_text(out, PRODUCER_VERSION, model->producer_version);
    }
    hmlc_onnx_put_message(out, GRAPH, put_graph, model->graph);
    hmlc_onnx_put_message(out, OPSETS, put_opset, NULL);
}

uint64_t hmlc_save_size(const hmlc_save_graph *graph, const char *producer_version)
{
    hmlc_onnx_sink counter = {0};
    put_model(&counter, &(whole_model){graph, producer_version});
    return counter.bytes;
}

void hmlc_save_write(const hmlc_save_graph *graph, const char *producer_version, FILE *stream)
{
    hmlc_onnx_sink out = {.stream = stream};
    put_model(&out, &(whole_model){graph, producer_version});
}

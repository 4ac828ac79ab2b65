/* SPDX-License-Identifier: Apache-2.0 */
/* Types that a model declares: element types, input shapes, value_info. */
#include "importer/input_dims.h"
#include "onnx_import.h"
#include "onnx_types.h"

#include <inttypes.h>
#include <stdio.h>

typedef struct row {
    int64_t number;
    hmlc_dtype dtype;
    char letter;
    bool supported;
} row;

static const row rows[] = {
#define ONNX_DTYPE(number, name, letter, supported) {number, HMLC_DTYPE_##name, letter, supported},
    HMLC_ONNX_DTYPES(ONNX_DTYPE)
#undef ONNX_DTYPE
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

bool hmlc_onnx_dtype_of_number(int64_t number, hmlc_dtype *dtype, bool *supported)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].number == number) {
            *dtype = rows[i].dtype;
            *supported = rows[i].supported;
            return true;
        }
    }
    return false;
}

bool hmlc_onnx_dtype_of_letter(char letter, hmlc_dtype *dtype)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].letter == letter) {
            *dtype = rows[i].dtype;
            return true;
        }
    }
    return false;
}

char hmlc_onnx_letter_of_dtype(hmlc_dtype dtype)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].dtype == dtype) {
            return rows[i].letter;
        }
    }
    return '\0';
}

bool hmlc_onnx_dtype(hmlc_importer *importer, int64_t number, const hmlc_location *where,
                     const char *what, hmlc_dtype *dtype)
{
    bool supported;
    if (!hmlc_onnx_dtype_of_number(number, dtype, &supported)) {
        (void)hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_graph_invalid, where, NULL,
                             "%s: %" PRId64 " is no element type of ONNX", what, number);
        return false;
    }
    if (!supported) {
        (void)hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_op_unsupported_type, where,
                             "export the model without it: convert outside the model",
                             "%s: tensors of element type %s are not supported", what,
                             hmlc_dtype_name(*dtype));
    }
    return supported;
}

static const char *other_kind(const Onnx__TypeProto *type)
{
    return type->sequence_type != NULL        ? "a sequence"
           : type->map_type != NULL           ? "a map"
           : type->optional_type != NULL      ? "an optional"
           : type->sparse_tensor_type != NULL ? "a sparse tensor"
           : type->opaque_type != NULL        ? "of an opaque type"
                                              : NULL;
}

static hmlc_status input_dims(hmlc_onnx_importer *importer, const char *name,
                              const Onnx__TensorShapeProto *shape, const hmlc_location *where,
                              hmlc_dim *dims)
{
    for (size_t i = 0; i < shape->n_dim; i++) {
        const Onnx__DimensionProto *dim = shape->dim[i];
        if (dim->dim_param != NULL && dim->dim_param[0] != '\0') {
            dims[i] = hmlc_input_dim_named(importer->base, dim->dim_param, name, (uint32_t)i);
        } else if (dim->has_dim_value && dim->dim_value >= 0) {
            if (dim->dim_value > HMLC_DIM_UNBOUNDED) {
                return hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_graph_invalid,
                                      where, "a dim that varies is a dim_param, such as 'batch'",
                                      "input '%s': dim %zu is %" PRId64 "; expected 0 to 2^47",
                                      name, i, dim->dim_value);
            }
            dims[i] = hmlc_dim_constant(importer->base->module->dims, dim->dim_value);
        } else { /* none at all, or one of the negative numbers that frameworks put for "any" */
            dims[i] = hmlc_input_dim_unnamed(importer->base, name, (uint32_t)i);
        }
        HMLC_TRY_MEMORY(dims[i]);
    }
    return HMLC_OK;
}

/* An input without a shape has the rank that its readers want, and symbols for dims. */
static hmlc_status type_by_use(hmlc_onnx_importer *importer, const char *name, hmlc_dtype dtype,
                               const hmlc_location *where, const hmlc_type **type)
{
    hmlc_diagnostics *diagnostics = importer->base->module->diagnostics;
    hmlc_dim dims[HMLC_MAX_RANK];
    int32_t rank = hmlc_onnx_rank_by_use(importer, name);
    HMLC_TRY(importer->base->fatal);
    if (rank < 0) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_rank_unknown, where,
                              "export the model with input shapes (dims may be symbols)",
                              "input '%s' has no shape, and its rank does not follow from its use",
                              name);
    }
    hmlc_warning_add(diagnostics, HMLC_ERROR_rank_unknown, where,
                     "export the model with input shapes (dims may be symbols)",
                     "input '%s' has no shape: its rank %d follows from its use", name, rank);
    for (int32_t i = 0; i < rank; i++) {
        dims[i] = hmlc_input_dim_unnamed(importer->base, name, (uint32_t)i);
        HMLC_TRY_MEMORY(dims[i]);
    }
    *type = hmlc_type_tensor(importer->base->module->arena, dtype, rank, dims);
    HMLC_TRY_MEMORY(*type);
    return HMLC_OK;
}

hmlc_status hmlc_onnx_input_type(hmlc_onnx_importer *importer, const Onnx__ValueInfoProto *info,
                                 const hmlc_location *where, const hmlc_type **type)
{
    hmlc_diagnostics *diagnostics = importer->base->module->diagnostics;
    const char *name = info->name != NULL ? info->name : "";
    const Onnx__TensorTypeProto *tensor = info->type != NULL ? info->type->tensor_type : NULL;
    if (tensor == NULL) {
        const char *kind = info->type != NULL ? other_kind(info->type) : NULL;
        return kind != NULL
                   ? hmlc_error_add(diagnostics, HMLC_ERROR_not_implemented, where, NULL,
                                    "input '%s' is %s; only tensors are supported", name, kind)
                   : hmlc_error_add(diagnostics, HMLC_ERROR_graph_invalid, where, NULL,
                                    "input '%s' has no type", name);
    }
    char what[256];
    (void)snprintf(what, sizeof what, "input '%.200s'", name);
    hmlc_dtype dtype;
    if (!hmlc_onnx_dtype(importer->base, tensor->elem_type, where, what, &dtype)) {
        return HMLC_REFUSED;
    }
    if (tensor->shape == NULL) {
        return type_by_use(importer, name, dtype, where, type);
    }
    if (tensor->shape->n_dim > HMLC_MAX_RANK) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_not_implemented, where, NULL,
                              "input '%s' has rank %zu; at most %d is supported", name,
                              tensor->shape->n_dim, HMLC_MAX_RANK);
    }
    hmlc_dim dims[HMLC_MAX_RANK];
    HMLC_TRY(input_dims(importer, name, tensor->shape, where, dims));
    *type =
        hmlc_type_tensor(importer->base->module->arena, dtype, (int32_t)tensor->shape->n_dim, dims);
    HMLC_TRY_MEMORY(*type);
    return hmlc_importer_check_size(importer->base, name, *type, where) ? HMLC_OK : HMLC_DAMAGED;
}

static void contradiction(hmlc_onnx_importer *importer, const char *name,
                          const hmlc_location *where, const char *part, const char *declared,
                          const hmlc_type *inferred)
{
    char text[256];
    (void)hmlc_type_format(inferred, text, sizeof text);
    (void)hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_declared_type_contradicts,
                         where, "correct or remove the type that the model declares for the value",
                         "the model declares %s %s for '%s', but its operator gives %s", part,
                         declared, name, text);
}

static bool shape_contradicts(const Onnx__TensorShapeProto *shape, const hmlc_type *inferred)
{
    if (shape->n_dim != (size_t)inferred->rank) {
        return true;
    }
    for (size_t i = 0; i < shape->n_dim; i++) {
        int64_t given;
        if (shape->dim[i]->has_dim_value && shape->dim[i]->dim_value > 0 &&
            hmlc_dim_is_constant(inferred->dims[i], &given) && given != shape->dim[i]->dim_value) {
            return true;
        }
    }
    return false;
}

static void format_declared(const Onnx__TensorShapeProto *shape, char *text, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < shape->n_dim && used < size; i++) {
        const Onnx__DimensionProto *dim = shape->dim[i];
        bool named = dim->dim_param != NULL && dim->dim_param[0] != '\0';
        char number[24] = "?";
        if (dim->has_dim_value) {
            (void)snprintf(number, sizeof number, "%" PRId64, dim->dim_value);
        }
        int written = snprintf(text + used, size - used, "%s%.32s", i > 0 ? ", " : "",
                               named ? dim->dim_param : number);
        used += written > 0 ? (size_t)written : 0;
    }
}

/* A file whose shapes are stale has as many of these as values: the rest is counted. */
enum { MOST_SHAPE_WARNINGS = 8 };

/* Exporters and optimisers leave shapes that are not true any more. As in ONNX Runtime, what
 * follows from the operators counts. */
static void warn_declared_shape(hmlc_onnx_importer *importer, const char *name,
                                const Onnx__TensorShapeProto *shape, const hmlc_type *inferred,
                                const hmlc_location *where)
{
    if (importer->stale_shapes++ >= MOST_SHAPE_WARNINGS) {
        return;
    }
    char given[256], declared[256] = "";
    (void)hmlc_type_format(inferred, given, sizeof given);
    format_declared(shape, declared, sizeof declared);
    hmlc_warning_add(importer->base->module->diagnostics, HMLC_ERROR_declared_type_contradicts,
                     where, "correct or remove the shape that the model declares for the value",
                     "the model declares shape [%s] for '%s', but its operator gives %s, which "
                     "counts",
                     declared, name, given);
}

void hmlc_onnx_declared_finish(hmlc_onnx_importer *importer)
{
    if (importer->stale_shapes > MOST_SHAPE_WARNINGS) {
        hmlc_warning_add(importer->base->module->diagnostics, HMLC_ERROR_declared_type_contradicts,
                         importer->base->where,
                         "correct or remove the shapes that the model declares for values",
                         "%" PRIu32 " more declared shapes are not what the operators give",
                         importer->stale_shapes - MOST_SHAPE_WARNINGS);
    }
}

void hmlc_onnx_check_declared(hmlc_onnx_importer *importer, const char *name,
                              const Onnx__TypeProto *declared, const hmlc_type *inferred,
                              const hmlc_location *where)
{
    if (declared == NULL) {
        return;
    }
    const Onnx__TensorTypeProto *tensor = declared->tensor_type;
    if (tensor == NULL) {
        const char *kind = other_kind(declared);
        if (kind != NULL) {
            contradiction(importer, name, where, "that it is", kind, inferred);
        }
        return;
    }
    hmlc_dtype dtype;
    bool supported;
    if (tensor->elem_type != 0 &&
        (!hmlc_onnx_dtype_of_number(tensor->elem_type, &dtype, &supported) ||
         dtype != inferred->dtype)) {
        char text[32];
        (void)snprintf(text, sizeof text, "%" PRId32, tensor->elem_type);
        bool known = hmlc_onnx_dtype_of_number(tensor->elem_type, &dtype, &supported);
        contradiction(importer, name, where, "element type", known ? hmlc_dtype_name(dtype) : text,
                      inferred);
        return;
    }
    if (tensor->shape != NULL && shape_contradicts(tensor->shape, inferred)) {
        warn_declared_shape(importer, name, tensor->shape, inferred, where);
    }
}

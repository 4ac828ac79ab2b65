/* SPDX-License-Identifier: Apache-2.0 */
/* Printing of attributes, tensors and storage. */
#include <inttypes.h>

#include "text_buffer.h"

static bool is_complex(hmlc_dtype dtype)
{
    return hmlc_dtype_class_of(dtype) == HMLC_CLASS_COMPLEX;
}

/* Elements between parentheses; a complex one as its two parts. */
static void print_elements(hmlc_printer *printer, const hmlc_tensor *tensor)
{
    hmlc_dtype part = tensor->dtype;
    if (is_complex(part)) {
        part = part == HMLC_DTYPE_c64 ? HMLC_DTYPE_f32 : HMLC_DTYPE_f64;
    }
    size_t bytes = hmlc_dtype_bytes(part), count = tensor->bytes / bytes;
    for (size_t i = 0; i < count; i++) {
        char text[HMLC_ELEMENT_TEXT];
        hmlc_element_format(part, (const char *)tensor->data + i * bytes, text);
        hmlc_write(&printer->writer, i == 0 ? "" : ", ");
        hmlc_write(&printer->writer, text);
    }
}

/* Appends the tensor's bytes to the side buffer; returns their offset there. */
static size_t append_bytes(hmlc_text_writer *constants, const hmlc_tensor *tensor)
{
    static const char zeros[HMLC_SIDE_ALIGNMENT];
    size_t misaligned = constants->buffer->size % HMLC_SIDE_ALIGNMENT;
    if (misaligned != 0) {
        hmlc_write_n(constants, zeros, HMLC_SIDE_ALIGNMENT - misaligned);
    }
    size_t offset = constants->buffer->size;
    hmlc_write_n(constants, tensor->data, tensor->bytes);
    return offset;
}

static void print_hash(hmlc_printer *printer, const hmlc_tensor *tensor)
{
    hmlc_text_hash hash = hmlc_text_hash_of(tensor->data, tensor->bytes);
    hmlc_write_format(&printer->writer, "hash %016" PRIx64 "%016" PRIx64, hash.high, hash.low);
    if (printer->constants != NULL) {
        hmlc_write_format(&printer->writer, " at %zu", append_bytes(printer->constants, tensor));
    }
}

void hmlc_print_tensor(hmlc_printer *printer, const hmlc_tensor *tensor)
{
    hmlc_text_writer *out = &printer->writer;
    hmlc_write(out, hmlc_dtype_name(tensor->dtype));
    hmlc_write(out, "[");
    for (int32_t i = 0; i < tensor->rank; i++) {
        hmlc_write_format(out, i == 0 ? "%" PRId64 : ", %" PRId64, tensor->dims[i]);
    }
    hmlc_write(out, "](");
    if (tensor->bytes <= HMLC_INLINE_BYTES && hmlc_dtype_bytes(tensor->dtype) > 0) {
        print_elements(printer, tensor);
    } else {
        print_hash(printer, tensor);
    }
    hmlc_write(out, ")");
}

static void print_real(hmlc_text_writer *out, double value)
{
    char text[HMLC_ELEMENT_TEXT];
    hmlc_element_format(HMLC_DTYPE_f64, &value, text);
    hmlc_write(out, text);
}

static void print_list(hmlc_text_writer *out, const hmlc_attr *attr, hmlc_attr_kind kind)
{
    hmlc_write(out, "[");
    for (uint32_t i = 0; i < attr->count; i++) {
        hmlc_write(out, i == 0 ? "" : ", ");
        if (kind == HMLC_ATTR_KIND_INTS) {
            hmlc_write_format(out, "%" PRId64, attr->as.integers[i]);
        } else if (kind == HMLC_ATTR_KIND_FLOATS) {
            print_real(out, attr->as.reals[i]);
        } else {
            hmlc_write_dim(out, attr->as.dims[i]);
        }
    }
    hmlc_write(out, "]");
}

static void print_word(hmlc_text_writer *out, const hmlc_attr *attr)
{
    size_t length;
    const char *word = hmlc_attr_enum_word(attr->name, attr->as.integer, &length);
    if (word != NULL) {
        hmlc_write_n(out, word, length);
    } else {
        hmlc_write_format(out, "%" PRId64, attr->as.integer); /* the verifier refuses it */
    }
}

static void print_value(hmlc_printer *printer, const hmlc_attr *attr)
{
    hmlc_text_writer *out = &printer->writer;
    hmlc_attr_kind kind = hmlc_attr_kind_of(attr->name);
    switch (kind) {
    case HMLC_ATTR_KIND_INT:
        hmlc_write_format(out, "%" PRId64, attr->as.integer);
        break;
    case HMLC_ATTR_KIND_ENUM:
        print_word(out, attr);
        break;
    case HMLC_ATTR_KIND_FLOAT:
        print_real(out, attr->as.real);
        break;
    case HMLC_ATTR_KIND_INTS:
    case HMLC_ATTR_KIND_FLOATS:
    case HMLC_ATTR_KIND_DIMS:
        print_list(out, attr, kind);
        break;
    case HMLC_ATTR_KIND_STRING:
        hmlc_write_quoted(out, attr->as.string);
        break;
    case HMLC_ATTR_KIND_DTYPE:
        hmlc_write(out, hmlc_dtype_name(attr->as.dtype));
        break;
    case HMLC_ATTR_KIND_TENSOR:
        hmlc_print_tensor(printer, attr->as.tensor);
        break;
    }
}

void hmlc_print_attrs(hmlc_printer *printer, const hmlc_op *op)
{
    for (uint32_t i = 0; i < op->attr_count; i++) {
        hmlc_write(&printer->writer, i == 0 ? " {" : ", ");
        hmlc_write(&printer->writer, hmlc_attr_name_text(op->attrs[i].name));
        hmlc_write(&printer->writer, " = ");
        print_value(printer, &op->attrs[i]);
    }
    hmlc_write(&printer->writer, op->attr_count > 0 ? "}" : "");
}

void hmlc_print_storage(hmlc_printer *printer, const hmlc_value *value)
{
    static const char *const kinds[] = {
        [HMLC_STORAGE_NONE] = "none",         [HMLC_STORAGE_ARENA] = "arena",
        [HMLC_STORAGE_GROWABLE] = "growable", [HMLC_STORAGE_INPUT] = "input",
        [HMLC_STORAGE_OUTPUT] = "output",     [HMLC_STORAGE_CONSTANT] = "constant"};
    const hmlc_storage *storage = &value->storage;
    hmlc_text_writer *out = &printer->writer;
    bool empty = storage->kind == HMLC_STORAGE_NONE && storage->root == NULL &&
                 storage->offset == NULL && storage->strides == NULL;
    if (!printer->options.storage || empty) {
        return;
    }
    hmlc_write_format(out, " @%s %u", kinds[storage->kind], storage->index);
    if (storage->offset != NULL) {
        hmlc_write(out, " offset(");
        hmlc_write_dim(out, storage->offset);
        hmlc_write(out, ")");
    }
    if (storage->root != NULL) {
        hmlc_write(out, " root ");
        hmlc_print_number(printer, storage->root);
    }
    if (storage->strides != NULL && value->type->kind == HMLC_KIND_TENSOR) {
        hmlc_write(out, " strides[");
        for (int32_t i = 0; i < value->type->rank; i++) {
            hmlc_write(out, i == 0 ? "" : ", ");
            hmlc_write_dim(out, storage->strides[i]);
        }
        hmlc_write(out, "]");
    }
}

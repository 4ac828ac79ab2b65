/* SPDX-License-Identifier: Apache-2.0 */
/* NumPy's .npy: a magic number, a version, a header that is a Python dict literal, the elements. */
#include "tensor_file.h"
#include "tensor_write.h"

#include <stdlib.h>
#include <string.h>

/* Names of element types behind the byte order mark. bf16 has none of NumPy's own. */
static const struct {
    const char *name;
    hml_dtype dtype;
} npy_dtypes[] = {
    {"b1", HML_BOOL}, {"i1", HML_I8},  {"i2", HML_I16}, {"i4", HML_I32}, {"i8", HML_I64},
    {"u1", HML_U8},   {"u2", HML_U16}, {"u4", HML_U32}, {"u8", HML_U64}, {"f2", HML_F16},
    {"V2", HML_BF16}, {"f4", HML_F32}, {"f8", HML_F64},
};
enum { NPY_DTYPES = sizeof npy_dtypes / sizeof npy_dtypes[0] };

/* -- The dict literal -------------------------------------------------------------------------- */

typedef struct npy_header {
    hml_dtype dtype;
    bool swapped, fortran;
    bool has_descr, has_order, has_shape;
    uint32_t rank;
    int64_t dims[HML_MAX_TENSOR_RANK];
} npy_header;

typedef struct literal {
    const char *at, *end;
} literal;

static void skip_space(literal *text)
{
    while (text->at < text->end && (*text->at == ' ' || *text->at == '\n' || *text->at == '\t')) {
        text->at++;
    }
}

static bool take(literal *text, char wanted)
{
    skip_space(text);
    if (text->at < text->end && *text->at == wanted) {
        text->at++;
        return true;
    }
    return false;
}

static bool take_word(literal *text, const char *word)
{
    size_t length = strlen(word);
    skip_space(text);
    if ((size_t)(text->end - text->at) >= length && memcmp(text->at, word, length) == 0) {
        text->at += length;
        return true;
    }
    return false;
}

/* A quoted string without escapes. */
static bool take_string(literal *text, char *out, size_t out_bytes)
{
    skip_space(text);
    if (text->at >= text->end || (*text->at != '\'' && *text->at != '"')) {
        return false;
    }
    char quote = *text->at++;
    size_t length = 0;
    while (text->at < text->end && *text->at != quote) {
        if (length + 1 >= out_bytes || *text->at == '\\') {
            return false;
        }
        out[length++] = *text->at++;
    }
    out[length] = '\0';
    return take(text, quote);
}

static bool take_integer(literal *text, int64_t *value)
{
    skip_space(text);
    const char *start = text->at;
    int64_t sum = 0;
    while (text->at < text->end && *text->at >= '0' && *text->at <= '9') {
        if (__builtin_mul_overflow(sum, (int64_t)10, &sum) ||
            __builtin_add_overflow(sum, (int64_t)(*text->at - '0'), &sum)) {
            return false;
        }
        text->at++;
    }
    *value = sum;
    return text->at > start;
}

static bool take_shape(literal *text, npy_header *header)
{
    if (!take(text, '(')) {
        return false;
    }
    while (!take(text, ')')) {
        if (header->rank == HML_MAX_TENSOR_RANK ||
            !take_integer(text, &header->dims[header->rank])) {
            return false;
        }
        header->rank++;
        if (!take(text, ',')) {
            return take(text, ')');
        }
    }
    return true;
}

static hml_status take_dtype(const char *descr, const char *path, npy_header *header,
                             hml_tool_error *error)
{
    for (size_t i = 0; i < NPY_DTYPES; i++) {
        if (descr[0] != '\0' && strcmp(descr + 1, npy_dtypes[i].name) == 0 &&
            strchr("<>|=", descr[0]) != NULL) {
            header->dtype = npy_dtypes[i].dtype;
            header->swapped = descr[0] == '>';
            return HML_OK;
        }
    }
    return HML_TOOL_FAIL(error, HML_ERROR_tensor_unsupported, "%s: element type '%s'", path, descr);
}

/* One "key: value" of the dict. */
static hml_status take_entry(literal *text, const char *path, npy_header *header, bool *valid,
                             hml_tool_error *error)
{
    char key[24], descr[24];
    *valid = false;
    if (!take_string(text, key, sizeof key) || !take(text, ':')) {
        return HML_OK;
    }
    if (strcmp(key, "descr") == 0 && !header->has_descr) {
        header->has_descr = true;
        skip_space(text);
        if (text->at < text->end && *text->at == '[') {
            return HML_TOOL_FAIL(error, HML_ERROR_tensor_unsupported, "%s: structured elements",
                                 path);
        }
        *valid = take_string(text, descr, sizeof descr);
        return *valid ? take_dtype(descr, path, header, error) : HML_OK;
    }
    if (strcmp(key, "fortran_order") == 0 && !header->has_order) {
        header->has_order = true;
        header->fortran = take_word(text, "True");
        *valid = header->fortran || take_word(text, "False");
    } else if (strcmp(key, "shape") == 0 && !header->has_shape) {
        header->has_shape = true;
        *valid = take_shape(text, header);
    }
    return HML_OK;
}

static hml_status parse_header(literal text, const char *path, npy_header *header,
                               hml_tool_error *error)
{
    bool valid = take(&text, '{');
    while (valid && !take(&text, '}')) {
        HML_TOOL_TRY(take_entry(&text, path, header, &valid, error));
        if (valid && !take(&text, ',')) {
            valid = take(&text, '}');
            break;
        }
    }
    skip_space(&text);
    if (!valid || text.at != text.end || !header->has_descr || !header->has_order ||
        !header->has_shape) {
        return HML_TOOL_FAIL(error, HML_ERROR_tensor_damaged, "%s: the header is no array's", path);
    }
    return HML_OK;
}

/* -- Elements ---------------------------------------------------------------------------------- */

static void swap_bytes(uint8_t *data, size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < size / 2; k++) {
            uint8_t byte = data[i * size + k];
            data[i * size + k] = data[i * size + size - 1 - k];
            data[i * size + size - 1 - k] = byte;
        }
    }
}

/* Column-major elements to row-major: an index counts up in memory order, and its strides say where
 * the element belongs. */
static void reorder(const hml_tensor *tensor, const uint8_t *data)
{
    size_t size = hml_dtype_bytes(tensor->dtype);
    size_t strides[HML_MAX_TENSOR_RANK] = {0};
    int64_t index[HML_MAX_TENSOR_RANK] = {0};
    size_t stride = size, target = 0;
    for (uint32_t i = tensor->rank; i > 0; i--) {
        strides[i - 1] = stride;
        stride *= (size_t)tensor->dims[i - 1];
    }
    for (size_t done = 0; done < tensor->bytes; done += size) {
        memcpy((uint8_t *)tensor->data + target, data + done, size);
        for (uint32_t i = 0; i < tensor->rank; i++) {
            target += strides[i];
            if (++index[i] < tensor->dims[i]) {
                break;
            }
            target -= strides[i] * (size_t)tensor->dims[i];
            index[i] = 0;
        }
    }
}

/* The header, and where the elements start. */
static hml_status read_header(const uint8_t *data, size_t bytes, const char *path,
                              npy_header *header, size_t *start, hml_tool_error *error)
{
    if (bytes < 10 || memcmp(data, "\x93NUMPY", 6) != 0) {
        return HML_TOOL_FAIL(error, HML_ERROR_tensor_damaged, "%s: not an .npy file", path);
    }
    size_t prefix = data[6] == 1 ? 10 : 12;
    if (data[6] < 1 || data[6] > 3 || bytes < prefix) {
        return HML_TOOL_FAIL(error, HML_ERROR_tensor_damaged, "%s: version %u of .npy", path,
                             data[6]);
    }
    size_t header_bytes = data[8] | (size_t)data[9] << 8;
    if (prefix == 12) {
        header_bytes |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    }
    if (header_bytes > HML_NPY_HEADER - 12) {
        return HML_TOOL_FAIL(error, HML_ERROR_tensor_unsupported, "%s: a header of %zu bytes", path,
                             header_bytes);
    }
    if (header_bytes > bytes - prefix) {
        return HML_TOOL_FAIL(error, HML_ERROR_tensor_damaged, "%s: ends within its header", path);
    }
    *header = (npy_header){.dtype = HML_BOOL};
    *start = prefix + header_bytes;
    const char *text = (const char *)data + prefix;
    return parse_header((literal){text, text + header_bytes}, path, header, error);
}

hml_status hml_npy_size(const uint8_t *data, size_t bytes, const char *path, hml_tensor *shape,
                        size_t *whole, hml_tool_error *error)
{
    npy_header header;
    size_t start = 0, elements = 0;
    HML_TOOL_TRY(read_header(data, bytes, path, &header, &start, error));
    if (!hml_tensor_shape_bytes(header.dtype, header.rank, header.dims, &elements)) {
        return HML_TOOL_FAIL(error, HML_ERROR_tensor_damaged, "%s: its shape is impossible", path);
    }
    *shape = (hml_tensor){.dtype = header.dtype, .rank = header.rank};
    memcpy(shape->dims, header.dims, sizeof header.dims);
    *whole = start + elements;
    return HML_OK;
}

/* The elements at the start of the owned block, which then is the tensor's. */
static void take_block(uint8_t **own, const uint8_t *elements, hml_tensor *tensor)
{
    memmove(*own, elements, tensor->bytes);
    free(tensor->data);
    tensor->data = *own;
    *own = NULL;
}

/* `own` is where `data` is owned, NULL: it is not; see hml_npy_take. */
static hml_status read_array(const uint8_t *data, size_t bytes, const char *path, uint8_t **own,
                             hml_owned_tensor *tensor, hml_tool_error *error)
{
    npy_header header;
    size_t start = 0;
    HML_TOOL_TRY(read_header(data, bytes, path, &header, &start, error));
    const uint8_t *elements = data + start;
    size_t element_bytes = bytes - start, needed = 0;
    if (!hml_tensor_shape_bytes(header.dtype, header.rank, header.dims, &needed) ||
        needed != element_bytes) {
        return HML_TOOL_FAIL(error, HML_ERROR_tensor_damaged,
                             "%s: %zu bytes of elements are not what the shape needs", path,
                             element_bytes);
    }
    HML_TOOL_TRY(hml_tensor_create(header.dtype, header.rank, header.dims, NULL, 0, tensor, error));
    if (header.fortran && header.rank > 1) {
        reorder(&tensor->tensor, elements);
    } else if (own != NULL) {
        take_block(own, elements, &tensor->tensor);
    } else if (element_bytes > 0) {
        memcpy(tensor->tensor.data, elements, element_bytes);
    }
    if (header.swapped) {
        size_t size = hml_dtype_bytes(header.dtype);
        swap_bytes(tensor->tensor.data, tensor->tensor.bytes / size, size);
    }
    return HML_OK;
}

hml_status hml_npy_read(const uint8_t *data, size_t bytes, const char *path,
                        hml_owned_tensor *tensor, hml_tool_error *error)
{
    return read_array(data, bytes, path, NULL, tensor, error);
}

hml_status hml_npy_take(uint8_t **data, size_t bytes, const char *path, hml_owned_tensor *tensor,
                        hml_tool_error *error)
{
    return read_array(*data, bytes, path, data, tensor, error);
}

/* -- Writing ----------------------------------------------------------------------------------- */

void hml_npy_write(FILE *file, const hml_tensor *tensor)
{
    const char *name = "V2";
    for (size_t i = 0; i < NPY_DTYPES; i++) {
        name = npy_dtypes[i].dtype == tensor->dtype ? npy_dtypes[i].name : name;
    }
    char text[512], shape[HML_MAX_TENSOR_RANK * 24 + 8];
    size_t length = 0;
    shape[0] = '\0';
    for (uint32_t i = 0; i < tensor->rank; i++) {
        length += (size_t)snprintf(shape + length, sizeof shape - length, "%lld%s",
                                   (long long)tensor->dims[i],
                                   i + 1 < tensor->rank ? ", " : (tensor->rank == 1 ? "," : ""));
    }
    const char *order = hml_dtype_bytes(tensor->dtype) == 1 ? "|" : "<";
    int header =
        snprintf(text, sizeof text, "{'descr': '%s%s', 'fortran_order': False, 'shape': (%s), }",
                 order, name, shape);
    /* Padded with blanks to a multiple of 64 with the 10 bytes before it and the newline behind. */
    size_t padded = ((size_t)header + 1 + 10 + 63) / 64 * 64 - 10;
    fwrite("\x93NUMPY\1\0", 1, 8, file);
    fputc((int)(padded & 0xff), file);
    fputc((int)(padded >> 8), file);
    fprintf(file, "%-*s\n", (int)padded - 1, text);
    fwrite(tensor->data, 1, tensor->bytes, file);
}

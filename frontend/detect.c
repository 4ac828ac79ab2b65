#include "detect.h"

#include <stdbool.h>
#include <string.h>

typedef struct signature {
    size_t offset;
    size_t length;
    const char *bytes;
    hmlc_format format;
} signature;

#define SIGNATURE(offset, bytes, description, hint)                                                \
    {                                                                                              \
        offset, sizeof(bytes) - 1, bytes,                                                          \
        {                                                                                          \
            description, hint                                                                      \
        }                                                                                          \
    }

#define EXPORT_ONNX "export the model to ONNX"

static const signature signatures[] = {
    SIGNATURE(0, "version https://git-lfs", "a git-lfs pointer, not the model itself",
              "fetch the file with `git lfs pull`"),
    SIGNATURE(4, "TFL3", "a TFLite model", EXPORT_ONNX),
    SIGNATURE(0, "\x89HDF\r\n\x1a\n", "an HDF5 file (Keras .h5?)", EXPORT_ONNX),
    SIGNATURE(0, "PK\x03\x04", "a zip archive (.keras, .pt, .npz?)", EXPORT_ONNX),
    SIGNATURE(0, "\x1f\x8b", "a gzip archive", "unpack it first"),
    SIGNATURE(0,
              "\xfd"
              "7zXZ",
              "an xz archive", "unpack it first"),
    SIGNATURE(0, "\x28\xb5\x2f\xfd", "a zstd archive", "unpack it first"),
    SIGNATURE(0, "\x80\x02", "a Python pickle", "pickles are never run; " EXPORT_ONNX),
    SIGNATURE(0, "\x80\x03", "a Python pickle", "pickles are never run; " EXPORT_ONNX),
    SIGNATURE(0, "\x80\x04", "a Python pickle", "pickles are never run; " EXPORT_ONNX),
    SIGNATURE(0, "\x80\x05", "a Python pickle", "pickles are never run; " EXPORT_ONNX),
    SIGNATURE(0, "GGUF", "a GGUF file", EXPORT_ONNX),
    SIGNATURE(8, "{\"", "a safetensors file: weights without a graph", EXPORT_ONNX),
    SIGNATURE(0, "binf", "an XGBoost binary model", EXPORT_ONNX),
    SIGNATURE(0, "tree\n", "a LightGBM text model", EXPORT_ONNX),
    SIGNATURE(0,
              "\x7f"
              "ELF",
              "a program or shared library", NULL),
    SIGNATURE(4, "ORTM", "an ONNX Runtime .ort file", "use the .onnx file it was made from"),
    SIGNATURE(0, "ORTM", "an ONNX Runtime .ort file", "use the .onnx file it was made from"),
    SIGNATURE(0, "\x89HML\r\n\x1a\n", "an artifact of hmlc", "run it with `hmlc run`"),
    SIGNATURE(0, "\x93NUMPY", "a NumPy array", NULL),
    SIGNATURE(0, "\x89PNG", "an image", NULL),
    SIGNATURE(0, "%PDF", "a PDF document", NULL),
    SIGNATURE(0, "7767517\n", "an ncnn model", EXPORT_ONNX),
};

static const hmlc_format empty = {"an empty file", "check that it was downloaded or written"};
static const hmlc_format html = {"an HTML page, perhaps of a failed download",
                                 "fetch the file again"};
static const hmlc_format json = {"a JSON file (XGBoost, MXNet?)", EXPORT_ONNX};
static const hmlc_format text = {"a text file", NULL};
static const hmlc_format tensorflow = {"a TensorFlow graph", EXPORT_ONNX};
static const hmlc_format unknown = {"of no known format", NULL};

static bool is_text(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] < 0x20 && strchr("\t\n\r\f", bytes[i]) == NULL) {
            return false;
        }
        if (bytes[i] == 0 || bytes[i] == 0x7f || bytes[i] >= 0xf5) { /* never in UTF-8 */
            return false;
        }
    }
    return true;
}

static const hmlc_format *detect_text(const unsigned char *bytes, size_t size)
{
    size_t first = 0;
    while (first + 1 < size && strchr(" \t\r\n", bytes[first]) != NULL) {
        first++;
    }
    if (bytes[first] == '<') {
        return &html;
    }
    return bytes[first] == '{' || bytes[first] == '[' ? &json : &text;
}

const hmlc_format *hmlc_format_detect(const void *data, size_t size)
{
    const unsigned char *bytes = data;
    if (size == 0) {
        return &empty;
    }
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
        const signature *known = &signatures[i];
        if (size >= known->offset + known->length &&
            memcmp(bytes + known->offset, known->bytes, known->length) == 0) {
            return &known->format;
        }
    }
    size_t looked_at = size < 64 ? size : 64;
    if (is_text(bytes, looked_at)) {
        return detect_text(bytes, looked_at);
    }
    /* ONNX's first field is ir_version (key 0x08), or in odd writers another field below 32 of
     * varint or length-prefixed type. A GraphDef starts with a node (key 0x0a). */
    if (bytes[0] == 0x0a) {
        return &tensorflow;
    }
    unsigned wire_type = bytes[0] & 7U;
    return bytes[0] >= 0x08 && (wire_type == 0 || wire_type == 2) ? NULL : &unknown;
}

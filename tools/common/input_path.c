/* SPDX-License-Identifier: Apache-2.0 */
#include "input_path.h"

#include <errno.h>
#include <fcntl.h>
#include <hml_format/artifact.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_BYTES = 16 };

static size_t read_head(const char *path, unsigned char *head)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t size = file >= 0 ? read(file, head, HEAD_BYTES) : 0;
    if (file >= 0) {
        close(file);
    }
    return size > 0 ? (size_t)size : 0;
}

static bool is_artifact(const unsigned char *head, size_t size)
{
    return size >= sizeof HML_MAGIC - 1 && memcmp(head, HML_MAGIC, sizeof HML_MAGIC - 1) == 0;
}

/* A ModelProto begins with its ir_version (field 1), and names, opsets or the graph follow; behind
 * a TensorProto's field 1 there are more dims or an element type. */
static bool is_onnx(const unsigned char *head, size_t size, const char *path)
{
    static const unsigned char following[] = {0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42, 0x72};
    const char *dot = strrchr(path, '.');
    if (dot != NULL && strcmp(dot, ".onnx") == 0) {
        return size > 0 && !is_artifact(head, size);
    }
    return size >= 3 && head[0] == 0x08 && head[1] > 0 && head[1] < 0x80 &&
           memchr(following, head[2], sizeof following) != NULL;
}

static hml_status wrong(hml_tool_error *error, const char *path, const char *what, const char *hint)
{
    hml_tool_error_set(error, HML_ERROR_path_wrong, "%s: %s", path, what);
    error->hint = hint;
    return HML_ERROR_path_wrong;
}

static hml_status check_contents(const char *path, hml_path_kind kind, hml_tool_error *error)
{
    unsigned char head[HEAD_BYTES];
    size_t size = read_head(path, head);
    if (kind == HML_PATH_ARTIFACT && is_onnx(head, size, path)) {
        return wrong(error, path, "this is an ONNX model, not an artifact: compile it first",
                     "`hmlc compile MODEL.onnx -o MODEL.hml`, then give MODEL.hml");
    }
    if (kind == HML_PATH_MODEL && is_artifact(head, size)) {
        return wrong(error, path, "this is an artifact, compiled already, not a model",
                     "run it with `hmlc run`, or give the model that it was made from");
    }
    return HML_OK;
}

hml_status hml_path_check(const char *path, hml_path_kind kind, hml_tool_error *error)
{
    static const char *const places = "check the path; a relative one starts at the current folder";
    struct stat state;
    if (stat(path, &state) != 0) {
        return errno == EACCES ? HML_OK : wrong(error, path, strerror(errno), places);
    }
    if (kind == HML_PATH_FOLDER) {
        return S_ISDIR(state.st_mode) ? HML_OK : wrong(error, path, "is not a folder", places);
    }
    if (S_ISDIR(state.st_mode)) {
        return kind == HML_PATH_MODEL
                   ? wrong(error, path, "is a folder that holds no model",
                           "name a file in it, or a SavedModel's folder: the one with "
                           "saved_model.pb and variables/, or its parent with a version's number")
                   : wrong(error, path, "is a folder", "name a file in it");
    }
    if (!S_ISREG(state.st_mode)) {
        return wrong(error, path, "is not a regular file", places);
    }
    return kind == HML_PATH_FILE ? HML_OK : check_contents(path, kind, error);
}

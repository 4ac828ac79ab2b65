/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of an input whose shape does not fit: both shapes, and what looks mixed up. */
#include "session/session.h"
#include <stdio.h>
#include <string.h>

enum { ANY = -1, DIM_TEXT = 24 };

/* Text that grows to the end of its memory and is cut there. */
typedef struct line {
    char *text;
    size_t bytes, used;
} line;

static void add(line *to, const char *text)
{
    size_t length = strlen(text), room = to->bytes - to->used - 1;
    length = length < room ? length : room;
    memcpy(to->text + to->used, text, length);
    to->used += length;
    to->text[to->used] = '\0';
}

static void add_given(line *to, const hml_tensor *given)
{
    char text[DIM_TEXT];
    const char *type = hml_dtype_name(given->dtype);
    add(to, type != NULL ? type : "no type");
    add(to, "[");
    for (uint32_t d = 0; d < given->rank && d < HML_MAX_TENSOR_RANK; d++) {
        (void)snprintf(text, sizeof text, "%s%lld", d > 0 ? ", " : "", (long long)given->dims[d]);
        add(to, text);
    }
    add(to, "]");
}

static void add_wanted(line *to, const hml_model_tables *tables, const hml_tensor_record *record)
{
    add(to, hml_dtype_name((hml_dtype)record->dtype));
    add(to, "[");
    for (uint32_t d = 0; d < record->rank; d++) {
        add(to, d > 0 ? ", " : "");
        add(to, tables->strings + record->dim_texts[d]);
    }
    add(to, "]");
}

/* Dims that the model is sure of; ANY for those that this input decides itself. */
static void known_dims(const hml_session *session, uint32_t input, bool evaluated, int64_t *wanted)
{
    const hml_tensor_record *record = &session->model->tables.inputs[input];
    for (uint32_t d = 0; d < record->rank; d++) {
        const hml_dim_record *dim = &session->program->dims[record->dims[d]];
        bool decides = dim->op == HML_DIM_INPUT && dim->a == input;
        wanted[d] = dim->op == HML_DIM_CONSTANT ? dim->value
                    : evaluated && !decides     ? session->dims[record->dims[d]]
                                                : ANY;
    }
}

/* given[order[d]] fits wanted[d] for all d. */
static bool fits(const int64_t *given, const uint32_t *order, const int64_t *wanted, uint32_t rank)
{
    for (uint32_t d = 0; d < rank; d++) {
        if (wanted[d] != ANY && given[order[d]] != wanted[d]) {
            return false;
        }
    }
    return true;
}

typedef struct axis_order {
    uint32_t axes[HML_MAX_TENSOR_RANK];
} axis_order;

/* Axes of a tensor with its channels last, in the order of channels first; or the reverse. */
static axis_order channel_order(uint32_t rank, bool from_last)
{
    axis_order order = {{0}};
    for (uint32_t d = 1; d < rank; d++) {
        order.axes[d] = from_last ? (d == 1 ? rank - 1 : d - 1) : (d == rank - 1 ? 1 : d + 1);
    }
    return order;
}

/* NULL: nothing looks mixed up. */
static const char *mixed_up(const int64_t *given, const int64_t *wanted, uint32_t rank)
{
    static const char *const texts[][2] = {
        [2] = {"it looks transposed", "it looks transposed"},
        [3] = {"it looks like NWC data for a model that takes NCW",
               "it looks like NCW data for a model that takes NWC"},
        [4] = {"it looks like NHWC data for a model that takes NCHW",
               "it looks like NCHW data for a model that takes NHWC"},
        [5] = {"it looks like NDHWC data for a model that takes NCDHW",
               "it looks like NCDHW data for a model that takes NDHWC"}};
    if (rank == 2) {
        return fits(given, (const uint32_t[]){1, 0}, wanted, rank) ? texts[2][0] : NULL;
    }
    for (uint32_t way = 0; rank >= 3 && rank <= 5 && way < 2; way++) {
        axis_order order = channel_order(rank, way == 0);
        if (fits(given, order.axes, wanted, rank)) {
            return texts[rank][way];
        }
    }
    return NULL;
}

/* What the caller may have meant, for a shape that does not fit as it is. */
static const char *guess(const hml_tensor *given, const int64_t *wanted, uint32_t rank)
{
    static const axis_order same = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}};
    int64_t batched[HML_MAX_TENSOR_RANK] = {1};
    if (given->rank == rank) {
        return mixed_up(given->dims, wanted, rank);
    }
    if (rank > 0 && given->rank == rank - 1) {
        memcpy(batched + 1, given->dims, given->rank * sizeof(int64_t));
        if (fits(batched, same.axes, wanted, rank)) {
            return "a first dim of 1, the batch, seems to be missing";
        }
        return rank > 2 && mixed_up(batched, wanted, rank) != NULL
                   ? "the batch dim seems to be missing, and the channels stand elsewhere"
                   : NULL;
    }
    return given->rank == rank + 1 && given->rank <= HML_MAX_TENSOR_RANK && given->dims[0] == 1 &&
                   fits(given->dims + 1, same.axes, wanted, rank)
               ? "its first dim of 1 is one too many"
               : NULL;
}

void hml_session_shape_text(const hml_session *session, uint32_t input, const hml_tensor *given,
                            bool evaluated, char *text, size_t bytes)
{
    const hml_model_tables *tables = &session->model->tables;
    const hml_tensor_record *record = &tables->inputs[input];
    int64_t wanted[HML_MAX_TENSOR_RANK];
    line to = {text, bytes, 0};
    add(&to, "it is ");
    add_given(&to, given);
    add(&to, ", the model wants ");
    add_wanted(&to, tables, record);
    known_dims(session, input, evaluated, wanted);
    const char *meant = guess(given, wanted, record->rank);
    if (meant != NULL) {
        add(&to, "; ");
        add(&to, meant);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the operators that traits do not describe, and what traits say of the others. */
#include "operator_row.h"

#include <stdio.h>
#include <string.h>

#include "maker.h"

#define ROW(name, operands, attrs, flags) {HMLC_OP_##name, operands, attrs, flags},
#define NORM                              "axes = [2], epsilon = {0|1e-5|1e-3}"
#define WINDOW_2D                                                                                  \
    "strides = [{1|2|3}, {1|2}], pads = [{0|1|2}, {0|1}, {0|1}, {0|2}], dilations = [{1|1|2}, "    \
    "{1|1|3}]"
#define WINDOW_1D "strides = [{1|2|3}], pads = [{0|1|2}, {0|1}], dilations = [{1|1|2}]"
#define POOL_2D   "window = [{1|2|3}, {2|3}], strides = [{1|2|3}, {1|2}], dilations = [{1|1|2}, 1], "
#define POOL_PADS "pads = [{0|1}, {0|1}, {0|1}, {0|1}]"
#define FIRST     "layout = channels_first"
#define LAST      "layout = channels_last"
#define COORDINATES                                                                                \
    "coordinates = {half_pixel|pytorch_half_pixel|align_corners|asymmetric|half_pixel_symmetric|"  \
    "tf_half_pixel_for_nn}, "
#define RESIZE                                                                                     \
    COORDINATES "resize_mode = {nearest|linear|cubic}, nearest_mode = "                            \
                "{round_prefer_floor|round_prefer_ceil|floor|ceil}, exclude_outside = {0|1}"
#define CELL       "input_forget = {0|1}, clip = {0|0.5}, "
#define REDUCTIONS "reduction = {none|add|mul|min|max}"

const operator_row operator_rows[] = {
    /* clang-format off */
    ROW(quantize, "F[a,b]; F[]{; N[]|}", "axis = 0, to = $N", 0)
    ROW(quantize, "F[a,b]; F[b]; N[b]", "axis = 1, to = $N", 0)
    ROW(dequantize, "N[a,b]; F[]{; N[]|}", "axis = 0, to = $F", 0)
    ROW(dequantize, "N[a,b]; F[a]; N[a]", "axis = 0, to = $F", 0)
    ROW(dims_tensor, "/W[a,b]", "elements = [a0, b0 * a0, b0 - 3], to = $N, shape = [3]", 0)
    ROW(iota, "/W[a,b]", "shape = [a0, b0], axis = {0|1}, to = $T", 0)
    ROW(range, "T[]; T[]; T[]; /W[k]", "shape = [k3]", 0)
    ROW(reshape, "T[a,b,c]", "shape = [{a0 * b0, c0|c0, b0, a0|a0 * b0 * c0|a0, 1, b0 * c0}]", OPERATOR_MOVES)
    ROW(reshape, "T[a,b]; /W[a,b]", "shape = [{a1, b1|b1, a1}]", OPERATOR_MOVES)
    ROW(transpose, "T[a,b,c,d]", "permutation = [{3, 2, 1, 0|0, 2, 1, 3|1, 0, 3, 2|0, 2, 3, 1|2, 3, 0, 1}]", OPERATOR_MOVES)
    ROW(transpose, "T[a,b]", "permutation = [1, 0]", OPERATOR_MOVES)
    ROW(expand, "T[{a,b|b|}]; /W[c,a,b]", "shape = [c1, a1, b1]", OPERATOR_MOVES | OPERATOR_BROADCASTS)
    ROW(slice, "T[a,b]; /W[k,l]", "starts = [min(k1, a0), {max(0, b0 - l1)|0}], sizes = [a0 - min(k1, a0), {min(b0, l1)|min(l1, b0)}], steps = [1, 1]", OPERATOR_MOVES)
    ROW(slice, "T[a,b]", "starts = [a0 - 1, 0], sizes = [a0, floor((b0 + 2) / 3)], steps = [-1, 3]", OPERATOR_MOVES)
    ROW(slice, "T[a,b]", "starts = [a0 - 1, b0 - 1], sizes = [floor((a0 + 1) / 2), floor((b0 + 2) / 3)], steps = [-2, -3]", OPERATOR_MOVES)
    ROW(concat, "T[a,b]{|; T[a,c]|; T[a,c]; T[a,d]}", "axis = 1", OPERATOR_MOVES)
    ROW(concat, "T[a,b,c]; T[d,b,c]", "axis = 0", OPERATOR_MOVES)
    ROW(pad, "T[a,b]; {T[]|_|T[1]}; /W[k,l]", "pads = [k2 - {0|2|7}, l2 - {0|1}, l2 - {0|3}, k2 - {0|1|2}], pad_mode = {constant|reflect|edge|wrap}", OPERATOR_MOVES)
    ROW(tile, "T[a,b]; /W[k,l]", "shape = [a0 * k1, b0 * l1]", OPERATOR_MOVES)
    ROW(gather, "T[a,b,c]; I[{d,e|d|}]", "axis = {0|1|2}", OPERATOR_MOVES)
    ROW(gather_elements, "T[a,b,c]; I[a,b,c]", "axis = {0|1|2}", OPERATOR_MOVES)
    ROW(gather_nd, "T[a,b,c]; I[{d,|d,e,|}{1|2|3}]", "batch_dims = 0", OPERATOR_MOVES)
    ROW(gather_nd, "T[a,b,c]; I[a,{d,|}{1|2}]", "batch_dims = 1", OPERATOR_MOVES)
    ROW(scatter_elements, "T[a,b,c]; I[a,b,c]; T[a,b,c]", "axis = {0|1|2}, " REDUCTIONS, OPERATOR_SUMS)
    ROW(scatter_nd, "T[a,b,c]; I[d,1]; T[d,b,c]", REDUCTIONS, OPERATOR_SUMS)
    ROW(scatter_nd, "T[a,b,c]; I[d,e,2]; T[d,e,c]", REDUCTIONS, OPERATOR_SUMS)
    ROW(scatter_nd, "T[a,b,c]; I[d,3]; T[d]", REDUCTIONS, OPERATOR_SUMS)
    ROW(update_rows, "T[a,b]; T[{1|2},b]; I[]", "", OPERATOR_MOVES)
    ROW(one_hot, "{I|F}[a,b]; T[2]; /W[k]", "axis = {0|1|2}, depth = [k2]", OPERATOR_MOVES)
    ROW(trilu, "T[{a,b,|}m,n]{; N[]|; N[1]|}", "upper = {0|1}", 0)
    ROW(resize, "T[a,b,h,w]; _; _; /W[h,w]", "sizes = [a0, b0, h3, w3], " RESIZE, OPERATOR_SUMS | OPERATOR_REAL)
    ROW(resize, "T[a,b,h,w]", "sizes = [a0, b0, h0 * 2, floor(3 * w0 / 2)], scales = [1, 1, 2, 1.5], " RESIZE, OPERATOR_SUMS | OPERATOR_REAL)
    ROW(resize, "T[a,h,w]; F[3]; _; /W[h,w]", "sizes = [a0, h3, w3], " RESIZE, OPERATOR_SUMS | OPERATOR_REAL)
    ROW(resize, "T[a,b,h,w]; _; _; /W[h,w]", "sizes = [a0, b0, h3, w3], antialias = 1, " RESIZE, OPERATOR_SUMS | OPERATOR_REAL)
    ROW(resize, "T[a,b,h,w]; _; _; /W[h,w]", "sizes = [a0, b0, h3, w3], coordinates = tf_crop_and_resize, resize_mode = {nearest|linear|cubic}, region_of_interest = [0, 0, 0.25, -0.5, 1, 1, 0.75, 1.5], extrapolation = {0|7}", OPERATOR_SUMS | OPERATOR_REAL)
    ROW(grid_sample, "T[a,c,h,w]; F[a,d,e,2]", "resize_mode = {nearest|linear|cubic}, border = {zeros|border|reflection}, align_corners = {0|1}", OPERATOR_SUMS | OPERATOR_REAL)
    ROW(grid_sample, "T[a,c,{h,w,|}l]; F[a,{d,e,|}k,{3|1}]", "resize_mode = {nearest|linear}, align_corners = {0|1}", OPERATOR_SUMS | OPERATOR_REAL)
    ROW(roi_align, "T[a,c,h,w]; T[r,4]; I[r]", "window = [{1|3}, 2], spatial_scale = {1|0.5}, sampling_ratio = {0|2}, half_pixel = {0|1}, take_max = {0|1}", OPERATOR_SUMS | OPERATOR_REAL)
    ROW(non_max_suppression, "T[a,b,4]; T[a,c,b]{|; T[]|; _; T[]}", "count = [{2|9}], center_point_box = {0|1}", 0)
    ROW(top_k, "T[a,b,c]; /W[c]", "axis = 2, count = [c1], largest = {0|1}, sorted = {1|1|0}", 0)
    ROW(top_k, "T[a,b]; /W[a]", "axis = 0, count = [a1], largest = {0|1}", 0)
    ROW(cumsum, "T[a,b,c]", "axis = {0|1|2}, exclusive = {0|1}, reverse = {0|1}", OPERATOR_SUMS)
    ROW(cumprod, "T[a,b]", "axis = {0|1}, exclusive = {0|1}, reverse = {0|1}", OPERATOR_SUMS)
    ROW(nonzero_count, "T[{a,b,c|a|}]", "", 0)
    ROW(layer_norm, "T[a,b,c]{; U[{c|1}]{; T[{c|1}]|}|}", NORM, OPERATOR_SUMS)
    ROW(layer_norm, "T[a,b,c]; U[b,c]; T[b,c]", "axes = [1, 2]", OPERATOR_SUMS)
    ROW(rms_norm, "T[a,b,c]{; U[c]|}", NORM, OPERATOR_SUMS)
    ROW(matmul, "T[{a,b,|a,|}m,k]; T[{a,b,|a,|}k,n]", "", OPERATOR_SUMS)
    ROW(matmul, "T[{a,|}k,m]; T[{a,|}k,n]", "transpose_a = 1", OPERATOR_SUMS)
    ROW(matmul, "T[{a,|}m,k]; T[{a,|}n,k]", "transpose_b = 1", OPERATOR_SUMS)
    ROW(matmul, "T[a,k,m]; T[a,n,k]", "transpose_a = 1, transpose_b = 1", OPERATOR_SUMS)
    ROW(matmul, "T[{a,|}m,12]; =T[12,{1|7|16|33}]", "", OPERATOR_SUMS)
    ROW(matmul, "T[{a,|}m,k]; =T[12,{1|7|16|33}]", "", OPERATOR_SUMS)
    ROW(conv, "T[n,c,h,w]; U[o,c,{p,q|3,3|1,1}]{; T[o]|}", WINDOW_2D ", groups = 1, " FIRST, OPERATOR_SUMS)
    ROW(conv, "T[n,h,w,c]; U[o,{p,q|3,3},c]", WINDOW_2D ", groups = 1, " LAST, OPERATOR_SUMS)
    ROW(conv, "T[n,6,h,w]; =U[{3|6|12},2,3,3]{; =T[6]|}", WINDOW_2D ", groups = 3, " FIRST, OPERATOR_SUMS)
    ROW(conv, "T[n,6,h,w]; =U[16,6,{3,3|1,1|5,1}]", WINDOW_2D ", groups = 1, " FIRST, OPERATOR_SUMS)
    ROW(conv, "T[n,8,h,w]; {=|}U[8,1,3,3]", WINDOW_2D ", groups = 8, " FIRST, OPERATOR_SUMS)
    ROW(conv, "T[n,8,h,w]; {=|}U[{8|16|32},2,{3,3|1,1|1,5}]", WINDOW_2D ", groups = 4, " FIRST, OPERATOR_SUMS)
    ROW(conv, "T[n,h,w,15]; =U[{20|40},{3,3|1,1},3]", WINDOW_2D ", groups = 5, " LAST, OPERATOR_SUMS)
    ROW(conv, "T[n,c,l]; U[o,c,{k|3}]", WINDOW_1D ", groups = 1, " FIRST, OPERATOR_SUMS)
    ROW(conv, "T[n,4,l]; =U[{4|8},1,3]", WINDOW_1D ", groups = 4, " FIRST, OPERATOR_SUMS)
    ROW(conv_transpose, "T[n,c,h,w]; U[c,o,{p,q|3,3}]", WINDOW_2D ", groups = 1, output_padding = [0, {0|1}], " FIRST, OPERATOR_SUMS)
    ROW(conv_transpose, "T[n,4,h,w]; =U[4,{1|5},3,2]{; =T[{2|10}]|}", WINDOW_2D ", groups = {1|2|4}, output_padding = [0, 0], " FIRST, OPERATOR_SUMS)
    ROW(conv_transpose, "T[n,4,l]; {=|}U[4,2,3]", WINDOW_1D ", groups = {1|2}, output_padding = [0], " FIRST, OPERATOR_SUMS)
    ROW(max_pool, "T[n,c,h,w]", POOL_2D POOL_PADS ", layout = {channels_first|channels_last}", 0)
    ROW(avg_pool, "T[n,c,h,w]", POOL_2D POOL_PADS ", layout = {channels_first|channels_last}, count_include_pad = {0|1}", OPERATOR_SUMS)
    ROW(batch_norm, "T[n,c,h]; U[c]; T[c]; U[c]; U[c]", "epsilon = 1e-3, " FIRST, OPERATOR_SUMS)
    ROW(batch_norm, "T[n,h,c]; U[c]; T[c]; U[c]; U[c]", "epsilon = 1e-3, " LAST, OPERATOR_SUMS)
    ROW(lstm, "T[s,b,{i|4}]; T[1,12,{i|4}]; T[1,12,3]; {T[1,24]|_}; {I[b]|_}; {T[1,b,3]|_}; {T[1,b,3]|_}; {T[1,9]|_}", CELL "direction = {forward|reverse}", OPERATOR_SUMS)
    ROW(lstm, "T[s,b,4]; {=|}T[2,12,4]; {=|}T[2,12,3]; {T[2,24]|_}; {I[b]|_}", CELL "direction = bidirectional", OPERATOR_SUMS)
    ROW(gru, "T[s,b,{i|4}]; T[1,9,{i|4}]; T[1,9,3]; {T[1,18]|_}; {I[b]|_}; {T[1,b,3]|_}", "clip = {0|0.5}, linear_before_reset = {0|1}, direction = {forward|reverse}", OPERATOR_SUMS)
    ROW(gru, "T[s,b,4]; {=|}T[2,9,4]; {=|}T[2,9,3]; {T[2,18]|_}; {I[b]|_}", "linear_before_reset = {0|1}, direction = bidirectional", OPERATOR_SUMS)
    ROW(rnn, "T[s,b,{i|4}]; {=|}T[1,3,{i|4}]; {=|}T[1,3,3]; {T[1,6]|_}; {I[b]|_}; {T[1,b,3]|_}", "clip = {0|0.5}, direction = {forward|reverse}", OPERATOR_SUMS)
    ROW(reshape_dims, "L[{1|2|3}]; L[{1|2|3}]", "allow_zero = {0|1}", 0)
    ROW(slice_dims, "L[3]; L[{1|2}]; L[{1|2}]{|; L[{1|2}]|; L[{1|2}]; L[{1|2}]|; _; L[{1|2}]}", "", 0)
    ROW(broadcast_dims, "L[{1|2|3}]; L[{1|2|3}]", "", 0)
    ROW(range_dims, "T[]; T[]; T[]", "", 0)
    ROW(axes_dims, "L[{2|3}]; L[{1|2}]", "axes_mode = {keep|drop|squeeze|insert|split}", 0)
    {.operands = NULL},
    /* clang-format on */
};

#define STRUCTURE "structure without a value of its own: differential_test makes modules with it"

const operator_exception operator_exceptions[] = {
    {HMLC_OP_constant, "has no operand; rows with = make constants"},
    {HMLC_OP_nonzero,
     "its count must be that of nonzero_count: ops_interpret_test, irregular kernels"},
    {HMLC_OP_wav_header, "takes WAV files alone: ops_audio_test"},
    {HMLC_OP_mel_weights, "takes samples a second: ops_audio_test"},
    {HMLC_OP_lstm_cells, "made of lstm by a pass"},
    {HMLC_OP_gru_cells, "made of gru by a pass"},
    {HMLC_OP_rnn_cells, "made of rnn by a pass"},
    {HMLC_OP_pack_panels, "made of matmul by a pass"},
    {HMLC_OP_matmul_packed, "made of matmul by a pass"},
    {HMLC_OP_matmul_integer, "of bytes alone: golden/integer.hir, random integer products"},
    {HMLC_OP_conv_integer, "of bytes alone: golden/integer.hir, random integer products"},
    {HMLC_OP_bind_dims, STRUCTURE},
    {HMLC_OP_if, STRUCTURE},
    {HMLC_OP_loop, STRUCTURE},
    {HMLC_OP_scan, STRUCTURE},
    {HMLC_OP_kernel, STRUCTURE},
    {HMLC_OP_yield, STRUCTURE},
};
const uint32_t operator_exception_count = sizeof operator_exceptions / sizeof *operator_exceptions;

enum { DESCRIBED = HMLC_TRAIT_ELEMENTWISE | HMLC_TRAIT_REDUCTION | HMLC_TRAIT_ROWWISE };

static uint32_t pick(uint64_t *random, uint32_t limit)
{
    return (uint32_t)((maker_next(random) >> 33) % limit);
}

/* -- Choices ------------------------------------------------------------------------------- */

/* Where the choice that starts behind `from` ends: at its '|' or '}'. */
static const char *alternative_end(const char *from)
{
    int depth = 0;
    for (; *from != '\0' && (depth > 0 || (*from != '|' && *from != '}')); from++) {
        depth += *from == '{' ? 1 : *from == '}' ? -1 : 0;
    }
    return from;
}

static void expand(const char *from, const char *end, uint64_t *random, char *to, size_t size);

/* Appends one of the alternatives that start at `from`; gives what is behind the choice. */
static const char *choose(const char *from, uint64_t *random, char *to, size_t size)
{
    uint32_t count = 1;
    const char *behind = alternative_end(from);
    for (; *behind == '|'; behind = alternative_end(behind + 1)) {
        count++;
    }
    const char *chosen = from;
    for (uint32_t skipped = pick(random, count); skipped > 0; skipped--) {
        chosen = alternative_end(chosen) + 1;
    }
    expand(chosen, alternative_end(chosen), random, to, size);
    return behind + (*behind == '}');
}

static void expand(const char *from, const char *end, uint64_t *random, char *to, size_t size)
{
    while (from < end) {
        if (*from == '{') {
            from = choose(from + 1, random, to, size);
            continue;
        }
        size_t length = strlen(to);
        if (length + 1 < size) {
            to[length] = *from;
            to[length + 1] = '\0';
        }
        from++;
    }
}

/* -- What traits say ----------------------------------------------------------------------- */

enum { LARGEST_RANK = 4 };

static void append(char *text, size_t size, const char *format, const char *word)
{
    size_t length = strlen(text);
    (void)snprintf(text + length, size - length, format, word);
}

/* "T[b,c]": the last `rank` of four letters. */
static void append_operand(operator_text *text, char type, int32_t rank)
{
    static const char letters[] = "abcd";
    char word[2] = {type, '\0'};
    append(text->operands, sizeof text->operands, text->operands[0] != '\0' ? ";%s[" : "%s[", word);
    for (int32_t i = LARGEST_RANK - rank; i < LARGEST_RANK; i++) {
        word[0] = letters[i];
        append(text->operands, sizeof text->operands, i + 1 < LARGEST_RANK ? "%s," : "%s", word);
    }
    append(text->operands, sizeof text->operands, "%s", "]");
}

static void attr_words(const hmlc_attr_spec *spec, int32_t rank, uint64_t *random, char *word,
                       size_t size)
{
    static const char *const reals[] = {"0.5", "1", "-0.75", "0", "2", "0.01", "1e-3"};
    static const char *const types[] = {"$T", "$S"};
    word[0] = '\0';
    if (spec->name == HMLC_ATTR_axis) {
        (void)snprintf(word, size, "%u", rank > 0 ? pick(random, (uint32_t)rank) : 0);
    } else if (spec->name == HMLC_ATTR_axes) {
        append(word, size, "%s", "[");
        for (int32_t i = 0, count = 0; i < rank; i++) {
            char number[16];
            if (pick(random, 2) == 0) {
                (void)snprintf(number, sizeof number, count++ > 0 ? ", %d" : "%d", i);
                append(word, size, "%s", number);
            }
        }
        append(word, size, "%s", "]");
    } else if (hmlc_attr_kind_of(spec->name) == HMLC_ATTR_KIND_FLOAT) {
        append(word, size, "%s", reals[pick(random, 7)]);
    } else if (hmlc_attr_kind_of(spec->name) == HMLC_ATTR_KIND_DTYPE) {
        append(word, size, "%s", types[pick(random, 4) > 0]);
    } else if (hmlc_attr_kind_of(spec->name) == HMLC_ATTR_KIND_ENUM) {
        size_t length = 0;
        const char *first = hmlc_attr_enum_word(spec->name, pick(random, 2), &length);
        (void)snprintf(word, size, "%.*s", (int)length, first);
    } else {
        (void)snprintf(word, size, "%u", pick(random, 2));
    }
}

static void text_of_traits(hmlc_opcode opcode, uint64_t *random, operator_text *text)
{
    const hmlc_op_info *info = hmlc_op_get_info(opcode);
    bool broadcasts = (info->traits & HMLC_TRAIT_BROADCASTS) != 0;
    bool elementwise = (info->traits & HMLC_TRAIT_ELEMENTWISE) != 0;
    int32_t rank = (int32_t)pick(random, LARGEST_RANK + 1);
    uint32_t kind = pick(random, 4);
    for (int32_t i = 0; i < info->least_operands; i++) {
        int32_t own =
            broadcasts && pick(random, 4) == 0 ? (int32_t)pick(random, LARGEST_RANK + 1) : rank;
        /* A condition first, or a last operand of another type. */
        bool condition = i == 0 && info->least_operands == 3;
        bool other = i == 1 && info->least_operands == 2 && kind == 0;
        append_operand(text, condition ? 'B' : other ? 'S' : 'T', own);
    }
    for (uint32_t i = 0; i < info->attr_count; i++) {
        char word[64];
        attr_words(&info->attrs[i], rank, random, word, sizeof word);
        append(text->attrs, sizeof text->attrs,
               i > 0 ? ", %s = " : "%s = ", hmlc_attr_name_text(info->attrs[i].name));
        append(text->attrs, sizeof text->attrs, "%s", word);
    }
    /* Powers of integers by exponents that are no integers go through f64. */
    text->flags = (broadcasts ? OPERATOR_BROADCASTS : 0) | (elementwise ? 0 : OPERATOR_SUMS) |
                  (opcode == HMLC_OP_pow ? OPERATOR_REAL : 0);
}

/* -- Facade -------------------------------------------------------------------------------- */

static uint32_t row_count(hmlc_opcode opcode)
{
    uint32_t count = 0;
    for (const operator_row *row = operator_rows; row->operands != NULL; row++) {
        count += row->opcode == opcode;
    }
    return count;
}

bool operator_is_covered(hmlc_opcode opcode)
{
    return row_count(opcode) > 0 || hmlc_opcode_has(opcode, DESCRIBED);
}

bool operator_text_make(hmlc_opcode opcode, uint64_t *random, operator_text *text)
{
    *text = (operator_text){.flags = 0};
    uint32_t count = row_count(opcode);
    if (!operator_is_covered(opcode)) {
        return false;
    }
    if (count == 0) {
        text_of_traits(opcode, random, text);
        return true;
    }
    uint32_t chosen = pick(random, count);
    const operator_row *row = operator_rows;
    while (row->opcode != opcode || chosen-- > 0) {
        row++;
    }
    expand(row->operands, row->operands + strlen(row->operands), random, text->operands,
           sizeof text->operands);
    expand(row->attrs, row->attrs + strlen(row->attrs), random, text->attrs, sizeof text->attrs);
    text->flags = row->flags;
    return true;
}

const char *operator_exception_reason(hmlc_opcode opcode)
{
    for (uint32_t i = 0; i < operator_exception_count; i++) {
        if (operator_exceptions[i].opcode == opcode) {
            return operator_exceptions[i].reason;
        }
    }
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both transforms along one dim, then along the other. What points p and -p have in common is
 * computed once (winograd.h says what that is).
 */
#include "winograd_transform.h"

enum { SIZE = HMLC_WINOGRAD_POINTS };

typedef struct transformer {
    hmlc_frame *frame;
    const hmlc_winograd *form;
    uint32_t lanes;
    bool whole; /* integers, which a tile of 2 x 2 outputs only adds and subtracts */
} transformer;

/* A sum of products that is being built. */
typedef struct linear_sum {
    const transformer *of;
    LLVMValueRef value; /* NULL: nothing yet */
} linear_sum;

static LLVMValueRef splat(const transformer *of, double factor)
{
    return hmlc_frame_splat(of->frame, LLVMConstReal(of->frame->f32, factor), of->lanes);
}

static LLVMValueRef add(const transformer *of, LLVMValueRef a, LLVMValueRef b)
{
    LLVMBuilderRef builder = of->frame->builder;
    return of->whole ? LLVMBuildAdd(builder, a, b, "") : LLVMBuildFAdd(builder, a, b, "");
}

static LLVMValueRef subtract(const transformer *of, LLVMValueRef a, LLVMValueRef b)
{
    LLVMBuilderRef builder = of->frame->builder;
    return of->whole ? LLVMBuildSub(builder, a, b, "") : LLVMBuildFSub(builder, a, b, "");
}

static LLVMValueRef negate(const transformer *of, LLVMValueRef a)
{
    LLVMBuilderRef builder = of->frame->builder;
    return of->whole ? LLVMBuildNeg(builder, a, "") : LLVMBuildFNeg(builder, a, "");
}

static void add_term(linear_sum *sum, double factor, LLVMValueRef value)
{
    LLVMBuilderRef builder = sum->of->frame->builder;
    if (factor == 0) {
        return;
    }
    if (sum->value == NULL) {
        sum->value = factor == 1    ? value
                     : factor == -1 ? negate(sum->of, value)
                                    : LLVMBuildFMul(builder, value, splat(sum->of, factor), "");
    } else if (factor == 1) {
        sum->value = add(sum->of, sum->value, value);
    } else if (factor == -1) {
        sum->value = subtract(sum->of, sum->value, value);
    } else {
        sum->value = hmlc_frame_fma(sum->of->frame, value, splat(sum->of, factor), sum->value);
    }
}

/* Elements `first`, first + step ... of a row of a matrix times those of x; factors of 1 first. */
static LLVMValueRef combine(const transformer *of, const double *row, int32_t first, int32_t step,
                            LLVMValueRef const *x)
{
    linear_sum sum = {.of = of};
    for (int32_t k = first; k < of->form->points; k += step) {
        add_term(&sum, row[k] == 1 ? 1 : 0, x[k]);
    }
    for (int32_t k = first; k < of->form->points; k += step) {
        add_term(&sum, row[k] == 1 ? 0 : row[k], x[k]);
    }
    return sum.value;
}

/* out = B^T x. */
static void input_vector(const transformer *of, LLVMValueRef const *x, LLVMValueRef *out)
{
    const hmlc_winograd *form = of->form;
    int32_t last = form->points - 1;
    out[0] = combine(of, form->input[0], 0, 1, x);
    out[last] = combine(of, form->input[last], 0, 1, x);
    for (int32_t p = 1; p < last; p += 2) {
        LLVMValueRef even = combine(of, form->input[p], 0, 2, x);
        LLVMValueRef odd = combine(of, form->input[p], 1, 2, x);
        out[p] = add(of, even, odd);
        out[p + 1] = subtract(of, even, odd);
    }
}

/* out = A^T x. */
static void output_vector(const transformer *of, LLVMValueRef const *x, LLVMValueRef *out)
{
    const hmlc_winograd *form = of->form;
    int32_t last = form->points - 1;
    LLVMValueRef both[2][SIZE]; /* sums and differences of the products of p and -p */
    for (int32_t p = 1; p < last; p += 2) {
        both[0][p] = add(of, x[p], x[p + 1]);
        both[1][p] = subtract(of, x[p], x[p + 1]);
    }
    for (int32_t k = 0; k < form->outputs; k++) {
        linear_sum sum = {.of = of};
        add_term(&sum, form->output[k][0], x[0]);
        for (int32_t p = 1; p < last; p += 2) {
            add_term(&sum, form->output[k][p], both[k % 2][p]);
        }
        add_term(&sum, form->output[k][last], x[last]);
        out[k] = sum.value;
    }
}

typedef void transform_vector(const transformer *of, LLVMValueRef const *x, LLVMValueRef *out);

/* `transform` makes `size` values of n: down the columns, then along the rows. */
static void transform_both(const transformer *of, transform_vector *transform, int32_t size,
                           LLVMValueRef *values)
{
    int32_t points = of->form->points;
    LLVMValueRef half[SIZE][SIZE], column[SIZE], made[SIZE];
    for (int32_t k = 0; k < points; k++) {
        for (int32_t j = 0; j < points; j++) {
            column[j] = values[j * points + k];
        }
        transform(of, column, made);
        for (int32_t j = 0; j < size; j++) {
            half[j][k] = made[j];
        }
    }
    for (int32_t j = 0; j < size; j++) {
        transform(of, half[j], made);
        for (int32_t k = 0; k < size; k++) {
            values[j * size + k] = made[k];
        }
    }
}

void hmlc_winograd_transform_inputs(hmlc_frame *frame, const hmlc_winograd *form, uint32_t lanes,
                                    bool whole, LLVMValueRef *values)
{
    transformer of = {.frame = frame, .form = form, .lanes = lanes, .whole = whole};
    transform_both(&of, input_vector, form->points, values);
}

void hmlc_winograd_transform_products(hmlc_frame *frame, const hmlc_winograd *form, uint32_t lanes,
                                      bool whole, LLVMValueRef *values)
{
    transformer of = {.frame = frame, .form = form, .lanes = lanes, .whole = whole};
    transform_both(&of, output_vector, form->outputs, values);
}

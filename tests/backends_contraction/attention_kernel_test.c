/* SPDX-License-Identifier: Apache-2.0 */
/* Attention: scores, softmax and values of strips of rows. */
#include "contraction_cases.h"

#include <math.h>

/* Dims as text, and the numbers of a run where they are symbols. */
typedef struct shape_text {
    const char *dims, *sizes;
} shape_text;

typedef struct attention_case {
    shape_text queries;    /* [.., rows, depth] */
    shape_text keys;       /* [.., panels, depth, 16] */
    shape_text values;     /* [.., panels, keys, 16] */
    const char *key_count; /* columns of the scores */
    const char *columns;   /* of the result */
    shape_text mask;       /* added to the scores; dims NULL: nothing */
    shape_text gate;       /* multiplied with the result; dims NULL: nothing */
    bool scales, hides_nan, transposes;
} attention_case;

static hmlc_value *product(contraction_case *test, hmlc_value *left, shape_text panels,
                           const char *columns)
{
    hmlc_value *operands[] = {left, case_input(test, HMLC_DTYPE_f32, panels.dims, panels.sizes)};
    hmlc_attr shape = kernel_graph_dims(&test->graph, HMLC_ATTR_shape, columns);
    return kernel_graph_op(&test->graph, HMLC_OP_matmul_packed, operands, 2, &shape, 1);
}

static hmlc_value *scores_of(contraction_case *test, const attention_case *of)
{
    kernel_graph *graph = &test->graph;
    hmlc_value *queries = case_input(test, HMLC_DTYPE_f32, of->queries.dims, of->queries.sizes);
    hmlc_value *scores = product(test, queries, of->keys, of->key_count);
    if (of->scales) {
        hmlc_value *scale = kernel_graph_scalar(graph, HMLC_DTYPE_f32, 0.35);
        scores = kernel_graph_binary(graph, HMLC_OP_mul, scores, scale);
    }
    if (of->mask.dims != NULL) {
        hmlc_value *mask = case_input(test, HMLC_DTYPE_f32, of->mask.dims, of->mask.sizes);
        scores = kernel_graph_binary(graph, HMLC_OP_add, scores, mask);
    }
    return scores;
}

static hmlc_value *weights_of(contraction_case *test, hmlc_value *scores, const attention_case *of)
{
    kernel_graph *graph = &test->graph;
    int64_t last = scores->type->rank - 1;
    hmlc_attr axes = hmlc_attr_ints(HMLC_ATTR_axes, &last, 1);
    hmlc_value *weights = kernel_graph_op(graph, HMLC_OP_softmax, &scores, 1, &axes, 1);
    if (of->hides_nan) {
        hmlc_value *choice[] = {kernel_graph_unary(graph, HMLC_OP_is_nan, weights),
                                kernel_graph_scalar(graph, HMLC_DTYPE_f32, 0), weights};
        weights = kernel_graph_op(graph, HMLC_OP_select, choice, 3, NULL, 0);
    }
    return weights;
}

static hmlc_value *build(contraction_case *test, const attention_case *of)
{
    static const int64_t order[] = {1, 0, 2};
    kernel_graph *graph = &test->graph;
    hmlc_value *weights = weights_of(test, scores_of(test, of), of);
    hmlc_value *result = product(test, weights, of->values, of->columns);
    if (of->gate.dims != NULL) {
        hmlc_value *gate = case_input(test, HMLC_DTYPE_f32, of->gate.dims, of->gate.sizes);
        result = kernel_graph_binary(graph, HMLC_OP_mul, result, gate);
    }
    if (of->transposes) {
        hmlc_attr permutation = hmlc_attr_ints(HMLC_ATTR_permutation, order, 3);
        result = kernel_graph_op(graph, HMLC_OP_transpose, &result, 1, &permutation, 1);
    }
    return result;
}

static void check(const attention_case *of)
{
    contraction_case test = case_begin(strlen(of->queries.dims) + strlen(of->columns));
    case_verify(&test, HMLC_FORM_ATTENTION, build(&test, of));
}

static void known_sizes(void **state)
{
    (void)state;
    static const attention_case cases[] = {
        /* whole vectors; strips of several tiles */
        {.queries = {"2 128 64", NULL},
         .keys = {"2 8 64 16", NULL},
         .values = {"2 4 128 16", NULL},
         .key_count = "128",
         .columns = "64"},
        /* keys and columns that end within vectors; one key, one column; more keys than a part */
        {.queries = {"3 49 32", NULL},
         .keys = {"3 4 32 16", NULL},
         .values = {"3 2 49 16", NULL},
         .key_count = "49",
         .columns = "32"},
        {.queries = {"2 13 5", NULL},
         .keys = {"2 3 5 16", NULL},
         .values = {"2 1 37 16", NULL},
         .key_count = "37",
         .columns = "7"},
        {.queries = {"2 11 3", NULL},
         .keys = {"2 1 3 16", NULL},
         .values = {"2 1 1 16", NULL},
         .key_count = "1",
         .columns = "1"},
        {.queries = {"1 100 8", NULL},
         .keys = {"1 44 8 16", NULL},
         .values = {"1 5 700 16", NULL},
         .key_count = "700",
         .columns = "80"},
        /* no batch */
        {.queries = {"9 8", NULL},
         .keys = {"2 8 16", NULL},
         .values = {"1 20 16", NULL},
         .key_count = "20",
         .columns = "5"},
        /* no key */
        {.queries = {"2 10 8", NULL},
         .keys = {"2 0 8 16", NULL},
         .values = {"2 1 0 16", NULL},
         .key_count = "0",
         .columns = "9"},
        /* grouped heads: keys and values of one head for two of queries */
        {.queries = {"2 2 10 8", NULL},
         .keys = {"2 1 2 8 16", NULL},
         .values = {"2 1 1 20 16", NULL},
         .key_count = "20",
         .columns = "9"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        check(&cases[k]);
    }
}

static void what_is_fused(void **state)
{
    (void)state;
    static const attention_case base = {.queries = {"3 19 8", NULL},
                                        .keys = {"3 2 8 16", NULL},
                                        .values = {"3 1 27 16", NULL},
                                        .key_count = "27",
                                        .columns = "10"};
    static const char *const masks[] = {"27", "19 27", "3 1 27", "3 19 1", "3 19 27"};
    for (size_t k = 0; k < sizeof masks / sizeof masks[0]; k++) {
        attention_case of = base;
        of.mask.dims = masks[k];
        of.scales = k % 2 == 0;
        of.transposes = k % 2 != 0;
        check(&of);
    }
    attention_case of = base;
    of.gate.dims = "3 19 10";
    of.hides_nan = true;
    check(&of);
}

/* Heads, rows and keys are symbols. */
static void lengths_known_at_run_time(void **state)
{
    (void)state;
    static const int lengths[][2] = {{1, 1}, {7, 16}, {33, 50}, {130, 65}, {20, 300}, {5, 0}};
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        int rows = lengths[k][0], keys = lengths[k][1];
        char queries[64], panels[64], values[64], mask[64];
        snprintf(queries, sizeof queries, "3 %d 24", rows);
        snprintf(panels, sizeof panels, "3 %d 24 16", (keys + 15) / 16);
        snprintf(values, sizeof values, "3 2 %d 16", keys);
        snprintf(mask, sizeof mask, "1 %d", keys);
        attention_case of = {.queries = {"h r 24", queries},
                             .keys = {"h ceil(k/16) 24 16", panels},
                             .values = {"h 2 k 16", values},
                             .key_count = "k",
                             .columns = "24",
                             .mask = {"1 k", mask},
                             .scales = true};
        check(&of);
        of.hides_nan = of.transposes = true;
        check(&of);
    }
}

/* Masked keys, rows that are all masked, infinities and NaN among the scores. */
static void rows_without_numbers(void **state)
{
    (void)state;
    static const float odd[] = {-INFINITY, NAN, INFINITY, -1e30f, 1e30f};
    for (int hides = 0; hides < 2; hides++) {
        attention_case of = {.queries = {"2 12 8", NULL},
                             .keys = {"2 3 8 16", NULL},
                             .values = {"2 1 40 16", NULL},
                             .key_count = "40",
                             .columns = "16"};
        of.mask.dims = "12 40";
        of.hides_nan = hides != 0;
        contraction_case test = case_begin(5);
        hmlc_value *result = build(&test, &of);
        float *mask = hmlc_eval_data(&test.inputs[2]);
        for (int row = 0; row < 10; row++) { /* the last two stay as they are */
            int from = row < 5 ? 0 : 33, to = row < 5 ? 40 : 36;
            for (int key = from; key < to; key++) {
                mask[row * 40 + key] = odd[row % 5];
            }
        }
        case_verify(&test, HMLC_FORM_ATTENTION, result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sizes),
        cmocka_unit_test(what_is_fused),
        cmocka_unit_test(lengths_known_at_run_time),
        cmocka_unit_test(rows_without_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

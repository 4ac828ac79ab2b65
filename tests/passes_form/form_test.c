/* Lowering and kernel formation: same outputs, legal kernels, few steps. */
#include "form_checks.h"

static V add(kit *k, V a, V b)
{
    return kit_binary(k, HMLC_OP_add, a, b);
}

/* x * w + b over the last dim. */
static V linear(kit *k, V x, const char *weight, const char *bias)
{
    return add(k, kit_matmul(k, x, kit_weight(k, weight), false), kit_weight(k, bias));
}

static V norm(kit *k, V x)
{
    return kit_rows(k, HMLC_OP_layer_norm, x, kit_weight(k, "16"), kit_weight(k, "16"), "2");
}

static V heads(kit *k, V qkv, const char *starts)
{
    V part = kit_slice(k, qkv, starts, "batch, seq, 16");
    return kit_transpose(k, kit_reshape(k, part, "batch, seq, 2, 8"), "0, 2, 1, 3");
}

/* One transformer layer with merged projections: 10 kernels, one of which packs keys and values. */
static void transformer_layer(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "batch, seq, 16");
    V mask = kit_input(&k, "mask", HMLC_DTYPE_f32, "batch, 1, 1, seq");
    V qkv = linear(&k, x, "16, 48", "48");
    V q = heads(&k, qkv, "0, 0, 0"), key = heads(&k, qkv, "0, 0, 16"),
      value = heads(&k, qkv, "0, 0, 32");
    V scores = kit_matmul(&k, q, kit_transpose(&k, key, "0, 1, 3, 2"), false);
    scores = add(&k, kit_binary(&k, HMLC_OP_mul, scores, kit_scalar(&k, 0.35)), mask);
    V weights = kit_rows(&k, HMLC_OP_softmax, scores, NULL, NULL, "3");
    V context = kit_transpose(&k, kit_matmul(&k, weights, value, false), "0, 2, 1, 3");
    V merged = kit_reshape(&k, context, "batch, seq, 16");
    V first = norm(&k, add(&k, linear(&k, merged, "16, 16", "16"), x));
    V inner = kit_unary(&k, HMLC_OP_gelu, linear(&k, first, "16, 32", "32"));
    kit_yield(&k, KIT_LIST(norm(&k, add(&k, linear(&k, inner, "32, 16", "16"), first))));
    form_expect(&k, (oracle_dim[]){{"batch", 2}, {"seq", 3}}, 2, 10);
}

/* A single query row against a cache: no packing. */
static void decoder_step(void **state)
{
    (void)state;
    kit k = kit_open();
    V q = kit_input(&k, "q", HMLC_DTYPE_f32, "1, 2, 1, 8");
    V past = kit_input(&k, "past", HMLC_DTYPE_f32, "1, 2, past, 8");
    V fresh = kit_input(&k, "fresh", HMLC_DTYPE_f32, "1, 2, 1, 8");
    V present = kit_concat(&k, 2, KIT_LIST(past, fresh));
    V scores = kit_matmul(&k, q, present, true);
    scores = kit_binary(&k, HMLC_OP_mul, scores, kit_scalar(&k, 0.35));
    V weights = kit_rows(&k, HMLC_OP_softmax, scores, NULL, NULL, "3");
    V y = kit_matmul(&k, weights, present, false);
    kit_yield(&k, KIT_LIST(y, present));
    uint32_t kernels = form_compile(&k, (oracle_dim[]){{"past", 3}}, 1);
    assert_int_equal(kernels, 4);
    assert_int_equal(form_count(&k, HMLC_OP_pack_panels), 0);
    hmlc_module_destroy(k.module);
}

/* x + f(x) used twice: one kernel stores the sum and the norm. */
static void sum_and_norm(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "n, 4, 16"),
      y = kit_input(&k, "y", HMLC_DTYPE_f32, "n, 4, 16");
    V sum = add(&k, x, y);
    kit_yield(&k, KIT_LIST(norm(&k, sum), sum));
    form_expect(&k, (oracle_dim[]){{"n", 2}}, 1, 1);
}

/* Mean, centre, square, mean, scale: two reductions over the same rows in one kernel. */
static void decomposed_norm(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "n, 4, 16");
    V centred = kit_binary(&k, HMLC_OP_sub, x, kit_reduce(&k, HMLC_OP_reduce_mean, x, "2", true));
    V square = kit_binary(&k, HMLC_OP_mul, centred, centred);
    V variance =
        add(&k, kit_reduce(&k, HMLC_OP_reduce_mean, square, "2", true), kit_scalar(&k, 1e-5));
    V y = kit_binary(&k, HMLC_OP_mul, centred, kit_unary(&k, HMLC_OP_rsqrt, variance));
    kit_yield(&k, KIT_LIST(kit_binary(&k, HMLC_OP_mul, y, kit_weight(&k, "16"))));
    form_expect(&k, (oracle_dim[]){{"n", 2}}, 1, 1);
}

/* [5, 5] reduced to [5] broadcasts along the wrong axis: it must not be taken for a kept dim. */
static void square_reduction(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "5, 5");
    V rows = kit_reduce(&k, HMLC_OP_reduce_sum, x, "1", false);
    kit_yield(&k, KIT_LIST(kit_binary(&k, HMLC_OP_sub, x, rows)));
    form_expect(&k, NULL, 0, 2);
}

/* A value with a reader behind another kernel is not drawn into a cycle. */
static void no_cycles(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "n, 16");
    V a = kit_unary(&k, HMLC_OP_neg, x);
    V b = kit_matmul(&k, a, kit_weight(&k, "16, 16"), false);
    V c = add(&k, a, b);
    V mean = kit_reduce(&k, HMLC_OP_reduce_mean, c, "1", true);
    V d = kit_matmul(&k, kit_binary(&k, HMLC_OP_sub, c, mean), kit_weight(&k, "16, 16"), false);
    kit_yield(&k, KIT_LIST(kit_binary(&k, HMLC_OP_mul, d, mean), c));
    (void)form_compile(&k, (oracle_dim[]){{"n", 3}}, 1);
    hmlc_module_destroy(k.module);
}

/* Rotary embedding: slices, negation, concat and products are one kernel. */
static void rotary_embedding(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "1, 2, s, 8");
    V cosine = kit_input(&k, "cos", HMLC_DTYPE_f32, "1, 1, s, 8");
    V sine = kit_input(&k, "sin", HMLC_DTYPE_f32, "1, 1, s, 8");
    V low = kit_slice(&k, x, "0, 0, 0, 0", "1, 2, s, 4");
    V high = kit_slice(&k, x, "0, 0, 0, 4", "1, 2, s, 4");
    V turned = kit_concat(&k, 3, KIT_LIST(kit_unary(&k, HMLC_OP_neg, high), low));
    V y =
        add(&k, kit_binary(&k, HMLC_OP_mul, x, cosine), kit_binary(&k, HMLC_OP_mul, turned, sine));
    kit_yield(&k, KIT_LIST(y));
    form_expect(&k, (oracle_dim[]){{"s", 3}}, 1, 1);
}

/* Embeddings: both gathers and their sum are one kernel, the norm another. */
static void embeddings(void **state)
{
    (void)state;
    kit k = kit_open();
    V ids = kit_input(&k, "ids", HMLC_DTYPE_i64, "1, s");
    V words = kit_gather(&k, kit_weight(&k, "50, 16"), ids, 0);
    V kinds = kit_gather(&k, kit_weight(&k, "2, 16"), ids, 0);
    kit_yield(&k, KIT_LIST(norm(&k, add(&k, words, kinds))));
    form_expect(&k, (oracle_dim[]){{"s", 4}}, 1, 2);
}

/* An exponential read through a broadcast is evaluated once per element of its own. */
static void expensive_is_not_repeated(void **state)
{
    (void)state;
    kit k = kit_open();
    V row = kit_input(&k, "row", HMLC_DTYPE_f32, "1, 16");
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "n, 16");
    V scaled = kit_binary(&k, HMLC_OP_mul, x, kit_unary(&k, HMLC_OP_exp, row));
    V cheap = add(&k, scaled, kit_unary(&k, HMLC_OP_neg, row));
    kit_yield(&k, KIT_LIST(cheap));
    form_expect(&k, (oracle_dim[]){{"n", 3}}, 1, 2);
}

/* Operands of a 20-fold concat are more than a kernel usually takes; the concat itself still is
 * one. */
static void wide_concat(void **state)
{
    (void)state;
    kit k = kit_open();
    V parts[20];
    for (uint32_t i = 0; i < 20; i++) {
        char name[8] = {'x', (char)('a' + i), '\0'};
        V x = kit_input(&k, name, HMLC_DTYPE_f32, "2, 3");
        parts[i] = i % 2 == 0 ? kit_unary(&k, HMLC_OP_relu, x) : x;
    }
    kit_yield(&k, KIT_LIST(kit_concat(&k, 1, 20, parts)));
    (void)form_compile(&k, NULL, 0);
    hmlc_module_destroy(k.module);
}

/* Outputs that are inputs, constants, parts or repeats get kernels that write them. */
static void outputs_of_their_own(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "4, 6");
    V y = kit_unary(&k, HMLC_OP_neg, x);
    V part = kit_slice(&k, y, "1, 0", "2, 6");
    kit_yield(&k, KIT_LIST(x, kit_weight(&k, "3"), y, kit_reshape(&k, y, "24"), part));
    form_expect(&k, NULL, 0, 5);
}

/* A branch's value is written where the result of the `if` lies. */
static void branches(void **state)
{
    (void)state;
    static const char text[] = "hir 1\n"
                               "model \"\"\n"
                               "symbol \"n\" [1, inf] hint 8\n"
                               "main(%0: bool[], %1: f32[n, 4]) {\n"
                               "  %2 = relu(%1) : f32[n, 4]\n"
                               "  %3, %4 = if(%0) : f32[n, 4], f32[n, 4] () {\n"
                               "    %5 = neg(%2) : f32[n, 4]\n"
                               "    %6 = exp(%5) : f32[n, 4]\n"
                               "    %7 = softmax(%6) {axes = [1]} : f32[n, 4]\n"
                               "    yield(%7, %2)\n"
                               "  } () {\n"
                               "    %8 = tanh(%1) : f32[n, 4]\n"
                               "    yield(%8, %8)\n"
                               "  }\n"
                               "  %9 = add(%3, %2) : f32[n, 4]\n"
                               "  yield(%9, %4)\n"
                               "}\n";
    kit k = {.module = oracle_parse(text)};
    assert_non_null(k.module);
    (void)form_compile(&k, (oracle_dim[]){{"n", 3}}, 1);
    hmlc_module_destroy(k.module);
}

/* Sizes known only at run time: the value behind them gets a buffer of its own. */
static void data_dependent_sizes(void **state)
{
    (void)state;
    static const char text[] = "hir 1\n"
                               "model \"\"\n"
                               "symbol \"n\" [1, inf] hint 8\n"
                               "symbol \"c\" [0, inf] hint 4 run\n"
                               "main(%0: f32[n]) {\n"
                               "  %1 = nonzero_count(%0) : i64[1]\n"
                               "  bind_dims(%1) {symbols = [c]}\n"
                               "  %2 = nonzero(%0) {count = [c]} : i64[1, c]\n"
                               "  %3 = cast(%2) {to = f32} : f32[1, c]\n"
                               "  %4 = softmax(%3) {axes = [1]} : f32[1, c]\n"
                               "  %5 = exp(%0) : f32[n]\n"
                               "  %6 = reduce_sum(%5) {axes = [0], keep_dims = 1} : f32[1]\n"
                               "  %7 = reduce_max(%4) {axes = [1], keep_dims = 0} : f32[1]\n"
                               "  %8 = add(%6, %7) : f32[1]\n"
                               "  yield(%8)\n"
                               "}\n";
    kit k = {.module = oracle_parse(text)};
    assert_non_null(k.module);
    (void)form_compile(&k, (oracle_dim[]){{"n", 6}, {"c", 6}}, 2);
    assert_true(k.module->growable_count > 0);
    hmlc_module_destroy(k.module);
}

/* Weights that are computed: windows become rows of a product, in groups, with strides and pads. */
static void computed_weights(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "n, 4, 7, 6");
    V w = kit_input(&k, "w", HMLC_DTYPE_f32, "6, 2, 3, 3");
    V v = kit_input(&k, "v", HMLC_DTYPE_f32, "4, 3, 2, 2");
    V y = kit_conv(&k, x, w, kit_weight(&k, "6"), 2, 1, 2);
    V z = kit_conv_transpose(&k, x, v, kit_weight(&k, "3"), 3);
    kit_yield(&k, KIT_LIST(kit_unary(&k, HMLC_OP_relu, y), z));
    (void)form_compile(&k, (oracle_dim[]){{"n", 2}}, 1);
    assert_int_equal(form_count(&k, HMLC_OP_conv), 1);
    assert_int_equal(form_count(&k, HMLC_OP_conv_transpose), 1);
    hmlc_module_destroy(k.module);
}

/* Half floats: products in f32. */
static void half_products(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f16, "n, 8");
    V y = kit_input(&k, "y", HMLC_DTYPE_f16, "n, 8");
    kit_yield(&k, KIT_LIST(kit_matmul(&k, x, y, true)));
    (void)form_compile(&k, (oracle_dim[]){{"n", 3}}, 1);
    assert_int_equal(form_count(&k, HMLC_OP_cast), 3);
    hmlc_module_destroy(k.module);
}

static void recurrent(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "s, b, 6");
    hmlc_attr direction = hmlc_attr_int(HMLC_ATTR_direction, HMLC_DIRECTION_BIDIRECTIONAL);
    V y = kit_op(
        &k, HMLC_OP_lstm, 4,
        (V[]){x, kit_weight(&k, "2, 16, 6"), kit_weight(&k, "2, 16, 4"), kit_weight(&k, "2, 32")},
        1, &direction);
    kit_yield(&k, KIT_LIST(kit_reshape(&k, kit_transpose(&k, y, "0, 2, 1, 3"), "s, b, 8")));
    form_expect(&k, (oracle_dim[]){{"s", 4}, {"b", 2}}, 2, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transformer_layer),
        cmocka_unit_test(decoder_step),
        cmocka_unit_test(sum_and_norm),
        cmocka_unit_test(decomposed_norm),
        cmocka_unit_test(square_reduction),
        cmocka_unit_test(no_cycles),
        cmocka_unit_test(rotary_embedding),
        cmocka_unit_test(embeddings),
        cmocka_unit_test(expensive_is_not_repeated),
        cmocka_unit_test(wide_concat),
        cmocka_unit_test(outputs_of_their_own),
        cmocka_unit_test(branches),
        cmocka_unit_test(data_dependent_sizes),
        cmocka_unit_test(recurrent),
        cmocka_unit_test(computed_weights),
        cmocka_unit_test(half_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Convolutional networks: channels-last inside, few transposes, everything elementwise behind its
 * convolution. */
#include "form_checks.h"

static V relu(kit *k, V x)
{
    return kit_unary(k, HMLC_OP_relu, x);
}

/* conv, pool, a residual block with a projection, global pool, classifier. */
static void residual_network(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "batch, 3, 12, 12");
    V stem = kit_conv(&k, x, kit_weight(&k, "8, 3, 3, 3"), kit_weight(&k, "8"), 1, 1, 1);
    V pooled = kit_pool(&k, HMLC_OP_max_pool, relu(&k, stem), 3, 2, 1);
    V left = kit_conv(&k, pooled, kit_weight(&k, "8, 8, 3, 3"), kit_weight(&k, "8"), 1, 1, 1);
    V right =
        kit_conv(&k, relu(&k, left), kit_weight(&k, "16, 8, 1, 1"), kit_weight(&k, "16"), 1, 0, 1);
    V side = kit_conv(&k, pooled, kit_weight(&k, "16, 8, 1, 1"), NULL, 1, 0, 1);
    V sum = relu(&k, kit_binary(&k, HMLC_OP_add, right, side));
    V mean = kit_reduce(&k, HMLC_OP_reduce_mean, sum, "2, 3", true);
    V flat = kit_reshape(&k, mean, "batch, 16");
    V y = kit_matmul(&k, flat, kit_weight(&k, "16, 10"), false);
    y = kit_binary(&k, HMLC_OP_add, y, kit_weight(&k, "10"));
    kit_yield(&k, KIT_LIST(y));
    /* 4 convolutions, the first reading the planar image; pool, mean, matmul */
    form_expect(&k, (oracle_dim[]){{"batch", 2}}, 1, 7);
}

/* A squeeze-and-excitation block around a depthwise convolution. */
static void squeeze_and_excitation(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "1, 8, 6, 6");
    V wide = kit_conv(&k, x, kit_weight(&k, "16, 8, 1, 1"), NULL, 1, 0, 1);
    V deep = kit_conv(&k, kit_unary(&k, HMLC_OP_silu, wide), kit_weight(&k, "16, 1, 3, 3"),
                      kit_weight(&k, "16"), 1, 1, 16);
    deep = kit_unary(&k, HMLC_OP_silu, deep);
    V mean = kit_reduce(&k, HMLC_OP_reduce_mean, deep, "2, 3", true);
    V down = relu(&k, kit_conv(&k, mean, kit_weight(&k, "4, 16, 1, 1"), NULL, 1, 0, 1));
    V gate = kit_unary(&k, HMLC_OP_sigmoid,
                       kit_conv(&k, down, kit_weight(&k, "16, 4, 1, 1"), NULL, 1, 0, 1));
    V scaled = kit_binary(&k, HMLC_OP_mul, deep, gate);
    V y = kit_conv(&k, scaled, kit_weight(&k, "8, 16, 1, 1"), NULL, 1, 0, 1);
    kit_yield(&k, KIT_LIST(kit_binary(&k, HMLC_OP_add, y, x)));
    uint32_t kernels = form_compile(&k, NULL, 0);
    /* in, wide, depthwise, mean, down, gate, scale, project with the residual, out */
    assert_int_equal(kernels, 9);
    assert_int_equal(form_count(&k, HMLC_OP_transpose), 2);
    assert_int_equal(form_count_form(&k, HMLC_FORM_WINDOW), 1);
    hmlc_module_destroy(k.module);
}

/* Down, up, skip connection: concat, pad, slice and resize follow the layout. */
static void skip_connections(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "n, 8, 8, 8");
    V a = relu(&k, kit_conv(&k, x, kit_weight(&k, "8, 8, 3, 3"), NULL, 1, 1, 1));
    V b = kit_pool(&k, HMLC_OP_avg_pool, a, 2, 2, 0);
    b = relu(&k, kit_conv(&k, b, kit_weight(&k, "12, 8, 3, 3"), NULL, 1, 1, 1));
    V up = kit_conv_transpose(&k, b, kit_weight(&k, "12, 8, 2, 2"), kit_weight(&k, "8"), 2);
    V both = kit_concat(&k, 1, KIT_LIST(up, a, kit_resize(&k, b, "n, 12, 8, 8")));
    V cut =
        kit_slice(&k, kit_pad(&k, both, "0, 0, 1, 1, 0, 0, 1, 1"), "0, 4, 0, 0", "n, 20, 10, 10");
    V y = kit_conv(&k, cut, kit_weight(&k, "4, 20, 3, 3"), kit_weight(&k, "4"), 1, 0, 1);
    V mask = kit_rows(&k, HMLC_OP_softmax, y, NULL, NULL, "1");
    kit_yield(&k, KIT_LIST(mask));
    (void)form_compile(&k, (oracle_dim[]){{"n", 2}}, 1);
    /* the input, the output, nothing between */
    assert_int_equal(form_count(&k, HMLC_OP_transpose), 2);
    hmlc_module_destroy(k.module);
}

/* Channel shuffle: reshapes that split channels, and the transpose within them, follow the layout.
 */
static void channel_shuffle(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "1, 8, 5, 5");
    V a = kit_conv(&k, x, kit_weight(&k, "8, 8, 1, 1"), NULL, 1, 0, 1);
    V pairs = kit_transpose(&k, kit_reshape(&k, a, "1, 2, 4, 5, 5"), "0, 2, 1, 3, 4");
    V shuffled = kit_reshape(&k, pairs, "1, 8, 5, 5");
    V left = kit_slice(&k, shuffled, "0, 0, 0, 0", "1, 4, 5, 5");
    V right = kit_slice(&k, shuffled, "0, 4, 0, 0", "1, 4, 5, 5");
    right = kit_conv(&k, right, kit_weight(&k, "4, 4, 3, 3"), NULL, 1, 1, 1);
    V y = kit_conv(&k, kit_concat(&k, 1, KIT_LIST(left, right)), kit_weight(&k, "8, 8, 1, 1"), NULL,
                   1, 0, 1);
    kit_yield(&k, KIT_LIST(y));
    (void)form_compile(&k, NULL, 0);
    assert_int_equal(form_count(&k, HMLC_OP_transpose), 3);
    hmlc_module_destroy(k.module);
}

/* Graphs from channels-last frameworks: their own transposes cancel. */
static void foreign_transposes(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "1, 6, 6, 8");
    V planar = kit_transpose(&k, x, "0, 3, 1, 2");
    V a = kit_conv(&k, planar, kit_weight(&k, "16, 8, 3, 3"), NULL, 1, 1, 1);
    V back = kit_binary(&k, HMLC_OP_add, kit_transpose(&k, a, "0, 2, 3, 1"), kit_weight(&k, "16"));
    V norm =
        kit_rows(&k, HMLC_OP_layer_norm, back, kit_weight(&k, "16"), kit_weight(&k, "16"), "3");
    V again = kit_transpose(&k, kit_unary(&k, HMLC_OP_gelu, norm), "0, 3, 1, 2");
    V b = kit_conv(&k, again, kit_weight(&k, "8, 16, 1, 1"), NULL, 1, 0, 1);
    kit_yield(&k, KIT_LIST(kit_transpose(&k, b, "0, 2, 3, 1")));
    uint32_t kernels = form_compile(&k, NULL, 0);
    assert_int_equal(kernels, 3); /* conv + bias, norm + gelu, conv */
    assert_int_equal(form_count(&k, HMLC_OP_transpose), 0);
    hmlc_module_destroy(k.module);
}

/* One spatial dim, then a sequence model: [N, C, L] -> [N, L, C] costs nothing. */
static void one_dim_to_sequence(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "1, 10, 20");
    V a = kit_unary(&k, HMLC_OP_gelu,
                    kit_conv(&k, x, kit_weight(&k, "8, 10, 3"), kit_weight(&k, "8"), 1, 1, 1));
    V b = kit_unary(&k, HMLC_OP_gelu,
                    kit_conv(&k, a, kit_weight(&k, "8, 8, 3"), kit_weight(&k, "8"), 2, 1, 1));
    V sequence =
        kit_binary(&k, HMLC_OP_add, kit_transpose(&k, b, "0, 2, 1"), kit_weight(&k, "10, 8"));
    V y = kit_matmul(&k, sequence, kit_weight(&k, "8, 6"), false);
    kit_yield(&k, KIT_LIST(y));
    (void)form_compile(&k, NULL, 0);
    assert_int_equal(form_count(&k, HMLC_OP_transpose), 1);
    hmlc_module_destroy(k.module);
}

static void three_dims(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "1, 2, 4, 5, 6");
    V a = relu(&k, kit_conv(&k, x, kit_weight(&k, "4, 2, 3, 3, 3"), kit_weight(&k, "4"), 1, 1, 1));
    V b = kit_pool(&k, HMLC_OP_max_pool, a, 2, 2, 0);
    kit_yield(&k, KIT_LIST(kit_reduce(&k, HMLC_OP_reduce_max, b, "2, 3, 4", false)));
    (void)form_compile(&k, NULL, 0);
    assert_int_equal(form_count(&k, HMLC_OP_transpose), 1);
    hmlc_module_destroy(k.module);
}

/* Patch embedding: the reshape of the spatial dims and the transpose behind it vanish. */
static void patch_embedding(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "1, 3, 8, 8");
    V a = kit_conv(&k, x, kit_weight(&k, "12, 3, 4, 4"), kit_weight(&k, "12"), 4, 0, 1);
    V tokens = kit_transpose(&k, kit_reshape(&k, a, "1, 12, 4"), "0, 2, 1");
    kit_yield(&k, KIT_LIST(kit_rows(&k, HMLC_OP_layer_norm, tokens, NULL, NULL, "2")));
    form_expect(&k, NULL, 0, 2);
}

/* An extra use in the graph's order is transposed once, however many read it. */
static void mixed_readers(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "2, 8, 6, 6");
    V a = relu(&k, kit_conv(&k, x, kit_weight(&k, "8, 8, 3, 3"), NULL, 1, 1, 1));
    V b = kit_conv(&k, a, kit_weight(&k, "8, 8, 3, 3"), NULL, 1, 1, 1);
    V flat = kit_reshape(&k, a, "2, 288");
    V y = kit_matmul(&k, flat, kit_weight(&k, "288, 4"), false);
    V z = kit_matmul(&k, kit_reshape(&k, a, "16, 36"), kit_weight(&k, "36, 4"), false);
    kit_yield(&k, KIT_LIST(b, y, z));
    (void)form_compile(&k, NULL, 0);
    assert_int_equal(form_count(&k, HMLC_OP_transpose), 3); /* x, a once, b */
    hmlc_module_destroy(k.module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(residual_network),   cmocka_unit_test(squeeze_and_excitation),
        cmocka_unit_test(skip_connections),   cmocka_unit_test(channel_shuffle),
        cmocka_unit_test(foreign_transposes), cmocka_unit_test(one_dim_to_sequence),
        cmocka_unit_test(three_dims),         cmocka_unit_test(patch_embedding),
        cmocka_unit_test(mixed_readers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

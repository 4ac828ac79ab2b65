/* Merging of contractions that share their left operand. */
#include "equivalence.h"
#include "hir.h"

#define W22(name, numbers) VECTOR(name, "2, 2", numbers)
#define QKV                                                                                        \
    W22("%wq", "1, 2, 3, 4")                                                                       \
    W22("%wk", "-1, 2, 0.5, 4")                                                                    \
    VECTOR("%wv", "2, 4", "1, -2, 3, 0.5, 5, 6, -7, 8")                                            \
    VECTOR("%bq", "2", "0.1, 0.2") VECTOR("%bv", "4", "1, 2, 3, 4")

static const test_case matmuls[] = {
    {"query, key and value, one without bias",
     HIR("%x: f32[3, 2]", QKV "%q0 = matmul(%x, %wq) : f32[3, 2]\n%q = add(%q0, %bq) : f32[3, 2]\n"
                              "%k = matmul(%x, %wk) : f32[3, 2]\n"
                              "%v0 = matmul(%x, %wv) : f32[3, 4]\n%v = add(%v0, %bv) : f32[3, 4]\n"
                              "%s = matmul(%q, %k) {transpose_b = 1} : f32[3, 3]\n"
                              "%y = matmul(%s, %v) : f32[3, 4]\nyield(%y)\n"),
     "matmul add slice slice slice matmul matmul"},
    {"a gate with its activation stays",
     HIR("%x: f32[3, 2]", QKV "%q = matmul(%x, %wq) : f32[3, 2]\n%k = matmul(%x, %wk) : f32[3, 2]\n"
                              "%s = silu(%q) : f32[3, 2]\n%y = mul(%s, %k) : f32[3, 2]\n"
                              "yield(%y)\n"),
     "matmul matmul silu mul"},
};

#define CONV(name, w, shape)                                                                       \
    name " = conv(%x, " w ") {strides = [1], pads = [0, 0], dilations = [1], groups = 1, "         \
         "layout = channels_first} : " shape "\n"

static const test_case convs[] = {
    {"heads with few channels",
     HIR("%x: f32[1, 2, 3]",
         VECTOR("%a", "1, 2, 1", "1, 2") VECTOR("%b", "2, 2, 1", "3, 4, 5, 6")
             CONV("%p", "%a", "f32[1, 1, 3]")
                 CONV("%q", "%b",
                      "f32[1, 2, 3]") "%r = relu(%p) : f32[1, 1, 3]\n%s = relu(%q) : f32[1, 2, 3]\n"
                                      "%y = concat(%s, %r) {axis = 1} : f32[1, 3, 3]\nyield(%y)\n"),
     "conv relu slice slice concat"},
    {"different activations stay apart",
     HIR("%x: f32[1, 2, 3]",
         VECTOR("%a", "1, 2, 1", "1, 2") VECTOR("%b", "2, 2, 1", "3, 4, 5, 6")
             CONV("%p", "%a", "f32[1, 1, 3]")
                 CONV("%q", "%b",
                      "f32[1, 2, 3]") "%r = relu(%p) : f32[1, 1, 3]\n%s = exp(%q) : f32[1, 2, 3]\n"
                                      "%y = concat(%s, %r) {axis = 1} : f32[1, 3, 3]\nyield(%y)\n"),
     "conv conv relu exp concat"},
};

static void test_matmuls(void **state)
{
    (void)state;
    test_cases(matmuls, sizeof matmuls / sizeof matmuls[0], "merge-contractions,dce");
}

static void test_convs(void **state)
{
    (void)state;
    test_cases(convs, sizeof convs / sizeof convs[0], "merge-contractions,dce");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matmuls),
        cmocka_unit_test(test_convs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The simplify, cse and dce passes: what goes, what stays, and that results stay the same. */
#include "equivalence.h"
#include "hir.h"

#define X23 "%x: f32[2, 3]"

static const test_case arithmetic[] = {
    {"x + 0", HIR(X23, SCALAR("%c", "0") "%y = add(%c, %x) : f32[2, 3]\nyield(%y)\n"), ""},
    {"x * 1 with the shape of x",
     HIR(X23, VECTOR("%c", "2, 3", "1, 1, 1, 1, 1, 1") "%y = mul(%x, %c) : f32[2, 3]\nyield(%y)\n"),
     ""},
    {"a 1 that broadcasts x is an expand",
     HIR("%x: f32[3]",
         VECTOR("%c", "2, 3", "1, 1, 1, 1, 1, 1") "%y = mul(%x, %c) : f32[2, 3]\nyield(%y)\n"),
     "expand"},
    {"x^2", HIR(X23, SCALAR("%c", "2") "%y = pow(%x, %c) : f32[2, 3]\nyield(%y)\n"), "mul"},
    {"x^3", HIR(X23, SCALAR("%c", "3") "%y = pow(%x, %c) : f32[2, 3]\nyield(%y)\n"), "mul mul"},
    {"x^0.5 of a square",
     HIR(X23,
         SCALAR("%c",
                "0.5") "%s = mul(%x, %x) : f32[2, 3]\n%y = pow(%s, %c) : f32[2, 3]\nyield(%y)\n"),
     "mul sqrt"},
    {"x / 4 is x * 0.25", HIR(X23, SCALAR("%c", "4") "%y = div(%x, %c) : f32[2, 3]\nyield(%y)\n"),
     "mul"},
    {"x / 3 stays", HIR(X23, SCALAR("%c", "3") "%y = div(%x, %c) : f32[2, 3]\nyield(%y)\n"), "div"},
    {"1 / sqrt(x)",
     HIR(X23, SCALAR("%c", "1") "%e = exp(%x) : f32[2, 3]\n%s = sqrt(%e) : f32[2, 3]\n"
                                "%y = div(%c, %s) : f32[2, 3]\nyield(%y)\n"),
     "exp rsqrt"},
    {"chains of sums and products",
     HIR(X23, SCALAR("%a", "2")
                  SCALAR("%b", "3") "%p = mul(%a, %x) : f32[2, 3]\n"
                                    "%q = mul(%p, %b) : f32[2, 3]\n%r = add(%q, %a) : f32[2, 3]\n"
                                    "%y = sub(%r, %b) : f32[2, 3]\nyield(%y)\n"),
     "mul add add"},
    {"factors on two sides of 1 stay",
     HIR(X23, SCALAR("%a", "3e8") SCALAR("%b", "1e-8") "%p = mul(%x, %a) : f32[2, 3]\n"
                                                       "%y = mul(%p, %b) : f32[2, 3]\nyield(%y)\n"),
     "mul mul"},
    {"factors whose product leaves the type stay",
     HIR(X23,
         SCALAR("%a", "1e30") SCALAR("%b", "1e30") "%p = mul(%x, %a) : f32[2, 3]\n"
                                                   "%y = mul(%p, %b) : f32[2, 3]\nyield(%y)\n"),
     "mul mul"},
    {"factors whose product is nearly 0 stay",
     HIR(X23,
         SCALAR("%a", "1e-20") SCALAR("%b", "1e-20") "%p = mul(%x, %a) : f32[2, 3]\n"
                                                     "%y = mul(%p, %b) : f32[2, 3]\nyield(%y)\n"),
     "mul mul"},
    {"1 / (1 / x), where 1 / x may overflow, stays",
     HIR(X23, "%r = reciprocal(%x) : f32[2, 3]\n%y = reciprocal(%r) : f32[2, 3]\nyield(%y)\n"),
     "reciprocal reciprocal"},
    {"sums of integers",
     HIR("%x: i32[4]", "%a = constant() {value = i32[](5)} : i32[]\n%p = add(%x, %a) : i32[4]\n"
                       "%y = add(%p, %a) : i32[4]\nyield(%y)\n"),
     "add"},
    {"x^0.5 of what may be -infinity or -0 stays",
     HIR(X23, SCALAR("%c", "0.5") "%y = pow(%x, %c) : f32[2, 3]\nyield(%y)\n"), "pow"},
    {"sqrt(1 / x), where 1 / x may overflow, stays",
     HIR(X23, "%r = reciprocal(%x) : f32[2, 3]\n%y = sqrt(%r) : f32[2, 3]\nyield(%y)\n"),
     "reciprocal sqrt"},
    {"rounding tricks stay",
     HIR(X23, SCALAR("%a", "12582912") "%p = add(%x, %a) : f32[2, 3]\n"
                                       "%y = sub(%p, %a) : f32[2, 3]\nyield(%y)\n"),
     "add add"},
    {"max(x, 0)", HIR(X23, SCALAR("%c", "0") "%y = max(%c, %x) : f32[2, 3]\nyield(%y)\n"), "relu"},
    {"negations",
     HIR(X23, "%n = neg(%x) : f32[2, 3]\n%m = neg(%n) : f32[2, 3]\n%p = add(%n, %m) : f32[2, 3]\n"
              "%q = mul(%n, %n) : f32[2, 3]\n%y = sub(%q, %p) : f32[2, 3]\nyield(%y)\n"),
     "sub mul sub"},
    {"select with a constant condition",
     HIR(X23,
         "%t = constant() {value = bool[2, 1](true, true)} : bool[2, 1]\n%n = exp(%x) : f32[2, 3]\n"
         "%y = select(%t, %n, %x) : f32[2, 3]\nyield(%y)\n"),
     "exp"},
    {"casts that lose nothing",
     HIR("%x: i16[4]", "%a = cast(%x) {to = f32} : f32[4]\n%b = cast(%a) {to = f64} : f64[4]\n"
                       "%y = cast(%b) {to = i16} : i16[4]\nyield(%y)\n"),
     ""},
    {"casts that lose stay",
     HIR("%x: f32[4]",
         "%a = cast(%x) {to = i32} : i32[4]\n%y = cast(%a) {to = f32} : f32[4]\nyield(%y)\n"),
     "cast cast"},
};

static const test_case views[] = {
    {"reshape of reshape",
     HIR(X23, "%a = reshape(%x) {shape = [6]} : f32[6]\n%y = reshape(%a) {shape = [3, 2]} : f32[3, "
              "2]\nyield(%y)\n"),
     "reshape"},
    {"reshape there and back",
     HIR(X23, "%a = reshape(%x) {shape = [6]} : f32[6]\n%y = reshape(%a) {shape = [2, 3]} : f32[2, "
              "3]\nyield(%y)\n"),
     ""},
    {"transpose there and back",
     HIR(X23, "%a = transpose(%x) {permutation = [1, 0]} : f32[3, 2]\n"
              "%y = transpose(%a) {permutation = [1, 0]} : f32[2, 3]\nyield(%y)\n"),
     ""},
    {"a transpose that moves dims of 1",
     HIR("%x: f32[2, 1, 3]",
         "%y = transpose(%x) {permutation = [1, 0, 2]} : f32[1, 2, 3]\nyield(%y)\n"),
     "reshape"},
    {"slice of slice",
     HIR("%x: f32[9]",
         "%a = slice(%x) {starts = [1], sizes = [4], steps = [2]} : f32[4]\n"
         "%y = slice(%a) {starts = [3], sizes = [2], steps = [-2]} : f32[2]\nyield(%y)\n"),
     "slice"},
    {"neighbouring slices",
     HIR("%x: f32[6, 2]",
         "%a = slice(%x) {starts = [0, 0], sizes = [2, 2], steps = [1, 1]} : f32[2, 2]\n"
         "%b = slice(%x) {starts = [2, 0], sizes = [4, 2], steps = [1, 1]} : f32[4, 2]\n"
         "%y = concat(%a, %b) {axis = 0} : f32[6, 2]\nyield(%y)\n"),
     ""},
    {"slices in another order stay",
     HIR("%x: f32[6]", "%a = slice(%x) {starts = [0], sizes = [2], steps = [1]} : f32[2]\n"
                       "%b = slice(%x) {starts = [2], sizes = [4], steps = [1]} : f32[4]\n"
                       "%y = concat(%b, %a) {axis = 0} : f32[6]\nyield(%y)\n"),
     "slice slice concat"},
    {"slice of concat",
     HIR("%x: f32[4], %z: f32[5]",
         "%c = concat(%x, %z) {axis = 0} : f32[9]\n"
         "%y = slice(%c) {starts = [5], sizes = [3], steps = [1]} : f32[3]\nyield(%y)\n"),
     "slice"},
    {"nested concat",
     HIR("%x: f32[4], %z: f32[5]", "%c = concat(%x, %z) {axis = 0} : f32[9]\n"
                                   "%y = concat(%x, %c) {axis = 0} : f32[13]\nyield(%y)\n"),
     "concat"},
    {"pad of pad, and a pad that cuts",
     HIR("%x: f32[4]",
         "%a = pad(%x) {pads = [1, 2]} : f32[7]\n%b = pad(%a) {pads = [3, 0]} : f32[10]\n"
         "%y = pad(%b) {pads = [-1, -1]} : f32[8]\nyield(%y)\n"),
     "pad slice"},
    {"tile of a single row",
     HIR("%x: f32[1, 3]", "%y = tile(%x) {shape = [4, 3]} : f32[4, 3]\nyield(%y)\n"), "expand"},
    {"gather of evenly spaced rows",
     HIR("%x: f32[6, 2]", "%i = constant() {value = i64[3](-1, -3, -5)} : i64[3]\n"
                          "%y = gather(%x, %i) {axis = 0} : f32[3, 2]\nyield(%y)\n"),
     "slice"},
    {"gather of one row",
     HIR("%x: f32[6, 2]", "%i = constant() {value = i64[](2)} : i64[]\n"
                          "%y = gather(%x, %i) {axis = 0} : f32[2]\nyield(%y)\n"),
     "slice reshape"},
    {"reduction over dims of 1",
     HIR("%x: f32[2, 1, 3]",
         "%y = reduce_mean(%x) {axes = [1], keep_dims = 0} : f32[2, 3]\nyield(%y)\n"),
     "reshape"},
    {"reduction of reduction",
     HIR("%x: f32[2, 4, 3]",
         "%a = reduce_sum(%x) {axes = [0], keep_dims = 0} : f32[4, 3]\n"
         "%y = reduce_sum(%a) {axes = [1], keep_dims = 0} : f32[4]\nyield(%y)\n"),
     "reduce_sum"},
    {"a pool over the whole image",
     HIR("%x: f32[1, 2, 3, 4]",
         "%y = avg_pool(%x) {window = [3, 4], strides = [1, 1], pads = [0, 0, 0, 0], dilations = "
         "[1, 1], layout = channels_first, count_include_pad = 0} : f32[1, 2, 1, 1]\nyield(%y)\n"),
     "reduce_mean"},
    {"reshape that keeps the reduced dim",
     HIR(X23, "%a = reduce_max(%x) {axes = [1], keep_dims = 0} : f32[2]\n"
              "%b = reshape(%a) {shape = [2, 1]} : f32[2, 1]\n%y = sub(%x, %b) : f32[2, "
              "3]\nyield(%y)\n"),
     "reduce_max sub"},
};

static const test_case broadcasts[] = {
    {"expand before an elementwise op",
     HIR("%x: f32[2, 3], %z: f32[1, 3]", "%e = expand(%z) {shape = [2, 3]} : f32[2, 3]\n"
                                         "%y = add(%x, %e) : f32[2, 3]\nyield(%y)\n"),
     "add"},
    {"an expand that gives the shape stays, behind the op",
     HIR("%z: f32[1, 3]", "%e = expand(%z) {shape = [2, 3]} : f32[2, 3]\n"
                          "%y = exp(%e) : f32[2, 3]\nyield(%y)\n"),
     "exp expand"},
    {"symbolic expand",
     HIR_BATCH("%x: f32[batch, 3], %z: f32[1, 3]",
               "%e = expand(%z) {shape = [batch, 3]} : f32[batch, 3]\n"
               "%y = mul(%e, %x) : f32[batch, 3]\nyield(%y)\n"),
     "mul"},
    {"matmul over an expanded batch",
     HIR("%x: f32[2, 4, 3], %z: f32[1, 3, 5]",
         "%e = expand(%z) {shape = [2, 3, 5]} : f32[2, 3, 5]\n"
         "%y = matmul(%x, %e) : f32[2, 4, 5]\nyield(%y)\n"),
     "matmul"},
    {"matmul by a transpose",
     HIR("%x: f32[2, 4, 3], %z: f32[5, 2, 3]",
         "%t = transpose(%z) {permutation = [1, 2, 0]} : f32[2, 3, 5]\n"
         "%y = matmul(%x, %t) : f32[2, 4, 5]\nyield(%y)\n"),
     "transpose matmul"},
};

static const test_case attention[] = {
    {"scalars of either side behind the matmul",
     HIR("%x: f32[2, 4, 3], %z: f32[2, 5, 3]",
         SCALAR("%a", "0.5")
             SCALAR("%b", "0.75") "%p = mul(%x, %a) : f32[2, 4, 3]\n"
                                  "%q = mul(%z, %b) : f32[2, 5, 3]\n"
                                  "%y = matmul(%p, %q) {transpose_b = 1} : f32[2, 4, "
                                  "5]\nyield(%y)\n"),
     "matmul mul"},
    {"a scalar that keeps the product in range stays before it",
     HIR("%x: f32[2, 4, 3], %z: f32[2, 3, 5]",
         SCALAR("%a", "1e-30") "%p = mul(%x, %a) : f32[2, 4, 3]\n"
                               "%y = matmul(%p, %z) : f32[2, 4, 5]\nyield(%y)\n"),
     "mul matmul"},
    {"keys shared by query heads",
     HIR("%x: f32[1, 6, 2, 3], %z: f32[1, 2, 5, 3]",
         "%r = reshape(%z) {shape = [1, 2, 1, 5, 3]} : f32[1, 2, 1, 5, 3]\n"
         "%e = expand(%r) {shape = [1, 2, 3, 5, 3]} : f32[1, 2, 3, 5, 3]\n"
         "%k = reshape(%e) {shape = [1, 6, 5, 3]} : f32[1, 6, 5, 3]\n"
         "%y = matmul(%x, %k) {transpose_b = 1} : f32[1, 6, 2, 5]\nyield(%y)\n"),
     "reshape matmul reshape"},
    {"heads joined, transposed and split",
     HIR("%x: f32[2, 3, 4, 5]",
         "%a = reshape(%x) {shape = [6, 4, 5]} : f32[6, 4, 5]\n"
         "%b = transpose(%a) {permutation = [0, 2, 1]} : f32[6, 5, 4]\n"
         "%y = reshape(%b) {shape = [2, 3, 5, 4]} : f32[2, 3, 5, 4]\nyield(%y)\n"),
     "transpose"},
    {"a mask that lets all pass",
     HIR_BATCH("%x: bool[1, batch]",
               "%i = iota() {axis = 0, to = i64, shape = [batch + 1]} : i64[batch + 1]\n"
               "%d = dims_tensor() {elements = [batch], to = i64, shape = [1, 1]} : i64[1, 1]\n"
               "%r = reshape(%i) {shape = [batch + 1, 1]} : i64[batch + 1, 1]\n"
               "%l = less_equal(%r, %d) : bool[batch + 1, 1]\n"
               "%y = and(%l, %x) : bool[batch + 1, batch]\nyield(%y)\n"),
     "expand"},
    {"a causal mask stays",
     HIR_BATCH("%x: bool[batch, batch]",
               "%i = iota() {axis = 0, to = i64, shape = [batch]} : i64[batch]\n"
               "%r = reshape(%i) {shape = [batch, 1]} : i64[batch, 1]\n"
               "%l = less_equal(%r, %i) : bool[batch, batch]\n"
               "%y = and(%l, %x) : bool[batch, batch]\nyield(%y)\n"),
     "iota reshape less_equal and"},
    {"gather by repeated indices",
     HIR("%x: f32[4, 2], %z: i64[1, 3]",
         "%e = expand(%z) {shape = [5, 3]} : i64[5, 3]\n"
         "%y = gather(%x, %e) {axis = 0} : f32[5, 3, 2]\nyield(%y)\n"),
     "gather expand"},
    {"gather of equal elements",
     HIR("%x: f32[3], %z: i64[1, 3]",
         "%c = constant() {value = f32[4](2, 2, 2, 2)} : f32[4]\n"
         "%g = gather(%c, %z) {axis = 0} : f32[1, 3]\n%y = add(%g, %x) : f32[1, 3]\nyield(%y)\n"),
     "add"},
};

static const test_case norms[] = {
    {"parameters that do nothing",
     HIR("%x: f32[2, 3]",
         VECTOR("%o", "3", "1, 1, 1") VECTOR(
             "%n", "3", "0, 0, 0") "%y = "
                                   "layer_norm(%x, %o, %n) {axes = [1]} : f32[2, 3]\nyield(%y)\n"),
     "layer_norm"},
    {"batch norm of computed statistics",
     HIR("%x: f32[1, 3, 4]",
         VECTOR("%o", "3", "1, 1, 1") VECTOR("%n", "3", "0, 0, 0") SCALAR(
             "%k", "0.25") "%m = reduce_mean(%x) {axes = [2], keep_dims = 1} : f32[1, 3, 1]\n"
                           "%c = sub(%x, %m) : f32[1, 3, 4]\n%s = mul(%c, %c) : f32[1, 3, 4]\n"
                           "%t = reduce_sum(%s) {axes = [2], keep_dims = 0} : f32[1, 3]\n"
                           "%v = mul(%t, %k) : f32[1, 3]\n"
                           "%mr = reshape(%m) {shape = [3]} : f32[3]\n"
                           "%vr = reshape(%v) {shape = [3]} : f32[3]\n"
                           "%y = batch_norm(%x, %o, %n, %mr, %vr) {epsilon = 0.001, layout = "
                           "channels_first} : f32[1, 3, 4]\nyield(%y)\n"),
     "layer_norm"},
};

static void test_attention(void **state)
{
    (void)state;
    test_cases(attention, sizeof attention / sizeof attention[0], "simplify,dce");
}

static void test_norms(void **state)
{
    (void)state;
    test_cases(norms, sizeof norms / sizeof norms[0], "simplify,cse,recognize,simplify,dce");
}

static void test_arithmetic(void **state)
{
    (void)state;
    test_cases(arithmetic, sizeof arithmetic / sizeof arithmetic[0], "fold-constants,simplify,dce");
}

static void test_views(void **state)
{
    (void)state;
    test_cases(views, sizeof views / sizeof views[0], "simplify,dce");
}

static void test_broadcasts(void **state)
{
    (void)state;
    test_cases(broadcasts, sizeof broadcasts / sizeof broadcasts[0], "simplify,dce");
}

static void test_cse(void **state)
{
    static const test_case cases[] = {
        {"commuted operands and equal constants",
         HIR("%x: f32[2], %z: f32[2]",
             SCALAR("%a", "3")
                 SCALAR("%b", "3") "%p = add(%x, %z) : f32[2]\n%q = add(%z, %x) : f32[2]\n"
                                   "%r = mul(%p, %a) : f32[2]\n%s = mul(%q, %b) : f32[2]\n%y = "
                                   "sub(%r, %s) : f32[2]\nyield(%y)\n"),
         "add mul sub"},
        {"operands of a difference keep their order",
         HIR("%x: f32[2], %z: f32[2]", "%p = sub(%x, %z) : f32[2]\n%q = sub(%z, %x) : f32[2]\n"
                                       "%y = mul(%p, %q) : f32[2]\nyield(%y)\n"),
         "sub sub mul"},
        {"attributes differ",
         HIR(X23, "%a = softmax(%x) {axes = [0]} : f32[2, 3]\n%b = softmax(%x) {axes = [1]} : "
                  "f32[2, 3]\n"
                  "%y = add(%a, %b) : f32[2, 3]\nyield(%y)\n"),
         "softmax softmax add"},
    };
    (void)state;
    test_cases(cases, sizeof cases / sizeof cases[0], "cse,dce");
}

static void test_dce(void **state)
{
    static const test_case cases[] = {
        {"chains die, and what binds symbols nobody needs",
         HIR("%x: f32[2], %n: i64[1]", "%a = exp(%x) : f32[2]\n%b = log(%a) : f32[2]\n"
                                       "%y = neg(%x) : f32[2]\nyield(%y)\n"),
         "neg"},
    };
    (void)state;
    test_cases(cases, sizeof cases / sizeof cases[0], "dce");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic), cmocka_unit_test(test_views),
        cmocka_unit_test(test_broadcasts), cmocka_unit_test(test_attention),
        cmocka_unit_test(test_norms),      cmocka_unit_test(test_cse),
        cmocka_unit_test(test_dce),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

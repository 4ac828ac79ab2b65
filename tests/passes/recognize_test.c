/* Recognition: every spelling becomes one op, look-alikes stay. */
#include "equivalence.h"
#include "hir.h"

#define X     "%x: f32[2, 6]"
#define T     " : f32[2, 6]\n"
#define COL   " : f32[2, 1]\n"
#define HALF  SCALAR("%half", "0.5")
#define ONE   SCALAR("%one", "1")
#define THREE SCALAR("%three", "3")
#define SIX   SCALAR("%six", "6")
#define ZERO  SCALAR("%zero", "0")
#define ERF                                                                                        \
    SCALAR("%r2", "1.41421354")                                                                    \
    ONE HALF "%d = div(%x, %r2)" T "%e = erf(%d)" T "%p = add(%one, %e)" T
#define CUBIC                                                                                      \
    ONE HALF THREE SCALAR("%k", "0.044715")                                                        \
        SCALAR("%q", "0.797884583") "%c3 = pow(%x, %three)" T "%kc = mul(%k, %c3)" T               \
                                    "%in = add(%x, %kc)" T "%sc = mul(%in, %q)" T                  \
                                    "%th = tanh(%sc)" T "%p = add(%th, %one)" T
#define RELU6                                                                                      \
    THREE SIX ZERO "%a3 = add(%x, %three)" T "%lo = max(%a3, %zero)" T "%cl = min(%lo, %six)" T

static const test_case activations[] = {
    {"gelu: x * 0.5 * (1 + erf)",
     HIR(X, ERF "%h = mul(%x, %half)" T "%y = mul(%h, %p)" T "yield(%y)\n"), "gelu"},
    {"gelu: x * (1 + erf) * 0.5",
     HIR(X, ERF "%h = mul(%x, %p)" T "%y = mul(%h, %half)" T "yield(%y)\n"), "gelu"},
    {"gelu: (0.5 * (1 + erf)) * x",
     HIR(X, ERF "%h = mul(%half, %p)" T "%y = mul(%h, %x)" T "yield(%y)\n"), "gelu"},
    {"another factor is no gelu",
     HIR(X, ERF "%h = mul(%x, %p)" T "%y = mul(%h, %r2)" T "yield(%y)\n"), "div erf add mul mul"},
    {"an inner value that is used elsewhere stays",
     HIR(X, ERF "%h = mul(%x, %p)" T "%g = mul(%h, %half)" T "%y = add(%g, %e)" T "yield(%y)\n"),
     "div erf add mul mul add"},
    {"gelu by tanh", HIR(X, CUBIC "%h = mul(%x, %half)" T "%y = mul(%h, %p)" T "yield(%y)\n"),
     "gelu"},
    {"gelu by tanh, other association",
     HIR(X, CUBIC "%h = mul(%p, %half)" T "%y = mul(%x, %h)" T "yield(%y)\n"), "gelu"},
    {"silu", HIR(X, "%s = sigmoid(%x)" T "%y = mul(%s, %x)" T "yield(%y)\n"), "silu"},
    {"silu with a factor",
     HIR(X, SCALAR("%f", "1.702") "%m = mul(%x, %f)" T "%s = sigmoid(%m)" T "%y = mul(%x, %s)" T
                                  "yield(%y)\n"),
     "silu"},
    {"silu from exp",
     HIR(X, ONE "%n = neg(%x)" T "%e = exp(%n)" T "%p = add(%one, %e)" T "%y = div(%x, %p)" T
                "yield(%y)\n"),
     "silu"},
    {"sigmoid from exp",
     HIR(X, ONE "%n = neg(%x)" T "%e = exp(%n)" T "%p = add(%e, %one)" T "%y = div(%one, %p)" T
                "yield(%y)\n"),
     "sigmoid"},
    {"hard_swish: x * relu6(x + 3) / 6",
     HIR(X, RELU6 "%m = mul(%x, %cl)" T "%y = div(%m, %six)" T "yield(%y)\n"), "hard_swish"},
    {"hard_swish: x * (relu6(x + 3) / 6)",
     HIR(X, RELU6 "%m = div(%cl, %six)" T "%y = mul(%m, %x)" T "yield(%y)\n"), "hard_swish"},
    {"hard_sigmoid", HIR(X, RELU6 "%y = div(%cl, %six)" T "yield(%y)\n"), "hard_sigmoid"},
    {"mish",
     HIR(X, ONE "%e = exp(%x)" T "%p = add(%e, %one)" T "%l = log(%p)" T "%t = tanh(%l)" T
                "%y = mul(%x, %t)" T "yield(%y)\n"),
     "mish"},
    {"leaky_relu",
     HIR(X, SCALAR("%a", "0.1") "%m = mul(%x, %a)" T "%y = max(%m, %x)" T "yield(%y)\n"),
     "leaky_relu"},
    {"log(1 + exp(x)) may overflow and stays",
     HIR(X, ONE "%e = exp(%x)" T "%p = add(%e, %one)" T "%y = log(%p)" T "yield(%y)\n"),
     "exp add log"},
    {"a slope of 0 gives NaN at infinity, and stays",
     HIR(X, SCALAR("%a", "0") "%m = mul(%x, %a)" T "%y = max(%m, %x)" T "yield(%y)\n"), "mul max"},
    {"a slope above 1 is none",
     HIR(X, SCALAR("%a", "1.5") "%m = mul(%x, %a)" T "%y = max(%m, %x)" T "yield(%y)\n"),
     "mul max"},
};

#define MEAN     "%m = reduce_mean(%x) {axes = [1], keep_dims = 1}" COL
#define CENTERED MEAN "%c = sub(%x, %m)" T
#define VARIANCE                                                                                   \
    CENTERED SCALAR("%two", "2")                                                                   \
        SCALAR("%eps", "0.001") "%sq = pow(%c, %two)" T                                            \
                                "%v = reduce_mean(%sq) {axes = [1], keep_dims = 1}" COL            \
                                "%ve = add(%v, %eps)" COL
#define GAMMA VECTOR("%g", "6", "1, 2, 3, 4, 5, 6")
#define BETA  VECTOR("%b", "6", "0.1, 0.2, 0.3, 0.4, 0.5, 0.6")

static const test_case norms[] = {
    {"layer_norm by sqrt and div",
     HIR(X, VARIANCE GAMMA BETA "%s = sqrt(%ve)" COL "%n = div(%c, %s)" T "%k = mul(%n, %g)" T
                                "%y = add(%k, %b)" T "yield(%y)\n"),
     "layer_norm"},
    {"layer_norm by reciprocal",
     HIR(X, VARIANCE GAMMA BETA "%s = sqrt(%ve)" COL "%r = reciprocal(%s)" COL "%n = mul(%r, %c)" T
                                "%k = mul(%g, %n)" T "%y = add(%b, %k)" T "yield(%y)\n"),
     "layer_norm"},
    {"layer_norm rearranged",
     HIR(X, VARIANCE GAMMA BETA "%s = rsqrt(%ve)" COL "%k = mul(%s, %g)" T "%p = mul(%x, %k)" T
                                "%q = mul(%m, %k)" T "%o = sub(%b, %q)" T "%y = add(%p, %o)" T
                                "yield(%y)\n"),
     "layer_norm"},
    {"two differences of one mean",
     HIR(X, CENTERED SCALAR("%eps", "0.001") "%c2 = sub(%x, %m)" T "%sq = mul(%c2, %c2)" T
                                             "%v = reduce_mean(%sq) {axes = [1], keep_dims = 1}" COL
                                             "%ve = add(%v, %eps)" COL "%s = sqrt(%ve)" COL
                                             "%y = div(%c, %s)" T "yield(%y)\n"),
     "layer_norm"},
    {"over other axes than the mean it is no more than an rms_norm",
     HIR(X, "%m = reduce_mean(%x) {axes = [0], keep_dims = 1} : f32[1, 6]\n"
            "%c = sub(%x, %m)" T SCALAR(
                "%eps", "0.001") "%sq = mul(%c, %c)" T
                                 "%v = reduce_mean(%sq) {axes = [1], keep_dims = 1}" COL
                                 "%ve = add(%v, %eps)" COL "%s = sqrt(%ve)" COL "%y = div(%c, %s)" T
                                 "yield(%y)\n"),
     "reduce_mean sub rms_norm"},
    {"a residual is no bias",
     HIR("%x: f32[1, 6], %z: f32[1, 6]",
         "%n = layer_norm(%x) {axes = [1]} : f32[1, 6]\n%y = add(%n, %z) : f32[1, 6]\nyield(%y)\n"),
     "layer_norm add"},
    {"rms_norm",
     HIR(X, GAMMA SCALAR("%eps", "0.001")
                SCALAR("%two", "2") "%sq = pow(%x, %two)" T
                                    "%v = reduce_mean(%sq) {axes = [1], keep_dims = 1}" COL
                                    "%ve = add(%v, %eps)" COL "%s = rsqrt(%ve)" COL
                                    "%n = mul(%x, %s)" T "%y = mul(%g, %n)" T "yield(%y)\n"),
     "rms_norm"},
};

static const test_case softmaxes[] = {
    {"softmax with its maximum",
     HIR(X,
         "%m = reduce_max(%x) {axes = [1], keep_dims = 1}" COL "%s = sub(%x, %m)" T "%e = exp(%s)" T
         "%t = reduce_sum(%e) {axes = [1], keep_dims = 1}" COL "%y = div(%e, %t)" T "yield(%y)\n"),
     "softmax"},
    {"exponentials that may overflow stay",
     HIR(X, "%e = exp(%x)" T "%t = reduce_sum(%e) {axes = [1], keep_dims = 1}" COL
            "%y = div(%e, %t)" T "yield(%y)\n"),
     "exp reduce_sum div"},
    {"log_softmax",
     HIR(X, "%m = reduce_max(%x) {axes = [1], keep_dims = 1}" COL "%s = sub(%x, %m)" T
            "%e = exp(%s)" T "%t = reduce_sum(%e) {axes = [1], keep_dims = 1}" COL
            "%l = log(%t)" COL "%y = sub(%s, %l)" T "yield(%y)\n"),
     "log_softmax"},
    {"a logarithm of sums that may overflow stays",
     HIR(X, "%e = exp(%x)" T "%t = reduce_sum(%e) {axes = [1], keep_dims = 1}" COL
            "%l = log(%t)" COL "%y = sub(%x, %l)" T "yield(%y)\n"),
     "exp reduce_sum log sub"},
    {"a logarithm of what may be 0 stays",
     HIR(X, "%s = softmax(%x) {axes = [1]}" T "%y = log(%s)" T "yield(%y)\n"), "softmax log"},
};

static const char pipeline[] = "simplify,cse,recognize,simplify,dce";

static void test_activations(void **state)
{
    (void)state;
    test_cases(activations, sizeof activations / sizeof activations[0], pipeline);
}

static void test_norms(void **state)
{
    (void)state;
    test_cases(norms, sizeof norms / sizeof norms[0], pipeline);
}

static void test_softmaxes(void **state)
{
    (void)state;
    test_cases(softmaxes, sizeof softmaxes / sizeof softmaxes[0], pipeline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_softmaxes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

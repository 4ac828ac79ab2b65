/* Constant folding, and folding into the weights of contractions. */
#include "equivalence.h"
#include "hir.h"

/* Weights [4, 2, 2], [4, 1, 2] and [2, 2, 2] of convolutions over one spatial dim. */
#define W422                                                                                       \
    "%w = constant() {value = f32[4, 2, 2](0.5, -1, 2, 0.25, 1, 1.5, -0.75, 2, 0.1, 0.2, -0.3, "   \
    "0.4, -1, 1, 0.6, -2)} : f32[4, 2, 2]\n"
#define W412                                                                                       \
    "%w = constant() {value = f32[4, 1, 2](0.5, -1, 2, 0.25, 1, 1.5, -0.75, 2)} : f32[4, 1, 2]\n"
#define W222                                                                                       \
    "%w = constant() {value = f32[2, 2, 2](0.5, -1, 2, 0.25, 1, 1.5, -0.75, 2)} : f32[2, 2, 2]\n"
#define W222_2                                                                                     \
    "%u = constant() {value = f32[2, 2, 2](1, -1, 2, 0.5, -1, 1.5, 0.75, 1)} : f32[2, 2, 2]\n"
#define B4 VECTOR("%b", "4", "0.1, -0.2, 0.3, 4")
#define CONV(name, x, operands, pads, groups, shape)                                               \
    name " = conv(" x ", " operands ") {strides = [1], pads = " pads                               \
         ", dilations = [1], groups = " groups ", layout = channels_first} : " shape "\n"
#define X125        "%x: f32[1, 2, 5]"
#define Y144        "f32[1, 4, 4]"
#define PER_CHANNEL VECTOR("%s", "4, 1", "2, 0.5, -1, 3")
#define PER_INPUT   VECTOR("%s", "1, 2, 1", "2, -0.5")
#define BATCH_NORM(name, x, size, shape)                                                           \
    VECTOR("%n0", size, "1.5, 2")                                                                  \
    VECTOR("%n1", size, "0.1, -0.4")                                                               \
    VECTOR("%n2", size, "0.3, 0.7")                                                                \
    VECTOR("%n3", size, "0.9, 1.4")                                                                \
    name " = batch_norm(" x                                                                        \
         ", %n0, %n1, %n2, %n3) {epsilon = 0.001, layout = channels_first} : " shape "\n"

static const test_case outputs[] = {
    {"conv * c",
     HIR(X125, W422 B4 PER_CHANNEL CONV("%c", "%x", "%w, %b", "[0, 0]", "1",
                                        Y144) "%y = mul(%s, %c) : " Y144 "\nyield(%y)\n"),
     "conv"},
    {"conv / c + b",
     HIR(X125, W422 PER_CHANNEL CONV("%c", "%x", "%w", "[0, 0]", "1",
                                     Y144) "%d = div(%c, %s) : " Y144 "\n%y = add(%d, %s) : " Y144
                                           "\nyield(%y)\n"),
     "conv"},
    {"of conv + c - c the second sum stays",
     HIR(X125, W422 SCALAR("%s", "128") CONV("%c", "%x", "%w", "[0, 0]", "1",
                                             Y144) "%d = add(%c, %s) : " Y144
                                                   "\n%y = sub(%d, %s) : " Y144 "\nyield(%y)\n"),
     "conv add"},
    {"a term that rounds stays behind the conv",
     HIR(X125, W422 SCALAR("%s", "1024") CONV("%c", "%x", "%w", "[0, 0]", "1",
                                              Y144) "%y = add(%c, %s) : " Y144 "\nyield(%y)\n"),
     "conv add"},
    {"depthwise conv * c",
     HIR("%x: f32[1, 4, 5]",
         W412 B4 PER_CHANNEL CONV("%c", "%x", "%w, %b", "[1, 0]", "4",
                                  "f32[1, 4, 5]") "%y = mul(%c, %s) : f32[1, 4, 5]\nyield(%y)\n"),
     "conv"},
    {"a conv that others use stays",
     HIR(X125, W422 PER_CHANNEL CONV("%c", "%x", "%w", "[0, 0]", "1",
                                     Y144) "%d = mul(%c, %s) : " Y144 "\n%y = sub(%d, %c) : " Y144
                                           "\nyield(%y)\n"),
     "conv mul sub"},
    {"conv + batch norm",
     HIR(X125, W222 CONV("%c", "%x", "%w", "[1, 1]", "1", "f32[1, 2, 6]")
                   BATCH_NORM("%y", "%c", "2", "f32[1, 2, 6]") "yield(%y)\n"),
     "conv"},
    {"conv_transpose with groups * c",
     HIR("%x: f32[1, 4, 3]",
         W412 VECTOR("%s", "2, 1", "2, 0.5") VECTOR(
             "%b", "2", "1, 2") "%c = conv_transpose(%x, %w, %b) {strides = [1], pads = [0, 0], "
                                "dilations = [1], groups = 2, "
                                "layout = channels_first, output_padding = [0]} : f32[1, 2, 4]\n"
                                "%y = mul(%c, %s) : f32[1, 2, 4]\nyield(%y)\n"),
     "conv_transpose"},
    {"(matmul + b) * c",
     HIR("%x: f32[3, 2]", VECTOR("%w", "2, 2", "1, 2, 3, 4") VECTOR("%b", "2", "0.5, 0.25") VECTOR(
                              "%s", "2", "2, -1") "%m = matmul(%x, %w) : f32[3, 2]\n%a = add(%m, "
                                                  "%b) : f32[3, 2]\n"
                                                  "%y = mul(%a, %s) : f32[3, 2]\nyield(%y)\n"),
     "matmul add"},
    {"a scalar behind views",
     HIR("%x: f32[3, 2]",
         VECTOR("%w", "2, 4", "1, 2, 3, 4, 5, 6, 7, 8") B4 SCALAR(
             "%s", "0.125") "%m = matmul(%x, %w) : f32[3, 4]\n%a = add(%m, %b) : f32[3, 4]\n"
                            "%r = reshape(%a) {shape = [3, 2, 2]} : f32[3, 2, 2]\n"
                            "%t = transpose(%r) {permutation = [1, 0, 2]} : f32[2, 3, 2]\n"
                            "%y = mul(%t, %s) : f32[2, 3, 2]\nyield(%y)\n"),
     "matmul add reshape transpose"},
    {"-matmul with transposed weights",
     HIR("%x: f32[3, 2]", VECTOR("%w", "2, 2", "1, 2, 3, 4")
                              VECTOR("%s", "2", "2, -1") "%m = matmul(%x, %w) {transpose_b = 1} : "
                                                         "f32[3, 2]\n%n = neg(%m) : f32[3, 2]\n"
                                                         "%y = mul(%n, %s) : f32[3, 2]\n"
                                                         "yield(%y)\n"),
     "matmul"},
};

static const test_case concats[] = {
    {"scale, bias and slopes behind joined convs",
     HIR(X125, W422 W222_2 VECTOR("%s", "6, 1", "1, 2, 3, 4, 5, 6")
                   CONV("%c", "%x", "%w", "[0, 0]", "1", Y144)
                       CONV("%d", "%x", "%u", "[0, 0]", "1",
                            "f32[1, 2, 4]") "%k = concat(%c, %d) {axis = 1} : f32[1, 6, 4]\n"
                                            "%m = mul(%k, %s) : f32[1, 6, 4]\n%a = add(%m, %s) : "
                                            "f32[1, 6, 4]\n"
                                            "%y = prelu(%a, %s) : f32[1, 6, 4]\nyield(%y)\n"),
     "conv conv prelu prelu concat"},
    {"what else is joined stays",
     HIR(X125,
         W422 CONV("%c", "%x", "%w", "[0, 0]", "1",
                   Y144) "%r = relu(%c) : " Y144 "\n%k = concat(%c, %r) {axis = 1} : f32[1, 8, 4]\n"
                         "%y = exp(%k) : f32[1, 8, 4]\nyield(%y)\n"),
     "conv relu concat exp"},
};

static const test_case inputs[] = {
    {"conv(x * c) with padding",
     HIR(X125, W422 PER_INPUT "%p = mul(%x, %s) : f32[1, 2, 5]\n" CONV(
                   "%y", "%p", "%w", "[1, 0]", "1", "f32[1, 4, 5]") "yield(%y)\n"),
     "conv"},
    {"conv(x + c) without padding",
     HIR(X125, W422 PER_INPUT "%p = add(%x, %s) : f32[1, 2, 5]\n" CONV("%y", "%p", "%w", "[0, 0]",
                                                                       "1", Y144) "yield(%y)\n"),
     "conv"},
    {"conv(x + c) with padding stays",
     HIR(X125, W422 PER_INPUT "%p = add(%x, %s) : f32[1, 2, 5]\n" CONV(
                   "%y", "%p", "%w", "[1, 0]", "1", "f32[1, 4, 5]") "yield(%y)\n"),
     "add conv"},
    {"conv(x + c) with a c that rounds stays",
     HIR(X125, W422 SCALAR("%s", "12288") "%p = add(%x, %s) : f32[1, 2, 5]\n" CONV(
                   "%y", "%p", "%w", "[0, 0]", "1", Y144) "yield(%y)\n"),
     "add conv"},
    {"grouped conv(x * c + c)",
     HIR("%x: f32[1, 4, 5]",
         W422 VECTOR("%s", "4, 1", "2, 3, -1, 0.5") "%p = mul(%x, %s) : f32[1, 4, 5]\n"
                                                    "%q = add(%p, %s) : f32[1, 4, 5]\n" CONV(
                                                        "%y", "%q", "%w", "[0, 0]", "2",
                                                        Y144) "yield(%y)\n"),
     "conv"},
    {"matmul(x * c + c)",
     HIR("%x: f32[3, 2]", VECTOR("%w", "2, 2", "1, 2, 3, 4")
                              VECTOR("%s", "2", "2, -1") "%p = mul(%x, %s) : f32[3, 2]\n"
                                                         "%q = add(%p, %s) : f32[3, 2]\n"
                                                         "%y = matmul(%q, %w) : f32[3, 2]\n"
                                                         "yield(%y)\n"),
     "matmul add"},
    {"batch norm before conv",
     HIR(X125, W222 BATCH_NORM("%n", "%x", "2", "f32[1, 2, 5]")
                   CONV("%y", "%n", "%w", "[0, 0]", "1", "f32[1, 2, 4]") "yield(%y)\n"),
     "conv"},
};

static const test_case pads[] = {
    {"pad before conv",
     HIR(X125, W422 "%p = pad(%x) {pads = [0, 0, 2, 0, 0, 1]} : f32[1, 2, 8]\n" CONV(
                   "%y", "%p", "%w", "[1, 1]", "1", "f32[1, 4, 9]") "yield(%y)\n"),
     "conv"},
    {"pad with ones stays",
     HIR(X125, W422 SCALAR("%o", "1") "%p = pad(%x, %o) {pads = [0, 0, 2, 0, 0, 1]} : f32[1, 2, "
                                      "8]\n" CONV("%y", "%p", "%w", "[1, 1]", "1",
                                                  "f32[1, 4, 9]") "yield(%y)\n"),
     "pad conv"},
    {"pad before avg_pool",
     HIR(X125, "%p = pad(%x) {pads = [0, 0, 1, 0, 0, 1]} : f32[1, 2, 7]\n"
               "%y = avg_pool(%p) {window = [3], strides = [2], pads = [0, 0], dilations = [1], "
               "layout = channels_first, count_include_pad = 0} : f32[1, 2, 3]\nyield(%y)\n"),
     "avg_pool"},
    {"zeros behind relu before max_pool",
     HIR(X125, "%r = relu(%x) : f32[1, 2, 5]\n"
               "%p = pad(%r) {pads = [0, 0, 1, 0, 0, 1]} : f32[1, 2, 7]\n"
               "%y = max_pool(%p) {window = [3], strides = [2], pads = [0, 0], dilations = [1], "
               "layout = channels_first} : f32[1, 2, 3]\nyield(%y)\n"),
     "relu max_pool"},
    {"zeros before max_pool stay",
     HIR(X125, "%p = pad(%x) {pads = [0, 0, 1, 0, 0, 1]} : f32[1, 2, 7]\n"
               "%y = max_pool(%p) {window = [3], strides = [2], pads = [0, 0], dilations = [1], "
               "layout = channels_first} : f32[1, 2, 3]\nyield(%y)\n"),
     "pad max_pool"},
    {"windows of padding alone stay",
     HIR(X125, "%r = relu(%x) : f32[1, 2, 5]\n"
               "%p = pad(%r) {pads = [0, 0, 3, 0, 0, 3]} : f32[1, 2, 11]\n"
               "%y = max_pool(%p) {window = [3], strides = [2], pads = [0, 0], dilations = [1], "
               "layout = channels_first} : f32[1, 2, 5]\nyield(%y)\n"),
     "relu pad max_pool"},
};

static const test_case constants[] = {
    {"arithmetic on constants",
     HIR("%x: f32[2]", VECTOR("%a", "2", "1, 2") VECTOR("%b", "2", "3, 4") "%s = add(%a, %b) : "
                                                                           "f32[2]\n%e = exp(%s) : "
                                                                           "f32[2]\n%y = mul(%x, "
                                                                           "%e) : f32[2]\n"
                                                                           "yield(%y)\n"),
     "mul"},
    {"known elements become a dims_tensor",
     HIR_BATCH("%x: i64[batch]",
               "%d = dims_tensor() {elements = [batch], to = i64, shape = [1]} : i64[1]\n"
               "%c = constant() {value = i64[1](2)} : i64[1]\n%m = mul(%d, %c) : i64[1]\n"
               "%y = add(%x, %m) : i64[batch]\nyield(%y)\n"),
     "dims_tensor add"},
    {"an if whose condition is known",
     HIR("%x: f32[2]", "%t = constant() {value = bool[](true)} : bool[]\n"
                       "%y = if(%t) : f32[2] () {\n%a = exp(%x) : f32[2]\nyield(%a)\n} () {\n"
                       "%b = neg(%x) : f32[2]\nyield(%b)\n}\nyield(%y)\n"),
     "exp"},
    {"large growth is left to be computed",
     HIR("%x: f32[1024, 1024]",
         VECTOR("%c", "1", "3") "%e = expand(%c) {shape = [1024, 1024]} : f32[1024, 1024]\n"
                                "%y = concat(%x, %e) {axis = 0} : f32[2048, 1024]\nyield(%y)\n"),
     "expand concat"},
};

static void test_outputs(void **state)
{
    (void)state;
    test_cases(outputs, sizeof outputs / sizeof outputs[0], "simplify,fold-weights,simplify,dce");
}

static void test_concats(void **state)
{
    (void)state;
    test_cases(concats, sizeof concats / sizeof concats[0], "fold-weights,dce");
}

static void test_inputs(void **state)
{
    (void)state;
    test_cases(inputs, sizeof inputs / sizeof inputs[0], "simplify,fold-weights,simplify,dce");
}

static void test_pads(void **state)
{
    (void)state;
    test_cases(pads, sizeof pads / sizeof pads[0], "fold-weights,dce");
}

static void test_constants(void **state)
{
    (void)state;
    test_cases(constants, sizeof constants / sizeof constants[0], "fold-constants,dce");
}

static void test_dequantize(void **state)
{
    static const test_case cases[] = {
        {"weights",
         HIR("%x: f32[2]", "%q = constant() {value = i8[2](3, -4)} : i8[2]\n" SCALAR(
                               "%s", "0.5") "%w = dequantize(%q, %s) {to = f32} : f32[2]\n"
                                            "%y = mul(%x, %w) : f32[2]\nyield(%y)\n"),
         "mul"},
    };
    (void)state;
    test_cases(cases, 1, "fold-dequantize,dce");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outputs),   cmocka_unit_test(test_concats),
        cmocka_unit_test(test_inputs),    cmocka_unit_test(test_pads),
        cmocka_unit_test(test_constants), cmocka_unit_test(test_dequantize),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

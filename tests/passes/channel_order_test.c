/* Channel shuffles go into the weights behind them, and pass depthwise convolutions on the way. */
#include "equivalence.h"
#include "hir.h"

#define W441(name)                                                                                 \
    name " = constant() {value = f32[4, 4, 1](1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4, 0.5, 0.25, " \
         "1.5, 2)} : f32[4, 4, 1]\n"
#define D412(name)                                                                                 \
    name " = constant() {value = f32[4, 1, 2](1, 2, 3, 4, -5, 6, 0.7, 8)} : f32[4, 1, 2]\n"
#define SHUFFLE(y, x)                                                                              \
    "%r" y " = reshape(" x ") {shape = [1, 2, 2, 5]} : f32[1, 2, 2, 5]\n%t" y " = transpose(%r" y  \
    ") {permutation = [0, 2, 1, 3]} : f32[1, 2, 2, 5]\n%" y " = reshape(%t" y                      \
    ") {shape = [1, 4, 5]} : f32[1, 4, 5]\n"
#define CONV(y, x, w, groups, shape)                                                               \
    y " = conv(" x ", " w ") {strides = [1], pads = [0, 0], dilations = [1], groups = " groups     \
      ", layout = channels_first} : " shape "\n"

static const test_case cases[] = {
    {"shuffle before a convolution",
     HIR("%x: f32[1, 4, 5]",
         W441("%w") SHUFFLE("s", "%x") CONV("%y", "%s", "%w", "1", "f32[1, 4, 5]") "yield(%y)\n"),
     "conv"},
    {"through a depthwise convolution and slopes",
     HIR("%x: f32[1, 4, 5]",
         W441("%w") D412("%d") VECTOR("%b", "4", "1, 2, 3, 4")
             VECTOR("%l", "4, 1", "0.1, 0.2, 0.3, 0.4") SHUFFLE("s", "%x") CONV(
                 "%c", "%s", "%d, %b", "4",
                 "f32[1, 4, 4]") "%p = prelu(%c, %l) : f32[1, 4, "
                                 "4]\n" CONV("%y", "%p", "%w", "1", "f32[1, 4, 4]") "yield(%y)\n"),
     "conv prelu conv"},
    {"halves of a shuffled concat",
     HIR("%x: f32[1, 2, 5], %z: f32[1, 2, 5]",
         "%w = constant() {value = f32[2, 2, 1](1, 2, 3, 4)} : f32[2, 2, 1]\n"
         "%k = concat(%x, %z) {axis = 1} : f32[1, 4, 5]\n" SHUFFLE(
             "s",
             "%k") "%h = slice(%s) {starts = [0, 2, 0], sizes = [1, 2, 5], steps = [1, 1, 1]} : "
                   "f32[1, 2, 5]\n" CONV("%y", "%h", "%w", "1", "f32[1, 2, 5]") "yield(%y)\n"),
     "slice slice concat conv"},
    {"a depthwise result that others see stays",
     HIR("%x: f32[1, 4, 5]",
         D412("%d") SHUFFLE("s", "%x") CONV("%c", "%s", "%d", "4", "f32[1, 4, 4]") "yield(%c)\n"),
     "reshape transpose reshape conv"},
    {"a grouped convolution needs its order",
     HIR("%x: f32[1, 4, 5]",
         "%w = constant() {value = f32[4, 2, 1](1, 2, 3, 4, 5, 6, 7, 8)} : f32[4, 2, 1]\n" SHUFFLE(
             "s", "%x") CONV("%y", "%s", "%w", "2", "f32[1, 4, 5]") "yield(%y)\n"),
     "reshape transpose reshape conv"},
};

static void test_orders(void **state)
{
    (void)state;
    test_cases(cases, sizeof cases / sizeof cases[0], "channel-order,dce");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_orders)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

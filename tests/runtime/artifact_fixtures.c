/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact_fixtures.h"

#include <string.h>

#define LIST(...) ((const uint32_t[]){__VA_ARGS__, HML_NONE})

static void begin(artifact_builder *b)
{
    memset(b, 0, sizeof *b);
    b->scratch_dim = HML_NONE;
}

void build_sum(artifact_builder *b)
{
    begin(b);
    uint32_t n = build_dim(b, HML_DIM_INPUT, 0, 0, 0);
    uint32_t four = build_constant(b, 4), zero = build_constant(b, 0);
    uint32_t count = build_dim(b, HML_DIM_MULTIPLY, n, four, 0);
    uint32_t bytes = build_dim(b, HML_DIM_MULTIPLY, count, four, 0);
    b->entry_dims = b->dim_count;
    b->arena_dim = b->scratch_dim = bytes;
    uint32_t symbol = build_symbol(b, "n", 1, 64, 1, n);
    const uint32_t slots[] = {n, four};
    const char *const texts[] = {"n", "4"};
    uint32_t x = build_input(b, "x", HML_F32, 2, slots, texts);
    uint32_t y = build_input(b, "y", HML_F32, 2, slots, texts);
    uint32_t z = build_output(b, "z", HML_F32, 2, slots, texts);
    uint32_t sum = build_arena(b, zero, bytes);
    build_check(b, HML_CHECK_RANGE, symbol, 0, n);
    uint32_t add = build_kernel(b, "add", test_kernel_add);
    uint32_t by_scratch = build_kernel(b, "add_by_scratch", test_kernel_add_by_scratch);
    build_call(b, add, LIST(x, y, sum), LIST(count), count, "sum.onnx: node 'first' (Add)");
    uint32_t second = build_call(b, by_scratch, LIST(sum, sum, z), LIST(count), count,
                                 "sum.onnx: node 'second' (Add)");
    b->steps[second].scratch_dim = bytes;
}

void build_biased(artifact_builder *b)
{
    static const float bias[] = {0, 1, 2, 3, 4, 5, 6, 7};
    begin(b);
    uint32_t n = build_dim(b, HML_DIM_INPUT, 0, 0, 0);
    uint32_t eight = build_constant(b, 8), zero = build_constant(b, 0);
    b->entry_dims = b->dim_count;
    b->arena_dim = zero;
    build_symbol(b, "n", 0, HML_DIM_UNBOUNDED, 1, n);
    uint32_t x = build_input(b, "x", HML_F32, 1, &n, (const char *const[]){"n"});
    uint32_t z = build_output(b, "z", HML_F32, 1, &eight, (const char *const[]){"8"});
    uint32_t w = build_weights(b, bias, sizeof bias);
    build_check(b, HML_CHECK_EQUAL, n, eight, 0);
    b->checks[b->check_count - 1].location = build_string(b, "biased.onnx: node 'bias' (Add)");
    uint32_t add = build_kernel(b, "add", test_kernel_add);
    build_call(b, add, LIST(x, w, z), LIST(eight), eight, "biased.onnx: node 'bias' (Add)");
}

void build_positions(artifact_builder *b)
{
    begin(b);
    uint32_t n = build_dim(b, HML_DIM_INPUT, 0, 0, 0);
    uint32_t one = build_constant(b, 1), zero = build_constant(b, 0), eight = build_constant(b, 8);
    b->entry_dims = b->dim_count;
    b->arena_dim = eight;
    build_symbol(b, "n", 0, HML_DIM_UNBOUNDED, 1, n);
    uint32_t symbol = build_symbol(b, "k", 0, 16, 1, HML_NONE);
    b->symbols[symbol].flags = HML_SYMBOL_RUN_TIME;
    uint32_t x = build_input(b, "x", HML_F32, 1, &n, (const char *const[]){"n"});
    uint32_t counted = build_arena(b, zero, eight);
    uint32_t count = build_kernel(b, "count", test_kernel_count);
    uint32_t positions = build_kernel(b, "positions", test_kernel_positions);
    build_call(b, count, LIST(x, counted), LIST(n), one, "nonzero.onnx: node 'nz' (NonZero)");
    uint32_t k = build_dim(b, HML_DIM_ELEMENT, b->operand_count - 1, 0, symbol);
    uint32_t bytes = build_dim(b, HML_DIM_MULTIPLY, k, eight, 0);
    uint32_t evaluate = build_step(b, HML_STEP_EVALUATE);
    b->steps[evaluate].first_dim = k;
    b->steps[evaluate].dim_count = 2;
    uint32_t p = build_output(b, "p", HML_I64, 1, &k, (const char *const[]){"k"});
    uint32_t c = build_output(b, "c", HML_I64, 1, &one, (const char *const[]){"1"});
    uint32_t grown = build_growable(b, bytes);
    uint32_t grow = build_step(b, HML_STEP_GROW);
    b->steps[grow].first_operand = b->operand_count;
    b->steps[grow].operand_count = 1;
    b->operands[b->operand_count++] =
        (hml_operand_record){.buffer = grown, .offset_dim = HML_NONE, .flags = HML_OPERAND_WRITTEN};
    const char *node = "nonzero.onnx: node 'nz' (NonZero)";
    build_call(b, positions, LIST(x, grown), LIST(n, k), one, node);
    build_call(b, positions, LIST(x, p), LIST(n, k), one, node);
    build_call(b, count, LIST(x, c), LIST(n), one, node);
}

void build_branch(artifact_builder *b)
{
    begin(b);
    uint32_t n = build_dim(b, HML_DIM_INPUT, 0, 0, 0);
    uint32_t one = build_constant(b, 1), zero = build_constant(b, 0), four = build_constant(b, 4),
             page = build_constant(b, 64);
    uint32_t bytes = build_dim(b, HML_DIM_MULTIPLY, n, four, 0);
    uint32_t arena = build_dim(b, HML_DIM_ADD, bytes, page, 0);
    b->entry_dims = b->dim_count;
    b->arena_dim = arena;
    build_symbol(b, "n", 1, HML_DIM_UNBOUNDED, 1, n);
    uint32_t x = build_input(b, "x", HML_F32, 1, &n, (const char *const[]){"n"});
    uint32_t z = build_output(b, "z", HML_F32, 1, &n, (const char *const[]){"n"});
    uint32_t condition = build_arena(b, zero, one);
    uint32_t twice = build_arena(b, page, bytes);
    uint32_t positive = build_kernel(b, "positive", test_kernel_positive);
    uint32_t add = build_kernel(b, "add", test_kernel_add);
    build_call(b, positive, LIST(x, condition), LIST(n), one, "if.onnx: node 'test' (Greater)");
    uint32_t branch = build_step(b, HML_STEP_BRANCH);
    b->steps[branch].first_operand = b->operand_count - 1;
    b->steps[branch].operand_count = 1;
    build_call(b, add, LIST(x, x, z), LIST(n), n, "if.onnx: node 'then' (Add)");
    uint32_t jump = build_step(b, HML_STEP_JUMP);
    b->steps[branch].target = b->step_count;
    build_call(b, add, LIST(x, x, twice), LIST(n), n, "if.onnx: node 'else' (Add)");
    build_call(b, add, LIST(twice, x, z), LIST(n), n, "if.onnx: node 'more' (Add)");
    b->steps[jump].target = b->step_count;
}

void build_repeat(artifact_builder *b)
{
    begin(b);
    uint32_t n = build_dim(b, HML_DIM_INPUT, 0, 0, 0);
    uint32_t one = build_constant(b, 1), zero = build_constant(b, 0), four = build_constant(b, 4),
             page = build_constant(b, 64);
    uint32_t bytes = build_dim(b, HML_DIM_MULTIPLY, n, four, 0);
    uint32_t second = build_dim(b, HML_DIM_ADD, bytes, page, 0);
    uint32_t arena = build_dim(b, HML_DIM_ADD, second, bytes, 0);
    b->entry_dims = b->dim_count;
    b->arena_dim = arena;
    build_symbol(b, "n", 1, HML_DIM_UNBOUNDED, 1, n);
    uint32_t x = build_input(b, "x", HML_F32, 1, &n, (const char *const[]){"n"});
    uint32_t y = build_input(b, "y", HML_F32, 1, &n, (const char *const[]){"n"});
    uint32_t z = build_output(b, "z", HML_F32, 1, &n, (const char *const[]){"n"});
    build_check(b, HML_CHECK_INPUT_DIM, 1, 0, n);
    uint32_t condition = build_arena(b, zero, one);
    uint32_t even = build_arena(b, page, bytes), odd = build_arena(b, second, bytes);
    uint32_t positive = build_kernel(b, "positive", test_kernel_positive);
    uint32_t add = build_kernel(b, "add", test_kernel_add);
    build_call(b, add, LIST(x, y, even), LIST(n), n, "loop.onnx: node 'begin' (Add)");
    uint32_t first = b->step_count;
    build_call(b, add, LIST(even, y, odd), LIST(n), n, "loop.onnx: node 'once' (Add)");
    build_call(b, add, LIST(odd, y, even), LIST(n), n, "loop.onnx: node 'again' (Add)");
    build_call(b, positive, LIST(even, condition), LIST(n), one,
               "loop.onnx: node 'test' (Greater)");
    uint32_t repeat = build_step(b, HML_STEP_REPEAT);
    b->steps[repeat].first_operand = b->operand_count - 1;
    b->steps[repeat].operand_count = 1;
    b->steps[repeat].target = first;
    build_call(b, add, LIST(even, x, z), LIST(n), n, "loop.onnx: node 'end' (Add)");
}

void build_totals(artifact_builder *b)
{
    static const float first[] = {1, 2, 3, 4};
    begin(b);
    uint32_t four = build_constant(b, 4), zero = build_constant(b, 0);
    b->entry_dims = b->dim_count;
    b->arena_dim = zero;
    const char *const texts[] = {"4"};
    uint32_t x = build_input(b, "x", HML_F32, 1, &four, texts);
    uint32_t a = build_input(b, "a", HML_F32, 1, &four, texts);
    uint32_t other = build_input(b, "b", HML_F32, 1, &four, texts);
    uint32_t z = build_output(b, "z", HML_F32, 1, &four, texts);
    uint32_t a_next = build_output(b, "a", HML_F32, 1, &four, texts);
    uint32_t b_next = build_output(b, "b", HML_F32, 1, &four, texts);
    build_weights(b, first, sizeof first);
    b->states[1].bytes = sizeof first;
    b->state_count = 2;
    uint32_t add = build_kernel(b, "add", test_kernel_add);
    build_call(b, add, LIST(x, a, z), LIST(four), four, "totals.onnx: node 'z' (Add)");
    build_call(b, add, LIST(x, a, a_next), LIST(four), four, "totals.onnx: node 'a' (Add)");
    build_call(b, add, LIST(other, z, b_next), LIST(four), four, "totals.onnx: node 'b' (Add)");
}

void build_gather(artifact_builder *b)
{
    begin(b);
    uint32_t n = build_dim(b, HML_DIM_INPUT, 0, 0, 0), m = build_dim(b, HML_DIM_INPUT, 1, 0, 0);
    uint32_t zero = build_constant(b, 0);
    b->entry_dims = b->dim_count;
    b->arena_dim = zero;
    build_symbol(b, "n", 1, HML_DIM_UNBOUNDED, 1, n);
    build_symbol(b, "m", 8, HML_DIM_UNBOUNDED, 8, m);
    uint32_t table = build_input(b, "table", HML_F32, 1, &n, (const char *const[]){"n"});
    uint32_t index = build_input(b, "index", HML_I64, 1, &m, (const char *const[]){"m"});
    uint32_t z = build_output(b, "z", HML_F32, 1, &m, (const char *const[]){"m"});
    build_check(b, HML_CHECK_RANGE, 1, 0, m);
    uint32_t gather = build_kernel(b, "gather", test_kernel_gather);
    uint32_t call =
        build_call(b, gather, LIST(table, index, z), LIST(n, m), m, "g.onnx: node 'g' (Gather)");
    b->steps[call].unit_cost = 1000;
}

void build_slow(artifact_builder *b, uint32_t steps)
{
    begin(b);
    uint32_t n = build_dim(b, HML_DIM_INPUT, 0, 0, 0);
    uint32_t zero = build_constant(b, 0);
    b->entry_dims = b->dim_count;
    b->arena_dim = zero;
    build_symbol(b, "n", 0, HML_DIM_UNBOUNDED, 1, n);
    uint32_t x = build_input(b, "x", HML_F32, 1, &n, (const char *const[]){"n"});
    uint32_t y = build_input(b, "y", HML_F32, 1, &n, (const char *const[]){"n"});
    uint32_t z = build_output(b, "z", HML_F32, 1, &n, (const char *const[]){"n"});
    uint32_t add = build_kernel(b, "slow_add", test_kernel_slow_add);
    for (uint32_t i = 0; i < steps; i++) {
        uint32_t call =
            build_call(b, add, LIST(x, y, z), LIST(n), n, "slow.onnx: node 'slow' (Add)");
        b->steps[call].unit_cost = 4000;
    }
}

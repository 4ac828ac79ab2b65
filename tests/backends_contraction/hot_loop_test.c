/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inner loops of every class of contraction and window as assembly, for each target, which this
 * machine need not be able to run: no stack access, no symbol from outside, and no more
 * instructions than the tile needs.
 */
#include "contraction_cases.h"
#include "kernel_assembly.h"

enum { V2, V3, V4, A64, A32, TARGETS };
static const char *const targets[TARGETS] = {"x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64",
                                             "armv7"};

typedef struct hot_kernel hot_kernel;
typedef hmlc_value *hot_build(contraction_case *test, const hot_kernel *kernel);

/* A k step of the largest tile: rows x vectors products; windows: columns x rows of outputs. */
typedef struct hot_tile {
    uint32_t rows, vectors;
    uint32_t steps; /* of one pass of the loop */
} hot_tile;

struct hot_kernel {
    const char *name;
    hot_build *build;
    const char *left, *right; /* dims of the operands */
    const char *sizes;        /* of the left one where it has symbols */
    struct {
        int64_t stride, groups, size;
        const char *pads;
    } window;
    hot_tile tiles[TARGETS];
    uint32_t stack[TARGETS]; /* windows: accesses that are known, see window_plan.c; none else */
};

static hmlc_value *product(contraction_case *test, const hot_kernel *kernel)
{
    hmlc_value *operands[] = {case_input(test, HMLC_DTYPE_f32, kernel->left, kernel->sizes),
                              case_constant(test, HMLC_DTYPE_f32, kernel->right)};
    hmlc_value *value = kernel_graph_op(&test->graph, HMLC_OP_matmul, operands, 2, NULL, 0);
    return kernel_graph_unary(&test->graph, HMLC_OP_gelu, value);
}

/* The panels come packed: [.., panels, depth, 16]. */
static hmlc_value *packed_product(contraction_case *test, const hot_kernel *kernel)
{
    hmlc_value *operands[] = {case_input(test, HMLC_DTYPE_f32, kernel->left, kernel->sizes),
                              case_input(test, HMLC_DTYPE_f32, kernel->right, kernel->sizes)};
    hmlc_attr shape = kernel_graph_dims(&test->graph, HMLC_ATTR_shape, kernel->window.pads);
    return kernel_graph_op(&test->graph, HMLC_OP_matmul_packed, operands, 2, &shape, 1);
}

static hmlc_value *convolve(contraction_case *test, const hot_kernel *kernel, hmlc_opcode opcode,
                            hmlc_value *input, hmlc_value *weights)
{
    static const int64_t ones[] = {1, 1}, none[] = {0, 0};
    int64_t strides[] = {kernel->window.stride, kernel->window.stride};
    int64_t groups = kernel->window.groups > 0 ? kernel->window.groups : 1;
    hmlc_value *operands[] = {input, weights};
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_strides, strides, 2),
                         kernel_graph_dims(&test->graph, HMLC_ATTR_pads, kernel->window.pads),
                         hmlc_attr_ints(HMLC_ATTR_dilations, ones, 2),
                         hmlc_attr_int(HMLC_ATTR_groups, groups),
                         hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_LAST),
                         hmlc_attr_ints(HMLC_ATTR_output_padding, none, 2)};
    uint32_t count = opcode == HMLC_OP_conv ? 5 : 6;
    hmlc_value *value = kernel_graph_op(&test->graph, opcode, operands, 2, attrs, count);
    return kernel_graph_unary(&test->graph, HMLC_OP_relu, value);
}

static hmlc_value *convolution(contraction_case *test, const hot_kernel *kernel)
{
    hmlc_value *input = case_input(test, HMLC_DTYPE_f32, kernel->left, kernel->sizes);
    hmlc_value *weights = case_constant(test, HMLC_DTYPE_f32, kernel->right);
    return convolve(test, kernel, HMLC_OP_conv, input, weights);
}

static hmlc_value *convolution_of_run_time_weights(contraction_case *test, const hot_kernel *kernel)
{
    hmlc_value *input = case_input(test, HMLC_DTYPE_f32, kernel->left, kernel->sizes);
    hmlc_value *weights = case_input(test, HMLC_DTYPE_f32, kernel->right, NULL);
    return convolve(test, kernel, HMLC_OP_conv, input, weights);
}

static hmlc_value *transposed_convolution(contraction_case *test, const hot_kernel *kernel)
{
    hmlc_value *input = case_input(test, HMLC_DTYPE_f32, kernel->left, kernel->sizes);
    hmlc_value *weights = case_constant(test, HMLC_DTYPE_f32, kernel->right);
    return convolve(test, kernel, HMLC_OP_conv_transpose, input, weights);
}

/* The image lies channels first. */
static hmlc_value *first_layer(contraction_case *test, const hot_kernel *kernel)
{
    static const int64_t order[] = {0, 2, 3, 1};
    hmlc_value *input = case_input(test, HMLC_DTYPE_f32, kernel->left, kernel->sizes);
    hmlc_value *weights = case_constant(test, HMLC_DTYPE_f32, kernel->right);
    hmlc_attr permutation = hmlc_attr_ints(HMLC_ATTR_permutation, order, 4);
    input = kernel_graph_op(&test->graph, HMLC_OP_transpose, &input, 1, &permutation, 1);
    return convolve(test, kernel, HMLC_OP_conv, input, weights);
}

static hmlc_value *pool(contraction_case *test, const hot_kernel *kernel, hmlc_opcode opcode)
{
    static const int64_t ones[] = {1, 1}, none[] = {0, 0};
    int64_t strides[] = {kernel->window.stride, kernel->window.stride};
    int64_t size[] = {kernel->window.size, kernel->window.size};
    hmlc_value *input = case_input(test, HMLC_DTYPE_f32, kernel->left, kernel->sizes);
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_strides, strides, 2),
                         kernel_graph_dims(&test->graph, HMLC_ATTR_pads, kernel->window.pads),
                         hmlc_attr_ints(HMLC_ATTR_dilations, ones, 2),
                         hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_LAST),
                         hmlc_attr_ints(HMLC_ATTR_window, size, 2),
                         hmlc_attr_int(HMLC_ATTR_count_include_pad, 0),
                         hmlc_attr_ints(HMLC_ATTR_output_padding, none, 2)};
    bool average = opcode == HMLC_OP_avg_pool;
    return kernel_graph_op(&test->graph, opcode, &input, 1, attrs, average ? 7 : 5);
}

static hmlc_value *max_pool(contraction_case *test, const hot_kernel *kernel)
{
    return pool(test, kernel, HMLC_OP_max_pool);
}

static hmlc_value *average_pool(contraction_case *test, const hot_kernel *kernel)
{
    return pool(test, kernel, HMLC_OP_avg_pool);
}

/* -- contractions -- */

static const hot_kernel contractions[] = {
#define HOT_CONTRACTION(...) {__VA_ARGS__},
#include "hot_kernels.def"
};

static bool is_arm(int target)
{
    return target == A64 || target == A32;
}

static uint32_t products_of_pass(hot_tile tile)
{
    return tile.rows * tile.vectors * tile.steps;
}

static uint32_t products_of(const assembly_loop *loop, int target)
{
    return loop->count[target == V2 ? ASSEMBLY_MULTIPLY : ASSEMBLY_FMA];
}

/* Products and their operands, nothing else: no row of an epilogue, no piece of a packing. */
static bool is_depth_loop(const assembly_loop *loop, int target)
{
    const uint32_t *count = loop->count;
    bool plain = target == V2 ? count[ASSEMBLY_MULTIPLY] == count[ASSEMBLY_ADD]
                              : count[ASSEMBLY_MULTIPLY] + count[ASSEMBLY_ADD] == 0;
    return plain && products_of(loop, target) > 0 && count[ASSEMBLY_OTHER_VECTOR] == 0 &&
           count[ASSEMBLY_STORE] == 0;
}

/*
 * Instructions of a k step with P = rows x vectors products, prefetches apart:
 *
 *     FMA: P + rows broadcasts + vectors loads + 5; one row takes its loads as operands, and
 *          AVX-512 the broadcasts for one vector
 *     ARM: the same; the steps of one pass take one load for the elements of a row
 *     SSE: 2 P + P - max(rows, vectors) copies + 2 rows + vectors + 5
 *
 * The 5 are two addresses, their end and the jump, and one more for a panel that lies apart. Where
 * lines of the left side are fetched, six more find them.
 */
static uint32_t most_instructions(hot_tile tile, int target)
{
    uint32_t products = tile.rows * tile.vectors;
    uint32_t longer = tile.rows > tile.vectors ? tile.rows : tile.vectors;
    if (target == V2) {
        return 3 * products - longer + 2 * tile.rows + tile.vectors + 5;
    }
    if (is_arm(target) && tile.steps > 1) {
        return tile.steps * (products + tile.vectors) + tile.rows + (target == A32 ? 6 : 5);
    }
    uint32_t broadcasts = target == V4 && tile.vectors == 1 ? 0 : tile.rows;
    return products + broadcasts + (tile.rows == 1 ? 0 : tile.vectors) + 5;
}

static void fail_loop(const char *kernel, int target, const assembly_loop *loop, const char *what)
{
    fail_msg("%s, %s: %s: %u instructions, %u of them on the stack:\n%.*s", kernel, targets[target],
             what, loop->instructions, loop->stack, loop->length, loop->text);
}

/* Long epilogues: accesses to the stack in one loop over a tile's row, the tile's own included. */
static const uint32_t epilogue_stack[TARGETS] = {28, 24, 6, 105, 200};

static void check_depth_loops(const hot_kernel *kernel, int target, const char *text)
{
    static assembly_loop loops[ASSEMBLY_LOOPS];
    uint32_t most = 0, leanest = UINT32_MAX, count = assembly_inner_loops(text, loops);
    hot_tile tile = kernel->tiles[target];
    for (uint32_t k = 0; k < count; k++) {
        const assembly_loop *loop = &loops[k];
        uint32_t products = products_of(loop, target);
        uint32_t prefetches = loop->count[ASSEMBLY_PREFETCH];
        if (!is_depth_loop(loop, target)) {
            bool epilogue = products > 0 && loop->count[ASSEMBLY_OTHER_VECTOR] > 0;
            if (epilogue && loop->stack > epilogue_stack[target]) {
                fail_loop(kernel->name, target, loop, "an epilogue spills");
            }
            continue;
        }
        uint32_t scalars = target == A32   ? 14
                           : target == A64 ? 12
                                           : 6; /* addresses have fewer terms */
        uint32_t finding = target == V4 && prefetches > 0 ? 6 : 0;
        scalars += finding;
        bool lean = loop->stack == 0 && prefetches <= 5 && loop->count[ASSEMBLY_SCALAR] <= scalars;
        if (products == products_of_pass(tile)) {
            uint32_t instructions = loop->instructions - prefetches - finding;
            leanest = instructions < leanest ? instructions : leanest;
            lean = lean && (is_arm(target) || instructions <= most_instructions(tile, target));
        }
        if (!lean) {
            fail_loop(kernel->name, target, loop, "a k step is not lean");
        }
        most = products > most ? products : most;
    }
    if (most != products_of_pass(tile)) {
        fail_msg("%s, %s: the largest tile has %u products a loop", kernel->name, targets[target],
                 most);
    } else if (leanest > most_instructions(tile, target)) { /* ARM has several of as many */
        fail_msg("%s, %s: the largest tile takes %u instructions", kernel->name, targets[target],
                 leanest);
    }
}

static void each_target(contraction_case *test, const hot_kernel *kernel,
                        void (*check)(const hot_kernel *kernel, int target, const char *text))
{
    for (int target = 0; target < TARGETS; target++) {
        char *text = harness_assembly(test->graph.module, targets[target]);
        assembly_check_symbols(text);
        check(kernel, target, text);
        free(text);
    }
    kernel_graph_destroy(&test->graph);
}

static void depth_loops_of_contractions(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof contractions / sizeof contractions[0]; k++) {
        contraction_case test = case_begin(1);
        hmlc_value *value = contractions[k].build(&test, &contractions[k]);
        kernel_graph_finish(&test.graph, HMLC_FORM_CONTRACTION, &value, 1);
        each_target(&test, &contractions[k], check_depth_loops);
    }
}

/* -- windows -- */

static const hot_kernel windows[] = {
#define HOT_WINDOW(...) {__VA_ARGS__},
#include "hot_kernels.def"
};

/* Tenths of an instruction per tap of an output: SSE copies two of three operands of products; a
 * maximum compares, looks for NaN and selects. */
static uint32_t tenths_per_tap(const hot_kernel *kernel, int target)
{
    if (kernel->build == max_pool) {
        return target == V2 ? 60 : 40;
    }
    return target == V2 && kernel->build == convolution ? 27 : 10;
}

/* Taps of all outputs, their inputs and weights, two instructions an output, 12 for the loop.
 * AArch64 adds up addresses: one for each output and each row of inputs; ARMv7 one for each load.
 */
static uint32_t most_window_instructions(const hot_kernel *kernel, int target)
{
    uint32_t size = (uint32_t)kernel->window.size, stride = (uint32_t)kernel->window.stride;
    uint32_t columns = kernel->tiles[target].rows, rows = kernel->tiles[target].vectors;
    uint32_t outputs = columns * rows;
    uint32_t inputs = ((columns - 1) * stride + size) * ((rows - 1) * stride + size);
    uint32_t addresses = target == A64 ? outputs + (rows - 1) * stride + size : 0;
    addresses += target == A32 ? inputs + size * size + 8 : 0;
    return outputs * size * size * tenths_per_tap(kernel, target) / 10 + inputs + size * size +
           2 * outputs + addresses + 12;
}

static void check_window_loops(const hot_kernel *kernel, int target, const char *text)
{
    static assembly_loop loops[ASSEMBLY_LOOPS];
    uint32_t count = assembly_inner_loops(text, loops), main = 0;
    assert_true(count > 0);
    for (uint32_t k = 1; k < count; k++) {
        main = loops[k].instructions > loops[main].instructions ? k : main;
    }
    const assembly_loop *loop = &loops[main];
    uint32_t size = (uint32_t)kernel->window.size;
    uint32_t taps = kernel->tiles[target].rows * kernel->tiles[target].vectors * size * size;
    uint32_t most = most_window_instructions(kernel, target) + kernel->stack[target];
    if (loop->instructions > most || loop->stack > kernel->stack[target]) {
        fail_loop(kernel->name, target, loop, "a tile is not lean");
    }
    if (loop->instructions < taps * 4 / 5) {
        fail_loop(kernel->name, target, loop, "the tile is a smaller one");
    }
    for (uint32_t k = 0; target == V4 && k < count; k++) {
        if (loops[k].stack > 0) {
            fail_loop(kernel->name, target, &loops[k], "a tile at a border spills");
        }
    }
}

static void tiles_of_windows(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof windows / sizeof windows[0]; k++) {
        contraction_case test = case_begin(1);
        hmlc_value *value = windows[k].build(&test, &windows[k]);
        kernel_graph_finish(&test.graph, HMLC_FORM_WINDOW, &value, 1);
        each_target(&test, &windows[k], check_window_loops);
    }
}

/* -- recurrent cells -- */

/* `kernel` comes first: what each_target hands on is this. */
typedef struct cell_kernel {
    hot_kernel kernel;
    const char *x; /* dims */
    uint32_t
        most[TARGETS]; /* instructions of a loop over steps of the product, none on the stack */
} cell_kernel;

/* The products of all loops over steps. */
static uint32_t check_cell_products(const cell_kernel *cells, int target,
                                    const assembly_loop *loops, uint32_t count)
{
    uint32_t products = 0;
    for (uint32_t k = 0; k < count; k++) {
        if (!is_depth_loop(&loops[k], target)) {
            continue;
        }
        if (loops[k].stack != 0 || loops[k].instructions > cells->most[target]) {
            fail_loop(cells->kernel.name, target, &loops[k], "a loop is not lean");
        }
        products += products_of(&loops[k], target);
    }
    return products;
}

/* The product of the state takes all gates of a few cells at once; the cells' own loop has five
 * curves and holds what it cannot keep in registers on the stack. */
static void check_cell_loops(const hot_kernel *kernel, int target, const char *text)
{
    static const uint32_t most[TARGETS] = {500, 340, 140, 340, 1000},
                          stack[TARGETS] = {14, 21, 2, 7, 200};
    static assembly_loop loops[ASSEMBLY_LOOPS];
    uint32_t count = assembly_inner_loops(text, loops);
    for (uint32_t k = 0; k < count; k++) {
        bool depth = is_depth_loop(&loops[k], target);
        if (!depth && (loops[k].stack > stack[target] || loops[k].instructions > most[target])) {
            fail_loop(kernel->name, target, &loops[k], "a loop is not lean");
        }
    }
    uint32_t products = check_cell_products((const cell_kernel *)kernel, target, loops, count);
    assert_in_range(products, 8, is_arm(target) ? 2 * 8 * 4 + 2 * 8 : 16);
}

/* Several rows: tiles of gates by rows, each with a loop. */
static void check_row_loops(const hot_kernel *kernel, int target, const char *text)
{
    static assembly_loop loops[ASSEMBLY_LOOPS];
    uint32_t count = assembly_inner_loops(text, loops);
    uint32_t products = check_cell_products((const cell_kernel *)kernel, target, loops, count);
    assert_true(products >= 16);
}

static void check_cells(const cell_kernel *cells,
                        void (*check)(const hot_kernel *kernel, int target, const char *text))
{
    contraction_case test = case_begin(1);
    hmlc_value *operands[6] = {case_input(&test, HMLC_DTYPE_f32, cells->x, NULL),
                               case_constant(&test, HMLC_DTYPE_f32, "1 1024 256")};
    hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_direction, HMLC_DIRECTION_FORWARD),
                         hmlc_attr_int(HMLC_ATTR_input_forget, 0),
                         hmlc_attr_float(HMLC_ATTR_clip, 0.0)};
    hmlc_op *op;
    assert_int_equal(
        hmlc_op_create(&test.graph.builder, HMLC_OP_lstm_cells, operands, 6, attrs, 3, &op),
        HMLC_OK);
    kernel_graph_finish(&test.graph, HMLC_FORM_RECURRENT, op->results, 3);
    each_target(&test, &cells->kernel, check);
}

static void loops_of_cells(void **state)
{
    (void)state;
    /* x86 reads the weights as operands where there is one row. V4 takes two steps a pass. */
    static const cell_kernel one = {{.name = "LSTM"}, "20 1 1024", {29, 13, 14, 20, 25}};
    static const cell_kernel two = {{.name = "LSTM, 2 rows"}, "20 4 1024", {31, 18, 32, 32, 22}};
    static const cell_kernel three = {{.name = "LSTM, 3 rows"}, "20 3 1024", {26, 23, 42, 40, 30}};
    check_cells(&one, check_cell_loops);
    check_cells(&two, check_row_loops);
    check_cells(&three, check_row_loops);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(depth_loops_of_contractions),
        cmocka_unit_test(tiles_of_windows),
        cmocka_unit_test(loops_of_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

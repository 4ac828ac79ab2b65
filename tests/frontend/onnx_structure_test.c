/* SPDX-License-Identifier: Apache-2.0 */
/* What the importer makes of shapes, control flow and names: looked at in the IR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "import_expect.h"

static void int64s(wire_buffer *graph, const char *name, const char *dims, const int64_t *values,
                   size_t count)
{
    graph_constant(graph, name, ONNX_INT64, dims, values, count * sizeof *values);
}

static wire_buffer begin(const char *input_dims)
{
    wire_buffer graph = {0};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, input_dims);
    return graph;
}

static void end(wire_buffer *graph)
{
    graph_value(graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, NULL);
}

/* Shape -> Gather -> Concat -> Reshape: the batch stays a symbol and nothing is left to run time.
 */
static void shape_arithmetic_folds_into_dims(void **state)
{
    (void)state;
    wire_buffer graph = begin("batch 4 8");
    const int64_t zero = 0, rest = -1;
    int64s(&graph, "zero", "1", &zero, 1);
    int64s(&graph, "rest", "1", &rest, 1);
    graph_add(&graph, "Shape", "x", "shape");
    graph_add(&graph, "Gather", "shape zero", "batch");
    wire_buffer concat = node_begin("Concat", "batch rest", "target");
    node_int(&concat, "axis", 0);
    graph_node(&graph, &concat);
    graph_add(&graph, "Reshape", "x target", "y");
    end(&graph);
    imported model = import_graph(&graph, 17);
    expect_imported(&model);
    assert_string_equal(output_type(&model, 0), "f32[batch, 32]");
    assert_int_equal(count_ops(&model, HMLC_OP_bind_dims), 0);
    imported_free(&model);
}

static void a_shape_known_at_run_time_is_bound(void **state)
{
    (void)state;
    wire_buffer graph = begin("6 4");
    graph_value(&graph, GRAPH_INPUT, "target", ONNX_INT64, "3");
    graph_add(&graph, "Reshape", "x target", "y");
    end(&graph);
    imported model = import_graph(&graph, 17);
    expect_imported(&model);
    assert_int_equal(count_ops(&model, HMLC_OP_reshape_dims), 1);
    assert_int_equal(count_ops(&model, HMLC_OP_bind_dims), 1);
    assert_int_equal(hmlc_op_operand(model.module->main->last, 0)->type->rank, 3);
    imported_free(&model);
}

static void run_time_slices_bind_what_is_sliced(void **state)
{
    (void)state;
    const int64_t axis = 1;
    wire_buffer graph = begin("batch 9");
    graph_value(&graph, GRAPH_INPUT, "from", ONNX_INT64, "1");
    graph_value(&graph, GRAPH_INPUT, "to", ONNX_INT64, "1");
    int64s(&graph, "axis", "1", &axis, 1);
    graph_add(&graph, "Slice", "x from to axis", "y");
    end(&graph);
    imported model = import_graph(&graph, 17);
    expect_imported(&model);
    const hmlc_type *type = hmlc_op_operand(model.module->main->last, 0)->type;
    assert_ptr_equal(type->dims[0], model.module->main->arguments[0]->type->dims[0]);
    assert_true(hmlc_dim_uses_run_symbol(type->dims[1]));
    imported_free(&model);
}

/* Exporters compute the size of an upsampling in floats. */
static void dims_survive_a_way_through_floats(void **state)
{
    (void)state;
    const float two[] = {2, 2};
    wire_buffer graph = begin("1 1 h 5"), tensor = tensor_begin("two", ONNX_FLOAT, "2");
    wire_put_bytes(&tensor, TENSOR_RAW, two, sizeof two);
    graph_tensor(&graph, &tensor);
    const int64_t ones[] = {1, 1}, from = 2, to = 4;
    int64s(&graph, "ones", "2", ones, 2);
    int64s(&graph, "from", "1", &from, 1);
    int64s(&graph, "to", "1", &to, 1);
    graph_add(&graph, "Shape", "x", "shape");
    graph_add(&graph, "Slice", "shape from to", "spatial");
    wire_buffer cast = node_begin("Cast", "spatial", "floats");
    node_int(&cast, "to", ONNX_FLOAT);
    graph_node(&graph, &cast);
    graph_add(&graph, "Mul", "floats two", "doubled");
    graph_add(&graph, "Floor", "doubled", "floored");
    wire_buffer back = node_begin("Cast", "floored", "sizes");
    node_int(&back, "to", ONNX_INT64);
    graph_node(&graph, &back);
    wire_buffer concat = node_begin("Concat", "ones sizes", "all");
    node_int(&concat, "axis", 0);
    graph_node(&graph, &concat);
    wire_buffer resize = node_begin("Resize", "x - - all", "y");
    node_text(&resize, "mode", "nearest");
    graph_node(&graph, &resize);
    end(&graph);
    imported model = import_graph(&graph, 13);
    expect_imported(&model);
    assert_string_equal(output_type(&model, 0), "f32[1, 1, 2*h, 10]");
    imported_free(&model);
}

static wire_buffer branch(const char *type)
{
    wire_buffer graph = {0};
    graph_add(&graph, type, "x", "branch_y");
    graph_value(&graph, GRAPH_OUTPUT, "branch_y", ONNX_FLOAT, NULL);
    return graph;
}

static void add_if(wire_buffer *graph, const char *condition)
{
    wire_buffer node = node_begin("If", condition, "y");
    wire_buffer then = branch("Relu"), other = branch("Neg");
    node_graph(&node, "then_branch", &then);
    node_graph(&node, "else_branch", &other);
    graph_node(graph, &node);
    end(graph);
}

static void a_condition_known_at_run_time_keeps_both_branches(void **state)
{
    (void)state;
    wire_buffer graph = begin("2 3");
    graph_value(&graph, GRAPH_INPUT, "c", ONNX_BOOL, "");
    add_if(&graph, "c");
    imported model = import_graph(&graph, 17);
    expect_imported(&model);
    assert_int_equal(count_ops(&model, HMLC_OP_if), 1);
    assert_int_equal(count_ops(&model, HMLC_OP_relu), 1);
    assert_int_equal(count_ops(&model, HMLC_OP_neg), 1);
    imported_free(&model);
}

/* The rank of x is known, so that Size(Shape(x)) == 2 is too. */
static void a_known_condition_inlines_its_branch(void **state)
{
    (void)state;
    wire_buffer graph = begin("n 3");
    const int64_t two = 2;
    int64s(&graph, "two", "", &two, 1);
    graph_add(&graph, "Shape", "x", "shape");
    graph_add(&graph, "Size", "shape", "rank");
    graph_add(&graph, "Equal", "rank two", "c");
    add_if(&graph, "c");
    imported model = import_graph(&graph, 17);
    expect_imported(&model);
    assert_int_equal(count_ops(&model, HMLC_OP_if), 0);
    assert_int_equal(count_ops(&model, HMLC_OP_relu), 1);
    assert_int_equal(count_ops(&model, HMLC_OP_neg), 0);
    imported_free(&model);
}

static wire_buffer squeeze_branch(void)
{
    wire_buffer graph = {0}, axes = node_begin("Constant", "", "axes");
    wire_buffer tensor = tensor_begin("", ONNX_INT64, "1");
    const int64_t axis = -1;
    wire_put_bytes(&tensor, TENSOR_RAW, &axis, sizeof axis);
    node_tensor(&axes, "value", &tensor);
    graph_node(&graph, &axes);
    graph_add(&graph, "Squeeze", "x axes", "branch_y");
    graph_value(&graph, GRAPH_OUTPUT, "branch_y", ONNX_FLOAT, NULL);
    return graph;
}

/* squeeze(-1) as PyTorch writes it: If(shape[-1] == 1, Squeeze, Identity), here within a branch. */
static wire_buffer squeezing_branch(void)
{
    wire_buffer graph = {0}, choice = node_begin("If", "is_one", "outer_y");
    const int64_t one = 1, last = 1;
    int64s(&graph, "one", "", &one, 1);
    int64s(&graph, "last", "", &last, 1);
    graph_add(&graph, "Shape", "x", "shape");
    graph_add(&graph, "Gather", "shape last", "size");
    graph_add(&graph, "Equal", "size one", "is_one");
    wire_buffer then = squeeze_branch(), other = branch("Identity");
    node_graph(&choice, "then_branch", &then);
    node_graph(&choice, "else_branch", &other);
    graph_node(&graph, &choice);
    graph_value(&graph, GRAPH_OUTPUT, "outer_y", ONNX_FLOAT, NULL);
    return graph;
}

static hmlc_status run_squeezing(hmlc_module *module, bool condition, int64_t columns)
{
    const float zeros[8] = {0};
    const hmlc_tensor inputs[2] = {
        {.dtype = HMLC_DTYPE_f32,
         .rank = 2,
         .dims = {2, columns},
         .data = zeros,
         .bytes = 2 * (size_t)columns * sizeof(float)},
        {.dtype = HMLC_DTYPE_bool, .data = &condition, .bytes = 1},
    };
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_tensor output;
    hmlc_status status = hmlc_interpret(module, inputs, 2, arena, &output, 1);
    hmlc_arena_destroy(arena);
    return status;
}

/* The model stands for inputs that are squeezed; others are refused where that branch runs. */
static void a_rank_that_depends_on_the_run_is_checked_there(void **state)
{
    (void)state;
    wire_buffer graph = begin("2 n"), node = node_begin("If", "c", "y"), sum = {0};
    graph_value(&graph, GRAPH_INPUT, "c", ONNX_BOOL, "");
    wire_buffer then = squeezing_branch(), reduce = node_begin("ReduceSum", "x axes", "sum_y");
    const int64_t axis = 1;
    int64s(&sum, "axes", "1", &axis, 1);
    node_int(&reduce, "keepdims", 0);
    graph_node(&sum, &reduce);
    graph_value(&sum, GRAPH_OUTPUT, "sum_y", ONNX_FLOAT, NULL);
    node_graph(&node, "then_branch", &then);
    node_graph(&node, "else_branch", &sum);
    graph_node(&graph, &node);
    end(&graph);
    imported model = import_graph(&graph, 17);
    expect_imported(&model);
    assert_string_equal(output_type(&model, 0), "f32[2]");
    assert_true(says(&model, "others are refused when the model runs"));
    assert_false(says(&model, "--dim")); /* another branch may want another value */
    assert_int_equal(run_squeezing(model.module, true, 1), HMLC_OK);
    assert_int_equal(run_squeezing(model.module, true, 3), HMLC_USAGE);
    assert_int_equal(run_squeezing(model.module, false, 3), HMLC_OK);
    imported_free(&model);
}

static void nodes_may_come_in_any_order(void **state)
{
    (void)state;
    wire_buffer graph = begin("2 3");
    graph_add(&graph, "Relu", "b", "y");
    graph_add(&graph, "Neg", "a", "b");
    graph_add(&graph, "Abs", "x", "a");
    end(&graph);
    imported model = import_graph(&graph, 17);
    expect_imported(&model);
    const hmlc_opcode order[] = {HMLC_OP_abs, HMLC_OP_neg, HMLC_OP_relu, HMLC_OP_yield};
    uint32_t at = 0;
    HMLC_FOR_EACH_OP(op, model.module->main)
    {
        assert_true(at < 4 && op->opcode == order[at]);
        at++;
    }
    imported_free(&model);
}

/* A large constant is not copied: its bytes are those of the file. */
static void raw_weights_stay_where_they_are(void **state)
{
    (void)state;
    static float weights[4096];
    wire_buffer graph = begin("4096"), tensor = tensor_begin("w", ONNX_FLOAT, "4096");
    for (size_t i = 0; i < 4096; i++) {
        weights[i] = (float)i;
    }
    wire_put_bytes(&tensor, TENSOR_RAW, weights, sizeof weights);
    graph_tensor(&graph, &tensor);
    graph_add(&graph, "Add", "x w", "y");
    end(&graph);
    imported model = import_graph(&graph, 17);
    expect_imported(&model);
    const hmlc_tensor *constant =
        hmlc_value_constant(hmlc_op_operand(model.module->main->last->previous, 1));
    assert_non_null(constant);
    const unsigned char *data = constant->data;
    assert_true(data >= model.file.data &&
                data + sizeof weights <= model.file.data + model.file.size);
    assert_memory_equal(data, weights, sizeof weights);
    imported_free(&model);
}

static void every_storage_of_elements_is_read(void **state)
{
    (void)state;
    static const struct {
        int64_t type, value;
        uint32_t field;
        const char *expected;
    } rows[] = {
        {ONNX_INT8, -3, TENSOR_INT32S, "i8[1]"},
        {ONNX_UINT8, 200, TENSOR_INT32S, "u8[1]"},
        {ONNX_BOOL, 1, TENSOR_INT32S, "bool[1]"},
        {ONNX_INT32, -70000, TENSOR_INT32S, "i32[1]"},
        {ONNX_INT64, -1, TENSOR_INT64S, "i64[1]"},
        {4, 60000, TENSOR_INT32S, "u16[1]"},
        {5, -300, TENSOR_INT32S, "i16[1]"},
        {10, 0x3c00, TENSOR_INT32S, "f16[1]"},
        {12, 4000000000, 11, "u32[1]"},
        {13, 5, 11, "u64[1]"},
        {16, 0x3f80, TENSOR_INT32S, "bf16[1]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_buffer graph = {0}, tensor = tensor_begin("t", rows[i].type, "1");
        wire_put_int(&tensor, rows[i].field, rows[i].value);
        graph_tensor(&graph, &tensor);
        graph_add(&graph, "Identity", "t", "y");
        graph_value(&graph, GRAPH_OUTPUT, "y", rows[i].type, "1");
        imported model = import_graph(&graph, 17);
        expect_imported(&model);
        assert_string_equal(output_type(&model, 0), rows[i].expected);
        const hmlc_tensor *t = hmlc_value_constant(hmlc_op_operand(model.module->main->last, 0));
        bool is_float = hmlc_dtype_is_float(t->dtype); /* both bit patterns are 1.0 */
        assert_int_equal(hmlc_tensor_get_int(t, 0), is_float ? 1 : rows[i].value);
        imported_free(&model);
    }
}

/* Dims. */

static void unnamed_dims_get_symbols_of_their_own(void **state)
{
    (void)state;
    wire_buffer graph = one_node("Relu", "? 3 ?");
    imported model = import_graph(&graph, 17);
    expect_imported(&model);
    assert_string_equal(input_type(&model, 0), "f32[x_dim0, 3, x_dim2]");
    imported_free(&model);
}

static void dim_expressions_follow_their_symbols(void **state)
{
    (void)state;
    wire_buffer graph = begin("s16");
    graph_value(&graph, GRAPH_INPUT, "z", ONNX_FLOAT, "s16~+~1");
    graph_value(&graph, GRAPH_INPUT, "w", ONNX_FLOAT, "t~+~1");
    graph_add(&graph, "Relu", "x", "y");
    end(&graph);
    imported model = import_graph(&graph, 17);
    expect_imported(&model);
    assert_string_equal(input_type(&model, 1), "f32[s16 + 1]");
    /* t is named nowhere alone: no run could find it, so the text is one symbol. */
    assert_int_equal(model.module->main->arguments[2]->type->dims[0]->kind, HMLC_DIM_SYMBOL);
    imported_free(&model);
}

static void dim_options_fix_bound_and_unify(void **state)
{
    (void)state;
    const hmlc_dim_option dims[] = {
        {.name = "a", .minimum = 4, .maximum = 4},
        {.name = "b", .minimum = 1, .maximum = 8},
        {.name = "c", .same_as = "b"},
    };
    const hmlc_import_options options = {.dims = dims, .dim_count = 3};
    wire_buffer graph = one_node("Relu", "a b c c~+~1");
    imported model = import_graph_with(&graph, 17, &options);
    expect_imported(&model);
    assert_string_equal(input_type(&model, 0), "f32[4, b, b, b + 1]");
    hmlc_dim b = model.module->main->arguments[0]->type->dims[1];
    assert_int_equal(b->minimum, 1);
    assert_int_equal(b->maximum, 8);
    imported_free(&model);
}

static void a_dim_option_must_name_a_dim(void **state)
{
    (void)state;
    const hmlc_dim_option dim = {.name = "bath", .minimum = 1, .maximum = 1};
    const hmlc_import_options options = {.dims = &dim, .dim_count = 1};
    wire_buffer graph = one_node("Relu", "batch 3");
    imported model = import_graph_with(&graph, 17, &options);
    assert_int_equal(model.status, HMLC_USAGE);
    assert_true(says(&model, "batch"));
    imported_free(&model);
}

/* An input with an initializer is fixed to it. */
static void initialized_inputs_are_constants(void **state)
{
    (void)state;
    wire_buffer graph = begin("2"), tensor = tensor_begin("w", ONNX_FLOAT, "2");
    const float two[] = {1, 2};
    wire_put_bytes(&tensor, TENSOR_RAW, two, sizeof two);
    graph_tensor(&graph, &tensor);
    graph_value(&graph, GRAPH_INPUT, "w", ONNX_FLOAT, "2");
    graph_add(&graph, "Mul", "x w", "y");
    end(&graph);
    imported model = import_graph(&graph, 9);
    expect_imported(&model);
    assert_int_equal(model.module->main->argument_count, 1);
    imported_free(&model);
}

/* What outputs are not used is not computed. */
static void optional_outputs_cost_nothing_unused(void **state)
{
    (void)state;
    for (int wanted = 0; wanted < 2; wanted++) {
        wire_buffer graph = begin("2 8"), tensor = tensor_begin("scale", ONNX_FLOAT, "8");
        const float scale[8] = {1};
        wire_put_bytes(&tensor, TENSOR_RAW, scale, sizeof scale);
        graph_tensor(&graph, &tensor);
        graph_add(&graph, "LayerNormalization", "x scale", wanted ? "y mean" : "y -");
        end(&graph);
        imported model = import_graph(&graph, 17);
        expect_imported(&model);
        assert_int_equal(count_ops(&model, HMLC_OP_layer_norm), 1);
        assert_int_equal(count_ops(&model, HMLC_OP_reduce_mean), wanted);
        imported_free(&model);
    }
}

/* Half-width floats round after each step of the standard's function bodies; f32 is one op. */
static void half_floats_take_the_steps_of_the_body(void **state)
{
    (void)state;
    static const int64_t types[] = {ONNX_FLOAT, 10, 16}; /* f32, f16, bf16 */
    for (size_t k = 0; k < sizeof types / sizeof types[0]; k++) {
        wire_buffer graph = {0};
        graph_value(&graph, GRAPH_INPUT, "x", types[k], "2 8");
        graph_value(&graph, GRAPH_INPUT, "scale", types[k], "8");
        graph_value(&graph, GRAPH_INPUT, "bias", types[k], "8");
        graph_add(&graph, "LayerNormalization", "x scale bias", "n");
        graph_add(&graph, "Softmax", "n", "y");
        graph_value(&graph, GRAPH_OUTPUT, "y", types[k], NULL);
        imported model = import_graph(&graph, 17);
        expect_imported(&model);
        uint32_t steps = types[k] == ONNX_FLOAT ? 0 : 1;
        assert_int_equal(count_ops(&model, HMLC_OP_softmax), 1 - steps);
        static const hmlc_opcode body[] = {HMLC_OP_mul, HMLC_OP_add, HMLC_OP_reduce_max,
                                           HMLC_OP_sub, HMLC_OP_exp, HMLC_OP_reduce_sum,
                                           HMLC_OP_div};
        for (size_t i = 0; i < sizeof body / sizeof body[0]; i++) {
            assert_int_equal(count_ops(&model, body[i]), steps);
        }
        imported_free(&model);
    }
}

/* Runs a model of f32 inputs without symbols; the first `count` elements of its output. */
static hmlc_status run_floats(const imported *model, const hmlc_tensor *inputs,
                              uint32_t input_count, float *elements, size_t count)
{
    expect_imported(model);
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_tensor output;
    hmlc_status status = hmlc_interpret(model->module, inputs, input_count, arena, &output, 1);
    if (status == HMLC_OK) {
        memcpy(elements, output.data, count * sizeof *elements);
    }
    hmlc_arena_destroy(arena);
    return status;
}

/* With align_corners its step would be 2 / 0. */
static void the_grid_of_a_single_place_starts_at_the_corner(void **state)
{
    (void)state;
    wire_buffer graph = begin("1 2 3"), node = node_begin("AffineGrid", "x size", "y");
    const int64_t size[] = {1, 1, 1, 1};
    const float theta[] = {1, 2, 4, 8, 16, 32};
    float grid[2] = {0};
    int64s(&graph, "size", "4", size, 4);
    node_int(&node, "align_corners", 1);
    graph_node(&graph, &node);
    end(&graph);
    imported model = import_graph(&graph, 20);
    const hmlc_tensor input = {.dtype = HMLC_DTYPE_f32,
                               .rank = 3,
                               .dims = {1, 2, 3},
                               .data = theta,
                               .bytes = sizeof theta};
    assert_int_equal(run_floats(&model, &input, 1, grid, 2), HMLC_OK);
    assert_true(grid[0] == 4 - 1 - 2 && grid[1] == 32 - 8 - 16);
    imported_free(&model);
}

/* TensorScatter of an update [1, rows, columns] into a cache [1, 3, 2]. */
static hmlc_status scatter(int64_t rows, int64_t columns, const char *mode)
{
    wire_buffer graph = begin("1 3 2"), node = node_begin("TensorScatter", "x u", "y");
    graph_value(&graph, GRAPH_INPUT, "u", ONNX_FLOAT, "1 r c");
    node_text(&node, "mode", mode);
    graph_node(&graph, &node);
    end(&graph);
    imported model = import_graph(&graph, 24);
    const float zeros[8] = {0};
    float first;
    const hmlc_tensor inputs[2] = {
        {.dtype = HMLC_DTYPE_f32, .rank = 3, .dims = {1, 3, 2}, .data = zeros, .bytes = 24},
        {.dtype = HMLC_DTYPE_f32,
         .rank = 3,
         .dims = {1, rows, columns},
         .data = zeros,
         .bytes = (size_t)(rows * columns) * sizeof *zeros},
    };
    hmlc_status status = run_floats(&model, inputs, 2, &first, 1);
    imported_free(&model);
    return status;
}

static void updates_of_a_cache_must_fit(void **state)
{
    (void)state;
    assert_int_equal(scatter(3, 2, "linear"), HMLC_OK);
    assert_int_equal(scatter(3, 2, "circular"), HMLC_OK);
    assert_int_equal(scatter(2, 1, "linear"), HMLC_USAGE);
    assert_int_equal(scatter(2, 1, "circular"), HMLC_USAGE);
    assert_int_equal(scatter(4, 2, "circular"), HMLC_USAGE);
}

/* MaxUnpool of [1, 1, 2, 2] to a shape that is stored in the model, for a pool that had 4x4. */
static hmlc_status unpool(const int64_t *shape, float *elements, size_t count)
{
    wire_buffer graph = begin("1 1 2 2"), node = node_begin("MaxUnpool", "x places shape", "y");
    const int64_t places[] = {5, 7, 13, 15}, two[] = {2, 2};
    const float values[] = {1, 2, 3, 4};
    int64s(&graph, "places", "1 1 2 2", places, 4);
    int64s(&graph, "shape", "4", shape, 4);
    node_ints(&node, "kernel_shape", two, 2);
    node_ints(&node, "strides", two, 2);
    graph_node(&graph, &node);
    end(&graph);
    imported model = import_graph(&graph, 12);
    const hmlc_tensor input = {.dtype = HMLC_DTYPE_f32,
                               .rank = 4,
                               .dims = {1, 1, 2, 2},
                               .data = values,
                               .bytes = sizeof values};
    hmlc_status status =
        model.status == HMLC_OK ? run_floats(&model, &input, 1, elements, count) : model.status;
    imported_free(&model);
    return status;
}

static void a_pool_is_undone_into_no_smaller_shape(void **state)
{
    (void)state;
    const int64_t same[] = {1, 1, 4, 4}, larger[] = {1, 1, 5, 5}, smaller[] = {1, 1, 3, 4};
    float elements[25] = {0};
    assert_int_equal(unpool(same, elements, 16), HMLC_OK);
    assert_true(elements[5] == 1 && elements[7] == 2 && elements[13] == 3 && elements[15] == 4);
    assert_int_equal(unpool(larger, elements, 25), HMLC_OK);
    assert_true(elements[6] == 1 && elements[8] == 2 && elements[16] == 3 && elements[18] == 4);
    assert_int_equal(unpool(smaller, elements, 12), HMLC_DAMAGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape_arithmetic_folds_into_dims),
        cmocka_unit_test(a_shape_known_at_run_time_is_bound),
        cmocka_unit_test(run_time_slices_bind_what_is_sliced),
        cmocka_unit_test(dims_survive_a_way_through_floats),
        cmocka_unit_test(a_condition_known_at_run_time_keeps_both_branches),
        cmocka_unit_test(a_known_condition_inlines_its_branch),
        cmocka_unit_test(a_rank_that_depends_on_the_run_is_checked_there),
        cmocka_unit_test(nodes_may_come_in_any_order),
        cmocka_unit_test(raw_weights_stay_where_they_are),
        cmocka_unit_test(every_storage_of_elements_is_read),
        cmocka_unit_test(unnamed_dims_get_symbols_of_their_own),
        cmocka_unit_test(dim_expressions_follow_their_symbols),
        cmocka_unit_test(dim_options_fix_bound_and_unify),
        cmocka_unit_test(a_dim_option_must_name_a_dim),
        cmocka_unit_test(initialized_inputs_are_constants),
        cmocka_unit_test(optional_outputs_cost_nothing_unused),
        cmocka_unit_test(half_floats_take_the_steps_of_the_body),
        cmocka_unit_test(the_grid_of_a_single_place_starts_at_the_corner),
        cmocka_unit_test(updates_of_a_cache_must_fit),
        cmocka_unit_test(a_pool_is_undone_into_no_smaller_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inputs that nobody gave: their dims and values. Dims are those of --dim, else what the given
 * inputs have, else the smallest; where these do not run, others are tried, as a model may need
 * relations between its dims that no table in the artifact spells out (past = total - seq, a window
 * that is not larger than the map).
 */
#include "clock.h"
#include "growing_text.h"
#include "input_values.h"
#include "workbench.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FREE = 16, MOST_TRIALS = 20000, TRIAL_MILLISECONDS = 3000 };
/* Larger inputs are not tried. */
#define MOST_TRIAL_BYTES ((size_t)64 << 20)

static bool is_decided(const hml_workbench *bench, const char *name)
{
    for (uint32_t i = 0; i < bench->dim_count; i++) {
        if (strcmp(bench->dims[i].name, name) == 0) {
            return true;
        }
    }
    for (uint32_t i = 0; i < bench->chosen_count; i++) {
        if (strcmp(bench->chosen[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Dims that are just a symbol in an input that was given. */
static void take_given_dims(hml_workbench *bench)
{
    for (uint32_t s = 0; s < bench->info.symbol_count; s++) {
        hml_symbol_info symbol = {.struct_bytes = sizeof symbol};
        int64_t value;
        if (bench->chosen_count < HML_MOST_DIMS &&
            hml_model_symbol(bench->model, s, &symbol) == HML_OK && symbol.run_time == 0 &&
            !is_decided(bench, symbol.name) && hml_workbench_dim(bench, symbol.name, &value) &&
            value >= symbol.minimum && value <= symbol.maximum && value % symbol.multiple == 0) {
            bench->chosen[bench->chosen_count++] = (hml_dim){symbol.name, value};
        }
    }
}

static hml_status shapes_for(const hml_workbench *bench, const hml_dim *more, uint32_t more_count,
                             hml_tensor *shapes)
{
    hml_dim dims[2 * HML_MOST_DIMS + MOST_FREE];
    uint32_t count = bench->dim_count;
    memcpy(dims, bench->dims, count * sizeof *dims);
    memcpy(dims + count, bench->chosen, bench->chosen_count * sizeof *dims);
    count += bench->chosen_count;
    if (more_count > 0) {
        memcpy(dims + count, more, more_count * sizeof *dims);
    }
    return hml_model_shapes(bench->model, dims, count + more_count, shapes, NULL, NULL);
}

static hml_tensor *create_shapes(const hml_workbench *bench)
{
    return calloc(bench->info.input_count + 1U, sizeof(hml_tensor));
}

/* New memory for each input that was not given. */
static hml_status create_inputs(hml_workbench *bench, const hml_tensor *shapes,
                                hml_tool_error *error)
{
    for (uint32_t i = 0; i < bench->info.input_count; i++) {
        for (uint32_t d = 0; d < shapes[i].rank; d++) {
            if (shapes[i].dims[d] < 0) { /* "2*seq - 3" of a seq of 1 */
                return HML_TOOL_FAIL(error, HML_ERROR_dim_overflow,
                                     "dim %u of input %u would be negative for these dims", d, i);
            }
        }
        if (bench->random[i]) {
            hml_tensor_release(&bench->inputs.tensors[i]);
            HML_TOOL_TRY(hml_tensor_create(shapes[i].dtype, shapes[i].rank, shapes[i].dims, NULL, 0,
                                           &bench->inputs.tensors[i], error));
        }
    }
    return HML_OK;
}

static hml_status fill_inputs(hml_workbench *bench, const hml_options *options,
                              hml_tool_error *error)
{
    const char *word = hml_options_get(options, "seed");
    long long seed = 0;
    if (word != NULL && !hml_parse_number(word, INT64_MAX, &seed)) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage, "'--seed %s': expected a number", word);
    }
    uint64_t state = (uint64_t)seed;
    for (uint32_t i = 0; i < bench->info.input_count; i++) {
        hml_tensor_info info = {.struct_bytes = sizeof info};
        HML_TOOL_TRY(hml_model_input(bench->model, i, &info));
        if (bench->random[i]) {
            HML_TOOL_TRY(hml_input_values_fill(options, info.name, &bench->inputs.tensors[i].tensor,
                                               &state, error));
        }
    }
    return HML_OK;
}

hml_status hml_workbench_randomize(hml_workbench *bench, const hml_options *options,
                                   hml_tool_error *error)
{
    hml_tensor *shapes = create_shapes(bench);
    if (shapes == NULL) {
        return HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "the list of inputs");
    }
    if (!bench->searched) {
        take_given_dims(bench);
    }
    hml_status status = shapes_for(bench, NULL, 0, shapes);
    if (status != HML_OK) {
        status = HML_TOOL_FAIL(error, status, "the shape of an input, for these --dim");
    }
    if (status == HML_OK) {
        status = create_inputs(bench, shapes, error);
    }
    free(shapes);
    return status == HML_OK ? fill_inputs(bench, options, error) : status;
}

/* -- Other dims -------------------------------------------------------------------------------- */

typedef struct dim_search {
    hml_workbench *bench;
    const hml_options *options;
    hml_session *session; /* on one thread */
    hml_tensor *shapes;
    hml_symbol_info symbols[MOST_FREE];
    hml_dim dims[MOST_FREE]; /* what is tried */
    uint32_t count, trials;
    double end;
} dim_search;

/* Failures that other dims may not have. */
static bool is_of_dims(hml_status status)
{
    static const hml_status rows[] = {HML_ERROR_input_dim,    HML_ERROR_dims_unequal,
                                      HML_ERROR_dim_range,    HML_ERROR_dim_overflow,
                                      HML_ERROR_index_range,  HML_ERROR_shape_mismatch,
                                      HML_ERROR_kernel_bounds};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i] == status) {
            return true;
        }
    }
    return false;
}

static bool runs(dim_search *search)
{
    hml_workbench *bench = search->bench;
    hml_tool_error error = {0};
    size_t bytes = 0;
    if (shapes_for(bench, search->dims, search->count, search->shapes) != HML_OK) {
        return false;
    }
    for (uint32_t i = 0; i < bench->info.input_count; i++) {
        bytes += search->shapes[i].bytes;
    }
    if (bytes > MOST_TRIAL_BYTES || create_inputs(bench, search->shapes, &error) != HML_OK) {
        return false;
    }
    for (uint32_t i = 0; i < bench->info.input_count; i++) {
        if (hml_bind_input(search->session, i, &bench->inputs.tensors[i].tensor) != HML_OK) {
            return false;
        }
    }
    return hml_session_prepare(search->session) == HML_OK &&
           fill_inputs(bench, search->options, &error) == HML_OK &&
           hml_run(search->session) == HML_OK;
}

/* A value of the symbol near `wanted`; false when its range has none there. */
static bool admit(const hml_symbol_info *symbol, int64_t wanted, int64_t *value)
{
    int64_t least = wanted < symbol->minimum ? symbol->minimum : wanted;
    *value = (least + symbol->multiple - 1) / symbol->multiple * symbol->multiple;
    return *value <= symbol->maximum;
}

/* One trial; `sizes` holds a wanted size per free dim. *over is set when there may be no more. */
static bool try_sizes(dim_search *search, const int64_t *sizes, bool *over)
{
    for (uint32_t i = 0; i < search->count; i++) {
        if (!admit(&search->symbols[i], sizes[i], &search->dims[i].value)) {
            return false;
        }
    }
    *over = ++search->trials > MOST_TRIALS || hml_milliseconds() > search->end;
    return !*over && runs(search);
}

/* All ways to make small sizes whose excess over 1 sums up to `rest`, from dim `at` on. */
static bool try_sum(dim_search *search, int64_t *sizes, uint32_t at, int64_t rest, bool *over)
{
    if (at + 1 == search->count) {
        sizes[at] = 1 + rest;
        return try_sizes(search, sizes, over);
    }
    for (int64_t part = 0; part <= rest && !*over; part++) {
        sizes[at] = 1 + part;
        if (try_sum(search, sizes, at + 1, rest - part, over)) {
            return true;
        }
    }
    return false;
}

static const int64_t usual_sizes[] = {
    2,    3,    4,    5,    6,    7,    8,    9,    10,   12,    15,    16,   17,  24,  31,
    32,   33,   48,   49,   63,   64,   65,   80,   96,   100,   112,   128,  129, 160, 192,
    224,  240,  256,  257,  320,  384,  400,  416,  480,  512,   513,   576,  640, 768, 800,
    1024, 1280, 1536, 2048, 3000, 4000, 4096, 8000, 8192, 16000, 16384, 32000};
enum { USUAL_SIZES = sizeof usual_sizes / sizeof usual_sizes[0] };

/* One usual size for the dims of each set of `members`, 1 for the others. */
static bool try_usual(dim_search *search, uint32_t members, bool *over)
{
    int64_t sizes[MOST_FREE];
    for (size_t k = 0; k < USUAL_SIZES && !*over; k++) {
        for (uint32_t i = 0; i < search->count; i++) {
            sizes[i] = (members >> i & 1) != 0 ? usual_sizes[k] : 1;
        }
        if (try_sizes(search, sizes, over)) {
            return true;
        }
    }
    return false;
}

/* Sets of one dim, then of two, then all. */
static bool try_all_usual(dim_search *search, bool *over)
{
    for (uint32_t i = 0; i < search->count && !*over; i++) {
        if (try_usual(search, 1U << i, over)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < search->count && !*over; i++) {
        for (uint32_t k = i + 1; k < search->count && !*over; k++) {
            if (try_usual(search, 1U << i | 1U << k, over)) {
                return true;
            }
        }
    }
    return !*over && try_usual(search, (1U << search->count) - 1, over);
}

static bool find_dims(dim_search *search)
{
    int64_t sizes[MOST_FREE];
    bool over = false;
    for (int64_t sum = 0; sum <= 4 && !over; sum++) {
        if (try_sum(search, sizes, 0, sum, &over)) {
            return true;
        }
    }
    if (!over && try_all_usual(search, &over)) {
        return true;
    }
    for (int64_t sum = 5; sum <= 64 && !over; sum++) {
        if (try_sum(search, sizes, 0, sum, &over)) {
            return true;
        }
    }
    return false;
}

static void list_free(dim_search *search)
{
    hml_workbench *bench = search->bench;
    for (uint32_t s = 0; s < bench->info.symbol_count && search->count < MOST_FREE; s++) {
        hml_symbol_info *symbol = &search->symbols[search->count];
        symbol->struct_bytes = sizeof *symbol;
        if (hml_model_symbol(bench->model, s, symbol) == HML_OK && symbol->run_time == 0 &&
            !is_decided(bench, symbol->name)) {
            search->dims[search->count++].name = symbol->name;
        }
    }
}

bool hml_workbench_choose_dims(hml_workbench *bench, const hml_options *options, hml_status status)
{
    dim_search search = {.bench = bench, .options = options};
    if (!bench->any_random || !is_of_dims(status)) {
        return false;
    }
    list_free(&search);
    search.end = hml_milliseconds() + (double)TRIAL_MILLISECONDS;
    search.shapes = create_shapes(bench);
    bool found = search.count > 0 && search.shapes != NULL &&
                 bench->chosen_count + search.count <= HML_MOST_DIMS &&
                 hml_session_create(bench->model, NULL, &search.session) == HML_OK &&
                 find_dims(&search);
    for (uint32_t i = 0; i < search.count && found; i++) {
        bench->chosen[bench->chosen_count++] = search.dims[i];
    }
    bench->searched = found;
    hml_session_destroy(search.session);
    free(search.shapes);
    return found;
}

void hml_workbench_tell_dims(const hml_workbench *bench, hml_report *report)
{
    hml_growing_text text = {0};
    for (uint32_t s = 0; s < bench->info.symbol_count && bench->any_random; s++) {
        hml_symbol_info symbol = {.struct_bytes = sizeof symbol};
        int64_t value = 0;
        if (hml_model_symbol(bench->model, s, &symbol) == HML_OK && symbol.run_time == 0 &&
            hml_workbench_dim(bench, symbol.name, &value)) {
            hml_growing_text_add(&text, "%s%s = %" PRId64, text.used > 0 ? ", " : "", symbol.name,
                                 value);
        }
    }
    if (text.used > 0) {
        hml_report_note(report, "random inputs; dims: %s%s", hml_growing_text_get(&text),
                        bench->searched ? " (the smallest that were found to run)" : "");
    }
    hml_growing_text_release(&text);
}

void hml_workbench_put_dims(const hml_workbench *bench, hml_json *json)
{
    hml_json_object(json, "dims");
    for (uint32_t s = 0; s < bench->info.symbol_count; s++) {
        hml_symbol_info symbol = {.struct_bytes = sizeof symbol};
        int64_t value = 0;
        if (hml_model_symbol(bench->model, s, &symbol) == HML_OK &&
            hml_workbench_dim(bench, symbol.name, &value)) {
            hml_json_integer(json, symbol.name, value);
        }
    }
    hml_json_end(json);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is measured on samples: which range of a value costs least, how far
 * results are off on average, what each node costs the model's outputs, and
 * which nodes a budget takes back.
 */
#include "tuning.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Samples that are run for each purpose: more do not change the choice between
 * ranges. */
enum { MOST_FIT = 32, MOST_HELD = 32, MOST_ALONE = 8 };
enum { MOST_EXPECTED = 256 << 20 }; /* bytes of expected outputs */

hmlc_status hmlc_tuning_progress(const hmlc_tuning *t, const char *phase, uint32_t done,
                                 uint32_t total)
{
    return t->runner->progress != NULL ? t->runner->progress(t->runner->context, phase, done, total)
                                       : HMLC_OK;
}

/* -- samples
 * -----------------------------------------------------------------------------------
 */

/* `most` of the samples, spread over those whose number is `rest` modulo
 * `step`. */
static uint32_t spread(uint32_t count, uint32_t step, uint32_t rest, uint32_t most,
                       uint32_t *chosen)
{
    uint32_t there = count > rest ? (count - rest + step - 1) / step : 0;
    uint32_t taken = there < most ? there : most;
    for (uint32_t i = 0; i < taken; i++) {
        chosen[i] = rest + step * (uint32_t)((uint64_t)i * there / taken);
    }
    return taken;
}

/* Ranges and corrections see one half of the samples, losses and the budget the
 * other. */
static hmlc_status choose_samples(hmlc_tuning *t)
{
    enum { FEW = 8 };
    uint32_t count = t->runner->sample_count, step = count < FEW ? 1 : 2;
    t->fit.index = HMLC_NEW_ARRAY(t->arena, uint32_t, MOST_FIT);
    t->held.index = HMLC_NEW_ARRAY(t->arena, uint32_t, MOST_HELD);
    HMLC_TRY_MEMORY(t->fit.index);
    HMLC_TRY_MEMORY(t->held.index);
    t->fit.count = spread(count, step, 0, MOST_FIT, t->fit.index);
    t->held.count = spread(count, step, step - 1, MOST_HELD, t->held.index);
    return HMLC_OK;
}

/* -- losses
 * ------------------------------------------------------------------------------------
 */

static hmlc_status keep_outputs(hmlc_tuning *t, hmlc_tensor *kept, size_t *bytes)
{
    for (uint32_t i = 0; i < t->instrument->output_count; i++) {
        kept[i] = t->instrument->outputs[i];
        kept[i].data = hmlc_arena_copy(t->arena, kept[i].data, kept[i].bytes);
        HMLC_TRY_MEMORY(kept[i].data);
        *bytes += kept[i].bytes;
    }
    return HMLC_OK;
}

/* The float model's outputs, of as many samples as memory is spent on. */
static hmlc_status expect_outputs(hmlc_tuning *t, hmlc_tuning_samples *samples)
{
    size_t bytes = 0, outputs = t->instrument->output_count;
    samples->expected = HMLC_NEW_ARRAY(t->arena, hmlc_tensor, (size_t)samples->count * outputs + 1);
    HMLC_TRY_MEMORY(samples->expected);
    hmlc_instrument_set_all(t->instrument, false);
    for (uint32_t i = 0; i < samples->count; i++) {
        HMLC_TRY(hmlc_tuning_progress(t, "expect", i, samples->count));
        HMLC_TRY(hmlc_instrument_run(t->instrument, samples->index[i]));
        HMLC_TRY(keep_outputs(t, &samples->expected[i * outputs], &bytes));
        if (bytes > MOST_EXPECTED) {
            samples->count = i + 1;
        }
    }
    return HMLC_OK;
}

static int64_t largest_of(const float *row, int64_t count)
{
    int64_t best = 0;
    for (int64_t i = 1; i < count; i++) {
        best = row[i] > row[best] ? i : best;
    }
    return best;
}

/* Sums of one output. */
typedef struct output_sums {
    double signal, noise, product, found;
} output_sums;

static void add_output(const hmlc_tensor *found, const hmlc_tensor *expected, output_sums *sums,
                       hmlc_quantize_loss *loss)
{
    const float *x = expected->data, *y = found->data;
    int64_t count = hmlc_tensor_count(expected);
    int64_t row = expected->rank > 0 ? expected->dims[expected->rank - 1] : 1;
    if (expected->dtype != HMLC_DTYPE_f32 || count <= 0 || found->bytes != expected->bytes) {
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        double a = (double)x[i], b = (double)y[i];
        if (isfinite(a)) { /* what the float model itself does not know is no loss */
            sums->signal += a * a;
            sums->found += b * b;
            sums->product += a * b;
            sums->noise += (a - b) * (a - b);
        }
    }
    for (int64_t i = 0; row > 1 && i + row <= count; i += row) {
        loss->rows++;
        loss->same_rows += largest_of(x + i, row) == largest_of(y + i, row) ? 1 : 0;
    }
}

/* Nothing is lost of nothing. */
static double part_of(double noise, double signal)
{
    return signal > 0 ? noise / signal : noise > 0 ? INFINITY : 0;
}

hmlc_status hmlc_tuning_loss(hmlc_tuning *t, const hmlc_tuning_samples *samples, uint32_t most,
                             hmlc_quantize_loss *loss)
{
    uint32_t count = t->instrument->output_count;
    output_sums *sums = calloc(count + 1, sizeof *sums);
    HMLC_TRY_MEMORY(sums);
    *loss = (hmlc_quantize_loss){.samples = most};
    hmlc_status status = HMLC_OK;
    for (uint32_t i = 0; status == HMLC_OK && i < most; i++) {
        status = hmlc_instrument_run(t->instrument, samples->index[i]);
        for (uint32_t k = 0; status == HMLC_OK && k < count; k++) {
            add_output(&t->instrument->outputs[k], &samples->expected[i * count + k], &sums[k],
                       loss);
        }
    }
    uint32_t counted = 0;
    for (uint32_t k = 0; k < count; k++) {
        if (sums[k].signal > 0) {
            double length = sqrt(sums[k].signal) * sqrt(sums[k].found);
            loss->noise += part_of(sums[k].noise, sums[k].signal);
            loss->cosine += length > 0 ? sums[k].product / length : 0;
            counted++;
        }
    }
    loss->noise /= counted > 0 ? counted : 1;
    loss->cosine = counted > 0 ? loss->cosine / counted : 1;
    free(sums);
    return status;
}

/* -- ranges
 * ------------------------------------------------------------------------------------
 */

static const struct range_try {
    const char *word;
    hmlc_ranges rule;
    double percentile;
} range_tries[] = {
    {"minmax", HMLC_RANGES_MINMAX, 0},
    {"mse", HMLC_RANGES_MSE, 0},
    {"entropy", HMLC_RANGES_ENTROPY, 0},
    {"percentile=99.9", HMLC_RANGES_PERCENTILE, 99.9},
    {"percentile=99.99", HMLC_RANGES_PERCENTILE, 99.99},
    {"percentile=99.999", HMLC_RANGES_PERCENTILE, 99.999},
    {"percentile=99.9999", HMLC_RANGES_PERCENTILE, 99.9999},
};

enum { RANGE_TRIES = sizeof range_tries / sizeof range_tries[0] };

typedef struct range_search {
    hmlc_quantize_range *ranges; /* by try and tensor */
    double *noise, *signal;      /* by node of the instrument */
    double *error, *least;       /* by tensor: of this try, and of the best so far */
} range_search;

/* All values at once: with every node in float they do not disturb each other.
 */
static hmlc_status measure_nodes(hmlc_tuning *t, range_search *search, uint32_t done,
                                 uint32_t total)
{
    const hmlc_instrument *made = t->instrument;
    memset(search->noise, 0, made->node_count * sizeof *search->noise);
    memset(search->signal, 0, made->node_count * sizeof *search->signal);
    for (uint32_t i = 0; i < t->fit.count; i++) {
        HMLC_TRY(hmlc_tuning_progress(t, "ranges", done + i, total));
        HMLC_TRY(hmlc_instrument_run(t->instrument, t->fit.index[i]));
        for (uint32_t k = 0; k < made->node_count; k++) {
            search->noise[k] += (double)made->noise[k];
            search->signal[k] += (double)made->signal[k];
        }
    }
    return HMLC_OK;
}

/* The try's range of each value that it made better than all before. */
static void keep_better(hmlc_tuning *t, range_search *search, const hmlc_quantize_range *ranges,
                        const char *word)
{
    hmlc_quantize_plan *plan = t->plan;
    memset(search->error, 0, plan->tensor_count * sizeof *search->error);
    for (uint32_t k = 0; k < t->instrument->node_count; k++) {
        uint32_t tensor = plan->nodes[t->instrument->nodes[k]].tensor;
        search->error[tensor] += part_of(search->noise[k], search->signal[k]);
    }
    for (uint32_t i = 0; i < plan->tensor_count; i++) {
        if (plan->tensors[i].range.scale > 0 && search->error[i] < search->least[i]) {
            search->least[i] = search->error[i];
            plan->tensors[i].range = ranges[i];
            plan->tensors[i].range_word = word;
        }
    }
}

static hmlc_status try_range(hmlc_tuning *t, range_search *search, uint32_t index, bool first)
{
    const struct range_try *tried = &range_tries[index];
    hmlc_quantize_range *ranges = search->ranges + (size_t)index * t->plan->tensor_count;
    for (uint32_t i = 0; i < t->plan->tensor_count; i++) {
        const hmlc_tensor_statistics *found =
            hmlc_statistics_find(t->statistics, t->plan->tensors[i].name);
        if (found != NULL && found->count > 0 && t->plan->tensors[i].range.scale > 0) {
            ranges[i] = hmlc_range_choose(found, tried->rule, tried->percentile);
            hmlc_instrument_set_range(t->instrument, i, ranges[i]);
        }
        search->least[i] = first ? INFINITY : search->least[i];
    }
    HMLC_TRY(measure_nodes(t, search, index * t->fit.count, (RANGE_TRIES + 1) * t->fit.count));
    keep_better(t, search, ranges, tried->word);
    return HMLC_OK;
}

static hmlc_status begin_search(hmlc_tuning *t, range_search *search)
{
    size_t tensors = t->plan->tensor_count + 1, nodes = t->instrument->node_count + 1;
    search->ranges = HMLC_NEW_ARRAY(t->arena, hmlc_quantize_range, RANGE_TRIES * tensors);
    search->error = HMLC_NEW_ARRAY(t->arena, double, tensors);
    search->least = HMLC_NEW_ARRAY(t->arena, double, tensors);
    search->noise = HMLC_NEW_ARRAY(t->arena, double, nodes);
    search->signal = HMLC_NEW_ARRAY(t->arena, double, nodes);
    return search->ranges != NULL && search->error != NULL && search->least != NULL &&
                   search->noise != NULL && search->signal != NULL
               ? HMLC_OK
               : HMLC_RESOURCE;
}

/* -- ranges by what they do to the outputs, all nodes on 8 bits
 * --------------------------------- */

static void set_ranges(hmlc_tuning *t)
{
    for (uint32_t i = 0; i < t->plan->tensor_count; i++) {
        hmlc_instrument_set_range(t->instrument, i, t->plan->tensors[i].range);
    }
}

/* One rule for all values may be better for the whole than the best one for
 * each: errors of nodes that follow each other are not independent. */
static hmlc_status try_rules(hmlc_tuning *t, const range_search *search)
{
    hmlc_quantize_loss loss, least;
    uint32_t best = RANGE_TRIES;
    set_ranges(t);
    hmlc_instrument_set_all(t->instrument, true);
    HMLC_TRY(hmlc_tuning_loss(t, &t->fit, t->fit.count, &least));
    for (uint32_t k = 0; k < RANGE_TRIES; k++) {
        for (uint32_t i = 0; i < t->plan->tensor_count; i++) {
            hmlc_instrument_set_range(t->instrument, i,
                                      search->ranges[(size_t)k * t->plan->tensor_count + i]);
        }
        HMLC_TRY(hmlc_tuning_progress(t, "rules", k, RANGE_TRIES));
        HMLC_TRY(hmlc_tuning_loss(t, &t->fit, t->fit.count, &loss));
        best = loss.noise < least.noise ? k : best;
        least = loss.noise < least.noise ? loss : least;
    }
    for (uint32_t i = 0; best < RANGE_TRIES && i < t->plan->tensor_count; i++) {
        if (t->plan->tensors[i].range.scale > 0) {
            t->plan->tensors[i].range = search->ranges[(size_t)best * t->plan->tensor_count + i];
            t->plan->tensors[i].range_word = range_tries[best].word;
        }
    }
    return hmlc_tuning_progress(t, "rules", RANGE_TRIES, RANGE_TRIES);
}

/* Multiplications of one run, both forms. */
static double macs_of_run(const hmlc_tuning *t)
{
    double macs = 1;
    for (uint32_t i = 0; i < t->plan->node_count; i++) {
        macs += 2 * t->plan->nodes[i].macs;
    }
    return macs;
}

/* Each value's range alone is changed, and kept where the outputs get closer;
 * once through the model. Of large models this would take too long: their
 * ranges stay. */
static hmlc_status refine_ranges(hmlc_tuning *t, const range_search *search)
{
    static const double most_macs = 5e11; /* a minute of a small machine */
    hmlc_quantize_plan *plan = t->plan;
    hmlc_quantize_loss loss, least;
    double runs = (double)plan->tensor_count * (double)RANGE_TRIES * t->fit.count;
    if (runs * macs_of_run(t) > most_macs) {
        return HMLC_OK;
    }
    set_ranges(t);
    HMLC_TRY(hmlc_tuning_loss(t, &t->fit, t->fit.count, &least));
    for (uint32_t i = 0; i < plan->tensor_count; i++) {
        HMLC_TRY(hmlc_tuning_progress(t, "values", i, plan->tensor_count));
        for (uint32_t k = 0; plan->tensors[i].range.scale > 0 && k < RANGE_TRIES; k++) {
            hmlc_quantize_range tried = search->ranges[(size_t)k * plan->tensor_count + i];
            hmlc_instrument_set_range(t->instrument, i, tried);
            HMLC_TRY(hmlc_tuning_loss(t, &t->fit, t->fit.count, &loss));
            if (loss.noise < least.noise) {
                least = loss;
                plan->tensors[i].range = tried;
                plan->tensors[i].range_word = range_tries[k].word;
            }
        }
        hmlc_instrument_set_range(t->instrument, i, plan->tensors[i].range);
    }
    return hmlc_tuning_progress(t, "values", plan->tensor_count, plan->tensor_count);
}

/* How far each node's results are off with the ranges that were chosen. */
static hmlc_status note_results(hmlc_tuning *t, range_search *search)
{
    uint32_t total = (RANGE_TRIES + 1) * t->fit.count;
    set_ranges(t);
    hmlc_instrument_set_all(t->instrument, false);
    HMLC_TRY(measure_nodes(t, search, RANGE_TRIES * t->fit.count, total));
    for (uint32_t k = 0; k < t->instrument->node_count; k++) {
        t->plan->nodes[t->instrument->nodes[k]].sqnr =
            -10 * log10(part_of(search->noise[k], search->signal[k]));
    }
    return hmlc_tuning_progress(t, "ranges", total, total);
}

static hmlc_status tune_ranges(hmlc_tuning *t)
{
    range_search search;
    HMLC_TRY(begin_search(t, &search));
    hmlc_instrument_set_all(t->instrument, false);
    bool choose = t->options->ranges == HMLC_RANGES_AUTO;
    for (uint32_t i = 0; choose && i < RANGE_TRIES; i++) {
        HMLC_TRY(try_range(t, &search, i, i == 0));
    }
    if (choose) {
        HMLC_TRY(try_rules(t, &search));
        HMLC_TRY(refine_ranges(t, &search));
    }
    return note_results(t, &search);
}

/* -- corrections of the mean
 * ------------------------------------------------------------------- */

/* Means over the samples to fit, by channel: of what goes on, and of the float
 * results beside it.
 */
static hmlc_status measure_means(hmlc_tuning *t, double *mean, double *float_mean)
{
    const hmlc_instrument *made = t->instrument;
    memset(mean, 0, made->channel_count * sizeof *mean);
    memset(float_mean, 0, made->channel_count * sizeof *float_mean);
    for (uint32_t i = 0; i < t->fit.count; i++) {
        HMLC_TRY(hmlc_tuning_progress(t, "means", i, t->fit.count));
        HMLC_TRY(hmlc_instrument_run(t->instrument, t->fit.index[i]));
        for (uint32_t k = 0; k < made->channel_count; k++) {
            mean[k] += (double)made->mean[k] / t->fit.count;
            float_mean[k] += (double)made->float_mean[k] / t->fit.count;
        }
    }
    return hmlc_tuning_progress(t, "means", t->fit.count, t->fit.count);
}

/* Shifts that give each result on 8 bits the mean of a float one: that on the
 * same input, or, where `wanted` is given, that of the float model. All nodes
 * at once, twice, as they disturb each other's inputs. */
static hmlc_status fit_shifts(hmlc_tuning *t, const double *wanted, double *mean,
                              double *float_mean)
{
    hmlc_instrument *made = t->instrument;
    memset(made->shifts, 0, made->channel_count * sizeof *made->shifts);
    for (int round = 0; round < 2; round++) {
        HMLC_TRY(measure_means(t, mean, float_mean));
        for (uint32_t k = 0; k < made->channel_count; k++) {
            double target = wanted != NULL ? wanted[k] : float_mean[k];
            float shift = (float)(target - mean[k]);
            made->shifts[k] += isfinite(shift) ? shift : 0;
        }
    }
    return HMLC_OK;
}

/* Takes the shifts over where they make the outputs' loss smaller. */
static hmlc_status keep_shifts(hmlc_tuning *t, float *best, hmlc_quantize_loss *least)
{
    hmlc_quantize_loss loss;
    HMLC_TRY(hmlc_tuning_loss(t, &t->held, t->held.count, &loss));
    if (loss.noise < least->noise) {
        *least = loss;
        memcpy(best, t->instrument->shifts, t->instrument->channel_count * sizeof *best);
    }
    return HMLC_OK;
}

static void give_shifts(hmlc_tuning *t, float *best)
{
    hmlc_instrument *made = t->instrument;
    memcpy(made->shifts, best, made->channel_count * sizeof *best);
    for (uint32_t k = 0; k < made->node_count; k++) {
        float *shifts = best + made->first[k];
        bool any = false;
        for (int64_t i = 0; i < t->plan->nodes[made->nodes[k]].channels; i++) {
            any = any || shifts[i] != 0;
        }
        t->plan->nodes[made->nodes[k]].shifts =
            any ? hmlc_arena_copy(t->plan->arena, shifts,
                                  (size_t)t->plan->nodes[made->nodes[k]].channels * sizeof *shifts)
                : NULL;
    }
}

static hmlc_status tune_shifts(hmlc_tuning *t)
{
    size_t count = t->instrument->channel_count + 1;
    double *model_mean = HMLC_NEW_ARRAY(t->arena, double, count);
    double *mean = HMLC_NEW_ARRAY(t->arena, double, count);
    double *float_mean = HMLC_NEW_ARRAY(t->arena, double, count);
    float *best = HMLC_NEW_ARRAY(t->arena, float, count);
    if (model_mean == NULL || mean == NULL || float_mean == NULL || best == NULL) {
        return HMLC_RESOURCE;
    }
    hmlc_instrument_set_all(t->instrument, false);
    HMLC_TRY(measure_means(t, mean, model_mean));
    hmlc_instrument_set_all(t->instrument, true);
    HMLC_TRY(hmlc_tuning_loss(t, &t->held, t->held.count, &t->plan->loss));
    HMLC_TRY(fit_shifts(t, NULL, mean, float_mean));
    HMLC_TRY(keep_shifts(t, best, &t->plan->loss));
    HMLC_TRY(fit_shifts(t, model_mean, mean, float_mean));
    HMLC_TRY(keep_shifts(t, best, &t->plan->loss));
    give_shifts(t, best);
    return HMLC_OK;
}

/* -- each node alone
 * ---------------------------------------------------------------------------
 */

/* Every node is run by itself: of large models fewer samples must do. */
static uint32_t samples_alone(const hmlc_tuning *t)
{
    static const double most_macs = 2e12; /* minutes of a small machine */
    double most = most_macs / (macs_of_run(t) * (t->instrument->node_count + 1));
    uint32_t samples = t->held.count < MOST_ALONE ? t->held.count : MOST_ALONE;
    return most < samples ? (most > 1 ? (uint32_t)most : 1) : samples;
}

static hmlc_status tune_alone(hmlc_tuning *t)
{
    hmlc_instrument *made = t->instrument;
    uint32_t samples = samples_alone(t);
    for (uint32_t k = 0; k < made->node_count; k++) {
        hmlc_quantize_loss loss;
        HMLC_TRY(hmlc_tuning_progress(t, "nodes", k, made->node_count));
        hmlc_instrument_set_all(made, false);
        made->flags[k] = 1;
        HMLC_TRY(hmlc_tuning_loss(t, &t->held, samples, &loss));
        t->plan->nodes[made->nodes[k]].loss_alone = loss.noise;
    }
    hmlc_instrument_set_all(made, true);
    return hmlc_tuning_progress(t, "nodes", made->node_count, made->node_count);
}

/* -- all of it
 * ---------------------------------------------------------------------------------
 */

static hmlc_status tune(hmlc_tuning *t)
{
    HMLC_TRY(hmlc_tuning_baseline(t));
    HMLC_TRY(choose_samples(t));
    HMLC_TRY(hmlc_instrument_create(t->plan, t->runner, &t->instrument));
    HMLC_TRY(expect_outputs(t, &t->fit));
    HMLC_TRY(expect_outputs(t, &t->held));
    HMLC_TRY(tune_ranges(t));
    HMLC_TRY(tune_shifts(t));
    HMLC_TRY(tune_alone(t));
    return hmlc_tuning_budget(t);
}

hmlc_status hmlc_quantize_tune(hmlc_quantize_plan *plan, const hmlc_quantize_options *options,
                               const hmlc_statistics *statistics, const hmlc_runner *runner)
{
    hmlc_tuning t = {.plan = plan,
                     .options = options,
                     .statistics = statistics,
                     .runner = runner,
                     .arena = hmlc_arena_create(NULL)};
    hmlc_status status = HMLC_RESOURCE;
    if (t.arena != NULL) {
        status = hmlc_quantize_count(plan) > 0 && runner->sample_count > 0 ? tune(&t) : HMLC_OK;
    }
    hmlc_instrument_release(t.instrument);
    hmlc_arena_destroy(t.arena);
    return status;
}

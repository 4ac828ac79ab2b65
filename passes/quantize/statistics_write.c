/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics as text. The grammar is in docs/quantization.md. */
#include <inttypes.h>

#include "exact_sum.h"
#include "statistics_bins.h"

/* A name in quotes; what is no plain letter of ASCII as \xNN. */
static void write_name(FILE *stream, const char *name)
{
    (void)fputc('"', stream);
    for (const char *at = name; *at != '\0'; at++) {
        unsigned char letter = (unsigned char)*at;
        if (letter < ' ' || letter > '~' || letter == '"' || letter == '\\') {
            (void)fprintf(stream, "\\x%02x", letter);
        } else {
            (void)fputc(letter, stream);
        }
    }
    (void)fputc('"', stream);
}

static void write_sum(FILE *stream, const uint64_t *words, uint32_t count, int step)
{
    char text[HMLC_EXACT_TEXT];
    hmlc_exact_format(words, count, step, text);
    (void)fprintf(stream, " %s", text);
}

static void write_bins(FILE *stream, const hmlc_tensor_statistics *t)
{
    enum { PER_LINE = 8 };
    uint32_t filled = 0;
    for (uint32_t i = 0; i < HMLC_STATISTICS_BINS; i++) {
        filled += t->bins[i] > 0 ? 1 : 0;
    }
    (void)fprintf(stream, "bins %" PRId32 " %" PRId64 " %" PRIu32, t->exponent, t->base, filled);
    filled = 0;
    for (uint32_t i = 0; i < HMLC_STATISTICS_BINS; i++) {
        if (t->bins[i] > 0) {
            (void)fprintf(stream, "%s%" PRIu32 ":%" PRIu64, filled++ % PER_LINE == 0 ? "\n" : " ",
                          i, t->bins[i]);
        }
    }
    (void)fputc('\n', stream);
}

static void write_tensor(FILE *stream, const hmlc_tensor_statistics *t)
{
    (void)fprintf(stream, "tensor ");
    write_name(stream, t->name);
    (void)fprintf(stream, " f32 %" PRIu64 " %" PRIu64 " %" PRIu64 " %a %a", t->count, t->nan,
                  t->inf, (double)t->min, (double)t->max);
    write_sum(stream, t->sum, HMLC_SUM_WORDS, HMLC_SUM_STEP);
    write_sum(stream, t->square, HMLC_SQUARE_WORDS, HMLC_SQUARE_STEP);
    (void)fputc('\n', stream);
    if (t->count > 0) {
        write_bins(stream, t);
    }
    if (t->axis < 0) {
        return;
    }
    (void)fprintf(stream, "channels %" PRId32 " %" PRId64 "\n", t->axis, t->channel_count);
    for (int64_t c = 0; c < t->channel_count; c++) {
        (void)fprintf(stream, "%a %a", (double)t->channels[c].min, (double)t->channels[c].max);
        write_sum(stream, t->channels[c].sum, HMLC_SUM_WORDS, HMLC_SUM_STEP);
        (void)fputc('\n', stream);
    }
}

void hmlc_statistics_write(const hmlc_statistics *statistics, FILE *stream)
{
    (void)fprintf(stream, "hms %d\nmodel %016" PRIx64 "\nsamples %" PRIu32 "\n",
                  HMLC_STATISTICS_VERSION, statistics->model, statistics->sample_count);
    for (uint32_t i = 0; i < statistics->sample_count; i++) {
        (void)fprintf(stream, "%016" PRIx64 "\n", statistics->samples[i]);
    }
    (void)fprintf(stream, "tensors %" PRIu32 "\n", statistics->tensor_count);
    for (uint32_t i = 0; i < statistics->tensor_count; i++) {
        write_tensor(stream, &statistics->tensors[i]);
    }
    (void)fprintf(stream, "end\n");
}

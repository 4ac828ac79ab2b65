/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads statistics that nobody vouches for: every number is held against the others, so that ranges
 * are not made from a file that contradicts itself.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exact_sum.h"
#include "statistics_bins.h"

typedef struct reader {
    const char *text, *path;
    size_t size, at, spent; /* bytes: of the text, read, and of bins */
    uint32_t line;
    hmlc_diagnostics *diagnostics;
    hmlc_statistics *statistics;
} reader;

static hmlc_status damaged(const reader *r, const char *what)
{
    return hmlc_error_add(r->diagnostics, HMLC_ERROR_statistics_damaged, NULL,
                          r->at >= r->size ? "the file is cut short: calibrate again with --resume"
                                           : "calibrate again",
                          "%s:%" PRIu32 ": %s", r->path, r->line, what);
}

/* -- words ------------------------------------------------------------------------------------- */

static void skip_blanks(reader *r)
{
    for (; r->at < r->size && (r->text[r->at] == ' ' || r->text[r->at] == '\n'); r->at++) {
        r->line += r->text[r->at] == '\n' ? 1 : 0;
    }
}

/* Takes the word if it comes next. */
static bool take(reader *r, const char *word)
{
    size_t length = strlen(word);
    skip_blanks(r);
    if (r->size - r->at < length || memcmp(r->text + r->at, word, length) != 0) {
        return false;
    }
    r->at += length;
    return true;
}

/* Copies the next word, which is shorter than `most`; its length, 0 where there is none. */
static size_t word_of(reader *r, char *word, size_t most)
{
    size_t length = 0;
    skip_blanks(r);
    while (r->at + length < r->size && strchr(" \n:", r->text[r->at + length]) == NULL &&
           r->text[r->at + length] != '\0' && length + 1 < most) {
        word[length] = r->text[r->at + length];
        length++;
    }
    word[length] = '\0';
    r->at += length;
    return length;
}

static bool take_unsigned(reader *r, int base, uint64_t *value)
{
    char word[32], *end = word;
    if (word_of(r, word, sizeof word) == 0 || word[0] == '-' || word[0] == '+') {
        return false;
    }
    *value = strtoull(word, &end, base);
    return *end == '\0' && (base == 10 ? *value < UINT64_MAX : strlen(word) == 16);
}

static bool take_signed(reader *r, int64_t most, int64_t *value)
{
    char word[32], *end = word;
    if (word_of(r, word, sizeof word) == 0) {
        return false;
    }
    *value = strtoll(word, &end, 10);
    return *end == '\0' && *value >= -most && *value <= most;
}

static bool take_float(reader *r, float *value)
{
    char word[40], *end = word;
    if (word_of(r, word, sizeof word) == 0) {
        return false;
    }
    double wide = strtod(word, &end);
    *value = (float)wide;
    return *end == '\0' && isfinite(*value) && (double)*value == wide;
}

static bool take_sum(reader *r, uint32_t count, int step, uint64_t *words)
{
    skip_blanks(r);
    size_t length = hmlc_exact_parse(r->text + r->at, r->size - r->at, count, step, words);
    r->at += length;
    return length > 0;
}

static bool take_name(reader *r, const char **name)
{
    static const char digits[] = "0123456789abcdef";
    if (!take(r, "\"")) {
        return false;
    }
    const char *end = memchr(r->text + r->at, '"', r->size - r->at);
    char *copy =
        end != NULL ? hmlc_arena_allocate(r->statistics->arena, (size_t)(end - r->text) - r->at + 1)
                    : NULL;
    size_t used = 0;
    while (copy != NULL && r->text[r->at] != '"') {
        char letter = r->text[r->at++];
        if (letter == '\\') {
            const char *high =
                end - (r->text + r->at) >= 3 ? strchr(digits, r->text[r->at + 1]) : NULL;
            const char *low = high != NULL ? strchr(digits, r->text[r->at + 2]) : NULL;
            if (low == NULL || r->text[r->at] != 'x') {
                return false;
            }
            letter = (char)((high - digits) * 16 + (low - digits));
            r->at += 3;
        }
        if (letter == '\0' || letter == '\n') {
            return false;
        }
        copy[used++] = letter;
    }
    *name = copy;
    r->at += copy != NULL ? 1 : 0;
    return copy != NULL;
}

/* -- tensors ----------------------------------------------------------------------------------- */

/* A mean lies between the extremes, and the mean of squares is at least its square; rounding of the
 * comparison allowed for. */
static bool sums_fit(const hmlc_tensor_statistics *t)
{
    double count = (double)t->count, mean = hmlc_statistics_sum(t->sum) / count;
    double square = hmlc_statistics_square(t->square) / count;
    double largest = fmax(fabs((double)t->min), fabs((double)t->max));
    double slack = largest * 1e-12;
    return mean >= (double)t->min - slack && mean <= (double)t->max + slack &&
           square >= mean * mean * (1 - 1e-12) && square <= largest * largest * (1 + 1e-12);
}

static bool bins_fit(const hmlc_tensor_statistics *t)
{
    int32_t exponent;
    int64_t base;
    uint64_t count = 0;
    hmlc_bins_of_range(t->min, t->max, &exponent, &base);
    uint32_t last = 0;
    for (uint32_t i = 0; i < HMLC_STATISTICS_BINS; i++) {
        count += t->bins[i];
        last = t->bins[i] > 0 ? i : last;
    }
    int64_t end = (int64_t)floor(ldexp((double)t->max, -exponent)) - base;
    return exponent == t->exponent && base == t->base && count == t->count && t->bins[0] > 0 &&
           (int64_t)last == end;
}

/* A line may ask for bins that are a hundred times its bytes: no further than other readers go. */
static hmlc_status spend_bins(reader *r)
{
    size_t limit = ((size_t)64 << 20) + 4 * r->size;
    r->spent += HMLC_STATISTICS_BINS * sizeof(uint64_t);
    return r->spent <= limit
               ? HMLC_OK
               : hmlc_error_add(r->diagnostics, HMLC_ERROR_parser_memory, NULL, NULL,
                                "%s: reading needs more than %zu bytes", r->path, limit);
}

static hmlc_status read_bins(reader *r, hmlc_tensor_statistics *t)
{
    uint64_t filled, count, index;
    int64_t exponent;
    if (!take(r, "bins ") || !take_signed(r, 1024, &exponent) ||
        !take_signed(r, INT64_MAX, &t->base) || !take_unsigned(r, 10, &filled) || filled == 0 ||
        filled > HMLC_STATISTICS_BINS) {
        return damaged(r, "expected 'bins EXPONENT BASE NUMBER'");
    }
    t->exponent = (int32_t)exponent;
    HMLC_TRY(spend_bins(r));
    t->bins = HMLC_NEW_ARRAY(r->statistics->arena, uint64_t, HMLC_STATISTICS_BINS);
    HMLC_TRY_MEMORY(t->bins);
    for (uint64_t i = 0; i < filled; i++) {
        if (!take_unsigned(r, 10, &index) || index >= HMLC_STATISTICS_BINS || !take(r, ":") ||
            !take_unsigned(r, 10, &count) || count == 0 || t->bins[index] > 0) {
            return damaged(r, "expected 'BIN:COUNT'");
        }
        t->bins[index] = count;
    }
    return bins_fit(t) && sums_fit(t)
               ? HMLC_OK
               : damaged(r, "the histogram contradicts count, min, max or sums");
}

static hmlc_status read_channels(reader *r, uint32_t index)
{
    hmlc_tensor_statistics *t = &r->statistics->tensors[index];
    int64_t axis;
    uint64_t count;
    if (!take_signed(r, HMLC_MAX_RANK - 1, &axis) || axis < 0 || !take_unsigned(r, 10, &count) ||
        count > (r->size - r->at) / 12) {
        return damaged(r, "expected 'channels AXIS NUMBER', and as many lines");
    }
    HMLC_TRY(hmlc_statistics_set_channels(r->statistics, index, (int32_t)axis, (int64_t)count));
    for (int64_t c = 0; c < t->channel_count; c++) {
        hmlc_channel_statistics *channel = &t->channels[c];
        if (!take_float(r, &channel->min) || !take_float(r, &channel->max) ||
            channel->min > channel->max || channel->min < t->min || channel->max > t->max ||
            !take_sum(r, HMLC_SUM_WORDS, HMLC_SUM_STEP, channel->sum)) {
            return damaged(r, "expected 'MIN MAX SUM' of a channel, within those of the tensor");
        }
    }
    return HMLC_OK;
}

static hmlc_status read_tensor(reader *r, uint32_t index)
{
    hmlc_tensor_statistics *t = &r->statistics->tensors[index];
    if (!take(r, "tensor ") || !take_name(r, &t->name) || !take(r, "f32 ") ||
        !take_unsigned(r, 10, &t->count) || !take_unsigned(r, 10, &t->nan) ||
        !take_unsigned(r, 10, &t->inf) || !take_float(r, &t->min) || !take_float(r, &t->max) ||
        t->min > t->max || !take_sum(r, HMLC_SUM_WORDS, HMLC_SUM_STEP, t->sum) ||
        !take_sum(r, HMLC_SQUARE_WORDS, HMLC_SQUARE_STEP, t->square)) {
        return damaged(r, "expected 'tensor \"NAME\" f32 COUNT NAN INF MIN MAX SUM SUM2'");
    }
    if (t->count > 0) {
        HMLC_TRY(read_bins(r, t));
    }
    return take(r, "channels ") ? read_channels(r, index) : HMLC_OK;
}

/* -- the file ---------------------------------------------------------------------------------- */

static hmlc_status read_version(reader *r)
{
    uint64_t version;
    if (!take(r, "hms ") || !take_unsigned(r, 10, &version) || version == 0) {
        return damaged(r, "this is no file of statistics: it does not begin with 'hms 1'");
    }
    if (version > HMLC_STATISTICS_VERSION) {
        return hmlc_error_add(r->diagnostics, HMLC_ERROR_statistics_newer, NULL, NULL,
                              "%s: version %" PRIu64 "; this hmlc reads %d", r->path, version,
                              HMLC_STATISTICS_VERSION);
    }
    return HMLC_OK;
}

static hmlc_status read_samples(reader *r)
{
    uint64_t count, hash, before = 0;
    if (!take(r, "samples ") || !take_unsigned(r, 10, &count) || count > r->size / 17) {
        return damaged(r, "expected 'samples NUMBER', and as many lines");
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!take_unsigned(r, 16, &hash) || hash < before) {
            return damaged(r, "expected hashes of samples, 16 digits each, in order");
        }
        before = hash;
        HMLC_TRY(hmlc_statistics_add_sample(r->statistics, hash));
    }
    return HMLC_OK;
}

static hmlc_status read_all(reader *r)
{
    enum { LEAST_TENSOR = 48 }; /* bytes of a line */
    uint64_t model, count;
    HMLC_TRY(read_version(r));
    if (!take(r, "model ") || !take_unsigned(r, 16, &model)) {
        return damaged(r, "expected 'model HASH'");
    }
    r->statistics = hmlc_statistics_create(model, 0);
    HMLC_TRY_MEMORY(r->statistics);
    HMLC_TRY(read_samples(r));
    if (!take(r, "tensors ") || !take_unsigned(r, 10, &count) || count > r->size / LEAST_TENSOR) {
        return damaged(r, "expected 'tensors NUMBER', and as many of them");
    }
    HMLC_TRY(hmlc_statistics_set_tensors(r->statistics, (uint32_t)count));
    for (uint32_t i = 0; i < r->statistics->tensor_count; i++) {
        HMLC_TRY(read_tensor(r, i));
    }
    if (!take(r, "end\n") || r->at != r->size) {
        return damaged(r, "expected 'end' behind the last tensor");
    }
    return HMLC_OK;
}

hmlc_status hmlc_statistics_read(const char *text, size_t size, const char *path,
                                 hmlc_diagnostics *diagnostics, hmlc_statistics **statistics)
{
    reader r = {.text = text, .path = path, .size = size, .line = 1, .diagnostics = diagnostics};
    hmlc_status status = read_all(&r);
    *statistics = r.statistics;
    if (status != HMLC_OK) {
        hmlc_statistics_release(r.statistics);
        *statistics = NULL;
    }
    return status;
}

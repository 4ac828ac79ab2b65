/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics are exact: whatever order, split or merging, the same values give the same bytes. What
 * a file says that cannot be is refused with its code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hmlc/statistics.h>
#include <math.h>

static uint64_t random_state = 1;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Any finite f32, and now and then what is none. */
static float any_float(void)
{
    for (;;) {
        uint32_t bits = (uint32_t)next_random();
        float value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value) || next_random() % 64 == 0) {
            return value;
        }
    }
}

enum { SAMPLES = 7, CHANNELS = 3, INNER = 50, COUNT = CHANNELS * INNER };

typedef struct sample {
    float first[COUNT], second[8];
} sample;

static sample samples[SAMPLES];

/* The first tensor has the whole range of f32, the second a modest one; one sample is all zeros. */
static void fill_samples(void)
{
    for (int s = 0; s < SAMPLES; s++) {
        for (int i = 0; i < COUNT; i++) {
            samples[s].first[i] = s == 3 ? -0.0F : any_float();
        }
        for (int i = 0; i < 8; i++) {
            samples[s].second[i] = (float)((double)(next_random() % 2001) / 1000 - 1) * (float)s;
        }
    }
}

static hmlc_statistics *create(void)
{
    hmlc_statistics *made = hmlc_statistics_create(0x1234, 2);
    assert_non_null(made);
    made->tensors[0].name = "first \"one\" \xc3\xa9\\";
    made->tensors[1].name = "second";
    assert_int_equal(hmlc_statistics_set_channels(made, 0, 1, CHANNELS), HMLC_OK);
    return made;
}

static void count(hmlc_statistics *statistics, int s)
{
    hmlc_tensor first = {.dtype = HMLC_DTYPE_f32,
                         .rank = 3,
                         .dims = {1, CHANNELS, INNER},
                         .data = samples[s].first,
                         .bytes = sizeof samples[s].first};
    hmlc_tensor second = {.dtype = HMLC_DTYPE_f32,
                          .rank = 1,
                          .dims = {8},
                          .data = samples[s].second,
                          .bytes = sizeof samples[s].second};
    assert_int_equal(hmlc_statistics_add(statistics, 0, &first), HMLC_OK);
    assert_int_equal(hmlc_statistics_add(statistics, 1, &second), HMLC_OK);
    assert_int_equal(hmlc_statistics_add_sample(statistics, (uint64_t)s * 977 % 31), HMLC_OK);
}

static char *text_of(const hmlc_statistics *statistics, size_t *size)
{
    char *text = NULL;
    FILE *stream = open_memstream(&text, size);
    assert_non_null(stream);
    hmlc_statistics_write(statistics, stream);
    assert_int_equal(fclose(stream), 0);
    return text;
}

static hmlc_status read_text(const char *text, size_t size, uint32_t *code,
                             hmlc_statistics **statistics)
{
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_diagnostics *list = hmlc_diagnostics_create(arena, 0);
    hmlc_status status = hmlc_statistics_read(text, size, "a.hms", list, statistics);
    const hmlc_diagnostic *d = hmlc_diagnostics_first(list);
    *code = d != NULL ? hmlc_error_get_info(d->error)->number : 0;
    hmlc_arena_destroy(arena);
    return status;
}

static void assert_same(const hmlc_statistics *a, const hmlc_statistics *b)
{
    size_t left_size, right_size;
    char *left = text_of(a, &left_size), *right = text_of(b, &right_size);
    assert_int_equal(left_size, right_size);
    assert_memory_equal(left, right, left_size);
    free(left);
    free(right);
}

/* -- merging ----------------------------------------------------------------------------------- */

static hmlc_statistics *all_in_order(void)
{
    hmlc_statistics *whole = create();
    for (int s = 0; s < SAMPLES; s++) {
        count(whole, s);
    }
    return whole;
}

static void order_does_not_show(void **state)
{
    (void)state;
    hmlc_statistics *whole = all_in_order(), *backwards = create();
    for (int s = SAMPLES - 1; s >= 0; s--) {
        count(backwards, s);
    }
    assert_same(whole, backwards);
    hmlc_statistics_release(whole);
    hmlc_statistics_release(backwards);
}

/* Every split in two, merged in either direction, through the text. */
static void splits_merge_to_the_whole(void **state)
{
    (void)state;
    hmlc_statistics *whole = all_in_order();
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_diagnostics *list = hmlc_diagnostics_create(arena, 0);
    for (uint32_t split = 0; split < 1U << SAMPLES; split++) {
        hmlc_statistics *parts[2] = {create(), create()}, *copy = NULL;
        size_t size;
        uint32_t code;
        for (int s = 0; s < SAMPLES; s++) {
            count(parts[split >> s & 1], s);
        }
        uint32_t into = split & 1;
        char *text = text_of(parts[1 - into], &size);
        assert_int_equal(read_text(text, size, &code, &copy), HMLC_OK);
        assert_int_equal(hmlc_statistics_merge(parts[into], copy, list), HMLC_OK);
        assert_same(whole, parts[into]);
        free(text);
        hmlc_statistics_release(copy);
        hmlc_statistics_release(parts[0]);
        hmlc_statistics_release(parts[1]);
    }
    hmlc_arena_destroy(arena);
    hmlc_statistics_release(whole);
}

/* Against sums in long double of values that do not round there. */
static void sums_are_exact(void **state)
{
    (void)state;
    hmlc_statistics *whole = all_in_order();
    long double sum = 0, square = 0;
    for (int s = 0; s < SAMPLES; s++) {
        for (int i = 0; i < 8; i++) {
            sum += (long double)samples[s].second[i];
            square += (long double)samples[s].second[i] * (long double)samples[s].second[i];
        }
    }
    assert_true(hmlc_statistics_sum(whole->tensors[1].sum) == (double)sum);
    assert_true(fabs(hmlc_statistics_square(whole->tensors[1].square) - (double)square) <=
                (double)square * 1e-15);
    /* What cancels leaves nothing: the largest and the smallest f32 with their negatives. */
    hmlc_statistics *cancels = hmlc_statistics_create(1, 1);
    float values[] = {3.4028235e38F, 0x1p-149F, -3.4028235e38F, 5, -0x1p-149F, -5};
    hmlc_tensor tensor = {
        .dtype = HMLC_DTYPE_f32, .rank = 1, .dims = {6}, .data = values, .bytes = sizeof values};
    assert_int_equal(hmlc_statistics_add(cancels, 0, &tensor), HMLC_OK);
    assert_true(hmlc_statistics_sum(cancels->tensors[0].sum) == 0);
    hmlc_statistics_release(cancels);
    hmlc_statistics_release(whole);
}

static void odd_numbers_are_counted_apart(void **state)
{
    (void)state;
    float values[] = {NAN, INFINITY, -INFINITY, 1, 2, -0.0F};
    hmlc_statistics *s = hmlc_statistics_create(1, 1);
    hmlc_tensor tensor = {
        .dtype = HMLC_DTYPE_f32, .rank = 1, .dims = {6}, .data = values, .bytes = sizeof values};
    assert_int_equal(hmlc_statistics_add(s, 0, &tensor), HMLC_OK);
    assert_int_equal(s->tensors[0].count, 3);
    assert_int_equal(s->tensors[0].nan, 1);
    assert_int_equal(s->tensors[0].inf, 2);
    assert_true(s->tensors[0].min == 0 && !signbit(s->tensors[0].min) && s->tensors[0].max == 2);
    hmlc_statistics_release(s);
}

static void other_models_do_not_merge(void **state)
{
    (void)state;
    hmlc_statistics *a = create(), *b = hmlc_statistics_create(0x1235, 2);
    b->tensors[0].name = a->tensors[0].name;
    b->tensors[1].name = a->tensors[1].name;
    assert_int_equal(hmlc_statistics_merge(a, b, NULL), HMLC_USAGE);
    hmlc_statistics_release(a);
    hmlc_statistics_release(b);
}

/* -- damage ------------------------------------------------------------------------------------ */

static void cut_files_are_damaged(void **state)
{
    (void)state;
    hmlc_statistics *whole = all_in_order();
    size_t size;
    char *text = text_of(whole, &size);
    for (size_t length = 0; length < size; length += length < 600 ? 1 : 41) {
        hmlc_statistics *read = NULL;
        uint32_t code;
        char *copy = malloc(length + 1); /* so that reading past the end is seen */
        memcpy(copy, text, length);
        char *exact = realloc(copy, length > 0 ? length : 1);
        assert_int_equal(read_text(exact, length, &code, &read), HMLC_DAMAGED);
        assert_int_equal(code, 701);
        assert_null(read);
        free(exact);
    }
    free(text);
    hmlc_statistics_release(whole);
}

/* A file of one tensor with the elements 1 and 2, with one thing replaced. */
static void expect_edited(const char *from, const char *to, hmlc_status wanted, uint32_t number)
{
    float values[] = {1, 2};
    hmlc_statistics *s = hmlc_statistics_create(1, 1), *read = NULL;
    hmlc_tensor tensor = {
        .dtype = HMLC_DTYPE_f32, .rank = 1, .dims = {2}, .data = values, .bytes = sizeof values};
    size_t size;
    uint32_t code;
    s->tensors[0].name = "x";
    assert_int_equal(hmlc_statistics_set_channels(s, 0, 0, 2), HMLC_OK);
    assert_int_equal(hmlc_statistics_add(s, 0, &tensor), HMLC_OK);
    assert_int_equal(hmlc_statistics_add_sample(s, 2), HMLC_OK);
    char *text = text_of(s, &size), edited[4096];
    size_t length = strlen(from), place = 0;
    while (place + length <= size && memcmp(text + place, from, length) != 0) {
        place++;
    }
    assert_true(place + length <= size);
    (void)snprintf(edited, sizeof edited, "%.*s%s%s", (int)place, text, to, text + place + length);
    assert_int_equal(read_text(edited, strlen(edited), &code, &read), wanted);
    assert_int_equal(code, number);
    free(text);
    hmlc_statistics_release(read);
    hmlc_statistics_release(s);
}

static void contradictions_are_found(void **state)
{
    (void)state;
    expect_edited("hms 1", "hms 1", HMLC_OK, 0);
    expect_edited("hms 1", "hms 2", HMLC_REFUSED, 702);
    expect_edited("hms 1", "hmx 1", HMLC_DAMAGED, 701);
    expect_edited("tensors 1", "tensors 1000000000", HMLC_DAMAGED, 701);
    expect_edited("samples 1", "samples 1000000000", HMLC_DAMAGED, 701);
    expect_edited("channels 0 2", "channels 0 2000000000", HMLC_DAMAGED, 701);
    expect_edited("f32 2 0 0", "f32 3 0 0", HMLC_DAMAGED, 701);
    expect_edited("0x1p+0 0x1p+1", "0x1p+0 0x1p+2", HMLC_DAMAGED, 701);
    expect_edited("0x1p+0 0x1p+1", "0x1p+1 0x1p+0", HMLC_DAMAGED, 701);
    expect_edited("0x1p+0 0x1p+1", "0x1p+0 nan", HMLC_DAMAGED, 701);
    expect_edited(":1", ":2", HMLC_DAMAGED, 701);
    expect_edited("p-149", "p-148", HMLC_DAMAGED, 701);
    expect_edited(" 0x", " -0x", HMLC_DAMAGED, 701);
    expect_edited("end", "end\nend", HMLC_DAMAGED, 701);
    expect_edited("\"x\"", "\"\\xzz\"", HMLC_DAMAGED, 701);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_does_not_show),
        cmocka_unit_test(splits_merge_to_the_whole),
        cmocka_unit_test(sums_are_exact),
        cmocka_unit_test(odd_numbers_are_counted_apart),
        cmocka_unit_test(other_models_do_not_merge),
        cmocka_unit_test(cut_files_are_damaged),
        cmocka_unit_test(contradictions_are_found),
    };
    fill_samples();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

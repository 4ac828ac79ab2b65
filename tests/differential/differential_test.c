/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random modules, end to end: differential_test [--seed N] [--count N] [--seconds N] [--ops N]
 * [--variant NAME] [--verbose]. Without --variant the targets take turns; what this machine cannot
 * run is compiled alone. What fails is cut down and written as differential_<seed>.hir. Exit status
 * 1: a wrong result, 2: bad usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "differential.h"
#include "settings.h"

typedef struct settings {
    long seed, count, seconds, ops;
    const char *variant;
    bool verbose;
} settings;

static bool read_settings(int argc, char **argv, settings *s)
{
    const setting rows[] = {
        {"--seed", .number = &s->seed},       {"--count", .number = &s->count},
        {"--seconds", .number = &s->seconds}, {"--ops", .number = &s->ops},
        {"--variant", .word = &s->variant},   {"--verbose", .flag = &s->verbose},
    };
    return settings_read(argc, argv, rows, sizeof rows / sizeof rows[0]);
}

static void report(trial *t, const char *kind)
{
    char name[64];
    (void)fprintf(stderr, "%s seed %llu variant %s: %s\n", kind, (unsigned long long)t->seed,
                  t->variant, t->message);
    trial_reduce(t);
    (void)snprintf(name, sizeof name, "differential_%llu", (unsigned long long)t->seed);
    t->prints = true;
    (void)fprintf(stderr, "  cut down to --ops %u: %s\n", t->ops, t->message);
    (void)trial_write(t, name);
}

int main(int argc, char **argv)
{
    static const char *const variants[] = {"native", "x86-64-v3", "x86-64-v4", "x86-64-v2"};
    settings s = {.seed = 1, .count = 1000000, .seconds = 60, .ops = 40};
    if (!read_settings(argc, argv, &s)) {
        (void)fprintf(stderr,
                      "usage: %s [--seed N] [--count N] [--seconds N] [--ops N] "
                      "[--variant NAME] [--verbose]\n",
                      argv[0]);
        return 2;
    }
    char path[] = "differential_XXXXXX";
    int handle = mkstemp(path);
    if (handle < 0) {
        return 2;
    }
    uint32_t tally[TRIAL_BROKEN + 1] = {0}, runs = 0;
    time_t end = time(NULL) + s.seconds;
    long made = 0;
    for (; made < s.count && time(NULL) < end; made++) {
        trial t = {
            .seed = (uint64_t)(s.seed + made), .ops = (uint32_t)s.ops, .only = -1, .path = path};
        t.variant = s.variant != NULL ? s.variant : variants[made % 4];
        trial_result result = trial_run(&t);
        runs += t.runs;
        tally[result]++;
        if (result == TRIAL_WRONG || result == TRIAL_BROKEN) {
            report(&t, result == TRIAL_WRONG ? "WRONG" : "BROKEN");
        } else if (result == TRIAL_REFUSED && s.verbose) {
            report(&t, "refused");
        }
    }
    (void)remove(path);
    printf("%ld modules: %u passed (%u runs), %u compiled only, %u refused, %u wrong, %u broken\n",
           made, tally[TRIAL_PASSED], runs, tally[TRIAL_COMPILED], tally[TRIAL_REFUSED],
           tally[TRIAL_WRONG], tally[TRIAL_BROKEN]);
    bool few_refused = tally[TRIAL_REFUSED] <= 1 + (uint32_t)made / 50;
    return tally[TRIAL_WRONG] == 0 && tally[TRIAL_BROKEN] == 0 && few_refused ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every operator by itself: operator_test [--op NAME] [--seed N] [--count N] [--seconds N]
 * [--variant NAME] [--verbose]. Cases run in child processes, so that one that crashes or hangs is
 * a finding like others. Exit status 1: a finding, or an operator that nothing covers; 2: bad
 * usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "operator_trial.h"
#include "settings.h"

enum { RUNS = 6, CASE_SECONDS = 60 };

typedef struct settings {
    long seed, count, seconds;
    const char *variant, *op;
    bool verbose;
} settings;

/* What child processes leave behind: the case that they are at, and their tallies. */
typedef struct progress {
    uint32_t next;
    operator_tally tallies[HMLC_OP_COUNT];
} progress;

static bool read_settings(int argc, char **argv, settings *s)
{
    const setting rows[] = {
        {"--seed", .number = &s->seed},
        {"--count", .number = &s->count},
        {"--seconds", .number = &s->seconds},
        {"--variant", .word = &s->variant},
        {"--op", .word = &s->op},
        {"--verbose", .flag = &s->verbose},
    };
    return settings_read(argc, argv, rows, sizeof rows / sizeof rows[0]);
}

/* -- Which cases there are ----------------------------------------------------------------- */

static hmlc_opcode opcodes[HMLC_OP_COUNT];
static uint32_t opcode_count;

/* False where ops.def has an operator that nothing makes, or an exception is none. */
static bool list_operators(const settings *s)
{
    bool good = true;
    for (hmlc_opcode opcode = 0; opcode < HMLC_OP_COUNT; opcode++) {
        const char *name = hmlc_op_get_info(opcode)->name;
        bool covered = operator_is_covered(opcode);
        if (covered == (operator_exception_reason(opcode) != NULL)) {
            (void)fprintf(stderr, "operator %s: %s\n", name,
                          covered ? "made and yet an exception"
                                  : "no row in operator_row.c, no trait that says enough");
            good = false;
        }
        if (covered && (s->op == NULL || strcmp(s->op, name) == 0)) {
            opcodes[opcode_count++] = opcode;
        }
    }
    return good;
}

static operator_trial trial_at(const settings *s, uint32_t index, const char *path)
{
    static const char *const variants[] = {"native", "x86-64-v2", "x86-64-v3"};
    uint32_t round = index / opcode_count, at = index % opcode_count;
    return (operator_trial){.opcode = opcodes[at],
                            .seed = (uint64_t)s->seed + round,
                            .variant = s->variant != NULL ? s->variant : variants[(round + at) % 3],
                            .path = path,
                            .runs = RUNS,
                            .verbose = s->verbose};
}

/* -- Child processes ----------------------------------------------------------------------- */

static void run_child(const settings *s, progress *shared, uint32_t end, time_t deadline,
                      const char *path)
{
    for (; shared->next < end && time(NULL) < deadline; shared->next++) {
        operator_trial trial = trial_at(s, shared->next, path);
        (void)alarm(CASE_SECONDS);
        operator_trial_run(&trial, &shared->tallies[trial.opcode]);
    }
    (void)alarm(0);
}

static void report_crash(const settings *s, progress *shared, const char *path, int wait_status)
{
    operator_trial trial = trial_at(s, shared->next, path);
    operator_case made;
    (void)fprintf(stderr, "FINDING --op %s --seed %llu --variant %s: %s %d\n",
                  hmlc_op_get_info(trial.opcode)->name, (unsigned long long)trial.seed,
                  trial.variant, WIFSIGNALED(wait_status) ? "signal" : "exit",
                  WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
    if (operator_case_make(trial.opcode, trial.seed, &made)) {
        operator_case_print(&made, NULL);
        operator_case_destroy(&made);
    }
    shared->tallies[trial.opcode].findings++;
    shared->next++;
}

static void run_cases(const settings *s, progress *shared, const char *path)
{
    uint32_t end = opcode_count * (uint32_t)s->count;
    time_t deadline = time(NULL) + s->seconds;
    while (shared->next < end && time(NULL) < deadline) {
        (void)fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            run_child(s, shared, end, deadline, path);
            (void)fflush(NULL);
            _exit(0);
        }
        int wait_status = 0;
        if (child < 0 || waitpid(child, &wait_status, 0) != child) {
            return;
        }
        if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0) {
            report_crash(s, shared, path, wait_status);
        }
    }
}

/* -- Summary ------------------------------------------------------------------------------- */

static void add(operator_tally *sum, const operator_tally *tally)
{
    sum->compared += tally->compared;
    sum->refused_runs += tally->refused_runs;
    sum->refused += tally->refused;
    sum->unmade += tally->unmade;
    sum->findings += tally->findings;
}

static uint32_t summarise(const settings *s, const progress *shared)
{
    operator_tally sum = {0};
    for (uint32_t i = 0; i < opcode_count; i++) {
        const operator_tally *tally = &shared->tallies[opcodes[i]];
        add(&sum, tally);
        if (s->verbose) {
            printf("%-16s %4u compared, %4u refused by both, %3u not compiled, %3u not made, %3u "
                   "findings, types",
                   hmlc_op_get_info(opcodes[i])->name, tally->compared, tally->refused_runs,
                   tally->refused, tally->unmade, tally->findings);
            for (hmlc_dtype type = 0; type < HMLC_DTYPE_COUNT; type++) {
                if ((tally->accepted_types >> type & 1) != 0) {
                    printf(" %s", hmlc_dtype_name(type));
                }
            }
            printf("\n");
        }
    }
    printf("%u cases of %u operators: %u runs compared, %u refused by both, %u cases not compiled, "
           "%u not made, %u findings\n",
           shared->next, opcode_count, sum.compared, sum.refused_runs, sum.refused, sum.unmade,
           sum.findings);
    return sum.findings;
}

int main(int argc, char **argv)
{
    settings s = {.seed = 1, .count = 1000000, .seconds = 60};
    if (!read_settings(argc, argv, &s)) {
        (void)fprintf(stderr,
                      "usage: %s [--op NAME] [--seed N] [--count N] [--seconds N] "
                      "[--variant NAME] [--verbose]\n",
                      argv[0]);
        return 2;
    }
    progress *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char path[] = "operator_XXXXXX";
    bool covered = list_operators(&s);
    if (shared == MAP_FAILED || opcode_count == 0 || mkstemp(path) < 0) {
        return 2;
    }
    run_cases(&s, shared, path);
    (void)remove(path);
    return summarise(&s, shared) == 0 && covered ? 0 : 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiles made modules and prints a digest of each artifact: artifact_digests [--seed N]
 * [--cases N] [--modules N]. --cases of each operator by itself, --modules that are random; the
 * targets take turns. The same lines whichever compiler built the program. Exit status 2: bad
 * usage, or an artifact that could not be read.
 */
#include <hmlc/backends.h>
#include <hmlc/passes.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "maker.h"
#include "operator_case.h"
#include "settings.h"

enum { MODULE_RULES = 40 };

typedef struct settings {
    long seed, cases, modules;
} settings;

/* FNV-1a with 64 bits. False where the file cannot be read. */
static bool digest_of(const char *path, uint64_t *digest)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    *digest = UINT64_C(0xcbf29ce484222325);
    for (int byte = getc(file); byte != EOF; byte = getc(file)) {
        *digest = (*digest ^ (uint64_t)byte) * UINT64_C(0x100000001b3);
    }
    bool read = ferror(file) == 0;
    (void)fclose(file);
    return read;
}

/* Prints a line that starts with the name; false where there is no artifact to read. */
static bool print_digest(hmlc_module *module, const char *name, uint64_t seed, const char *path)
{
    static const char *const variants[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};
    static uint32_t turn;
    const char *variant = variants[turn++ % 3];
    const hmlc_target *target = hmlc_target_find(variant);
    hmlc_codegen_options codegen = {.targets = &target, .target_count = 1, .jobs = 1};
    hmlc_codegen_summary summary;
    hmlc_status status = hmlc_run_passes(module, &(hmlc_pass_options){.verify = true});
    status = status == HMLC_OK ? hmlc_compile(module, &codegen, path, &summary) : status;
    printf("%s seed %" PRIu64 " %s: ", name, seed, variant);
    if (status != HMLC_OK) {
        const hmlc_diagnostic *first = hmlc_diagnostics_first(module->diagnostics);
        printf("status %d, %s\n", (int)status, first != NULL ? first->message : "no diagnostic");
        return true;
    }
    uint64_t digest = 0;
    bool read = digest_of(path, &digest);
    printf("%016" PRIx64 "\n", digest);
    return read;
}

static bool print_cases(const settings *s, const char *path)
{
    bool good = true;
    for (hmlc_opcode opcode = 0; opcode < HMLC_OP_COUNT; opcode++) {
        for (long k = 0; k < s->cases && operator_is_covered(opcode); k++) {
            operator_case made;
            uint64_t seed = (uint64_t)(s->seed + k);
            if (operator_case_make(opcode, seed, &made)) {
                const char *name = hmlc_op_get_info(opcode)->name;
                good = print_digest(made.module, name, seed, path) && good;
                operator_case_destroy(&made);
            }
        }
    }
    return good;
}

static bool print_modules(const settings *s, const char *path)
{
    bool good = true;
    for (long k = 0; k < s->modules; k++) {
        uint64_t seed = (uint64_t)(s->seed + k);
        maker *made = maker_create(seed, MODULE_RULES, -1);
        good = made != NULL && print_digest(made->module, "module", seed, path) && good;
        if (made != NULL) {
            maker_destroy(made);
        }
    }
    return good;
}

int main(int argc, char **argv)
{
    settings s = {.seed = 1, .cases = 1, .modules = 6};
    const setting rows[] = {
        {"--seed", .number = &s.seed},
        {"--cases", .number = &s.cases},
        {"--modules", .number = &s.modules},
    };
    char path[] = "artifact_digests_XXXXXX";
    if (!settings_read(argc, argv, rows, sizeof rows / sizeof rows[0])) {
        (void)fprintf(stderr, "usage: %s [--seed N] [--cases N] [--modules N]\n", argv[0]);
        return 2;
    }
    int handle = mkstemp(path);
    if (handle < 0) {
        return 2;
    }
    (void)close(handle);
    bool good = print_cases(&s, path);
    good = print_modules(&s, path) && good;
    (void)remove(path);
    return good ? 0 : 2;
}

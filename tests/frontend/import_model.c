/* SPDX-License-Identifier: Apache-2.0 */
/* Imports models given on the command line and, with --run, compares them with their test sets,
 * with --print, prints their IR: for work on the importer, not a test. Prints one line per model
 * and its diagnostics. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "model_check.h"

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void run_sets(checked_model *model, const char *path)
{
    const char *slash = strrchr(path, '/');
    int length = slash != NULL ? (int)(slash - path) : 1;
    for (int i = 0; i < 8; i++) {
        char folder[1024], message[512];
        (void)snprintf(folder, sizeof folder, "%.*s/test_data_set_%d", length,
                       slash != NULL ? path : ".", i);
        double start = seconds();
        check_result result = model_run(model, folder, CHECK_ELEMENTS, message, sizeof message);
        if (result == CHECK_PASSED) {
            printf("  set %d: passed (%.2f s)\n", i, seconds() - start);
        } else if (result == CHECK_WRONG || message[0] != '\0') {
            printf("  set %d: %s %s (%.2f s)\n", i, result == CHECK_WRONG ? "WRONG" : "skipped",
                   message, seconds() - start);
            model_print_diagnostics(model);
        } else if (i == 0) {
            printf("  set 0: skipped\n");
        }
    }
}

int main(int argc, char **argv)
{
    bool run = false, print = false;
    int failures = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--run") == 0) {
            run = true;
            continue;
        }
        if (strcmp(argv[i], "--print") == 0) {
            print = true;
            continue;
        }
        double start = seconds();
        checked_model model = model_open(argv[i]);
        uint32_t ops = hmlc_region_op_count(model.module->main, true);
        printf("%s: status %d, %u ops, %.3f s\n", argv[i], (int)model.status, ops,
               seconds() - start);
        model_print_diagnostics(&model);
        if (model.status == HMLC_OK && print) {
            hmlc_text_buffer text = {0};
            if (hmlc_module_print(model.module, NULL, &text, NULL) == HMLC_OK) {
                (void)fwrite(text.data, 1, text.size, stdout);
            }
            hmlc_text_buffer_free(&text);
        }
        if (model.status == HMLC_OK && run) {
            run_sets(&model, argv[i]);
        }
        failures += model.status != HMLC_OK;
        model_close(&model);
    }
    return failures > 0;
}

/* hmlc targets and hmlc explain. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hml/hml.h>

#include "commands.h"

int hmlc_command_targets(int argc, char **argv)
{
    bool json = argc == 1 && strcmp(argv[0], "--json") == 0;
    if (argc > 0 && !json) {
        return hmlc_usage("targets", "expected no words but --json");
    }
    const hmlc_target *native = hmlc_target_find("native");
    for (uint32_t k = 0; k < hmlc_target_count(); k++) {
        const hmlc_target *target = hmlc_target_at(k);
        if (json) {
            printf("%s{\"name\":\"%s\",\"triple\":\"%s\",\"native\":%s}", k == 0 ? "[" : ",",
                   target->name, target->triple, target == native ? "true" : "false");
        } else {
            printf("%-14s %-28s %2d-bit vectors%s\n", target->name, target->triple,
                   target->vector_bytes * 8, target == native ? "  (this machine: native)" : "");
        }
    }
    if (json) {
        printf("]\n");
    }
    return HMLC_OK;
}

int hmlc_command_explain(int argc, char **argv)
{
    if (argc != 1) {
        return hmlc_usage("explain", "expected one code, such as HML0203");
    }
    const char *digits = strncmp(argv[0], "HML", 3) == 0 ? argv[0] + 3 : argv[0];
    long long number;
    if (!hml_parse_number(digits, 99999, &number)) {
        return hmlc_usage("explain", "'%s' is no error code; they look like HML0203", argv[0]);
    }
    const hmlc_error_info *info = hmlc_error_find((uint32_t)number);
    if (info != NULL) {
        printf("HML%04u: %s\n\n%s\n\nExit status: %d\n", info->number, info->title,
               info->explanation, (int)info->status);
        return HMLC_OK;
    }
    const hml_status_text *text = hml_status_describe((hml_status)number);
    if (number >= 1000 && text->number == (uint32_t)number) {
        printf("HML%04u: %s\n\n%s\n\nExit status: %u\n", text->number, text->title,
               text->explanation, text->exit_class);
        return HMLC_OK;
    }
    return hmlc_usage("explain", "there is no error HML%04lld", number);
}

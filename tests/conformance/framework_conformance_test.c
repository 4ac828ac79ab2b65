/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models of other frameworks, with the outputs that these give: each is imported and run in the
 * reference interpreter, or as an artifact. usage: framework_conformance_test [--artifact]
 * BUNDLE...
 */
#include <stdio.h>
#include <string.h>

#include "case_check.h"

static bool check_bundle(const char *path, bool artifact)
{
    case_bundle bundle;
    bundle_case tested;
    uint32_t passed = 0, failed = 0;
    if (!bundle_open(path, &bundle)) {
        (void)fprintf(stderr, "%s cannot be read\n", path);
        return false;
    }
    while (bundle_next(&bundle, &tested)) {
        char message[512] = "";
        case_result result = case_check(&tested, artifact, message, sizeof message);
        passed += result == CASE_PASSED;
        failed += result != CASE_PASSED;
        if (result != CASE_PASSED) {
            (void)printf("%s: %s\n", tested.name, message);
        }
        bundle_case_free(&tested);
    }
    bool whole = bundle_at_end(&bundle);
    (void)printf("%s: %u passed, %u failed%s\n", path, passed, failed, whole ? "" : ", damaged");
    bundle_close(&bundle);
    return whole && failed == 0 && passed > 0;
}

int main(int argc, char **argv)
{
    bool artifact = argc > 1 && strcmp(argv[1], "--artifact") == 0, good = true;
    int first = artifact ? 2 : 1;
    for (int i = first; i < argc; i++) {
        good = check_bundle(argv[i], artifact) && good;
    }
    return good && argc > first ? 0 : 1;
}

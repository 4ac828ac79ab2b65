/* SPDX-License-Identifier: Apache-2.0 */
/* A case on the way that users take: compiled to an artifact for this machine, run by the runtime.
 */
#ifndef CASE_ARTIFACT_H
#define CASE_ARTIFACT_H

#include "bundle.h"

typedef enum artifact_result { ARTIFACT_RAN, ARTIFACT_REFUSED, ARTIFACT_FAILED } artifact_result;

/*
 * Compiles the imported module (which is used up) to the file `path` and runs it. The outputs get
 * memory of `arena`. `message` tells what was refused or went wrong.
 */
artifact_result artifact_run(hmlc_module *module, const bundle_case *tested, const char *path,
                             hmlc_arena *arena, hmlc_tensor *outputs, char *message, size_t size);

#endif

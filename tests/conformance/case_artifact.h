/* SPDX-License-Identifier: Apache-2.0 */
/* A case on the way that users take: compiled to an artifact for this machine, run by the runtime.
 */
#ifndef CASE_ARTIFACT_H
#define CASE_ARTIFACT_H

#include <hml/hml.h>

#include "bundle.h"

typedef enum artifact_result { ARTIFACT_RAN, ARTIFACT_REFUSED, ARTIFACT_FAILED } artifact_result;

/*
 * Compiles the imported module (which is used up) to the file `path` and runs it. The outputs get
 * memory of `arena`. `message` tells what was refused or went wrong.
 */
artifact_result artifact_run(hmlc_module *module, const bundle_case *tested, const char *path,
                             hmlc_arena *arena, hmlc_tensor *outputs, char *message, size_t size);

/* The same in parts. Compiles an imported module; `message` says what went wrong. */
hmlc_status artifact_compile(hmlc_module *module, const char *path, char *message, size_t size);
/* Binds a copy in the arena's memory: the bundle's tensors lie at any address. */
hml_status artifact_bind(hml_session *session, uint32_t index, const hmlc_tensor *from,
                         hmlc_arena *arena);
/* A copy of an output; false where there is none, or no memory. */
bool artifact_take(hml_session *session, uint32_t index, hmlc_arena *arena, hmlc_tensor *output);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A case of a bundle: imported, verified and run, in the reference interpreter or as an artifact,
 * against the outputs that it holds. */
#ifndef CASE_CHECK_H
#define CASE_CHECK_H

#include "bundle.h"

typedef enum case_result { CASE_PASSED, CASE_WRONG, CASE_REFUSED, CASE_RESULTS } case_result;

/* `message` tells what was refused or went wrong. */
case_result case_check(const bundle_case *tested, bool artifact, char *message, size_t size);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A runner whose models run in the reference interpreter. */
#ifndef HMLC_INTERPRETED_RUNNER_H
#define HMLC_INTERPRETED_RUNNER_H

#include <hmlc/quantize.h>

/* Without samples, which are the caller's. `context` begins with the hmlc_arena * where results
 * lie. */
hmlc_runner interpreted_runner(void *context);

#endif

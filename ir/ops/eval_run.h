/* SPDX-License-Identifier: Apache-2.0 */
/* Running the evaluation of any op. */
#ifndef HMLC_EVAL_RUN_H
#define HMLC_EVAL_RUN_H

#include <hmlc/eval.h>

typedef hmlc_status (*hmlc_eval_function)(hmlc_eval *context);
/* The evaluation of the op's row, where there is anything to do. */
hmlc_status hmlc_eval_run(hmlc_eval *context) HMLC_MUST_USE;

/* A tensor of `type` whose dims are evaluated, with zeroed data from `arena`. */
hmlc_status hmlc_eval_new_result(const hmlc_eval *context, const hmlc_type *type, hmlc_arena *arena,
                                 hmlc_tensor *tensor) HMLC_MUST_USE;

#endif

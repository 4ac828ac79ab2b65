/* SPDX-License-Identifier: Apache-2.0 */
/* What a pass gets and the prototypes of all passes, expanded from passes.def. */
#ifndef HMLC_PASS_H
#define HMLC_PASS_H

#include <hmlc/passes.h>

/*
 * One run of one pass. `scratch` is fresh and destroyed when the pass returns: what must live on in
 * the module goes to module->arena. A pass may use hmlc_op.note and hmlc_value.note; what it finds
 * in them is left over from the pass before.
 */
typedef struct hmlc_pass_context {
    hmlc_module *module;
    hmlc_arena *scratch;
    const hmlc_pass_options *options;
    const hmlc_family_facts
        *family; /* that the module is for; only passes of the second half ask */
} hmlc_pass_context;

/* HMLC_OK, or a failure with a diagnostic; the module may then only be destroyed. */
#define HMLC_PASS(name, half, function, summary)                                                   \
    hmlc_status hmlc_pass_##function(hmlc_pass_context *context) HMLC_MUST_USE;
#include "passes.def"
#undef HMLC_PASS

#endif

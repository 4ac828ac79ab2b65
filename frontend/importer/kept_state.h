/* SPDX-License-Identifier: Apache-2.0 */
/* What a model keeps from run to run, while it is imported. */
#ifndef HMLC_KEPT_STATE_H
#define HMLC_KEPT_STATE_H

#include "importer.h"

typedef struct hmlc_kept_state {
    const char *name;
    hmlc_value *current; /* what the operators up to here have made of it; never NULL */
    const hmlc_location *where;
    struct hmlc_kept_state *next;
} hmlc_kept_state;

/*
 * A state of that type, which begins with `initial` (NULL: zeros). Inputs are bound by then. With
 * --state zero it is that value in each run and no state. NULL, with a diagnostic or fatal set,
 * where there can be none.
 */
hmlc_kept_state *hmlc_kept_state_add(hmlc_importer *importer, const char *name,
                                     const hmlc_type *type, const hmlc_tensor *initial,
                                     const hmlc_location *where);
/* The same of the type that `initial` has. */
hmlc_kept_state *hmlc_kept_state_begin(hmlc_importer *importer, const char *name,
                                       const hmlc_tensor *initial, const hmlc_location *where);
/* For the end of the import: what the states become goes behind the `count` outputs. False, with a
 * diagnostic, where one changes its type. */
bool hmlc_kept_states_finish(hmlc_importer *importer, hmlc_value **values, const char **names,
                             uint32_t count);

#endif

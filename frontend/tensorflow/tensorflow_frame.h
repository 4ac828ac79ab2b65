/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops and branches of TensorFlow 1, which graphs spell out. A loop is a frame: what comes in
 * passes an Enter that names it; Merge joins that with what NextIteration brings back; Switch,
 * by LoopCond, gives it to the next turn or to Exit. A branch is what lies between the Switches of
 * one predicate and a Merge. Names of nodes play no part.
 */
#ifndef HMLC_TENSORFLOW_FRAME_H
#define HMLC_TENSORFLOW_FRAME_H

#include "tensorflow_control.h"

/* A value that a loop carries. */
typedef struct hmlc_tf_carried {
    const Tensorflow__NodeDef *enter, *merge, *next, *choose; /* choose: Switch; NULL: none */
} hmlc_tf_carried;

typedef struct hmlc_tf_frame {
    const Tensorflow__NodeDef *condition; /* LoopCond */
    hmlc_tf_carried *carried;
    uint32_t carried_count;
    hmlc_names by_node;                /* name of its Enter, Merge or Switch -> hmlc_tf_carried */
    const Tensorflow__NodeDef **fixed; /* Enter nodes whose value no turn changes */
    uint32_t fixed_count;
    char **needs; /* what all Enter nodes read: of carried values, then of fixed ones */
} hmlc_tf_frame;

/* A problem of a loop or branch: DAMAGED, as NULL. */
void *hmlc_tf_refuse_control(const hmlc_tf_importer *importer, const hmlc_tf_scope *scope,
                             const Tensorflow__NodeDef *def, const char *what);
bool hmlc_tf_is(const Tensorflow__NodeDef *def, const char *op); /* "Exit", "RefExit" */
/* What an Exit, a Merge needs: what comes into its loop or branches. */
hmlc_status hmlc_tf_frame_needs(hmlc_tf_importer *importer, hmlc_tf_scope *scope,
                                const hmlc_tf_entry *exit, hmlc_tf_needs *needs) HMLC_MUST_USE;
hmlc_status hmlc_tf_merge_needs(hmlc_tf_importer *importer, hmlc_tf_scope *scope,
                                const hmlc_tf_entry *merge, hmlc_tf_needs *needs) HMLC_MUST_USE;

#endif

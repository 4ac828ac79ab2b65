/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Branches and loops as the IR has them, whatever says so in the graph: functions (If, While), or
 * Switch and Merge, Enter and Exit. Who builds one gives functions that import its parts.
 */
#ifndef HMLC_TENSORFLOW_CONTROL_H
#define HMLC_TENSORFLOW_CONTROL_H

#include "tensorflow_handle.h"
#include "tensorflow_import.h"

typedef struct hmlc_tf_branches {
    hmlc_tf_node *node;
    uint32_t count; /* of results */
    /* Imports a branch into `body`: values has room for `count`. False where it is refused. */
    bool (*import)(const struct hmlc_tf_branches *branches, uint32_t branch, hmlc_body *body,
                   hmlc_value **values);
    const void *context;
} hmlc_tf_branches;

/* Branch 0 where the condition, a scalar, is not 0, else branch 1. */
bool hmlc_tf_build_if(const hmlc_tf_branches *branches, hmlc_value *condition,
                      hmlc_value **results);

typedef struct hmlc_tf_loop {
    hmlc_tf_node *node;
    uint32_t count;       /* of values that are carried */
    hmlc_value **initial; /* may be handles */
    const bool *fixed;    /* those that no turn changes */
    /* A turn: the values after it. And whether there is one more, a scalar; NULL where refused. */
    bool (*turn)(const struct hmlc_tf_loop *loop, hmlc_body *body, hmlc_value *const *values,
                 hmlc_value **after);
    hmlc_value *(*condition)(const struct hmlc_tf_loop *loop, hmlc_body *body,
                             hmlc_value *const *values);
    const void *context;
} hmlc_tf_loop;

/* results has room for `count`. */
bool hmlc_tf_build_loop(hmlc_tf_loop *loop, hmlc_value **results);

/* tensorflow_frame.c: loops and branches of TensorFlow 1, by the nodes that end them. */
bool hmlc_tf_ends_control(const hmlc_tf_entry *entry);

#endif

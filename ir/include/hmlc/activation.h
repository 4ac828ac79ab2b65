/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recurrent cells and their activations. An op holds these in the list attributes activations,
 * activation_alpha and activation_beta. Entries per direction: for the gates together (lstm i, o,
 * f; gru z, r), for the candidate, and (lstm) for the state on its way to h; rnn has one alone.
 * Without the attributes the gates have sigmoid, all others tanh.
 */
#ifndef HMLC_ACTIVATION_H
#define HMLC_ACTIVATION_H

#include <hmlc/graph.h>

/*
 * HMLC_ACTIVATION(name, op): the elementwise op that computes it, with attributes alpha and beta
 * where it has them. Of those without one, affine is alpha x + beta and scaled_tanh alpha tanh(beta
 * x).
 */
#define HMLC_ACTIVATIONS(HMLC_ACTIVATION)                                                          \
    HMLC_ACTIVATION(sigmoid, HMLC_OP_sigmoid)                                                      \
    HMLC_ACTIVATION(tanh, HMLC_OP_tanh)                                                            \
    HMLC_ACTIVATION(relu, HMLC_OP_relu)                                                            \
    HMLC_ACTIVATION(affine, HMLC_OP_COUNT)                                                         \
    HMLC_ACTIVATION(leaky_relu, HMLC_OP_leaky_relu)                                                \
    HMLC_ACTIVATION(thresholded_relu, HMLC_OP_thresholded_relu)                                    \
    HMLC_ACTIVATION(scaled_tanh, HMLC_OP_COUNT)                                                    \
    HMLC_ACTIVATION(hard_sigmoid, HMLC_OP_hard_sigmoid)                                            \
    HMLC_ACTIVATION(elu, HMLC_OP_elu)                                                              \
    HMLC_ACTIVATION(softsign, HMLC_OP_softsign)                                                    \
    HMLC_ACTIVATION(softplus, HMLC_OP_softplus)

typedef enum hmlc_activation_kind {
#define HMLC_ACTIVATION(name, op) HMLC_ACTIVATION_##name,
    HMLC_ACTIVATIONS(HMLC_ACTIVATION)
#undef HMLC_ACTIVATION
        HMLC_ACTIVATION_COUNT
} hmlc_activation_kind;

enum {
    HMLC_ACTIVATION_GATES,
    HMLC_ACTIVATION_CANDIDATE,
    HMLC_ACTIVATION_HIDDEN,
    HMLC_ACTIVATION_ONLY = 0, /* rnn */
};

/* What the ops lstm, gru, rnn and their _cells differ in. */
typedef struct hmlc_cell_kind {
    uint32_t gates;       /* w and r have gates * hidden rows */
    uint32_t activations; /* per direction */
    uint32_t states;      /* 1: h; 2: h and c */
    hmlc_opcode cells;    /* what depends on the step before, after lowering */
} hmlc_cell_kind;

/* NULL for ops that are no recurrent cells. */
const hmlc_cell_kind *hmlc_cell_kind_of(hmlc_opcode opcode);

typedef struct hmlc_activation {
    hmlc_activation_kind kind;
    double alpha, beta;
} hmlc_activation;

/* What an activation is where the op does not say. */
hmlc_activation_kind hmlc_activation_usual(const hmlc_cell_kind *kind, uint32_t which);
/* Activation `which` (HMLC_ACTIVATION_GATES ...) of a direction of a recurrent op. */
hmlc_activation hmlc_activation_of(const hmlc_op *op, int64_t direction, uint32_t which);
/* The elementwise op of a kind; HMLC_OP_COUNT where it has none. */
hmlc_opcode hmlc_activation_opcode(hmlc_activation_kind kind);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Elementwise functions that other families' evaluations use too. */
#ifndef HMLC_UNARY_FUNCTIONS_H
#define HMLC_UNARY_FUNCTIONS_H

#include <hmlc/activation.h>

/* The activation of one number, as the elementwise op of its kind evaluates. */
double hmlc_activate(const hmlc_activation *activation, double x);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the variants of one artifact must agree in. */
#ifndef HMLC_INTERFACE_H
#define HMLC_INTERFACE_H

#include <hmlc/ir.h>

/*
 * The MODEL section describes one module for all variants: symbols, inputs and outputs of `found`,
 * which `target` is compiled from, must be those of `expected`. An internal error with a diagnostic
 * where they are not.
 */
hmlc_status hmlc_interface_check(const hmlc_module *expected, const hmlc_module *found,
                                 const char *target) HMLC_MUST_USE;

#endif

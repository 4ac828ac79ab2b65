/* What every test of kernel formation expects of a compiled graph. */
#ifndef FORM_CHECKS_H
#define FORM_CHECKS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "graph_kit.h"
#include "kernel_contract.h"
#include "pass_oracle.h"
#include "plan_checker.h"

/*
 * Runs all passes on the finished graph: same outputs after each, the kernel contract, the memory
 * plan at several values of the dims. Returns the number of kernels.
 */
uint32_t form_compile(kit *k, const oracle_dim *dims, uint32_t dim_count);
/* The same; fails, printing the module, when it is not `expected`. Destroys the module. */
void form_expect(kit *k, const oracle_dim *dims, uint32_t dim_count, uint32_t expected);
/* Ops of that opcode in the module, kernels included. */
uint32_t form_count(const kit *k, hmlc_opcode opcode);
/* Kernels of that form. */
uint32_t form_count_form(const kit *k, int64_t form);

#endif

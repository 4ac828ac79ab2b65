/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test harness for generated kernels: takes a module whose main graph holds one kernel op (its
 * operands are main's arguments and constants), plans and emits it for a target, loads the object
 * file into this process and calls it. Any failure fails the running cmocka test.
 */
#ifndef KERNEL_HARNESS_H
#define KERNEL_HARNESS_H

#include <hml_format/kernel_abi.h>

#include "kernel.h"

typedef struct harness_kernel {
    hmlc_module *module; /* borrowed */
    hmlc_arena *arena;
    hmlc_kernel_plan plan;
    hml_kernel_function *function;
    const hmlc_symbol **symbols; /* the order of hml_kernel_args.dims */
    uint32_t symbol_count;
    void *jit;
} harness_kernel;

/* True when this machine can run code for the target ("x86-64-v3"). */
bool harness_can_run(const char *target);
/* Plans alone: HMLC_OK, or the refusal's status. */
hmlc_status harness_plan(hmlc_module *module, const char *target, hmlc_arena *arena,
                         hmlc_kernel_plan *plan);
/* The module's only kernel, compiled. Fails the test where it is refused. */
harness_kernel *harness_compile(hmlc_module *module, const char *target);
void harness_free(harness_kernel *kernel);
/* The assembly text of a kernel; release with free(). */
char *harness_assembly(hmlc_module *module, const char *target);

/*
 * Runs the kernel on main's inputs. Results get memory of `arena`, surrounded by canaries that are
 * checked. The units are done in `pieces` calls, the last piece first. Returns the first non-zero
 * kernel status.
 */
int32_t harness_run(harness_kernel *kernel, const hmlc_tensor *inputs, hmlc_arena *arena,
                    hmlc_tensor *outputs, uint32_t pieces);

typedef struct harness_tolerance {
    double absolute, relative; /* floats: |found - expected| <= absolute + relative * |expected| */
} harness_tolerance;

/*
 * On each of the three x86 targets that this machine can run: check mode accepts exact sizes and
 * refuses smaller ones; a run in one piece and in three pieces gives the same bits; the results are
 * those of the reference interpreter, integers exactly.
 */
void harness_verify_targets(hmlc_module *module, const hmlc_tensor *inputs,
                            harness_tolerance tolerance);

/* The same for one of them, chosen by `turn`: for tests of many small kernels. */
void harness_verify_some_target(hmlc_module *module, const hmlc_tensor *inputs,
                                harness_tolerance tolerance, uint32_t turn);

/* Nanoseconds of one whole run, best of several; for measurements. */
double harness_time(harness_kernel *kernel, const hmlc_tensor *inputs);

#endif

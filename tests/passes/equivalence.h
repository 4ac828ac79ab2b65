/*
 * Shared by the pass tests: runs passes on a module given as text, checks that it still computes
 * the same on random inputs, and says which ops are left.
 */
#ifndef HMLC_TEST_EQUIVALENCE_H
#define HMLC_TEST_EQUIVALENCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hmlc/passes.h>

/* Parses the text; fails the test with its diagnostics where it is wrong. */
hmlc_module *test_parse(const char *text);

/* Runs a pipeline with the verifier after each pass; fails the test with the diagnostics. */
void test_run_passes(hmlc_module *module, const char *pipeline);

/*
 * Parses `text` twice, runs `pipeline` on one of them, and interprets both on the same random
 * inputs (floats in [-2, 2], symbols at small values). Outputs must have equal types and shapes,
 * floats equal within 1e-5 relative. Returns the transformed module, to be destroyed by the caller.
 */
hmlc_module *test_equivalence(const char *text, const char *pipeline, uint64_t seed);

/* One case of a table: what is left of the main graph, as opcodes in order, constants left out. */
typedef struct test_case {
    const char *name;
    const char *text; /* whole module */
    const char *left; /* "matmul add yield" */
} test_case;

/* Checks each case with several seeds. */
void test_cases(const test_case *cases, size_t count, const char *pipeline);

/* Opcodes of the main graph without constants and yield, separated by blanks, in `text`. */
void test_signature(const hmlc_module *module, char *text, size_t size);

#endif

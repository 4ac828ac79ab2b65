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

/* One case of a table: what is left of the main graph, as opcodes in order, constants left out. */
typedef struct test_case {
    const char *name;
    const char *text; /* whole module */
    const char *left; /* "matmul add yield" */
} test_case;

/* Checks each case with several seeds. */
void test_cases(const test_case *cases, size_t count, const char *pipeline);

#endif

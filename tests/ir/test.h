/* SPDX-License-Identifier: Apache-2.0 */
/* What cmocka needs before it, and words for the tests of ir/. */
#ifndef HMLC_TESTS_IR_TEST_H
#define HMLC_TESTS_IR_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A small deterministic generator (xorshift). */
typedef struct test_random {
    uint64_t state;
} test_random;

static inline uint64_t test_next(test_random *random)
{
    random->state ^= random->state << 13;
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return random->state;
}

static inline int64_t test_between(test_random *random, int64_t least, int64_t most)
{
    return least + (int64_t)(test_next(random) % (uint64_t)(most - least + 1));
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers. */
#include "maker.h"

/* splitmix64 */
uint64_t maker_next(uint64_t *random)
{
    uint64_t z = *random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

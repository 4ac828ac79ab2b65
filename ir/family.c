/* SPDX-License-Identifier: Apache-2.0 */
/* The table of target families. */
#include <hmlc/family.h>

static const hmlc_family_facts families[] = {
#define HMLC_FAMILY(name, word, arguments, results, bytes)                                         \
    {word, arguments, results, HMLC_DTYPE_##bytes},
#include <hmlc/families.def>
#undef HMLC_FAMILY
};

const hmlc_family_facts *hmlc_family_get_facts(hmlc_family family)
{
    return &families[family];
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What AT_HWCAP and AT_HWCAP2 of known machines mean. The words are those that their kernels show,
 * as far as they matter here; numbers of bits: arch/arm64/include/uapi/asm/hwcap.h.
 */
#include "runtime_test.h"

#include "platform/features_aarch64.h"

#include <hml_format/artifact.h>

#define BIT(number) (UINT64_C(1) << (number))

/* Of AT_HWCAP: FP, ASIMD, EVTSTRM, CRC32 and CPUID; half precision; dot products. */
#define BASE (BIT(0) | BIT(1) | BIT(2) | BIT(7) | BIT(11))
#define HALF (BIT(9) | BIT(10))
#define DOT  BIT(20)
#define SVE  BIT(22)
#define FHM  BIT(23)
/* Of AT_HWCAP2. */
#define SVE2     BIT(1)
#define SVE_I8MM BIT(9)
#define I8MM     BIT(13)
#define BF16     BIT(14)
#define SME      BIT(23)

enum {
    NEON = HML_CPU_AARCH64_ASIMD,
    WITH_DOT = NEON | HML_CPU_AARCH64_FP16 | HML_CPU_AARCH64_DOT,
    WITH_MM = WITH_DOT | HML_CPU_AARCH64_FHM | HML_CPU_AARCH64_I8MM | HML_CPU_AARCH64_BF16,
    WITH_SVE2 = WITH_MM | HML_CPU_AARCH64_SVE2,
};

static const struct machine {
    const char *name;
    uint64_t hwcap, hwcap2, features;
} machines[] = {
    {"no vectors", BIT(0), 0, 0},
    {"Pi 4, Cortex-A72", BASE, 0, NEON},
    {"Pi 5, Cortex-A76", BASE | BIT(8) | HALF | DOT, 0, WITH_DOT},
    {"Jetson Xavier, Carmel: halves without dot products", BASE | BIT(8) | HALF, 0,
     NEON | HML_CPU_AARCH64_FP16},
    {"scalar halves alone", BASE | BIT(9) | DOT, 0, NEON | HML_CPU_AARCH64_DOT},
    {"Graviton 3, Neoverse V1", BASE | HALF | DOT | SVE | FHM, SVE_I8MM | I8MM | BF16, WITH_MM},
    {"Graviton 4, Neoverse V2", BASE | HALF | DOT | SVE | FHM, SVE2 | SVE_I8MM | I8MM | BF16,
     WITH_SVE2},
    {"guest on an M4: SVE2 without SVE", BASE | HALF | DOT | FHM,
     SVE2 | SVE_I8MM | I8MM | BF16 | SME, WITH_MM},
    {"i8mm without bf16", BASE | HALF | DOT | FHM, I8MM,
     WITH_DOT | HML_CPU_AARCH64_FHM | HML_CPU_AARCH64_I8MM},
};

static void words_of_machines(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof machines / sizeof machines[0]; k++) {
        uint64_t found = hml_aarch64_features(machines[k].hwcap, machines[k].hwcap2);
        if (found != machines[k].features) {
            fail_msg("%s: %#llx, not %#llx", machines[k].name, (unsigned long long)found,
                     (unsigned long long)machines[k].features);
        }
    }
    assert_int_equal(hml_aarch64_features(0, UINT64_MAX) & HML_CPU_AARCH64_SVE2, 0);
    assert_int_equal(hml_aarch64_features(UINT64_MAX, UINT64_MAX) & ~HML_CPU_AARCH64_KNOWN, 0);
}

/* MIDR_EL1: maker in bits 24 to 31, part in 4 to 15. */
static void cores_in_order(void **state)
{
    (void)state;
    static const uint64_t small[] = {0x410fd034, 0x410fd042, 0x411fd050, 0x410fd461, 0x410fd801};
    static const uint64_t large[] = {0x410fd083, 0x414fd0b1, 0x410fd400, 0x4e0f0040,
                                     0x510f8050, 0x610f0230, 0};
    for (size_t k = 0; k < sizeof small / sizeof small[0]; k++) {
        assert_true(hml_aarch64_in_order(small[k]));
    }
    for (size_t k = 0; k < sizeof large / sizeof large[0]; k++) {
        assert_false(hml_aarch64_in_order(large[k]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_machines),
        cmocka_unit_test(cores_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

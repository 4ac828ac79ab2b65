/* SPDX-License-Identifier: Apache-2.0 */
/* How many threads a pool takes by itself on machines whose cores are unequal: Linux' answers are
 * made up. */
#define _GNU_SOURCE /* cpu_set_t */
#include "runtime_test.h"

#include "platform/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { MOST_CORES = 16 };

/* Cores of a machine; those of capacity 0 are there, but Linux does not tell theirs. */
static struct {
    uint32_t count;
    uint32_t capacity[MOST_CORES];
    uint32_t allowed; /* a bit each */
} machine;

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_sched_getaffinity(pid_t process, size_t bytes, cpu_set_t *set);

/* The core whose capacity the file tells; false for other files. */
static bool core_of(const char *path, unsigned long *core)
{
    static const char before[] = "/sys/devices/system/cpu/cpu";
    char *end = NULL;
    if (strncmp(path, before, sizeof before - 1) != 0) {
        return false;
    }
    *core = strtoul(path + sizeof before - 1, &end, 10);
    return strcmp(end, "/cpu_capacity") == 0;
}

int __wrap_open(const char *path, int flags, ...)
{
    unsigned long core = 0;
    unsigned mode = 0;
    int both[2];
    char text[16];
    if (!core_of(path, &core)) {
        va_list arguments;
        va_start(arguments, flags);
        mode = (flags & O_CREAT) != 0 ? va_arg(arguments, unsigned) : 0;
        va_end(arguments);
        return __real_open(path, flags, mode);
    }
    if (core >= machine.count || machine.capacity[core] == 0 || pipe(both) != 0) {
        errno = ENOENT;
        return -1;
    }
    int length = snprintf(text, sizeof text, "%u\n", machine.capacity[core]);
    assert_int_equal(write(both[1], text, (size_t)length), length);
    (void)close(both[1]);
    return both[0];
}

int __wrap_sched_getaffinity(pid_t process, size_t bytes, cpu_set_t *set)
{
    (void)process;
    (void)bytes;
    CPU_ZERO(set);
    for (uint32_t core = 0; core < machine.count; core++) {
        if ((machine.allowed >> core & 1) != 0) {
            CPU_SET(core, set);
        }
    }
    return machine.count > 0 ? 0 : -1;
}
/* NOLINTEND(bugprone-reserved-identifier) */

static const struct {
    const char *name;
    uint32_t count;
    uint32_t capacity[MOST_CORES];
    uint32_t allowed, wanted;
} machines[] = {
    {"equal cores", 4, {1024, 1024, 1024, 1024}, 0xf, 4},
    {"nothing is told", 4, {0}, 0xf, 4},
    {"one core", 1, {1024}, 1, 1},
    {"RK3399: four A53, two A72", 6, {485, 485, 485, 485, 1024, 1024}, 0x3f, 2},
    {"three sizes: 4 + 3 + 1", 8, {250, 250, 250, 250, 760, 760, 760, 1024}, 0xff, 4},
    {"60 % is big, less is not", 3, {1000, 600, 599}, 7, 2},
    {"only the small ones are allowed", 6, {485, 485, 485, 485, 1024, 1024}, 0xf, 4},
    {"one big one is allowed", 6, {485, 485, 485, 485, 1024, 1024}, 0x21, 1},
    {"one core does not tell", 3, {1024, 0, 1024}, 7, 3},
    {"no answer", 0, {0}, 0, 1},
};

static void fast_cores_are_counted(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof machines / sizeof machines[0]; k++) {
        machine.count = machines[k].count;
        machine.allowed = machines[k].allowed;
        memcpy(machine.capacity, machines[k].capacity, sizeof machine.capacity);
        uint32_t found = hml_platform_processors();
        if (found != machines[k].wanted) {
            fail_msg("%s: %u threads, not %u", machines[k].name, found, machines[k].wanted);
        }
    }
    machine.count = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fast_cores_are_counted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

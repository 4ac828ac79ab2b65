/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Cortex-M board of an emulator: vectors, start-up code, and files of the emulating machine by
 * semihosting. SysTick counts down with the emulator's instructions.
 */
#include "host.h"

extern uint32_t board_stack_top[], board_data_from[], board_data[], board_data_end[], board_bss[],
    board_bss_end[];
void board_start(void);
static void board_fault(void);

/* Stack, reset, then faults. */
__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    board_stack_top,           (const void *)board_start, (const void *)board_fault,
    (const void *)board_fault, (const void *)board_fault, (const void *)board_fault,
    (const void *)board_fault};

enum { SYS_OPEN = 1, SYS_CLOSE = 2, SYS_WRITE0 = 4, SYS_WRITE = 5, SYS_READ = 6, SYS_EXIT = 0x20 };

static uint32_t semihosting(uint32_t operation, const void *parameters)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = parameters;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void board_exit(uint32_t status)
{
    const uint32_t stopped = 0x20026; /* ADP_Stopped_ApplicationExit */
    const uint32_t parameters[2] = {stopped, status};
    semihosting(SYS_EXIT, parameters);
    for (;;) {
    }
}

static void board_fault(void)
{
    semihosting(SYS_WRITE0, "fault\n");
    board_exit(99);
}

static size_t length_of(const char *text)
{
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    return length;
}

/* Modes are those of fopen, counted: 1 "rb", 5 "wb". */
static void transfer(const char *name, uint32_t mode, uint32_t operation, const void *data,
                     size_t bytes)
{
    const uint32_t open[3] = {(uint32_t)name, mode, (uint32_t)length_of(name)};
    uint32_t file = semihosting(SYS_OPEN, open);
    if (file == (uint32_t)-1) {
        semihosting(SYS_WRITE0, name);
        board_exit(90);
    }
    const uint32_t parameters[3] = {file, (uint32_t)data, (uint32_t)bytes};
    if (semihosting(operation, parameters) != 0) { /* bytes that were not transferred */
        board_exit(91);
    }
    semihosting(SYS_CLOSE, &file);
}

void host_read(const char *name, void *data, size_t bytes)
{
    transfer(name, 1, SYS_READ, data, bytes);
}

void host_write(const char *name, const void *data, size_t bytes)
{
    transfer(name, 5, SYS_WRITE, data, bytes);
}

void host_say(const char *word, unsigned long number)
{
    char text[16], *at = text + sizeof text;
    *--at = '\0';
    *--at = '\n';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    *--at = ' ';
    semihosting(SYS_WRITE0, word);
    semihosting(SYS_WRITE0, at);
}

static volatile uint32_t *const systick = (volatile uint32_t *)0xe000e010;

uint32_t host_ticks(void)
{
    return systick[2];
}

/* What compilers may call. */
void *memset(void *to, int value, size_t bytes);
void *memset(void *to, int value, size_t bytes)
{
    volatile uint8_t *target = to;
    for (size_t k = 0; k < bytes; k++) {
        target[k] = (uint8_t)value;
    }
    return to;
}

void *memcpy(void *to, const void *from, size_t bytes);
void *memcpy(void *to, const void *from, size_t bytes)
{
    volatile uint8_t *target = to;
    for (size_t k = 0; k < bytes; k++) {
        target[k] = ((const uint8_t *)from)[k];
    }
    return to;
}

__attribute__((noinline, used)) static void board_run(void)
{
    for (uint32_t *to = board_data, *from = board_data_from; to < board_data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = board_bss; to < board_bss_end;) {
        *to++ = 0;
    }
    systick[1] = 0xffffff;
    systick[2] = 0;
    systick[0] = 5; /* on, counting the processor's clock */
    board_exit((uint32_t)object_test_main());
}

/* The floating-point unit first: functions may save its registers. */
__attribute__((naked)) void board_start(void)
{
    __asm__ volatile("ldr r0, =0xe000ed88\n"
                     "ldr r1, [r0]\n"
                     "orr r1, r1, #(0xf << 20)\n"
                     "str r1, [r0]\n"
                     "dsb\n"
                     "isb\n"
                     "b board_run\n");
}

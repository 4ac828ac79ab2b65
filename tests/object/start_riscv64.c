/* SPDX-License-Identifier: Apache-2.0 */
/* A program of Linux on RISC-V without a C library: it ends with main's status. */
int main(void);
void _start(void);

void _start(void)
{
    register long status __asm__("a0") = main();
    register long call __asm__("a7") = 93; /* exit */
    __asm__ volatile("ecall" : : "r"(status), "r"(call));
}

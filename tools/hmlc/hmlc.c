/* SPDX-License-Identifier: Apache-2.0 */
/* hmlc: the command line of the compiler. */
#include <signal.h>

#include "common/tool_program.h"

int main(int argc, char **argv)
{
    (void)signal(SIGCHLD, SIG_DFL); /* a parent may have it ignored: then no child's end is known */
    return hml_program_main(&hml_this_program, argc, argv);
}

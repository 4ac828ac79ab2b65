/* SPDX-License-Identifier: Apache-2.0 */
/* hml: the program for the device. */
#include "common/tool_program.h"

int main(int argc, char **argv)
{
    return hml_program_main(&hml_this_program, argc, argv);
}

/* hml: the program for the device. The commands are those of hmlc, linked with the runtime alone.
 */
#include "common/commands.h"

static const hml_command *const commands[] = {
    &hml_command_run,
    &hml_command_bench,
    &hml_command_inspect,
};

int main(int argc, char **argv)
{
    static const hml_tool_program program = {.name = "hml",
                                             .purpose = "runs compiled models",
                                             .commands = commands,
                                             .command_count = sizeof commands / sizeof commands[0]};
    return hml_program_main(&program, argc, argv);
}

/* hmlc: the command line of the compiler. */
#include <signal.h>

#include "hmlc_commands.h"

static const hml_command *const commands[] = {
#define HMLC_COMMAND(description) &description,
#include "commands.def"
#undef HMLC_COMMAND
};

static const char *const reserved[] = {"quantize", "tune", "sign", "verify", "report", NULL};

int main(int argc, char **argv)
{
    static const hml_tool_program program = {
        .name = "hmlc",
        .purpose = "compiles trained models to artifacts that run anywhere",
        .commands = commands,
        .command_count = sizeof commands / sizeof commands[0],
        .reserved = reserved};
    (void)signal(SIGCHLD, SIG_DFL); /* a parent may have it ignored: then no child's end is known */
    return hml_program_main(&program, argc, argv);
}

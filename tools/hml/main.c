/* hml: the program for the device. The commands are those of hmlc, linked with the runtime alone.
 */
#include "common/commands.h"
#include "common/options.h"
#include "common/tool_error.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"run", hml_command_run, "run an artifact once"},
    {"bench", hml_command_bench, "measure an artifact"},
    {"inspect", hml_command_inspect, "show what is inside an artifact"},
};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static int print_help(FILE *out)
{
    fprintf(out, "hml %s - runs compiled models\n\nusage: hml COMMAND MODEL.hml ...\n\n",
            hml_version());
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    }
    fprintf(out, "\n`hml COMMAND --help` lists a command's options.\n");
    return 0;
}

static int unknown_command(const char *word)
{
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        names[i] = commands[i].name;
    }
    char suggestion[96];
    hml_tool_error error;
    return hml_tool_report(
        HML_TOOL_FAIL(&error, HML_ERROR_usage, "unknown command '%s'%s", word,
                      hml_did_you_mean(word, names, COMMAND_COUNT, suggestion, sizeof suggestion)),
        &error);
}

/* stdout may be a full disk or a closed pipe: what was printed must have arrived. */
static int finish(int status)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0) {
        hml_tool_error error;
        return hml_tool_report(
            HML_TOOL_FAIL(&error, HML_ERROR_output_unwritable, "standard output"), &error);
    }
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)print_help(stderr);
        return 2;
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0) {
        printf("hml %s\n", hml_version());
        return finish(0);
    }
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        return finish(print_help(stdout));
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, word) == 0) {
            return finish(commands[i].run(argc - 2, argv + 2));
        }
    }
    return unknown_command(word);
}

/* hmlc: the command line of the compiler. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"

typedef struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage, *summary;
} command;

static const command commands[] = {
#define HMLC_COMMAND(name, function, usage, summary) {name, function, usage, summary},
#include "commands.def"
#undef HMLC_COMMAND
};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_help(void)
{
    printf(
        "hmlc %s - compiles trained models to artifacts that run anywhere\n\nusage: hmlc COMMAND "
        "...\n\n",
        HMLC_VERSION);
    for (size_t k = 0; k < COMMAND_COUNT; k++) {
        printf("  %-8s %-18s %s\n", commands[k].name, commands[k].usage, commands[k].summary);
    }
    printf("\n`hmlc COMMAND --help` lists a command's options.\n");
}

static int unknown_command(const char *word)
{
    const char *names[COMMAND_COUNT];
    for (size_t k = 0; k < COMMAND_COUNT; k++) {
        names[k] = commands[k].name;
    }
    const char *closest = hml_closest_word(word, names, COMMAND_COUNT);
    fprintf(stderr, "error[HML0103]: unknown command '%s'%s%s%s\n", word,
            closest != NULL ? "; did you mean '" : "", closest != NULL ? closest : "",
            closest != NULL ? "'?" : "; `hmlc help` lists them");
    return HMLC_USAGE;
}

int hmlc_usage(const char *name, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "error[HML0103]: hmlc %s: ", name);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n  = help: `hmlc %s --help` lists its words\n", name);
    va_end(arguments);
    return HMLC_USAGE;
}

int hmlc_command_later(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    fprintf(stderr, "error[HML0304]: this command is reserved and not implemented yet\n");
    return HMLC_REFUSED;
}

/* stdout may be a full disk or a closed pipe: what was printed must have arrived. */
static int finish(int status)
{
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == HMLC_OK) {
        fprintf(stderr, "error[HML0102]: standard output cannot be written\n");
        return HMLC_RESOURCE;
    }
    return status;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "help";
    if (strcmp(word, "--version") == 0) {
        printf("hmlc %s\n", HMLC_VERSION);
        return finish(HMLC_OK);
    }
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        if (argc <= 1) {
            fprintf(stderr, "usage: hmlc COMMAND ...; `hmlc help` lists the commands\n");
            return HMLC_USAGE;
        }
        print_help();
        return finish(HMLC_OK);
    }
    for (size_t k = 0; k < COMMAND_COUNT; k++) {
        if (strcmp(commands[k].name, word) == 0) {
            return finish(commands[k].run(argc - 2, argv + 2));
        }
    }
    return unknown_command(word);
}

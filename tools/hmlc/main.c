/* hmlc: the command line of the compiler. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "common/printable.h"

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

static const command *find_command(const char *word)
{
    for (size_t k = 0; k < COMMAND_COUNT; k++) {
        if (strcmp(commands[k].name, word) == 0) {
            return &commands[k];
        }
    }
    return NULL;
}

static int unknown_command(const char *word)
{
    const char *names[COMMAND_COUNT + 2];
    for (size_t k = 0; k < COMMAND_COUNT; k++) {
        names[k] = commands[k].name;
    }
    names[COMMAND_COUNT] = "--version";
    names[COMMAND_COUNT + 1] = "help";
    char suggestion[96];
    fprintf(stderr, "error[HML0103]: unknown command '");
    hml_print_text(stderr, word);
    fprintf(stderr, "'%s\n  = help: `hmlc help` lists the commands\n",
            hml_did_you_mean(word, names, COMMAND_COUNT + 2, suggestion, sizeof suggestion));
    return HMLC_USAGE;
}

int hmlc_usage(const char *name, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    fprintf(stderr, "error[HML0103]: hmlc %s: ", name);
    hml_print_text(stderr, message);
    fprintf(stderr, "\n  = help: `hmlc %s --help` lists its words\n", name);
    return HMLC_USAGE;
}

int hmlc_command_later(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return hmlc_refuse_later("this command");
}

int hmlc_refuse_later(const char *what)
{
    fprintf(stderr,
            "error[HML0304]: %s is reserved and not implemented yet\n"
            "  = help: `hmlc help` lists what this version does\n",
            what);
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

/* `hmlc help COMMAND` is `hmlc COMMAND --help`. */
static int help(int argc, char **argv)
{
    char option[] = "--help", *words[] = {option, NULL};
    const command *found = argc > 0 ? find_command(argv[0]) : NULL;
    if (argc > 0 && found == NULL) {
        return unknown_command(argv[0]);
    }
    if (found != NULL) {
        return finish(found->run(1, words));
    }
    print_help();
    return finish(HMLC_OK);
}

int main(int argc, char **argv)
{
    (void)signal(SIGCHLD, SIG_DFL); /* a parent may have it ignored: then no child's end is known */
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
        return help(argc - 2, argv + 2);
    }
    const command *found = find_command(word);
    return found != NULL ? finish(found->run(argc - 2, argv + 2)) : unknown_command(word);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_program.h"

#include "tool_help.h"

#include <string.h>

/* --json counts even where the other words cannot be understood. */
static bool has_json(int argc, char *const *argv)
{
    for (int k = 0; k < argc && strcmp(argv[k], "--") != 0; k++) {
        if (strcmp(argv[k], "--json") == 0) {
            return true;
        }
    }
    return false;
}

static int call_parsed(const hml_command *command, const hml_options *options, hml_report *report)
{
    size_t words = hml_options_count(options, NULL);
    if (hml_options_get(options, "help") != NULL) {
        report->schema = "help";
        hml_command_help(command, report);
        return 0;
    }
    if (words < command->least_words || words > command->most_words) {
        return hml_report_usage(report, "expected %s", command->expected);
    }
    report->path = words > 0 ? hml_options_at(options, NULL, 0) : NULL;
    return command->run(options, report);
}

int hml_command_call(const hml_command *command, int argc, char **argv, hml_report *report)
{
    hml_options options;
    char message[256];
    bool parsed = hml_options_parse(&options, command->options, command->option_count, argc, argv,
                                    message, sizeof message);
    report->command = report->schema = command->name;
    report->json = has_json(argc, argv);
    report->quiet = parsed && hml_options_get(&options, "quiet") != NULL;
    report->verbose = parsed && hml_options_get(&options, "verbose") != NULL;
    hml_report_open(report);
    int status;
    if (parsed) {
        status = call_parsed(command, &options, report);
    } else {
        report->path = command->least_words > 0 ? hml_options_at(&options, NULL, 0) : NULL;
        status = hml_report_usage(report, "%s", message);
    }
    status = hml_report_close(report, status);
    hml_options_release(&options);
    return status;
}

/* -- The program ------------------------------------------------------------------------------- */

static const hml_command *find_command(const hml_tool_program *program, const char *word)
{
    for (size_t k = 0; k < program->command_count; k++) {
        if (strcmp(program->commands[k]->name, word) == 0) {
            return program->commands[k];
        }
    }
    return NULL;
}

static int unknown_command(const hml_tool_program *program, const char *word, hml_report *report)
{
    enum { MOST = 32 };
    const char *names[MOST] = {"--version", "help"};
    size_t count = 2;
    char suggestion[96];
    for (size_t k = 0; program->reserved != NULL && program->reserved[k] != NULL; k++) {
        if (strcmp(program->reserved[k], word) == 0) {
            char message[96];
            snprintf(message, sizeof message, "'%s' is a reserved word that has no meaning", word);
            hml_report_add(report, &(hml_finding){HML_ERROR, 304, message,
                                                  "`hmlc help` lists the commands", NULL});
            return HML_EXIT_REFUSED;
        }
    }
    for (size_t k = 0; k < program->command_count && count < MOST; k++) {
        names[count++] = program->commands[k]->name;
    }
    return hml_report_usage(report, "unknown command '%s'%s", word,
                            hml_did_you_mean(word, names, count, suggestion, sizeof suggestion));
}

static int print_version(const hml_tool_program *program, hml_report *report)
{
    if (!report->json) {
        printf("%s %s\n", program->name, hml_version());
    }
    return 0;
}

/* `hmlc help COMMAND` is `hmlc COMMAND --help`. */
static int help(const hml_tool_program *program, int argc, char **argv, hml_report *report)
{
    bool named = argc > 0 && argv[0][0] != '-';
    const hml_command *found = named ? find_command(program, argv[0]) : NULL;
    if (!named) {
        hml_program_help(program, report);
        return 0;
    }
    if (found == NULL) {
        return unknown_command(program, argv[0], report);
    }
    hml_command_help(found, report);
    return 0;
}

/* What is no command of the table. */
static int answer(const hml_tool_program *program, int argc, char **argv, hml_report *report)
{
    const char *word = argc > 1 ? argv[1] : "";
    if (strcmp(word, "--version") == 0 || strcmp(word, "version") == 0) {
        report->schema = "version";
        return print_version(program, report);
    }
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        report->schema = "help";
        return help(program, argc - 2, argv + 2, report);
    }
    if (argc <= 1 || strcmp(word, "--json") == 0) {
        return hml_report_usage(report, "usage: %s COMMAND ...; expected a command", program->name);
    }
    return unknown_command(program, word, report);
}

int hml_program_main(const hml_tool_program *program, int argc, char **argv)
{
    hml_report report = {.program = program->name};
    const hml_command *command = argc > 1 ? find_command(program, argv[1]) : NULL;
    if (command != NULL) {
        return hml_command_call(command, argc - 2, argv + 2, &report);
    }
    report.schema = "usage";
    report.json = argc > 1 && has_json(argc - 1, argv + 1);
    hml_report_open(&report);
    return hml_report_close(&report, answer(program, argc, argv, &report));
}

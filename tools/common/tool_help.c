/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_help.h"

#include <string.h>

static const struct {
    int status;
    const char *meaning;
} statuses[] = {
    {0, "done"},
    {1, NULL}, /* the command's own words */
    {2, "bad usage, no such file, or inputs and dims that do not fit"},
    {3, "refused: valid, but not supported here"},
    {4, "a file is damaged, unreadable or breaks its format's rules"},
    {5, "out of memory, disk or another resource"},
    {70, "a defect of the program; 128 + n: ended by signal n"},
};
enum { STATUS_COUNT = sizeof statuses / sizeof statuses[0] };

const char hml_common_environment[] =
    "  NO_COLOR, CI, TERM=dumb  each: neither colour nor progress\n";

static const char *meaning_of(const hml_command *command, size_t index)
{
    return statuses[index].meaning != NULL ? statuses[index].meaning : command->no;
}

bool hml_exit_status_at(const hml_command *command, size_t index, int *status, const char **meaning)
{
    if (index >= STATUS_COUNT) {
        return false;
    }
    *status = statuses[index].status;
    *meaning = meaning_of(command, index);
    return true;
}

/* -- Text -------------------------------------------------------------------------------------- */

static void print_command(const hml_command *command, const char *program)
{
    printf("usage: %s%s%s%s%s [options]\n\n%s\noptions:\n", program,
           command->name[0] != '\0' ? " " : "", command->name, command->words[0] != '\0' ? " " : "",
           command->words, command->purpose);
    hml_options_print(command->options, command->option_count);
    printf("\nexamples:\n");
    for (size_t k = 0; k < HML_MOST_EXAMPLES && command->examples[k] != NULL; k++) {
        printf("  %s %s\n", program, command->examples[k]);
    }
    printf("\nexit status:\n");
    for (size_t k = 0; k < STATUS_COUNT; k++) {
        if (meaning_of(command, k) != NULL) {
            printf("  %-3d %s\n", statuses[k].status, meaning_of(command, k));
        }
    }
    printf("\nenvironment:\n%s%s", command->environment != NULL ? command->environment : "",
           hml_common_environment);
}

static void print_program(const hml_tool_program *program)
{
    printf("%s %s - %s\n\nusage: %s COMMAND ...\n\n", program->name, hml_version(),
           program->purpose, program->name);
    for (size_t k = 0; k < program->command_count; k++) {
        const hml_command *command = program->commands[k];
        printf("  %-8s %-18s %s\n", command->name, command->words, command->summary);
    }
    printf("\n`%s COMMAND --help` says more of one: its purpose, options, examples, exit "
           "statuses and environment.\n",
           program->name);
}

/* -- JSON -------------------------------------------------------------------------------------- */

static void put_options(const hml_command *command, hml_json *json)
{
    hml_json_array(json, "options");
    for (size_t k = 0; k < command->option_count; k++) {
        const hml_option *option = &command->options[k];
        if (option->help == NULL) {
            continue;
        }
        hml_json_object(json, NULL);
        hml_json_string(json, "name", option->name);
        hml_json_text(json, "letter", &option->letter, option->letter != 0 ? 1 : 0);
        hml_json_string(json, "argument", option->argument);
        hml_json_string(json, "help", option->help);
        hml_json_end(json);
    }
    hml_json_end(json);
}

static void put_command(const hml_command *command, hml_json *json)
{
    hml_json_string(json, "name", command->name);
    hml_json_string(json, "words", command->words);
    hml_json_string(json, "purpose", command->purpose);
    put_options(command, json);
    hml_json_array(json, "examples");
    for (size_t k = 0; k < HML_MOST_EXAMPLES && command->examples[k] != NULL; k++) {
        hml_json_string(json, NULL, command->examples[k]);
    }
    hml_json_end(json);
    hml_json_object(json, "exit_statuses");
    for (size_t k = 0; k < STATUS_COUNT; k++) {
        char number[8];
        snprintf(number, sizeof number, "%d", statuses[k].status);
        if (meaning_of(command, k) != NULL) {
            hml_json_string(json, number, meaning_of(command, k));
        }
    }
    hml_json_end(json);
}

static void put_program(const hml_tool_program *program, hml_json *json)
{
    hml_json_array(json, "commands");
    for (size_t k = 0; k < program->command_count; k++) {
        hml_json_object(json, NULL);
        hml_json_string(json, "name", program->commands[k]->name);
        hml_json_string(json, "words", program->commands[k]->words);
        hml_json_string(json, "summary", program->commands[k]->summary);
        hml_json_end(json);
    }
    hml_json_end(json);
}

void hml_program_help(const hml_tool_program *program, hml_report *report)
{
    if (report->json) {
        put_program(program, &report->data);
    } else {
        print_program(program);
    }
}

void hml_command_help(const hml_command *command, hml_report *report)
{
    if (report->json) {
        put_command(command, &report->data);
    } else {
        print_command(command, report->program);
    }
}

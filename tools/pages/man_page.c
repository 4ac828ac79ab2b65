/* SPDX-License-Identifier: Apache-2.0 */
/* A man page, in the man macros of roff. */
#include "pages.h"

#include "common/tool_help.h"

#include <ctype.h>
#include <string.h>

/* A roff control line begins with a dot or an apostrophe, - is a hyphen and \ an escape. */
static void put_text(const char *text, size_t length)
{
    for (size_t k = 0; k < length; k++) {
        bool starts = k == 0 || text[k - 1] == '\n';
        if (starts && (text[k] == '.' || text[k] == '\'')) {
            fputs("\\&", stdout);
        }
        if (text[k] == '-') {
            fputs("\\-", stdout);
        } else if (text[k] == '\\') {
            fputs("\\e", stdout);
        } else {
            putchar(text[k]);
        }
    }
}

static void put(const char *text)
{
    put_text(text, strlen(text));
}

static void put_font(const char *font, const char *text)
{
    printf("\\f%s", font);
    put(text);
    fputs("\\fR", stdout);
}

static void put_option(const hml_option *option)
{
    char letter[] = {'-', option->letter, '\0'};
    fputs(".TP\n", stdout);
    if (option->letter != 0) {
        put_font("B", letter);
        fputs(", ", stdout);
    }
    fputs("\\fB\\-\\-", stdout);
    put(option->name);
    fputs("\\fR", stdout);
    if (option->argument != NULL) {
        putchar(' ');
        put_font("I", option->argument);
    }
    putchar('\n');
    put(option->help);
    putchar('\n');
}

static void put_options(const hml_command *command)
{
    for (size_t k = 0; k < command->option_count; k++) {
        if (command->options[k].help != NULL) {
            put_option(&command->options[k]);
        }
    }
}

/* "hmlc compile MODEL -o OUT.hml [options]" */
static void put_usage(const hml_tool_program *program, const hml_command *command)
{
    put_font("B", program->name);
    if (command->name[0] != '\0') {
        putchar(' ');
        put_font("B", command->name);
    }
    if (command->words[0] != '\0') {
        putchar(' ');
        put_font("I", command->words);
    }
    fputs(" [options]\n", stdout);
}

static void put_examples(const hml_tool_program *program, const hml_command *command)
{
    fputs(".PP\nExamples:\n.PP\n.RS\n.nf\n", stdout);
    for (size_t k = 0; k < HML_MOST_EXAMPLES && command->examples[k] != NULL; k++) {
        put(program->name);
        putchar(' ');
        put(command->examples[k]);
        putchar('\n');
    }
    fputs(".fi\n.RE\n", stdout);
}

/* Lines "  NAME  meaning". */
static void put_environment(const char *lines)
{
    while (lines != NULL && *lines != '\0') {
        size_t length = strcspn(lines, "\n");
        const char *name = lines + strspn(lines, " "), *end = lines + length;
        const char *gap = strstr(name, "  ");
        if (gap != NULL && gap < end) {
            const char *meaning = gap + strspn(gap, " ");
            fputs(".TP\n\\fB", stdout);
            put_text(name, (size_t)(gap - name));
            fputs("\\fR\n", stdout);
            put_text(meaning, (size_t)(end - meaning));
            putchar('\n');
        }
        lines = end + (*end == '\n');
    }
}

/* Each variable once: the lines of a command are printed where no command before has them. */
static void put_environments(const hml_tool_program *program)
{
    fputs(".SH ENVIRONMENT\n", stdout);
    for (size_t k = 0; k < program->command_count; k++) {
        const char *lines = program->commands[k]->environment;
        bool told = lines == NULL;
        for (size_t before = 0; before < k && !told; before++) {
            const char *earlier = program->commands[before]->environment;
            told = earlier != NULL && strstr(earlier, lines) != NULL;
        }
        put_environment(told ? NULL : lines);
    }
    put_environment(hml_common_environment);
}

static void put_statuses(const hml_tool_program *program)
{
    int status;
    const char *meaning;
    fputs(".SH EXIT STATUS\n", stdout);
    for (size_t k = 0; hml_exit_status_at(program->commands[0], k, &status, &meaning); k++) {
        if (status != 1) { /* each command has words of its own for that */
            printf(".TP\n\\fB%d\\fR\n", status);
            put(meaning);
            putchar('\n');
        }
    }
    for (size_t k = 0; k < program->command_count; k++) {
        if (program->commands[k]->no != NULL) {
            fputs(".TP\n\\fB1\\fR of ", stdout);
            put_font("B", program->commands[k]->name);
            putchar('\n');
            put(program->commands[k]->no);
            putchar('\n');
        }
    }
}

static void put_command(const hml_tool_program *program, const hml_command *command)
{
    if (command->name[0] != '\0') {
        fputs(".SS ", stdout);
        put(command->name);
        fputs("\n.PP\n", stdout);
        put_usage(program, command);
    }
    fputs(".PP\n", stdout);
    put(command->purpose);
    put_options(command);
    put_examples(program, command);
}

void hml_write_man_page(const hml_tool_program *program)
{
    fputs(".TH ", stdout);
    for (const char *letter = program->name; *letter != '\0'; letter++) {
        putchar(toupper((unsigned char)*letter));
    }
    printf(" 1 \"\" \"%s %s\" \"\"\n.SH NAME\n%s \\- ", program->name, hml_version(),
           program->name);
    put(program->purpose);
    fputs("\n.SH SYNOPSIS\n", stdout);
    bool commands = program->commands[0]->name[0] != '\0';
    if (commands) {
        put_font("B", program->name);
        fputs(" \\fICOMMAND\\fR ...\n.SH COMMANDS\n", stdout);
    } else {
        put_usage(program, program->commands[0]);
        fputs(".SH DESCRIPTION\n", stdout);
    }
    for (size_t k = 0; k < program->command_count; k++) {
        put_command(program, program->commands[k]);
    }
    put_statuses(program);
    put_environments(program);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "metric_command.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* Without blanks and ends of lines around it. */
static char *trimmed(char *line)
{
    line += strspn(line, " \t\r\n");
    size_t length = strlen(line);
    while (length > 0 && strchr(" \t\r\n", line[length - 1]) != NULL) {
        line[--length] = '\0';
    }
    return line;
}

/* Keeps the last line that is not empty. */
static void read_lines(FILE *stream, char *last, size_t bytes)
{
    char line[512];
    last[0] = '\0';
    while (fgets(line, sizeof line, stream) != NULL) {
        const char *text = trimmed(line);
        if (text[0] != '\0') {
            (void)snprintf(last, bytes, "%s", text);
        }
    }
}

bool hmlc_metric_run(const char *command, const char *model, double *score, char *text,
                     size_t bytes)
{
    static const char ending[] = " \"$HMLC_MODEL\"";
    size_t length = strlen(command) + sizeof ending;
    char *line = malloc(length), last[256], *end = last;
    if (line == NULL || setenv("HMLC_MODEL", model, 1) != 0) {
        free(line);
        (void)snprintf(text, bytes, "no memory");
        return false;
    }
    (void)snprintf(line, length, "%s%s", command, ending);
    (void)fflush(NULL);
    FILE *stream = popen(line, "r");
    free(line);
    if (stream == NULL) {
        (void)snprintf(text, bytes, "no shell: %s", strerror(errno));
        return false;
    }
    read_lines(stream, last, sizeof last);
    int status = pclose(stream);
    *score = strtod(last, &end);
    bool number = end != last && *end == '\0' && isfinite(*score);
    if (status != 0) {
        (void)snprintf(text, bytes, "it ended with %s %d",
                       WIFSIGNALED(status) ? "signal" : "status",
                       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    } else if (!number) {
        (void)snprintf(text, bytes, last[0] != '\0' ? "its last line is '%s'" : "it prints nothing",
                       last);
    }
    return status == 0 && number;
}

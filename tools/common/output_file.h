/* SPDX-License-Identifier: Apache-2.0 */
/* Written files that appear whole or not at all, also when the disk fills up or a signal comes, and
 * never in place of a file that the command reads. */
#ifndef HML_OUTPUT_FILE_H
#define HML_OUTPUT_FILE_H

#include "tool_error.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The files that a command reads, by device and inode, whatever names lead to them. */
typedef struct hml_input_files {
    struct hml_input_file {
        uint64_t device, inode;
    } *files;
    size_t count, capacity;
} hml_input_files;

/* Notes the file or folder at `path`; what does not exist is passed over. False: no memory. */
bool hml_input_files_add(hml_input_files *inputs, const char *path);
/* Notes a file that is known by its numbers. */
bool hml_input_files_add_number(hml_input_files *inputs, uint64_t device, uint64_t inode);
/* Notes a folder and every file in it. */
bool hml_input_files_add_folder(hml_input_files *inputs, const char *path);
void hml_input_files_release(hml_input_files *inputs);

/* HML_ERROR_input_overwritten when `path` leads to one of them. Pipes and devices never do.
 * `inputs` may be NULL, here and below. */
hml_status hml_output_guard(const hml_input_files *inputs, const char *path, hml_tool_error *error);

/* The same, and HML_ERROR_path_wrong when `path` is a folder, or lies in none: what can be said
 * before the work is done. */
hml_status hml_output_check(const hml_input_files *inputs, const char *path, hml_tool_error *error);

typedef struct hml_output_file {
    FILE *stream;     /* write here */
    const char *path; /* as it was given */
    char *target;     /* the file behind all links */
    char *temporary;  /* the name until the end; NULL: a device or pipe, written directly */
    bool held;        /* signals that end programs wait meanwhile; not for devices and pipes */
    sigset_t mask;    /* of the thread before that */
} hml_output_file;

/*
 * The file behind all links of `path`, which need not be there yet: a link stays, also one that
 * leads to nothing. free(); NULL with errno set: a circle of links, or no memory.
 */
char *hml_output_target(const char *path);

/* Checks the path (hml_output_check) and creates the file; links are followed. A wrong path is
 * HML_ERROR_path_wrong, everything else HML_ERROR_output_unwritable. */
hml_status hml_output_open(hml_output_file *file, const char *path, const hml_input_files *inputs,
                           hml_tool_error *error);
/* Gives the file its name; when not all was written, nothing stays. */
hml_status hml_output_close(hml_output_file *file, hml_tool_error *error);
/* Gives up what was written. */
void hml_output_abandon(hml_output_file *file);

/* The error of a path that cannot be written, from errno's value. */
hml_status hml_output_failed(const char *path, int cause, hml_tool_error *error);

#endif

/* Written files that appear whole or not at all, also when the disk fills up or a signal comes. */
#ifndef HML_OUTPUT_FILE_H
#define HML_OUTPUT_FILE_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

typedef struct hml_output_file {
    FILE *stream;    /* write here */
    char *target;    /* the file behind all links */
    char *temporary; /* the name until the end; NULL: a device or pipe, written directly */
    bool held;       /* signals that end programs wait meanwhile; not for devices and pipes */
    sigset_t mask;   /* of the thread before that */
} hml_output_file;

/* False with errno set when the file cannot be created. Links are followed. */
bool hml_output_open(hml_output_file *file, const char *path);
/* Gives the file its name; false with errno set when not all was written: then nothing stays. */
bool hml_output_close(hml_output_file *file);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The files of an object: all are whole before the first appears. */
#include "object_files.h"

#include "atomic_file.h"

static const char *const endings[] = {".o", ".bin", ".h", ".json", "_test.c"};
enum { FILES = sizeof endings / sizeof endings[0] };

const char *hmlc_object_ending(uint32_t index)
{
    return index < FILES ? endings[index] : NULL;
}

typedef hmlc_status make_text(const hmlc_object_form *form, hmlc_byte_table *text);

typedef struct object_file {
    const char *ending;
    make_text *make; /* NULL: the object, or the weights */
    bool wanted;
    hmlc_atomic_file file;
} object_file;

static hmlc_status write_text(const hmlc_object_form *form, object_file *f)
{
    hmlc_byte_table text = {0};
    hmlc_status status = f->make(form, &text);
    status = status == HMLC_OK ? hmlc_file_write(&f->file, text.data, text.count) : status;
    HMLC_TABLE_FREE(&text);
    return status;
}

static hmlc_status write_one(const hmlc_object_form *form, const hmlc_objects *objects,
                             object_file *f)
{
    hmlc_module *module = form->program->module;
    f->file.module = module;
    f->file.path = hmlc_arena_printf(module->arena, "%s%s", form->options->base, f->ending);
    HMLC_TRY_MEMORY(f->file.path);
    HMLC_TRY(hmlc_file_open(&f->file));
    if (f->make != NULL) {
        return write_text(form, f);
    }
    if (strcmp(f->ending, ".bin") == 0) {
        return hmlc_weights_write(form->program->weights, hmlc_file_write, &f->file);
    }
    const hmlc_object *object = &objects->members.data[0];
    return hmlc_file_copy(&f->file, objects->file, object->offset, object->bytes);
}

hmlc_status hmlc_object_write(const hmlc_object_form *form, const hmlc_objects *objects,
                              uint64_t *bytes)
{
    bool apart = form->options->weights_apart, test = form->options->inputs != NULL;
    object_file files[FILES] = {{.wanted = true},
                                {.wanted = apart},
                                {.make = hmlc_object_header, .wanted = true},
                                {.make = hmlc_object_json, .wanted = true},
                                {.make = hmlc_object_selftest, .wanted = test}};
    hmlc_status status = HMLC_OK;
    size_t opened = 0;
    for (; opened < FILES && status == HMLC_OK; opened++) {
        files[opened].ending = endings[opened];
        files[opened].file.file = -1;
        if (files[opened].wanted) {
            status = write_one(form, objects, &files[opened]);
        }
    }
    *bytes = 0;
    for (size_t k = 0; k < FILES && status == HMLC_OK; k++) {
        if (files[k].wanted) {
            status = hmlc_file_commit(&files[k].file);
            *bytes += files[k].file.at;
        }
    }
    while (opened > 0) { /* the first one's mask of signals is the thread's */
        hmlc_file_close(&files[--opened].file);
    }
    return status;
}

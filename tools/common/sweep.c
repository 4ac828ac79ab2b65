/* SPDX-License-Identifier: Apache-2.0 */
#include "sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "batch=" of "batch=1,8"; nothing of "1,2". */
static size_t name_length(const char *value)
{
    const char *equals = strrchr(value, '=');
    return equals != NULL ? (size_t)(equals - value) + 1 : 0;
}

static bool add_value(hml_swept_word *swept, const char *word, const char *value, size_t length)
{
    size_t name = name_length(word);
    if (swept->count == HML_MOST_SWEEP_VALUES) {
        return false;
    }
    char *text = malloc(name + length + 1);
    if (text == NULL) {
        return false;
    }
    memcpy(text, word, name);
    memcpy(text + name, value, length);
    text[name + length] = '\0';
    swept->values[swept->count++] = text;
    return true;
}

static bool add_word(hml_sweep *sweep, size_t index)
{
    const char *word = sweep->options.words[index].value;
    if (sweep->word_count == HML_MOST_SWEPT) {
        return false;
    }
    hml_swept_word *swept = &sweep->words[sweep->word_count++];
    *swept = (hml_swept_word){.word = index};
    const char *value = word + name_length(word);
    for (;;) {
        size_t length = strcspn(value, ",");
        if (!add_value(swept, word, value, length)) {
            return false;
        }
        if (value[length] == '\0') {
            break;
        }
        value += length + 1;
    }
    sweep->options.words[index].value = swept->values[0];
    return true;
}

bool hml_sweep_begin(hml_sweep *sweep, const hml_options *options)
{
    *sweep = (hml_sweep){.options = *options};
    size_t bytes = options->word_count * sizeof *options->words;
    sweep->options.words = malloc(bytes + 1);
    if (sweep->options.words == NULL) {
        sweep->options.word_count = 0;
        return false;
    }
    if (bytes > 0) {
        memcpy(sweep->options.words, options->words, bytes);
    }
    for (size_t k = 0; k < options->word_count; k++) {
        int option = options->words[k].option;
        const char *name = option >= 0 ? options->table[option].name : "";
        bool swept = strcmp(name, "threads") == 0 || strcmp(name, "dim") == 0;
        if (swept && strchr(options->words[k].value, ',') != NULL && !add_word(sweep, k)) {
            return false;
        }
    }
    return true;
}

bool hml_sweep_next(hml_sweep *sweep)
{
    for (size_t k = sweep->word_count; k-- > 0;) {
        hml_swept_word *swept = &sweep->words[k];
        swept->at = (swept->at + 1) % swept->count;
        sweep->options.words[swept->word].value = swept->values[swept->at];
        if (swept->at != 0) {
            return true;
        }
    }
    return false;
}

void hml_sweep_release(hml_sweep *sweep)
{
    for (size_t k = 0; k < sweep->word_count; k++) {
        for (size_t i = 0; i < sweep->words[k].count; i++) {
            free(sweep->words[k].values[i]);
        }
    }
    free(sweep->options.words);
    *sweep = (hml_sweep){0};
}

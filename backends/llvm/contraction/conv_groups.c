/* SPDX-License-Identifier: Apache-2.0 */
#include "conv_groups.h"

#include <string.h>

int64_t hmlc_conv_input(const hmlc_conv_axis *axis, int64_t index, int64_t tap)
{
    int64_t at;
    if (axis->transposed) {
        int64_t scaled = index + axis->pad - tap * axis->dilation;
        if (scaled < 0 || scaled % axis->stride != 0) {
            return -1;
        }
        at = scaled / axis->stride;
    } else {
        at = index * axis->stride - axis->pad + tap * axis->dilation;
    }
    return at >= 0 && at < axis->input ? at : -1;
}

/* The valid taps of one output index as a class of its own. */
static hmlc_status describe(hmlc_arena *arena, const hmlc_conv_axis *axis, int64_t index,
                            hmlc_axis_class *class_)
{
    int64_t *taps = HMLC_NEW_ARRAY(arena, int64_t, axis->window);
    int64_t *deltas = HMLC_NEW_ARRAY(arena, int64_t, axis->window);
    HMLC_TRY_MEMORY(taps);
    HMLC_TRY_MEMORY(deltas);
    *class_ =
        (hmlc_axis_class){.first = index, .step = 1, .count = 1, .taps = taps, .deltas = deltas};
    for (int64_t tap = 0; tap < axis->window; tap++) {
        int64_t input = hmlc_conv_input(axis, index, tap);
        if (input < 0) {
            continue;
        }
        if (class_->tap_count == 0) {
            class_->input = input;
        }
        taps[class_->tap_count] = tap;
        deltas[class_->tap_count++] = input - class_->input;
    }
    return HMLC_OK;
}

/* Takes `one` (a single index) into the class where taps agree and indices stay evenly spaced. */
static bool absorb(hmlc_axis_class *class_, const hmlc_axis_class *one)
{
    size_t bytes = (size_t)class_->tap_count * sizeof(int64_t);
    if (class_->tap_count != one->tap_count || memcmp(class_->taps, one->taps, bytes) != 0 ||
        memcmp(class_->deltas, one->deltas, bytes) != 0) {
        return false;
    }
    int64_t last = class_->first + (class_->count - 1) * class_->step;
    int64_t last_input = class_->input + (class_->count - 1) * class_->input_step;
    if (class_->count == 1) {
        class_->step = one->first - last;
        class_->input_step = one->input - last_input;
    } else if (one->first - last != class_->step || one->input - last_input != class_->input_step) {
        return false;
    }
    class_->count += 1;
    return true;
}

hmlc_status hmlc_axis_classify(hmlc_arena *arena, const hmlc_conv_axis *axis,
                               hmlc_axis_classes *classes)
{
    classes->count = 0;
    classes->classes = HMLC_NEW_ARRAY(arena, hmlc_axis_class, axis->output);
    HMLC_TRY_MEMORY(classes->classes);
    for (int64_t index = 0; index < axis->output; index++) {
        hmlc_axis_class one;
        HMLC_TRY(describe(arena, axis, index, &one));
        bool absorbed = false;
        for (int64_t k = 0; k < classes->count && !absorbed; k++) {
            absorbed = absorb(&classes->classes[k], &one);
        }
        if (!absorbed) {
            classes->classes[classes->count++] = one;
        }
    }
    return HMLC_OK;
}

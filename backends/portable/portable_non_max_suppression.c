/* SPDX-License-Identifier: Apache-2.0 */
/* non_max_suppression: of boxes that overlap the one with the best score stays. One work unit:
 * where a class writes depends on how many the ones before it keep. */
#include "portable_regions.h"

int32_t hml_portable_non_max_suppression(const portable_call *call);

static double limit_of(const portable_tensor *tensor)
{
    return tensor->dtype != 0 ? portable_reader(tensor)(tensor->data, 0) : 0;
}

/* tensors: boxes, scores, limits of overlap and score, rows, their number; attributes: 1, count,
 * center_point_box. Scratch: two integers for each box. */
int32_t hml_portable_non_max_suppression(const portable_call *call)
{
    const portable_tensor *boxes = &call->tensors[0], *scores = &call->tensors[1];
    const portable_tensor *rows = &call->tensors[4];
    int64_t classes = scores->dims[1], count = scores->dims[2], total = 0;
    hmlc_suppression rule = {.boxes = {portable_reader(boxes), boxes->data, 0, call->attributes[2]},
                             .read = portable_reader(scores),
                             .scores = scores->data,
                             .count = count,
                             .most = call->attributes[1] < count ? call->attributes[1] : count,
                             .overlap = limit_of(&call->tensors[2]),
                             .score = limit_of(&call->tensors[3]),
                             .has_score = call->tensors[3].dtype != 0};
    int64_t *heap = call->scratch, *kept = heap + count, *out = rows->data;
    for (int64_t k = 0; k < scores->dims[0] * classes; k++) {
        rule.boxes.first = k / classes * count * 4;
        rule.first = k * count;
        int64_t found = hmlc_suppress(&rule, heap, kept);
        for (int64_t i = 0; i < found; i++, total++) {
            out[3 * total] = k / classes;
            out[3 * total + 1] = k % classes;
            out[3 * total + 2] = kept[i];
        }
    }
    for (int64_t i = 3 * total; i < 3 * rows->dims[0]; i++) {
        out[i] = 0;
    }
    *(int64_t *)call->tensors[5].data = total;
    return HML_KERNEL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Names of tensors: which node, which of its outputs. */
#include "tensorflow_import.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Outputs of operators that have several of different names; one name may stand for a list. */
static const struct {
    const char *op, *outputs;
} named_outputs[] = {
    {"BlockLSTM", "i cs f o ci co h"},
    {"BlockLSTMV2", "i cs f o ci co h"},
    {"CTCGreedyDecoder", "decoded_indices decoded_values decoded_shape log_probability"},
    {"CombinedNonMaxSuppression", "nmsed_boxes nmsed_scores nmsed_classes valid_detections"},
    {"CudnnRNN", "output output_h output_c reserve_space"},
    {"CudnnRNNV2", "output output_h output_c reserve_space host_reserved"},
    {"CudnnRNNV3", "output output_h output_c reserve_space host_reserved"},
    {"DecodeWav", "audio sample_rate"},
    {"FusedBatchNorm", "y batch_mean batch_variance reserve_space_1 reserve_space_2"},
    {"FusedBatchNormV2", "y batch_mean batch_variance reserve_space_1 reserve_space_2"},
    {"FusedBatchNormV3",
     "y batch_mean batch_variance reserve_space_1 reserve_space_2 reserve_space_3"},
    {"GRUBlockCell", "r u c h"},
    {"LSTMBlockCell", "i cs f o ci co h"},
    {"ListDiff", "out idx"},
    {"MaxPoolWithArgmax", "output argmax"},
    {"Merge", "output value_index"},
    {"NonMaxSuppressionV4", "selected_indices valid_outputs"},
    {"NonMaxSuppressionV5", "selected_indices selected_scores valid_outputs"},
    {"Qr", "q r"},
    {"QuantizeV2", "output output_min output_max"},
    {"RefMerge", "output value_index"},
    {"RefSwitch", "output_false output_true"},
    {"SelfAdjointEigV2", "e v"},
    {"SoftmaxCrossEntropyWithLogits", "loss backprop"},
    {"SparseSoftmaxCrossEntropyWithLogits", "loss backprop"},
    {"Svd", "s u v"},
    {"Switch", "output_false output_true"},
    {"TensorArrayConcatV3", "value lengths"},
    {"TensorArrayV3", "handle flow"},
    {"TensorListPopBack", "output_handle tensor"},
    {"TopK", "values indices"},
    {"TopKV2", "values indices"},
    {"Unique", "y idx"},
    {"UniqueV2", "y idx"},
    {"UniqueWithCounts", "y idx count"},
};

const char *hmlc_tf_tensor_name(hmlc_arena *scratch, const char *node, uint32_t output)
{
    return output == 0 ? node : hmlc_arena_printf(scratch, "%s:%" PRIu32, node, output);
}

/* The place of a name among others that blanks separate; 0 where it is not one of them. */
static uint32_t place_among(const char *names, const char *name, size_t length)
{
    for (uint32_t place = 0; *names != '\0'; place++) {
        size_t next = strcspn(names, " ");
        if (next == length && memcmp(names, name, length) == 0) {
            return place;
        }
        names += next + (names[next] == ' ' ? 1 : 0);
    }
    return 0;
}

/* Where the output of that name begins. Most operators have one, whatever it is called. */
static uint32_t output_base(const hmlc_tf_entry *entry, const char *name, size_t length)
{
    if (entry->function != NULL) {
        const Tensorflow__OpDef *signature = entry->function->function->signature;
        for (size_t i = 0; signature != NULL && i < signature->n_output_arg; i++) {
            const char *own = signature->output_arg[i]->name;
            if (own != NULL && strlen(own) == length && memcmp(own, name, length) == 0) {
                return (uint32_t)i;
            }
        }
        return 0;
    }
    for (size_t i = 0; i < sizeof named_outputs / sizeof named_outputs[0]; i++) {
        if (strcmp(named_outputs[i].op, entry->def->op) == 0) {
            return place_among(named_outputs[i].outputs, name, length);
        }
    }
    return 0;
}

static bool read_number(const char *text, uint32_t *number)
{
    char *end;
    unsigned long value = text[0] >= '0' && text[0] <= '9' ? strtoul(text, &end, 10) : ULONG_MAX;
    bool good = value < HMLC_TF_MOST_OUTPUTS && *end == '\0';
    *number = good ? (uint32_t)value : 0;
    return good;
}

bool hmlc_tf_parse_ref(const hmlc_tf_importer *importer, const hmlc_tf_graph *graph,
                       const char *text, hmlc_tf_ref *ref)
{
    hmlc_arena *scratch = importer->base->scratch;
    *ref = (hmlc_tf_ref){.control = text[0] == '^'};
    text += ref->control ? 1 : 0;
    const char *colon = strchr(text, ':');
    ref->node = colon != NULL ? hmlc_arena_string_n(scratch, text, (size_t)(colon - text)) : text;
    if (ref->node == NULL) {
        return false;
    }
    const char *last = colon != NULL ? strrchr(text, ':') : NULL;
    if (last != NULL && !read_number(last + 1, &ref->output)) {
        return false;
    }
    if (last != colon) { /* "node:output:0" of a function */
        const hmlc_tf_entry *entry = hmlc_names_find(&graph->by_name, ref->node);
        ref->output +=
            entry != NULL ? output_base(entry, colon + 1, (size_t)(last - colon) - 1) : 0;
    }
    ref->key = ref->output < HMLC_TF_MOST_OUTPUTS
                   ? hmlc_tf_tensor_name(scratch, ref->node, ref->output)
                   : NULL;
    return ref->key != NULL;
}

const hmlc_tf_entry *hmlc_tf_find(const hmlc_tf_importer *importer, const hmlc_tf_graph *graph,
                                  const char *text, hmlc_tf_ref *ref)
{
    return hmlc_tf_parse_ref(importer, graph, text, ref)
               ? hmlc_names_find(&graph->by_name, ref->node)
               : NULL;
}

const hmlc_tf_entry *hmlc_tf_trace(const hmlc_tf_importer *importer, const hmlc_tf_graph *graph,
                                   const char *text, hmlc_tf_ref *ref)
{
    enum { LONGEST_CHAIN = 16 }; /* identities may form a circle */
    const hmlc_tf_entry *entry = hmlc_tf_find(importer, graph, text, ref);
    for (uint32_t i = 0; entry != NULL && i < LONGEST_CHAIN; i++) {
        if (strcmp(entry->def->op, "Identity") != 0 || entry->def->n_input == 0) {
            break;
        }
        entry = hmlc_tf_find(importer, graph, entry->def->input[0], ref);
    }
    return entry;
}

const hmlc_location *hmlc_tf_locate(const hmlc_tf_importer *importer, const hmlc_tf_scope *scope,
                                    const Tensorflow__NodeDef *def)
{
    const char *name = scope->names.path[0] == '\0'
                           ? def->name
                           : hmlc_arena_printf(importer->base->module->arena, "%s%s",
                                               scope->names.path, def->name);
    return name == NULL ? NULL
                        : hmlc_location_create(importer->base->module->arena, importer->base->file,
                                               name, def->op != NULL ? def->op : "");
}

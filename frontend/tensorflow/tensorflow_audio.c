/* SPDX-License-Identifier: Apache-2.0 */
/* The audio front end; strings, of which a file's bytes alone are of use. */
#include "common/audio.h"
#include "tensorflow_handle.h"

#define OUT node->node.outputs[0]

hmlc_value *hmlc_tf_text_create(hmlc_arena *scratch, hmlc_value *bytes)
{
    hmlc_tf_handle *handle = hmlc_tf_handle_create(scratch, HMLC_TF_TEXT);
    if (handle == NULL) {
        return NULL;
    }
    handle->parts[0] = bytes;
    return &handle->value;
}

void hmlc_tf_import_decode_wav(hmlc_tf_node *node)
{
    const hmlc_tf_handle *text = hmlc_tf_handle_of(hmlc_tf_input(node, 0), HMLC_TF_TEXT);
    int64_t channels = hmlc_node_int(&node->node, "desired_channels", -1);
    int64_t samples = hmlc_node_int(&node->node, "desired_samples", -1);
    if (text == NULL) {
        hmlc_tf_fail(node, HMLC_ERROR_op_unsupported_type, "make the file an input of the model",
                     "decodes what is no input of the model");
        return;
    }
    OUT = hmlc_node_decode_wav(&node->node, text->parts[0], samples, channels,
                               &node->node.outputs[1]);
}

void hmlc_tf_import_spectrogram(hmlc_tf_node *node)
{
    OUT = hmlc_node_spectrogram(&node->node, hmlc_tf_input(node, 0),
                                hmlc_node_int(&node->node, "window_size", 0),
                                hmlc_node_int(&node->node, "stride", 0),
                                hmlc_node_int(&node->node, "magnitude_squared", 0) != 0);
}

void hmlc_tf_import_mfcc(hmlc_tf_node *node)
{
    const hmlc_cepstrum cepstrum = {
        .lower = hmlc_node_float(&node->node, "lower_frequency_limit", 20),
        .upper = hmlc_node_float(&node->node, "upper_frequency_limit", 4000),
        .channels = hmlc_node_int(&node->node, "filterbank_channel_count", 40),
        .coefficients = hmlc_node_int(&node->node, "dct_coefficient_count", 13)};
    OUT =
        hmlc_node_cepstrum(&node->node, hmlc_tf_input(node, 0), hmlc_tf_input(node, 1), &cepstrum);
}

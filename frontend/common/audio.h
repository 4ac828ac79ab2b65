/* SPDX-License-Identifier: Apache-2.0 */
/* The audio front end of keyword spotters: a WAV file, its spectrogram, cepstral coefficients. */
#ifndef HMLC_AUDIO_H
#define HMLC_AUDIO_H

#include "node.h"

/*
 * The samples [samples, channels] of the bytes of a WAV file, -1 to 1: cut off or continued with
 * zeros; -1: as many as the file has, and as many channels, the last of which stands for those
 * that it lacks. *rate: samples a second, i32. NULL where refused.
 */
hmlc_value *hmlc_node_decode_wav(hmlc_node *node, hmlc_value *bytes, int64_t samples,
                                 int64_t channels, hmlc_value **rate);
/* Power, or its root, of the frequencies of Hann windows: x [samples, channels] -> [channels,
 * windows, bins]. */
hmlc_value *hmlc_node_spectrogram(hmlc_node *node, hmlc_value *x, int64_t window, int64_t stride,
                                  bool squared);

typedef struct hmlc_cepstrum {
    double lower, upper;            /* of the mel scale, in hertz */
    int64_t channels, coefficients; /* of the mel scale, given */
} hmlc_cepstrum;

/* Power [channels, windows, bins], a scalar of samples a second -> [channels, windows,
 * coefficients]. */
hmlc_value *hmlc_node_cepstrum(hmlc_node *node, hmlc_value *power, hmlc_value *rate,
                               const hmlc_cepstrum *cepstrum);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WAV files and mel scales: the one text of wav_header and mel_weights for the interpreter and the
 * portable kernels; freestanding. Both are what TensorFlow's DecodeWav and Mfcc do.
 */
#ifndef HMLC_AUDIO_RULES_H
#define HMLC_AUDIO_RULES_H

#include <stdbool.h>
#include <stdint.h>

/* -- wav_header -------------------------------------------------------------------------------- */

/* What a file says; elements of the op's result, in order. */
enum { HMLC_WAV_DATA, HMLC_WAV_FRAMES, HMLC_WAV_CHANNELS, HMLC_WAV_RATE, HMLC_WAV_PARTS };

static inline int64_t hmlc_wav_number(const uint8_t *bytes, int64_t at, int64_t size)
{
    int64_t number = 0;
    for (int64_t i = size - 1; i >= 0; i--) {
        number = number << 8 | bytes[at + i];
    }
    return number;
}

static inline bool hmlc_wav_says(const uint8_t *bytes, int64_t at, const char *word)
{
    for (int64_t i = 0; i < 4; i++) {
        if (bytes[at + i] != (uint8_t)word[i]) {
            return false;
        }
    }
    return true;
}

/* The format's chunk: PCM of 16 bits, whose sizes fit each other. -1, or where it does not. */
static inline int64_t hmlc_wav_format(const uint8_t *bytes, int64_t *parts)
{
    int64_t channels = hmlc_wav_number(bytes, 22, 2), rate = hmlc_wav_number(bytes, 24, 4);
    parts[HMLC_WAV_CHANNELS] = channels;
    parts[HMLC_WAV_RATE] = rate;
    return hmlc_wav_number(bytes, 20, 2) != 1                     ? 20
           : channels < 1                                         ? 22
           : hmlc_wav_number(bytes, 34, 2) != 16                  ? 34
           : hmlc_wav_number(bytes, 32, 2) != 2 * channels        ? 32
           : hmlc_wav_number(bytes, 28, 4) != 2 * channels * rate ? 28
           : rate > INT32_MAX                                     ? 24
                                                                  : -1;
}

/* Chunks behind the format: exactly one holds samples. -1, or where the file is not one. */
static inline int64_t hmlc_wav_chunks(const uint8_t *bytes, int64_t size, int64_t at,
                                      int64_t *parts)
{
    int64_t frame = 2 * parts[HMLC_WAV_CHANNELS];
    bool found = false;
    while (at < size) {
        if (size - at < 8) {
            return at;
        }
        int64_t length = hmlc_wav_number(bytes, at + 4, 4);
        bool samples = hmlc_wav_says(bytes, at, "data");
        if (length > INT32_MAX || (samples && found)) {
            return at;
        }
        at += 8;
        if (samples) {
            parts[HMLC_WAV_DATA] = at;
            parts[HMLC_WAV_FRAMES] = length / frame;
            length -= length % frame; /* what is left is read as the next chunk */
            found = true;
        }
        if (samples && length > size - at) {
            return at;
        }
        at += length;
    }
    return found ? -1 : size;
}

/* -1, or the offset of what makes these bytes no WAV file of 16-bit samples. */
static inline int64_t hmlc_wav_read(const uint8_t *bytes, int64_t size, int64_t *parts)
{
    enum { FIRST_CHUNK = 12, FORMAT = 20, SHORT = 16, LONG = 18 };
    if (size < FORMAT + SHORT || !hmlc_wav_says(bytes, 0, "RIFF")) {
        return 0;
    }
    if (!hmlc_wav_says(bytes, 8, "WAVE") || !hmlc_wav_says(bytes, FIRST_CHUNK, "fmt ")) {
        return 8;
    }
    int64_t length = hmlc_wav_number(bytes, 16, 4);
    if ((length != SHORT && length != LONG) || size < FORMAT + length) {
        return 16;
    }
    int64_t wrong = hmlc_wav_format(bytes, parts);
    return wrong >= 0 ? wrong : hmlc_wav_chunks(bytes, size, FORMAT + length, parts);
}

/* -- mel_weights ------------------------------------------------------------------------------- */

/* Natural logarithm of a normal number above 0: 2 atanh((m - 1) / (m + 1)) + e ln 2, m near 1. */
static inline double hmlc_audio_log(double x)
{
    union {
        double real;
        uint64_t bits;
    } number = {.real = x};
    int64_t exponent = (int64_t)(number.bits >> 52) - 1023;
    number.bits = (number.bits & UINT64_C(0xfffffffffffff)) | UINT64_C(0x3ff0000000000000);
    double m = number.real;
    if (m > 1.4142135623730951) {
        m /= 2;
        exponent++;
    }
    double s = (m - 1) / (m + 1), square = s * s, sum = 0;
    for (int32_t k = 23; k > 0; k -= 2) { /* s^2 < 0.03: s^25 is below the last bit */
        sum = sum * square + 2.0 / k;
    }
    return sum * s + (double)exponent * 0.69314718055994530942;
}

static inline double hmlc_mel(double hertz)
{
    return 1127.0 * hmlc_audio_log(1 + hertz / 700.0);
}

typedef struct hmlc_mel_rule {
    double rate, lower, upper; /* hertz */
    int64_t bins, channels;    /* of the spectrum, of the scale */
} hmlc_mel_rule;

/* Is the spectrum wide enough for the scale? */
static inline bool hmlc_mel_fits(const hmlc_mel_rule *rule)
{
    return rule->rate > 0 &&
           rule->upper / (0.5 * rule->rate / (double)(rule->bins - 1)) < (double)rule->bins;
}

/*
 * Weights [bins, channels]: triangles whose corners are equally far from each other in mel, from
 * `lower` to `upper`. Bins outside of these, and the lowest, which TensorFlow leaves out after
 * HTK, count nowhere.
 */
static inline double hmlc_mel_weight(const hmlc_mel_rule *rule, int64_t bin, int64_t channel)
{
    double width = 0.5 * rule->rate / (double)(rule->bins - 1);
    if (bin < (int64_t)(1.5 + rule->lower / width) || bin > (int64_t)(rule->upper / width)) {
        return 0;
    }
    double low = hmlc_mel(rule->lower);
    double step = (hmlc_mel(rule->upper) - low) / (double)(rule->channels + 1);
    double at = (hmlc_mel((double)bin * width) - low) / step - (double)channel;
    double weight = at < 1 ? at : 2 - at;
    return weight > 0 ? weight : 0;
}

#endif

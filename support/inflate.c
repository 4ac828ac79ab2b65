/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inflate, RFC 1951, so that no program needs a library. Canonical Huffman codes are decoded bit by
 * bit from the counts per length (the method of the RFC, section 3.2.2): small rather than fast.
 */
#include <support/inflate.h>

#include <string.h>

enum { MOST_BITS = 15, MOST_LITERALS = 288, MOST_DISTANCES = 30 };

typedef struct bit_reader {
    const uint8_t *data;
    size_t bytes, at;
    uint32_t buffer, held; /* bits not used yet, lowest first */
    bool failed;
} bit_reader;

typedef struct huffman {
    uint16_t counts[MOST_BITS + 1]; /* codes per length */
    uint16_t symbols[MOST_LITERALS];
} huffman;

/* Without data nothing is written, only counted: what a stream says of its length does not depend
 * on what it holds. */
typedef struct output {
    uint8_t *data;
    size_t bytes, at;
} output;

static uint32_t take_bits(bit_reader *in, uint32_t count)
{
    while (in->held < count) {
        if (in->at == in->bytes) {
            in->failed = true;
            return 0;
        }
        in->buffer |= (uint32_t)in->data[in->at++] << in->held;
        in->held += 8;
    }
    uint32_t value = in->buffer & ((1U << count) - 1);
    in->buffer >>= count;
    in->held -= count;
    return value;
}

/* False when the lengths describe more codes than there are, or (beyond a single code) fewer. */
static bool build(huffman *code, const uint8_t *lengths, uint32_t count)
{
    uint16_t offsets[MOST_BITS + 2] = {0};
    int32_t left = 1;
    uint32_t used = 0;
    memset(code, 0, sizeof *code);
    for (uint32_t i = 0; i < count; i++) {
        code->counts[lengths[i]]++;
    }
    used = count - code->counts[0];
    code->counts[0] = 0;
    for (uint32_t length = 1; length <= MOST_BITS; length++) {
        left = left * 2 - code->counts[length];
        if (left < 0) {
            return false;
        }
        offsets[length + 1] = (uint16_t)(offsets[length] + code->counts[length]);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (lengths[i] != 0) {
            code->symbols[offsets[lengths[i]]++] = (uint16_t)i;
        }
    }
    return left == 0 || used <= 1;
}

static uint32_t decode(bit_reader *in, const huffman *code)
{
    int32_t value = 0, first = 0, index = 0;
    for (uint32_t length = 1; length <= MOST_BITS && !in->failed; length++) {
        value |= (int32_t)take_bits(in, 1);
        int32_t count = code->counts[length];
        if (value - count < first) {
            return code->symbols[index + (value - first)];
        }
        index += count;
        first = (first + count) * 2;
        value *= 2;
    }
    in->failed = true;
    return 0;
}

static bool copy_match(output *out, size_t distance, size_t length)
{
    if (distance > out->at) {
        return false;
    }
    size_t room = out->bytes - out->at, count = length < room ? length : room;
    for (size_t i = out->at; out->data != NULL && i < out->at + count; i++) {
        out->data[i] = out->data[i - distance];
    }
    out->at += count;
    return count == length;
}

static bool inflate_codes(bit_reader *in, output *out, const huffman *literals,
                          const huffman *distances)
{
    static const uint16_t length_base[] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                           15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                           67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t length_bits[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                          2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static const uint16_t distance_base[] = {
        1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
        193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    for (;;) {
        uint32_t symbol = decode(in, literals);
        if (in->failed || symbol > 285) {
            return false;
        }
        if (symbol == 256) {
            return true;
        }
        if (symbol < 256) {
            if (out->at == out->bytes) {
                return false;
            }
            if (out->data != NULL) {
                out->data[out->at] = (uint8_t)symbol;
            }
            out->at++;
            continue;
        }
        size_t length = length_base[symbol - 257] + take_bits(in, length_bits[symbol - 257]);
        uint32_t row = decode(in, distances);
        if (in->failed || row >= MOST_DISTANCES) {
            return false;
        }
        size_t distance = distance_base[row] + take_bits(in, row < 4 ? 0 : row / 2 - 1);
        if (in->failed || !copy_match(out, distance, length)) {
            return false;
        }
    }
}

static bool inflate_stored(bit_reader *in, output *out)
{
    in->buffer = in->held = 0;
    if (in->bytes - in->at < 4) {
        return false;
    }
    const uint8_t *head = in->data + in->at;
    size_t length = head[0] | (size_t)head[1] << 8;
    size_t inverse = head[2] | (size_t)head[3] << 8;
    in->at += 4;
    if (length != (~inverse & 0xffff) || length > in->bytes - in->at) {
        return false;
    }
    size_t room = out->bytes - out->at, count = length < room ? length : room;
    if (out->data != NULL && count > 0) {
        memcpy(out->data + out->at, in->data + in->at, count);
    }
    in->at += length;
    out->at += count;
    return count == length;
}

static bool inflate_fixed(bit_reader *in, output *out)
{
    uint8_t lengths[MOST_LITERALS];
    huffman literals, distances;
    for (uint32_t i = 0; i < MOST_LITERALS; i++) {
        lengths[i] = i < 144 ? 8 : (i < 256 ? 9 : (i < 280 ? 7 : 8));
    }
    (void)build(&literals, lengths, MOST_LITERALS);
    memset(lengths, 5, MOST_DISTANCES);
    (void)build(&distances, lengths, MOST_DISTANCES);
    return inflate_codes(in, out, &literals, &distances);
}

/* The code lengths of both codes, themselves Huffman-coded with run lengths. */
static bool read_lengths(bit_reader *in, const huffman *code, uint8_t *lengths, uint32_t count)
{
    uint32_t at = 0;
    while (at < count) {
        uint32_t symbol = decode(in, code);
        if (in->failed || (symbol == 16 && at == 0)) {
            return false;
        }
        if (symbol < 16) {
            lengths[at++] = (uint8_t)symbol;
            continue;
        }
        uint8_t value = symbol == 16 ? lengths[at - 1] : 0;
        uint32_t repeat = symbol == 16   ? 3 + take_bits(in, 2)
                          : symbol == 17 ? 3 + take_bits(in, 3)
                                         : 11 + take_bits(in, 7);
        if (in->failed || repeat > count - at) {
            return false;
        }
        memset(lengths + at, value, repeat);
        at += repeat;
    }
    return true;
}

static bool inflate_dynamic(bit_reader *in, output *out)
{
    static const uint8_t order[] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                    11, 4,  12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[MOST_LITERALS + 32] = {0};
    huffman literals, distances;
    uint32_t literal_count = take_bits(in, 5) + 257;
    uint32_t distance_count = take_bits(in, 5) + 1;
    uint32_t length_count = take_bits(in, 4) + 4;
    if (in->failed || literal_count > 286 || distance_count > MOST_DISTANCES) {
        return false;
    }
    for (uint32_t i = 0; i < length_count; i++) {
        lengths[order[i]] = (uint8_t)take_bits(in, 3);
    }
    if (in->failed || !build(&literals, lengths, 19)) {
        return false;
    }
    memset(lengths, 0, sizeof lengths);
    huffman code = literals;
    if (!read_lengths(in, &code, lengths, literal_count + distance_count) || lengths[256] == 0 ||
        !build(&literals, lengths, literal_count) ||
        !build(&distances, lengths + literal_count, distance_count)) {
        return false;
    }
    return inflate_codes(in, out, &literals, &distances);
}

/* False when the data is damaged, or longer than the room for it. */
static bool inflate_blocks(bit_reader *in, output *out)
{
    static bool (*const blocks[])(bit_reader *, output *) = {inflate_stored, inflate_fixed,
                                                             inflate_dynamic};
    bool last = false;
    while (!last) {
        last = take_bits(in, 1) != 0;
        uint32_t kind = take_bits(in, 2);
        if (in->failed || kind > 2 || !blocks[kind](in, out)) {
            return false;
        }
    }
    return true;
}

bool hml_inflate(const uint8_t *data, size_t bytes, uint8_t *out, size_t out_bytes)
{
    bit_reader in = {.data = data, .bytes = bytes};
    output target = {.data = out, .bytes = out_bytes};
    return inflate_blocks(&in, &target) && target.at == out_bytes;
}

bool hml_inflate_measure(const uint8_t *data, size_t bytes, size_t out_bytes)
{
    return hml_inflate(data, bytes, NULL, out_bytes);
}

size_t hml_inflate_start(const uint8_t *data, size_t bytes, uint8_t *out, size_t out_bytes)
{
    bit_reader in = {.data = data, .bytes = bytes};
    output target = {.data = out, .bytes = out_bytes};
    (void)inflate_blocks(&in, &target); /* stops where there is no more room */
    return target.at;
}

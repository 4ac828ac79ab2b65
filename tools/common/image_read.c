/* SPDX-License-Identifier: Apache-2.0 */
/* PNG (ISO/IEC 15948) and binary PNM files as samples. */
#include "image.h"

#include <stdlib.h>
#include <string.h>

#include <support/inflate.h>

enum { MOST_SIDE = 1 << 16, CHUNK_FRAME = 12 };

static const uint8_t png_magic[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

typedef struct png_file {
    const uint8_t *data;
    size_t bytes;
    const char *path;
    hml_tool_error *error;
    uint32_t width, height, depth, colour;
    const uint8_t *palette;
    uint32_t palette_count;
    uint8_t *packed; /* the IDAT chunks, joined */
    size_t packed_bytes;
} png_file;

bool hml_image_is(const uint8_t *data, size_t bytes)
{
    bool pnm = bytes > 2 && data[0] == 'P' && (data[1] == '5' || data[1] == '6') &&
               (data[2] == ' ' || (data[2] >= '\t' && data[2] <= '\r'));
    return pnm || (bytes >= sizeof png_magic && memcmp(data, png_magic, sizeof png_magic) == 0);
}

static hml_status damaged(const char *path, const char *what, hml_tool_error *error)
{
    return HML_TOOL_FAIL(error, HML_ERROR_tensor_damaged, "%s: %s", path, what);
}

/* So that sizes in bytes do not wrap where addresses have 32 bits. */
static hml_status check_size(uint32_t width, uint32_t height, const char *path,
                             hml_tool_error *error)
{
    enum { PIXEL_BYTES = 32 }; /* more than any form of a pixel takes */
    return (uint64_t)width * height <= SIZE_MAX / PIXEL_BYTES
               ? HML_OK
               : HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "%s: %u x %u pixels", path, width,
                               height);
}

static hml_status allocate_samples(hml_image *image, const char *path, hml_tool_error *error)
{
    size_t count = (size_t)image->width * image->height * image->channels;
    image->samples = malloc((count > 0 ? count : 1) * sizeof *image->samples);
    return image->samples != NULL
               ? HML_OK
               : HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "%s: %zu samples", path, count);
}

/* -- PNG --------------------------------------------------------------------------------------- */

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint32_t channels_of(uint32_t colour)
{
    static const uint8_t channels[7] = {1, 0, 3, 1, 2, 0, 4};
    return colour < 7 ? channels[colour] : 0;
}

static hml_status read_header(png_file *png, const uint8_t *body, size_t size)
{
    if (size != 13) {
        return damaged(png->path, "its header is no PNG header", png->error);
    }
    png->width = big_endian(body);
    png->height = big_endian(body + 4);
    png->depth = body[8];
    png->colour = body[9];
    if (png->width == 0 || png->height == 0 || png->width > MOST_SIDE || png->height > MOST_SIDE ||
        channels_of(png->colour) == 0 || body[10] != 0 || body[11] != 0) {
        return damaged(png->path, "its header has impossible values", png->error);
    }
    bool shallow = png->depth == 1 || png->depth == 2 || png->depth == 4;
    bool small = png->colour == 0 || png->colour == 3;
    if (png->depth != 8 && !(png->depth == 16 && png->colour != 3) && !(shallow && small)) {
        return damaged(png->path, "its header has an impossible depth", png->error);
    }
    return body[12] == 0 ? HML_OK
                         : HML_TOOL_FAIL(png->error, HML_ERROR_tensor_unsupported,
                                         "%s: an interlaced PNG; save it without", png->path);
}

static hml_status read_chunk(png_file *png, const uint8_t *type, const uint8_t *body, size_t size)
{
    if (memcmp(type, "IHDR", 4) == 0) {
        return read_header(png, body, size);
    }
    if (memcmp(type, "PLTE", 4) == 0) {
        png->palette = body;
        png->palette_count = (uint32_t)(size / 3);
    }
    if (memcmp(type, "IDAT", 4) == 0) {
        memcpy(png->packed + png->packed_bytes, body, size);
        png->packed_bytes += size;
    }
    return HML_OK;
}

/* All chunks up to IEND; their checksums hold. */
static hml_status read_chunks(png_file *png)
{
    size_t at = sizeof png_magic;
    while (png->bytes - at >= CHUNK_FRAME) {
        const uint8_t *chunk = png->data + at;
        size_t size = big_endian(chunk);
        if (size > png->bytes - at - CHUNK_FRAME) {
            break;
        }
        if (hml_crc32(chunk + 4, size + 4) != big_endian(chunk + 8 + size)) {
            return damaged(png->path, "the checksum of a chunk does not match", png->error);
        }
        if (memcmp(chunk + 4, "IEND", 4) == 0) {
            bool whole = png->width != 0 && png->packed_bytes > 6;
            return whole ? HML_OK : damaged(png->path, "it holds no pixels", png->error);
        }
        if (png->width == 0 && memcmp(chunk + 4, "IHDR", 4) != 0) {
            break;
        }
        HML_TOOL_TRY(read_chunk(png, chunk + 4, chunk + 8, size));
        at += size + CHUNK_FRAME;
    }
    return damaged(png->path, "it is cut short", png->error);
}

static uint8_t paeth(uint8_t a, uint8_t b, uint8_t c)
{
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/* Takes the filter off a row; `above` is NULL for the first. `step` is a pixel's bytes. */
static bool unfilter(uint8_t filter, uint8_t *row, const uint8_t *above, size_t bytes, size_t step)
{
    for (size_t i = 0; i < bytes; i++) {
        uint8_t left = i >= step ? row[i - step] : 0, up = above != NULL ? above[i] : 0;
        uint8_t corner = i >= step && above != NULL ? above[i - step] : 0;
        const uint8_t predicted[5] = {0, left, up, (uint8_t)((left + up) / 2),
                                      paeth(left, up, corner)};
        if (filter > 4) {
            return false;
        }
        row[i] = (uint8_t)(row[i] + predicted[filter]);
    }
    return true;
}

static uint16_t packed_sample(const uint8_t *row, size_t index, uint32_t depth)
{
    if (depth == 16) {
        return (uint16_t)(row[2 * index] << 8 | row[2 * index + 1]);
    }
    size_t bit = index * depth;
    return (uint16_t)((unsigned)row[bit / 8] >> (8 - depth - bit % 8) & ((1U << depth) - 1));
}

static bool unpack_row(const png_file *png, const uint8_t *row, uint16_t *samples)
{
    uint32_t channels = channels_of(png->colour);
    for (size_t i = 0; i < (size_t)png->width * channels; i++) {
        uint16_t value = packed_sample(row, i, png->depth);
        if (png->colour != 3) {
            samples[i] = value;
            continue;
        }
        if (value >= png->palette_count) {
            return false;
        }
        for (size_t c = 0; c < 3; c++) {
            samples[3 * i + c] = png->palette[3 * value + c];
        }
    }
    return true;
}

static hml_status unpack_rows(const png_file *png, uint8_t *raw, size_t row_bytes, hml_image *image)
{
    size_t step = (png->depth * channels_of(png->colour) + 7) / 8;
    for (size_t y = 0; y < png->height; y++) {
        uint8_t *row = raw + y * (row_bytes + 1);
        const uint8_t *above = y > 0 ? row - row_bytes : NULL;
        if (!unfilter(row[0], row + 1, above, row_bytes, step) ||
            !unpack_row(png, row + 1, image->samples + y * image->width * image->channels)) {
            return damaged(png->path, "a row has an impossible filter or colour", png->error);
        }
    }
    return HML_OK;
}

static hml_status read_pixels(const png_file *png, hml_image *image)
{
    HML_TOOL_TRY(check_size(png->width, png->height, png->path, png->error));
    size_t bits = (size_t)png->width * channels_of(png->colour) * png->depth;
    size_t row_bytes = (bits + 7) / 8, total = (row_bytes + 1) * png->height;
    *image = (hml_image){.width = png->width,
                         .height = png->height,
                         .channels = png->colour == 3 ? 3 : channels_of(png->colour),
                         .most = png->colour == 3 ? 255 : (1U << png->depth) - 1};
    if (total / 1032 > png->packed_bytes) { /* more than deflate can hold */
        return damaged(png->path, "it holds fewer pixels than it says", png->error);
    }
    uint8_t *raw = malloc(total);
    if (raw == NULL) {
        return HML_TOOL_FAIL(png->error, HML_ERROR_out_of_memory, "%s: %zu bytes", png->path,
                             total);
    }
    /* zlib: two bytes before the deflated data, a checksum behind it. */
    bool whole = (png->packed[0] & 15) == 8 && (png->packed[1] & 32) == 0 &&
                 hml_inflate(png->packed + 2, png->packed_bytes - 6, raw, total);
    hml_status status = whole ? allocate_samples(image, png->path, png->error)
                              : damaged(png->path, "its pixels cannot be unpacked", png->error);
    if (status == HML_OK) {
        status = unpack_rows(png, raw, row_bytes, image);
    }
    free(raw);
    return status;
}

static hml_status read_png(const uint8_t *data, size_t bytes, const char *path, hml_image *image,
                           hml_tool_error *error)
{
    png_file png = {.data = data, .bytes = bytes, .path = path, .error = error};
    png.packed = malloc(bytes);
    if (png.packed == NULL) {
        return HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "%s: %zu bytes", path, bytes);
    }
    hml_status status = read_chunks(&png);
    if (status == HML_OK) {
        status = read_pixels(&png, image);
    }
    free(png.packed);
    return status;
}

/* -- PNM --------------------------------------------------------------------------------------- */

/* The next number of a header; comments run to the end of their line. False: there is none. */
static bool next_number(const uint8_t *data, size_t bytes, size_t *at, uint32_t *value)
{
    uint32_t number = 0;
    bool comment = false, any = false;
    for (; *at < bytes; (*at)++) {
        uint8_t c = data[*at];
        bool space = c == ' ' || (c >= '\t' && c <= '\r');
        if (any && (c < '0' || c > '9')) {
            *value = number;
            return space;
        }
        comment = comment ? c != '\n' : c == '#';
        if (!comment && !space && (c < '0' || c > '9')) {
            return false;
        }
        if (!comment && !space) {
            number = number * 10 + (uint32_t)(c - '0');
            any = true;
        }
        if (number > MOST_SIDE) {
            return false;
        }
    }
    return false;
}

static hml_status read_pnm(const uint8_t *data, size_t bytes, const char *path, hml_image *image,
                           hml_tool_error *error)
{
    size_t at = 2;
    *image = (hml_image){.channels = data[1] == '6' ? 3 : 1};
    if (!next_number(data, bytes, &at, &image->width) ||
        !next_number(data, bytes, &at, &image->height) ||
        !next_number(data, bytes, &at, &image->most) || image->width == 0 || image->height == 0 ||
        image->most == 0 || image->most > UINT16_MAX) {
        return damaged(path, "its header is no PNM header", error);
    }
    HML_TOOL_TRY(check_size(image->width, image->height, path, error));
    size_t count = (size_t)image->width * image->height * image->channels;
    size_t size = image->most > 255 ? 2 : 1;
    at++; /* the one space before the samples */
    if (at > bytes || bytes - at < count * size) {
        return damaged(path, "it holds fewer pixels than it says", error);
    }
    HML_TOOL_TRY(allocate_samples(image, path, error));
    for (size_t i = 0; i < count; i++) {
        const uint8_t *from = data + at + i * size;
        uint16_t value = (uint16_t)(size == 2 ? from[0] << 8 | from[1] : from[0]);
        image->samples[i] = value > image->most ? (uint16_t)image->most : value;
    }
    return HML_OK;
}

hml_status hml_image_read(const uint8_t *data, size_t bytes, const char *path, hml_image *image,
                          hml_tool_error *error)
{
    *image = (hml_image){0};
    hml_status status = data[0] == 'P' ? read_pnm(data, bytes, path, image, error)
                                       : read_png(data, bytes, path, image, error);
    if (status != HML_OK) {
        free(image->samples);
        *image = (hml_image){0};
    }
    return status;
}

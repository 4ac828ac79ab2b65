/* SPDX-License-Identifier: Apache-2.0 */
/* Tensor files: what is read and written, and that damage of any kind ends in a code. */
#include "runtime_test.h"

#include "npz_samples.h"

#include "common/number.h"
#include "common/random_tensor.h"
#include "common/tensor_file.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include <support/inflate.h>

static hml_tool_error error;

/* Exactly sized heap copies, so that the address sanitizer sees each byte read too much. */
static uint8_t *exact_copy(const void *data, size_t bytes)
{
    uint8_t *copy = malloc(bytes == 0 ? 1 : bytes);
    memcpy(copy, data, bytes);
    return copy;
}

static size_t put(uint8_t *out, const char *literal, size_t bytes)
{
    memcpy(out, literal, bytes);
    return bytes;
}

/* Bytes of a string literal without its NUL. */
#define BYTES(literal) literal, sizeof(literal) - 1

/* -- .npy -------------------------------------------------------------------------------------- */

/* Version 1 with this header, unpadded, and these elements. */
static size_t make_npy(uint8_t *out, const char *header, const void *elements, size_t bytes)
{
    size_t length = strlen(header), at = put(out, BYTES("\x93NUMPY\x01\x00"));
    out[at++] = (uint8_t)(length & 0xff);
    out[at++] = (uint8_t)(length >> 8);
    memcpy(out + at, header, length); /* NOLINT(bugprone-not-null-terminated-result): bytes */
    memcpy(out + at + length, elements, bytes);
    return at + length + bytes;
}

static hml_status read_npy(const char *header, const void *elements, size_t bytes,
                           hml_owned_tensor *tensor)
{
    uint8_t file[2048];
    size_t size = make_npy(file, header, elements, bytes);
    uint8_t *copy = exact_copy(file, size);
    hml_status status = hml_npy_read(copy, size, "t.npy", tensor, &error);
    free(copy);
    return status;
}

static void npy_headers_are_understood(void **state)
{
    (void)state;
    static const float elements[6] = {0, 1, 2, 3, 4, 5};
    hml_owned_tensor t = {0};
    assert_int_equal(
        read_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", elements, 24, &t),
        HML_OK);
    assert_int_equal(t.tensor.dtype, HML_F32);
    assert_int_equal(t.tensor.rank, 2);
    assert_int_equal(t.tensor.dims[1], 3);
    assert_memory_equal(t.tensor.data, elements, 24);
    assert_int_equal((uintptr_t)t.tensor.data % 64, 0);
    hml_tensor_release(&t);
    assert_int_equal(
        read_npy("{\"shape\":(),\"descr\":\"<f8\",\"fortran_order\":False}", elements, 8, &t),
        HML_OK);
    assert_int_equal(t.tensor.rank, 0);
    assert_int_equal(t.tensor.bytes, 8);
    hml_tensor_release(&t);
    assert_int_equal(
        read_npy("{'descr': '|b1', 'fortran_order': False, 'shape': (0, 7)}", elements, 0, &t),
        HML_OK);
    assert_int_equal(t.tensor.bytes, 0);
    hml_tensor_release(&t);
}

static void npy_orders_are_converted(void **state)
{
    (void)state;
    static const uint8_t columns[] = {0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1,
                                      0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 5};
    hml_owned_tensor t = {0};
    assert_int_equal(read_npy("{'descr': '>i4', 'fortran_order': True, 'shape': (2, 3), }", columns,
                              sizeof columns, &t),
                     HML_OK);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(((const int32_t *)t.tensor.data)[i], i);
    }
    hml_tensor_release(&t);
}

static void bad_npy_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t bytes;
        hml_status expected;
    } cases[] = {
        {"", 4, HML_ERROR_tensor_damaged},
        {"{}", 4, HML_ERROR_tensor_damaged},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", 4, HML_ERROR_tensor_damaged},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", 4, HML_ERROR_tensor_damaged},
        {"{'descr': '<f4', 'fortran_order': False}", 4, HML_ERROR_tensor_damaged},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}", 4, HML_ERROR_tensor_damaged},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4,
         HML_ERROR_tensor_damaged},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", 4, HML_ERROR_tensor_damaged},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 4, HML_ERROR_tensor_damaged},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 5, HML_ERROR_tensor_damaged},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,)}", 4,
         HML_ERROR_tensor_damaged},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 0,
         HML_ERROR_tensor_damaged},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1)}", 4,
         HML_ERROR_tensor_damaged},
        {"{'descr': '<U4', 'fortran_order': False, 'shape': (1,)}", 16,
         HML_ERROR_tensor_unsupported},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 8, HML_ERROR_tensor_unsupported},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", 8,
         HML_ERROR_tensor_unsupported},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", 4,
         HML_ERROR_tensor_unsupported},
    };
    static const uint8_t elements[64] = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hml_owned_tensor t = {0};
        hml_status status = read_npy(cases[i].header, elements, cases[i].bytes, &t);
        if (status != cases[i].expected) {
            fail_msg("case %zu: %s", i, error.text);
        }
        assert_non_null(strstr(error.text, "t.npy"));
    }
}

/* -- .npz -------------------------------------------------------------------------------------- */

static void archives_are_unpacked(void **state)
{
    (void)state;
    hml_tensor_list list;
    uint8_t *copy = exact_copy(npz_deflated, sizeof npz_deflated);
    assert_int_equal(hml_npz_read(copy, sizeof npz_deflated, "t.npz", &list, &error), HML_OK);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.tensors[0].name, "a");
    assert_string_equal(list.tensors[1].name, "ramp");
    assert_int_equal(list.tensors[1].tensor.dtype, HML_I16);
    assert_int_equal(list.tensors[1].tensor.dims[0], 600);
    for (int i = 0; i < 600; i++) {
        assert_int_equal(((const int16_t *)list.tensors[1].tensor.data)[i], i % 7 * i % 31);
    }
    hml_tensor_list_release(&list);
    free(copy);
    copy = exact_copy(npz_stored, sizeof npz_stored);
    assert_int_equal(hml_npz_read(copy, sizeof npz_stored, "t.npz", &list, &error), HML_OK);
    assert_int_equal(list.count, 1);
    assert_true(((const float *)list.tensors[0].tensor.data)[5] == 5.0F);
    hml_tensor_list_release(&list);
    free(copy);
}

static void damaged_archives_end_in_a_code(void **state)
{
    (void)state;
    hml_tensor_list list;
    for (size_t length = 0; length < sizeof npz_deflated; length++) {
        uint8_t *copy = exact_copy(npz_deflated, length);
        assert_int_equal(hml_npz_read(copy, length, "t.npz", &list, &error),
                         HML_ERROR_tensor_damaged);
        assert_int_equal(list.count, 0);
        free(copy);
    }
    size_t accepted = 0;
    uint8_t *copy = exact_copy(npz_deflated, sizeof npz_deflated);
    for (size_t bit = 0; bit < sizeof npz_deflated * 8; bit++) {
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        hml_status status = hml_npz_read(copy, sizeof npz_deflated, "t.npz", &list, &error);
        accepted += status == HML_OK ? 1 : 0;
        hml_tensor_list_release(&list);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    /* Times, names and the local copies of sizes may change; contents may not. */
    assert_true(accepted < sizeof npz_deflated * 2);
    free(copy);
}

typedef struct bit_writer {
    uint8_t *data;
    size_t bits;
} bit_writer;

static void put_bits(bit_writer *out, uint32_t value, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++, out->bits++) {
        out->data[out->bits / 8] |= (uint8_t)((value >> i & 1) << out->bits % 8);
    }
}

/* A Huffman code, whose highest bit comes first. */
static void put_code(bit_writer *out, uint32_t code, uint32_t count)
{
    while (count-- > 0) {
        put_bits(out, code >> count & 1, 1);
    }
}

/* Deflates `head` and `runs` times 258 copies of its last byte. */
static size_t deflate_runs(uint8_t *data, const uint8_t *head, size_t bytes, size_t runs)
{
    bit_writer out = {data, 0};
    put_bits(&out, 3, 3); /* the last block, of the fixed codes */
    for (size_t i = 0; i < bytes; i++) {
        if (head[i] < 144) {
            put_code(&out, 0x30U + head[i], 8);
        } else {
            put_code(&out, 0x190U + head[i] - 144, 9);
        }
    }
    for (size_t i = 0; i < runs; i++) {
        put_code(&out, 0xc5, 8); /* length 258 */
        put_code(&out, 0, 5);    /* distance 1 */
    }
    put_code(&out, 0, 7);
    return (out.bits + 7) / 8;
}

static uint32_t crc_of(const uint8_t *head, size_t bytes, size_t runs)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < bytes + runs * 258; i++) {
        crc ^= i < bytes ? head[i] : head[bytes - 1];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? crc >> 1 ^ UINT32_C(0xedb88320) : crc >> 1;
        }
    }
    return ~crc;
}

static void put32(uint8_t *at, size_t value)
{
    for (size_t i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

/* An archive whose `count` entries all name the one stream; returns its bytes. */
static size_t write_archive(uint8_t *data, const uint8_t *head, size_t bytes, size_t runs,
                            size_t count)
{
    put(data, BYTES("PK\3\4"));
    size_t packed = deflate_runs(data + 30, head, bytes, runs), at = 30 + packed;
    for (size_t i = 0; i < count; i++, at += 46) {
        put(data + at, BYTES("PK\1\2"));
        data[at + 10] = 8;
        put32(data + at + 16, runs < 100 ? crc_of(head, bytes, runs) : 0);
        put32(data + at + 20, packed);
        put32(data + at + 24, bytes + runs * 258);
    }
    put(data + at, BYTES("PK\5\6"));
    data[at + 10] = (uint8_t)count;
    put32(data + at + 12, count * 46);
    put32(data + at + 16, 30 + packed);
    return at + 22;
}

/* What a header of 128 bytes in all says of its shape. */
static void write_head(uint8_t *head, const char *shape)
{
    memset(head, ' ', 128);
    put(head, BYTES("\x93NUMPY\1\0\x76\0"));
    char text[100];
    int length = snprintf(text, sizeof text,
                          "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape);
    memcpy(head + 10, text, (size_t)length);
    head[127] = '\n';
}

static long most_kilobytes(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/* 3 MB that inflate to 500: the header states 8 bytes, so no more than the header is unpacked. */
static void what_the_header_does_not_state_is_not_unpacked(void **state)
{
    (void)state;
    enum { RUNS = 2000000 };
    uint8_t *data = calloc(1, RUNS * 2), head[128];
    hml_tensor_list list;
    write_head(head, "2,");
    size_t bytes = write_archive(data, head, sizeof head, RUNS, 1);
    long before = most_kilobytes();
    assert_int_equal(hml_npz_read(data, bytes, "t.npz", &list, &error), HML_ERROR_tensor_damaged);
    assert_true(most_kilobytes() - before < 16 * 1024);
    free(data);
}

static bool is_small(const void *context, const hml_tensor *shape)
{
    return shape->rank == 1 && shape->dims[0] <= *(const int64_t *)context;
}

/* An honest header of 500 MB: name and shape are told, and nothing is unpacked. */
static void what_nobody_wants_is_not_unpacked(void **state)
{
    (void)state;
    enum { RUNS = 2000000 };
    static const int64_t most = 1000;
    const hml_tensor_filter filter = {is_small, &most};
    uint8_t *data = calloc(1, RUNS * 2), head[128];
    hml_tensor_list list;
    write_head(head, "129000000,");
    size_t bytes = write_archive(data, head, sizeof head, RUNS, 1);
    long before = most_kilobytes();
    assert_int_equal(hml_npz_read_wanted(data, bytes, "t.npz", filter, &list, &error), HML_OK);
    assert_true(most_kilobytes() - before < 16 * 1024);
    assert_null(list.tensors[0].tensor.data);
    assert_int_equal(list.tensors[0].tensor.bytes, 0);
    assert_int_equal(list.tensors[0].tensor.dims[0], 129000000);
    hml_tensor_list_release(&list);
    free(data);
}

static void entries_do_not_share_their_bytes(void **state)
{
    (void)state;
    uint8_t data[1024] = {0}, head[128];
    hml_tensor_list list;
    write_head(head, "129,");
    size_t bytes = write_archive(data, head, sizeof head, 2, 1);
    assert_int_equal(hml_npz_read(data, bytes, "t.npz", &list, &error), HML_OK);
    assert_int_equal(list.tensors[0].tensor.bytes, 516);
    hml_tensor_list_release(&list);
    memset(data, 0, sizeof data);
    bytes = write_archive(data, head, sizeof head, 2, 9);
    assert_int_equal(hml_npz_read(data, bytes, "t.npz", &list, &error), HML_ERROR_tensor_damaged);
    assert_non_null(strstr(error.text, "share"));
}

static void inflate_stays_within_its_bounds(void **state)
{
    (void)state;
    uint8_t out[16];
    static const uint8_t stored[] = {1, 3, 0, 0xfc, 0xff, 'a', 'b', 'c'};
    assert_true(hml_inflate(stored, sizeof stored, out, 3));
    assert_memory_equal(out, "abc", 3);
    assert_false(hml_inflate(stored, sizeof stored, out, 2));
    assert_false(hml_inflate(stored, sizeof stored, out, 4));
    static const uint8_t fixed[] = {0x4b, 0x4c, 0x4a, 0x06, 0x00}; /* "abc" */
    assert_true(hml_inflate(fixed, sizeof fixed, out, 3));
    assert_memory_equal(out, "abc", 3);
    static const uint8_t far_match[] = {0x4b, 0x04, 0x62, 0x00}; /* a distance before the start */
    assert_false(hml_inflate(far_match, sizeof far_match, out, 16));
    static const uint8_t reserved[] = {7};
    assert_false(hml_inflate(reserved, sizeof reserved, out, 16));
    assert_false(hml_inflate(stored, 0, out, 0));
}

/* -- TensorProto ------------------------------------------------------------------------------- */

static hml_status read_pb(const char *literal, size_t bytes, hml_owned_tensor *tensor)
{
    uint8_t *copy = exact_copy(literal, bytes);
    hml_status status = hml_pb_read(copy, bytes, "t.pb", tensor, &error);
    free(copy);
    return status;
}

static void tensor_protos_are_read(void **state)
{
    (void)state;
    hml_owned_tensor t = {0};
    /* raw_data, dims one by one */
    assert_int_equal(read_pb(BYTES("\x08\x02\x08\x01\x10\x01\x42\x01"
                                   "a\x4a\x08\x00\x00\x80\x3f\x00\x00\x00\x40"),
                             &t),
                     HML_OK);
    assert_string_equal(t.name, "a");
    assert_int_equal(t.tensor.rank, 2);
    assert_true(((const float *)t.tensor.data)[1] == 2.0F);
    hml_tensor_release(&t);
    /* f16 1, -2, 0.5 in packed int32_data */
    assert_int_equal(
        read_pb(BYTES("\x08\x03\x10\x0a\x2a\x07\x80\x78\x80\x80\x03\x80\x70\x42\x01h"), &t),
        HML_OK);
    assert_true(hml_number_load(&t.tensor, 0) == 1.0);
    assert_true(hml_number_load(&t.tensor, 1) == -2.0);
    assert_true(hml_number_load(&t.tensor, 2) == 0.5);
    hml_tensor_release(&t);
    /* i64 -1, 300 in packed int64_data, packed dims */
    assert_int_equal(read_pb(BYTES("\x0a\x01\x02\x10\x07\x3a\x0c\xff\xff\xff\xff\xff\xff\xff\xff"
                                   "\xff\x01\xac\x02"),
                             &t),
                     HML_OK);
    assert_int_equal(((const int64_t *)t.tensor.data)[0], -1);
    assert_int_equal(((const int64_t *)t.tensor.data)[1], 300);
    assert_string_equal(t.name, "");
    hml_tensor_release(&t);
    /* one string: its bytes */
    assert_int_equal(read_pb(BYTES("\x10\x08\x32\x03"
                                   "a\0b\x42\x01s"),
                             &t),
                     HML_OK);
    assert_int_equal(t.tensor.dtype, HML_U8);
    assert_int_equal(t.tensor.rank, 1);
    assert_int_equal(t.tensor.dims[0], 3);
    assert_int_equal(((const uint8_t *)t.tensor.data)[2], 'b');
    assert_string_equal(t.name, "s");
    hml_tensor_release(&t);
    /* rank 0, unpacked float_data, a field that we do not know */
    assert_int_equal(read_pb(BYTES("\x10\x01\x25\x00\x00\x20\x40\xf8\x01\x07"), &t), HML_OK);
    assert_true(*(const float *)t.tensor.data == 2.5F);
    hml_tensor_release(&t);
}

static void bad_tensor_protos_are_refused(void **state)
{
    (void)state;
#define CASE(literal, status) {literal, sizeof(literal) - 1, HML_ERROR_tensor_##status}
    static const struct {
        const char *bytes;
        size_t count;
        hml_status expected;
    } cases[] = {
        CASE("", damaged),
        CASE("\x10", damaged),
        CASE("\x10\x00", damaged),
        CASE("\x08\x02\x10\x01\x4a\x07\x00\x00\x80\x3f\x00\x00\x00", damaged),
        CASE("\x08\x02\x10\x01\x4a\xff\x01", damaged),
        CASE("\x08\x02\x10\x01", damaged),
        CASE("\x08\x02\x10\x01\x22\x03\x00\x00\x80", damaged),
        CASE("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x10\x01", damaged),
        CASE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x01", damaged),
        CASE("\x08\x80\x80\x80\x80\x40\x08\x80\x80\x80\x80\x40\x10\x07", damaged),
        CASE("\x08\x01\x10\x01\x4b", damaged),
        CASE("\x08\x01\x10\x01\x02\x00", damaged),
        CASE("\x08\x02\x10\x08\x32\x01z\x32\x01y", unsupported),
        CASE("\x08\x01\x10\x63\x4a\x01z", unsupported),
        CASE("\x08\x01\x10\x01\x6a\x00", unsupported),
        CASE("\x0a\x0d\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x10\x01", unsupported),
    };
#undef CASE
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hml_owned_tensor t = {0};
        hml_status status = read_pb(cases[i].bytes, cases[i].count, &t);
        if (status != cases[i].expected) {
            fail_msg("case %zu gave %d", i, (int)status);
        }
    }
}

/* -- Round trips ------------------------------------------------------------------------------- */

static void round_trip(const char *path, hml_dtype dtype, uint32_t rank, hml_tensor_format format)
{
    static const int64_t dims[] = {2, 3, 5};
    hml_owned_tensor t = {0};
    hml_tensor_list list;
    uint64_t seed = 7 + (uint64_t)dtype;
    assert_int_equal(hml_tensor_create(dtype, rank, dims, NULL, 0, &t, &error), HML_OK);
    hml_tensor_randomize(&t.tensor, &seed);
    assert_int_equal(hml_tensor_file_write(path, format, &t.tensor, "name", NULL, &error), HML_OK);
    if (hml_tensor_file_read(path, &list, &error) != HML_OK) {
        fail_msg("%s", error.text);
    }
    const hml_tensor *back = &list.tensors[0].tensor;
    assert_int_equal(back->dtype, dtype);
    assert_int_equal(back->rank, rank);
    assert_int_equal(back->bytes, t.tensor.bytes);
    assert_memory_equal(back->dims, t.tensor.dims, rank * sizeof dims[0]);
    assert_memory_equal(back->data, t.tensor.data, back->bytes);
    assert_string_equal(list.tensors[0].name, format == HML_FORMAT_PB ? "name" : "");
    hml_tensor_list_release(&list);
    hml_tensor_release(&t);
}

static void written_tensors_read_back(void **state)
{
    (void)state;
    char path[] = "/tmp/hml-tensor-test-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    for (int dtype = HML_BOOL; dtype <= HML_F64; dtype++) {
        for (uint32_t rank = 0; rank <= 3; rank++) {
            for (int format = HML_FORMAT_NPY; format <= HML_FORMAT_PB; format++) {
                round_trip(path, (hml_dtype)dtype, rank, (hml_tensor_format)format);
            }
        }
    }
    unlink(path);
    hml_tensor_list none;
    assert_int_equal(hml_tensor_file_read(path, &none, &error), HML_ERROR_path_wrong);
    assert_int_equal(hml_tensor_file_read("/tmp", &none, &error), HML_ERROR_path_wrong);
    uint64_t number = 7;
    hml_tensor scalar = {.data = &number, .bytes = 8, .dtype = HML_U64};
    assert_int_equal(
        hml_tensor_file_write("/nonexistent/x.npy", HML_FORMAT_NPY, &scalar, "", NULL, &error),
        HML_ERROR_path_wrong);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(npy_headers_are_understood),
        cmocka_unit_test(npy_orders_are_converted),
        cmocka_unit_test(bad_npy_headers_are_refused),
        cmocka_unit_test(archives_are_unpacked),
        cmocka_unit_test(damaged_archives_end_in_a_code),
        cmocka_unit_test(what_the_header_does_not_state_is_not_unpacked),
        cmocka_unit_test(what_nobody_wants_is_not_unpacked),
        cmocka_unit_test(entries_do_not_share_their_bytes),
        cmocka_unit_test(inflate_stays_within_its_bounds),
        cmocka_unit_test(tensor_protos_are_read),
        cmocka_unit_test(bad_tensor_protos_are_refused),
        cmocka_unit_test(written_tensors_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that expand from ops.def and attrs.def. */
#include <hmlc/op.h>
#include <hmlc/packing.h>

#include <string.h>

/* Traits, costs and attribute rows of ops.def in the words it uses. */
enum {
    ELEMENTWISE = HMLC_TRAIT_ELEMENTWISE,
    BROADCASTS = HMLC_TRAIT_BROADCASTS,
    COMMUTATIVE = HMLC_TRAIT_COMMUTATIVE,
    PURE = HMLC_TRAIT_PURE,
    CONSTANT = HMLC_TRAIT_CONSTANT,
    GENERATOR = HMLC_TRAIT_GENERATOR,
    VIEW = HMLC_TRAIT_VIEW,
    MOVEMENT = HMLC_TRAIT_MOVEMENT,
    INDEXED = HMLC_TRAIT_INDEXED,
    REDUCTION = HMLC_TRAIT_REDUCTION,
    ROWWISE = HMLC_TRAIT_ROWWISE,
    CONTRACTION = HMLC_TRAIT_CONTRACTION,
    WINDOW = HMLC_TRAIT_WINDOW,
    IRREGULAR = HMLC_TRAIT_IRREGULAR,
    BINDS = HMLC_TRAIT_BINDS,
    REGIONS = HMLC_TRAIT_REGIONS,
    TERMINATOR = HMLC_TRAIT_TERMINATOR,
    ONCE = HMLC_COST_ONCE,
    LONG = HMLC_COST_LONG,
};
#define CHEAP                       {0, 0}
#define COST(tenths, facts)         {tenths, facts}
#define REQUIRED(attr)              {HMLC_ATTR_##attr, true, 0.0},
#define OPTIONAL(attr)              {HMLC_ATTR_##attr, false, 0.0},
#define OPTIONAL_INT(attr, value)   {HMLC_ATTR_##attr, false, value},
#define OPTIONAL_FLOAT(attr, value) {HMLC_ATTR_##attr, false, value},
#define EXACTLY(count)              count, count
#define RANGE(least, most)          least, most
#define ANY                         0, -1

/* One array of attribute rows per op; the last, empty row keeps ops without attributes legal C. */
#define HMLC_OP(name, operands, results, traits, cost, infer, eval, attributes)                    \
    static const hmlc_attr_spec attrs_of_##name[] = {attributes{0, false, 0.0}};
#include <hmlc/ops.def>
#undef HMLC_OP

static const hmlc_op_info ops[] = {
#define HMLC_OP(name, operands, results, traits, cost, infer, eval, attributes)                    \
    {#name,                                                                                        \
     attrs_of_##name,                                                                              \
     (uint32_t)(sizeof attrs_of_##name / sizeof(hmlc_attr_spec)) - 1,                              \
     traits,                                                                                       \
     cost,                                                                                         \
     operands,                                                                                     \
     results},
#include <hmlc/ops.def>
#undef HMLC_OP
};

static const struct {
    const char *name;
    hmlc_attr_kind kind;
    const char *words; /* of an ENUM, a | behind each */
} attributes[] = {
#define HMLC_ATTR(name, kind)       {#name, HMLC_ATTR_KIND_##kind, ""},
#define HMLC_ATTR_ENUM(name, words) {#name, HMLC_ATTR_KIND_ENUM, words},
#define WORD(identifier, text)      text "|"
#include <hmlc/attrs.def>
#undef WORD
#undef HMLC_ATTR_ENUM
#undef HMLC_ATTR
};

const hmlc_op_info *hmlc_op_get_info(hmlc_opcode opcode)
{
    return &ops[opcode];
}

static bool is_text(const char *name, const char *text, size_t length)
{
    return strlen(name) == length && memcmp(name, text, length) == 0;
}

bool hmlc_opcode_from_name(const char *name, size_t length, hmlc_opcode *opcode)
{
    for (int i = 0; i < HMLC_OP_COUNT; i++) {
        if (is_text(ops[i].name, name, length)) {
            *opcode = (hmlc_opcode)i;
            return true;
        }
    }
    return false;
}

hmlc_attr_kind hmlc_attr_kind_of(hmlc_attr_name name)
{
    return attributes[name].kind;
}

const char *hmlc_attr_name_text(hmlc_attr_name name)
{
    return attributes[name].name;
}

bool hmlc_attr_name_from_text(const char *text, size_t length, hmlc_attr_name *name)
{
    for (int i = 0; i < HMLC_ATTR_COUNT; i++) {
        if (is_text(attributes[i].name, text, length)) {
            *name = (hmlc_attr_name)i;
            return true;
        }
    }
    return false;
}

const char *hmlc_attr_enum_word(hmlc_attr_name name, int64_t value, size_t *length)
{
    const char *word = attributes[name].words;
    for (; value > 0 && *word != '\0'; value--) {
        word += strcspn(word, "|");
        word += *word == '|' ? 1 : 0;
    }
    *length = strcspn(word, "|");
    return value == 0 && *length > 0 ? word : NULL;
}

bool hmlc_attr_enum_value(hmlc_attr_name name, const char *text, size_t length, int64_t *value)
{
    size_t word_length;
    for (int64_t i = 0;; i++) {
        const char *word = hmlc_attr_enum_word(name, i, &word_length);
        if (word == NULL) {
            return false;
        }
        if (word_length == length && memcmp(word, text, length) == 0) {
            *value = i;
            return true;
        }
    }
}

static bool tensors_equal(const hmlc_tensor *left, const hmlc_tensor *right)
{
    if (left == right) {
        return true;
    }
    if (left->dtype != right->dtype || left->rank != right->rank || left->bytes != right->bytes) {
        return false;
    }
    for (int32_t i = 0; i < left->rank; i++) {
        if (left->dims[i] != right->dims[i]) {
            return false;
        }
    }
    return left->data == right->data || left->bytes == 0 ||
           memcmp(left->data, right->data, left->bytes) == 0;
}

static bool lists_equal(const hmlc_attr *left, const hmlc_attr *right, const void *left_data,
                        const void *right_data, size_t bytes)
{
    return left->count == right->count &&
           (left->count == 0 || memcmp(left_data, right_data, left->count * bytes) == 0);
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

bool hmlc_attr_equal(const hmlc_attr *left, const hmlc_attr *right)
{
    if (left->name != right->name) {
        return false;
    }
    switch (attributes[left->name].kind) {
    case HMLC_ATTR_KIND_INT:
    case HMLC_ATTR_KIND_ENUM:
        return left->as.integer == right->as.integer;
    case HMLC_ATTR_KIND_FLOAT: /* by bits: 0 and -0 differ, a NaN equals itself */
        return bits_of(left->as.real) == bits_of(right->as.real);
    case HMLC_ATTR_KIND_INTS:
        return lists_equal(left, right, left->as.integers, right->as.integers, sizeof(int64_t));
    case HMLC_ATTR_KIND_FLOATS:
        return lists_equal(left, right, left->as.reals, right->as.reals, sizeof(double));
    case HMLC_ATTR_KIND_STRING:
        return strcmp(left->as.string, right->as.string) == 0;
    case HMLC_ATTR_KIND_DIMS:
        return lists_equal(left, right, left->as.dims, right->as.dims, sizeof(hmlc_dim));
    case HMLC_ATTR_KIND_DTYPE:
        return left->as.dtype == right->as.dtype;
    case HMLC_ATTR_KIND_TENSOR:
        return tensors_equal(left->as.tensor, right->as.tensor);
    }
    return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator is: opcode, traits, arity, attributes. Everything here expands from ops.def and
 * attrs.def. */
#ifndef HMLC_OP_H
#define HMLC_OP_H

#include <hmlc/attr_words.h>
#include <hmlc/sampling.h>
#include <hmlc/types.h>

typedef enum hmlc_opcode {
#define HMLC_OP(name, operands, results, traits, cost, infer, eval, attributes) HMLC_OP_##name,
#include <hmlc/ops.def>
#undef HMLC_OP
    HMLC_OP_COUNT,
} hmlc_opcode;

typedef enum hmlc_trait {
    HMLC_TRAIT_ELEMENTWISE = 1 << 0, /* result element i depends on operand elements i only */
    HMLC_TRAIT_BROADCASTS = 1 << 1,  /* operands broadcast as in numpy */
    HMLC_TRAIT_COMMUTATIVE = 1 << 2,
    HMLC_TRAIT_PURE = 1 << 3, /* may be removed, merged and moved */
    HMLC_TRAIT_CONSTANT = 1 << 4,
    HMLC_TRAIT_GENERATOR = 1 << 5, /* computed from the index and dims alone */
    HMLC_TRAIT_VIEW = 1 << 6,      /* renames indices; hmlc_access can compose it */
    HMLC_TRAIT_MOVEMENT = 1 << 7,  /* copies elements by a rule known from the index */
    HMLC_TRAIT_INDEXED =
        1 << 8, /* result element computed from its index and loads at computed indices */
    HMLC_TRAIT_REDUCTION = 1 << 9,
    HMLC_TRAIT_ROWWISE = 1 << 10, /* same shape in and out, reduces over `axes` inside */
    HMLC_TRAIT_CONTRACTION = 1 << 11,
    HMLC_TRAIT_WINDOW = 1 << 12,
    HMLC_TRAIT_IRREGULAR = 1 << 13, /* portable C kernels */
    HMLC_TRAIT_BINDS = 1 << 14,     /* defines symbols */
    HMLC_TRAIT_REGIONS = 1 << 15,
    HMLC_TRAIT_TERMINATOR = 1 << 16,
} hmlc_trait;

typedef enum hmlc_attr_name {
#define HMLC_ATTR(name, kind) HMLC_ATTR_##name,
#include <hmlc/attrs.def>
#undef HMLC_ATTR
    HMLC_ATTR_COUNT,
} hmlc_attr_name;

typedef enum hmlc_attr_kind {
    HMLC_ATTR_KIND_INT,
    HMLC_ATTR_KIND_FLOAT,
    HMLC_ATTR_KIND_INTS,
    HMLC_ATTR_KIND_FLOATS,
    HMLC_ATTR_KIND_STRING,
    HMLC_ATTR_KIND_DIMS,
    HMLC_ATTR_KIND_DTYPE,
    HMLC_ATTR_KIND_TENSOR,
    HMLC_ATTR_KIND_ENUM, /* stored in as.integer */
} hmlc_attr_kind;

/* Lists of attributes are at most this long. */
#define HMLC_MAX_ATTR_LIST 64

/* An attribute's value. Lists and strings are arena-owned and immutable. */
typedef struct hmlc_attr {
    hmlc_attr_name name;
    uint32_t count; /* elements of a list */
    union {
        int64_t integer;
        double real;
        const char *string;
        const int64_t *integers;
        const double *reals;
        const hmlc_dim *dims;
        hmlc_dtype dtype;
        const hmlc_tensor *tensor;
    } as;
} hmlc_attr;

static inline hmlc_attr hmlc_attr_int(hmlc_attr_name name, int64_t value)
{
    return (hmlc_attr){.name = name, .as.integer = value};
}
static inline hmlc_attr hmlc_attr_float(hmlc_attr_name name, double value)
{
    return (hmlc_attr){.name = name, .as.real = value};
}
static inline hmlc_attr hmlc_attr_ints(hmlc_attr_name name, const int64_t *values, uint32_t count)
{
    return (hmlc_attr){.name = name, .count = count, .as.integers = values};
}
static inline hmlc_attr hmlc_attr_floats(hmlc_attr_name name, const double *values, uint32_t count)
{
    return (hmlc_attr){.name = name, .count = count, .as.reals = values};
}
static inline hmlc_attr hmlc_attr_dims(hmlc_attr_name name, const hmlc_dim *values, uint32_t count)
{
    return (hmlc_attr){.name = name, .count = count, .as.dims = values};
}
static inline hmlc_attr hmlc_attr_dtype(hmlc_attr_name name, hmlc_dtype value)
{
    return (hmlc_attr){.name = name, .as.dtype = value};
}
static inline hmlc_attr hmlc_attr_tensor(hmlc_attr_name name, const hmlc_tensor *value)
{
    return (hmlc_attr){.name = name, .as.tensor = value};
}

hmlc_attr_kind hmlc_attr_kind_of(hmlc_attr_name name);
const char *hmlc_attr_name_text(hmlc_attr_name name);
bool hmlc_attr_name_from_text(const char *text, size_t length, hmlc_attr_name *name);
/* An ENUM's word by value (not NUL-terminated, NULL when there is none), and back. */
const char *hmlc_attr_enum_word(hmlc_attr_name name, int64_t value, size_t *length);
bool hmlc_attr_enum_value(hmlc_attr_name name, const char *text, size_t length, int64_t *value);
bool hmlc_attr_equal(const hmlc_attr *left, const hmlc_attr *right);

/* One attribute that an op has, with its default. */
typedef struct hmlc_attr_spec {
    hmlc_attr_name name;
    bool required;
    double default_value; /* INT, ENUM and FLOAT; else 0 */
} hmlc_attr_spec;

/* What an op costs beyond the loads of its operands. */
typedef enum hmlc_cost_fact {
    HMLC_COST_ONCE = 1 << 0, /* not to be evaluated twice for one element */
    HMLC_COST_LONG = 1 << 1, /* many instructions: registers around it are better stored first */
} hmlc_cost_fact;

typedef struct hmlc_op_cost {
    uint32_t tenths; /* of a nanosecond per element; 0: hidden behind the loads */
    uint32_t facts;
} hmlc_op_cost;

typedef struct hmlc_op_info {
    const char *name;
    const hmlc_attr_spec *attrs;
    uint32_t attr_count;
    uint32_t traits;
    hmlc_op_cost cost;
    int32_t least_operands, most_operands; /* most -1: any number */
    int32_t least_results, most_results;
} hmlc_op_info;

const hmlc_op_info *hmlc_op_get_info(hmlc_opcode opcode);
bool hmlc_opcode_from_name(const char *name, size_t length, hmlc_opcode *opcode);
static inline bool hmlc_opcode_has(hmlc_opcode opcode, uint32_t traits)
{
    return (hmlc_op_get_info(opcode)->traits & traits) != 0;
}

#endif

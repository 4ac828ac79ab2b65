/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The artifact file, model.hml: little-endian, 64-bit offsets. Written by backends/, read by the
 * runtime, which trusts no byte of it. docs/format.md shows it in a picture.
 *
 *   hml_file_header
 *   hml_section_record[section_count]     at header.section_table_offset
 *   sections, each at its own alignment; padding between them is zero and belongs to the section
 * before it
 *
 * Every byte of the file is covered by a checksum: header_checksum covers the header (itself
 * zeroed) and the section table with the padding behind it; each section's covers its span.
 *
 * Versions. Whoever changes this file keeps to the following:
 * - The length of every record stands in the file. A reader takes what it knows of a longer record
 *   and reads the fields that a shorter one lacks as zero. So a minor version may append fields to
 *   any record, and zero in them has to mean what was so before.
 * - A minor version may also add section kinds, values at the end of the enumerations, CPU feature
 *   bits and architectures. A reader skips sections of kinds that it does not know, and refuses a
 *   variant whose program has a value that it does not know.
 * - An addition that a reader must not overlook, because it changes what known fields mean, gets a
 *   bit in HML_NEEDS_*. Sections that rely on it have the bit set in `needs`; a reader that does
 *   not know the bit does without the variant, or refuses the file as newer.
 * - What changes the meaning or the place of what is there already is a new major version.
 * - A field whose comment says "reserved" is written as zero and not read.
 */
#ifndef HML_FORMAT_ARTIFACT_H
#define HML_FORMAT_ARTIFACT_H

#include <hml/dtype.h> /* hml_dtype: its numbers are part of the format */
#include <stdint.h>

#define HML_MAGIC        "\x89HML\r\n\x1a\n" /* 8 bytes; text-mode transfers break it visibly */
#define HML_BYTE_ORDER   UINT32_C(0x01020304)
#define HML_FORMAT_MAJOR 1
#define HML_FORMAT_MINOR 3
/* A writer states the version that added the newest of what the file holds. */
#define HML_FORMAT_MINOR_REPEAT 2
#define HML_FORMAT_MINOR_STATES 3
#define HML_RUNTIME_ABI         1
#define HML_NONE                UINT32_MAX /* "no index" in any u32 reference */
#define HML_DATA_ALIGNMENT      64
#define HML_MAPPED_ALIGNMENT    65536 /* sections of files of 1 MiB and more */

typedef struct hml_file_header {
    uint8_t magic[8];
    uint32_t byte_order; /* HML_BYTE_ORDER */
    uint16_t format_major, format_minor;
    uint32_t minimum_abi;  /* HML_RUNTIME_ABI the program needs */
    uint32_t header_bytes; /* sizeof(hml_file_header) */
    uint64_t file_bytes;
    uint64_t section_table_offset;
    uint32_t section_count;
    uint32_t section_record_bytes; /* 0: HML_SECTION_RECORD_BYTES_1_0 */
    uint64_t header_checksum;      /* XXH3-64 */
} hml_file_header;

typedef enum hml_section_kind {
    HML_SECTION_MODEL = 1,  /* hml_model_record and what it refers to: the same for all variants */
    HML_SECTION_PROGRAM,    /* hml_program_record and its tables: one per variant */
    HML_SECTION_CODE,       /* hml_code_record and its segments: one per variant */
    HML_SECTION_WEIGHTS,    /* packed constants, shared by variants */
    HML_SECTION_PROVENANCE, /* JSON text: compiler version, source, options, nodes */
    HML_SECTION_SIGNATURE,  /* reserved: empty until signing exists */
} hml_section_kind;

/*
 * What a reader must know to use a section, beyond the version of the file: bits that later minor
 * versions define.
 */
#define HML_NEEDS_STATES (UINT32_C(1) << 0) /* MODEL, since 1.3: its last inputs are states */
#define HML_NEEDS_KNOWN  HML_NEEDS_STATES

typedef struct hml_section_record {
    uint32_t kind;
    uint32_t variant;      /* the variant that the section belongs to; HML_NONE: all */
    uint32_t architecture; /* HML_ARCHITECTURE_*; 0 where it does not matter */
    uint32_t head_bytes;   /* MODEL, PROGRAM, CODE: of the record at the section's start; 0: as in
                              format 1.0, HML_*_RECORD_BYTES_1_0 */
    uint64_t required_features; /* HML_CPU_* of that architecture */
    uint64_t offset;
    uint64_t bytes; /* used bytes */
    uint64_t span;  /* bytes with the padding behind; offset + span is the next section's offset or
                       the file's end */
    uint64_t alignment;
    uint64_t checksum; /* XXH3-64 over span bytes */
    /* Since 1.1. */
    uint64_t preferred_features; /* HML_CPU_*: a variant that lacks one of them on this CPU runs,
                                    but is taken only when no other does */
    uint32_t needs;              /* HML_NEEDS_* */
    uint32_t reserved;
} hml_section_record;

/* What format 1.0 wrote where it did not state lengths. No version makes these records shorter. */
enum {
    HML_HEADER_BYTES_1_0 = 56,
    HML_SECTION_RECORD_BYTES_1_0 = 64,
    HML_MODEL_RECORD_BYTES_1_0 = 72,
    HML_PROGRAM_RECORD_BYTES_1_0 = 184,
    HML_CODE_RECORD_BYTES_1_0 = 56,
};

enum {
    HML_ARCHITECTURE_X86_64 = 1,
    HML_ARCHITECTURE_AARCH64,
    HML_ARCHITECTURE_NVPTX,
    HML_ARCHITECTURE_ARMV7,
    HML_ARCHITECTURE_RISCV64,
};

/* CPU feature bits, x86-64. The loader takes the last variant all of whose required bits are there,
 * preferably one all of whose preferred bits are there, too. */
#define HML_CPU_X86_SSE42       (UINT64_C(1) << 0) /* x86-64-v2: with SSSE3, POPCNT */
#define HML_CPU_X86_AVX2        (UINT64_C(1) << 1) /* x86-64-v3: FMA, BMI1/2, F16C, LZCNT, MOVBE */
#define HML_CPU_X86_AVX512      (UINT64_C(1) << 2) /* x86-64-v4: F, BW, CD, DQ, VL */
#define HML_CPU_X86_AVX512_VNNI (UINT64_C(1) << 3)
#define HML_CPU_X86_AVX512_BF16 (UINT64_C(1) << 4)
#define HML_CPU_X86_AVX_VNNI    (UINT64_C(1) << 5)
#define HML_CPU_X86_AMX_INT8    (UINT64_C(1) << 6)
#define HML_CPU_X86_KNOWN       UINT64_C(0x7f)

/* AArch64: what the kernel tells in AT_HWCAP and AT_HWCAP2. */
#define HML_CPU_AARCH64_ASIMD (UINT64_C(1) << 0)
#define HML_CPU_AARCH64_FP16                                                                       \
    (UINT64_C(1) << 1) /* arithmetic in half precision, also in vectors                            \
                        */
#define HML_CPU_AARCH64_DOT  (UINT64_C(1) << 2)
#define HML_CPU_AARCH64_FHM  (UINT64_C(1) << 3) /* products of halves added to f32 */
#define HML_CPU_AARCH64_I8MM (UINT64_C(1) << 4)
#define HML_CPU_AARCH64_BF16 (UINT64_C(1) << 5)
#define HML_CPU_AARCH64_SVE2 (UINT64_C(1) << 6)
/* No feature but a trait, to be preferred alone: every core issues in order. */
#define HML_CPU_AARCH64_IN_ORDER (UINT64_C(1) << 32)
#define HML_CPU_AARCH64_KNOWN    (UINT64_C(0x7f) | HML_CPU_AARCH64_IN_ORDER)

/* ARMv7. */
#define HML_CPU_ARMV7_VFP4 (UINT64_C(1) << 0) /* NEON and VFPv4 with 32 registers */

/* A table inside a section: offset from the section's start, in bytes, 8-byte aligned. */
typedef struct hml_table {
    uint64_t offset;
    uint32_t count;
    uint32_t record_bytes; /* a multiple of 4; strings: 1. All of it 0: no such table */
} hml_table;

/* -- MODEL section ----------------------------------------------------------------------------- */

typedef struct hml_model_record {
    hml_table strings; /* bytes; a string reference is an offset into them, NUL-terminated */
    hml_table symbols; /* hml_symbol_record */
    hml_table inputs;  /* hml_tensor_record */
    hml_table outputs; /* hml_tensor_record */
    uint32_t name;     /* string */
    uint32_t reserved;
    /* Since 1.3. A writer that has none leaves the field out. */
    hml_table states; /* hml_state_record */
} hml_model_record;

/*
 * A state is kept from one run to the next. State k of n is the k-th of the last n inputs, which
 * holds what it was, and the k-th of the last n outputs, which gets what it becomes: both of one
 * type, whose dims are HML_DIM_CONSTANT in every program.
 */
typedef struct hml_state_record {
    uint64_t offset, bytes; /* of what it begins with, in the WEIGHTS section; no bytes: zeros */
} hml_state_record;

typedef struct hml_symbol_record {
    uint32_t name;
    uint32_t flags;                     /* HML_SYMBOL_* */
    int64_t minimum, maximum, multiple; /* maximum: HML_DIM_UNBOUNDED where none is known */
    uint32_t slot; /* dim slot that holds its value, the same in every variant; HML_NONE: unused */
    uint32_t reserved;
} hml_symbol_record;
enum { HML_SYMBOL_RUN_TIME = 1 }; /* known only while running: defined by an EVALUATE step */
#define HML_DIM_UNBOUNDED (INT64_C(1) << 47)

typedef struct hml_tensor_record {
    uint32_t name;
    uint32_t kind;  /* 0: tensor; others reserved (sequence, optional, map) */
    uint32_t dtype; /* hml_dtype */
    uint32_t rank;
    /* Inputs: entry slots of the program, the same in every variant. Outputs: HML_NONE; each
     * program has its own output_dims, as run-time slots differ between variants. */
    uint32_t dims[HML_MAX_TENSOR_RANK];
    uint32_t dim_texts[HML_MAX_TENSOR_RANK]; /* strings: "batch", "3", "2*seq + 1" */
} hml_tensor_record;

/* -- PROGRAM section --------------------------------------------------------------------------- */

typedef struct hml_program_record {
    hml_table dims;      /* hml_dim_record; slot k is record k's value */
    hml_table checks;    /* hml_check_record: of run entry, then those of CHECK steps */
    hml_table buffers;   /* hml_buffer_record */
    hml_table operands;  /* hml_operand_record: all steps' operand lists, one behind the other */
    hml_table indices;   /* u32: all steps' dim lists, one behind the other */
    hml_table kernels;   /* hml_kernel_record */
    hml_table steps;     /* hml_step_record */
    hml_table locations; /* u32 strings (of this section): the user's nodes per step */
    hml_table strings;
    hml_table output_dims;   /* u32 slots: all outputs' dims, one output behind the other */
    uint32_t entry_dims;     /* slots [0, entry_dims) are known at run entry; later ones belong to
                                EVALUATE steps */
    uint32_t arena_dim;      /* slot: arena bytes */
    uint32_t scratch_dim;    /* slot: scratch bytes per thread, at entry */
    uint32_t growable_count; /* buffers of kind GROWABLE */
    uint32_t target_name;    /* string: "x86-64-v3" */
    uint32_t entry_checks;   /* checks [0, entry_checks) are made at run entry */
} hml_program_record;

/* Dim instructions in order: a, b, c are smaller slots. All results lie within +-HML_DIM_UNBOUNDED
 * or the run is refused. */
typedef enum hml_dim_op {
    HML_DIM_CONSTANT = 1, /* value */
    HML_DIM_INPUT,        /* dim b of input a */
    HML_DIM_ELEMENT,      /* element b of the i64 tensor at operand record a; only within EVALUATE;
                             range-checked by symbol c */
    HML_DIM_ADD,
    HML_DIM_MULTIPLY,
    HML_DIM_FLOORDIV,
    HML_DIM_CEILDIV,
    HML_DIM_MODULO,
    HML_DIM_MINIMUM,
    HML_DIM_MAXIMUM,
    HML_DIM_EQUAL,
    HML_DIM_LESS,
    HML_DIM_SELECT, /* a ? b : c */
} hml_dim_op;

typedef struct hml_dim_record {
    uint32_t op;
    uint32_t a, b, c;
    int64_t value;
} hml_dim_record;

typedef enum hml_check_kind {
    HML_CHECK_INPUT_DIM = 1, /* dim b of input a equals slot `slot` */
    HML_CHECK_EQUAL,         /* slot a equals slot b */
    HML_CHECK_RANGE, /* slot `slot` lies within symbol a's range and is a multiple of its divisor */
} hml_check_kind;

typedef struct hml_check_record {
    uint32_t kind;
    uint32_t a, b, slot;
    uint32_t location; /* string of this section */
    uint32_t reserved;
} hml_check_record;

typedef enum hml_buffer_kind {
    HML_BUFFER_ARENA = 1, /* offset_dim and bytes_dim */
    HML_BUFFER_GROWABLE,  /* index; bytes_dim */
    HML_BUFFER_INPUT,     /* index; bytes follow from the dims */
    HML_BUFFER_OUTPUT,    /* index; bytes_dim, HML_NONE: bytes follow from the dims */
    HML_BUFFER_WEIGHTS,   /* offset and bytes in the WEIGHTS section; read-only */
    HML_BUFFER_STATE,     /* reserved */
} hml_buffer_kind;

typedef struct hml_buffer_record {
    uint32_t kind;
    uint32_t index;
    uint32_t offset_dim, bytes_dim; /* slots or HML_NONE */
    uint64_t offset, bytes;         /* WEIGHTS */
} hml_buffer_record;

typedef struct hml_operand_record {
    uint32_t buffer;
    uint32_t offset_dim; /* slot: bytes from the buffer's start; HML_NONE: 0 */
    uint32_t flags;      /* HML_OPERAND_WRITTEN */
    uint32_t reserved;
} hml_operand_record;
enum { HML_OPERAND_WRITTEN = 1 };

typedef struct hml_kernel_record {
    uint64_t entry; /* offset in the CODE section's executable segment, behind an hml_entry_seal */
    uint32_t name;  /* string of this section */
    uint32_t form;  /* hml_kernel_form */
} hml_kernel_record;
typedef enum hml_kernel_form {
    HML_FORM_LOOP = 1,
    HML_FORM_CONTRACTION,
    HML_FORM_WINDOW,
    HML_FORM_RECURRENT,
    HML_FORM_PORTABLE,
    HML_FORM_PROVIDER,
} hml_kernel_form;

typedef enum hml_step_kind {
    HML_STEP_CALL = 1, /* kernel, operands, dims, units, scratch */
    HML_STEP_EVALUATE, /* dim slots [first_dim, first_dim + dim_count): element loads and what
                          follows from them */
    HML_STEP_GROW,     /* buffers that became known: operand list names them */
    HML_STEP_BRANCH,   /* jump to `target` when the bool at the first operand is false */
    HML_STEP_JUMP,     /* to `target`, forwards only */
    HML_STEP_CHECK,    /* checks [first_dim, first_dim + dim_count): what a branch alone needs */
    HML_STEP_REPEAT, /* since 1.2: jump back to `target` when the bool at the first operand is true
                      */
} hml_step_kind;

typedef struct hml_step_record {
    uint32_t kind;
    uint32_t kernel;
    uint32_t first_operand, operand_count; /* in operands */
    uint32_t first_dim, dim_count;         /* CALL: in indices; EVALUATE: slots; CHECK: checks */
    uint32_t units_dim;                    /* slot */
    uint32_t scratch_dim;                  /* slot, bytes per thread; HML_NONE: none */
    uint32_t target;
    uint32_t location;  /* index into locations */
    uint32_t unit_cost; /* rough nanoseconds per work unit on one core, for the thread count */
    uint32_t
        work_dim; /* slot: floating-point operations of the whole step, for profiles; HML_NONE */
} hml_step_record;

/* -- CODE section ------------------------------------------------------------------------------ */

/*
 * A flat image: segments in order, load-congruent: the image is mapped as one region with
 * `image_bytes` bytes, each segment at its offset, the executable one read-execute, the constants
 * read-only. Text comes first, constants follow where it ends and fill the image. No relocations,
 * no imports. The image ends with an hml_code_seal. An image that is stored otherwise needs a bit
 * in HML_NEEDS_*, beside fields here that say how.
 */
typedef struct hml_code_record {
    uint64_t image_offset; /* from the section's start, in whole pages */
    uint64_t image_bytes;
    uint64_t text_offset, text_bytes; /* within the image, in whole pages */
    uint64_t rodata_offset, rodata_bytes;
    uint32_t kernel_abi; /* HML_KERNEL_ABI */
    uint32_t page_bytes; /* a power of two; 0: HML_PAGE_BYTES_1_0. Not read before 1.1 */
} hml_code_record;

enum { HML_PAGE_BYTES_1_0 = 4096, HML_MOST_PAGE_BYTES = 1 << 16 };

/* The pages that an image is laid out in: systems with larger ones cannot map it. */
static inline uint64_t hml_code_page(const hml_code_record *code)
{
    return code->page_bytes != 0 ? code->page_bytes : HML_PAGE_BYTES_1_0;
}

/*
 * The last bytes of the image: what the code says of itself. Section and code records that say
 * otherwise are refused, so that no table alone decides on which CPU the code runs, or what of it
 * is mapped. The writer leaves room for it behind the last segment's contents.
 */
typedef struct hml_code_seal {
    uint32_t mark; /* hml_code_mark */
    uint32_t architecture;
    uint64_t required_features;
    uint64_t image_bytes;
    uint64_t text_offset, text_bytes;
    uint64_t rodata_offset, rodata_bytes;
    uint32_t kernel_abi;
    uint32_t page_bytes; /* as in the record */
} hml_code_seal;

/*
 * The bytes right before a kernel's first instruction. They are part of the code, so that no table
 * decides alone where a run enters it: an entry without its own kernel's seal is refused.
 */
typedef struct hml_entry_seal {
    uint32_t mark;   /* hml_entry_mark */
    uint32_t kernel; /* index in the program's table of kernels */
} hml_entry_seal;

/* The marks of an architecture; 0 where its code is not an image. */
static inline uint32_t hml_code_mark(uint32_t architecture)
{
    switch (architecture) {
#define HML_ARCHITECTURE(name, text, code_mark, entry_mark)                                        \
    case HML_ARCHITECTURE_##name:                                                                  \
        return code_mark;
#include "architectures.def"
#undef HML_ARCHITECTURE
    default:
        return 0;
    }
}

static inline uint32_t hml_entry_mark(uint32_t architecture)
{
    switch (architecture) {
#define HML_ARCHITECTURE(name, text, code_mark, entry_mark)                                        \
    case HML_ARCHITECTURE_##name:                                                                  \
        return entry_mark;
#include "architectures.def"
#undef HML_ARCHITECTURE
    default:
        return 0;
    }
}

#endif

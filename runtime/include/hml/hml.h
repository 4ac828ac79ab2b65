/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hml.h: runs compiled models (artifacts, model.hml).
 *
 *     hml_model *model;
 *     hml_session *session;
 *     hml_model_open("model.hml", NULL, &model);
 *     hml_session_create(model, NULL, &session);
 *     hml_bind_input(session, 0, &image);
 *     hml_run(session);
 *     hml_session_output(session, 0, &scores);
 *
 * A model is immutable and may be used by any number of threads at once; a session is used by one
 * thread at a time; a pool of threads is shared by models and sessions. There is no global state:
 * two users of the library in one process do not meet.
 *
 * Every function that can fail returns an hml_status. Out-parameters come last and are written only
 * on success. Strings are UTF-8, NUL-terminated, and owned by the object they were asked from.
 *
 * Structures that begin with struct_bytes are the caller's, who sets it to their sizeof, whether
 * they are read or written; so programs and libraries of different versions fit each other:
 *
 *     hml_open_options options = {.struct_bytes = sizeof options, .variant = "NAME"};
 *     hml_model_info info = {.struct_bytes = sizeof info};
 *
 * A zero field means the default. A field that a program compiled with an older header does not
 * have counts as zero, and nothing is written behind its size. A field that only a newer header has
 * is written as zero, and refused with 1040 where it is read and not zero. 1040 also for a size
 * that is 0 or that no version had. hml_tensor, hml_dim and hml_step_profile stand in arrays: their
 * size never changes, and what is reserved in them has to be zero.
 *
 * NULL where an object, a structure or an out-parameter is due is refused with 1040, by functions
 * without a status ignored. What went wrong with a session is told by hml_session_error; what kept
 * a model or session from being made goes into the `message` of its options.
 */
#ifndef HML_HML_H
#define HML_HML_H

#include <hml/dtype.h>
#include <hml/version.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HML_API      __attribute__((visibility("default")))
#define HML_MUST_USE __attribute__((warn_unused_result))
#else
#define HML_API
#define HML_MUST_USE
#endif

/* -- Status ------------------------------------------------------------------------------------ */

typedef enum hml_status {
    HML_OK = 0,
#define HML_STATUS(identifier, number, exit_class, title, explanation)                             \
    HML_ERROR_##identifier = (number),
#include <hml/status.def>
#undef HML_STATUS
} hml_status;

typedef struct hml_status_text {
    uint32_t number;         /* printed as HML1003; 0: HML_OK */
    uint32_t exit_class;     /* exit status of the command line: 0, 2, 3, 4 or 5 */
    const char *name;        /* "byte_swapped" */
    const char *title;       /* one line, no full stop */
    const char *explanation; /* one or two sentences: what it means, what to do */
} hml_status_text;

/* What a status means. Never NULL: an unknown number gives a text that says so. Any thread. */
HML_API const hml_status_text *hml_status_describe(hml_status status);

/* Version of the library in use, "0.1.0"; HML_VERSION_MAJOR, _MINOR and _PATCH are those of the
 * header. Any thread. */
HML_API const char *hml_version(void);

/* Bytes of one element; 0 for a number that is no type. Any thread. */
HML_API size_t hml_dtype_bytes(hml_dtype dtype);

/* "f32", "i64", "bool" ...; NULL for a number that is no type. Any thread. */
HML_API const char *hml_dtype_name(hml_dtype dtype);

/* -- Common structures ------------------------------------------------------------------------- */

/*
 * Where memory comes from. `allocate` returns NULL when there is none; `alignment` is a power of
 * two. `release` gets the pointer and size of an earlier allocation, never NULL. Both are called
 * from the thread that called the library, and must be thread-safe when objects that share the
 * allocator are used by several threads. The structure is copied.
 */
typedef struct hml_allocator {
    uint32_t struct_bytes;
    uint32_t reserved; /* 0 */
    void *context;
    void *(*allocate)(void *context, size_t bytes, size_t alignment);
    void (*release)(void *context, void *memory, size_t bytes);
} hml_allocator;

/* A dense row-major tensor in somebody's memory. */
typedef struct hml_tensor {
    void *data;   /* aligned to the element size; 64 bytes is faster. May be NULL when empty */
    size_t bytes; /* size of that memory, at least what the shape needs */
    hml_dtype dtype;
    uint32_t rank;
    int64_t dims[HML_MAX_TENSOR_RANK];
    /* Reserved for tensors that other devices hold, 0: the CPU's memory. */
    uint32_t memory_kind, device;
    uint64_t reserved[3];
} hml_tensor;

/* The value of a named dim: {"batch", 4}. */
typedef struct hml_dim {
    const char *name;
    int64_t value;
} hml_dim;

/* -- Models ------------------------------------------------------------------------------------ */

typedef struct hml_model hml_model;

enum {
    HML_OPEN_INSPECT = 1,        /* maps no code, so that artifacts for other CPUs open too */
    HML_OPEN_NO_ENVIRONMENT = 2, /* HML_VARIANT is not asked */
};

/* A part of a file that the caller has open: an artifact within a package, or behind a sandbox. */
typedef struct hml_file_part {
    uint32_t struct_bytes;
    int descriptor;  /* of a regular file. Stays the caller's, its position is neither used nor
                        changed, and it may be closed once the model is open */
    uint64_t offset; /* on a page larger artifacts are mapped; else they are read */
    uint64_t bytes;  /* 0: to the end of the file */
} hml_file_part;

typedef struct hml_open_options {
    uint32_t struct_bytes;
    uint32_t flags;                 /* HML_OPEN_* */
    const char *variant;            /* NULL: HML_VARIANT of the environment, else the best one */
    const hml_allocator *allocator; /* NULL: the system's. Sessions inherit it */
    char *message;                  /* gets the full error message; NULL: not wanted */
    size_t message_bytes;
    const hml_file_part *part; /* where the artifact is, instead of a path. Read while opening */
} hml_open_options;

/*
 * Opens an artifact: checks every byte of it (header, bounds, checksums, all indices), chooses the
 * last variant that this CPU runs, maps weights and code. Files under 1 MiB are read, larger ones
 * mapped, shared between processes; a mapped file may be replaced (renamed over), never changed in
 * place: bytes are checked once, here, and a later change is neither noticed nor harmless. `path`
 * is NULL where options->part says where the artifact is. The caller owns one reference to *model.
 * Allocates. Any thread. Errors: 1001 to 1031, 1040.
 */
HML_API hml_status hml_model_open(const char *path, const hml_open_options *options,
                                  hml_model **model) HML_MUST_USE;

/*
 * The same from memory, which the caller keeps, unchanged, until the model is gone. Memory that is
 * not aligned to 64 bytes is copied.
 */
HML_API hml_status hml_model_open_memory(const void *data, size_t bytes,
                                         const hml_open_options *options,
                                         hml_model **model) HML_MUST_USE;

/* One more reference, atomically. Returns `model`. Any thread. */
HML_API hml_model *hml_model_retain(hml_model *model);

/* Gives a reference back; the last one frees the model. NULL is accepted. Any thread. */
HML_API void hml_model_release(hml_model *model);

typedef struct hml_model_info {
    uint32_t struct_bytes;
    uint32_t input_count, output_count, symbol_count, variant_count;
    uint32_t variant;    /* the chosen one; with HML_OPEN_INSPECT the one that would be, else 0 */
    uint32_t step_count; /* of that variant */
    uint32_t mapped;     /* 1: the file is mapped, 0: it was read */
    uint32_t growable;   /* 1: some sizes are known only while running; a run may allocate */
    uint32_t format_major, format_minor; /* of the artifact */
    uint32_t reserved;
    const char *name;
    uint64_t file_bytes, weight_bytes;
    uint64_t code_bytes;    /* of that variant: executable code and its constants */
    const char *provenance; /* JSON text of the compiler, not NUL-terminated; NULL when absent */
    uint64_t provenance_bytes;
    uint32_t state_count; /* what a session keeps from run to run, see HML_STATE */
    uint32_t reserved_2;
    uint64_t state_bytes; /* sum; a session holds each twice */
} hml_model_info;

/* Counts, sizes and texts of a model. Strings live as long as the model. Errors: 1040. No
 * allocation. Any thread. */
HML_API hml_status hml_model_describe(const hml_model *model, hml_model_info *info) HML_MUST_USE;

typedef struct hml_tensor_info {
    uint32_t struct_bytes;
    hml_dtype dtype;
    uint32_t rank;
    uint32_t kind; /* 0: a tensor. Others are reserved: sequence, optional, map */
    const char *name;
    const char *dim_texts[HML_MAX_TENSOR_RANK]; /* "batch", "224", "2*seq + 1" */
} hml_tensor_info;

/*
 * A model may have states: tensors that a session keeps from one run to the next. Each session has
 * its own, which begin with what the model says, mostly zeros. A run starts from what the last one
 * that succeeded left; a failed or stopped one leaves them as they were. Where the index of an
 * input or output is asked for, HML_STATE(k) is state k of hml_model_info.state_count:
 *
 *     hml_model_input(model, HML_STATE(k), &info)            its name, type and shape
 *     hml_bind_input(session, HML_STATE(k), &tensor)         copies the tensor's contents into it
 *     hml_bind_input(session, HML_STATE(k), NULL)            it is again what it begins with
 *     hml_bind_input(session, HML_ALL_STATES, NULL)          all of them are, as in a new session
 *     hml_session_output(session, HML_STATE(k), &tensor)     what it is now: also before any run
 *
 * hml_session_output gives the state's own memory, which stays the same as long as the session is
 * and may be read and written between runs. As everything of a session states are used by one
 * thread at a time; sessions do not share them. hml_model_find_input and hml_model_find_output find
 * none.
 */
#define HML_STATE(k)   (UINT32_C(0x80000000) + (k))
#define HML_ALL_STATES UINT32_MAX

/* Name, type and symbolic shape of an input or output. Errors: 1040. No allocation. Any thread. */
HML_API hml_status hml_model_input(const hml_model *model, uint32_t index,
                                   hml_tensor_info *info) HML_MUST_USE;
HML_API hml_status hml_model_output(const hml_model *model, uint32_t index,
                                    hml_tensor_info *info) HML_MUST_USE;

/* The index of the input or output of a name. Errors: 1040, 1056. No allocation. Any thread. */
HML_API hml_status hml_model_find_input(const hml_model *model, const char *name,
                                        uint32_t *index) HML_MUST_USE;
HML_API hml_status hml_model_find_output(const hml_model *model, const char *name,
                                         uint32_t *index) HML_MUST_USE;

typedef struct hml_symbol_info {
    uint32_t struct_bytes;
    uint32_t run_time; /* 1: not decided by the inputs' shapes but by their values */
    const char *name;
    int64_t minimum, maximum; /* maximum INT64_MAX: no bound is known */
    int64_t multiple;         /* 1: any value */
} hml_symbol_info;

/* A named dim and its range. Errors: 1040. No allocation. Any thread. */
HML_API hml_status hml_model_symbol(const hml_model *model, uint32_t index,
                                    hml_symbol_info *info) HML_MUST_USE;

typedef struct hml_variant_info {
    uint32_t struct_bytes;
    uint32_t runs_here; /* 1: this CPU has all that the variant needs */
    uint32_t newer;     /* 1: this runtime is too old for it; name "", no steps, no code */
    uint32_t step_count;
    const char *name;         /* of the target it was made for */
    const char *architecture; /* "unknown" to this runtime */
    uint64_t code_bytes;
} hml_variant_info;

/* One variant of the code. Errors: 1040. No allocation. Any thread. */
HML_API hml_status hml_model_variant(const hml_model *model, uint32_t index,
                                     hml_variant_info *info) HML_MUST_USE;

typedef struct hml_step_info {
    uint32_t struct_bytes;
    uint32_t operand_count;
    uint32_t target; /* branch, jump, repeat: step index */
    uint32_t reserved;
    const char *kind;     /* "call", "evaluate", "grow", "branch", "jump", "check", "repeat" */
    const char *kernel;   /* name; NULL when the step calls none */
    const char *form;     /* way it was made: "loop", "contraction", "window", ...; NULL likewise */
    const char *location; /* the user's nodes; "" when there is none */
} hml_step_info;

/* One step of the chosen variant's program. Errors: 1040. No allocation. Any thread. */
HML_API hml_status hml_model_step(const hml_model *model, uint32_t index,
                                  hml_step_info *info) HML_MUST_USE;

typedef struct hml_shape_info {
    uint32_t struct_bytes;
    uint32_t reserved;
    uint64_t arena_bytes;               /* memory for intermediate tensors */
    uint64_t scratch_bytes_per_thread;  /* 0: none */
    uint64_t input_bytes, output_bytes; /* sums; tensors with run-time dims count as 0 */
} hml_shape_info;

/*
 * Shapes and sizes for given dims. Dims not named take their default: the smallest value of their
 * range that is at least 1. `inputs` and `outputs` have an entry per input and output of the model:
 * their data stays NULL, a dim known only while running is -1, and bytes is what the shape needs, 0
 * where unknown. Any of `inputs`, `outputs` and `info` may be NULL: not wanted. Allocates
 * temporarily from the model's allocator. Any thread. Errors: 1031, 1040, 1048, 1049, 1052; what
 * was written of the arrays then is unspecified.
 */
HML_API hml_status hml_model_shapes(const hml_model *model, const hml_dim *dims, uint32_t dim_count,
                                    hml_tensor *inputs, hml_tensor *outputs,
                                    hml_shape_info *info) HML_MUST_USE;

/* -- Threads ----------------------------------------------------------------------------------- */

typedef struct hml_pool hml_pool;

/* Runs task(task_context, part) for each part in [0, parts), on any threads, and returns when all
 * are done. Parts may also run one behind the other. */
typedef void hml_parallel_for(void *context, uint32_t parts,
                              void (*task)(void *task_context, uint32_t part), void *task_context);

typedef struct hml_pool_options {
    uint32_t struct_bytes;
    uint32_t threads; /* with the calling one; 0: as many as the process may use, of unequal cores
                         the fast ones */
    hml_parallel_for
        *parallel_for; /* the caller's own threads; NULL: the pool starts threads - 1 */
    void *context;     /* of parallel_for */
    const hml_allocator *allocator; /* NULL: the system's. The system itself keeps the threads'
                                       stacks */
} hml_pool_options;

/*
 * A pool that any number of sessions share. One run at a time uses its workers; a run that finds
 * them busy stays on its own thread. Idle workers spin for some microseconds, then sleep. Does not
 * survive fork(): in the child it must neither be released nor used, nor any session that has it;
 * models and other sessions stay good there. Allocates, starts threads. Any thread.
 * Errors: 1031, 1040, 1055.
 */
HML_API hml_status hml_pool_create(const hml_pool_options *options, hml_pool **pool) HML_MUST_USE;

/*
 * Gives the creator's reference back; the threads end when the last session that uses the pool is
 * gone, too. NULL is accepted. Any thread.
 */
HML_API void hml_pool_release(hml_pool *pool);

/* -- Sessions ---------------------------------------------------------------------------------- */

typedef struct hml_session hml_session;

typedef struct hml_session_options {
    uint32_t struct_bytes;
    uint32_t fixed; /* 1: never allocate after creation: a run that needs more is refused (1051) */
    hml_pool *pool; /* NULL: runs stay on the calling thread. The session keeps a reference */
    const hml_dim
        *dims; /* largest dims to reserve memory for; others: their bound if they have one */
    uint32_t dim_count;
    uint32_t reserved; /* 0 */
    /* Most bytes of states, arena, scratch, growing buffers and outputs that are not bound,
     * together: what needs more is refused (1031). 0: what the machine has, swap included. */
    uint64_t memory_limit;
    /* The caller's memory for the session, aligned to 64: it must outlive the session. NULL: from
     * the model's allocator. */
    void *memory;
    size_t memory_bytes; /* at least what hml_session_size says for these options */
    char *message;       /* gets the full error message of creation; NULL: not wanted */
    size_t message_bytes;
} hml_session_options;

/*
 * Bytes that a session in the caller's memory needs: tables, states, arena and scratch for the
 * given dims, not outputs. A dim without value and bound counts with its smallest value. Allocates
 * temporarily. Any thread. Errors: 1031, 1040, 1046, 1048, 1049, 1052, 1054.
 */
HML_API hml_status hml_session_size(const hml_model *model, const hml_session_options *options,
                                    size_t *bytes) HML_MUST_USE;

/*
 * Makes a session, which retains model and pool. In options->memory it does not allocate; later
 * runs do so only when dims exceed what was reserved, for run-time sizes, and for outputs that are
 * not bound, unless options->fixed. Else it allocates from the model's allocator: without
 * options->dims the arena when the first run knows its dims, and again when larger dims come. Any
 * thread. Errors: 1031, 1040, 1046, 1048, 1049, 1051, 1052, 1054.
 */
HML_API hml_status hml_session_create(hml_model *model, const hml_session_options *options,
                                      hml_session **session) HML_MUST_USE;

/* Ends a session. NULL is accepted. */
HML_API void hml_session_destroy(hml_session *session);

/* Full message of the session's last failure, with the user's node; "" after a success, and for
 * NULL. It stays until the next call with this session. */
HML_API const char *hml_session_error(const hml_session *session);

/*
 * Binds memory to an input, without a copy: the session reads tensor->data in every run until it
 * is bound again; contents may change between runs. The structure is copied. No allocation. A
 * state (HML_STATE) gets the contents instead, at once; NULL resets it.
 * Errors: 1040, 1042 to 1046. Shapes are compared with each other by the next run; the message
 * names the shape given, the one wanted, and what looks mixed up (NHWC for NCHW, a missing batch).
 */
HML_API hml_status hml_bind_input(hml_session *session, uint32_t index,
                                  const hml_tensor *tensor) HML_MUST_USE;

/*
 * Binds memory to an output: runs write there. It must not overlap inputs or other outputs. NULL
 * data takes the binding back: then the session owns the memory. An output whose size is known only
 * while running may be bound; if it does not fit, the run is refused. No allocation.
 * Errors: 1040, 1046.
 */
HML_API hml_status hml_bind_output(hml_session *session, uint32_t index, void *data,
                                   size_t bytes) HML_MUST_USE;

/*
 * Makes everything ready for the bound inputs: sizes, memory, addresses. hml_run does it when
 * needed; done ahead, output shapes are known before the first run, and no run allocates, locks or
 * calls the system (but for run-time sizes, and the pool's futex). Allocates.
 * Errors: 1031, 1041, 1044, 1047 to 1051.
 */
HML_API hml_status hml_session_prepare(hml_session *session) HML_MUST_USE;

/*
 * Runs the model once. Blocks until the outputs are written. After a failure outputs hold
 * unspecified values and the session may be used again.
 * Errors: as hml_session_prepare, 1060 to 1065.
 */
HML_API hml_status hml_run(hml_session *session) HML_MUST_USE;

/*
 * Has the run in progress end, or if there is none the next one: at once for 0, else as soon as
 * `nanoseconds` from now have passed, which gives that run a deadline. It ends before its next step
 * with 1065; the session may be used again. Asked once more, the last call counts; a run that ends
 * earlier takes the request with it. No allocation, no lock. Any thread, also while the session
 * runs, as long as nobody destroys it. Errors: 1040.
 */
HML_API hml_status hml_session_stop(hml_session *session, uint64_t nanoseconds);

/*
 * An output with its memory and shape: after hml_session_prepare (run-time dims: -1, and the data
 * may still be NULL) or hml_run. The memory is the session's or what was bound; the session's own
 * stays valid until the next hml_bind_*, hml_session_prepare, hml_run or destroy. tensor->bytes
 * never exceeds what lies behind tensor->data. Errors: 1040; 1050 when the memory that was bound
 * since, or is left after a failure, is too small for the dims.
 */
HML_API hml_status hml_session_output(const hml_session *session, uint32_t index,
                                      hml_tensor *tensor) HML_MUST_USE;

typedef struct hml_step_profile {
    uint64_t start_nanoseconds; /* of the last call, monotonic clock */
    uint64_t nanoseconds;       /* sum over calls */
    uint64_t calls;
    int64_t work;     /* floating-point operations of one call, 0 where not counted */
    uint32_t threads; /* of the last call */
    uint32_t reserved;
    uint64_t reserved_words[3];
} hml_step_profile;

/*
 * Has runs measure each step into `steps` (count: hml_model_info.step_count), which the caller
 * keeps; NULL ends it. Costs about 50 ns a step. Errors: 1040.
 */
HML_API hml_status hml_session_profile(hml_session *session, hml_step_profile *steps,
                                       uint32_t count) HML_MUST_USE;

#ifdef __cplusplus
}
#endif

#endif

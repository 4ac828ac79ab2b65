/* SPDX-License-Identifier: Apache-2.0 */
/* A session: one model's dim values, addresses and memory for one run at a time. */
#ifndef HML_SESSION_H
#define HML_SESSION_H

#include "session/dims.h"
#include "session/pool.h"
#include <stdatomic.h>

#define HML_ERROR_BYTES 768
#define HML_SHAPE_TEXT  384

typedef struct hml_input_binding {
    hml_tensor tensor;
    bool bound;
} hml_input_binding;

typedef struct hml_output_binding {
    void *data; /* the caller's; NULL: own */
    size_t bytes;
    hml_region own;
    uint64_t written; /* session->run_count of the last run that wrote it */
} hml_output_binding;

/* What really lies behind an output's address. */
static inline size_t hml_output_room(const hml_output_binding *output)
{
    return output->data != NULL ? output->bytes : output->own.bytes;
}

/* What a step's addresses and sizes depend on: when that changes, the step is prepared anew. */
enum {
    HML_DEPENDS_BINDINGS = 1, /* touches an input or output */
    HML_DEPENDS_RUN_TIME = 2, /* uses a run-time dim or a growable buffer */
    HML_WRITES_OUTPUT = 4,    /* no dependence: a result is the model's */
};

typedef struct hml_step_state {
    uint64_t stamp; /* of session->clock when it was prepared; 0: never */
    hml_kernel_function *function;
    hml_kernel_args args;
    uint64_t cost; /* estimated nanoseconds on one core */
    uint32_t depends;
    uint32_t threads; /* wanted */
} hml_step_state;

/* A part of a split step: the units that nobody has claimed yet, and the outcome of its thread. */
typedef struct hml_part {
    _Alignas(64) _Atomic uint64_t unclaimed; /* of the units it was given; see split.c */
    int64_t detail[2];
    int32_t status;
} hml_part;

struct hml_session {
    hml_model *model;
    const hml_program *program;
    hml_pool *pool; /* NULL: none */
    hml_allocator allocator;
    size_t block_bytes; /* 0: the caller's memory */
    uint32_t thread_count;
    bool fixed;
    bool shapes_changed, bindings_changed; /* since the last preparation */
    bool prepared; /* entry dims have values, and memory is there for them */
    bool complete; /* run-time dims have values, too */

    /* Tables in the session's block. */
    int64_t *dims;
    hml_input_binding *inputs;
    hml_output_binding *outputs;
    void **pointers; /* per operand record */
    int64_t *operand_bytes;
    int64_t *dim_values; /* per entry of the program's dim lists */
    hml_step_state *steps;
    hml_region *growables;
    hml_part *parts; /* per thread */

    hml_region arena, scratch;
    size_t scratch_stride; /* bytes per thread; 0 while there is no scratch memory */
    uint64_t memory_limit; /* of all regions together */
    uint64_t memory_held;
    uint64_t run_count;

    /* Steps are up to date when their stamp is not older than these. */
    uint64_t clock, shape_stamp, binding_stamp, run_time_stamp;
    uint64_t total_cost; /* of steps that may be split, for waking the pool */

    /* When the run in progress or the next one has to end, in nanoseconds of the monotonic clock;
     * 0: never. Any thread writes it, between steps it is read. */
    _Atomic uint64_t stop_at;

    hml_step_profile *profile;
    char error[HML_ERROR_BYTES];
};

/* Kernels carry no type hash before their entry, which clang's function sanitizer would read. */
#if defined(__clang__)
__attribute__((no_sanitize("function")))
#endif
static inline int32_t
hml_kernel_call(hml_kernel_function *function, const hml_kernel_args *args)
{
    return function(args);
}

static inline hml_message hml_session_message(hml_session *session)
{
    return (hml_message){session->error, sizeof session->error};
}

/* A string of the MODEL section. */
static inline const char *hml_session_string(const hml_session *session, uint32_t reference)
{
    return session->model->tables.strings + reference;
}

/* -- Parts of the session, each a file --------------------------------------------------------- */

/* Entry dims from the bound inputs, and the checks at run entry. */
hml_status hml_session_enter(hml_session *session);

/* Makes check `index` of the program as far as its slots are below `known`. */
hml_status hml_session_check(hml_session *session, uint32_t index, uint32_t known);
/* Slots `a` and `b` must be equal and are not: says which relation that is, and what input dims
 * they come from. */
hml_status hml_session_relation_error(hml_session *session, uint32_t a, uint32_t b,
                                      const char *node);
/* ": dim 1 of input 'x' is 5, ...": what the slots are computed from; "" for constants. */
void hml_session_sources_text(const hml_session *session, const uint32_t *slots, uint32_t count,
                              char *text, size_t bytes);

/* Dim of a bound input: hml_dim_source.input_dim. */
int64_t hml_session_input_dim(void *session, uint32_t input, uint32_t dim);

/*
 * At least `bytes` in a region of the session; *moved is set when its address changed. Refused when
 * the session is fixed or would hold more than its limit: the region stays as it was. Where the
 * allocator fails the region is empty, and the next run prepares everything anew.
 */
hml_status hml_session_grow(hml_session *session, hml_region *region, int64_t bytes,
                            const char *what, bool *moved);

/*
 * Writes the shape given for an input, the one wanted, and a guess at what was mixed up. `given`
 * has any rank; `evaluated` says that the session's entry dims have values.
 */
void hml_session_shape_text(const hml_session *session, uint32_t input, const hml_tensor *given,
                            bool evaluated, char *text, size_t bytes);

/* Bytes of output `index` by the dims as they are; -1 when they make no size. */
int64_t hml_session_output_bytes(const hml_session *session, uint32_t index);

/* After the last step: each output was written, and lies in memory of its size. */
hml_status hml_session_check_outputs(hml_session *session);

/* Address and size of an operand record. */
hml_status hml_session_resolve(hml_session *session, uint32_t operand, void **pointer,
                               int64_t *bytes);

/* Makes step `index` ready to run: addresses, dims, kernel check. */
hml_status hml_session_prepare_step(hml_session *session, uint32_t index);

/* Runs call step `index`, which is ready, on `parts` threads of the session's acquired pool. */
hml_status hml_session_run_split(hml_session *session, uint32_t index, uint32_t parts);

/*
 * State k is the input and the output behind those of the caller. What a run starts from lies in
 * the input's block, what it makes of it in the output's, which is copied when the run has
 * succeeded. hml_session_place_states gives them their blocks in memory of hml_model_state_room
 * bytes.
 */
void hml_session_place_states(hml_session *session, uint8_t *memory);
/* States [first, first + count) are what they begin with. */
void hml_session_reset_states(hml_session *session, uint32_t first, uint32_t count);
void hml_session_keep_states(hml_session *session);

/* Writes the session's message for a kernel's status. */
hml_status hml_session_kernel_error(hml_session *session, uint32_t index, int32_t kernel_status,
                                    const int64_t *detail);

#endif

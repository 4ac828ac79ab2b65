/* SPDX-License-Identifier: Apache-2.0 */
/* What import functions of layers ask of a call: its config, weights and arguments. */
#ifndef HMLC_KERAS_CALL_H
#define HMLC_KERAS_CALL_H

#include "common/sliding_window.h"
#include "keras_import.h"

/* The table. */
#define KERAS_LAYER(name, function, opcode, weights, place, keys)                                  \
    hmlc_keras_import_function hmlc_keras_import_##function;
#define KERAS_REFUSED(name, reason)
#include "keras_layers.def"
#undef KERAS_LAYER
#undef KERAS_REFUSED

#define hmlc_keras_fail(call, ...) hmlc_node_fail(&(call)->node, __VA_ARGS__)
static inline bool hmlc_keras_ok(const hmlc_keras_call *call)
{
    return hmlc_node_ok(&call->node);
}
static inline hmlc_emitter *hmlc_keras_emitter(hmlc_keras_call *call)
{
    return &call->node.emit;
}

/* Entries of the config; absent or null ones give `otherwise`. */
const hmlc_json *hmlc_keras_entry(const hmlc_keras_call *call, const char *key);
int64_t hmlc_keras_int(hmlc_keras_call *call, const char *key, int64_t otherwise);
double hmlc_keras_float(hmlc_keras_call *call, const char *key, double otherwise);
bool hmlc_keras_flag(hmlc_keras_call *call, const char *key, bool otherwise);
const char *hmlc_keras_text(hmlc_keras_call *call, const char *key, const char *otherwise);
/* `count` positive numbers: one stands for all; `otherwise` where there is none. */
void hmlc_keras_positive(hmlc_keras_call *call, const char *key, int32_t count, int64_t otherwise,
                         int64_t *values);
/* HMLC_LAYOUT_* of the data. */
int64_t hmlc_keras_layout(hmlc_keras_call *call);
/* The axis of the first spatial dim, and that of the channels. */
static inline int32_t hmlc_keras_first_axis(int64_t layout)
{
    return layout == HMLC_LAYOUT_CHANNELS_LAST ? 1 : 2;
}
static inline int32_t hmlc_keras_channel_axis(int64_t layout, int32_t rank)
{
    return layout == HMLC_LAYOUT_CHANNELS_LAST ? rank - 1 : 1;
}

/* Fails unless input 0 has that rank. */
bool hmlc_keras_check_rank(hmlc_keras_call *call, int32_t rank);

/* A weight by its name in the row, of that rank; NULL where the config leaves it out or it could
 * not be read. */
hmlc_value *hmlc_keras_weight_of(hmlc_keras_call *call, const char *name, int32_t rank);

/* Fails unless the weight's dim along `axis` is `times` the number of the config's entry; of two
 * keys the first that is there, none: nothing is checked. */
void hmlc_keras_check_dim(hmlc_keras_call *call, const hmlc_value *weight, int32_t axis,
                          const char *const keys[2], int64_t times);

/* A named argument that is a tensor or a list of these; how many there are, at most `most`. */
uint32_t hmlc_keras_tensors(hmlc_keras_call *call, const char *name, hmlc_value **values,
                            uint32_t most);

/* keras_activation.c: the activation that the config's entry names (none: as it is). */
hmlc_value *hmlc_keras_activate(hmlc_keras_call *call, const char *key, hmlc_value *x);
/* The op of a recurrent cell's activation, for lstm and its relatives; false where there is none.
 */
bool hmlc_keras_cell_activation(hmlc_keras_call *call, const char *key, const char *otherwise,
                                int64_t *kind, double *alpha, double *beta);

/* keras_window.c: kernel_size or pool_size, strides, dilation_rate, padding of `x`. */
bool hmlc_keras_read_window(hmlc_keras_call *call, const char *size_key, int32_t spatial,
                            const hmlc_value *x, hmlc_window_spec *window);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What of a graph can be quantized, and why the rest is not. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "quantize_plan.h"

const char *hmlc_quantize_reason_text(hmlc_quantize_reason reason)
{
    static const char *const texts[] = {
#define HMLC_QUANTIZE_REASON(identifier, text) text,
        HMLC_QUANTIZE_REASONS(HMLC_QUANTIZE_REASON)
#undef HMLC_QUANTIZE_REASON
    };
    return texts[reason];
}

hmlc_value **hmlc_quantize_values(hmlc_module *module, hmlc_arena *scratch)
{
    hmlc_value **values = HMLC_NEW_ARRAY(scratch, hmlc_value *, module->value_count + 1);
    if (values == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < module->main->argument_count; i++) {
        values[module->main->arguments[i]->id] = module->main->arguments[i];
    }
    HMLC_FOR_EACH_OP(op, module->main)
    {
        for (uint32_t i = 0; i < op->result_count; i++) {
            values[op->results[i]->id] = op->results[i];
        }
    }
    return values;
}

/* -- names ------------------------------------------------------------------------------------- */

static const char *node_name(hmlc_arena *arena, const hmlc_op *op)
{
    const hmlc_location *where = op->location;
    const char *name = NULL;
    for (uint32_t i = 0; where != NULL && i < where->node_count && i < 4; i++) {
        const hmlc_source_node *node = &where->nodes[i];
        const char *word = node->name[0] != '\0' ? node->name : node->op_type;
        name = name == NULL ? word : hmlc_arena_printf(arena, "%s + %s", name, word);
    }
    return name != NULL && name[0] != '\0' ? name : hmlc_op_get_info(op->opcode)->name;
}

/* Has another value of the plan the name? */
static bool is_taken(const hmlc_quantize_plan *plan, const char *name)
{
    for (uint32_t i = 0; i < plan->tensor_count; i++) {
        if (strcmp(plan->tensors[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The user's name, where it has one and nothing else has it; else one after its op. */
static const char *value_name(const hmlc_quantize_plan *plan, const hmlc_value *value)
{
    hmlc_arena *arena = plan->module->arena;
    const char *name = value->name != NULL ? value->name : "";
    const char *from = name[0] != '\0'           ? name
                       : value->producer == NULL ? "input"
                                                 : node_name(arena, value->producer);
    name = from;
    for (uint32_t i = 1; name != NULL && (name != value->name || is_taken(plan, name)); i++) {
        name = hmlc_arena_printf(arena, "%s:%u", from, i);
        if (name != NULL && !is_taken(plan, name)) {
            break;
        }
    }
    return name;
}

/* -- anchors ----------------------------------------------------------------------------------- */

static hmlc_status tensor_of(hmlc_quantize_plan *plan, hmlc_value *value, int32_t axis,
                             uint32_t *index)
{
    for (*index = 0; *index < plan->tensor_count; (*index)++) {
        if (plan->tensors[*index].value == value->id) {
            return HMLC_OK;
        }
    }
    const char *name = value_name(plan, value);
    HMLC_TRY_MEMORY(name);
    value->name = name;
    int64_t channels;
    bool known =
        axis < value->type->rank && hmlc_dim_is_constant(value->type->dims[axis], &channels);
    plan->tensors[plan->tensor_count++] = (hmlc_quantize_tensor){
        .value = value->id, .name = name, .axis = known ? axis : -1, .range_word = ""};
    return HMLC_OK;
}

/* Multiplications of a run at typical dims: elements of the result times the depth. */
static double macs_of(const hmlc_op *op, const hmlc_tensor *weights, int64_t channels)
{
    const hmlc_type *type = op->results[0]->type;
    double count = 1;
    for (int32_t i = 0; i < type->rank; i++) {
        count *= (double)hmlc_dim_hint(type->dims[i]);
    }
    return count * (double)hmlc_tensor_count(weights) / (double)(channels > 0 ? channels : 1);
}

static bool is_quantized(const hmlc_value *value)
{
    return value != NULL && value->producer != NULL &&
           value->producer->opcode == HMLC_OP_dequantize;
}

/* The weights and their axis of output channels; NULL with a reason where the op has none. */
static const hmlc_tensor *weights_of(const hmlc_op *op, int32_t *axis, hmlc_quantize_reason *reason)
{
    const hmlc_value *right = hmlc_op_operand(op, 1);
    const hmlc_tensor *weights = hmlc_value_constant(right);
    if (hmlc_op_operand(op, 0)->type->dtype != HMLC_DTYPE_f32 ||
        right->type->dtype != HMLC_DTYPE_f32 || hmlc_op_attr(op, HMLC_ATTR_accumulator) != NULL) {
        *reason = HMLC_QUANTIZE_type;
    } else if (is_quantized(right) || is_quantized(hmlc_op_operand(op, 0))) {
        *reason = HMLC_QUANTIZE_already;
    } else if (weights == NULL) {
        *reason = HMLC_QUANTIZE_computed;
    } else if (op->opcode == HMLC_OP_matmul) {
        *axis = hmlc_op_int(op, HMLC_ATTR_transpose_b) != 0 ? 0 : 1;
        *reason = weights->rank == 2 ? HMLC_QUANTIZE_integer : HMLC_QUANTIZE_batched;
    } else if (op->opcode == HMLC_OP_conv_transpose) {
        *axis = 1;
        *reason =
            hmlc_op_int(op, HMLC_ATTR_groups) == 1 ? HMLC_QUANTIZE_integer : HMLC_QUANTIZE_grouped;
    } else {
        *axis = 0;
        *reason = HMLC_QUANTIZE_integer;
    }
    return *reason == HMLC_QUANTIZE_integer ? weights : NULL;
}

static hmlc_status add_anchor(hmlc_quantize_plan *plan, hmlc_op *op, hmlc_quantize_node *node)
{
    int32_t axis = 0;
    node->weights = weights_of(op, &axis, &node->reason);
    if (node->weights == NULL || hmlc_tensor_count(node->weights) <= 0) {
        return HMLC_OK;
    }
    hmlc_value *input = hmlc_op_operand(op, 0);
    bool matrix = op->opcode == HMLC_OP_matmul;
    bool swapped = matrix && hmlc_op_int(op, HMLC_ATTR_transpose_a) != 0;
    int32_t input_axis =
        swapped ? input->type->rank - 2 : hmlc_quantize_channel_axis(op, input->type->rank);
    node->anchor = true;
    node->weight_axis = axis;
    node->channels = node->weights->dims[axis];
    node->macs = macs_of(op, node->weights, node->channels);
    node->channels_last = !matrix && hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
    int32_t inner = axis != 0 ? 0 : node->channels_last ? node->weights->rank - 1 : 1;
    /* One channel to each group: nothing is added up that a wide multiplication could pair. */
    node->pairs =
        matrix || node->weights->dims[inner] > 1 || hmlc_op_int(op, HMLC_ATTR_groups) == 1;
    return tensor_of(plan, input, input_axis, &node->tensor);
}

/* Ops whose precision a reader of the report asks about; false for all others. */
static bool stays_float(const hmlc_op *op, hmlc_quantize_reason *reason)
{
    switch (op->opcode) {
    case HMLC_OP_lstm:
    case HMLC_OP_gru:
    case HMLC_OP_rnn:
        *reason = HMLC_QUANTIZE_recurrent;
        return true;
    case HMLC_OP_softmax:
    case HMLC_OP_log_softmax:
        *reason = HMLC_QUANTIZE_softmax;
        return true;
    case HMLC_OP_layer_norm:
    case HMLC_OP_rms_norm:
    case HMLC_OP_batch_norm:
        *reason = HMLC_QUANTIZE_norm;
        return true;
    default:
        return false;
    }
}

static hmlc_status add_node(hmlc_quantize_plan *plan, hmlc_op *op)
{
    hmlc_quantize_reason reason = HMLC_QUANTIZE_integer;
    bool contraction = hmlc_op_has(op, HMLC_TRAIT_CONTRACTION);
    if (!contraction && !stays_float(op, &reason)) {
        return HMLC_OK;
    }
    hmlc_quantize_node *node = &plan->nodes[plan->node_count++];
    *node = (hmlc_quantize_node){.value = op->results[0]->id,
                                 .name = node_name(plan->arena, op),
                                 .type = hmlc_op_get_info(op->opcode)->name,
                                 .reason = reason,
                                 .weight_sqnr = (double)NAN,
                                 .sqnr = (double)NAN,
                                 .loss_alone = (double)NAN};
    HMLC_TRY_MEMORY(node->name);
    if (contraction && op->parent->parent != NULL) {
        node->reason = HMLC_QUANTIZE_branch;
    } else if (contraction) {
        return add_anchor(plan, op, node);
    }
    return HMLC_OK;
}

static hmlc_status add_nodes(hmlc_quantize_plan *plan, const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        HMLC_TRY(add_node(plan, op));
        for (uint32_t i = 0; i < op->region_count; i++) {
            HMLC_TRY(add_nodes(plan, op->regions[i]));
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_quantize_plan_create(hmlc_module *module, hmlc_quantize_plan **plan)
{
    if (module->state_count > 0) {
        *plan = NULL;
        return hmlc_error_add(module->diagnostics, HMLC_ERROR_not_implemented, NULL,
                              "with --state zero they begin anew in each run",
                              "samples of a model that keeps states from run to run would be a "
                              "sequence; they cannot be measured yet");
    }
    hmlc_arena *arena = hmlc_arena_create(NULL);
    *plan = arena != NULL ? HMLC_NEW(arena, hmlc_quantize_plan) : NULL;
    if (*plan == NULL) {
        hmlc_arena_destroy(arena);
        return HMLC_RESOURCE;
    }
    size_t most = (size_t)hmlc_region_op_count(module->main, true) + 1;
    **plan = (hmlc_quantize_plan){.module = module,
                                  .arena = arena,
                                  .tensors = HMLC_NEW_ARRAY(arena, hmlc_quantize_tensor, most),
                                  .nodes = HMLC_NEW_ARRAY(arena, hmlc_quantize_node, most)};
    HMLC_TRY_MEMORY((*plan)->tensors);
    HMLC_TRY_MEMORY((*plan)->nodes);
    return add_nodes(*plan, module->main);
}

void hmlc_quantize_plan_release(hmlc_quantize_plan *plan)
{
    if (plan != NULL) {
        hmlc_arena_destroy(plan->arena);
    }
}

/* Is the word one of the names that " + " joins? */
static bool has_name(const char *names, const char *word)
{
    size_t length = strlen(word);
    if (strcmp(names, word) == 0) {
        return true;
    }
    for (const char *at = names; at != NULL; at = strstr(at, " + ")) {
        at += at != names ? 3 : 0;
        const char *end = strstr(at, " + ");
        size_t part = end != NULL ? (size_t)(end - at) : strlen(at);
        if (part == length && memcmp(at, word, length) == 0) {
            return true;
        }
    }
    return false;
}

bool hmlc_quantize_keep(hmlc_quantize_plan *plan, const char *word)
{
    bool found = false;
    for (uint32_t i = 0; i < plan->node_count; i++) {
        hmlc_quantize_node *node = &plan->nodes[i];
        if (has_name(node->name, word) || strcmp(node->type, word) == 0) {
            node->reason = node->anchor ? HMLC_QUANTIZE_kept : node->reason;
            found = true;
        }
    }
    return found;
}

uint32_t hmlc_quantize_count(const hmlc_quantize_plan *plan)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->node_count; i++) {
        count += hmlc_quantize_is_chosen(&plan->nodes[i]) ? 1 : 0;
    }
    return count;
}

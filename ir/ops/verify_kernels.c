/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of kernels between passes and backends (ir/README.md). Each check gives what is
 * broken, NULL where all holds. */
#include <hmlc/access.h>
#include <hmlc/activation.h>
#include <hmlc/attention.h>
#include <hmlc/packing.h>
#include <hmlc/verify.h>

#define CHECK(condition, reason)                                                                   \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            return reason;                                                                         \
        }                                                                                          \
    } while (0)

static const hmlc_value *operand(const hmlc_op *op, uint32_t index)
{
    return hmlc_op_operand(op, index);
}

static bool is_argument(const hmlc_value *value)
{
    return value->producer == NULL;
}

static bool is_row_op(const hmlc_op *op)
{
    return hmlc_op_has(op, HMLC_TRAIT_REDUCTION | HMLC_TRAIT_ROWWISE);
}

static const char *check_closed(const hmlc_op *kernel)
{
    const hmlc_region *region = kernel->regions[0];
    CHECK(kernel->region_count == 1, "a kernel has one region");
    CHECK(region->argument_count == kernel->operand_count, "one argument per operand");
    HMLC_FOR_EACH_OP(op, region)
    {
        CHECK(op->region_count == 0, "no regions inside kernels");
        for (uint32_t i = 0; i < op->operand_count; i++) {
            const hmlc_value *value = operand(op, i);
            bool inside = value == NULL || value->region == region ||
                          (value->producer != NULL && value->producer->parent == region);
            CHECK(inside, "a kernel captures nothing");
        }
    }
    CHECK(region->last->operand_count == kernel->result_count, "one yield operand per result");
    return NULL;
}

static const char *check_plain_loop(hmlc_dims *dims, const hmlc_op *kernel)
{
    const hmlc_op *yield = kernel->regions[0]->last;
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        bool allowed =
            hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE | HMLC_TRAIT_VIEW | HMLC_TRAIT_MOVEMENT |
                                HMLC_TRAIT_INDEXED | HMLC_TRAIT_GENERATOR | HMLC_TRAIT_CONSTANT |
                                HMLC_TRAIT_TERMINATOR);
        CHECK(allowed && op->opcode != HMLC_OP_pack_panels, "an op that no loop takes");
        CHECK(op->opcode != HMLC_OP_pad || hmlc_op_int(op, HMLC_ATTR_pad_mode) == HMLC_PAD_CONSTANT,
              "a loop pads with a constant");
    }
    for (uint32_t i = 1; i < yield->operand_count; i++) {
        CHECK(hmlc_type_same_shape(dims, operand(yield, 0)->type, operand(yield, i)->type),
              "all results of a loop have one shape");
    }
    return NULL;
}

/* F itself, F with reduced dims of 1, or F without them. */
static bool is_row_shape(hmlc_dims *dims, const hmlc_type *full, uint32_t mask,
                         const hmlc_type *type)
{
    if (hmlc_type_same_shape(dims, full, type)) {
        return true;
    }
    bool kept = type->rank == full->rank, dropped = true;
    int32_t k = 0;
    for (int32_t i = 0; i < full->rank; i++) {
        bool reduced = (mask >> i) & 1;
        kept = kept && (reduced ? hmlc_dim_is(type->dims[i], 1)
                                : hmlc_dim_known_equal(dims, type->dims[i], full->dims[i]));
        if (!reduced) {
            dropped = dropped && k < type->rank &&
                      hmlc_dim_known_equal(dims, type->dims[k], full->dims[i]);
            k++;
        }
    }
    return kept || (dropped && k == type->rank);
}

static const char *check_rows(hmlc_dims *dims, const hmlc_op *kernel, const hmlc_op *first)
{
    const hmlc_type *full = operand(first, 0)->type;
    uint32_t mask = hmlc_op_axes_mask(first);
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        if (is_row_op(op)) {
            CHECK(hmlc_op_axes_mask(op) == mask &&
                      hmlc_type_same_shape(dims, operand(op, 0)->type, full),
                  "all reductions of a kernel go over the same axes of one shape");
        } else if (hmlc_op_has(op, HMLC_TRAIT_VIEW)) {
            const hmlc_value *source = operand(op, 0);
            CHECK(is_argument(source) || hmlc_op_has(source->producer, HMLC_TRAIT_VIEW),
                  "beside reductions views stand on arguments only");
        } else if (hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE)) {
            CHECK(is_row_shape(dims, full, mask, op->results[0]->type),
                  "an elementwise op beside reductions has the full or the reduced shape");
        } else {
            CHECK(hmlc_op_has(op, HMLC_TRAIT_CONSTANT | HMLC_TRAIT_TERMINATOR),
                  "an op that no reduction kernel takes");
        }
    }
    const hmlc_op *yield = kernel->regions[0]->last;
    for (uint32_t i = 0; i < yield->operand_count; i++) {
        CHECK(is_row_shape(dims, full, mask, operand(yield, i)->type),
              "a reduction kernel yields the full or the reduced shape");
    }
    return NULL;
}

static const char *check_loop(hmlc_dims *dims, const hmlc_op *kernel)
{
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        if (is_row_op(op)) {
            return check_rows(dims, kernel, op);
        }
    }
    return check_plain_loop(dims, kernel);
}

static const hmlc_op *only_anchor(const hmlc_op *kernel)
{
    const hmlc_op *anchor = NULL;
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        if (hmlc_op_has(op, HMLC_TRAIT_CONTRACTION | HMLC_TRAIT_WINDOW)) {
            if (anchor != NULL) {
                return NULL;
            }
            anchor = op;
        }
    }
    return anchor;
}

static bool channels_last(const hmlc_op *op)
{
    return hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
}

/* The outer value behind an argument is a constant. */
static bool constant_operand(const hmlc_op *kernel, const hmlc_value *value)
{
    return value != NULL && is_argument(value) &&
           hmlc_value_constant(hmlc_op_operand(kernel, value->index)) != NULL;
}

/* The right-hand side, or all that it is unpacked from, are such operands. */
static bool constant_right(const hmlc_op *kernel, const hmlc_op *anchor)
{
    const hmlc_op *unpacking = hmlc_right_unpacking(anchor);
    bool constant = constant_operand(kernel, hmlc_right_stored(anchor));
    for (uint32_t k = 1; unpacking != NULL && k < unpacking->operand_count; k++) {
        const hmlc_value *value = operand(unpacking, k);
        constant = constant && (value == NULL || constant_operand(kernel, value));
    }
    return constant;
}

static const char *check_anchor(const hmlc_op *kernel, const hmlc_op *anchor, int64_t form)
{
    CHECK(anchor != NULL, "exactly one anchor");
    bool conv = anchor->opcode == HMLC_OP_conv || anchor->opcode == HMLC_OP_conv_transpose;
    bool pool = anchor->opcode == HMLC_OP_max_pool || anchor->opcode == HMLC_OP_avg_pool;
    CHECK(!(conv || pool) || channels_last(anchor), "channels last");
    CHECK(!conv || hmlc_type_is_static(operand(anchor, 1)->type), "weights of known shape");
    bool constant = anchor->operand_count > 1 && constant_right(kernel, anchor);
    CHECK(anchor->opcode != HMLC_OP_matmul || constant, "a constant right-hand side");
    CHECK(pool || hmlc_right_unpacking(anchor) == NULL || constant,
          "what is stored in fewer bits is a constant");
    bool window = pool || (anchor->opcode == HMLC_OP_conv && hmlc_conv_is_window(anchor));
    CHECK(window == (form == HMLC_FORM_WINDOW),
          "pools and convolutions of narrow groups are windows");
    CHECK(kernel->result_count == 1, "one result");
    return NULL;
}

static const char *check_prologue(hmlc_dims *dims, const hmlc_op *anchor)
{
    const hmlc_op *views[32];
    uint32_t count = 0;
    const hmlc_value *value = operand(anchor, 0);
    for (; !is_argument(value) && count < 32; value = operand(value->producer, 0)) {
        CHECK(hmlc_op_has(value->producer, HMLC_TRAIT_VIEW), "only views before an anchor");
        views[count++] = value->producer;
    }
    hmlc_access access, next;
    hmlc_access_of_type(dims, value->type, &access);
    while (count > 0) {
        CHECK(hmlc_access_compose(dims, views[--count], &access, &next), "affine views");
        access = next;
    }
    return NULL;
}

/* What is stored through views that can be inverted; NULL: others are among them. */
static const hmlc_value *stored_value(hmlc_dims *dims, const hmlc_op *kernel)
{
    const hmlc_value *stored = operand(kernel->regions[0]->last, 0);
    hmlc_access access, next;
    hmlc_access_of_type(dims, stored->type, &access);
    while (!is_argument(stored) && hmlc_op_has(stored->producer, HMLC_TRAIT_VIEW)) {
        if (!hmlc_access_invert(dims, stored->producer, &access, &next)) {
            return NULL;
        }
        access = next;
        stored = operand(stored->producer, 0);
    }
    return stored;
}

/* From the anchor's result: elementwise ops over its shape, then views that can be inverted. What
 * is added to sums of bytes may be computed in front of the anchor. */
static const char *check_epilogue(hmlc_dims *dims, const hmlc_op *kernel, const hmlc_op *anchor)
{
    bool behind = false;
    const hmlc_value *stored = stored_value(dims, kernel);
    CHECK(stored != NULL, "views that invert");
    CHECK(hmlc_type_same_shape(dims, stored->type, anchor->results[0]->type),
          "an elementwise epilogue");
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        behind = behind || op == anchor;
        if (op == hmlc_right_unpacking(anchor)) {
            continue;
        }
        if (hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE)) {
            CHECK((behind || hmlc_op_sums_bytes(anchor)) &&
                      hmlc_type_same_shape(dims, op->results[0]->type, anchor->results[0]->type),
                  "an epilogue op has the anchor's shape");
        } else {
            CHECK(op == anchor || hmlc_op_has(op, HMLC_TRAIT_VIEW | HMLC_TRAIT_CONSTANT |
                                                      HMLC_TRAIT_TERMINATOR),
                  "an op that no anchor takes along");
        }
    }
    return NULL;
}

/* Elementwise ops from the first product to the softmax and behind the second product, no others;
 * views before the first and behind the second. */
static const char *check_attention(hmlc_dims *dims, const hmlc_op *kernel)
{
    hmlc_attention found;
    CHECK(hmlc_attention_of_kernel(dims, kernel, &found), "a product, a softmax and a product");
    const hmlc_type *scores = found.scores->results[0]->type;
    const hmlc_type *values = found.values->results[0]->type;
    CHECK(kernel->result_count == 1, "one result");
    CHECK(hmlc_type_same_shape(dims, operand(found.softmax, 0)->type, scores),
          "a softmax of the scores");
    const hmlc_value *stored = stored_value(dims, kernel);
    CHECK(stored != NULL, "views that invert");
    CHECK(hmlc_type_same_shape(dims, stored->type, values), "an elementwise epilogue");
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        bool own = op == found.scores || op == found.softmax || op == found.values;
        bool shaped = hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE) &&
                      (hmlc_type_same_shape(dims, op->results[0]->type, scores) ||
                       hmlc_type_same_shape(dims, op->results[0]->type, values));
        CHECK(own || shaped ||
                  hmlc_op_has(op, HMLC_TRAIT_VIEW | HMLC_TRAIT_CONSTANT | HMLC_TRAIT_TERMINATOR),
              "an op that no attention takes along");
    }
    return check_prologue(dims, found.scores);
}

/* How many ops of the kernel pack panels. */
static uint32_t pack_count(const hmlc_op *kernel)
{
    uint32_t count = 0;
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        count += op->opcode == HMLC_OP_pack_panels ? 1 : 0;
    }
    return count;
}

static const char *check_packs(hmlc_dims *dims, const hmlc_op *kernel)
{
    const hmlc_op *yield = kernel->regions[0]->last;
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        if (op->opcode == HMLC_OP_pack_panels) {
            const char *broken = check_prologue(dims, op);
            CHECK(broken == NULL, broken);
        } else {
            CHECK(hmlc_op_has(op, HMLC_TRAIT_VIEW | HMLC_TRAIT_TERMINATOR),
                  "packing takes nothing but views along");
        }
    }
    CHECK(pack_count(kernel) == kernel->result_count, "one result for each packed matrix");
    for (uint32_t i = 0; i < yield->operand_count; i++) {
        const hmlc_op *producer = operand(yield, i)->producer;
        CHECK(producer != NULL && producer->opcode == HMLC_OP_pack_panels, "packed results");
    }
    return NULL;
}

static const char *check_single(const hmlc_op *kernel)
{
    const hmlc_op *first = kernel->regions[0]->first;
    const hmlc_cell_kind *kind = hmlc_cell_kind_of(first->opcode);
    CHECK(first->next == kernel->regions[0]->last, "exactly one op");
    CHECK(hmlc_op_int(kernel, HMLC_ATTR_form) != HMLC_FORM_RECURRENT ||
              (kind != NULL && kind->cells == first->opcode),
          "recurrent cells");
    return NULL;
}

static const char *check_kernel(hmlc_dims *dims, const hmlc_op *kernel)
{
    const char *broken = check_closed(kernel);
    int64_t form = hmlc_op_int(kernel, HMLC_ATTR_form);
    if (broken != NULL || form == HMLC_FORM_LOOP) {
        return broken != NULL ? broken : check_loop(dims, kernel);
    }
    if (form == HMLC_FORM_PORTABLE || form == HMLC_FORM_RECURRENT) {
        return check_single(kernel);
    }
    if (form == HMLC_FORM_ATTENTION) {
        return check_attention(dims, kernel);
    }
    if (form == HMLC_FORM_CONTRACTION && pack_count(kernel) > 0) {
        return check_packs(dims, kernel);
    }
    const hmlc_op *anchor = only_anchor(kernel);
    broken = check_anchor(kernel, anchor, form);
    if (broken == NULL) {
        broken = check_prologue(dims, anchor);
    }
    return broken != NULL ? broken : check_epilogue(dims, kernel, anchor);
}

static void verify_region(hmlc_module *module, const hmlc_region *region, const char *after,
                          hmlc_status *status)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        if (op->opcode != HMLC_OP_kernel) {
            for (uint32_t i = 0; i < op->region_count; i++) {
                verify_region(module, op->regions[i], after, status);
            }
            continue;
        }
        const char *broken = check_kernel(module->dims, op);
        if (broken != NULL) {
            *status =
                hmlc_error_add(module->diagnostics, HMLC_ERROR_verify_failed, op->location, NULL,
                               "after %s: the contract of kernels asks for: %s", after, broken);
        }
    }
}

hmlc_status hmlc_verify_kernels(hmlc_module *module, const char *after)
{
    hmlc_status status = HMLC_OK;
    verify_region(module, module->main, after, &status);
    return status;
}

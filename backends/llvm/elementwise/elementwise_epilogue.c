/* SPDX-License-Identifier: Apache-2.0 */
/* The elementwise ops behind an anchor, evaluated at one position. Shared values are computed once.
 */
#include "elementwise_internal.h"

typedef struct epilogue {
    hmlc_frame *frame;
    hmlc_epilogue_leaf *leaf;
    void *context;
    hmlc_id_range ids;  /* of the kernel's region */
    LLVMValueRef *done; /* by id - ids.first */
} epilogue;

static LLVMValueRef evaluate(epilogue *self, const hmlc_value *value)
{
    if (self->done[value->id - self->ids.first] != NULL) {
        return self->done[value->id - self->ids.first];
    }
    LLVMValueRef result = NULL;
    const hmlc_op *op = value->producer;
    if (op == NULL || !hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE)) {
        result = self->leaf(self->context, self->frame, value);
    } else {
        LLVMValueRef operands[3] = {NULL, NULL, NULL};
        for (uint32_t k = 0; k < op->operand_count && k < 3; k++) {
            const hmlc_value *operand = hmlc_op_operand(op, k);
            operands[k] = operand == NULL ? NULL : evaluate(self, operand);
        }
        result = hmlc_elementwise_emit(self->frame, op, operands);
    }
    self->done[value->id - self->ids.first] = result;
    return result;
}

LLVMValueRef hmlc_epilogue_emit(hmlc_frame *frame, const hmlc_value *root,
                                const hmlc_value *anchor_result, LLVMValueRef anchor_value,
                                hmlc_epilogue_leaf *leaf, void *context)
{
    epilogue self = {.frame = frame, .leaf = leaf, .context = context};
    self.ids = hmlc_region_ids(root->producer != NULL ? root->producer->parent : root->region);
    self.done = HMLC_NEW_ARRAY(frame->arena, LLVMValueRef, self.ids.count);
    if (self.done == NULL) {
        return NULL;
    }
    if (anchor_result != NULL) {
        self.done[anchor_result->id - self.ids.first] = anchor_value;
    }
    return evaluate(&self, root);
}

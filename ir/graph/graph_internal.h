/* SPDX-License-Identifier: Apache-2.0 */
/* What the graph's files share. */
#ifndef HMLC_GRAPH_INTERNAL_H
#define HMLC_GRAPH_INTERNAL_H

#include <hmlc/graph.h>
#include <hmlc/infer.h>

/*
 * Runs inference for an op whose operands, attributes and regions are set; the result lists have
 * result_count entries, `elements` may be NULL.
 */
hmlc_status hmlc_infer_run(hmlc_module *module, hmlc_op *op, hmlc_infer *context) HMLC_MUST_USE;

/* What an op is made of. */
typedef struct hmlc_op_parts {
    hmlc_opcode opcode;
    hmlc_value *const *operands;
    uint32_t operand_count;
    const hmlc_attr *attrs;
    uint32_t attr_count;
    hmlc_region *const *regions;
    uint32_t region_count;
} hmlc_op_parts;
/*
 * hmlc_op_create_with_regions. `expected`, when not NULL, gives the result types that inference
 * must confirm (result_count and types); symbols that an op makes for its results are taken from
 * it.
 */
hmlc_status hmlc_op_create_from_parts(hmlc_builder *builder, const hmlc_op_parts *parts,
                                      const hmlc_infer *expected, hmlc_op **op) HMLC_MUST_USE;

/* A new value with the module's next id; NULL on failure. */
hmlc_value *hmlc_value_create(hmlc_module *module, const hmlc_type *type, uint32_t index);

/* Use lists: `use` has its op and index set. */
void hmlc_use_link(hmlc_use *use, hmlc_value *value);
void hmlc_use_unlink(hmlc_use *use);

/* Copies an attribute's value (list, string, tensor header) into the arena; false without memory.
 */
bool hmlc_attr_copy(hmlc_arena *arena, const hmlc_attr *from, hmlc_attr *to);
/* Checks arity and attributes against the op's row; `error` is the code of findings. */
hmlc_status hmlc_op_check_form(hmlc_module *module, const hmlc_op *op,
                               hmlc_error error) HMLC_MUST_USE;

/* hmlc_verify with findings of another code: text that breaks a rule is damaged, no defect. */
hmlc_status hmlc_verify_with(hmlc_module *module, const char *after,
                             hmlc_error error) HMLC_MUST_USE;

#endif

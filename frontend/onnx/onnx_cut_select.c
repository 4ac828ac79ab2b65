/* SPDX-License-Identifier: Apache-2.0 */
/* What a selection of nodes reads, computes and gives. */
#include "onnx_cut.h"

#include <ctype.h>
#include <string.h>

uint32_t hmlc_cut_node_count(const hmlc_cut *cut)
{
    return cut->node_count;
}

void hmlc_cut_node_words(const hmlc_cut *cut, uint32_t node, const char **type, const char **name)
{
    const Onnx__NodeProto *proto = cut->importer.model->graph->node[node];
    *type = proto->op_type != NULL ? proto->op_type : "";
    *name = proto->name != NULL ? proto->name : "";
}

bool hmlc_cut_can_bypass(const hmlc_cut *cut, uint32_t node)
{
    return cut->nodes[node].bypass != HMLC_CUT_NONE;
}

uint32_t hmlc_cut_resolve(const hmlc_cut *cut, const hmlc_cut_state *states, uint32_t value)
{
    /* A circle of bypassed nodes ends after all of them. */
    for (uint32_t steps = 0; steps < cut->node_count; steps++) {
        uint32_t producer = cut->value[value].producer;
        if (producer == HMLC_CUT_NONE || states[producer] != HMLC_CUT_BYPASSED ||
            cut->nodes[producer].writes[0] != value ||
            cut->nodes[producer].bypass == HMLC_CUT_NONE) {
            break;
        }
        value = cut->nodes[producer].bypass;
    }
    return value;
}

bool hmlc_cut_is_input(const hmlc_cut_value *value)
{
    return value->needed && !value->produced && !value->constant &&
           (value->producer != HMLC_CUT_NONE || value->input);
}

static void mark_kept(hmlc_cut *cut, const hmlc_cut_state *states, const hmlc_cut_node *node)
{
    for (uint32_t i = 0; i < node->read_count; i++) {
        uint32_t read = node->reads[i];
        if (read != HMLC_CUT_NONE) { /* names within subgraphs stay as they are */
            read = i < node->input_count ? hmlc_cut_resolve(cut, states, read) : read;
            cut->value[read].needed = true;
        }
    }
    for (uint32_t i = 0; i < node->write_count; i++) {
        if (node->writes[i] != HMLC_CUT_NONE) {
            cut->value[node->writes[i]].produced = true;
        }
    }
}

/* A node that nothing reads gives its first output, so that it is not without any use. */
static void mark_outputs(hmlc_cut *cut, const hmlc_cut_node *node)
{
    hmlc_cut_value *first = NULL;
    bool used = false;
    for (uint32_t i = node->write_count; i-- > 0;) {
        if (node->writes[i] == HMLC_CUT_NONE) {
            continue;
        }
        first = &cut->value[node->writes[i]];
        first->wanted = first->wanted || first->output || (first->read && !first->needed);
        used = used || first->needed || first->wanted;
    }
    if (!used && first != NULL) {
        first->wanted = true;
    }
}

hmlc_status hmlc_cut_select(hmlc_cut *cut, const hmlc_cut_state *states)
{
    for (uint32_t i = 0; i < cut->value_count; i++) {
        cut->value[i].needed = cut->value[i].produced = cut->value[i].wanted = false;
    }
    for (uint32_t i = 0; i < cut->node_count; i++) {
        if (states[i] == HMLC_CUT_KEPT) {
            mark_kept(cut, states, &cut->nodes[i]);
        }
    }
    for (uint32_t i = 0; i < cut->value_count; i++) {
        hmlc_cut_value *stand_in = &cut->value[hmlc_cut_resolve(cut, states, i)];
        stand_in->wanted = stand_in->wanted || (cut->value[i].output && stand_in->produced);
    }
    for (uint32_t i = 0; i < cut->node_count; i++) {
        if (states[i] == HMLC_CUT_KEPT) {
            mark_outputs(cut, &cut->nodes[i]);
        }
    }
    for (uint32_t i = 0; i < cut->value_count; i++) {
        const hmlc_cut_value *value = &cut->value[i];
        if (hmlc_cut_is_input(value) && value->inferred.size + value->declared.size == 0) {
            return HMLC_NO;
        }
    }
    return HMLC_OK;
}

static bool is_part_of_name(char letter)
{
    return letter == '_' || isalnum((unsigned char)letter) != 0;
}

/* Stands the word alone somewhere in the bytes of a type? */
static bool has_word(hmlc_cut_span span, const char *word)
{
    size_t length = strlen(word);
    for (size_t i = 0; length > 0 && i + length <= span.size; i++) {
        const char *at = (const char *)span.data + i;
        if (memcmp(at, word, length) == 0 && (i == 0 || !is_part_of_name(at[-1])) &&
            (i + length == span.size || !is_part_of_name(at[length]))) {
            return true;
        }
    }
    return false;
}

bool hmlc_cut_uses_dim(hmlc_cut *cut, const hmlc_cut_state *states, const char *symbol)
{
    if (hmlc_cut_select(cut, states) != HMLC_OK) {
        return false;
    }
    for (uint32_t i = 0; i < cut->value_count; i++) {
        const hmlc_cut_value *value = &cut->value[i];
        const hmlc_cut_span *type = value->inferred.size > 0 ? &value->inferred : &value->declared;
        if (hmlc_cut_is_input(value) && has_word(*type, symbol)) {
            return true;
        }
    }
    return false;
}

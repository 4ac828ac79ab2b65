/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_assembly.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_LABELS = 4096 };

typedef struct line {
    const char *text;
    size_t length;
} line;

static line line_at(const char *text)
{
    return (line){text, strcspn(text, "\n")};
}

static const char *line_next(line l)
{
    return l.text + l.length + (l.text[l.length] != 0);
}

static bool contains(line l, const char *word)
{
    size_t size = strlen(word);
    for (size_t k = 0; k + size <= l.length; k++) {
        if (memcmp(l.text + k, word, size) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_instruction(line l)
{
    return l.length > 1 && l.text[0] == '\t' && l.text[1] != '.' && l.text[1] != '#' &&
           l.text[1] != '@';
}

static line mnemonic_of(line l)
{
    return (line){l.text + 1, strcspn(l.text + 1, "\t\n ")};
}

/* -- kinds -- */

typedef struct kind_word {
    const char *word;
    assembly_kind kind;
} kind_word;

/* How an architecture's assembler writes. */
typedef struct assembly_syntax {
    const kind_word *kinds; /* the first whose word the mnemonic contains, up to one without */
    const char *vectors[4]; /* one of these among the operands: it works on vectors */
    const char *stack;      /* an address by the stack pointer */
    const char *store;      /* the mnemonic's start; NULL: the address comes last */
    const char *jumps[3];   /* how jumps begin */
} assembly_syntax;

static const kind_word x86_kinds[] = {
    {"prefetch", ASSEMBLY_PREFETCH},
    {"fmadd", ASSEMBLY_FMA},
    {"fnmadd", ASSEMBLY_FMA},
    {"fmsub", ASSEMBLY_FMA},
    {"broadcast", ASSEMBLY_BROADCAST},
    {"movss", ASSEMBLY_BROADCAST},
    {"shufps", ASSEMBLY_BROADCAST},
    {"mulps", ASSEMBLY_MULTIPLY},
    {"addps", ASSEMBLY_ADD},
    {"movups", ASSEMBLY_LOAD},
    {"movaps", ASSEMBLY_LOAD},
    {"movdq", ASSEMBLY_LOAD},
    {"movapd", ASSEMBLY_LOAD},
    {"movupd", ASSEMBLY_LOAD},
    {NULL, ASSEMBLY_KINDS},
};
static const assembly_syntax x86 = {x86_kinds, {"%xmm", "%ymm", "%zmm"}, "(%rsp", NULL, {"j"}};

static const kind_word aarch64_kinds[] = {
    {"prfm", ASSEMBLY_PREFETCH},  {"fmla", ASSEMBLY_FMA},      {"fmls", ASSEMBLY_FMA},
    {"ld1r", ASSEMBLY_BROADCAST}, {"dup", ASSEMBLY_BROADCAST}, {"fmul", ASSEMBLY_MULTIPLY},
    {"fadd", ASSEMBLY_ADD},       {NULL, ASSEMBLY_KINDS},
};
static const assembly_syntax aarch64 = {
    aarch64_kinds, {".4s", "\tq", "\td", "\ts"}, "[sp", "st", {"b", "cb", "tb"}};

static const kind_word arm_kinds[] = {
    {"pld", ASSEMBLY_PREFETCH},  {"vmla", ASSEMBLY_FMA}, {"vfma", ASSEMBLY_FMA},
    {"vfms", ASSEMBLY_FMA},      {"vmls", ASSEMBLY_FMA}, {"vdup", ASSEMBLY_BROADCAST},
    {"vmul", ASSEMBLY_MULTIPLY}, {"vadd", ASSEMBLY_ADD}, {"vorr", ASSEMBLY_COPY},
    {NULL, ASSEMBLY_KINDS},
};
static const assembly_syntax arm = {arm_kinds, {"\tq", "{d", "\td", "\ts"}, "[sp", "vs", {"b"}};

static const assembly_syntax *syntax_of(const char *text)
{
    return strstr(text, "%r") != NULL                  ? &x86
           : strstr(text, "\t.syntax unified") != NULL ? &arm
                                                       : &aarch64;
}

static assembly_kind kind_of_move(const assembly_syntax *syntax, line l)
{
    if (!contains(l, "(") && !contains(l, "[")) {
        return ASSEMBLY_COPY;
    }
    bool stores = syntax->store != NULL ? contains((line){l.text + 1, 2}, syntax->store)
                                        : l.text[l.length - 1] == ')';
    return stores ? ASSEMBLY_STORE : ASSEMBLY_LOAD;
}

static assembly_kind kind_of(const assembly_syntax *syntax, line l)
{
    line mnemonic = mnemonic_of(l);
    for (const kind_word *row = syntax->kinds; row->word != NULL; row++) {
        if (contains(mnemonic, row->word)) {
            return row->kind == ASSEMBLY_LOAD ? kind_of_move(syntax, l) : row->kind;
        }
    }
    line operands = {mnemonic.text + mnemonic.length, l.length - 1 - mnemonic.length};
    bool vector = false;
    for (size_t k = 0; k < 4 && syntax->vectors[k] != NULL; k++) {
        vector = vector || contains(operands, syntax->vectors[k]);
    }
    if (vector && syntax->store != NULL && contains(l, "[")) { /* ldr, ldp, str, stp .. */
        return kind_of_move(syntax, l);
    }
    return vector ? ASSEMBLY_OTHER_VECTOR : ASSEMBLY_SCALAR;
}

/* -- loops -- */

/* The label that an instruction jumps to; length 0: none. */
static line jump_target(const assembly_syntax *syntax, line l)
{
    bool jumps = false;
    for (size_t k = 0; is_instruction(l) && k < 3 && syntax->jumps[k] != NULL; k++) {
        jumps = jumps || strncmp(l.text + 1, syntax->jumps[k], strlen(syntax->jumps[k])) == 0;
    }
    if (!jumps) {
        return (line){l.text, 0};
    }
    const char *word = l.text + l.length; /* the last operand */
    while (word > l.text && word[-1] != '\t' && word[-1] != ' ') {
        word--;
    }
    return (line){word, (size_t)(l.text + l.length - word)};
}

typedef struct label_list {
    line labels[MOST_LABELS];
    uint32_t count;
} label_list;

static const line *label_find(const label_list *list, line target)
{
    for (uint32_t k = list->count; k-- > 0;) {
        const line *label = &list->labels[k];
        if (label->length == target.length &&
            memcmp(label->text, target.text, target.length) == 0) {
            return label;
        }
    }
    return NULL;
}

static assembly_loop count_loop(const assembly_syntax *syntax, const char *begin, const char *end)
{
    assembly_loop loop = {.text = begin, .length = (int)(end - begin)};
    for (const char *at = begin; at < end;) {
        line l = line_at(at);
        if (is_instruction(l)) {
            loop.count[kind_of(syntax, l)]++;
            loop.instructions++;
            loop.stack += contains(l, syntax->stack);
        }
        at = line_next(l);
    }
    return loop;
}

/* A jump back to a label closes a loop; it is innermost where no other one begins behind the label.
 */
uint32_t assembly_inner_loops(const char *text, assembly_loop loops[ASSEMBLY_LOOPS])
{
    static label_list labels;
    const assembly_syntax *syntax = syntax_of(text);
    uint32_t count = 0;
    labels.count = 0;
    for (const char *at = text; *at != 0;) {
        line l = line_at(at);
        const char *colon = memchr(l.text, ':', l.length);
        if (l.text[0] == '.' && colon != NULL) {
            assert_true(labels.count < MOST_LABELS);
            labels.labels[labels.count++] = (line){l.text, (size_t)(colon - l.text)};
        }
        line target = jump_target(syntax, l);
        const line *label = target.length > 0 ? label_find(&labels, target) : NULL;
        at = line_next(l);
        if (label == NULL) {
            continue;
        }
        if (count == 0 || label->text > loops[count - 1].text) {
            assert_true(count < ASSEMBLY_LOOPS);
            loops[count++] = count_loop(syntax, label->text, at);
        } else if (label->text == loops[count - 1].text) { /* a second way back */
            loops[count - 1] = count_loop(syntax, label->text, at);
        }
    }
    return count;
}

/* -- symbols -- */

void assembly_check_symbols(const char *text)
{
    static const char *const brought_along[] = {"memcpy", "memmove", "memset", "__aeabi_"};
    for (const char *at = text; *at != 0;) {
        line l = line_at(at);
        at = line_next(l);
        if (!is_instruction(l)) {
            continue;
        }
        bool table = contains(l, "@GOT") || contains(l, ":got"), far = contains(l, "@PLT");
        far = far || (strncmp(l.text, "\tbl\t", 4) == 0 && !contains(l, ".L")); /* ARM */
        bool known = !table && !far;
        for (size_t k = 0; k < sizeof brought_along / sizeof brought_along[0]; k++) {
            known = known || contains(l, brought_along[k]);
        }
        if (!known) {
            fail_msg("a symbol from outside:%.*s", (int)l.length, l.text);
        }
    }
}

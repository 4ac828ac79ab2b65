/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of dims. A text is a symbol, or an expression of symbols that other inputs name alone;
 * anything else ("batch size", "s0 + 1" without s0) becomes a symbol of its own, spelled with
 * letters, digits and underscores. Dims without a name, and those whose name says that there is
 * none ("?", "None"), are symbols of their own each: axis 2 of input x is x_dim2, and --dim takes
 * x.2 too. --dim options fix, bound, unify or relate symbols before they are made.
 */
#include "input_dims.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What is known of one text. */
typedef struct dim_name {
    const char *spelling; /* the symbol's */
    bool alone;           /* some input's dim is just this symbol */
    bool shared;          /* several dims have this text */
} dim_name;

static bool is_word(char letter)
{
    return isalnum((unsigned char)letter) || letter == '_';
}

static bool is_identifier(const char *text)
{
    if (isdigit((unsigned char)text[0]) || text[0] == '\0') {
        return false;
    }
    size_t length = 0;
    while (is_word(text[length])) {
        length++;
    }
    return text[length] == '\0';
}

static bool is_one_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* What exporters write where they know no name: Paddle2ONNX "?", onnxmltools and CNTK "None",
 * TensorFlow's -1 as a text. */
static bool says_nothing(const char *text)
{
    static const char *const words[] = {"none", "null",    "nil",       "nan",
                                        "unk",  "unknown", "undefined", "inf"};
    const char *digits = text[0] == '-' ? text + 1 : text;
    size_t signs = strspn(text, "?*-_.<>[]()#$ ");
    bool negative =
        digits != text && digits[0] != '\0' && digits[strspn(digits, "0123456789")] == 0;
    return text[signs] == '\0' || negative || is_one_of(text, words, sizeof words / sizeof *words);
}

/* Names that say "varies": good for one dim, but two dims that have one are not equal for that.
 * tf2onnx numbers its own, unk__7. */
static bool says_varying(const char *text)
{
    static const char *const words[] = {"dynamic", "any", "variable", "dyn"};
    return strncmp(text, "unk__", 5) == 0 || is_one_of(text, words, sizeof words / sizeof *words);
}

/* An identifier made of any text, unlike every other one: "=<spelling>" entries mark those taken.
 */
static const char *make_spelling(hmlc_importer *importer, const char *text)
{
    size_t length = strlen(text) < 64 ? strlen(text) : 64;
    char *plain = hmlc_arena_printf(importer->scratch, "_%.*s", (int)length, text);
    for (char *letter = plain; letter != NULL && *letter != '\0'; letter++) {
        *letter = is_word(*letter) ? *letter : '_';
    }
    if (plain == NULL) {
        return NULL;
    }
    const char *base = text[0] != '\0' && !isdigit((unsigned char)text[0]) ? plain + 1 : plain;
    const char *marked = hmlc_arena_printf(importer->scratch, "=%s", base);
    for (uint32_t n = 2; marked != NULL && hmlc_names_find(&importer->dims, marked) != NULL; n++) {
        marked = hmlc_arena_printf(importer->scratch, "=%s_%u", base, n);
    }
    return marked != NULL ? marked + 1 : NULL;
}

/* The entry of a text; a new one is spelled as given, or after `base`, unlike every other. */
static dim_name *add_name(hmlc_importer *importer, const char *text, const char *base)
{
    dim_name *name = hmlc_names_find(&importer->dims, text);
    if (name != NULL) {
        return name;
    }
    name = HMLC_NEW(importer->scratch, dim_name);
    const char *spelling = name == NULL                          ? NULL
                           : base == text && is_identifier(text) ? text
                                                                 : make_spelling(importer, base);
    const char *marked =
        spelling != NULL ? hmlc_arena_printf(importer->scratch, "=%s", spelling) : NULL;
    if (marked == NULL || hmlc_names_set(&importer->dims, text, name) != HMLC_OK ||
        hmlc_names_set(&importer->dims, marked, name) != HMLC_OK) {
        return NULL;
    }
    name->spelling = spelling;
    return name;
}

static void check_options(hmlc_importer *importer)
{
    const hmlc_import_options *options = importer->options;
    for (uint32_t i = 0; i < options->dim_count; i++) {
        const hmlc_dim_option *option = &options->dims[i];
        if (option->same_as == NULL && (option->minimum < 0 || option->maximum < option->minimum ||
                                        option->maximum > HMLC_DIM_UNBOUNDED)) {
            (void)hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_usage, NULL,
                                 "write --dim NAME=4, NAME=1..8 or NAME=OTHER",
                                 "--dim %s: the range %lld..%lld is empty or negative",
                                 option->name, (long long)option->minimum,
                                 (long long)option->maximum);
        }
    }
}

/* Longer texts are no expressions: parsing must not follow the file's nesting. */
enum { LONGEST_EXPRESSION = 128 };

/* True when every name in the text is a symbol that an input names alone. */
static bool names_are_symbols(const hmlc_importer *importer, const char *text)
{
    static const char *const functions[] = {"min", "max", "floor", "ceil", "mod", "Min", "Max"};
    bool any = false;
    while (*text != '\0') {
        size_t length = 0;
        while (is_word(text[length])) {
            length++;
        }
        if (length == 0 || isdigit((unsigned char)text[0])) {
            text += length == 0 ? 1 : length;
            continue;
        }
        char word[65];
        if (length >= sizeof word) {
            return false;
        }
        memcpy(word, text, length);
        word[length] = '\0';
        text += length;
        bool function = false;
        for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
            function = function || strcmp(word, functions[i]) == 0;
        }
        const dim_name *name = hmlc_names_find(&importer->dims, word);
        if (!function && (name == NULL || !name->alone)) {
            return false;
        }
        any = any || !function;
    }
    return any;
}

/* An expression of symbols that inputs name alone, not a name itself. */
static bool is_expression(const hmlc_importer *importer, const char *text)
{
    return !is_identifier(text) && strlen(text) <= LONGEST_EXPRESSION &&
           hmlc_names_find(&importer->dims, text) == NULL && names_are_symbols(importer, text);
}

/* The option that decides about a symbol, by its text or spelling; follows same_as up to an
 * expression. NULL: none;
 * *text is the symbol's name in the end. */
static const hmlc_dim_option *find_option(hmlc_importer *importer, const char **text)
{
    const hmlc_import_options *options = importer->options;
    const hmlc_dim_option *found = NULL;
    for (uint32_t hops = 0; hops <= options->dim_count; hops++) {
        found = NULL;
        for (uint32_t i = 0; i < options->dim_count && found == NULL; i++) {
            if (strcmp(options->dims[i].name, *text) == 0) {
                found = &options->dims[i];
                importer->option_used[i] = true;
            }
        }
        if (found == NULL || found->same_as == NULL || is_expression(importer, found->same_as)) {
            return found;
        }
        *text = found->same_as;
    }
    return NULL; /* a circle of same_as: one name for all of them */
}

static hmlc_dim symbol_dim(hmlc_importer *importer, const char *spelling);

/* Symbols of an expression replaced as the options say. */
static hmlc_dim apply_options(hmlc_importer *importer, hmlc_dim dim)
{
    if (dim->kind == HMLC_DIM_CONSTANT) {
        return dim;
    }
    if (dim->kind == HMLC_DIM_SYMBOL) {
        return symbol_dim(importer, dim->symbol->name);
    }
    hmlc_dim a = apply_options(importer, dim->a);
    hmlc_dim b = dim->b != NULL ? apply_options(importer, dim->b) : NULL;
    hmlc_dim c = dim->c != NULL ? apply_options(importer, dim->c) : NULL;
    return a == NULL ? NULL : hmlc_dim_make(importer->module->dims, dim->kind, a, b, c);
}

/* --dim past=seq+1: the expression in the symbol's place. */
static hmlc_dim related_dim(hmlc_importer *importer, const hmlc_dim_option *option)
{
    const char *text = option->same_as;
    if (importer->dim_depth > importer->options->dim_count) {
        (void)hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_usage, importer->where,
                             "leave one of the dims in the circle open",
                             "--dim %s=%s: the dim depends on itself", option->name, text);
        return hmlc_dim_constant(importer->module->dims, 1);
    }
    hmlc_dim parsed = hmlc_dim_parse(importer->module->dims, text, strlen(text));
    if (parsed == NULL) {
        (void)hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_usage, importer->where,
                             "write sums and products: --dim past=seq+1",
                             "--dim %s=%s: this is no expression", option->name, text);
        return hmlc_dim_constant(importer->module->dims, 1);
    }
    importer->dim_depth++;
    hmlc_dim dim = apply_options(importer, parsed);
    importer->dim_depth--;
    return dim;
}

/* The dim of one symbol, options applied. */
static hmlc_dim symbol_dim(hmlc_importer *importer, const char *spelling)
{
    hmlc_dims *dims = importer->module->dims;
    const hmlc_dim_option *option = find_option(importer, &spelling);
    if (option != NULL && option->same_as != NULL) {
        return related_dim(importer, option);
    }
    if (option != NULL && option->minimum == option->maximum) {
        return hmlc_dim_constant(dims, option->minimum);
    }
    hmlc_symbol *symbol = hmlc_symbol_get(dims, spelling);
    if (symbol == NULL) {
        return NULL;
    }
    if (option != NULL && option->minimum >= 0 && option->maximum >= option->minimum) {
        symbol->minimum = option->minimum;
        symbol->maximum = option->maximum;
    }
    return hmlc_dim_symbol(dims, symbol);
}

/* The symbol of a name. An option may use the text as the model writes it. */
static hmlc_dim named_symbol(hmlc_importer *importer, const dim_name *name, const char *text)
{
    if (name == NULL) {
        return NULL;
    }
    const char *spelling = text;
    const hmlc_dim_option *option = find_option(importer, &spelling);
    return symbol_dim(importer, option == NULL && spelling == text ? name->spelling : spelling);
}

/* Enters a text; whether several dims have it is known when all are entered. */
static hmlc_status enter_text(hmlc_importer *importer, const char *text)
{
    bool seen = hmlc_names_find(&importer->dims, text) != NULL;
    dim_name *name = add_name(importer, text, text);
    HMLC_TRY_MEMORY(name);
    name->shared = seen;
    name->alone = !(seen && says_varying(text));
    return HMLC_OK;
}

/* A symbol alone gets its range now, before an expression uses it. */
static hmlc_status make_symbol(hmlc_importer *importer, const char *text)
{
    const dim_name *name = hmlc_names_find(&importer->dims, text);
    if (name != NULL && name->alone) {
        HMLC_TRY_MEMORY(named_symbol(importer, name, text));
    }
    return HMLC_OK;
}

hmlc_status hmlc_input_dims_prepare(hmlc_importer *importer, const char *const *texts, size_t count)
{
    importer->dims = hmlc_names_create(importer->scratch);
    importer->option_used = HMLC_NEW_ARRAY(importer->scratch, bool, importer->options->dim_count);
    HMLC_TRY_MEMORY(importer->option_used);
    check_options(importer);
    for (size_t i = 0; i < count; i++) {
        if (is_identifier(texts[i]) && !says_nothing(texts[i])) {
            HMLC_TRY(enter_text(importer, texts[i]));
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (is_identifier(texts[i]) && !says_nothing(texts[i])) {
            HMLC_TRY(make_symbol(importer, texts[i]));
        }
    }
    return HMLC_OK;
}

hmlc_dim hmlc_input_dim_unnamed(hmlc_importer *importer, const char *input, uint32_t index)
{
    const char *text = hmlc_arena_printf(importer->scratch, "%s.%u", input, index);
    const char *base = hmlc_arena_printf(importer->scratch, "%s_dim%u", input, index);
    return text != NULL && base != NULL
               ? named_symbol(importer, add_name(importer, text, base), text)
               : NULL;
}

hmlc_dim hmlc_input_dim_named(hmlc_importer *importer, const char *text, const char *input,
                              uint32_t index)
{
    const dim_name *known = hmlc_names_find(&importer->dims, text);
    if (says_nothing(text) || (says_varying(text) && known != NULL && known->shared)) {
        return hmlc_input_dim_unnamed(importer, input, index);
    }
    if (is_expression(importer, text)) {
        hmlc_dim parsed = hmlc_dim_parse(importer->module->dims, text, strlen(text));
        if (parsed != NULL) {
            return apply_options(importer, parsed);
        }
    }
    return named_symbol(importer, add_name(importer, text, text), text);
}

/* A dim of an input, or the name of another option. */
static bool is_known(const hmlc_importer *importer, const char *name)
{
    const char *marked = hmlc_arena_printf(importer->scratch, "=%s", name);
    bool known = hmlc_names_find(&importer->dims, name) != NULL ||
                 (marked != NULL && hmlc_names_find(&importer->dims, marked) != NULL);
    for (uint32_t i = 0; i < importer->options->dim_count; i++) {
        known = known || strcmp(importer->options->dims[i].name, name) == 0;
    }
    return known;
}

/* The names that come from an input, not from an option's misspelled word: symbols, then what
 * options have fixed or renamed. */
typedef struct symbol_walk {
    const hmlc_importer *importer;
    uint32_t next, option;
} symbol_walk;

static const char *next_symbol(void *context)
{
    symbol_walk *walk = context;
    hmlc_dims *dims = walk->importer->module->dims;
    while (walk->next < hmlc_symbol_count(dims)) {
        const hmlc_symbol *symbol = hmlc_symbol_at(dims, walk->next++);
        if (!symbol->bound_at_run && is_known(walk->importer, symbol->name)) {
            return symbol->name;
        }
    }
    while (walk->option < walk->importer->options->dim_count) {
        uint32_t option = walk->option++;
        if (walk->importer->option_used[option]) {
            return walk->importer->options->dims[option].name;
        }
    }
    return NULL;
}

/* A hint; NULL where no name is similar. */
static const char *similar_dim(const hmlc_importer *importer, const char *name)
{
    symbol_walk walk = {.importer = importer};
    const char *similar = hmlc_names_similar(name, next_symbol, &walk);
    return similar != NULL ? hmlc_arena_printf(importer->scratch, "did you mean '%s'?", similar)
                           : NULL;
}

void hmlc_input_dims_finish(hmlc_importer *importer)
{
    char known[256] = "";
    size_t used = 0;
    symbol_walk walk = {.importer = importer};
    for (const char *name; used < sizeof known - 1 && (name = next_symbol(&walk)) != NULL;) {
        int written =
            snprintf(known + used, sizeof known - used, "%s%s", used > 0 ? ", " : "", name);
        used += written > 0 ? (size_t)written : 0;
    }
    for (uint32_t i = 0; i < importer->options->dim_count; i++) {
        const hmlc_dim_option *option = &importer->options->dims[i];
        const char *name = importer->option_used[i] ? option->same_as : option->name;
        bool named = name == NULL || is_known(importer, name) || is_expression(importer, name);
        if (!importer->option_used[i] || !named) {
            (void)hmlc_error_add(
                importer->module->diagnostics, HMLC_ERROR_symbol_unknown, importer->where,
                similar_dim(importer, name),
                "--dim %s%s%s: no input has the dim '%s'; the inputs' dims are: %s", option->name,
                option->same_as != NULL ? "=" : "", option->same_as != NULL ? option->same_as : "",
                name, used > 0 ? known : "none");
        }
    }
}

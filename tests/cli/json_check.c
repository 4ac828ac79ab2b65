/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether stdin holds one JSON object and a newline, as every command of hml and hmlc prints with
 * --json. usage: json_check STATUS CODE [KEY...]: the values of "status" and "code" ("-": null),
 * and keys that must be there besides those of all commands. Exit status 0 when all is so.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 24, MOST_DEPTH = 64, MOST_KEYS = 64 };

typedef struct member {
    const char *key, *value; /* in the text */
    size_t key_bytes, value_bytes;
} member;

static member members[MOST_KEYS]; /* of the outermost object */
static size_t member_count;

static bool parse_value(const char **at, int depth);

static void skip_space(const char **at)
{
    *at += strspn(*at, " \t\r\n");
}

static bool take(const char **at, char c)
{
    skip_space(at);
    *at += **at == c;
    return (*at)[-1] == c;
}

static bool parse_escape(const char **at)
{
    if (**at == 'u') {
        bool good = strspn(*at + 1, "0123456789abcdefABCDEF") >= 4;
        *at += good ? 5 : 0;
        return good;
    }
    bool good = **at != '\0' && strchr("\"\\/bfnrt", **at) != NULL;
    *at += good;
    return good;
}

static bool parse_string(const char **at)
{
    if (**at != '"') {
        return false;
    }
    for ((*at)++; **at != '"';) {
        unsigned char c = (unsigned char)*(*at)++;
        if (c < 0x20 || (c == '\\' && !parse_escape(at))) {
            return false;
        }
    }
    (*at)++;
    return true;
}

static bool parse_number(const char **at)
{
    char *end;
    size_t length = strspn(*at, "-+.0123456789eE");
    if (length == 0 || **at == '+' || **at == '.') {
        return false;
    }
    (void)strtod(*at, &end);
    bool whole = end == *at + length;
    *at = end;
    return whole;
}

static bool parse_word(const char **at)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t k = 0; k < 3; k++) {
        if (strncmp(*at, words[k], strlen(words[k])) == 0) {
            *at += strlen(words[k]);
            return true;
        }
    }
    return parse_number(at);
}

static bool parse_member(const char **at, int depth)
{
    skip_space(at);
    member m = {.key = *at + 1};
    if (!parse_string(at)) {
        return false;
    }
    m.key_bytes = (size_t)(*at - m.key) - 1;
    if (!take(at, ':')) {
        return false;
    }
    skip_space(at);
    m.value = *at;
    bool good = parse_value(at, depth + 1);
    m.value_bytes = (size_t)(*at - m.value);
    if (depth == 0 && member_count < MOST_KEYS) {
        members[member_count++] = m;
    }
    return good;
}

/* An object or array behind its opening bracket. */
static bool parse_list(const char **at, int depth, char closer)
{
    skip_space(at);
    bool good = depth < MOST_DEPTH;
    for (bool first = true; good && **at != closer; first = false) {
        good = (first || take(at, ',')) &&
               (closer == '}' ? parse_member(at, depth) : parse_value(at, depth + 1));
        skip_space(at);
    }
    *at += good;
    return good;
}

static bool parse_value(const char **at, int depth)
{
    skip_space(at);
    if (**at == '"') {
        return parse_string(at);
    }
    if (**at != '{' && **at != '[') {
        return parse_word(at);
    }
    char closer = *(*at)++ == '{' ? '}' : ']';
    return parse_list(at, depth, closer);
}

static const member *find(const char *key)
{
    for (size_t k = 0; k < member_count; k++) {
        if (members[k].key_bytes == strlen(key) &&
            memcmp(members[k].key, key, members[k].key_bytes) == 0) {
            return &members[k];
        }
    }
    printf("no key \"%s\"\n", key);
    return NULL;
}

static bool has_value(const char *key, const char *value)
{
    const member *m = find(key);
    bool good = m != NULL && m->value_bytes == strlen(value) &&
                memcmp(m->value, value, m->value_bytes) == 0;
    if (m != NULL && !good) {
        printf("\"%s\" is %.*s, expected %s\n", key, (int)m->value_bytes, m->value, value);
    }
    return good;
}

int main(int argc, char **argv)
{
    static const char *const keys[] = {"schema", "version", "path", "diagnostics"};
    static char text[MOST_BYTES];
    char code[64];
    size_t bytes = fread(text, 1, sizeof text - 1, stdin);
    const char *at = text;
    if (argc < 3 || text[0] != '{' || !parse_value(&at, 0) || strcmp(at, "\n") != 0 ||
        strlen(text) != bytes) {
        printf("no JSON object at byte %zu: %.60s\n", (size_t)(at - text), at);
        return 1;
    }
    snprintf(code, sizeof code, strcmp(argv[2], "-") == 0 ? "null" : "\"%s\"", argv[2]);
    bool good = has_value("status", argv[1]);
    good = has_value("code", code) && good;
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        good = find(keys[k]) != NULL && good;
    }
    for (int k = 3; k < argc; k++) {
        good = find(argv[k]) != NULL && good;
    }
    return good ? 0 : 1;
}

/* Short ways to write modules in tests. Float constants are scalars or have their shape spelled. */
#ifndef HMLC_TEST_HIR_H
#define HMLC_TEST_HIR_H

#define HIR(arguments, body) "hir 1\nmodel \"\"\nmain(" arguments ") -> (\"y\") {\n" body "}\n"
#define HIR_BATCH(arguments, body)                                                                 \
    "hir 1\nmodel \"\"\nsymbol \"batch\" [1, inf] hint 4\nmain(" arguments ") -> (\"y\") {\n" body \
    "}\n"
#define SCALAR(name, number) name " = constant() {value = f32[](" number ")} : f32[]\n"
#define VECTOR(name, size, numbers)                                                                \
    name " = constant() {value = f32[" size "](" numbers ")} : f32[" size "]\n"

#endif

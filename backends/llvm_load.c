/* SPDX-License-Identifier: Apache-2.0 */
#include "llvm.h"

#include <assert.h>
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

hmlc_llvm_functions hmlc_llvm;

static const char *const names[] = {
#define HMLC_LLVM(function) #function,
#include "llvm_functions.def"
#undef HMLC_LLVM
};
enum { COUNT = sizeof names / sizeof names[0] };
static_assert(sizeof(hmlc_llvm_functions) == COUNT * sizeof(void *), "a pointer per name");

const char *hmlc_llvm_load(void)
{
    static void *library;
    void *found[COUNT];
    if (library != NULL) {
        return NULL;
    }
    library = dlopen(HMLC_LLVM_PATH, RTLD_LAZY | RTLD_LOCAL);
    if (library == NULL) { /* installed elsewhere since hmlc was built */
        library = dlopen(HMLC_LLVM_NAME, RTLD_LAZY | RTLD_LOCAL);
    }
    for (size_t k = 0; k < COUNT && library != NULL; k++) {
        found[k] = dlsym(library, names[k]);
        if (found[k] == NULL) {
            dlclose(library);
            library = NULL;
        }
    }
    if (library == NULL) {
        return dlerror();
    }
    memcpy(&hmlc_llvm, found, sizeof found);
    return NULL;
}

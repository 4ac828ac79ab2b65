/* SPDX-License-Identifier: Apache-2.0 */
/* What is true of every copy of a module. */
#ifndef CLONE_CHECKS_H
#define CLONE_CHECKS_H

#include <hmlc/passes.h>

/*
 * Copies the module, runs `pipeline` on the copy and on a copy of that. NULL, or what went wrong:
 * the copy differs in text, does not verify, shares what a pass changes, or came to another end
 * than a copy made later.
 */
const char *clone_broken(const hmlc_module *module, const char *pipeline);

#endif

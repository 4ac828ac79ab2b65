/* SPDX-License-Identifier: Apache-2.0 */
/* The values of ENUM attributes, HMLC_LAYOUT_CHANNELS_LAST and so on, as attrs.def lists them.
 * Freestanding. */
#ifndef HMLC_ATTR_WORDS_H
#define HMLC_ATTR_WORDS_H

#define HMLC_ATTR(name, kind)
#define HMLC_ATTR_ENUM(name, words) enum { words };
#define WORD(identifier, text)      HMLC_##identifier,
#include <hmlc/attrs.def>
#undef WORD
#undef HMLC_ATTR_ENUM
#undef HMLC_ATTR

#endif

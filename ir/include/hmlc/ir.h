/* SPDX-License-Identifier: Apache-2.0 */
/* The facade of ir/: everything the other folders may use. */
#ifndef HMLC_IR_H
#define HMLC_IR_H

#include <hmlc/access.h>
#include <hmlc/activation.h>
#include <hmlc/arena.h>
#include <hmlc/diagnostic.h>
#include <hmlc/dim.h>
#include <hmlc/eval.h>
#include <hmlc/graph.h>
#include <hmlc/infer.h>
#include <hmlc/location.h>
#include <hmlc/op.h>
#include <hmlc/packing.h>
#include <hmlc/status.h>
#include <hmlc/target.h>
#include <hmlc/text.h>
#include <hmlc/types.h>
#include <hmlc/verify.h>

#endif

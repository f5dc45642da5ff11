/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kind of invocations that make thumbnails: frames of wire.h, and which answers are believed.
 * The order is a ThumbnailOrder, the body of an answer a WireResult.
 *
 * The caller decides what it does with the answer. Used by the daemon, and by other programs that
 * run a pool of thumbq-thumbnail.
 */
#pragma once

#include "handlers/executor.h"
#include "handlers/thumbnail_order.h"

extern const InvocationKind thumbnail_kind;

/* True if the answer says that the order needs another handler program. It is sound. */
bool thumbnail_needs(const Answer *answer, size_t *ret_program);

/* Copies the answer as a result: that of the worker, or only the error if no worker answered. */
void thumbnail_result(const Answer *answer, WireResult *ret_result);

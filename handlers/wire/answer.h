/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides whether a worker's answer is believed. A frame that decodes (wire.h) may still state
 * something that the order did not ask for, or that no honest worker states. Private to handlers.
 */
#pragma once

#include "handlers/thumbnail_order.h"

#include <stdbool.h>

/*
 * True if the answer fits the order. `unchanged` fits only if the order has a hash, and with that
 * hash. Otherwise there has to be one thumbnail for each rendition: of a type that the rendition
 * gives for such a source, no larger than the rendition, at the place that the order wants, and all
 * of them together within max_output_size. A source of such a type must be one that the program
 * reads.
 *
 * An answer that names another program makes nothing: that program must read files of the type that
 * was found, and must not have got the order before. So an order goes to each program once at most.
 */
bool answer_is_sound(const ThumbnailOrder *order, const WireResult *result);

/*
 * True if the worker gets no further order: a decoder has stumbled over the bytes, and the state
 * that they left behind is not trusted. An attacker that takes a worker over can give any answer,
 * and would choose one that is not suspicious. So an answer is also suspect if it says that a file
 * with the name of a picture is none, or if it states a fact that the daemon has checked itself: an
 * empty file, or one that is too large.
 */
bool answer_is_suspect(const WireResult *result, bool named_as_image);

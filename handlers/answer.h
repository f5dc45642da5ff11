/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a worker's answer is believed. A frame that decodes (wire.h) may still say what the job
 * did not ask for, or what no honest worker says. Private to handlers.
 */
#pragma once

#include "wire.h"

#include <stdbool.h>

/*
 * True if the answer fits the job: `unchanged` only where a hash was offered, and with that hash;
 * else one thumbnail for each rendition, of a type that the rendition gives for such a source, no
 * larger than it is to be, where the job wants it, and all of them together within max_output_size.
 */
bool answer_is_sound(const WireJob *job, const WireResult *result);

/*
 * True if the worker gets no further job: a decoder has stumbled over the bytes, and whatever state
 * that left behind is not trusted. Whoever takes a worker over can answer as it likes, and would
 * choose what is not suspicious: so it is also if a file that is named as a picture is said to be
 * none, and what the daemon has looked at itself, an empty file or one that is too large.
 */
bool answer_is_suspect(const WireResult *result, bool named_as_image);

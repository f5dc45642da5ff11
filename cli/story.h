/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened to one object, in order of time: its events, and the beginning and the end of each
 * attempt. Events are stamped by the wall clock; the end of an attempt is its start and a duration
 * of the monotonic clock. The two clocks drift apart, so that an attempt may seem to end after the
 * event that tells its outcome: such an end is moved back to that event.
 */
#pragma once

#include "record.h"
#include "store.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Story Story;

typedef struct {
    int64_t time_us; /* wall clock */
    int rank;        /* of moments of the same time, the smaller one comes first */
    bool is_problem;
    char *text;
} Moment;

/* Owner: story_free. */
Story *story_new(void);
void story_free(Story *story);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Story, story_free)

/* Events of one object, in the order of the log. */
void story_add_event(Story *story, const StoreEvent *event);

void story_add_attempt(Story *story, const RecordAttempt *attempt);

/* Puts all that was added into order. Nothing may be added afterwards. */
void story_sort(Story *story);

size_t story_length(const Story *story);

/* Owner: the story. */
const Moment *story_moment(const Story *story, size_t i);

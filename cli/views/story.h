/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history of one object in order of time: its events, and start and end of each attempt. Events
 * have times of the wall clock. The end of an attempt is its start plus a duration of the monotonic
 * clock. The two clocks drift apart, so an attempt may seem to end after the event with its
 * outcome; such an end is moved back to that event.
 */
#pragma once

#include "store/record.h"
#include "store/store.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Story Story;

typedef struct {
    /* Wall clock. */
    int64_t time_us;
    /* Of moments with the same time, the smaller rank comes first. */
    int rank;
    bool is_problem;
    char *text;
} Moment;

/* Creates an empty story. Owner: story_free. */
Story *story_new(void);
void story_free(Story *story);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Story, story_free)

/* Adds an event or an attempt of the object. Events are added in the order of the log. */
void story_add_event(Story *story, const Event *event);

void story_add_attempt(Story *story, const Attempt *attempt);

/* Sorts the moments. Nothing may be added afterwards. */
void story_sort(Story *story);

size_t story_length(const Story *story);

/* Returns the i-th moment. Owner: the story. */
const Moment *story_moment(const Story *story, size_t i);

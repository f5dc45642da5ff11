/* SPDX-License-Identifier: Apache-2.0 */
#include "story.h"

#include "error.h"
#include "terminal.h"
#include "units.h"

/* In which order moments of the same time are told. */
enum { RANK_EVENT, RANK_START, RANK_END, RANK_OUTCOME };

struct Story {
    GArray *moments; /* Moment */
    bool is_known;   /* an upload has been told of */
};

static void clear_moment(gpointer moment)
{
    g_free(((Moment *)moment)->text);
}

Story *story_new(void)
{
    Story *story = g_new0(Story, 1);
    story->moments = g_array_new(FALSE, FALSE, sizeof(Moment));
    g_array_set_clear_func(story->moments, clear_moment);
    return story;
}

void story_free(Story *story)
{
    if (!story)
        return;
    g_array_unref(story->moments);
    g_free(story);
}

static void tell(Story *story, int64_t time_us, int rank, bool is_problem, char *text)
{
    Moment moment = {.time_us = time_us, .rank = rank, .is_problem = is_problem, .text = text};
    g_array_append_val(story->moments, moment);
}

static char *tell_event(Story *story, const StoreEvent *event)
{
    const char *error = event->error == ERROR_NONE ? "" : error_name(event->error);
    g_autofree char *size = units_format_bytes(event->size);
    switch (event->type) {
    case STORE_EVENT_CREATED: {
        const char *again = story->is_known ? "changed" : "uploaded";
        story->is_known = true;
        return g_strdup_printf("%s: %s", again, size);
    }
    case STORE_EVENT_REMOVED:
        return g_strdup("removed");
    case STORE_EVENT_MOVED:
        return g_strdup("renamed to this name");
    case STORE_EVENT_DONE:
        return g_strdup("done");
    case STORE_EVENT_SKIPPED:
        return g_strdup_printf("skipped: %s", error);
    case STORE_EVENT_DEAD:
        return g_strdup_printf("given up: %s", error);
    case STORE_EVENT_RETRY:
        return g_strdup_printf("to be tried again: %s", error);
    case STORE_EVENT_EXPIRED:
        return g_strdup("removed by a lifecycle rule");
    case STORE_EVENT_THUMBNAILS_EXPIRED:
        return g_strdup("thumbnails removed by a lifecycle rule");
    case STORE_EVENT_SCHEDULED:
    case STORE_EVENT_SWEPT:
    case STORE_EVENT_JOB:
    case STORE_EVENT_ALARM:
        break; /* of no object */
    }
    return g_strdup(store_event_name(event->type));
}

static bool is_outcome(StoreEventType type)
{
    return type == STORE_EVENT_DONE || type == STORE_EVENT_SKIPPED || type == STORE_EVENT_DEAD ||
           type == STORE_EVENT_RETRY;
}

void story_add_event(Story *story, const StoreEvent *event)
{
    bool is_problem = event->type == STORE_EVENT_DEAD || event->type == STORE_EVENT_RETRY;
    tell(story, event->time_us, is_outcome(event->type) ? RANK_OUTCOME : RANK_EVENT, is_problem,
         tell_event(story, event));
}

void story_add_attempt(Story *story, const RecordAttempt *attempt)
{
    g_autofree char *request = record_request_id(attempt->request_id);
    g_autofree char *cpu = terminal_duration(attempt->cpu_us);
    g_autofree char *memory = units_format_bytes(attempt->memory_bytes);
    ErrorCode code = attempt->error;
    bool failed = code != ERROR_NONE && error_class(code) != ERROR_CLASS_SKIP;
    tell(story, attempt->start_us, RANK_START, false, g_strdup_printf("attempt %s", request));
    tell(story, attempt->start_us + attempt->duration_us, RANK_END, failed,
         g_strdup_printf("%s: CPU %s, memory %s", code == ERROR_NONE ? "ended" : error_name(code),
                         cpu, memory));
}

static int compare_moments(gconstpointer a, gconstpointer b)
{
    const Moment *left = a, *right = b;
    if (left->time_us != right->time_us)
        return left->time_us > right->time_us ? 1 : -1;
    return left->rank - right->rank;
}

/*
 * The end of an attempt that begins at `start_us` comes no later than its outcome, which is the
 * first one from then on. `moments` are in order of time.
 */
static void bound_end(GArray *moments, int64_t start_us, Moment *end)
{
    for (guint i = 0; i < moments->len; i++) {
        const Moment *moment = &g_array_index(moments, Moment, i);
        if (moment->rank != RANK_OUTCOME || moment->time_us < start_us)
            continue;
        end->time_us = MIN(end->time_us, moment->time_us);
        return;
    }
}

void story_sort(Story *story)
{
    g_autoptr(GArray) sorted = g_array_copy(story->moments);
    g_array_set_clear_func(sorted, NULL); /* the texts stay those of the story */
    g_array_sort(sorted, compare_moments);
    /* story_add_attempt adds each end right behind its start. */
    for (guint i = 1; i < story->moments->len; i++) {
        Moment *moment = &g_array_index(story->moments, Moment, i);
        if (moment->rank == RANK_END)
            bound_end(sorted, g_array_index(story->moments, Moment, i - 1).time_us, moment);
    }
    g_array_sort(story->moments, compare_moments); /* stable: events stay in their order */
}

size_t story_length(const Story *story)
{
    return story->moments->len;
}

const Moment *story_moment(const Story *story, size_t i)
{
    return &g_array_index(story->moments, Moment, i);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "views/story.h"

#include "base/error.h"
#include "base/units.h"
#include "base/uuid.h"
#include "views/terminal.h"

/* Order of moments with the same time. */
enum { RANK_EVENT, RANK_START, RANK_END, RANK_OUTCOME };

struct Story {
    /* Elements of type Moment. */
    GArray *moments;
    /* The story has an upload already. */
    bool is_known;
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

static void add_moment(Story *story, int64_t time_us, int rank, bool is_problem, char *text)
{
    Moment moment = {.time_us = time_us, .rank = rank, .is_problem = is_problem, .text = text};
    g_array_append_val(story->moments, moment);
}

/* Returns the event in words for people. Owner: the caller frees. */
static char *describe_event(Story *story, const Event *event)
{
    const char *error = event->error == ERROR_NONE ? "" : error_name(event->error);
    g_autofree char *size = units_format_bytes(event->size);
    switch (event->type) {
    case EVENT_CREATED: {
        const char *again = story->is_known ? "changed" : "uploaded";
        story->is_known = true;
        return g_strdup_printf("%s: %s", again, size);
    }
    case EVENT_REMOVED: {
        /* The object of the story exists: the name is the one that a rename took away. */
        g_autofree char *name = terminal_safe(event->key);
        return g_strdup_printf("no longer named '%s'", name);
    }
    case EVENT_MOVED:
        return g_strdup("renamed to this name");
    case EVENT_DONE:
        return g_strdup("done");
    case EVENT_SKIPPED:
        return g_strdup_printf("skipped: %s", error);
    case EVENT_DEAD:
        return g_strdup_printf("given up: %s", error);
    case EVENT_RETRY:
        return g_strdup_printf("to be tried again: %s", error);
    case EVENT_EXPIRED:
        return g_strdup("removed by a lifecycle rule");
    case EVENT_THUMBNAILS_EXPIRED:
        return g_strdup("thumbnails removed by a lifecycle rule");
    case EVENT_SCHEDULED:
    case EVENT_SWEPT:
    case EVENT_JOB:
    case EVENT_ALARM:
        /* Not an event of an object. */
        break;
    }
    return g_strdup(event_type_name(event->type));
}

static bool is_outcome(EventType type)
{
    return type == EVENT_DONE || type == EVENT_SKIPPED || type == EVENT_DEAD || type == EVENT_RETRY;
}

void story_add_event(Story *story, const Event *event)
{
    bool is_problem = event->type == EVENT_DEAD || event->type == EVENT_RETRY;
    add_moment(story, event->time_us, is_outcome(event->type) ? RANK_OUTCOME : RANK_EVENT,
               is_problem, describe_event(story, event));
}

void story_add_attempt(Story *story, const Attempt *attempt)
{
    g_autofree char *request = uuid_format(attempt->request_id);
    g_autofree char *cpu = terminal_duration(attempt->cpu_us);
    g_autofree char *memory = units_format_bytes(attempt->memory_bytes);
    ErrorCode code = attempt->error;
    bool failed = code != ERROR_NONE && error_class(code) != ERROR_CLASS_SKIP;
    add_moment(story, attempt->start_us, RANK_START, false, g_strdup_printf("attempt %s", request));
    add_moment(story, attempt->start_us + attempt->duration_us, RANK_END, failed,
               g_strdup_printf("%s: CPU %s, memory %s",
                               code == ERROR_NONE ? "ended" : error_name(code), cpu, memory));
}

static int compare_moments(gconstpointer a, gconstpointer b)
{
    const Moment *left = a, *right = b;
    if (left->time_us != right->time_us)
        return left->time_us > right->time_us ? 1 : -1;
    return left->rank - right->rank;
}

/* Limits the end of the attempt that begins at `start_us` to the time of its outcome, which is the
 * first outcome from then on. `moments` is sorted by time. */
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
    /* The story still owns the texts. */
    g_array_set_clear_func(sorted, NULL);
    g_array_sort(sorted, compare_moments);
    /* story_add_attempt adds each end directly after its start. */
    for (guint i = 1; i < story->moments->len; i++) {
        Moment *moment = &g_array_index(story->moments, Moment, i);
        if (moment->rank == RANK_END)
            bound_end(sorted, g_array_index(story->moments, Moment, i - 1).time_us, moment);
    }
    /* The sort is stable: events keep their order. */
    g_array_sort(story->moments, compare_moments);
}

size_t story_length(const Story *story)
{
    return story->moments->len;
}

const Moment *story_moment(const Story *story, size_t i)
{
    return &g_array_index(story->moments, Moment, i);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The fixture of the tests of passes: passes that record their steps. */
#pragma once

#include "base/error.h"
#include "passes/pass.h"

#include <string.h>

/* Record of the passes of a test: "a1 a2 a. ". */
typedef struct {
    GString *story;
    Passes *passes;
    GMainLoop *loop;
    int failures, rests;
} House;

static int64_t now_us;

static inline int64_t fixture_time(void)
{
    return now_us;
}

static inline void on_failed(GError *error, void *data)
{
    House *house = data;

    house->failures++;
    g_string_append(house->story, "failed ");
    g_error_free(error);
    passes_lost(house->passes);
}

static inline void on_idle(void *data)
{
    House *house = data;

    house->rests++;
    g_main_loop_quit(house->loop);
}

/* A pass that records its steps. The numbers are rows in which an event happens; 0: in none. */
typedef struct {
    House *house;
    char name;
    int row, rows;
    /* Time that each row takes, microseconds. */
    int64_t row_us;
    /* The pass waits once. */
    int waits_at;
    /* The pass wakes its own queue while it waits. */
    int wakes_at;
    /* The pass fails with an error. */
    int fails_at;
    /* A batch is lost within the row. */
    int loses_at;
    bool waits_first, fails_first, fails_at_end, fails_to_rest, commits_at_end;
    /* Pass that this one starts when it ends. */
    const PassKind *next_kind;
    void *next_work;
} Work;

static inline bool fail(GError **error)
{
    g_set_error(error, THUMBQ_ERROR, ERROR_STORE, "no");
    return false;
}

static inline void say(const Work *work, const char *what)
{
    g_string_append_printf(work->house->story, "%c%s ", work->name, what);
}

static inline PassStep begin(void *data, GError **error)
{
    Work *work = data;

    say(work, "(");
    if (work->fails_first && !fail(error))
        return PASS_FAILED;
    if (work->waits_first) {
        work->waits_first = false;
        return PASS_WAIT;
    }
    return PASS_MORE;
}

static inline PassStep next(void *data, GError **error)
{
    Work *work = data;
    House *house = work->house;
    g_autofree char *row = NULL;

    if (work->waits_at == work->row + 1) {
        work->waits_at = 0;
        say(work, "?");
        return PASS_WAIT;
    }
    if (work->wakes_at == work->row + 1) {
        work->wakes_at = 0;
        passes_wake(house->passes, PASS_SWEEPS);
        return PASS_WAIT;
    }
    if (work->row == work->rows)
        return PASS_END;
    row = g_strdup_printf("%d", ++work->row);
    say(work, row);
    now_us += work->row_us;
    if (work->loses_at == work->row)
        passes_lost(house->passes);
    if (work->fails_at == work->row && !fail(error))
        return PASS_FAILED;
    return PASS_MORE;
}

static inline bool end_slice(void *data, GError **error)
{
    const Work *work = data;

    say(work, "|");
    return !work->fails_to_rest || fail(error);
}

static inline bool end(void *data, GError **error)
{
    const Work *work = data;

    say(work, ")");
    if (work->next_work)
        pass_start(work->house->passes, work->next_kind, work->next_work);
    if (work->commits_at_end) {
        /* The commit has failed, and reports this. */
        passes_lost(work->house->passes);
        return false;
    }
    return !work->fails_at_end || fail(error);
}

static inline void lost(void *data)
{
    say(data, "!");
}

static inline void free_work(void *data)
{
    say(data, ".");
    g_free(data);
}

#define KIND(in_queue, time, n_rows)                                                               \
    {                                                                                              \
        .queue = (in_queue), .budget = {.time_us = (time), .rows = (n_rows)}, .begin = begin,      \
        .next = next, .end_slice = end_slice, .end = end, .lost = lost, .free = free_work          \
    }

static const PassKind walk = KIND(PASS_WALKS, 1000, 3);
static const PassKind sweep = KIND(PASS_SWEEPS, 1000, 3);
static const PassKind job = KIND(PASS_JOBS, 1000, 3);
static const PassKind bare = {
    .queue = PASS_SWEEPS, .budget = {1000, 3}, .next = next, .free = free_work};

static inline House *new_house(void)
{
    House *house = g_new0(House, 1);
    const PassCallbacks of = {on_failed, on_idle, fixture_time, house};

    now_us = 0;
    house->story = g_string_new(NULL);
    house->loop = g_main_loop_new(NULL, FALSE);
    house->passes = passes_new(&of);
    return house;
}

static inline void free_house(House *house)
{
    passes_free(house->passes);
    g_main_loop_unref(house->loop);
    g_string_free(house->story, TRUE);
    g_free(house);
}

static inline Work *work_of(House *house, char name, int rows)
{
    Work *work = g_new0(Work, 1);

    work->house = house;
    work->name = name;
    work->rows = rows;
    return work;
}

static inline Work *start(House *house, const PassKind *kind, char name, int rows)
{
    Work *work = work_of(house, name, rows);

    pass_start(house->passes, kind, work);
    return work;
}

/* Runs everything that is ready. */
static inline void run_all(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        continue;
}

static inline void expect(House *house, const char *story)
{
    g_assert_cmpstr(house->story->str, ==, story);
    g_string_truncate(house->story, 0);
}

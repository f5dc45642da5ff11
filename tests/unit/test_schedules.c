/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules in the loop: which sources stay there when they are freed. */
#include "rules/schedules.h"

#include "base/clock.h"
#include "folders.h"
#include "journal/journal.h"
#include "model/layout.h"
#include "offline.h"

/* Longer than one variable in the environment of a program may be. */
#define TOO_LONG (200 * 1000)

static bool has_source(const Schedules *schedules)
{
    return g_main_context_find_source_by_user_data(NULL, (gpointer)schedules) != NULL;
}

/* The store has a run two days ago, so the next one is due. */
static void make_due(const BucketState *state, GError **error)
{
    const ScheduleConfig *config = &state->config->schedules[0];
    g_autofree char *definition = g_strconcat(config->cron, "\n", config->timezone, NULL);
    const ScheduleState due = {.definition = layout_key_hash(definition),
                               .handled_us = clock_wall_us() - 2 * 86400 * CLOCK_US_PER_SEC};

    g_assert_true(store_put_schedule(state->store, config->name, &due, error));
    g_assert_true(journal_commit(state->journal));
}

/* Runs due schedules until one has failed and the loop has nothing to do. */
static bool run_until_rest(const OfflineParts *parts, void *data, GError **error)
{
    const BucketState *state = parts->state;
    const ScheduleParts used = {state, parts->run, parts->window, parts->sweeps};

    (void)data;
    make_due(state, error);
    Schedules *schedules = schedules_new(&used, state->config, error);
    g_assert_nonnull(schedules);
    g_assert_true(schedules_start(schedules, error));
    while (g_main_context_iteration(NULL, FALSE))
        ;
    ScheduleState saved;
    bool found;
    g_autoptr(StoreSnapshot) snapshot = NULL;
    g_assert_true(journal_commit(state->journal));
    snapshot = store_snapshot_begin(state->store, error);
    g_assert_nonnull(snapshot);
    g_assert_true(store_get_schedule(snapshot, "odd", &found, &saved, error));
    g_assert_true(found);
    g_assert_cmpint(saved.outcome, ==, RUN_FAILED);
    g_assert_true(has_source(schedules));

    schedules_free(schedules);
    g_assert_false(has_source(schedules));
    return true;
}

static void test_command_that_cannot_be_started(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *bucket = g_dir_make_tmp("thumbq-test-XXXXXX", &error);
    g_autofree char *value = g_strnfill(TOO_LONG, 'x');
    g_autoptr(Config) config =
        config_parse("[schedule odd]\ncron = rate(1 day)\nrun = exec true\n", "test", &error);

    g_assert_no_error(error);
    /* No program can be started with this variable. */
    g_assert_true(g_setenv("TOO_LONG", value, TRUE));
    g_assert_true(offline_run(bucket, config, run_until_rest, NULL, &error));
    g_assert_no_error(error);
    g_unsetenv("TOO_LONG");
    folders_remove(bucket);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/schedule/command-that-cannot-be-started",
                    test_command_that_cannot_be_started);
    return g_test_run();
}

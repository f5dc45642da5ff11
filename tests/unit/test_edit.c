/* SPDX-License-Identifier: Apache-2.0 */
/* Retries and drops of dead objects, with only a store. */
#include "server/edit.h"

#include "base/error.h"
#include "store_fixture.h"

typedef struct {
    const char *name;
    /* State of the object before. */
    ObjectState state;
    ControlEditAction action;
    bool is_changed;
    /* True if the object exists afterwards, with the state `after`. */
    bool is_there;
    ObjectState after;
} Case;

static const Case cases[] = {
    {"retry-dead", STATE_DEAD, CONTROL_EDIT_RETRY, true, true, STATE_PENDING},
    {"drop-dead", STATE_DEAD, CONTROL_EDIT_DROP, true, true, STATE_SKIPPED},
    {"retry-skipped", STATE_SKIPPED, CONTROL_EDIT_RETRY, false, true, STATE_SKIPPED},
    {"drop-skipped", STATE_SKIPPED, CONTROL_EDIT_DROP, false, true, STATE_SKIPPED},
};

/* Adds an object that ends in this state. */
static void end_object(Store *store, const char *key, ObjectState state)
{
    const StoreOutcome outcome = {
        .version = version_of(1), .now_us = T0, .state = state, .error = ERROR_NOT_AN_IMAGE};
    int64_t due_us;
    Record record;

    (void)seen_as(store, key, version_of(1), PRIORITY_UPLOAD, T0);
    g_assert_true(claim(store, T0, &record, &due_us));
    g_assert_true(finish(store, key, &outcome, &record));
    g_assert_cmpint(record.state, ==, state);
}

static void test_case(gconstpointer data)
{
    const Case *row = data;
    g_autoptr(GError) error = NULL;
    Fixture fixture;
    Record record;
    bool changed;

    fixture_init(&fixture, &small_limits);
    end_object(fixture.store, "a.png", row->state);
    g_assert_true(edit_object(fixture.store, row->action, "a.png", &changed, &error));
    g_assert_no_error(error);
    g_assert_cmpint(changed, ==, row->is_changed);
    g_assert_cmpint(peek(fixture.store, "a.png", &record), ==, row->is_there);
    if (row->is_there)
        g_assert_cmpint(record.state, ==, row->after);
    fixture_clear(&fixture);
}

static void test_other_names(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;
    bool changed = true;

    fixture_init(&fixture, &small_limits);
    g_assert_true(edit_object(fixture.store, CONTROL_EDIT_DROP, "none.png", &changed, &error));
    g_assert_no_error(error);
    g_assert_false(changed);
    g_assert_false(edit_object(fixture.store, CONTROL_EDIT_DROP, "../a.png", &changed, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
    fixture_clear(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/edit/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    g_test_add_func("/edit/other-names", test_other_names);
    return g_test_run();
}

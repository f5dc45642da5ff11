/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs in the store: their rows, their counts, and their state after a restart. */
#include "base/error.h"
#include "store/jobs.h"
#include "store_fixture.h"

static uint32_t submit(Store *store, const char *filter)
{
    g_autoptr(GError) error = NULL;
    uint32_t id = 0;

    g_assert_true(store_job_submit(store, filter, 7, T0, &id, &error));
    g_assert_no_error(error);
    return id;
}

static BatchJob read_job(Store *store, uint32_t id)
{
    g_autoptr(GError) error = NULL;
    BatchJob job;
    bool found;

    g_assert_true(store_job_peek(store, id, &found, &job, &error));
    g_assert_no_error(error);
    g_assert_true(found);
    return job;
}

/* Finds the first job that has not ended; 0: there is none. */
static uint32_t next_job(Store *store, uint32_t after)
{
    g_autoptr(GError) error = NULL;
    BatchJob job;
    bool found;

    g_assert_true(store_job_next(store, after, &found, &job, &error));
    g_assert_no_error(error);
    return found ? job.id : 0;
}

static void set_state(Store *store, uint32_t id, JobState state, int64_t now_us)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(store_job_set_state(store, id, state, now_us, &error));
    g_assert_no_error(error);
}

static bool take(Store *store, uint32_t id, const char *key)
{
    g_autoptr(GError) error = NULL;
    bool taken;

    g_assert_true(store_job_add(store, id, key, T0, &taken, &error));
    g_assert_no_error(error);
    return taken;
}

static bool cancel(Store *store, uint32_t id)
{
    g_autoptr(GError) error = NULL;
    bool cancelled;

    g_assert_true(store_job_cancel(store, id, T0 + 9, &cancelled, &error));
    g_assert_no_error(error);
    return cancelled;
}

/* Adds an object that is done, like those that a job finds. */
static void make_done(Store *store, const char *key)
{
    Record record;
    StoreOutcome outcome = outcome_of(STATE_DONE, version_of(1), T0);
    int64_t due_us;

    g_assert_cmpint(seen_as(store, key, version_of(1), PRIORITY_UPLOAD, T0), ==, STORE_QUEUED);
    g_assert_true(claim(store, T0, &record, &due_us));
    g_assert_true(finish(store, key, &outcome, &record));
}

static void end_next(Store *store, ObjectState state)
{
    StoreOutcome outcome = outcome_of(state, version_of(1), T0);
    Record record;
    int64_t due_us;

    g_assert_true(claim(store, T0, &record, &due_us));
    g_autofree char *key = g_strdup(record.key);
    g_assert_true(finish(store, key, &outcome, &record));
}

static void test_life(Fixture *fixture, const void *data)
{
    Store *store = fixture->store;
    uint32_t id = submit(store, "prefix=a");
    BatchJob job = read_job(store, id);

    (void)data;
    g_assert_cmpuint(id, ==, 1);
    g_assert_cmpint(job.state, ==, JOB_SUBMITTED);
    g_assert_cmpstr(job.filter, ==, "prefix=a");
    g_assert_cmpstr(job.cursor, ==, "");
    g_assert_cmpuint(job.total, ==, 7);
    g_assert_cmpint(job.submitted_us, ==, T0);
    g_assert_cmpint(job.started_us, ==, 0);
    set_state(store, id, JOB_STARTING, T0 + 1);
    set_state(store, id, JOB_RUNNING, T0 + 2);
    g_assert_cmpint(read_job(store, id).started_us, ==, T0 + 1);
    set_state(store, id, JOB_SUCCEEDED, T0 + 3);
    /* An ended job does not change. */
    set_state(store, id, JOB_RUNNING, T0 + 4);
    g_assert_false(cancel(store, id));
    job = read_job(store, id);
    g_assert_cmpint(job.state, ==, JOB_SUCCEEDED);
    g_assert_cmpint(job.ended_us, ==, T0 + 3);
    g_assert_true(job_has_ended(&job));
    g_assert_false(cancel(store, 99));
}

static void test_order(Fixture *fixture, const void *data)
{
    Store *store = fixture->store;

    (void)data;
    g_assert_cmpuint(next_job(store, 0), ==, 0);
    for (uint32_t id = 1; id <= 3; id++)
        g_assert_cmpuint(submit(store, ""), ==, id);
    g_assert_cmpuint(next_job(store, 0), ==, 1);
    g_assert_cmpuint(next_job(store, 1), ==, 2);
    set_state(store, 1, JOB_SUCCEEDED, T0);
    g_assert_true(cancel(store, 2));
    g_assert_cmpuint(next_job(store, 0), ==, 3);
    g_assert_cmpuint(next_job(store, 3), ==, 0);
}

static void test_counts(Fixture *fixture, const void *data)
{
    static const char *const keys[] = {"a", "b", "c", "d"};
    Store *store = fixture->store;
    uint32_t id = submit(store, "");
    Record record;

    (void)data;
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        make_done(store, keys[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
        g_assert_true(take(store, id, keys[i]));
    g_assert_false(take(store, id, "a"));
    g_assert_false(take(store, id, "never there"));
    g_assert_true(peek(store, "a", &record));
    g_assert_cmpint(record.state, ==, STATE_PENDING);
    g_assert_cmpint(record.priority, ==, PRIORITY_BACKFILL);
    g_assert_cmpuint(record.job, ==, id);
    g_assert_cmpstr(read_job(store, id).cursor, ==, "d");
    end_next(store, STATE_DONE);
    end_next(store, STATE_SKIPPED);
    end_next(store, STATE_DEAD);
    g_assert_true(remove_object(store, "d", T0));

    BatchJob job = read_job(store, id);
    g_assert_cmpuint(job.queued, ==, 4);
    g_assert_cmpuint(job.done, ==, 2);
    g_assert_cmpuint(job.failed, ==, 1);
    g_assert_cmpuint(job.gone, ==, 1);
    g_assert_cmpuint(job_handled(&job), ==, 4);
    g_assert_cmpuint(job_waiting(&job), ==, 0);
    g_assert_true(peek(store, "a", &record));
    g_assert_cmpuint(record.job, ==, 0);
}

/* An object still belongs to the job if it changes, fails for now, or if the daemon dies. */
static void test_stays(Fixture *fixture, const void *data)
{
    StoreOutcome again = outcome_of(STATE_PENDING, version_of(1), T0);
    Store *store = fixture->store;
    uint32_t id = submit(store, "");
    g_autoptr(GError) error = NULL;
    uint64_t recovered;
    Record record;
    int64_t due_us;

    (void)data;
    again.due_us = T0;
    make_done(store, "a");
    g_assert_true(take(store, id, "a"));
    g_assert_true(claim(store, T0, &record, &due_us));
    g_assert_true(finish(store, "a", &again, &record));
    g_assert_cmpuint(record.job, ==, id);
    g_assert_true(claim(store, T0, &record, &due_us));
    commit(store);
    store_close(store);
    store = fixture->store = open_store(fixture->directory, STORE_WRITE, &small_limits);
    g_assert_true(store_recover(store, &recovered, &error));
    g_assert_true(peek(store, "a", &record));
    g_assert_cmpint(record.state, ==, STATE_PENDING);
    g_assert_cmpuint(record.job, ==, id);
    g_assert_cmpint(seen_as(store, "a", version_of(2), PRIORITY_UPLOAD, T0), ==, STORE_QUEUED);
    g_assert_true(peek(store, "a", &record));
    g_assert_cmpint(record.priority, ==, PRIORITY_UPLOAD);
    g_assert_cmpuint(record.job, ==, id);

    BatchJob job = read_job(store, id);
    g_assert_cmpuint(job_waiting(&job), ==, 1);
}

/* A running object is not processed twice, but the job waits for it. */
static void test_running(Fixture *fixture, const void *data)
{
    StoreOutcome done = outcome_of(STATE_DONE, version_of(1), T0);
    Store *store = fixture->store;
    uint32_t id = submit(store, "");
    Record record;
    int64_t due_us;

    (void)data;
    g_assert_cmpint(seen_as(store, "a", version_of(1), PRIORITY_UPLOAD, T0), ==, STORE_QUEUED);
    g_assert_true(claim(store, T0, &record, &due_us));
    g_assert_true(take(store, id, "a"));
    g_assert_true(peek(store, "a", &record));
    g_assert_cmpint(record.state, ==, STATE_RUNNING);
    g_assert_true(finish(store, "a", &done, &record));
    g_assert_cmpint(record.state, ==, STATE_DONE);
    g_assert_cmpuint(read_job(store, id).done, ==, 1);
}

static void test_walked(Fixture *fixture, const void *data)
{
    Store *store = fixture->store;
    uint32_t id = submit(store, "");
    g_autoptr(GError) error = NULL;

    (void)data;
    make_done(store, "a");
    g_assert_true(store_job_advance(store, id, "A", &error));
    g_assert_cmpstr(read_job(store, id).cursor, ==, "A");
    g_assert_true(take(store, id, "a"));
    g_assert_true(store_job_advance(store, id, NULL, &error));

    BatchJob job = read_job(store, id);
    g_assert_true(job.is_walked);
    /* The total is corrected from the estimate of 7. */
    g_assert_cmpuint(job.total, ==, 1);
}

static void test_cancel(Fixture *fixture, const void *data)
{
    Store *store = fixture->store;
    uint32_t id = submit(store, "");

    (void)data;
    make_done(store, "a");
    g_assert_true(take(store, id, "a"));
    g_assert_true(cancel(store, id));
    g_assert_false(cancel(store, id));

    BatchJob job = read_job(store, id);
    g_assert_cmpint(job.state, ==, JOB_FAILED);
    g_assert_true(job.is_cancelled);
    g_assert_cmpint(job.ended_us, ==, T0 + 9);
    /* The object was in the queue, so it still counts. */
    end_next(store, STATE_DONE);
    g_assert_cmpuint(read_job(store, id).done, ==, 1);
}

static bool count_jobs(const BatchJob *job, void *data)
{
    uint32_t *count = data;

    if (count[0]++ == 0)
        count[1] = job->id;
    return true;
}

/* Ended jobs are kept up to a limit, and waiting ones always. */
static void test_pruned(Fixture *fixture, const void *data)
{
    Store *store = fixture->store;
    g_autoptr(GError) error = NULL;
    uint32_t count[2] = {0};

    (void)data;
    /* This job waits. */
    g_assert_cmpuint(submit(store, ""), ==, 1);
    for (uint32_t i = 0; i < STORE_JOBS_MAX + 5; i++)
        g_assert_true(cancel(store, submit(store, "")));
    g_assert_cmpuint(submit(store, ""), ==, STORE_JOBS_MAX + 7);
    commit(store);

    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_assert_true(store_jobs(snapshot, count_jobs, count, &error));
    g_assert_no_error(error);
    /* 99 jobs have ended, and two wait. */
    g_assert_cmpuint(count[0], ==, STORE_JOBS_MAX + 1);
    g_assert_cmpuint(count[1], ==, 1);
}

static void test_wrong_filter(Fixture *fixture, const void *data)
{
    g_autoptr(GError) error = NULL;
    uint32_t id;

    (void)data;
    g_assert_false(store_job_submit(fixture->store, "colour=red", 0, T0, &id, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
}

static void setup(Fixture *fixture, const void *data)
{
    (void)data;
    fixture_init(fixture, &small_limits);
}

static void teardown(Fixture *fixture, const void *data)
{
    (void)data;
    fixture_clear(fixture);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*run)(Fixture *fixture, const void *data);
    } tests[] = {
        {"/jobs/life", test_life},
        {"/jobs/order", test_order},
        {"/jobs/counts", test_counts},
        {"/jobs/stays", test_stays},
        {"/jobs/running", test_running},
        {"/jobs/walked", test_walked},
        {"/jobs/cancel", test_cancel},
        {"/jobs/pruned", test_pruned},
        {"/jobs/wrong-filter", test_wrong_filter},
    };

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, setup, tests[i].run, teardown);
    return g_test_run();
}

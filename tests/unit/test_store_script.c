/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

/* Scripts of the life of one object, "a". A step has an action, the result of the call, and the
 * record after it: state, priority, version seen, version made, attempts, thumbnails, error. */
typedef struct {
    const char *does;
    const char *answer;
    /* Record after the step; NULL: there is none. */
    const char *record;
} Step;

#define STEPS_MAX 10

typedef struct {
    const char *name;
    Step steps[STEPS_MAX];
} Script;

static const Script scripts[] = {
    {"new object",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"done v1", "found", "done upload v1 made1 attempts1 thumbs1 none"},
      {"claim", "never", "done upload v1 made1 attempts1 thumbs1 none"}}},
    {"seen again",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"seen v1 scan", "unchanged", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"seen v1 scan", "unchanged", "running upload v1 made0 attempts0 thumbs0 none"},
      {"done v1", "found", "done upload v1 made1 attempts1 thumbs1 none"},
      {"seen v1 scan", "unchanged", "done upload v1 made1 attempts1 thumbs1 none"}}},
    {"skipped and seen again",
     {{"seen v1 scan", "queued", "pending scan v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running scan v1 made0 attempts0 thumbs0 none"},
      {"skipped v1", "found", "skipped scan v1 made0 attempts1 thumbs0 not_an_image"},
      {"seen v1 scan", "unchanged", "skipped scan v1 made0 attempts1 thumbs0 not_an_image"},
      {"seen v2 upload", "queued", "pending upload v2 made0 attempts0 thumbs0 none"}}},
    {"dead and seen again",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"dead v1", "found", "dead upload v1 made0 attempts1 thumbs0 damaged"},
      {"seen v1 scan", "unchanged", "dead upload v1 made0 attempts1 thumbs0 damaged"},
      {"seen v2 scan", "queued", "pending scan v2 made0 attempts0 thumbs0 none"}}},
    {"new version of a done object",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"done v1", "found", "done upload v1 made1 attempts1 thumbs1 none"},
      {"seen v2 scan", "queued", "pending scan v2 made1 attempts0 thumbs1 none"},
      {"claim", "a", "running scan v2 made1 attempts0 thumbs1 none"},
      {"done v2", "found", "done scan v2 made2 attempts1 thumbs1 none"}}},
    {"new version while pending keeps the better priority",
     {{"seen v1 scan", "queued", "pending scan v1 made0 attempts0 thumbs0 none"},
      {"seen v2 backfill", "queued", "pending scan v2 made0 attempts0 thumbs0 none"},
      {"seen v3 upload", "queued", "pending upload v3 made0 attempts0 thumbs0 none"}}},
    {"new version while running",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"seen v2 upload", "queued", "running upload v2 made0 attempts0 thumbs0 none"},
      {"claim", "never", "running upload v2 made0 attempts0 thumbs0 none"},
      {"done v1", "found", "pending upload v2 made1 attempts0 thumbs1 none"},
      {"claim", "a", "running upload v2 made1 attempts0 thumbs1 none"},
      {"done v2", "found", "done upload v2 made2 attempts1 thumbs1 none"}}},
    {"new version while running, and the old one is dead",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"seen v2 upload", "queued", "running upload v2 made0 attempts0 thumbs0 none"},
      {"dead v1", "found", "pending upload v2 made0 attempts0 thumbs0 none"}}},
    {"retry after a back-off",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"again v1", "found", "pending scan v1 made0 attempts1 thumbs0 timeout"},
      {"claim", "in 9 s", "pending scan v1 made0 attempts1 thumbs0 timeout"},
      {"wait", "", "pending scan v1 made0 attempts1 thumbs0 timeout"},
      {"claim", "a", "running scan v1 made0 attempts1 thumbs0 timeout"},
      {"done v1", "found", "done scan v1 made1 attempts2 thumbs1 none"}}},
    {"a source that changed is no attempt",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"changed v1", "found", "pending upload v1 made0 attempts0 thumbs0 source_changed"}}},
    {"removed while pending",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"remove", "found", NULL},
      {"claim", "never", NULL},
      {"remove", "gone", NULL}}},
    {"removed while running",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"remove", "found", NULL},
      {"done v1", "gone", NULL}}},
    {"removed while running, and there again",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"remove", "found", NULL},
      {"seen v2 upload", "queued", "pending upload v2 made0 attempts0 thumbs0 none"},
      {"done v1", "found", "pending upload v2 made0 attempts0 thumbs0 none"}}},
    {"stale recipe",
     {{"recipe 1", "", NULL},
      {"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"done v1", "found", "done upload v1 made1 attempts1 thumbs1 none"},
      {"seen v1 scan", "unchanged", "done upload v1 made1 attempts1 thumbs1 none"},
      {"recipe 2", "", "done upload v1 made1 attempts1 thumbs1 none"},
      {"seen v1 upload", "queued", "pending backfill v1 made1 attempts0 thumbs1 none"},
      {"seen v1 upload", "unchanged", "pending backfill v1 made1 attempts0 thumbs1 none"}}},
    {"stale recipe of what is not done",
     {{"recipe 2", "", NULL},
      {"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"dead v1", "found", "dead upload v1 made0 attempts1 thumbs0 damaged"},
      {"seen v1 upload", "unchanged", "dead upload v1 made0 attempts1 thumbs0 damaged"}}},
    {"requeue",
     {{"requeue backfill", "gone", NULL},
      {"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"requeue backfill", "found", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"requeue backfill", "found", "running upload v1 made0 attempts0 thumbs0 none"},
      {"dead v1", "found", "dead upload v1 made0 attempts1 thumbs0 damaged"},
      {"requeue backfill", "found", "pending backfill v1 made0 attempts0 thumbs0 damaged"},
      {"claim", "a", "running backfill v1 made0 attempts0 thumbs0 damaged"}}},
    {"move what is done",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"done v1", "found", "done upload v1 made1 attempts1 thumbs1 none"},
      {"move v1", "moved: done upload v1001 made1001 attempts1 thumbs1 none", NULL},
      {"move v1", "stayed", NULL}}},
    {"move another file",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"done v1", "found", "done upload v1 made1 attempts1 thumbs1 none"},
      {"move v2", "stayed", "done upload v1 made1 attempts1 thumbs1 none"}}},
    {"move onto another object",
     {{"seen b", "queued", NULL},
      {"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "b", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"done v1", "found", "done upload v1 made1 attempts1 thumbs1 none"},
      {"move v1", "stayed", "done upload v1 made1 attempts1 thumbs1 none"}}},
    {"move what is not finished",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"move v1", "stayed", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"move v1", "stayed", "running upload v1 made0 attempts0 thumbs0 none"}}},
    {"move what is dead",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"dead v1", "found", "dead upload v1 made0 attempts1 thumbs0 damaged"},
      {"move v1", "moved: dead upload v1001 made0 attempts1 thumbs0 damaged", NULL}}},
    {"dead, with thumbnails of the version before",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"done v1", "found", "done upload v1 made1 attempts1 thumbs1 none"},
      {"seen v2 upload", "queued", "pending upload v2 made1 attempts0 thumbs1 none"},
      {"claim", "a", "running upload v2 made1 attempts0 thumbs1 none"},
      {"dead v2", "found", "dead upload v2 made0 attempts1 thumbs0 damaged"},
      {"move v2", "moved: dead upload v1002 made0 attempts1 thumbs0 damaged", NULL}}},
    {"recover",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"commit", "", "running upload v1 made0 attempts0 thumbs0 none"},
      {"recover", "1", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"recover", "0", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"}}},
    {"abort",
     {{"seen v1 upload", "queued", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"commit", "", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"},
      {"abort", "", "pending upload v1 made0 attempts0 thumbs0 none"},
      {"claim", "a", "running upload v1 made0 attempts0 thumbs0 none"}}},
};

typedef struct {
    Store *store;
    int64_t now_us;
    Rendition rendition;
} Run;

static char *describe(const Record *record)
{
    static const char *const priorities[] = {"upload", "scan", "backfill"};

    return g_strdup_printf("%s %s v%d made%d attempts%d thumbs%zu %s", state_name(record->state),
                           priorities[record->priority], (int)record->version.ctime_ns,
                           (int)record->made.ctime_ns, record->attempts, record->n_thumbnails,
                           error_name(record->error));
}

static Priority priority_of(const char *name)
{
    return g_str_equal(name, "upload") ? PRIORITY_UPLOAD
           : g_str_equal(name, "scan") ? PRIORITY_SCAN
                                       : PRIORITY_BACKFILL;
}

static char *do_seen(Run *run, char **words)
{
    bool is_other = g_str_equal(words[1], "b");
    StoreSeen seen = is_other
                         ? seen_as(run->store, "b", version_of(9), PRIORITY_UPLOAD, run->now_us)
                         : seen_as(run->store, "a", version_of(atoi(words[1] + 1)),
                                   priority_of(words[2]), run->now_us);

    return g_strdup(seen == STORE_QUEUED ? "queued" : "unchanged");
}

static char *do_claim(Run *run, char **words)
{
    Record record;
    int64_t due_us = 0;

    /* The action takes no words. */
    (void)words;
    if (claim(run->store, run->now_us, &record, &due_us))
        return g_strdup(record.key);
    if (due_us == INT64_MAX)
        return g_strdup("never");
    return g_strdup_printf("in %d s", (int)((due_us - run->now_us) / SECOND));
}

static char *do_finish(Run *run, char **words)
{
    static const struct {
        const char *word;
        ObjectState state;
        ErrorCode error;
        bool counts;
    } ends[] = {
        {"done", STATE_DONE, ERROR_NONE, true},
        {"skipped", STATE_SKIPPED, ERROR_NOT_AN_IMAGE, true},
        {"dead", STATE_DEAD, ERROR_DAMAGED, true},
        {"again", STATE_PENDING, ERROR_TIMEOUT, true},
        {"changed", STATE_PENDING, ERROR_SOURCE_CHANGED, false},
    };
    size_t i = 0;
    Record record;

    while (!g_str_equal(ends[i].word, words[0]))
        i++;
    StoreOutcome outcome = outcome_of(ends[i].state, version_of(atoi(words[1] + 1)), run->now_us);
    outcome.error = ends[i].error;
    outcome.counts = ends[i].counts;
    outcome.due_us = run->now_us + 10 * SECOND;
    return g_strdup(finish(run->store, "a", &outcome, &record) ? "found" : "gone");
}

static char *do_remove(Run *run, char **words)
{
    /* The action takes no words. */
    (void)words;
    return g_strdup(remove_object(run->store, "a", run->now_us) ? "found" : "gone");
}

/* A rename changes only ctime. */
static char *do_move(Run *run, char **words)
{
    ObjectVersion version = version_of(atoi(words[1] + 1));
    Record record;

    version.ctime_ns += 1000;
    if (!move_object(run->store, "a", "b", version, run->now_us, &record))
        return g_strdup("stayed");

    g_autofree char *text = describe(&record);
    g_assert_cmpstr(record.key, ==, "b");
    return g_strdup_printf("moved: %s", text);
}

static char *do_requeue(Run *run, char **words)
{
    return g_strdup(requeue(run->store, "a", priority_of(words[1]), run->now_us) ? "found"
                                                                                 : "gone");
}

static char *do_recipe(Run *run, char **words)
{
    run->rendition = (Rendition){.name = "small", .recipe = (uint64_t)atoi(words[1])};
    store_set_renditions(run->store, &run->rendition, 1);
    return g_strdup("");
}

static char *do_recover(Run *run, char **words)
{
    g_autoptr(GError) error = NULL;
    uint64_t recovered = 0;

    /* The action takes no words. */
    (void)words;
    g_assert_true(store_recover(run->store, &recovered, &error));
    g_assert_no_error(error);
    return g_strdup_printf("%d", (int)recovered);
}

static char *do_wait(Run *run, char **words)
{
    /* The action takes no words. */
    (void)words;
    run->now_us += 60 * SECOND;
    return g_strdup("");
}

static char *do_commit(Run *run, char **words)
{
    /* The action takes no words. */
    (void)words;
    commit(run->store);
    return g_strdup("");
}

static char *do_abort(Run *run, char **words)
{
    /* The action takes no words. */
    (void)words;
    store_abort(run->store);
    return g_strdup("");
}

static char *do_step(Run *run, const char *text)
{
    static const struct {
        const char *word;
        char *(*run)(Run *run, char **words);
    } verbs[] = {
        {"seen", do_seen},       {"claim", do_claim},    {"done", do_finish},
        {"dead", do_finish},     {"skipped", do_finish}, {"again", do_finish},
        {"changed", do_finish},  {"remove", do_remove},  {"move", do_move},
        {"requeue", do_requeue}, {"recipe", do_recipe},  {"recover", do_recover},
        {"wait", do_wait},       {"commit", do_commit},  {"abort", do_abort},
    };
    g_auto(GStrv) words = g_strsplit(text, " ", -1);

    for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
        if (g_str_equal(verbs[i].word, words[0]))
            return verbs[i].run(run, words);
    }
    g_error("no step '%s'", text);
}

static void test_script(gconstpointer data)
{
    const Script *script = data;
    Fixture fixture;

    fixture_init(&fixture, &small_limits);
    Run run = {.store = fixture.store, .now_us = T0};
    for (size_t i = 0; i < STEPS_MAX && script->steps[i].does; i++) {
        const Step *step = &script->steps[i];
        g_autofree char *name = g_strdup_printf("step %zu, %s", i + 1, step->does);
        g_autofree char *record_text = NULL;
        Record record;

        run.now_us += SECOND;
        g_autofree char *answer = do_step(&run, step->does);
        expect_text(answer, step->answer, name);
        if (peek(run.store, "a", &record))
            record_text = describe(&record);
        expect_text(record_text, step->record, name);
    }
    commit(fixture.store);
    fixture_clear(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++) {
        g_autofree char *path = g_strdup_printf("/store/script/%s", scripts[i].name);
        g_test_add_data_func(path, &scripts[i], test_script);
    }
    return g_test_run();
}

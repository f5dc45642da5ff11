/* SPDX-License-Identifier: Apache-2.0 */
/* The events that a trigger asks for. */
#include "rules/trigger_match.h"

typedef struct {
    /* The options of the trigger, beside `run`. */
    const char *options;
    EventType type;
    const char *key;
    bool is_old;
    bool expected;
} Row;

static const Row rows[] = {
    {"on = created", EVENT_CREATED, "a.jpg", false, true},
    {"on = created", EVENT_MOVED, "a.jpg", false, true},
    {"on = created", EVENT_REMOVED, "a.jpg", false, false},
    {"on = created", EVENT_DONE, "a.jpg", false, false},
    {"on = removed", EVENT_REMOVED, "a.jpg", false, true},
    {"on = removed", EVENT_EXPIRED, "a.jpg", false, true},
    {"on = removed", EVENT_MOVED, "a.jpg", false, false},
    {"on = done", EVENT_DONE, "a.jpg", false, true},
    {"on = done", EVENT_DEAD, "a.jpg", false, false},
    {"on = dead", EVENT_DEAD, "a.jpg", false, true},
    {"on = done,dead", EVENT_DEAD, "a.jpg", false, true},
    {"on = thumbnail", EVENT_DONE, "a.jpg", false, true},
    {"on = thumbnail", EVENT_SKIPPED, "a.jpg", false, true},
    {"on = thumbnail", EVENT_RETRY, "a.jpg", false, true},
    {"on = thumbnail", EVENT_THUMBNAILS_EXPIRED, "a.jpg", false, true},
    {"on = thumbnail", EVENT_CREATED, "a.jpg", false, false},
    {"on = created\nprefix = in/", EVENT_CREATED, "in/a.jpg", false, true},
    {"on = created\nprefix = in/", EVENT_CREATED, "inn/a.jpg", false, false},
    {"on = created\nsuffix = .jpg", EVENT_CREATED, "in/a.jpg", false, true},
    {"on = created\nsuffix = .jpg", EVENT_CREATED, "in/a.jpeg", false, false},
    {"on = created\nmatch = *.jpg;*.png", EVENT_CREATED, "in/a.png", false, true},
    {"on = created\nmatch = *.jpg;*.png", EVENT_CREATED, "in/a.gif", false, false},
    {"on = created\nmatch = in/*", EVENT_CREATED, "in/a.gif", false, true},
    {"on = created\nmatch = in/*", EVENT_CREATED, "in/b/a.gif", false, false},
    {"on = created\nprefix = in/\nsuffix = .jpg\nmatch = a*", EVENT_CREATED, "in/a.jpg", false,
     true},
    {"on = created\nprefix = in/\nsuffix = .jpg\nmatch = a*", EVENT_CREATED, "in/b.jpg", false,
     false},
    {"on = created", EVENT_CREATED, "a.jpg", true, false},
    {"on = created\nreplay = yes", EVENT_CREATED, "a.jpg", true, true},
};

static void test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const Row *row = &rows[i];
        g_autofree char *text = g_strdup_printf("[trigger t]\nrun = exec true\n%s\n", row->options);
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = config_parse(text, "test", &error);
        const Event event = {.object_id = 1,
                             .type = row->type,
                             .key = row->key,
                             .detail = "",
                             .is_old = row->is_old};

        g_test_message("%s: %s %s", row->options, event_type_name(row->type), row->key);
        g_assert_no_error(error);
        g_assert_cmpint(trigger_matches(&config->triggers[0], &event), ==, row->expected);
    }
}

/* Events about no object are none of S3's. */
static void test_bucket_events(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Config) config = config_parse(
        "[trigger t]\nrun = exec true\non = created,removed,done,dead,thumbnail\n", "test", &error);

    g_assert_no_error(error);
    for (int type = EVENT_SCHEDULED; type < EVENT_TYPES; type++) {
        const Event event = event_of_bucket((EventType)type, "nightly", "", 0);
        g_assert_false(trigger_matches(&config->triggers[0], &event));
    }
}

static void test_functions(void)
{
    static const struct {
        const char *run, *function;
    } cases[] = {
        {"invoke indexer", "indexer"},
        {"invoke  a-B_9:prod", "a-B_9:prod"},
        {"exec invoke indexer", NULL},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("[trigger t]\non = done\nrun = %s\n", cases[i].run);
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = config_parse(text, "test", &error);
        g_assert_no_error(error);
        g_assert_cmpstr(config_trigger_function(&config->triggers[0]), ==, cases[i].function);
    }
}

/* A name has 64 characters at most, and so has an alias. */
static void test_long_functions(void)
{
    for (int n = 64; n <= 65; n++) {
        g_autofree char *name = g_strnfill((gsize)n, 'f');
        g_autofree char *text =
            g_strdup_printf("[trigger t]\non = done\nrun = invoke %s:%s\n", name, name);
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = config_parse(text, "test", &error);
        g_assert_true((config != NULL) == (n == 64));
        g_assert_true((error == NULL) == (n == 64));
    }
}

/* A configuration that cannot work is refused, with the reason. */
static void test_refused(void)
{
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"[bucket]\ndurability = none\n[trigger t]\non = done\nrun = exec true\n",
         "test:3: [trigger t] a trigger needs 'durability = full' or 'store'*"},
        {"[trigger t]\non = none\nrun = exec true\n", "test:1: [trigger t] on: *"},
        {"[trigger t]\non = done\nrun = exec  \n",
         "test:1: [trigger t] run: *write exec COMMAND or invoke NAME"},
        {"[trigger t]\non = done\nrun = sweep all\n", "*write exec COMMAND or invoke NAME"},
        {"[trigger t]\non = done\nrun = invoke\n", "*write exec COMMAND or invoke NAME"},
        {"[trigger t]\non = done\nrun = invoke a b\n", "*names no function*"},
        {"[trigger t]\non = done\nrun = invoke a:\n", "*names no function*"},
        {"[trigger t]\non = done\nrun = invoke :a\n", "*names no function*"},
        {"[trigger t]\non = done\nrun = invoke ../a\n", "*names no function*"},
        {"[trigger t]\nrun = exec true\n", "*[trigger t] has no 'on'*"},
        {"[trigger t]\non = made\nrun = exec true\n", "*unknown value 'made'*"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = config_parse(cases[i].text, "test", &error);
        g_assert_null(config);
        g_assert_nonnull(error);
        if (!g_pattern_match_simple(cases[i].reason, error->message))
            g_error("'%s' is not '%s'", error->message, cases[i].reason);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/trigger/match", test_rows);
    g_test_add_func("/trigger/bucket-events", test_bucket_events);
    g_test_add_func("/trigger/functions", test_functions);
    g_test_add_func("/trigger/long-functions", test_long_functions);
    g_test_add_func("/trigger/refused", test_refused);
    return g_test_run();
}

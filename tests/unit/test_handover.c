/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of triggers on their way from a damaged store to the next one. */
#include "base/pack.h"
#include "journal/handover.h"
#include "journal/handover_rows.h"
#include "store/epoch.h"
#include "store/store_triggers.h"
#include "store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static const StoreLimits limits = {
    .map_bytes = 16 << 20,
    .headroom_bytes = 8 << 20,
    .batch_max = 64,
    .events_max = 200,
    .renew_rows = 7,
    .selection_max = 16,
};

/* Writes all bytes into a new pipe, and returns its other end. They fit into the pipe. */
static int pipe_with(const void *bytes, size_t len)
{
    int ends[2];

    g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
    g_assert_cmpint(write(ends[1], bytes, len), ==, (ssize_t)len);
    g_assert_cmpint(close(ends[1]), ==, 0);
    return ends[0];
}

static HandoverCounts read_rows(Store *store, int fd)
{
    g_autoptr(GError) error = NULL;
    HandoverCounts counts;

    g_assert_true(handover_rows_read(fd, store, &counts, &error));
    g_assert_no_error(error);
    commit(store);
    return counts;
}

/* No row of wrong bytes gets into the store. */
static void test_wrong_bytes(void)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"", 0},
        {"\1", 1},
        /* Without content, and with more than any row has. */
        {"\0\0\0\0", 4},
        {"\xff\xff\xff\xff\1", 5},
        /* Less than the length says, and an unknown kind. */
        {"\11\0\0\0\1", 5},
        {"\1\0\0\0\x63", 5},
        /* A sequencer that no store reaches, and one without all of its bytes. */
        {"\11\0\0\0\1\xff\xff\xff\xff\xff\xff\xff\xff", 13},
        {"\3\0\0\0\1\1\1", 7},
        /* States without a name, with half a name, and with a NUL in it. */
        {"\10\0\0\0\2\0\0\0\0\0\0\0", 12},
        {"\4\0\0\0\2\11\0t", 8},
        {"\12\0\0\0\2\2\0t\0\0\0\0\0\0", 14},
        /* A delivery that ends behind its id. */
        {"\14\0\0\0\3\1\0t\1\0\0\0\0\0\0\0", 16},
    };
    Fixture fixture;

    fixture_init(&fixture, &limits);
    uint64_t last = store_last_sequencer(fixture.store);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        HandoverCounts counts = read_rows(fixture.store, pipe_with(rows[i].bytes, rows[i].len));
        g_assert_false(counts.is_whole);
        g_assert_cmpuint(counts.n_waiting + counts.n_dead, ==, 0);
    }
    g_assert_cmpuint(store_last_sequencer(fixture.store), ==, last);
    fixture_clear(&fixture);
}

/* Appends the row of a delivery. */
static void append_delivery(GByteArray *rows, const Delivery *delivery)
{
    uint8_t bytes[256], prefix[4];
    Packer packer = {.data = bytes, .max = sizeof bytes};
    Packer len = {.data = prefix, .max = sizeof prefix};

    pack_u8(&packer, 3);
    pack_text(&packer, "t");
    pack_u64(&packer, delivery->id);
    pack_u32(&packer, (uint32_t)delivery->state);
    pack_u32(&packer, delivery->attempts);
    pack_u32(&packer, delivery->generation);
    pack_i64(&packer, delivery->time_us);
    pack_i64(&packer, delivery->due_us);
    pack_u64(&packer, delivery->first);
    pack_u64(&packer, delivery->last);
    pack_u64(&packer, delivery->n_events);
    pack_text(&packer, "why");
    pack_bytes(&packer, "{}\n", 4);
    g_assert_false(packer.failed);
    pack_u32(&len, (uint32_t)packer.len);
    g_byte_array_append(rows, prefix, sizeof prefix);
    g_byte_array_append(rows, bytes, (guint)packer.len);
}

static bool note_delivery(const char *trigger, const Delivery *delivery, void *data)
{
    Delivery *last = data;

    g_assert_cmpstr(trigger, ==, "t");
    *last = *delivery;
    return true;
}

/* Rows with impossible values are passed over, and the rows behind them arrive. */
static void test_damaged_rows(void)
{
    static const Delivery bad[] = {
        {.id = 5, .state = DELIVERY_WAITING, .first = 3, .last = 2, .n_events = 1},
        {.id = 5, .state = DELIVERY_WAITING, .first = 0, .last = 2, .n_events = 1},
        {.id = 5, .state = DELIVERY_WAITING, .first = 2, .last = 2, .n_events = 0},
        {.id = 5, .state = DELIVERY_WAITING, .first = 2, .last = UINT64_MAX, .n_events = 1},
        {.id = 5, .state = DELIVERY_DEAD, .first = 2, .last = 2, .n_events = 1, .due_us = -1},
        {.id = 5, .state = DELIVERY_DEAD, .first = 2, .last = 2, .n_events = 1, .time_us = -1},
        {.id = 0, .state = DELIVERY_DEAD, .first = 2, .last = 2, .n_events = 1},
        {.id = 5, .state = (DeliveryState)9, .first = 2, .last = 2, .n_events = 1},
    };
    const Delivery good = {
        .id = 7, .state = DELIVERY_WAITING, .first = 2, .last = 4, .n_events = UINT64_MAX};
    static const uint8_t end[] = {1, 0, 0, 0, 4};

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GByteArray) rows = g_byte_array_new();
        g_autoptr(GError) error = NULL;
        Delivery found = {0};
        Fixture fixture;
        fixture_init(&fixture, &limits);
        append_delivery(rows, &bad[i]);
        append_delivery(rows, &good);
        g_byte_array_append(rows, end, sizeof end);
        HandoverCounts counts = read_rows(fixture.store, pipe_with(rows->data, rows->len));
        g_assert_false(counts.is_whole);
        g_assert_cmpuint(counts.n_waiting, ==, 1);
        g_assert_cmpuint(counts.n_dead, ==, 0);
        StoreSnapshot *snapshot = begin_snapshot(fixture.store);
        g_assert_true(store_deliveries(snapshot, NULL, 0, note_delivery, &found, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(found.id, ==, good.id);
        g_assert_cmpuint(found.n_events, ==, 3);
        store_snapshot_end(snapshot);
        fixture_clear(&fixture);
    }
}

static Config *parse_config(void)
{
    g_autoptr(GError) error = NULL;
    Config *config = config_parse("[trigger t]\non = created\nrun = exec true\nbatch = 2\n"
                                  "[trigger new]\non = created\nrun = exec true\n",
                                  "test", &error);

    g_assert_no_error(error);
    return config;
}

/* Fills the store: a paused trigger, a dead letter, a range, and three events that wait. */
static void fill(Store *store)
{
    Delivery dead = {.state = DELIVERY_DEAD,
                     .attempts = 3,
                     .first = 1,
                     .last = 1,
                     .n_events = 1,
                     .error = "why",
                     .input = "{}\n"};
    Delivery range = {.state = DELIVERY_RANGE, .first = 2, .last = 3, .n_events = 2, .input = ""};
    g_autoptr(GError) error = NULL;

    g_assert_true(store_make_epoch(store, &error));
    const TriggerState state = {
        .cursor = store_last_sequencer(store), .generation = 7, .is_paused = true};
    g_assert_true(store_put_trigger(store, "t", &state, &error));
    g_assert_true(store_put_delivery(store, "t", &dead, &error));
    g_assert_true(store_put_delivery(store, "gone", &range, &error));
    g_assert_no_error(error);
    for (int i = 0; i < 3; i++) {
        g_autofree char *key = g_strdup_printf("%d.jpg", i);
        (void)seen_as(store, key, version_of(i), PRIORITY_UPLOAD, T0);
    }
    commit(store);
}

static bool add_events(const char *trigger, const Delivery *delivery, void *data)
{
    uint64_t *n_events = data;

    (void)trigger;
    n_events[delivery->state] += delivery->n_events;
    return true;
}

static void check_filled(Store *store, uint64_t old_last)
{
    g_autoptr(StoreSnapshot) snapshot = begin_snapshot(store);
    g_autoptr(GError) error = NULL;
    uint64_t n_events[DELIVERY_RANGE + 1] = {0};
    TriggerState state;
    bool found;

    g_assert_true(store_get_trigger(snapshot, "t", &found, &state, &error));
    g_assert_true(found && state.is_paused);
    g_assert_cmpuint(state.generation, ==, 7);
    g_assert_cmpuint(state.cursor, >=, old_last);
    g_assert_true(store_get_trigger(snapshot, "new", &found, &state, &error));
    g_assert_false(found);
    g_assert_true(store_deliveries(snapshot, NULL, 0, add_events, n_events, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(n_events[DELIVERY_WAITING], ==, 3);
    g_assert_cmpuint(n_events[DELIVERY_DEAD], ==, 1);
    g_assert_cmpuint(n_events[DELIVERY_RANGE], ==, 2);
}

/* All rows arrive, and a second time at the same places. */
static void test_round_trip(void)
{
    Config *config = parse_config();
    Fixture from, to;

    fixture_init(&from, &limits);
    fixture_init(&to, &limits);
    fill(from.store);
    uint64_t last = store_last_sequencer(from.store);
    /* A process opens a store only once. */
    g_clear_pointer(&from.store, store_close);
    for (int i = 0; i < 2; i++) {
        int ends[2];
        g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
        g_assert_true(handover_rows_write(ends[1], AT_FDCWD, from.directory, "/bucket", config));
        HandoverCounts counts = read_rows(to.store, ends[0]);
        g_assert_true(counts.is_whole);
        /* Two batches: of two events, and of one. */
        g_assert_cmpuint(counts.n_waiting, ==, 2);
        g_assert_cmpuint(counts.n_dead, ==, 2);
        check_filled(to.store, last);
    }
    config_free(config);
    fixture_clear(&from);
    fixture_clear(&to);
}

/* Fills the store with more bytes than a pipe or a small store takes. */
static void fill_large(Store *store)
{
    g_autofree char *input = g_strnfill(32 << 10, 'x');
    g_autoptr(GError) error = NULL;

    for (int i = 0; i < 150; i++) {
        Delivery dead = {
            .state = DELIVERY_DEAD, .first = 1, .last = 1, .n_events = 1, .input = input};
        g_assert_true(store_put_delivery(store, "t", &dead, &error));
        g_assert_no_error(error);
    }
    commit(store);
}

/* If the new store takes no further row, the handover ends at once: the child process does not wait
 * for a reader of its rows until its own time is over. */
static void test_full_disk(void)
{
    Config *config = parse_config();
    Fixture from, to;
    struct rlimit old;
    GError *error = NULL;

    fixture_init(&from, &limits);
    fixture_init(&to, &limits);
    fill_large(from.store);
    g_clear_pointer(&from.store, store_close);
    g_autofree char *parent = g_path_get_dirname(from.directory);
    g_autofree char *link = g_build_filename(parent, "store.handover", NULL);
    g_assert_cmpint(symlink("store", link), ==, 0);
    const BucketState state = {.bucket_path = "/bucket",
                               .config = config,
                               .lock.folder_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                               .store = to.store};

    (void)signal(SIGXFSZ, SIG_IGN);
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &old), ==, 0);
    const struct rlimit small = {1 << 20, old.rlim_max};
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
    /* Less than HANDOVER_SECONDS: ends the test if the child process is waited for. */
    (void)alarm(HANDOVER_SECONDS / 2);
    g_assert_false(handover_take(&state, &error));
    (void)alarm(0);
    g_assert_nonnull(error);
    g_clear_error(&error);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &old), ==, 0);
    /* The next start tries again. */
    g_assert_cmpint(g_unlink(link), ==, 0);
    (void)close(state.lock.folder_fd);
    config_free(config);
    fixture_clear(&from);
    fixture_clear(&to);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/handover/wrong-bytes", test_wrong_bytes);
    g_test_add_func("/handover/damaged-rows", test_damaged_rows);
    g_test_add_func("/handover/round-trip", test_round_trip);
    g_test_add_func("/handover/full-disk", test_full_disk);
    return g_test_run();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of the store that the writing process has in memory are bounded, whatever it reads. */
#include "engine/resident.h"
#include "store_fixture.h"

#define OBJECTS   20000
#define LIMIT     ((size_t)1 << 20)
#define BATCH     500
#define UNLIMITED ((size_t)1 << 40)

static size_t status_bytes(const char *status, const char *field)
{
    const char *line = strstr(status, field);
    g_assert_nonnull(line);
    return (size_t)g_ascii_strtoull(line + strlen(field), NULL, 10) * 1024;
}

/*
 * Memory of this process that file pages use, bytes. The kernel counts those of a tmpfs separately.
 */
static size_t resident_file_bytes(void)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents("/proc/self/status", &text, NULL, NULL));
    return status_bytes(text, "\nRssFile:") + status_bytes(text, "\nRssShmem:");
}

static void key_of(int n, char key[static 256])
{
    /* The key is as long as real paths often are, and far from the keys before it. */
    g_snprintf(key, 256, "%08x/%0200d.jpg", (unsigned)n * 2654435761u, n);
}

/* Fills a store and looks every object up in another order. Returns the most bytes that were ever
 * mapped. */
static size_t use(size_t resident_bytes)
{
    StoreLimits limits = store_default_limits;
    size_t before = resident_file_bytes(), most = 0;
    Fixture fixture;
    Record record;
    char key[256];

    limits.resident_bytes = resident_bytes;
    fixture_init(&fixture, &limits);
    for (int i = 0; i < OBJECTS; i++) {
        key_of(i, key);
        (void)seen_as(fixture.store, key, version_of(i), PRIORITY_UPLOAD, T0);
        if (i % BATCH == BATCH - 1) {
            most = MAX(most, resident_file_bytes());
            commit(fixture.store);
        }
    }
    for (int i = OBJECTS - 1; i >= 0; i--) {
        key_of(i, key);
        g_assert_true(peek(fixture.store, key, &record));
        g_assert_cmpint(record.version.size, ==, version_of(i).size);
        if (i % BATCH == 0)
            most = MAX(most, resident_file_bytes());
    }
    fixture_clear(&fixture);
    return most - MIN(before, most);
}

static void test_bounded(void)
{
    /* A few megabytes may be added between two checks: the kernel maps neighbours, too. */
    g_assert_cmpuint(use(LIMIT), <, 12 * LIMIT);
}

/* Without the limit more is mapped; otherwise the test above would prove nothing. */
static void test_unlimited(void)
{
    g_assert_cmpuint(use(UNLIMITED), >, 24 * LIMIT);
}

/* The map is released during a batch, a snapshot and a walk over its rows. */
static bool count(const Record *record, void *data)
{
    g_assert_cmpuint(strlen(record->key), >, 200);
    ++*(int *)data;
    return true;
}

static void test_while_in_use(void)
{
    StoreLimits limits = store_default_limits;
    const StoreFilter everything = {0};
    Fixture fixture;
    char key[256];
    int n = 0;

    /* The map is released at each check. */
    limits.resident_bytes = 0;
    fixture_init(&fixture, &limits);
    for (int i = 0; i < BATCH; i++) {
        key_of(i, key);
        (void)seen_as(fixture.store, key, version_of(i), PRIORITY_UPLOAD, T0);
    }
    commit(fixture.store);
    StoreSnapshot *snapshot = begin_snapshot(fixture.store);
    for (int i = 0; i < BATCH; i++) {
        key_of(i, key);
        (void)seen_as(fixture.store, key, version_of(i + 1), PRIORITY_UPLOAD, T0 + 1);
    }
    g_assert_true(store_query(snapshot, &everything, STORE_SORT_SIZE, false, 0, count, &n, NULL));
    g_assert_cmpint(n, ==, BATCH);
    store_snapshot_end(snapshot);
    fixture_clear(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/resident/unlimited", test_unlimited);
    g_test_add_func("/resident/bounded", test_bounded);
    g_test_add_func("/resident/while-in-use", test_while_in_use);
    return g_test_run();
}

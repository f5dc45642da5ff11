/* SPDX-License-Identifier: Apache-2.0 */
/* The sources that a borrower asks for: the kernel limits the descriptors that a user has on their
 * way in frames that were not read, and the daemon's own workers need some of them. */
#include "lend_fixture.h"
#include "quota_fixture.h"

#include <unistd.h>

#define MANY 40

/* The most sources that a borrower may leave unread. */
#define UNREAD_MAX 16

static unsigned count_opened(const TestInvocation *invocations)
{
    unsigned n = 0;

    for (unsigned i = 0; i < MANY; i++)
        n += invocations[i].opened;
    return n;
}

/* Opens the fixture, lends MANY invocations, and asks for all sources without reading one. */
static void open_all(Fixture *fixture, TestInvocation *invocations)
{

    open_usual(fixture, MANY);
    for (unsigned i = 0; i < MANY; i++)
        lend_one(fixture, &invocations[i]);
    for (unsigned i = 0; i < MANY; i++)
        say(fixture, LEND_OPEN, invocations[i].id, 0);
}

/* Reads sources until `n` have come. */
static void hear_sources(const Fixture *fixture, unsigned n)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    LendFrame frame;
    int fd;

    for (unsigned i = 0; i < n;) {
        if (!hear(fixture, buffer, &frame, &fd)) {
            g_main_context_iteration(NULL, TRUE);
            continue;
        }
        g_assert_cmpint(frame.type, ==, LEND_SOURCE);
        g_assert_cmpint(fd, >=, 0);
        fd_clear(&fd);
        i++;
    }
}

static void test_unread(void)
{
    Fixture fixture;
    TestInvocation invocations[MANY];

    open_all(&fixture, invocations);
    g_assert_cmpuint(count_opened(invocations), ==, UNREAD_MAX);
    hear_sources(&fixture, MANY);
    g_assert_cmpuint(count_opened(invocations), ==, MANY);
    for (unsigned i = 0; i < MANY; i++)
        g_assert_cmpuint(invocations[i].opened, ==, 1);
    expect_silence(&fixture);
    close_fixture(&fixture);
}

/* An end with sources that were not read is a lie: no borrower is accepted for a while. */
static void test_ends_unread(void)
{
    Fixture fixture;
    TestInvocation invocations[MANY];

    open_all(&fixture, invocations);
    fd_clear(&fixture.borrower);
    turn();
    for (unsigned i = 0; i < MANY; i++)
        check_handed_back(&invocations[i]);
    g_assert_nonnull(lend_last_lie(fixture.lend));
    g_assert_nonnull(strstr(lend_last_lie(fixture.lend), "had not read"));
    connect_borrower(&fixture);
    expect_end(&fixture);
    close_fixture(&fixture);
}

/* An end after all sources were read is no lie. */
static void test_ends_read(void)
{
    Fixture fixture;
    TestInvocation invocations[MANY];

    open_all(&fixture, invocations);
    hear_sources(&fixture, MANY);
    fd_clear(&fixture.borrower);
    turn();
    for (unsigned i = 0; i < MANY; i++)
        check_handed_back(&invocations[i]);
    g_assert_null(lend_last_lie(fixture.lend));
    close_fixture(&fixture);
}

static bool no_one_may_stay(int unused_fd, void *unused_data)
{
    (void)unused_fd;
    (void)unused_data;
    return false;
}

/* Connects until a borrower is accepted and greeted. */
static void connect_greeted(Fixture *fixture)
{
    const LendFrame hello = {.type = LEND_HELLO, .room = 0};
    uint8_t frame[WIRE_FRAME_MAX], buffer[WIRE_FRAME_MAX];
    size_t len = lend_frame_encode(&hello, frame);
    LendFrame heard;
    int fd;

    do {
        connect_borrower(fixture);
        (void)wire_try_send(fixture->borrower, frame, len, NULL, 0);
    } while (!hear(fixture, buffer, &heard, &fd));
    g_assert_cmpint(heard.type, ==, LEND_WELCOME);
}

/*
 * A connection that was ended counts as one until its borrower has read the sources. Otherwise each
 * new connection could leave more of them unread.
 */
static void test_ended_unread(void)
{
    Fixture fixture;
    TestInvocation invocations[MANY];
    int kept[LEND_BORROWERS_MAX];

    open_all(&fixture, invocations);
    kept[0] = fd_steal(&fixture.borrower);
    lend_dismiss(fixture.lend, no_one_may_stay, NULL);
    turn();
    for (unsigned i = 0; i < MANY; i++)
        check_handed_back(&invocations[i]);
    g_assert_cmpint(lend_borrowers(fixture.lend), ==, 0);
    for (int i = 1; i < LEND_BORROWERS_MAX; i++) {
        connect_greeted(&fixture);
        kept[i] = fd_steal(&fixture.borrower);
    }
    connect_borrower(&fixture);
    expect_end(&fixture);
    fd_clear(&fixture.borrower);
    fixture.borrower = fd_steal(&kept[0]);
    hear_sources(&fixture, UNREAD_MAX);
    expect_end(&fixture);
    connect_greeted(&fixture);
    for (int i = 1; i < LEND_BORROWERS_MAX; i++)
        fd_clear(&kept[i]);
    close_fixture(&fixture);
}

/* A source waits while the user has too many descriptors on their way, and the loop sleeps. */
static void test_quota(void)
{
    Fixture fixture;
    TestInvocation invocation;
    int pair[2], turns = 0;

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
        g_test_trap_assert_passed();
        return;
    }
    limit_quota();
    open_usual(&fixture, 1);
    lend_one(&fixture, &invocation);
    open_quota_pair(pair);
    fill_quota(pair[0]);
    const LendFrame open = {.type = LEND_OPEN, .id = invocation.id};
    uint8_t buffer[WIRE_FRAME_MAX];
    size_t len = lend_frame_encode(&open, buffer);
    g_assert_cmpint(wire_try_send(fixture.borrower, buffer, len, NULL, 0), ==, WIRE_SENT);
    /* The loop has nothing to do soon. */
    while (g_main_context_iteration(NULL, FALSE))
        g_assert_cmpint(turns++, <, 1000);
    g_assert_cmpuint(invocation.opened, >=, 1);
    expect_silence(&fixture);
    fd_clear(&pair[0]);
    fd_clear(&pair[1]);
    hear_sources(&fixture, 1);
    close_fixture(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lend/sources/unread", test_unread);
    g_test_add_func("/lend/sources/ends-unread", test_ends_unread);
    g_test_add_func("/lend/sources/ends-read", test_ends_read);
    g_test_add_func("/lend/sources/ended-unread", test_ended_unread);
    g_test_add_func("/lend/sources/quota", test_quota);
    return g_test_run();
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "lend/lend_private.h"

#include "base/clock.h"
#include "base/file.h"

#include <glib-unix.h>

/*
 * After a lie no borrower is accepted for SHUT_US. Each further lie doubles the time, at most
 * SHUT_DOUBLES times.
 */
#define SHUT_US      CLOCK_US_PER_SEC
#define SHUT_DOUBLES 6

/* A lie that is older than this is forgotten. */
#define FORGET_US (10 * CLOCK_MINUTE_US)

Lease *lend_find(const Borrower *borrower, uint64_t id)
{
    Lease *lease = g_hash_table_lookup(borrower->lend->leases, &id);

    return lease && lease->borrower == borrower ? lease : NULL;
}

void lend_end(Lend *lend, Lease *lease, const Answer *answer, const InvocationUsage *usage)
{
    const InvocationUsage nothing = {0};
    InvocationDone done = lease->done;
    void *data = lease->data;

    if (lease->borrower)
        lease->borrower->n_leases--;
    (void)g_hash_table_remove(lend->leases, &lease->id);
    done(answer, usage ? usage : &nothing, data);
}

/* Ends a lease without an answer, and sends RECALL to the borrower if it is still connected. */
static void recall(Lend *lend, Lease *lease)
{
    const LendFrame frame = {.type = LEND_RECALL, .id = lease->id};

    if (lease->borrower)
        borrower_send(lease->borrower, &frame);
    lend_end(lend, lease, NULL, NULL);
}

/* Recalls all leases for which `is_meant` is true. Their InvocationDone may make new ones. */
static void recall_each(Lend *lend, bool (*is_meant)(const Lease *lease, const void *data),
                        const void *data)
{
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, lend->leases);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (is_meant(value, data))
            g_array_append_val(ids, ((const Lease *)value)->id);
    }
    for (guint i = 0; i < ids->len; i++) {
        Lease *lease = g_hash_table_lookup(lend->leases, &g_array_index(ids, uint64_t, i));
        if (lease)
            recall(lend, lease);
    }
}

static bool is_any(const Lease *lease, const void *unused_data)
{
    (void)lease;
    (void)unused_data;
    return true;
}

static bool is_over(const Lease *lease, const void *data)
{
    return lease->until_us <= *(const int64_t *)data;
}

static bool is_of(const Lease *lease, const void *borrower)
{
    return lease->borrower == borrower;
}

void lend_note_lie(Lend *lend, char *reason)
{
    int64_t now_us = clock_monotonic_us();

    if (lend->lied_us == 0 || now_us - lend->lied_us > FORGET_US)
        lend->lies = 0;
    lend->lies++;
    lend->lied_us = now_us;
    g_free(lend->last_lie);
    lend->last_lie = reason;
    if (lend->lied)
        lend->lied(reason, lend->lied_data);
}

/* Ends all leases of a borrower, and frees it if its connection can be closed. */
static bool end_borrower(Lend *lend, Borrower *borrower)
{
    recall_each(lend, is_of, borrower);
    if (!borrower_can_close(borrower))
        return false;
    g_ptr_array_remove_fast(lend->borrowers, borrower);
    borrower_free(borrower);
    return true;
}

/* Ends the borrowers that are to end, and the orders that no borrower has. */
static gboolean end_now(gpointer data)
{
    Lend *lend = data;

    lend->end_source = 0;
    for (guint i = 0; i < lend->borrowers->len;) {
        Borrower *borrower = g_ptr_array_index(lend->borrowers, i);
        if (!borrower->is_ending || !end_borrower(lend, borrower))
            i++;
    }
    recall_each(lend, is_of, NULL);
    return G_SOURCE_REMOVE;
}

void lend_end_soon(Lend *lend)
{
    if (lend->end_source == 0)
        lend->end_source = g_idle_add_full(G_PRIORITY_DEFAULT, end_now, lend, NULL);
}

void lend_check_at(Lend *lend, int64_t at_us)
{
    if (at_us != INT64_MAX)
        timer_set_earlier(lend->timer, at_us);
}

/* Lends nothing more to the borrowers that have let a lease expire. */
static void pause_late(Lend *lend, int64_t now_us)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, lend->leases);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Lease *lease = value;
        if (lease->borrower && is_over(lease, &now_us))
            lease->borrower->is_paused = true;
    }
}

/*
 * Called by the timer: recalls the orders whose lease is over, and sets the timer for the next
 * ones.
 */
static void check_leases(void *data)
{
    Lend *lend = data;
    int64_t now_us = clock_monotonic_us();
    GHashTableIter iter;
    gpointer value;

    for (guint i = 0; i < lend->borrowers->len; i++) {
        Borrower *borrower = g_ptr_array_index(lend->borrowers, i);
        lend_check_at(lend, borrower_check(borrower, now_us));
    }
    pause_late(lend, now_us);
    recall_each(lend, is_over, &now_us);
    g_hash_table_iter_init(&iter, lend->leases);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        lend_check_at(lend, ((const Lease *)value)->until_us);
}

/* Returns the borrower with the most room; NULL if none has room. */
static Borrower *find_borrower(const Lend *lend)
{
    Borrower *found = NULL;

    if (lend->is_stopped || g_hash_table_size(lend->leases) >= (guint)lend->options.window)
        return NULL;
    for (guint i = 0; i < lend->borrowers->len; i++) {
        Borrower *borrower = g_ptr_array_index(lend->borrowers, i);
        if (borrower_has_room(borrower) &&
            (!found || borrower->room - borrower->n_leases > found->room - found->n_leases))
            found = borrower;
    }
    return found;
}

static bool has_room(const Executor *executor)
{
    return find_borrower((const Lend *)executor) != NULL;
}

static int busy(const Executor *executor)
{
    return (int)g_hash_table_size(((const Lend *)executor)->leases);
}

static void send_order(const Lend *lend, const Lease *lease)
{
    const Invocation *invocation = &lease->invocation;
    uint8_t order[WIRE_FRAME_MAX];
    LendFrame frame = {
        .type = LEND_ORDER,
        .id = lease->id,
        .lease_us = MAX(lend->options.lease_us, 1),
        .source_size = MAX(invocation->source_size, 0),
        .max_output_size = MAX(lend->options.max_output_size, 1),
        .nice = CLAMP(invocation->nice, 0, 19),
        .inner = order,
        .inner_len = invocation->kind->encode(invocation->order, order),
    };

    g_strlcpy(frame.kind, invocation->kind->name, sizeof frame.kind);
    borrower_send(lease->borrower, &frame);
}

/*
 * Lends the invocation to a borrower and sends it the order. Without a borrower that has room, the
 * invocation ends soon with an error.
 */
static void submit(Executor *executor, const Invocation *invocation, InvocationDone done,
                   void *data)
{
    Lend *lend = (Lend *)executor;
    Lease *lease = g_new0(Lease, 1);

    g_assert(!invocation->own_files && invocation->program == PROGRAM_FIRST);
    *lease = (Lease){.id = ++lend->last_id,
                     .invocation = *invocation,
                     .done = done,
                     .data = data,
                     .borrower = find_borrower(lend),
                     .begun_us = clock_monotonic_us()};
    lease->until_us = lease->begun_us + MAX(lend->options.lease_us, 1);
    g_hash_table_insert(lend->leases, &lease->id, lease);
    if (!lease->borrower) {
        lend_end_soon(lend);
        return;
    }
    lease->borrower->n_leases++;
    lend_check_at(lend, lease->until_us);
    send_order(lend, lease);
}

/* Recalls the order of the invocation. Returns false if there is no such invocation. */
static bool cancel(Executor *executor, uint64_t serial)
{
    Lend *lend = (Lend *)executor;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, lend->leases);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Lease *lease = value;
        if (lease->invocation.serial != serial)
            continue;
        recall(lend, lease);
        return true;
    }
    return false;
}

static void configure(Executor *executor, const ExecutorOptions *options)
{
    Lend *lend = (Lend *)executor;

    lend->options = *options;
    lend->options.program = NULL;
    lend->is_stopped = false;
    executor_report_room(executor);
}

static void lend_free(Executor *executor)
{
    Lend *lend = (Lend *)executor;

    for (guint i = 0; i < lend->borrowers->len; i++)
        borrower_free(g_ptr_array_index(lend->borrowers, i));
    g_ptr_array_unref(lend->borrowers);
    g_hash_table_unref(lend->leases);
    g_clear_handle_id(&lend->end_source, g_source_remove);
    timer_free(lend->timer);
    g_free(lend->last_lie);
    g_free(lend);
}

static const ExecutorClass lend_class = {
    .name = "lend",
    .has_room = has_room,
    .submit = submit,
    .cancel = cancel,
    .configure = configure,
    .busy = busy,
    .free = lend_free,
};

Executor *lend_new(const ExecutorOptions *options)
{
    Lend *lend = g_new0(Lend, 1);

    lend->executor.class = &lend_class;
    lend->options = *options;
    lend->options.program = NULL;
    lend->leases = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    lend->borrowers = g_ptr_array_new();
    lend->timer = timer_new(G_PRIORITY_DEFAULT, check_leases, lend);
    for (size_t i = 0; i < sizeof lend->run; i++)
        lend->run[i] = (uint8_t)g_random_int();
    /* A random start: an answer to an order of an earlier run meets no lease of this run. */
    lend->last_id = (uint64_t)g_random_int() << 24;
    return &lend->executor;
}

static bool is_shut(const Lend *lend)
{
    int doubles = CLAMP(lend->lies - 1, 0, SHUT_DOUBLES);

    return lend->lied_us != 0 && clock_monotonic_us() - lend->lied_us < (SHUT_US << doubles);
}

/* Frees the connections that stayed only until their borrowers had read. */
static void free_lingering(Lend *lend)
{
    for (guint i = 0; i < lend->borrowers->len;) {
        Borrower *borrower = g_ptr_array_index(lend->borrowers, i);
        /* Such a borrower has no leases: nothing is called back. */
        if (!borrower->is_lingering || !end_borrower(lend, borrower))
            i++;
    }
}

void lend_accept(Executor *executor, int socket_fd)
{
    Lend *lend = (Lend *)executor;
    autofd fd = socket_fd;

    free_lingering(lend);
    if (is_shut(lend) || lend->borrowers->len >= LEND_BORROWERS_MAX ||
        !g_unix_set_fd_nonblocking(fd, TRUE, NULL))
        return;
    g_ptr_array_add(lend->borrowers, borrower_new(lend, fd_steal(&fd)));
}

void lend_stop(Executor *executor)
{
    Lend *lend = (Lend *)executor;

    lend->is_stopped = true;
    recall_each(lend, is_any, NULL);
}

void lend_dismiss(Executor *executor, bool (*may_stay)(int socket_fd, void *data), void *data)
{
    Lend *lend = (Lend *)executor;

    for (guint i = 0; i < lend->borrowers->len; i++) {
        Borrower *borrower = g_ptr_array_index(lend->borrowers, i);
        if (!borrower->is_ending && !may_stay(borrower->fd, data))
            borrower_begin_end(borrower);
    }
}

int lend_borrowers(const Executor *executor)
{
    const Lend *lend = (const Lend *)executor;
    int n = 0;

    for (guint i = 0; i < lend->borrowers->len; i++) {
        const Borrower *borrower = g_ptr_array_index(lend->borrowers, i);
        n += borrower->greeted && !borrower->is_ending;
    }
    return n;
}

void lend_set_lie_callback(Executor *executor, void (*lied)(const char *reason, void *data),
                           void *data)
{
    Lend *lend = (Lend *)executor;

    lend->lied = lied;
    lend->lied_data = data;
}

const char *lend_last_lie(const Executor *executor)
{
    return ((const Lend *)executor)->last_lie;
}

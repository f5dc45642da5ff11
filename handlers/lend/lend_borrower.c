/* SPDX-License-Identifier: Apache-2.0 */
/* The connection of one borrower: frames that it sends, and frames that wait until it reads. */
#include "lend/lend_private.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <glib-unix.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* The most frames that are read in one turn of the loop. */
#define FRAMES_PER_TURN 16

/* A borrower that has not read, or not sent its HELLO, for this time is ended. */
#define SLOW_US (30 * CLOCK_US_PER_SEC)

/* SOURCE frames that a borrower may leave unread. */
#define SOURCES_UNREAD_MAX 16

/* Delay before a descriptor that could not be sent is tried again: no event shows that it can be
 * sent. */
#define AGAIN_US (10 * CLOCK_US_PER_MS)

static gboolean on_borrower(gint fd, GIOCondition condition, gpointer data);

/* Watches the socket for this condition, and for its end. */
static void watch(Borrower *borrower, GIOCondition condition)
{
    if (borrower->source && borrower->watched == condition)
        return;
    g_clear_handle_id(&borrower->source, g_source_remove);
    borrower->watched = condition;
    borrower->source =
        g_unix_fd_add(borrower->fd, condition | G_IO_HUP | G_IO_ERR, on_borrower, borrower);
}

static void packet_free(void *data)
{
    Packet *packet = data;

    g_free(packet->data);
    g_free(packet);
}

Borrower *borrower_new(Lend *lend, int socket_fd)
{
    Borrower *borrower = g_new0(Borrower, 1);

    borrower->lend = lend;
    borrower->fd = socket_fd;
    borrower->waits_since_us = clock_monotonic_us();
    lend_check_at(lend, borrower->waits_since_us + SLOW_US);
    watch(borrower, G_IO_IN);
    return borrower;
}

void borrower_free(Borrower *borrower)
{
    g_clear_handle_id(&borrower->source, g_source_remove);
    g_queue_clear_full(&borrower->out, packet_free);
    fd_clear(&borrower->fd);
    g_free(borrower);
}

void borrower_begin_end(Borrower *borrower)
{
    borrower->is_ending = true;
    g_clear_handle_id(&borrower->source, g_source_remove);
    lend_end_soon(borrower->lend);
}

bool borrower_has_room(const Borrower *borrower)
{
    return borrower->greeted && !borrower->is_ending && !borrower->is_paused &&
           borrower->out.length == 0 && borrower->n_leases < borrower->room;
}

/* True if the peer has closed its socket before it had read all frames. */
static bool has_dropped(const Borrower *borrower)
{
    int errnum = 0;
    socklen_t len = sizeof errnum;

    return getsockopt(borrower->fd, SOL_SOCKET, SO_ERROR, &errnum, &len) == 0 &&
           errnum == ECONNRESET;
}

/* Counts the sources anew if the borrower has read all frames. */
static void count_unread(Borrower *borrower)
{
    int unread_bytes = 0;

    if (borrower->n_sources == 0 || borrower->has_dropped ||
        ioctl(borrower->fd, SIOCOUTQ, &unread_bytes) != 0 || unread_bytes > 0)
        return;
    /* The kernel also drops the frames that a closed socket has not read. */
    borrower->has_dropped = has_dropped(borrower);
    if (!borrower->has_dropped)
        borrower->n_sources = 0;
}

/*
 * Opens and sends the source of a lease. The source may be another version by now, or gone: the
 * lease ends then.
 */
static WireSent send_source(Borrower *borrower, Lease *lease)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    const Invocation *invocation = &lease->invocation;

    count_unread(borrower);
    if (borrower->n_sources >= SOURCES_UNREAD_MAX)
        return WIRE_LATER;
    autofd fd = invocation->open_source ? invocation->open_source(lease->data) : -1;
    const LendFrame frame = {.type = fd >= 0 ? LEND_SOURCE : LEND_RECALL, .id = lease->id};
    size_t len = lend_frame_encode(&frame, buffer);
    WireSent sent = wire_try_send(borrower->fd, buffer, len, &fd, fd >= 0 ? 1 : 0);
    if (sent != WIRE_SENT)
        return sent;
    if (fd >= 0)
        borrower->n_sources++;
    else
        lend_end(borrower->lend, lease, NULL, NULL);
    return WIRE_SENT;
}

/* Sends a packet of the borrower's queue, or the source that it stands for. */
static WireSent send_packet(Borrower *borrower, const Packet *packet)
{
    Lease *lease;

    if (packet->data)
        return wire_try_send(borrower->fd, packet->data, packet->len, NULL, 0);
    lease = lend_find(borrower, packet->id);
    /* Without a lease the borrower has been sent a RECALL. */
    return lease ? send_source(borrower, lease) : WIRE_SENT;
}

/* Waits until the first frame can be sent. */
static void wait_to_send(Borrower *borrower, WireSent sent)
{
    int64_t now_us = clock_monotonic_us();

    if (borrower->waits_since_us == 0)
        borrower->waits_since_us = now_us;
    borrower->again_us = sent == WIRE_LATER ? now_us + AGAIN_US : 0;
    lend_check_at(borrower->lend, borrower->waits_since_us + SLOW_US);
    if (borrower->again_us != 0)
        lend_check_at(borrower->lend, borrower->again_us);
    watch(borrower, sent == WIRE_LATER ? 0 : G_IO_OUT);
}

/*
 * Sends the frames that wait. The end of a lease within this call may add frames, or end the
 * connection.
 */
static void send_waiting(Borrower *borrower)
{
    bool has_waited = borrower->waits_since_us != 0;
    Packet *packet;

    while (!borrower->is_ending && (packet = g_queue_peek_head(&borrower->out))) {
        WireSent sent = send_packet(borrower, packet);
        if (sent == WIRE_GONE) {
            borrower_begin_end(borrower);
            return;
        }
        if (sent != WIRE_SENT) {
            wait_to_send(borrower, sent);
            return;
        }
        /* The borrower reads, if slowly. */
        borrower->waits_since_us = 0;
        packet_free(g_queue_pop_head(&borrower->out));
    }
    if (borrower->is_ending)
        return;
    borrower->again_us = 0;
    watch(borrower, G_IO_IN);
    if (has_waited)
        executor_report_room(&borrower->lend->executor);
}

void borrower_send(Borrower *borrower, const LendFrame *frame)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    Packet packet = {.id = frame->id};

    if (borrower->is_ending)
        return;
    if (frame->type != LEND_SOURCE) {
        packet.len = lend_frame_encode(frame, buffer);
        packet.data = g_memdup2(buffer, packet.len);
    }
    g_queue_push_tail(&borrower->out, g_memdup2(&packet, sizeof packet));
    if (borrower->out.length == 1)
        send_waiting(borrower);
}

int64_t borrower_check(Borrower *borrower, int64_t now_us)
{
    if (borrower->is_ending)
        return INT64_MAX;
    if (borrower->waits_since_us != 0 && borrower->waits_since_us + SLOW_US <= now_us) {
        borrower_begin_end(borrower);
        return INT64_MAX;
    }
    if (borrower->again_us != 0 && borrower->again_us <= now_us)
        send_waiting(borrower);
    if (borrower->again_us != 0)
        return borrower->again_us;
    return borrower->waits_since_us != 0 ? borrower->waits_since_us + SLOW_US : INT64_MAX;
}

bool borrower_can_close(Borrower *borrower)
{
    count_unread(borrower);
    if (borrower->n_sources > 0 && !borrower->has_lied) {
        borrower->has_lied = true;
        lend_note_lie(borrower->lend, g_strdup("it ended with sources that it had not read"));
    }
    if (borrower->has_dropped || borrower->is_gone || borrower->n_sources == 0)
        return true;
    if (!borrower->is_lingering) {
        borrower->is_lingering = true;
        /* A failure means that the peer is gone, which the source reports. */
        (void)shutdown(borrower->fd, SHUT_WR);
        watch(borrower, 0);
    }
    return false;
}

static void send_verdict(Borrower *borrower, uint64_t id, LendVerdict verdict)
{
    const LendFrame frame = {.type = LEND_VERDICT, .id = id, .verdict = verdict};

    borrower_send(borrower, &frame);
}

/* Ends a borrower that has lied. Takes `reason`. */
static void end_liar(Borrower *borrower, uint64_t id, char *reason)
{
    send_verdict(borrower, id, LEND_BAD);
    borrower->has_lied = true;
    lend_note_lie(borrower->lend, reason);
    borrower_begin_end(borrower);
}

static void set_room(Borrower *borrower, int room)
{
    bool is_more = room > borrower->room || borrower->is_paused;

    borrower->room = room;
    borrower->is_paused = false;
    if (is_more)
        executor_report_room(&borrower->lend->executor);
}

/* Name of a borrower that states none: that of this machine's own workers is "". */
#define NAMELESS "borrower"

/* Answers the hello of a borrower, which may get orders from now on. */
static void greet(Borrower *borrower, const LendFrame *hello)
{
    LendFrame welcome = {.type = LEND_WELCOME};

    borrower->greeted = true;
    g_strlcpy(borrower->name, *hello->name ? hello->name : NAMELESS, sizeof borrower->name);
    borrower->waits_since_us = 0;
    for (size_t i = 0; i < sizeof welcome.run; i++)
        welcome.run[i] = borrower->lend->run[i];
    borrower_send(borrower, &welcome);
    set_room(borrower, hello->room);
}

/* Puts the source of the lease into the queue of packets; a borrower gets it only once. */
static void queue_source(Borrower *borrower, Lease *lease)
{
    const LendFrame frame = {.type = LEND_SOURCE, .id = lease->id};

    if (lease->is_opened) {
        end_liar(borrower, lease->id, g_strdup("a source was asked for twice"));
        return;
    }
    lease->is_opened = true;
    borrower_send(borrower, &frame);
}

static void return_lease(Borrower *borrower, Lease *lease)
{
    borrower->is_paused = true;
    lend_end(borrower->lend, lease, NULL, NULL);
}

static void accept_answer(Borrower *borrower, Lease *lease, const LendFrame *frame, int memory_fd)
{
    const char *reason;

    if (!lend_accept_answer(lease, borrower->lend, frame, memory_fd, &reason))
        end_liar(borrower, frame->id, g_strdup(reason));
}

/* Handles a decoded frame. A frame that the borrower may not send now is a lie. */
static void handle_frame(Borrower *borrower, const LendFrame *frame, int fd)
{
    Lease *lease = lend_find(borrower, frame->id);
    bool is_about_lease =
        frame->type == LEND_OPEN || frame->type == LEND_RESULT || frame->type == LEND_BACK;

    if (borrower->greeted == (frame->type == LEND_HELLO) ||
        (!is_about_lease && frame->type != LEND_HELLO && frame->type != LEND_ROOM) ||
        (fd >= 0 && frame->type != LEND_RESULT))
        end_liar(borrower, frame->id, g_strdup("a frame came out of turn"));
    else if (frame->type == LEND_HELLO)
        greet(borrower, frame);
    else if (frame->type == LEND_ROOM)
        set_room(borrower, frame->room);
    else if (!lease)
        send_verdict(borrower, frame->id, LEND_STALE);
    else if (frame->type == LEND_OPEN)
        queue_source(borrower, lease);
    else if (frame->type == LEND_RESULT)
        accept_answer(borrower, lease, frame, fd);
    else
        return_lease(borrower, lease);
}

/* Reads one frame. False if there is none, or if the connection has ended. */
static bool read_frame(Borrower *borrower)
{
    uint8_t buffer[WIRE_FRAME_MAX];
    g_autoptr(GError) error = NULL;
    autofd fd = -1;
    LendFrame frame;
    size_t n_fds;
    ssize_t len;

    count_unread(borrower);
    if (!wire_receive(borrower->fd, buffer, &len, &fd, 1, &n_fds, &error)) {
        if (error_code(error) == ERROR_PROTOCOL)
            end_liar(borrower, 0, g_strdup(error->message));
        else
            borrower_begin_end(borrower);
        return false;
    }
    if (len == 0)
        borrower_begin_end(borrower);
    if (len <= 0)
        return false;
    if (!lend_frame_decode(buffer, (size_t)len, &frame, &error)) {
        end_liar(borrower, 0, g_strdup(error->message));
        return false;
    }
    handle_frame(borrower, &frame, fd);
    return true;
}

/*
 * Sends to the borrower what waits, or reads its frames. An InvocationDone may submit more, and so
 * send to or end other borrowers and this one: nothing is freed before the main loop gets to it.
 */
static gboolean on_borrower(gint fd, GIOCondition condition, gpointer data)
{
    Borrower *borrower = data;
    bool is_full = !g_queue_is_empty(&borrower->out);
    bool has_ended = condition & (G_IO_HUP | G_IO_ERR);

    (void)fd;
    if (borrower->is_lingering) {
        borrower->is_gone = true;
        borrower_begin_end(borrower);
    } else if (is_full && has_ended) {
        borrower_begin_end(borrower);
    } else if (is_full) {
        send_waiting(borrower);
    } else {
        /* Reading detects a hang-up, after the frames that were sent before. */
        for (int i = 0; i < FRAMES_PER_TURN && !borrower->is_ending; i++) {
            if (!g_queue_is_empty(&borrower->out) || !read_frame(borrower))
                break;
        }
    }
    /* The result does not matter for a source that was removed in the meantime. */
    return G_SOURCE_CONTINUE;
}

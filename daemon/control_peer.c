/* SPDX-License-Identifier: Apache-2.0 */
#include "control_peer.h"

#include "control.h"
#include "file.h"

#include <errno.h>
#include <glib-unix.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

struct ControlPeer {
    int fd;
    guint writer;              /* runs when the peer reads again; 0: nothing waits for that */
    char *answer;              /* owned: to be sent then */
    void (*ready)(void *data); /* to be called then */
    void *ready_data;
};

ControlPeer *control_peer_new(int fd)
{
    ControlPeer *peer = g_new0(ControlPeer, 1);

    peer->fd = fd;
    return peer;
}

void control_peer_free(ControlPeer *peer)
{
    if (peer->ready)
        peer->ready(peer->ready_data);
    g_clear_handle_id(&peer->writer, g_source_remove);
    fd_clear(&peer->fd);
    g_free(peer->answer);
    g_free(peer);
}

int control_peer_fd(const ControlPeer *peer)
{
    return peer->fd;
}

/* False if the peer has to read first. One that has gone away, which is seen by reading, takes
 * everything. */
static bool send_line(ControlPeer *peer, const char *line)
{
    ssize_t sent = send(peer->fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent >= 0 || errno != EAGAIN;
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data)
{
    ControlPeer *peer = data;
    void (*ready)(void *) = g_steal_pointer(&peer->ready);

    (void)fd;
    (void)condition;
    if (peer->answer && !send_line(peer, peer->answer))
        return G_SOURCE_CONTINUE;
    g_clear_pointer(&peer->answer, g_free);
    peer->writer = 0;
    if (ready)
        ready(peer->ready_data);
    return G_SOURCE_REMOVE;
}

static void wait_writable(ControlPeer *peer)
{
    if (peer->writer == 0)
        peer->writer = g_unix_fd_add(peer->fd, G_IO_OUT, on_writable, peer);
}

void control_peer_answer(ControlPeer *peer, const char *line)
{
    if (send_line(peer, line))
        return;
    g_free(peer->answer);
    peer->answer = g_strdup(line);
    wait_writable(peer);
}

bool control_peer_item(ControlPeer *peer, const char *text, void (*ready)(void *data), void *data)
{
    char line[CONTROL_LINE_MAX];

    g_snprintf(line, sizeof line, "item %s", text);
    if (send_line(peer, line))
        return true;
    peer->ready = ready;
    peer->ready_data = data;
    wait_writable(peer);
    return false;
}

void control_peer_progress(ControlPeer *peer, const ProgressCount *count)
{
    char line[CONTROL_LINE_MAX];

    g_snprintf(line, sizeof line, "progress %" PRIu64 " %" PRIu64 " %" PRIu64 " %d", count->done,
               count->total, count->failed, count->is_growing);
    if (peer->writer == 0)
        (void)send_line(peer, line); /* the next one says it, too */
}

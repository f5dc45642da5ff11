/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include "base/clock.h"
#include "base/file.h"

#include <glib-unix.h>
#include <sys/socket.h>

struct ControlPeer {
    int fd;
    /* Source that runs when the peer reads again. 0 means that nothing waits to be sent. */
    guint writer;
    /* Monotonic clock: when `writer` was added. */
    int64_t slow_since_us;
    /* Sent when the peer reads again. No data means none. */
    ControlPacket answer;
    /* Called when the peer reads again. */
    void (*ready)(void *data);
    void *ready_data;
};

ControlPeer *control_peer_new(int fd)
{
    ControlPeer *peer = g_new0(ControlPeer, 1);

    peer->fd = fd;
    peer->answer.fd = -1;
    return peer;
}

void control_peer_free(ControlPeer *peer)
{
    if (peer->ready)
        peer->ready(peer->ready_data);
    g_clear_handle_id(&peer->writer, g_source_remove);
    fd_clear(&peer->fd);
    control_packet_clear(&peer->answer);
    g_free(peer);
}

int control_peer_fd(const ControlPeer *peer)
{
    return peer->fd;
}

/* Sends a packet. Returns false if the peer has to read first. A packet to a closed connection
 * counts as sent: the reading side notices the closed connection. */
static bool send_packet(const ControlPeer *peer, const ControlPacket *packet)
{
    return control_packet_send(packet, peer->fd, MSG_DONTWAIT) != CONTROL_FULL;
}

/* Sends the answer that the peer had no room for, or calls the function that waits for room. */
static gboolean on_writable(gint fd, GIOCondition condition, gpointer data)
{
    ControlPeer *peer = data;
    void (*ready)(void *) = g_steal_pointer(&peer->ready);

    (void)fd;
    (void)condition;
    if (peer->answer.data && !send_packet(peer, &peer->answer)) {
        peer->ready = ready;
        return G_SOURCE_CONTINUE;
    }
    control_packet_clear(&peer->answer);
    peer->writer = 0;
    if (ready)
        ready(peer->ready_data);
    return G_SOURCE_REMOVE;
}

static void wait_writable(ControlPeer *peer)
{
    if (peer->writer != 0)
        return;
    peer->slow_since_us = clock_monotonic_us();
    peer->writer = g_unix_fd_add(peer->fd, G_IO_OUT, on_writable, peer);
}

void control_peer_answer(ControlPeer *peer, ControlPacket *packet)
{
    control_packet_clear(&peer->answer);
    if (send_packet(peer, packet)) {
        control_packet_clear(packet);
        return;
    }
    peer->answer = *packet;
    *packet = (ControlPacket){.fd = -1};
    wait_writable(peer);
}

bool control_peer_item(ControlPeer *peer, const ControlPacket *packet, void (*ready)(void *data),
                       void *data)
{
    if (send_packet(peer, packet))
        return true;
    peer->ready = ready;
    peer->ready_data = data;
    wait_writable(peer);
    return false;
}

void control_peer_progress(ControlPeer *peer, const ControlPacket *packet)
{
    /* The next progress packet has the newer figures. */
    if (peer->writer == 0)
        (void)send_packet(peer, packet);
}

int64_t control_peer_slow_since_us(const ControlPeer *peer)
{
    return peer->writer != 0 ? peer->slow_since_us : 0;
}

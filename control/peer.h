/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection of a server and its outgoing packets: items and progress, then the answer. Nothing
 * here blocks. At most one packet waits for a peer that does not read: progress is dropped, an item
 * is refused until the peer has read, and the answer is kept and sent when the peer reads. Private
 * to control.
 */
#pragma once

#include "control/control_frame.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct ControlPeer ControlPeer;

/* Creates a peer. Takes ownership of `fd`, a SOCK_SEQPACKET socket. */
ControlPeer *control_peer_new(int fd);
void control_peer_free(ControlPeer *peer);

int control_peer_fd(const ControlPeer *peer);

/* Sends the last packet of a request. Takes ownership of `packet`. Replaces an answer that still
 * waits to be sent. */
void control_peer_answer(ControlPeer *peer, ControlPacket *packet);

/*
 * Sends a packet that must not be lost; it stays the caller's. Returns false if the peer has to
 * read first: `ready` is called once, when the peer has read or is freed, and the caller may then
 * send the packet again. `ready` may only wake up the loop.
 */
bool control_peer_item(ControlPeer *peer, const ControlPacket *packet, void (*ready)(void *data),
                       void *data);

/* Sends a packet that is dropped if the peer has to read first. The packet stays the caller's. */
void control_peer_progress(ControlPeer *peer, const ControlPacket *packet);

/* Returns the time, on the monotonic clock, since which a packet waits for the peer; 0 if no packet
 * waits. */
int64_t control_peer_slow_since_us(const ControlPeer *peer);

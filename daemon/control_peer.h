/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection of the control socket, and what is sent over it: items and progress while it
 * waits, then the answer. Nothing here blocks, and no more than one packet is kept for a peer that
 * does not read: progress it misses, items wait for it, the answer is handed over when it reads.
 * Private to the daemon.
 */
#pragma once

#include "progress_count.h"

#include <glib.h>
#include <stdbool.h>

typedef struct ControlPeer ControlPeer;

/* Takes `fd`, a SOCK_SEQPACKET socket. */
ControlPeer *control_peer_new(int fd);
void control_peer_free(ControlPeer *peer);

int control_peer_fd(const ControlPeer *peer);

/* The last packet to a request: "ok", "ok TEXT" or "error TEXT". */
void control_peer_answer(ControlPeer *peer, const char *line);

/*
 * "item TEXT", cut off at the length of a packet. False when the peer has to read first: `ready` is
 * called, once, when it has or is freed, and the same item may be tried again. It may do no more
 * than have the loop come back.
 */
bool control_peer_item(ControlPeer *peer, const char *text, void (*ready)(void *data), void *data);

/* "progress ..."; dropped when the peer is slow. */
void control_peer_progress(ControlPeer *peer, const ProgressCount *count);

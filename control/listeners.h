/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listening sockets of a server, one for each door. While the process has no descriptor left
 * for a new connection, connections wait in the kernel's queue. Private to control.
 */
#pragma once

#include "control/control_door.h"

typedef struct ControlListeners ControlListeners;

/*
 * Creates the listeners, without a socket. `connected` gets the descriptor of each new connection,
 * and owns it. `shortage` is called at the first connection of a row for which there is no
 * descriptor. Owner: control_listeners_free.
 */
ControlListeners *control_listeners_new(void (*connected)(int fd, void *data),
                                        void (*shortage)(int errnum, void *data), void *data);
void control_listeners_free(ControlListeners *listeners);

/* Replaces the socket of a door. Takes ownership of `fd`; -1 means no socket. */
void control_listeners_set(ControlListeners *listeners, ControlDoor door, int fd);

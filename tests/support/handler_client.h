/* SPDX-License-Identifier: Apache-2.0 */
/* Speaks the fork server's protocol with the real thumbq-thumbnail, for tests and measurements. All
 * calls block. An error below the protocol ends the program. */
#pragma once

#include "handlers/forkserver.h"
#include "handlers/wire.h"
#include "pool/process.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    Process server;
} HandlerServer;

typedef struct {
    pid_t pid;
    int pidfd, socket_fd;
    /* The listener of its WorkerHello; -1: none. */
    int listener_fd;
} HandlerWorker;

/* Starts the program as a fork server. */
void handler_server_start(HandlerServer *server, const char *program);

/* Closes the socket, waits, and returns the wait status. */
int handler_server_stop(HandlerServer *server);

/* Asks for a worker, and waits until the worker is in its sandbox. False with errno: the fork
 * server has refused. */
bool handler_worker_start(HandlerServer *server, const ForkRequest *request,
                          HandlerWorker *ret_worker);

/* Closes the socket, waits, and returns the wait status. */
int handler_worker_stop(HandlerWorker *worker);

/*
 * Runs one order on the source `source_fd`, with unnamed files in `folder` for the thumbnails. The
 * files are returned in ret_fds[0..n_renditions-1], at their beginning; the caller closes them.
 * False if the worker died instead of answering.
 */
bool handler_run(HandlerWorker *worker, const WireOrder *order, int source_fd, const char *folder,
                 int *ret_fds, WireResult *ret_result);

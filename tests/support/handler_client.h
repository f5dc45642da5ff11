/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Speaks the fork server's protocol, blocking: for tests and measurements of thumbq-thumbnail as it
 * really runs. What goes wrong below the protocol ends the program.
 */
#pragma once

#include "forkserver.h"
#include "process.h"
#include "wire.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    Process server;
} HandlerServer;

typedef struct {
    pid_t pid;
    int pidfd, socket_fd;
    int listener_fd; /* as of its WorkerHello; -1: none */
} HandlerWorker;

/* Starts the program. */
void handler_server_start(HandlerServer *server, const char *program);

/* Closes its socket and returns its wait status. */
int handler_server_stop(HandlerServer *server);

/* Asks for a worker and waits until it is locked in; false, with errno, where the fork server says
 * it cannot. */
bool handler_worker_start(HandlerServer *server, const ForkRequest *request,
                          HandlerWorker *ret_worker);

/* Closes its socket and returns its wait status. */
int handler_worker_stop(HandlerWorker *worker);

/*
 * Runs one job on the source `fd` and unnamed files in `folder`, which are returned in
 * fds[0..n_renditions-1], the caller's, at their beginning. False if the worker died instead of
 * answering.
 */
bool handler_run(HandlerWorker *worker, const WireJob *job, int source_fd, const char *folder,
                 int *ret_fds, WireResult *ret_result);

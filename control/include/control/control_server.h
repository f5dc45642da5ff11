/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server side: listens, accepts the clients that are allowed, parses requests and calls the
 * function that is registered for each.
 *
 * Nothing here blocks. A client costs one request, one packet that waits to be sent, and the
 * kernel's buffers. Users share the places: a user may have as many clients as places are free.
 * When a new client gets no place, the client that has been idle or has not read for the longest
 * time is dropped. A dropped client still gets an error with a code.
 *
 * Everything runs on one thread, in the default GLib main context.
 */
#pragma once

#include "control/control_access.h"
#include "control/control_door.h"
#include "control/control_request.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define CONTROL_CLIENTS_MAX 128
/* Of these places, those that only root and the owner get. */
#define CONTROL_CLIENTS_KEPT 16
/* Dropped clients that have not read their error yet, at most. */
#define CONTROL_PARTING_MAX 64
#define CONTROL_TICK_MS     100

typedef struct ControlServer ControlServer;

/* A request under way. Valid until the request is answered or its client disconnects. */
typedef struct ControlCall ControlCall;

/* The functions that run one type of request. */
typedef struct {
    /* Starts the request, and answers it now or later. NULL: this server does not accept the
     * request. */
    void (*run)(ControlCall *call, const ControlRequest *request, void *data);
    /* Gets the progress of the request. Returns false if there is none to report. NULL: requests of
     * this type have no progress. */
    bool (*progress)(ControlCall *call, void *data, ProgressCount *ret_count);
} ControlRunner;

/*
 * Creates a server. `runners` has CONTROL_TYPES rows and outlives the server. Each row is of the
 * kind that `serves` says, CONTROL_READS or CONTROL_CHANGES: a query socket runs no row that
 * changes the store. Owner: control_server_free.
 */
ControlServer *control_server_new(const ControlRunner *runners, ControlFlags serves, void *data);
void control_server_free(ControlServer *server);

/* Sets which users are accepted from now on beside the owner and root. Takes ownership of `access`;
 * NULL means no others. */
void control_server_set_access(ControlServer *server, ControlAccess *access);

/* Accepts clients at `fd` from now on, in place of the socket that `door` had. Takes ownership of
 * `fd`; -1 means no socket. */
void control_server_accept(ControlServer *server, ControlDoor door, int fd);

/* Sets a function that is called, once, when no descriptor is left for a new connection. New
 * connections wait in the kernel's queue until there is a descriptor. */
void control_server_on_shortage(ControlServer *server, void (*shortage)(int errnum, void *data));

/* Returns the request with this number; NULL if it was answered or its client disconnected. */
ControlCall *control_server_find(const ControlServer *server, uint64_t id);

/* Calls `visit` for each request of a type that is under way. `visit` may answer the request. */
void control_server_each(ControlServer *server, ControlType type,
                         void (*visit)(ControlCall *call, void *data), void *data);

/* Returns the number of a request. A server never uses a number twice. */
uint64_t control_call_id(const ControlCall *call);

/* Returns the request; borrowed until it is answered. */
const ControlRequest *control_call_request(const ControlCall *call);

/* Attaches data of the runner. `destroy` is called when the request is answered or its client
 * disconnects. */
void control_call_set_state(ControlCall *call, void *state, GDestroyNotify destroy);
void *control_call_state(const ControlCall *call);

/* Ends the request with an answer or an error. `call` is invalid afterwards. */
void control_call_answer(ControlCall *call, const ControlAnswer *answer);
void control_call_refuse(ControlCall *call, ErrorCode code, const char *text);

/*
 * Sends an item; a text that is too long is cut off. Returns false if the client has to read first:
 * `ready` is called once, when the client has read or is disconnected, and the caller may then send
 * the item again. `ready` may only wake up the loop.
 */
bool control_call_item(ControlCall *call, const char *text, void (*ready)(void *data), void *data);

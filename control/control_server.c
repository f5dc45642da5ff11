/* SPDX-License-Identifier: Apache-2.0 */
#include "control/control_server.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/trusted.h"
#include "listeners.h"
#include "peer.h"

#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>

/*
 * A client that has not read, or has sent no request, for this long may be dropped for another one.
 */
#define SLOW_US CLOCK_US_PER_SEC

struct ControlCall {
    ControlServer *server;
    ControlPeer *peer;
    /* The user of the client's process. */
    uid_t user;
    /* Source that reads requests. 0 means that nothing is read. */
    guint source;
    /* Monotonic clock: since when no request is under way. 0 means that one is. */
    int64_t idle_since_us;
    /* The request under way. An `id` of 0 means none. */
    uint64_t id;
    uint8_t *bytes;
    char *payload;
    ControlRequest request;
    void *state;
    GDestroyNotify destroy;
};

struct ControlServer {
    const ControlRunner *runners;
    void *data;
    ControlAccess *access;
    ControlListeners *listeners;
    void (*shortage)(int errnum, void *data);
    /* ControlCall, owned: one for each client. */
    GPtrArray *calls;
    /* ControlPeer, owned: dropped clients that have not read their last packet, oldest first. */
    GPtrArray *parting;
    /* 0 means that no request and no dropped client waits. */
    guint ticker;
    uint64_t last_id;
    ControlReceived received;
};

/* Frees what belongs to the call's request; the connection stays for the next one. */
static void end_request(ControlCall *call)
{
    if (call->destroy)
        call->destroy(call->state);
    call->destroy = NULL;
    call->state = NULL;
    call->id = 0;
    call->request = (ControlRequest){0};
    g_clear_pointer(&call->bytes, g_free);
    g_clear_pointer(&call->payload, g_free);
    call->idle_since_us = clock_monotonic_us();
}

static void call_free(ControlCall *call)
{
    g_clear_handle_id(&call->source, g_source_remove);
    if (call->peer)
        control_peer_free(call->peer);
    end_request(call);
    g_free(call);
}

uint64_t control_call_id(const ControlCall *call)
{
    return call->id;
}

const ControlRequest *control_call_request(const ControlCall *call)
{
    return &call->request;
}

void control_call_set_state(ControlCall *call, void *state, GDestroyNotify destroy)
{
    g_assert(!call->destroy);
    call->state = state;
    call->destroy = destroy;
}

void *control_call_state(const ControlCall *call)
{
    return call->state;
}

/* Encodes an error. A text of any length is cut off to fit, so a failure is a programming error. */
static void make_error(ErrorCode code, const char *text, ControlPacket *ret_packet)
{
    bool made = control_error_format(code, text, ret_packet, NULL);
    g_assert(made);
}

void control_call_answer(ControlCall *call, const ControlAnswer *answer)
{
    g_autoptr(GError) error = NULL;
    ControlPacket packet;

    g_assert(call->id != 0);
    if (!control_answer_format(call->request.type, answer, &packet, &error))
        make_error(ERROR_INTERNAL, error->message, &packet);
    end_request(call);
    control_peer_answer(call->peer, &packet);
}

void control_call_refuse(ControlCall *call, ErrorCode code, const char *text)
{
    ControlPacket packet;

    g_assert(call->id != 0);
    make_error(code, text, &packet);
    end_request(call);
    control_peer_answer(call->peer, &packet);
}

bool control_call_item(ControlCall *call, const char *text, void (*ready)(void *data), void *data)
{
    ControlPacket packet;

    /* control_item_format cuts the text off, so this does not happen. */
    if (!control_item_format(text, &packet, NULL))
        return true;
    bool sent = control_peer_item(call->peer, &packet, ready, data);
    control_packet_clear(&packet);
    return sent;
}

ControlCall *control_server_find(const ControlServer *server, uint64_t id)
{
    for (guint i = 0; id != 0 && i < server->calls->len; i++) {
        ControlCall *call = g_ptr_array_index(server->calls, i);
        if (call->id == id)
            return call;
    }
    return NULL;
}

void control_server_each(ControlServer *server, ControlType type,
                         void (*visit)(ControlCall *call, void *data), void *data)
{
    for (guint i = 0; i < server->calls->len; i++) {
        ControlCall *call = g_ptr_array_index(server->calls, i);
        if (call->id != 0 && call->request.type == type)
            visit(call, data);
    }
}

static void send_progress(ControlCall *call)
{
    const ControlRunner *runner = &call->server->runners[call->request.type];
    ControlPacket packet;
    ProgressCount count;

    if (!runner->progress || !runner->progress(call, call->server->data, &count) ||
        !control_progress_format(&count, &packet, NULL))
        return;
    control_peer_progress(call->peer, &packet);
    control_packet_clear(&packet);
}

/* Closes the connections of dropped clients that have read their last packet. */
static void free_parted(ControlServer *server)
{
    for (guint i = server->parting->len; i-- > 0;) {
        if (control_peer_slow_since_us(g_ptr_array_index(server->parting, i)) == 0)
            g_ptr_array_remove_index(server->parting, i);
    }
}

/* Sends the progress of each call that waits; runs until no call waits and no connection is being
 * closed. */
static gboolean tick(gpointer data)
{
    ControlServer *server = data;
    bool has_waiting = false;

    free_parted(server);
    for (guint i = 0; i < server->calls->len; i++) {
        ControlCall *call = g_ptr_array_index(server->calls, i);
        if (call->id == 0)
            continue;
        has_waiting = true;
        send_progress(call);
    }
    if (has_waiting || server->parting->len > 0)
        return G_SOURCE_CONTINUE;
    server->ticker = 0;
    return G_SOURCE_REMOVE;
}

static void begin_to_tick(ControlServer *server)
{
    if (server->ticker == 0)
        server->ticker = g_timeout_add(CONTROL_TICK_MS, tick, server);
}

/* Disconnects a client after a last packet. Takes ownership of `packet`, and keeps it until the
 * client reads. */
static void disconnect(ControlCall *call, ControlPacket *packet)
{
    ControlServer *server = call->server;
    ControlPeer *peer = g_steal_pointer(&call->peer);

    g_ptr_array_remove_fast(server->calls, call);
    control_peer_answer(peer, packet);
    if (control_peer_slow_since_us(peer) == 0) {
        control_peer_free(peer);
        return;
    }
    if (server->parting->len >= CONTROL_PARTING_MAX)
        g_ptr_array_remove_index(server->parting, 0);
    g_ptr_array_add(server->parting, peer);
    begin_to_tick(server);
}

static void disconnect_with_error(ControlCall *call, ErrorCode code, const char *text)
{
    ControlPacket packet;

    make_error(code, text, &packet);
    disconnect(call, &packet);
}

/* Returns since when the client has not read, or else since when it has sent no request. Returns 0
 * for a client whose request is under way and that reads. */
static int64_t useless_since_us(const ControlCall *call)
{
    int64_t slow_us = control_peer_slow_since_us(call->peer);

    return slow_us != 0 ? slow_us : call->idle_since_us;
}

/* Drops the client that has been slow or idle for the longest time. Returns false if no client has
 * been for SLOW_US. */
static bool make_room(ControlServer *server)
{
    int64_t latest_us = clock_monotonic_us() - SLOW_US;
    ControlCall *worst = NULL;

    for (guint i = 0; i < server->calls->len; i++) {
        ControlCall *call = g_ptr_array_index(server->calls, i);
        int64_t since_us = useless_since_us(call);
        if (since_us == 0 || since_us > latest_us)
            continue;
        if (!worst || since_us < useless_since_us(worst))
            worst = call;
    }
    if (worst)
        disconnect_with_error(
            worst, ERROR_TIMEOUT,
            "disconnected: other clients wait, and this one was idle or did not read");
    return worst != NULL;
}

/*
 * Keeps the bytes of the request as long as it is under way: the parsed request borrows from them.
 */
static bool copy_request(ControlCall *call, GError **error)
{
    ControlReceived *received = &call->server->received;
    ControlFrame frame;

    if (!control_received_frame(received, &frame, error) ||
        !control_request_parse(&frame, &call->request, error))
        return false;
    call->bytes = g_memdup2(received->data, received->len);
    call->payload = g_steal_pointer(&received->payload);
    bool is_same = control_frame_decode(call->bytes, received->len, &frame, NULL);
    if (frame.in_memory_file)
        frame.payload = (const uint8_t *)call->payload;
    is_same = is_same && control_request_parse(&frame, &call->request, NULL);
    g_assert(is_same);
    return true;
}

/* Disconnects a client of a version before the frames, which understands only a line of text. */
static void disconnect_with_line(ControlCall *call, const char *line)
{
    ControlPacket packet = {(uint8_t *)g_strdup(line), strlen(line), -1};

    disconnect(call, &packet);
}

/* Answers a wrong packet with an error. Returns false if the connection was closed. */
static bool refuse_packet(ControlCall *call, const GError *error, bool is_frame)
{
    if (!is_frame && error_code(error) == ERROR_USAGE) {
        disconnect_with_line(call,
                             "error the daemon is of a newer version than this command: use the "
                             "command of that version");
        return false;
    }
    ErrorCode code = error_code(error) == ERROR_CONFIG ? ERROR_PROTOCOL : error_code(error);
    if (!is_frame || error_code(error) == ERROR_PROTOCOL) {
        disconnect_with_error(call, code, error->message);
        return false;
    }
    ControlPacket packet;
    make_error(code, error->message, &packet);
    control_peer_answer(call->peer, &packet);
    return true;
}

/* Parses and starts a request. Returns false if the connection was closed. */
static bool start_request(ControlCall *call)
{
    ControlServer *server = call->server;
    g_autoptr(GError) error = NULL;
    ControlFrame frame;

    if (call->id != 0) {
        disconnect_with_error(call, ERROR_PROTOCOL,
                              "a second request was sent before the answer to the first");
        return false;
    }
    if (!copy_request(call, &error))
        return refuse_packet(call, error, control_received_frame(&server->received, &frame, NULL));
    call->id = ++server->last_id;
    call->idle_since_us = 0;
    const ControlRunner *runner = &server->runners[call->request.type];
    if (!runner->run) {
        control_call_refuse(call, ERROR_USAGE, "this socket does not answer this request");
        return true;
    }
    if (runner->progress)
        begin_to_tick(server);
    runner->run(call, &call->request, server->data);
    return true;
}

/* Handles the next packet of a client: starts its request, or disconnects a client that has closed
 * the connection. */
static gboolean on_readable(gint fd, GIOCondition condition, gpointer data)
{
    ControlCall *call = data;
    ControlServer *server = call->server;
    g_autoptr(GError) error = NULL;
    guint source = call->source;
    bool got;

    /* Reading reports a hang-up, too. */
    (void)condition;
    bool ok = control_receive(fd, &server->received, &got, &error);
    if (ok && !got)
        return G_SOURCE_CONTINUE;
    /* This function is the source that call_free would remove. */
    call->source = 0;
    if (!ok && error_code(error) == ERROR_PROTOCOL) {
        disconnect_with_error(call, ERROR_PROTOCOL, error->message);
        return G_SOURCE_REMOVE;
    }
    if (!ok || server->received.len == 0) {
        g_ptr_array_remove_fast(server->calls, call);
        return G_SOURCE_REMOVE;
    }
    if (!start_request(call))
        return G_SOURCE_REMOVE;
    call->source = source;
    return G_SOURCE_CONTINUE;
}

/* Refuses a new connection. Its buffer is empty, so the packet has room. */
static void reject_client(int fd, ErrorCode code, const char *text)
{
    ControlPacket packet;

    make_error(code, text, &packet);
    /* If the packet cannot be sent, the client sees the end of the connection. */
    (void)control_packet_send(&packet, fd, MSG_DONTWAIT);
    control_packet_clear(&packet);
}

static void add_client(ControlServer *server, int fd, uid_t user)
{
    ControlCall *call = g_new0(ControlCall, 1);

    call->server = server;
    call->user = user;
    call->idle_since_us = clock_monotonic_us();
    call->peer = control_peer_new(fd);
    call->source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP, on_readable, call);
    g_ptr_array_add(server->calls, call);
}

static guint count_clients(const ControlServer *server, uid_t user)
{
    guint n = 0;

    for (guint i = 0; i < server->calls->len; i++)
        n += ((const ControlCall *)g_ptr_array_index(server->calls, i))->user == user;
    return n;
}

/*
 * Returns true if a further client of the user may connect. A user may have as many clients as
 * places are free, so that one user alone gets half of the places, and each further user half of
 * the rest. Only root and the owner get the last CONTROL_CLIENTS_KEPT places.
 */
static bool has_place(const ControlServer *server, uid_t user, guint n_clients)
{
    guint taken = server->calls->len + (trusted_is_owner(user) ? 0 : CONTROL_CLIENTS_KEPT);

    return taken + n_clients < CONTROL_CLIENTS_MAX;
}

static void reject_for_places(int fd, guint n_clients)
{
    g_autofree char *text =
        n_clients == 0
            ? g_strdup("too many clients are connected; try again")
            : g_strdup_printf("too many clients are connected, and %u of them are of your user: "
                              "end some of yours, or try again",
                              n_clients);

    reject_client(fd, ERROR_SHORTAGE, text);
}

/* Accepts a client that may use the socket, or refuses it with the reason. */
static void on_connected(int client_fd, void *data)
{
    ControlServer *server = data;
    g_autoptr(GError) error = NULL;
    autofd fd = client_fd;
    struct ucred peer;

    if (!trusted_peer_read(fd, &peer, &error) ||
        !control_access_check(server->access, fd, &error)) {
        reject_client(fd, error_code(error), error->message);
        return;
    }
    guint n_clients = count_clients(server, peer.uid);
    if (has_place(server, peer.uid, n_clients) || make_room(server))
        add_client(server, fd_steal(&fd), peer.uid);
    else
        reject_for_places(fd, n_clients);
}

static void on_shortage(int errnum, void *data)
{
    ControlServer *server = data;

    if (server->shortage)
        server->shortage(errnum, server->data);
}

void control_server_accept(ControlServer *server, ControlDoor door, int fd)
{
    control_listeners_set(server->listeners, door, fd);
}

void control_server_set_access(ControlServer *server, ControlAccess *access)
{
    control_access_free(server->access);
    server->access = access;
}

void control_server_on_shortage(ControlServer *server, void (*shortage)(int errnum, void *data))
{
    server->shortage = shortage;
}

ControlServer *control_server_new(const ControlRunner *runners, ControlFlags serves, void *data)
{
    ControlServer *server = g_new0(ControlServer, 1);

    for (unsigned type = 0; type < CONTROL_TYPES; type++)
        g_assert(!runners[type].run || control_request_flags(type) & serves);
    server->runners = runners;
    server->data = data;
    server->listeners = control_listeners_new(on_connected, on_shortage, server);
    server->calls = g_ptr_array_new_with_free_func((GDestroyNotify)call_free);
    server->parting = g_ptr_array_new_with_free_func((GDestroyNotify)control_peer_free);
    return server;
}

void control_server_free(ControlServer *server)
{
    if (!server)
        return;
    control_listeners_free(server->listeners);
    g_ptr_array_unref(server->calls);
    g_ptr_array_unref(server->parting);
    g_clear_handle_id(&server->ticker, g_source_remove);
    control_received_clear(&server->received);
    control_access_free(server->access);
    g_free(server);
}

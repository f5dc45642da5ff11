/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners.h"

#include "base/failpoint.h"
#include "base/file.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/socket.h>

/* Time without accepting connections after a connection for which there was no descriptor. */
#define ACCEPT_AGAIN_MS 1000

typedef struct {
    int fd;
    /* 0 means that no connections are accepted. */
    guint source;
} Listener;

struct ControlListeners {
    void (*connected)(int fd, void *data);
    void (*shortage)(int errnum, void *data);
    void *data;
    Listener doors[CONTROL_DOORS];
    /*
     * Source that accepts connections again after a shortage. 0 means that they are accepted now.
     */
    guint again_source;
    /* The shortage has been reported. */
    bool is_short;
};

/* Accepts a connection. If there are no descriptors left, waits before it accepts again. */
static gboolean on_connect(gint fd, GIOCondition condition, gpointer data);

static void open_door(ControlListeners *listeners, Listener *door)
{
    if (door->fd >= 0 && door->source == 0)
        door->source = g_unix_fd_add(door->fd, G_IO_IN, on_connect, listeners);
}

static gboolean accept_again(gpointer data)
{
    ControlListeners *listeners = data;

    listeners->again_source = 0;
    for (int i = 0; i < CONTROL_DOORS; i++)
        open_door(listeners, &listeners->doors[i]);
    return G_SOURCE_REMOVE;
}

/* Stops accepting for ACCEPT_AGAIN_MS. The waiting connection would otherwise wake up the loop
 * again and again. */
static gboolean pause_accepting(ControlListeners *listeners, int errnum)
{
    if (!listeners->is_short)
        listeners->shortage(errnum, listeners->data);
    listeners->is_short = true;
    for (int i = 0; i < CONTROL_DOORS; i++)
        g_clear_handle_id(&listeners->doors[i].source, g_source_remove);
    listeners->again_source = g_timeout_add(ACCEPT_AGAIN_MS, accept_again, listeners);
    return G_SOURCE_REMOVE;
}

static bool is_shortage(int errnum)
{
    return errnum == EMFILE || errnum == ENFILE || errnum == ENOMEM || errnum == ENOBUFS;
}

static gboolean on_connect(gint fd, GIOCondition condition, gpointer data)
{
    ControlListeners *listeners = data;

    (void)condition;
    int client_fd = FAILPOINT("control.accept", accept4(fd, NULL, NULL, SOCK_CLOEXEC));
    if (client_fd < 0 && is_shortage(errno))
        return pause_accepting(listeners, errno);
    if (client_fd < 0)
        return G_SOURCE_CONTINUE;
    listeners->is_short = false;
    listeners->connected(client_fd, listeners->data);
    return G_SOURCE_CONTINUE;
}

void control_listeners_set(ControlListeners *listeners, ControlDoor door, int fd)
{
    Listener *listener = &listeners->doors[door];

    g_clear_handle_id(&listener->source, g_source_remove);
    fd_clear(&listener->fd);
    listener->fd = fd;
    if (listeners->again_source == 0)
        open_door(listeners, listener);
}

ControlListeners *control_listeners_new(void (*connected)(int fd, void *data),
                                        void (*shortage)(int errnum, void *data), void *data)
{
    ControlListeners *listeners = g_new0(ControlListeners, 1);

    listeners->connected = connected;
    listeners->shortage = shortage;
    listeners->data = data;
    for (int i = 0; i < CONTROL_DOORS; i++)
        listeners->doors[i].fd = -1;
    return listeners;
}

void control_listeners_free(ControlListeners *listeners)
{
    for (int i = 0; i < CONTROL_DOORS; i++)
        control_listeners_set(listeners, (ControlDoor)i, -1);
    g_clear_handle_id(&listeners->again_source, g_source_remove);
    g_free(listeners);
}

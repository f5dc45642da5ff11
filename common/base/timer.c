/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timer.h"

typedef struct {
    GSource source;
    void (*fire)(void *data);
    void *data;
} Timer;

static gboolean timer_dispatch(GSource *source, GSourceFunc unused_callback, gpointer unused_data)
{
    Timer *timer = (Timer *)source;
    (void)unused_callback;
    (void)unused_data;
    g_source_set_ready_time(source, -1);
    timer->fire(timer->data);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs timer_funcs = {.dispatch = timer_dispatch};

GSource *timer_new(int priority, void (*fire)(void *data), void *data)
{
    GSource *source = g_source_new(&timer_funcs, sizeof(Timer));
    Timer *timer = (Timer *)source;
    timer->fire = fire;
    timer->data = data;
    g_source_set_priority(source, priority);
    g_source_attach(source, NULL);
    return source;
}

void timer_set(GSource *timer, int64_t at_us)
{
    g_source_set_ready_time(timer, at_us);
}

void timer_set_earlier(GSource *timer, int64_t at_us)
{
    gint64 set = g_source_get_ready_time(timer);
    if (set == TIMER_NEVER || at_us < set)
        g_source_set_ready_time(timer, at_us);
}

void timer_free(GSource *timer)
{
    g_source_destroy(timer);
    g_source_unref(timer);
}

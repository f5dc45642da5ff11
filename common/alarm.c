/* SPDX-License-Identifier: Apache-2.0 */
#include "alarm.h"

typedef struct {
    GSource source;
    void (*ring)(void *data);
    void *data;
} Alarm;

static gboolean alarm_dispatch(GSource *source, GSourceFunc unused_callback, gpointer unused_data)
{
    Alarm *alarm = (Alarm *)source;
    (void)unused_callback;
    (void)unused_data;
    g_source_set_ready_time(source, -1);
    alarm->ring(alarm->data);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs alarm_funcs = {.dispatch = alarm_dispatch};

GSource *alarm_new(int priority, void (*ring)(void *data), void *data)
{
    GSource *source = g_source_new(&alarm_funcs, sizeof(Alarm));
    Alarm *alarm = (Alarm *)source;
    alarm->ring = ring;
    alarm->data = data;
    g_source_set_priority(source, priority);
    g_source_attach(source, NULL);
    return source;
}

void alarm_set(GSource *alarm, int64_t at_us)
{
    g_source_set_ready_time(alarm, at_us);
}

void alarm_set_earlier(GSource *alarm, int64_t at_us)
{
    gint64 set = g_source_get_ready_time(alarm);
    if (set == ALARM_NEVER || at_us < set)
        g_source_set_ready_time(alarm, at_us);
}

void alarm_free(GSource *alarm)
{
    g_source_destroy(alarm);
    g_source_unref(alarm);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_private.h"

#include "clock.h"
#include "log.h"

#include <string.h>

/* Between two looks. A reader that has the same snapshot at both stands still. */
#define LOOK_US (5 * CLOCK_US_PER_SEC)

#define COMMAND_MAX 200 /* bytes of it that are told */

/* What the process was called with; NULL if that cannot be told. Owner: the caller frees. */
static char *command_of(int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", pid);
    g_autofree char *bytes = NULL;
    gsize len = 0;

    if (!g_file_get_contents(path, &bytes, &len, NULL) || len == 0)
        return NULL;
    for (gsize i = 0; i + 1 < len; i++) {
        if (bytes[i] == '\0')
            bytes[i] = ' ';
    }
    if (len > COMMAND_MAX)
        bytes[COMMAND_MAX] = '\0';
    return object_key_to_text(bytes, NULL);
}

static void warn(const StoreReader *reader)
{
    g_autofree char *command = command_of(reader->pid);

    log_warning("process %d (%s) has read the store for more than %d s without going on: until it "
                "does, or ends, the store grows with each change",
                reader->pid, command ? command : "its command is not known",
                (int)(LOOK_US / CLOCK_US_PER_SEC));
}

void readers_look(Daemon *daemon)
{
    int64_t now_us = clock_monotonic_us();
    StoreReader *last = &daemon->reader;
    StoreReader now = {0};
    bool found;

    if (daemon->offline || now_us < daemon->readers_us + LOOK_US)
        return;
    daemon->readers_us = now_us;
    /* Only ever a convenience: what is wrong with the store shows at the next change. */
    if (!store_oldest_reader(daemon->store, &found, &now, NULL) || !found)
        now.pid = 0;
    bool is_same = now.pid != 0 && now.pid == last->pid && now.snapshot == last->snapshot;
    if (is_same && !daemon->reader_is_told_of) {
        warn(&now);
        daemon->reader_is_told_of = true;
    } else if (!is_same) {
        if (daemon->reader_is_told_of)
            log_info("process %d does not hold the store up any more", last->pid);
        daemon->reader_is_told_of = false;
    }
    *last = now;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/readers.h"

#include "base/clock.h"
#include "base/log.h"
#include "model/object.h"

#include <string.h>

/* Time between two checks. A reader with the same snapshot at both is stalled. */
#define CHECK_US (5 * CLOCK_US_PER_SEC)

/* Bytes of the command that are logged. */
#define COMMAND_MAX 200

struct StoreReaders {
    /* The reader with the oldest snapshot at the last check; pid 0: none. */
    StoreReader oldest;
    /* Monotonic: time of that check. */
    int64_t checked_us;
    bool is_logged;
};

StoreReaders *readers_new(void)
{
    return g_new0(StoreReaders, 1);
}

void readers_free(StoreReaders *readers)
{
    g_free(readers);
}

/* Returns the command line of the process; NULL if it cannot be read. Owner: the caller frees. */
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

/* Warns of a process that keeps the store from using space again. */
static void warn(const StoreReader *reader)
{
    g_autofree char *command = command_of(reader->pid);

    log_warning("process %d (%s) has read the store for more than %d s without going on: until it "
                "does, or ends, the store grows with each change",
                reader->pid, command ? command : "its command is not known",
                (int)(CHECK_US / CLOCK_US_PER_SEC));
}

void readers_check(StoreReaders *readers, Store *store)
{
    int64_t now_us = clock_monotonic_us();
    StoreReader *last = &readers->oldest;
    StoreReader now = {0};
    bool found;

    if (now_us < readers->checked_us + CHECK_US)
        return;
    readers->checked_us = now_us;
    /* This is only a convenience: an error of the store shows at the next change. */
    if (!store_oldest_reader(store, &found, &now, NULL) || !found)
        now.pid = 0;
    bool is_same = now.pid != 0 && now.pid == last->pid && now.snapshot == last->snapshot;
    if (is_same && !readers->is_logged) {
        warn(&now);
        readers->is_logged = true;
    } else if (!is_same) {
        if (readers->is_logged)
            log_info("process %d does not hold the store up any more", last->pid);
        readers->is_logged = false;
    }
    *last = now;
}

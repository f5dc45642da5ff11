/* SPDX-License-Identifier: Apache-2.0 */
#include "resident.h"

#include "file.h"
#include "store_internal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

/*
 * Uses of tables between two looks. A use touches a few pages at the most that were not touched
 * before, and with each the kernel maps up to 15 neighbours that are in its cache.
 */
#define USES_PER_LOOK 64

/* Pages of files that count in this process; source: proc_pid_statm(5), the third field. */
static bool read_file_pages(int statm_fd, size_t *ret_pages)
{
    char text[128];
    ssize_t len = pread(statm_fd, text, sizeof text - 1, 0);

    if (len <= 0)
        return false;
    text[len] = '\0';
    return sscanf(text, "%*s %*s %zu", ret_pages) == 1;
}

void resident_open(Store *store)
{
    Resident *resident = &store->resident;

    *resident = (Resident){.statm_fd = -1};
    if (store->mode != STORE_WRITE)
        return; /* a command ends soon */
    resident->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (!read_file_pages(resident->statm_fd, &resident->other_pages))
        fd_clear(&resident->statm_fd);
}

void resident_close(Store *store)
{
    fd_clear(&store->resident.statm_fd);
    resident_forget_map(store);
}

void resident_forget_map(Store *store)
{
    store->resident.map = NULL;
}

/* An address in the map: LMDB tells its beginning only of a map at a fixed place. */
static const void *address_in_map(Store *store)
{
    static const char name[] = "schema";
    MDB_val key = {sizeof name - 1, (void *)name};
    MDB_val value;
    MDB_txn *txn;
    bool found = false;

    /* A transaction of its own: one that writes has pages that are not in the map. */
    if (!env_read_begin(store, &txn, NULL))
        return NULL;
    (void)env_get(store, txn, TABLE_META, key, &found, &value, NULL); /* else it is not found */
    mdb_txn_abort(txn);
    return found ? value.mv_data : NULL;
}

/* Source: proc_pid_maps(5). */
static void find_map(Store *store)
{
    uintptr_t address = (uintptr_t)address_in_map(store);
    FILE *file = address ? fopen("/proc/self/maps", "re") : NULL;
    char *line = NULL;
    size_t size = 0;

    while (file && getline(&line, &size, file) > 0) {
        uintptr_t from, to;
        char shared;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*c%*c%*c%c", &from, &to, &shared) == 3 &&
            from <= address && address < to && shared == 's') {
            store->resident.map = (void *)from;
            store->resident.map_len = to - from;
        }
    }
    free(line);
    if (file)
        (void)fclose(file); /* it was only read */
}

static void let_go(Store *store)
{
    Resident *resident = &store->resident;

    if (!resident->map)
        find_map(store);
    /* It is a shared map of a file that nobody writes to through it: nothing can get lost. */
    if (resident->map)
        (void)madvise(resident->map, resident->map_len, MADV_DONTNEED); /* else it stays large */
    (void)read_file_pages(resident->statm_fd, &resident->other_pages);
}

void resident_note(Store *store)
{
    Resident *resident = &store->resident;
    size_t limit = store->limits.resident_bytes / (size_t)getpagesize();
    size_t pages;

    if (resident->statm_fd < 0 || ++resident->uses % USES_PER_LOOK != 0)
        return;
    if (read_file_pages(resident->statm_fd, &pages) && pages > resident->other_pages + limit)
        let_go(store);
}

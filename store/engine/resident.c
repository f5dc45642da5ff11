/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/resident.h"

#include "base/file.h"
#include "engine/env.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

/*
 * Number of table uses between two checks. One use touches at most a few new pages, and for each
 * the kernel maps up to 15 neighbours that are in the page cache.
 */
#define USES_PER_CHECK 64

struct Resident {
    int statm_fd;
    /* Number of table uses. */
    unsigned uses;
    /* Pages of other files, measured when the map was last dropped. */
    size_t other_pages;
    /* NULL: the address is unknown. */
    void *map;
    /* Bytes. */
    size_t map_len;
    /* Value of the store's map_moves when `map` was found. */
    unsigned map_moves;
};

/* Reads the number of this process's file pages. Source: proc_pid_statm(5), third field. */
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
    Resident resident = {.statm_fd = -1};

    if (store->mode != STORE_WRITE)
        /* A command ends soon, so it does not count. */
        return;
    resident.statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (read_file_pages(resident.statm_fd, &resident.other_pages))
        store->resident = g_memdup2(&resident, sizeof resident);
    else
        fd_clear(&resident.statm_fd);
}

void resident_close(Store *store)
{
    if (store->resident)
        fd_clear(&store->resident->statm_fd);
    g_clear_pointer(&store->resident, g_free);
}

/* Returns an address in the map; LMDB reports the start of a map only if it was fixed. */
static const void *address_in_map(Store *store)
{
    static const char name[] = "schema";
    MDB_val key = {sizeof name - 1, (void *)name};
    MDB_val value;
    MDB_txn *txn;
    bool found = false;

    /* A separate transaction: in a writing one the row may lie outside the map. */
    if (!env_read_begin(store, &txn, NULL))
        return NULL;
    /* On failure the address is not found. */
    (void)env_get(store, txn, TABLE_META, key, &found, &value, NULL);
    mdb_txn_abort(txn);
    return found ? value.mv_data : NULL;
}

/* Finds the map in /proc/self/maps. Source: proc_pid_maps(5). */
static void find_map(Store *store)
{
    Resident *resident = store->resident;
    uintptr_t address = (uintptr_t)address_in_map(store);
    FILE *file = address ? fopen("/proc/self/maps", "re") : NULL;
    char *line = NULL;
    size_t size = 0;

    while (file && getline(&line, &size, file) > 0) {
        uintptr_t from, to;
        char shared;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*c%*c%*c%c", &from, &to, &shared) == 3 &&
            from <= address && address < to && shared == 's') {
            resident->map = (void *)from;
            resident->map_len = to - from;
            resident->map_moves = store->map_moves;
        }
    }
    free(line);
    if (file)
        /* The file was only read, so closing it cannot lose data. */
        (void)fclose(file);
}

/* Gives back the memory of the store's pages, which the kernel reads again when they are needed. */
static void drop_map(Store *store)
{
    Resident *resident = store->resident;

    if (resident->map_moves != store->map_moves)
        resident->map = NULL;
    if (!resident->map)
        find_map(store);
    /* The map is shared and is never written through, so dropping its pages loses nothing. */
    if (resident->map)
        /* On failure the memory stays in use. */
        (void)madvise(resident->map, resident->map_len, MADV_DONTNEED);
    (void)read_file_pages(resident->statm_fd, &resident->other_pages);
}

void resident_count_use(Store *store)
{
    Resident *resident = store->resident;
    size_t limit = store->limits.resident_bytes / (size_t)getpagesize();
    size_t pages;

    if (!resident || ++resident->uses % USES_PER_CHECK != 0)
        return;
    if (read_file_pages(resident->statm_fd, &pages) && pages > resident->other_pages + limit)
        drop_map(store);
}

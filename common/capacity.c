/* SPDX-License-Identifier: Apache-2.0 */
#include "capacity.h"

#include "file.h"
#include "units.h"

#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (1 << 20)

/* A limit of memory beyond this is none: v1 writes a number near 2^63. */
#define NO_LIMIT (INT64_C(1) << 60)

static char *read_below(const char *root, const char *path)
{
    g_autofree char *whole = g_strconcat(root, path, NULL);
    return file_read(whole, FILE_MAX, NULL, NULL);
}

/* ---- one control group --------------------------------------------------------------------------
 */

/* cpu.max: "max 100000", "50000 100000". */
static void take_v2_quota(const char *text, Capacity *capacity)
{
    long long quota, period;
    if (sscanf(text, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0) {
        double share = (double)quota / (double)period;
        capacity->quota = capacity->quota > 0 ? MIN(capacity->quota, share) : share;
    }
}

static bool parse_number(const char *text, int64_t *ret_number)
{
    long long number;
    if (!text || sscanf(text, "%lld", &number) != 1 || number <= 0)
        return false;
    *ret_number = number;
    return true;
}

static void take_memory(const char *text, Capacity *capacity)
{
    int64_t bytes;
    if (parse_number(text, &bytes) && bytes < NO_LIMIT)
        capacity->memory_bytes =
            capacity->memory_bytes > 0 ? MIN(capacity->memory_bytes, bytes) : bytes;
}

static char *read_of_group(const char *root, const char *group, const char *name)
{
    g_autofree char *path = g_strconcat(group, "/", name, NULL);
    return read_below(root, path);
}

static void take_v2_group(const char *root, const char *group, Capacity *capacity)
{
    g_autofree char *cpu = read_of_group(root, group, "cpu.max");
    g_autofree char *most = read_of_group(root, group, "memory.max");
    g_autofree char *high = read_of_group(root, group, "memory.high");
    if (cpu)
        take_v2_quota(cpu, capacity);
    take_memory(most, capacity);
    take_memory(high, capacity);
}

static void take_v1_group(const char *root, const char *group, Capacity *capacity)
{
    g_autofree char *quota = read_of_group(root, group, "cpu.cfs_quota_us");
    g_autofree char *period = read_of_group(root, group, "cpu.cfs_period_us");
    g_autofree char *memory = read_of_group(root, group, "memory.limit_in_bytes");
    if (quota && period) {
        g_autofree char *both = g_strconcat(g_strchomp(quota), " ", period, NULL);
        take_v2_quota(both, capacity); /* -1: none */
    }
    take_memory(memory, capacity);
}

/* ---- which they are -----------------------------------------------------------------------------
 */

/*
 * Where the hierarchy of a line of /proc/self/cgroup is mounted, and which of its groups is seen
 * there: from a line of /proc/self/mountinfo. `controllers` is empty for v2.
 */
static bool is_mount_of(const char *line, const char *controllers, char **ret_place,
                        char **ret_group)
{
    g_auto(GStrv) halves = g_strsplit(line, " - ", 2);
    if (!halves[0] || !halves[1])
        return false;
    g_auto(GStrv) left = g_strsplit(halves[0], " ", 0);
    g_auto(GStrv) right = g_strsplit(g_strchomp(halves[1]), " ", 3);
    if (g_strv_length(left) < 5 || g_strv_length(right) < 3)
        return false;
    bool fits = strcmp(right[0], "cgroup2") == 0 && *controllers == '\0';
    if (strcmp(right[0], "cgroup") == 0 && *controllers != '\0') {
        g_auto(GStrv) options = g_strsplit(right[2], ",", 0);
        g_auto(GStrv) wanted = g_strsplit(controllers, ",", 0);
        fits = true;
        for (char **name = wanted; *name; name++)
            fits &= g_strv_contains((const char *const *)options, *name);
    }
    if (!fits)
        return false;
    *ret_group = g_strdup(left[3]);
    *ret_place = g_strdup(left[4]);
    return true;
}

/* The folder of the group `path`, as it is mounted; NULL: it is not. Owner: the caller. */
static char *find_folder(const char *mountinfo, const char *controllers, const char *path,
                         size_t *ret_place_len)
{
    g_auto(GStrv) lines = g_strsplit(mountinfo, "\n", 0);
    for (char **line = lines; *line; line++) {
        g_autofree char *place = NULL, *group = NULL;
        if (!is_mount_of(*line, controllers, &place, &group))
            continue;
        /* A container sees its own group as the mount's root, or by its whole name. */
        size_t len = strcmp(group, "/") == 0 ? 0 : strlen(group);
        bool is_below = strncmp(path, group, len) == 0 && (path[len] == '/' || path[len] == '\0');
        *ret_place_len = strlen(place);
        return g_strconcat(place, is_below && strcmp(path + len, "/") != 0 ? path + len : "", NULL);
    }
    return NULL;
}

/* One line of /proc/self/cgroup, "4:memory:/a/b" or "0::/a/b": its group, and all above it. */
static void take_line(const char *root, const char *mountinfo, const char *line, Capacity *capacity)
{
    g_auto(GStrv) parts = g_strsplit(line, ":", 3);
    size_t place_len = 0;
    if (g_strv_length(parts) != 3 || g_str_has_prefix(parts[1], "name="))
        return;
    bool is_v2 = *parts[1] == '\0';
    g_autofree char *folder = find_folder(mountinfo, parts[1], parts[2], &place_len);
    while (folder) {
        if (is_v2)
            take_v2_group(root, folder, capacity);
        else
            take_v1_group(root, folder, capacity);
        char *slash = strrchr(folder, '/');
        if (!slash || strlen(folder) <= place_len)
            return;
        *slash = '\0';
    }
}

static void read_groups(const char *root, Capacity *capacity)
{
    g_autofree char *groups = read_below(root, "/proc/self/cgroup");
    g_autofree char *mountinfo = read_below(root, "/proc/self/mountinfo");
    if (!groups || !mountinfo)
        return;
    g_auto(GStrv) lines = g_strsplit(g_strchomp(groups), "\n", 0);
    for (char **line = lines; *line; line++)
        take_line(root, mountinfo, *line, capacity);
}

static int64_t read_available(const char *root)
{
    g_autofree char *meminfo = read_below(root, "/proc/meminfo");
    const char *at = meminfo ? strstr(meminfo, "MemAvailable:") : NULL;
    long long kib;
    return at && sscanf(at, "MemAvailable: %lld", &kib) == 1 && kib > 0 ? kib * 1024 : 0;
}

static int count_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return MAX(CPU_COUNT(&set), 1);
    return (int)CLAMP(sysconf(_SC_NPROCESSORS_ONLN), 1, 1024); /* more than fit into the set */
}

void capacity_read(const char *root, Capacity *ret_capacity)
{
    *ret_capacity = (Capacity){.processors = count_processors()};
    read_groups(root, ret_capacity);
    ret_capacity->free_bytes = read_available(root);
}

/* ---- what follows -------------------------------------------------------------------------------
 */

/* The smaller of the two limits of memory; 0: there is none. */
static int64_t memory_of(const Capacity *capacity)
{
    if (capacity->memory_bytes > 0 && capacity->free_bytes > 0)
        return MIN(capacity->memory_bytes, capacity->free_bytes);
    return MAX(capacity->memory_bytes, capacity->free_bytes);
}

static int by_memory(int64_t bytes)
{
    return (int)CLAMP(bytes / CAPACITY_HANDLER_BYTES, 1, 1024);
}

int capacity_concurrency(const Capacity *capacity)
{
    int n = MAX(capacity->processors, 1);
    int64_t bytes = memory_of(capacity);
    if (capacity->quota > 0)
        n = MIN(n, (int)ceil(MIN(capacity->quota, 1024)));
    if (bytes > 0)
        n = MIN(n, by_memory(bytes));
    return MAX(n, 1);
}

char *capacity_describe(const Capacity *capacity)
{
    g_autoptr(GString) text = g_string_new(NULL);
    int64_t bytes = memory_of(capacity);
    g_string_append_printf(text, "%d %s", capacity->processors,
                           capacity->processors == 1 ? "processor" : "processors");
    if (capacity->quota > 0)
        g_string_append_printf(text, ", %.2g by control group", capacity->quota);
    if (bytes > 0) {
        g_autofree char *amount = units_format_bytes(bytes);
        g_string_append_printf(text, ", memory for %d (%s %s)", by_memory(bytes), amount,
                               bytes == capacity->memory_bytes ? "by control group" : "available");
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

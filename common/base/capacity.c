/* SPDX-License-Identifier: Apache-2.0 */
#include "base/capacity.h"

#include "base/file.h"
#include "base/scan.h"
#include "base/units.h"

#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (1 << 20)

/*
 * A memory limit from this value on means "no limit": control groups v1 write a number near 2^63.
 */
#define NO_LIMIT (INT64_C(1) << 60)

static char *read_below(const char *root, const char *path)
{
    g_autofree char *whole = g_strconcat(root, path, NULL);
    return file_read(whole, FILE_MAX, NULL, NULL);
}

/*
 * Narrows `capacity` by a CPU limit: `quota_text` microseconds of CPU time, or "max", in each
 * period of `period_text` microseconds. cpu.max has both: "50000 100000".
 */
static void apply_quota(const char *quota_text, const char *period_text, Capacity *capacity)
{
    uint64_t quota, period;
    if (!scan_number(&quota_text, INT64_MAX, &quota) ||
        !scan_number(&period_text, INT64_MAX, &period) || quota == 0 || period == 0)
        return;
    double share = (double)quota / (double)period;
    capacity->quota = capacity->quota > 0 ? MIN(capacity->quota, share) : share;
}

/* Parses a number of bytes from 1 to below NO_LIMIT at the front of `text`; 0 if there is none. */
static int64_t scan_bytes(const char *text)
{
    uint64_t bytes;
    return text && scan_number(&text, NO_LIMIT - 1, &bytes) ? (int64_t)bytes : 0;
}

/* Finds the line "name 123" among `lines` and returns its number; 0 if there is no such line. */
static int64_t find_bytes(const char *lines, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = lines; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, name, len) == 0 && at[len] == ' ')
            return scan_bytes(at + len + 1);
    }
    return 0;
}

static int64_t smaller_limit(int64_t a, int64_t b)
{
    return a > 0 && b > 0 ? MIN(a, b) : MAX(a, b);
}

/* Narrows `capacity` by the memory limit of one group. `used_bytes`: memory in use; 0: unknown. */
static void apply_memory_limit(int64_t limit_bytes, int64_t used_bytes, Capacity *capacity)
{
    if (limit_bytes <= 0)
        return;
    capacity->limit_bytes = smaller_limit(capacity->limit_bytes, limit_bytes);
    if (used_bytes > 0)
        capacity->unused_bytes =
            smaller_limit(capacity->unused_bytes, MAX(limit_bytes - used_bytes, 1));
}

/*
 * Returns the used memory without cached files: the kernel drops those before it kills a process.
 */
static int64_t subtract_cache(int64_t used_bytes, const char *stat, const char *const *names)
{
    for (; stat && *names; names++)
        used_bytes -= find_bytes(stat, *names);
    return MAX(used_bytes, 1);
}

static char *read_of_group(const char *root, const char *group, const char *name)
{
    g_autofree char *path = g_strconcat(group, "/", name, NULL);
    return read_below(root, path);
}

/* Lowers the capacity to the limits of a control group, version 2. */
static void read_v2_group(const char *root, const char *group, Capacity *capacity)
{
    static const char *const cached[] = {"inactive_file", "active_file", "slab_reclaimable", NULL};
    g_autofree char *cpu = read_of_group(root, group, "cpu.max");
    g_autofree char *most = read_of_group(root, group, "memory.max");
    g_autofree char *high = read_of_group(root, group, "memory.high");
    g_autofree char *current = read_of_group(root, group, "memory.current");
    g_autofree char *stat = read_of_group(root, group, "memory.stat");
    const char *period = cpu ? strchr(cpu, ' ') : NULL;
    int64_t used_bytes = scan_bytes(current);
    if (period)
        apply_quota(cpu, period + 1, capacity);
    if (used_bytes > 0)
        used_bytes = subtract_cache(used_bytes, stat, cached);
    apply_memory_limit(scan_bytes(most), used_bytes, capacity);
    apply_memory_limit(scan_bytes(high), used_bytes, capacity);
}

/* Lowers the capacity to the limits of a control group, version 1. */
static void read_v1_group(const char *root, const char *group, Capacity *capacity)
{
    static const char *const cached[] = {"total_inactive_file", "total_active_file", NULL};
    g_autofree char *quota = read_of_group(root, group, "cpu.cfs_quota_us");
    g_autofree char *period = read_of_group(root, group, "cpu.cfs_period_us");
    g_autofree char *limit = read_of_group(root, group, "memory.limit_in_bytes");
    g_autofree char *usage = read_of_group(root, group, "memory.usage_in_bytes");
    g_autofree char *stat = read_of_group(root, group, "memory.stat");
    int64_t used_bytes = scan_bytes(usage);
    if (quota && period)
        /* A quota of -1 means "no limit"; the parser refuses it. */
        apply_quota(quota, period, capacity);
    if (used_bytes > 0)
        used_bytes = subtract_cache(used_bytes, stat, cached);
    apply_memory_limit(scan_bytes(limit), used_bytes, capacity);
}

/*
 * Finds in a line of /proc/self/mountinfo where the hierarchy of `controllers` is mounted, and
 * which of its groups is the root of that mount. `controllers` is empty for v2. False if the line
 * is about another mount.
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

/*
 * Returns the folder of the group `path` below the mount of its hierarchy; NULL if the hierarchy is
 * not mounted. Owner: the caller frees.
 */
static char *find_folder(const char *mountinfo, const char *controllers, const char *path,
                         size_t *ret_place_len)
{
    g_auto(GStrv) lines = g_strsplit(mountinfo, "\n", 0);
    for (char **line = lines; *line; line++) {
        g_autofree char *place = NULL, *group = NULL;
        if (!is_mount_of(*line, controllers, &place, &group))
            continue;
        /*
         * In a container the path of the group is either relative to the mount or begins with the
         * group that is mounted.
         */
        size_t len = strcmp(group, "/") == 0 ? 0 : strlen(group);
        bool is_below = strncmp(path, group, len) == 0 && (path[len] == '/' || path[len] == '\0');
        *ret_place_len = strlen(place);
        return g_strconcat(place, is_below && strcmp(path + len, "/") != 0 ? path + len : "", NULL);
    }
    return NULL;
}

/*
 * Reads the group of one line of /proc/self/cgroup ("4:memory:/a/b" or "0::/a/b") and all groups
 * above it.
 */
static void read_group_line(const char *root, const char *mountinfo, const char *line,
                            Capacity *capacity)
{
    g_auto(GStrv) parts = g_strsplit(line, ":", 3);
    size_t place_len = 0;
    if (g_strv_length(parts) != 3 || g_str_has_prefix(parts[1], "name="))
        return;
    bool is_v2 = *parts[1] == '\0';
    g_autofree char *folder = find_folder(mountinfo, parts[1], parts[2], &place_len);
    while (folder) {
        if (is_v2)
            read_v2_group(root, folder, capacity);
        else
            read_v1_group(root, folder, capacity);
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
        read_group_line(root, mountinfo, *line, capacity);
}

/* Returns the memory that the kernel can give to programs, in bytes; 0 if it is unknown. */
static int64_t read_available(const char *root)
{
    static const char name[] = "MemAvailable:";
    g_autofree char *meminfo = read_below(root, "/proc/meminfo");
    const char *at = meminfo ? strstr(meminfo, name) : NULL;
    uint64_t kib;
    if (!at)
        return 0;
    at += strlen(name);
    scan_blanks(&at);
    return scan_number(&at, NO_LIMIT / 1024, &kib) ? (int64_t)kib * 1024 : 0;
}

static int count_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return MAX(CPU_COUNT(&set), 1);
    /* sched_getaffinity fails if the machine has more processors than the set can hold. */
    return (int)CLAMP(sysconf(_SC_NPROCESSORS_ONLN), 1, 1024);
}

void capacity_read(const char *root, Capacity *ret_capacity)
{
    *ret_capacity = (Capacity){.processors = count_processors()};
    read_groups(root, ret_capacity);
    ret_capacity->free_bytes = read_available(root);
}

/* Memory that is left to the daemon and its fork server. */
#define MARGIN_BYTES (INT64_C(32) << 20)

/*
 * Returns the memory limit for the handlers, bytes; 0: unknown. *ret_is_of_group: a control group
 * sets it.
 */
static int64_t find_room(const Capacity *capacity, bool *ret_is_of_group)
{
    int64_t group_bytes =
        capacity->unused_bytes > 0 ? capacity->unused_bytes : capacity->limit_bytes;
    int64_t bytes = smaller_limit(group_bytes, capacity->free_bytes);
    *ret_is_of_group = group_bytes > 0 && bytes == group_bytes;
    return bytes;
}

static int64_t find_need(const CapacityLoad *load)
{
    return MAX(load->each_bytes, CAPACITY_HANDLER_BYTES);
}

/*
 * Returns the number of handlers, at least 1, that fit into the free memory and the memory that
 * running handlers hold.
 */
static int count_fitting(int64_t room_bytes, const CapacityLoad *load)
{
    int64_t bytes = room_bytes + load->held_bytes - MARGIN_BYTES;
    return (int)CLAMP(bytes / find_need(load), 1, 1024);
}

int capacity_processors(const Capacity *capacity)
{
    int n = MAX(capacity->processors, 1);
    if (capacity->quota > 0)
        n = MIN(n, (int)ceil(MIN(capacity->quota, 1024)));
    return MAX(n, 1);
}

int capacity_concurrency(const Capacity *capacity, const CapacityLoad *load)
{
    bool is_of_group;
    int n = capacity_processors(capacity);
    int64_t room_bytes = find_room(capacity, &is_of_group);
    return room_bytes > 0 ? MIN(n, count_fitting(room_bytes, load)) : n;
}

/* Each smaller picture lowers the remembered memory by this fraction of the difference (1/FALL). */
#define FALL 64

int64_t capacity_update_each(int64_t each_bytes, int64_t seen_bytes)
{
    return seen_bytes >= each_bytes ? seen_bytes : each_bytes - (each_bytes - seen_bytes) / FALL;
}

char *capacity_describe(const Capacity *capacity, const CapacityLoad *load)
{
    g_autoptr(GString) text = g_string_new(NULL);
    bool is_of_group;
    int64_t room_bytes = find_room(capacity, &is_of_group);
    g_string_append_printf(text, "%d %s", capacity->processors,
                           capacity->processors == 1 ? "processor" : "processors");
    if (capacity->quota > 0)
        g_string_append_printf(text, ", %.2g by control group", capacity->quota);
    if (room_bytes > 0) {
        g_autofree char *each = units_format_bytes(find_need(load));
        g_autofree char *room = units_format_bytes(room_bytes + load->held_bytes);
        g_string_append_printf(text, ", memory for %d (%s each of %s %s)",
                               count_fitting(room_bytes, load), each, room,
                               is_of_group ? "that the control group has left" : "available");
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

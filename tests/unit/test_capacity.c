/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a machine that control groups and its memory leave to thumbq, read from folders that
 * stand for /proc and /sys. */
#include "base/capacity.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#define V1_MOUNTS                                                                                  \
    "30 20 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n"                                            \
    "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:1 - cgroup cgroup rw,cpu,cpuacct\n"         \
    "32 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
#define V2_MOUNT "30 20 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
#define CPU      "/sys/fs/cgroup/cpu,cpuacct"
#define MEMORY   "/sys/fs/cgroup/memory"
#define GROUPS   "/sys/fs/cgroup"
#define MIB      (INT64_C(1) << 20)

typedef struct {
    const char *path, *text;
} FileOf;

typedef struct {
    const char *name;
    const char *cgroup, *mountinfo;
    FileOf files[10];
    double quota;
    int64_t limit_bytes, free_bytes, unused_bytes;
} ReadCase;

static const ReadCase reads[] = {
    {"nothing", NULL, NULL, {{0}}, 0, 0, 0, 0},
    {"v2-own",
     "0::/a/b\n",
     V2_MOUNT,
     {{GROUPS "/a/b/cpu.max", "50000 100000\n"}, {GROUPS "/a/b/memory.max", "268435456\n"}},
     0.5,
     256 * MIB,
     0,
     0},
    {"v2-above",
     "0::/a/b\n",
     V2_MOUNT,
     {{GROUPS "/a/b/cpu.max", "max 100000\n"},
      {GROUPS "/a/cpu.max", "150000 100000\n"},
      {GROUPS "/a/b/memory.max", "1073741824\n"},
      {GROUPS "/a/memory.max", "536870912\n"}},
     1.5,
     512 * MIB,
     0,
     0},
    {"v2-the-smallest",
     "0::/a/b\n",
     V2_MOUNT,
     {{GROUPS "/a/b/cpu.max", "200000 100000\n"},
      {GROUPS "/a/cpu.max", "400000 100000\n"},
      {GROUPS "/a/b/memory.max", "max\n"},
      {GROUPS "/a/b/memory.high", "134217728\n"}},
     2,
     128 * MIB,
     0,
     0},
    {"v2-namespace",
     "0::/\n",
     V2_MOUNT,
     {{GROUPS "/cpu.max", "25000 100000\n"}, {GROUPS "/memory.max", "max\n"}},
     0.25,
     0,
     0,
     0},
    {"v2-container-without-a-namespace",
     "0::/docker/abc/init\n",
     "30 20 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
     {{GROUPS "/init/cpu.max", "max 100000\n"}, {GROUPS "/cpu.max", "100000 100000\n"}},
     1,
     0,
     0,
     0},
    {"v1",
     "3:cpu,cpuacct:/a/b\n2:memory:/c\n1:name=systemd:/a\n",
     V1_MOUNTS,
     {{CPU "/a/b/cpu.cfs_quota_us", "-1\n"},
      {CPU "/a/b/cpu.cfs_period_us", "100000\n"},
      {CPU "/a/cpu.cfs_quota_us", "50000\n"},
      {CPU "/a/cpu.cfs_period_us", "100000\n"},
      {MEMORY "/c/memory.limit_in_bytes", "268435456\n"},
      {MEMORY "/memory.limit_in_bytes", "9223372036854771712\n"}},
     0.5,
     256 * MIB,
     0,
     0},
    {"v1-container",
     "3:cpu,cpuacct:/docker/abc\n",
     "31 30 0:27 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n",
     {{CPU "/cpu.cfs_quota_us", "50000\n"}, {CPU "/cpu.cfs_period_us", "50000\n"}},
     1,
     0,
     0,
     0},
    {"not-mounted", "0::/a\n3:cpu:/a\n", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n", {{0}}, 0, 0, 0, 0},
    {"rubbish",
     "0:/\nhello\n0::/a:b\n",
     "x\n30 - cgroup2\n" V2_MOUNT,
     {{GROUPS "/cpu.max", "fast\n"}, {GROUPS "/memory.max", "-5\n"}},
     0,
     0,
     0,
     0},
    {"v2-usage",
     "0::/a/b\n",
     V2_MOUNT,
     {{GROUPS "/a/b/memory.max", "536870912\n"},
      {GROUPS "/a/b/memory.current", "314572800\n"},
      {GROUPS "/a/b/memory.stat",
       "anon 4096\nfile 999\ninactive_file 104857600\nactive_file 52428800\n"
       "slab_reclaimable 52428800\nslab 99\n"},
      {GROUPS "/a/memory.max", "1073741824\n"},
      {GROUPS "/a/memory.current", "1069547520\n"},
      {GROUPS "/a/memory.stat", "xinactive_file 1048576\nactive_file_x 1048576\n"},
      {GROUPS "/memory.current", "99\n"}},
     0,
     512 * MIB,
     0,
     /* The group above leaves 512 - 300 + 200 of its own. */
     4 * MIB},
    {"v2-full",
     "0::/a\n",
     V2_MOUNT,
     {{GROUPS "/a/memory.high", "104857600\n"}, {GROUPS "/a/memory.current", "204857600\n"}},
     0,
     100 * MIB,
     0,
     1},
    {"v1-usage",
     "2:memory:/c\n",
     V1_MOUNTS,
     {{MEMORY "/c/memory.limit_in_bytes", "268435456\n"},
      {MEMORY "/c/memory.usage_in_bytes", "209715200\n"},
      {MEMORY "/c/memory.stat",
       "inactive_file 1\ntotal_inactive_file 104857600\ntotal_active_file 52428800\n"}},
     0,
     256 * MIB,
     0,
     206 * MIB},
    {"too-large-for-a-number",
     "0::/a\n",
     V2_MOUNT,
     {{GROUPS "/a/cpu.max", "99999999999999999999 100000\n"},
      {GROUPS "/a/memory.max", "18446744073709551616\n"},
      {"/proc/meminfo", "MemAvailable: 99999999999999999999 kB\n"}},
     0,
     0,
     0,
     0},
    {"signs-and-blanks",
     "0::/a\n",
     V2_MOUNT,
     {{GROUPS "/a/cpu.max", "+50000 100000\n"}, {GROUPS "/a/memory.max", " 268435456\n"}},
     0,
     0,
     0,
     0},
    {"available",
     NULL,
     NULL,
     {{"/proc/meminfo", "MemTotal:  500 kB\nMemFree:  10 kB\nMemAvailable:     2048 kB\n"}},
     0,
     0,
     2 * MIB,
     0},
};

static void put(const char *root, const char *path, const char *text)
{
    g_autofree char *whole = g_strconcat(root, path, NULL);
    g_autofree char *folder = g_path_get_dirname(whole);
    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(whole, text, -1, NULL));
}

static void test_read(const void *data)
{
    const ReadCase *row = data;
    g_autofree char *root = g_dir_make_tmp("thumbq-capacity-XXXXXX", NULL);
    Capacity capacity;
    if (row->cgroup) {
        put(root, "/proc/self/cgroup", row->cgroup);
        put(root, "/proc/self/mountinfo", row->mountinfo);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(row->files) && row->files[i].path; i++)
        put(root, row->files[i].path, row->files[i].text);
    capacity_read(root, &capacity);
    g_assert_cmpint(capacity.processors, >, 0);
    g_assert_cmpfloat(capacity.quota, ==, row->quota);
    g_assert_cmpint(capacity.limit_bytes, ==, row->limit_bytes);
    g_assert_cmpint(capacity.free_bytes, ==, row->free_bytes);
    g_assert_cmpint(capacity.unused_bytes, ==, row->unused_bytes);
    const char *remove[] = {"rm", "-r", root, NULL};
    g_assert_true(g_spawn_sync(NULL, (char **)remove, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                               NULL, NULL, NULL));
}

typedef struct {
    const char *name;
    Capacity capacity;
    CapacityLoad load;
    int expected;
    const char *text;
} Case;

static const Case cases[] = {
    {"plain", {.processors = 4}, {0}, 4, "4 processors"},
    {"half", {.processors = 64, .quota = 0.5}, {0}, 1, "64 processors, 0.5 by control group"},
    {"one-and-a-half",
     {.processors = 64, .quota = 1.5},
     {0},
     2,
     "64 processors, 1.5 by control group"},
    {"affinity", {.processors = 1, .quota = 8}, {0}, 1, "1 processor, 8 by control group"},
    {"limit-of-the-group",
     {.processors = 2, .limit_bytes = 256 * MIB, .free_bytes = 8192 * MIB},
     {0},
     1,
     "2 processors, memory for 1 (192.0 MiB each of 256.0 MiB that the control group has left)"},
    {"rest-of-the-group",
     {.processors = 4,
      .limit_bytes = 2048 * MIB,
      .unused_bytes = 416 * MIB,
      .free_bytes = 8192 * MIB},
     {0},
     2,
     "4 processors, memory for 2 (192.0 MiB each of 416.0 MiB that the control group has left)"},
    {"memory-of-the-machine",
     {.processors = 8,
      .limit_bytes = 8192 * MIB,
      .unused_bytes = 8000 * MIB,
      .free_bytes = 450 * MIB},
     {0},
     2,
     "8 processors, memory for 2 (192.0 MiB each of 450.0 MiB available)"},
    {"large-pictures",
     {.processors = 4, .limit_bytes = 512 * MIB, .unused_bytes = 490 * MIB},
     {.each_bytes = 237 * MIB},
     1,
     "4 processors, memory for 1 (237.0 MiB each of 490.0 MiB that the control group has left)"},
    {"small-pictures",
     {.processors = 4, .limit_bytes = 512 * MIB, .unused_bytes = 490 * MIB},
     {.each_bytes = 5 * MIB},
     2,
     NULL},
    {"one-has-just-begun",
     {.processors = 4, .unused_bytes = 486 * MIB, .limit_bytes = 512 * MIB},
     {.each_bytes = 237 * MIB, .held_bytes = 4 * MIB},
     1,
     NULL},
    {"one-holds-all-it-needs",
     {.processors = 4, .unused_bytes = 274 * MIB, .limit_bytes = 512 * MIB},
     {.each_bytes = 237 * MIB, .held_bytes = 236 * MIB},
     2,
     NULL},
    {"three-of-four",
     {.processors = 4, .free_bytes = 281 * MIB},
     {.each_bytes = 237 * MIB, .held_bytes = 474 * MIB},
     3,
     NULL},
    {"all-that-a-handler-may-take",
     {.processors = 4, .free_bytes = 2100 * MIB},
     {.each_bytes = 512 * MIB},
     4,
     NULL},
    {"next-to-nothing", {.processors = 8, .quota = 0.01, .free_bytes = MIB}, {0}, 1, NULL},
    {"nothing-left", {.processors = 8, .limit_bytes = 256 * MIB, .unused_bytes = 1}, {0}, 1, NULL},
};

static void test_concurrency(const void *data)
{
    const Case *row = data;
    g_autofree char *text = capacity_describe(&row->capacity, &row->load);
    g_assert_cmpint(capacity_concurrency(&row->capacity, &row->load), ==, row->expected);
    if (row->text)
        g_assert_cmpstr(text, ==, row->text);
}

/* A higher need counts at once. A lower one reduces the estimate over hundreds of pictures. */
static void test_learn(void)
{
    int64_t bytes = capacity_update_each(0, 20 * MIB);
    g_assert_cmpint(bytes, ==, 20 * MIB);
    bytes = capacity_update_each(bytes, 240 * MIB);
    g_assert_cmpint(bytes, ==, 240 * MIB);
    for (int i = 0; i < 10; i++)
        bytes = capacity_update_each(bytes, 20 * MIB);
    g_assert_cmpint(bytes, >, 200 * MIB);
    for (int i = 0; i < 300; i++)
        bytes = capacity_update_each(bytes, 20 * MIB);
    g_assert_cmpint(bytes, <, 25 * MIB);
    g_assert_cmpint(bytes, >=, 20 * MIB);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(reads); i++) {
        g_autofree char *path = g_strconcat("/capacity/read/", reads[i].name, NULL);
        g_test_add_data_func(path, &reads[i], test_read);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/capacity/concurrency/", cases[i].name, NULL);
        g_test_add_data_func(path, &cases[i], test_concurrency);
    }
    g_test_add_func("/capacity/learn", test_learn);
    return g_test_run();
}

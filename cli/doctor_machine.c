#include "doctor.h"

#include "file.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define GROUP "machine"

/* close_range, openat2, pidfds, and the word of forbidden calls. */
#define KERNEL_MAJOR 5
#define KERNEL_MINOR 9

/* What a bucket of a hundred thousand folders and a busy upload need. */
#define WATCHES_LOW 65536
#define EVENTS_LOW  16384

static void check_kernel(Doctor *doctor)
{
    struct utsname name;
    int major = 0, minor = 0;
    (void)uname(&name); /* fails for a bad address only */
    if (sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
        (major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR)))
        doctor_add(doctor, GROUP, "kernel", DOCTOR_OK, "%s %s, %s", name.sysname, name.release,
                   name.machine);
    else
        doctor_add(doctor, GROUP, "kernel", DOCTOR_FAILED, "%s %s; thumbq needs Linux %d.%d",
                   name.sysname, name.release, KERNEL_MAJOR, KERNEL_MINOR);
}

static void check_seccomp(Doctor *doctor)
{
    g_autofree char *actions =
        file_read("/proc/sys/kernel/seccomp/actions_avail", 4096, NULL, NULL);
    if (!actions)
        doctor_add(doctor, GROUP, "seccomp", DOCTOR_FAILED,
                   "the kernel has none, or /proc/sys is not there: workers cannot be locked in");
    else if (!strstr(actions, "kill_process"))
        doctor_add(doctor, GROUP, "seccomp", DOCTOR_FAILED, "it cannot kill a process");
    else
        doctor_add(doctor, GROUP, "seccomp", DOCTOR_OK, "%s", g_strchomp(actions));
}

static void check_landlock(Doctor *doctor)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version > 0)
        doctor_add(doctor, GROUP, "landlock", DOCTOR_OK, "version %ld", version);
    else
        doctor_add(doctor, GROUP, "landlock", DOCTOR_WARNING,
                   "%s: the filter of system calls alone keeps workers from files",
                   errno == EOPNOTSUPP ? "switched off (boot with lsm=landlock,...)"
                                       : "not in this kernel (since Linux 5.13)");
}

static void check_inotify(Doctor *doctor, const char *name, gint64 low, const char *what)
{
    g_autofree char *path = g_build_filename("/proc/sys/fs/inotify", name, NULL);
    g_autofree char *text = file_read(path, 64, NULL, NULL);
    gint64 value = text ? g_ascii_strtoll(text, NULL, 10) : 0;
    if (value >= low)
        doctor_add(doctor, GROUP, name, DOCTOR_OK, "%" G_GINT64_FORMAT " %s", value, what);
    else
        doctor_add(doctor, GROUP, name, DOCTOR_WARNING,
                   "%" G_GINT64_FORMAT " %s: for a large bucket, put "
                   "'fs.inotify.%s = %" G_GINT64_FORMAT "' into /etc/sysctl.d/thumbq.conf",
                   value, what, name, 8 * low);
}

void doctor_check_machine(Doctor *doctor)
{
    check_kernel(doctor);
    check_seccomp(doctor);
    check_landlock(doctor);
    check_inotify(doctor, "max_user_watches", WATCHES_LOW, "folders can be watched");
    check_inotify(doctor, "max_queued_events", EVENTS_LOW, "events can wait before a rescan");
}

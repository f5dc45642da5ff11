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
    bool is_off = version <= 0 && errno == EOPNOTSUPP;
    if (version > 0)
        doctor_add(doctor, GROUP, "landlock", DOCTOR_OK, "version %ld", version);
    else
        doctor_add(doctor, GROUP, "landlock", DOCTOR_WARNING,
                   "%s: the filter of system calls alone keeps workers from files",
                   is_off ? "switched off" : "not in this kernel");
    if (version <= 0)
        doctor_advise(doctor, is_off ? "boot with lsm=landlock,... on the kernel's command line"
                                     : "Linux 5.13 or newer has it");
}

void doctor_check_machine(Doctor *doctor)
{
    check_kernel(doctor);
    check_seccomp(doctor);
    check_landlock(doctor);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of `doctor` for the machine: kernel, seccomp, Landlock, concurrency. */
#include "doctor/doctor.h"

#include "base/capacity.h"
#include "base/file.h"
#include "base/scan.h"
#include "handlers/landlock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#define GROUP "machine"

/* The first kernel with close_range, openat2, pidfds, and seccomp's report of forbidden calls. */
#define KERNEL_MAJOR 5
#define KERNEL_MINOR 9

static void check_kernel(Doctor *doctor)
{
    struct utsname name;
    int major = 0, minor = 0;
    /* Fails only for a bad address. */
    (void)uname(&name);
    const char *at = name.release;
    if (scan_int(&at, G_MAXINT, &major) && scan_text(&at, ".") && scan_int(&at, G_MAXINT, &minor) &&
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

static const char *landlock_rights(int version)
{
    return version >= LANDLOCK_SCOPES    ? "files, network, local sockets, signals"
           : version >= LANDLOCK_NETWORK ? "files, network"
                                         : "files";
}

/* Reasons for a missing feature, and advice. */
static const struct {
    int errnum;
    const char *text, *advice;
} landlock_absences[] = {
    {EOPNOTSUPP, "switched off", "boot with lsm=landlock,... on the kernel's command line"},
    {EPERM, "refused by a filter around thumbq, as that of systemd-nspawn",
     "have the container's or service's filter let landlock_create_ruleset and "
     "landlock_restrict_self through; systemd-nspawn: --system-call-filter="},
    {ENOSYS, "not in this kernel", "Linux 5.13 or newer has it"},
};

static void check_landlock(Doctor *doctor)
{
    int version = landlock_version();
    int errnum = errno;
    size_t i = 0;
    if (version > 0) {
        doctor_add(doctor, GROUP, "landlock", DOCTOR_OK, "version %d: %s", version,
                   landlock_rights(version));
        return;
    }
    while (i + 1 < G_N_ELEMENTS(landlock_absences) && landlock_absences[i].errnum != errnum)
        i++;
    doctor_add(doctor, GROUP, "landlock", DOCTOR_WARNING,
               "%s: the filter of system calls alone keeps workers from files",
               landlock_absences[i].text);
    doctor_advise(doctor, "%s", landlock_absences[i].advice);
}

static void check_concurrency(Doctor *doctor)
{
    const CapacityLoad load = {0};
    Capacity capacity;
    capacity_read("", &capacity);
    g_autofree char *why = capacity_describe(&capacity, &load);
    doctor_add(doctor, GROUP, "concurrency", DOCTOR_OK, "auto is %d: %s",
               capacity_concurrency(&capacity, &load), why);
}

void doctor_check_machine(Doctor *doctor)
{
    check_kernel(doctor);
    check_seccomp(doctor);
    check_landlock(doctor);
    check_concurrency(doctor);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks the limits of inotify against a bucket's needs: a watch for each folder, a queue of events
 * for busy times, an instance for the daemon. The limits belong to the daemon's user, and may
 * differ from those of the user who runs the check.
 */
#include "doctor/doctor.h"

#include "base/file.h"
#include "base/units.h"

#include <errno.h>
#include <sys/inotify.h>

#define GROUP "machine"

/* The watcher leaves the same share of the watches to a bucket: one in this many. */
#define WATCHES_SHARE 2

/* Needs of a bucket of some size with many uploads. */
#define WATCHES_LOW   INT64_C(65536)
#define EVENTS_LOW    INT64_C(16384)
#define INSTANCES_LOW 16

static int64_t read_limit(const char *name)
{
    g_autofree char *path = g_build_filename("/proc/sys/fs/inotify", name, NULL);
    g_autofree char *text = file_read(path, 64, NULL, NULL);
    return text ? g_ascii_strtoll(text, NULL, 10) : 0;
}

/* Advises a higher limit, for now and for each start. */
static void advise_limit(Doctor *doctor, const char *name, int64_t value)
{
    doctor_advise(doctor,
                  "echo 'fs.inotify.%s = %" G_GINT64_FORMAT
                  "' | sudo tee -a /etc/sysctl.d/60-thumbq.conf && sudo sysctl --system",
                  name, value);
}

/* Checks the number of watches. Half of them are for the bucket, the rest for other programs of the
 * user. */
static void check_watches(Doctor *doctor, int64_t n_folders)
{
    int64_t value = read_limit("max_user_watches");
    int64_t wanted = n_folders < 0 ? WATCHES_LOW : MAX(2 * n_folders, 1024);
    g_autofree char *text = units_format_count(value);
    g_autofree char *n = units_format_count(MAX(n_folders, 0));
    int64_t share = value / WATCHES_SHARE;
    DoctorStatus status = share < n_folders ? DOCTOR_FAILED
                          : value < wanted  ? DOCTOR_WARNING
                                            : DOCTOR_OK;
    doctor_add(doctor, GROUP, "max_user_watches", status,
               "%s folders can be watched, half of them in a bucket%s%s", text,
               n_folders < 0 ? "" : ", the bucket has ", n_folders < 0 ? "" : n);
    if (status != DOCTOR_OK) {
        int64_t enough = 8 * WATCHES_LOW;
        while (enough < 4 * n_folders)
            enough *= 2;
        advise_limit(doctor, "max_user_watches", enough);
    }
}

static void check_events(Doctor *doctor)
{
    int64_t value = read_limit("max_queued_events");
    g_autofree char *text = units_format_count(value);
    doctor_add(doctor, GROUP, "max_queued_events", value < EVENTS_LOW ? DOCTOR_WARNING : DOCTOR_OK,
               "%s events can wait; more of them cause a scan of the bucket", text);
    if (value < EVENTS_LOW)
        advise_limit(doctor, "max_queued_events", 8 * EVENTS_LOW);
}

/* Checks that an instance is left by creating one. */
static void check_instances(Doctor *doctor)
{
    int64_t value = read_limit("max_user_instances");
    g_autofree char *text = units_format_count(value);
    autofd fd = inotify_init1(IN_CLOEXEC);
    int errnum = fd < 0 ? errno : 0;
    DoctorStatus status = fd < 0                  ? DOCTOR_FAILED
                          : value < INSTANCES_LOW ? DOCTOR_WARNING
                                                  : DOCTOR_OK;
    doctor_add(doctor, GROUP, "max_user_instances", status, "%s%s%s", text,
               errnum == 0 ? ", and there is one left for a daemon"
                           : ", and none is left for a daemon: ",
               errnum == 0 ? "" : g_strerror(errnum));
    if (status != DOCTOR_OK)
        advise_limit(doctor, "max_user_instances", MAX(4 * value, 128));
}

void doctor_check_inotify(Doctor *doctor, int64_t n_folders)
{
    check_watches(doctor, n_folders);
    check_events(doctor);
    check_instances(doctor);
}

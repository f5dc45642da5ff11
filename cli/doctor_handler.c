/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor.h"

#include "error.h"
#include "handler_path.h"
#include "prober.h"
#include "units.h"

#include <string.h>
#include <unistd.h>

/* ---- the worker, from outside -------------------------------------------------------------------
 */

static void add(Doctor *doctor, const char *name, bool holds, const char *yes, const char *no)
{
    doctor_add(doctor, "worker", name, holds ? DOCTOR_OK : DOCTOR_FAILED, "%s", holds ? yes : no);
}

static void add_user(Doctor *doctor, const ProberWorker *worker)
{
    if (worker->uid == geteuid() && worker->uid != 0)
        doctor_add(doctor, "worker", "user", DOCTOR_OK,
                   "as you, %u; each worker a user of its own where the daemon runs as root",
                   worker->uid);
    else if (worker->uid != 0)
        doctor_add(doctor, "worker", "user", DOCTOR_OK, "%u, of its own", worker->uid);
    else
        doctor_add(doctor, "worker", "user", DOCTOR_WARNING,
                   "root of a user namespace that has no users for workers (60706 to 61183)");
}

static void add_limit(Doctor *doctor, const char *name, int64_t value, bool is_bytes)
{
    g_autofree char *text = is_bytes ? units_format_bytes(value) : units_format_count(value);
    doctor_add(doctor, "worker", name, value >= 0 ? DOCTOR_OK : DOCTOR_FAILED, "%s",
               value >= 0 ? text : "not limited");
}

static void check_worker(Doctor *doctor, Prober *prober)
{
    g_autoptr(GError) error = NULL;
    ProberWorker worker;
    if (!prober_look(prober, &worker, &error)) {
        doctor_add(doctor, "worker", "state", DOCTOR_FAILED, "%s", error->message);
        return;
    }
    add_user(doctor, &worker);
    add(doctor, "capabilities", !worker.privileged, "none", "it has some");
    add(doctor, "no-new-privileges", worker.no_new_privileges, "set", "NOT set");
    add(doctor, "filter", worker.filtered, "system calls are filtered", "NO filter");
    if (worker.filtered)
        doctor_add(doctor, "worker", "violations", worker.told_from ? DOCTOR_OK : DOCTOR_WARNING,
                   "%s",
                   worker.told_from ? "reported by the name of the call"
                                    : "not named: the kernel gives no listener for the filter, as "
                                      "a container manager has one");
    add(doctor, "dumpable", !worker.dumpable, "no", "yes: others of its user can read it");
    add(doctor, "core-dumps", worker.core_max == 0, "none", "NOT switched off");
    add_limit(doctor, "descriptor-limit", worker.descriptors_max, false);
    add_limit(doctor, "memory-limit", worker.memory_max, true);
    add_limit(doctor, "output-limit", worker.output_max, true);
}

/* ---- the worker, from inside --------------------------------------------------------------------
 */

static const struct {
    DoctorStatus status;
    const char *text;
} verdicts[] = {
    [PROBER_CONTAINED] = {DOCTOR_OK, "contained"},
    [PROBER_OPEN] = {DOCTOR_FAILED, "NOT contained"},
    [PROBER_UNPROVEN] = {DOCTOR_FAILED, "unproven"},
};

/* The kernel does not count the threads of root. */
static bool is_excused(Probe probe, const ProberFinding *finding)
{
    return probe == PROBE_THREADS && finding->verdict == PROBER_OPEN && !prober_has_users() &&
           geteuid() == 0;
}

static void check_attempt(Doctor *doctor, Prober *prober, Probe probe)
{
    const ProbeRow *row = &probe_rows[probe];
    g_autoptr(GError) error = NULL;
    ProberFinding finding;
    if (!prober_try(prober, probe, &finding, &error))
        doctor_add(doctor, "sandbox", row->name, DOCTOR_FAILED, "%s: cannot be tried: %s",
                   row->about, error->message);
    else if (finding.verdict == PROBER_SHADOWED)
        doctor_add(doctor, "sandbox", row->name, DOCTOR_WARNING, "%s", finding.text);
    else if (is_excused(probe, &finding))
        doctor_add(doctor, "sandbox", row->name, DOCTOR_WARNING,
                   "%s: limited by memory and time only, as workers are root here", row->about);
    else
        doctor_add(doctor, "sandbox", row->name, verdicts[finding.verdict].status, "%s: %s, %s",
                   row->about, verdicts[finding.verdict].text, finding.text);
}

/* What the worker says of itself; empty where it says nothing. */
static char *ask(Prober *prober, Probe probe)
{
    ProberFinding finding;
    if (!prober_try(prober, probe, &finding, NULL) || finding.verdict != PROBER_CONTAINED)
        return NULL;
    return g_strdup(finding.text);
}

static void check_answers(Doctor *doctor, Prober *prober)
{
    g_autofree char *environment = ask(prober, PROBE_ENVIRONMENT);
    bool is_empty = environment && !*environment;
    doctor_add(doctor, "worker", "environment", is_empty ? DOCTOR_OK : DOCTOR_FAILED, "%s",
               is_empty      ? "nothing of the daemon's"
               : environment ? environment
                             : "not known");
    g_autofree char *libraries = ask(prober, PROBE_LIBRARIES);
    doctor_add(doctor, "formats", "libraries", libraries ? DOCTOR_OK : DOCTOR_FAILED, "%s",
               libraries ? libraries : "not known");
    g_autofree char *simd = ask(prober, PROBE_SIMD);
    bool is_used = simd && *simd;
    doctor_add(doctor, "formats", "simd", is_used ? DOCTOR_OK : DOCTOR_WARNING, "%s",
               is_used ? simd : "no gain from vector code could be measured in JPEG decoding");
}

/* ---- formats ------------------------------------------------------------------------------------
 */

/* Tiny pictures of the types that are read but never written. */
static const struct {
    ImageType type;
    const char *base64;
} originals[] = {
    {IMAGE_GIF, "R0lGODlhCAAIAPAAAP8AAAAAACH5BAAAAAAALAAAAAAIAAgAAAIHhI+py+1dAAA7"},
    {IMAGE_TIFF,
     "SUkqABgAAAB/f39/f39/f39/f39/f39/DQAAAQMAAQAAAAQAAAABAQMAAQAAAAQAAAACAQMAAQAAAAgAAAADAQMA"
     "AQAAAAEAAAAGAQMAAQAAAAEAAAAKAQMAAQAAAAEAAAARAQQAAQAAAAgAAAASAQMAAQAAAAEAAAAVAQMAAQAAAAEA"
     "AAAWAQMAAQAAAAQAAAAXAQQAAQAAABAAAAAcAQMAAQAAAAEAAAApAQMAAgAAAAAAAQAAAAAA"},
    {IMAGE_HEIC,
     "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAa1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAA"
     "AAAAAAAAAAAAAA5waXRtAAAAAAACAAAAEGlkYXQAAAAAABAAEAAAADhpbG9jAQAAAERAAAIAAQAAAAAAAAHRAAEA"
     "AAAAAAAAJgACAAEAAAAAAAAAAQAAAAAAAAAIAAAAOGlpbmYAAAAAAAIAAAAVaW5mZQIAAAEAAQAAaHZjMQAAAAAV"
     "aW5mZQIAAAAAAgAAZ3JpZAAAAADYaXBycAAAALZpcGNvAAAAdmh2Y0MBA3AAAAAAAAAAAAAe8AD8/fj4AAAPAyAA"
     "AQAYQAEMAf//A3AAAAMAkAAAAwAAAwAeugJAIQABACpCAQEDcAAAAwCQAAADAAADAB6gIIEFluqumubgQEDAgAAA"
     "AwCAAAADAIQiAAEABkQBwXPBiQAAABRpc3BlAAAAAAAAAEAAAABAAAAAFGlzcGUAAAAAAAAAEAAAABAAAAAQcGl4"
     "aQAAAAADCAgIAAAAGmlwbWEAAAAAAAAAAgABAoECAAICA4QAAAAaaXJlZgAAAAAAAAAOZGltZwACAAEAAQAAAC5t"
     "ZGF0AAAAIigBrwUSE0zg+rpSO5/jWHx8Bt5ez5Ws7xb8oJVaEJHxW0A="},
    {IMAGE_PNG, /* what the written ones are made of */
     "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAF0lEQVQoz2P8z0AaYCJR/aiGUQ1DSAMAQC4BHzia"
     "HckAAAAASUVORK5CYII="},
};

/* Without these, thumbq does not do what it is for. */
static bool is_essential(ImageType type)
{
    return type == IMAGE_JPEG || type == IMAGE_PNG || type == IMAGE_WEBP;
}

/* The bytes of a thumbnail in `format`, or NULL; adds a row for reading `type`. */
static GBytes *check_reading(Doctor *doctor, Prober *prober, GBytes *bytes, ImageType type)
{
    g_autoptr(GError) error = NULL;
    ImageFacts facts;
    static char names[IMAGE_TYPES][16];
    g_snprintf(names[type], sizeof names[type], "read-%s", image_type_name(type));
    GBytes *png = prober_convert(prober, bytes, FORMAT_PNG, &facts, &error);
    if (png && facts.type == type)
        doctor_add(doctor, "formats", names[type], DOCTOR_OK, "a picture of %d x %d was read",
                   facts.width, facts.height);
    else
        doctor_add(doctor, "formats", names[type],
                   is_essential(type) ? DOCTOR_FAILED : DOCTOR_WARNING, "%s",
                   error ? error->message : "it was taken for something else");
    return png;
}

/* Writes `source` as `format`, and reads what was written. */
static void check_writing(Doctor *doctor, Prober *prober, GBytes *source, Format format,
                          ImageType type, bool reads_it)
{
    g_autoptr(GError) error = NULL;
    ImageFacts facts;
    static char names[IMAGE_TYPES][16];
    g_snprintf(names[type], sizeof names[type], "write-%s", image_type_name(type));
    g_autoptr(GBytes) bytes = prober_convert(prober, source, format, &facts, &error);
    if (!bytes) {
        doctor_add(doctor, "formats", names[type],
                   is_essential(type) ? DOCTOR_FAILED : DOCTOR_WARNING, "%s", error->message);
        return;
    }
    doctor_add(doctor, "formats", names[type], DOCTOR_OK, "%zu bytes", g_bytes_get_size(bytes));
    if (reads_it) {
        GBytes *png = check_reading(doctor, prober, bytes, type);
        g_clear_pointer(&png, g_bytes_unref);
    }
}

static void check_formats(Doctor *doctor, Prober *prober)
{
    g_autoptr(GBytes) source = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(originals); i++) {
        gsize size;
        guchar *data = g_base64_decode(originals[i].base64, &size);
        g_autoptr(GBytes) bytes = g_bytes_new_take(data, size);
        g_clear_pointer(&source, g_bytes_unref);
        source = check_reading(doctor, prober, bytes, originals[i].type);
    }
    if (!source) /* PNG, the last one: without it there is nothing to write */
        return;
    check_writing(doctor, prober, source, FORMAT_PNG, IMAGE_PNG, false);
    check_writing(doctor, prober, source, FORMAT_JPEG, IMAGE_JPEG, true);
    check_writing(doctor, prober, source, FORMAT_WEBP, IMAGE_WEBP, true);
    check_writing(doctor, prober, source, FORMAT_AVIF, IMAGE_AVIF, true);
    check_writing(doctor, prober, source, FORMAT_JXL, IMAGE_JXL, false);
}

void doctor_check_handler(Doctor *doctor)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *program = handler_path(&error);
    g_autoptr(Prober) prober = program ? prober_open(program, &error) : NULL;
    if (!prober) {
        doctor_add(doctor, "worker", "start", DOCTOR_FAILED, "%s", error->message);
        return;
    }
    doctor_add(doctor, "worker", "start", DOCTOR_OK, "%s", program);
    check_worker(doctor, prober);
    for (Probe probe = PROBE_NONE + 1; probe < PROBES_END; probe++) {
        if (probe_rows[probe].end != PROBE_TOLD && prober_can_try(probe))
            check_attempt(doctor, prober, probe);
    }
    check_answers(doctor, prober);
    check_formats(doctor, prober);
}

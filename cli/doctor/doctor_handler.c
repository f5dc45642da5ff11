/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of `doctor` for the sandbox of a worker: what it is, and what it refuses. */
#include "doctor/doctor.h"

#include "base/error.h"
#include "base/units.h"
#include "handler_path.h"
#include "handlers/prober.h"
#include "handlers/programs.h"

#include <string.h>
#include <unistd.h>

/* Adds a row of the report about the worker: OK if the fact holds. */
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
    if (!prober_read_worker(prober, &worker, &error)) {
        doctor_add(doctor, "worker", "state", DOCTOR_FAILED, "%s", error->message);
        return;
    }
    add_user(doctor, &worker);
    add(doctor, "capabilities", !worker.privileged, "none", "it has some");
    add(doctor, "no-new-privileges", worker.no_new_privileges, "set", "NOT set");
    add(doctor, "filter", worker.filtered, "system calls are filtered", "NO filter");
    if (worker.filtered)
        doctor_add(doctor, "worker", "violations",
                   worker.reports_violations ? DOCTOR_OK : DOCTOR_WARNING, "%s",
                   worker.reports_violations
                       ? "reported by the name of the call"
                       : "not named: the kernel gives no listener for the filter, as "
                         "a container manager has one");
    add(doctor, "dumpable", !worker.dumpable, "no", "yes: others of its user can read it");
    add(doctor, "core-dumps", worker.core_max == 0, "none", "NOT switched off");
    add_limit(doctor, "descriptor-limit", worker.descriptors_max, false);
    add_limit(doctor, "memory-limit", worker.memory_max, true);
    add_limit(doctor, "output-limit", worker.output_max, true);
}

static const struct {
    DoctorStatus status;
    const char *text;
} verdicts[] = {
    [PROBER_CONTAINED] = {DOCTOR_OK, "contained"},
    [PROBER_OPEN] = {DOCTOR_FAILED, "NOT contained"},
    [PROBER_UNPROVEN] = {DOCTOR_FAILED, "unproven"},
};

/* Returns true for the limit of processes when root runs the worker: the kernel does not apply the
 * limit to root. */
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
                   "%s: limited only by memory and time, because workers run as root here",
                   row->about);
    else
        doctor_add(doctor, "sandbox", row->name, verdicts[finding.verdict].status, "%s: %s, %s",
                   row->about, verdicts[finding.verdict].text, finding.text);
}

/* Asks the worker about itself. Returns an empty text if it does not answer. */
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

/* Tiny pictures of the types that are only read. */
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
    /* The source of the pictures that are written. */
    {IMAGE_PNG,
     "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAF0lEQVQoz2P8z0AaYCJR/aiGUQ1DSAMAQC4BHzia"
     "HckAAAAASUVORK5CYII="},
};

/* Returns true for a format that thumbq cannot do without. */
static bool is_essential(ImageType type)
{
    return type == IMAGE_JPEG || type == IMAGE_PNG || type == IMAGE_WEBP;
}

/* Adds a row for reading `type`. Returns the bytes of a thumbnail in `format`, or NULL. */
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

/* Adds a row for writing `source` as `format`, after reading back the result. */
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
    /* PNG is the last row. Without it there is nothing to write. */
    if (!source)
        return;
    check_writing(doctor, prober, source, FORMAT_PNG, IMAGE_PNG, false);
    check_writing(doctor, prober, source, FORMAT_JPEG, IMAGE_JPEG, true);
    check_writing(doctor, prober, source, FORMAT_WEBP, IMAGE_WEBP, true);
    check_writing(doctor, prober, source, FORMAT_AVIF, IMAGE_AVIF, true);
    check_writing(doctor, prober, source, FORMAT_JXL, IMAGE_JXL, false);
}

static bool is_attempt(Probe probe)
{
    return probe_rows[probe].end != PROBE_ANSWERED && prober_can_try(probe);
}

/* Adds one row for a further handler program: the first attempt that is not contained, or all. */
static void check_further(Doctor *doctor, const HandlerProgram *row, const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Prober) prober = prober_open(path, row->calls, &error);
    ProberFinding finding;
    int n = 0;
    for (Probe probe = PROBE_NONE + 1; prober && probe < PROBES_END; probe++) {
        if (!is_attempt(probe))
            continue;
        if (!prober_try(prober, probe, &finding, &error))
            break;
        if (finding.verdict != PROBER_CONTAINED && finding.verdict != PROBER_SHADOWED &&
            !((row->calls & CALLS_THREADS) && is_excused(probe, &finding))) {
            doctor_add(doctor, "sandbox", row->name, DOCTOR_FAILED,
                       "handler program '%s': %s: %s, %s", path, probe_rows[probe].about,
                       verdicts[finding.verdict].text, finding.text);
            return;
        }
        n++;
    }
    if (error)
        doctor_add(doctor, "sandbox", row->name, DOCTOR_FAILED, "%s", error->message);
    else
        doctor_add(doctor, "sandbox", row->name, DOCTOR_OK,
                   "handler program '%s': %d attempts, all contained", path, n);
}

/* Checks the handler programs beside the first one, as far as they are installed. */
static void check_programs(Doctor *doctor, const char *first)
{
    size_t n;
    const HandlerProgram *rows = program_table(&n);
    for (size_t i = PROGRAM_FIRST + 1; i < n; i++) {
        g_autofree char *path = program_path(first, rows[i].executable);
        if (program_is_installed(i, first))
            check_further(doctor, &rows[i], path);
        else
            doctor_add(doctor, "sandbox", rows[i].name, DOCTOR_OK,
                       "handler program '%s': not installed, package '%s'", path, rows[i].package);
    }
}

void doctor_check_handler(Doctor *doctor)
{
    g_autoptr(GError) error = NULL;
    size_t n;
    unsigned calls = program_table(&n)[PROGRAM_FIRST].calls;
    g_autofree char *program = handler_path(&error);
    g_autoptr(Prober) prober = program ? prober_open(program, calls, &error) : NULL;
    if (!prober) {
        doctor_add(doctor, "worker", "start", DOCTOR_FAILED, "%s", error->message);
        return;
    }
    doctor_add(doctor, "worker", "start", DOCTOR_OK, "%s", program);
    check_worker(doctor, prober);
    for (Probe probe = PROBE_NONE + 1; probe < PROBES_END; probe++) {
        if (is_attempt(probe))
            check_attempt(doctor, prober, probe);
    }
    check_programs(doctor, program);
    check_answers(doctor, prober);
    check_formats(doctor, prober);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/trigger_letter.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/trusted.h"
#include "daemon/paths.h"
#include "model/object.h"
#include "rules/trigger_payload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Returns the real path of the folder or, if it is not there yet, of the nearest one above it. */
static char *real_path(const char *folder)
{
    g_autofree char *at = g_strdup(folder);

    for (;;) {
        char *real = realpath(at, NULL);
        if (real || at[1] == '\0')
            return real;
        char *above = g_path_get_dirname(at);
        g_free(at);
        at = above;
    }
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* True if the path, or a folder above it, is the bucket; false if the state folder comes first. */
static bool lies_in_bucket(const char *path, const char *bucket, const char *state)
{
    struct stat of_bucket, of_state, st;
    bool has_state = stat(state, &of_state) == 0;
    g_autofree char *at = g_strdup(path);

    if (stat(bucket, &of_bucket) != 0)
        return false;
    for (;;) {
        bool is_known = stat(at, &st) == 0;
        if (is_known && has_state && is_same(&st, &of_state))
            return false;
        if (is_known && is_same(&st, &of_bucket))
            return true;
        if (at[1] == '\0')
            return false;
        char *above = g_path_get_dirname(at);
        g_free(at);
        at = above;
    }
}

/* Returns true if the folder for dead letters is in the bucket, where each letter would become an
 * object. */
static bool is_refused(const char *folder, const char *bucket, const char *state)
{
    /* Other paths are below the state folder. */
    if (folder[0] != '/')
        return false;
    g_autofree char *plain = g_canonicalize_filename(folder, "/");
    char *real = real_path(plain);
    bool is_of_state = object_key_is_below(plain, state);
    bool is_in_bucket =
        object_key_is_below(plain, bucket) || (real && lies_in_bucket(real, bucket, state));

    free(real);
    return is_in_bucket && !is_of_state;
}

bool trigger_letter_check(const char *bucket, const Config *config, GError **error)
{
    g_autofree char *state = daemon_state_path(bucket, config);

    for (size_t i = 0; i < config->n_triggers; i++) {
        const TriggerConfig *trigger = &config->triggers[i];
        if (is_refused(trigger->on_failure, bucket, state)) {
            g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                        "[trigger %s] on_failure: '%s' is in the bucket, so that each dead letter "
                        "would be a new object with an event of its own; name a folder outside "
                        "it, or one below the state folder",
                        trigger->name, trigger->on_failure);
            return false;
        }
    }
    return true;
}

char *trigger_letter_text(const char *trigger, const Delivery *delivery, int64_t now_us)
{
    char now[CLOCK_TEXT_MAX];
    const char *condition =
        delivery->state == DELIVERY_RANGE ? "EventAgeExceeded" : "RetriesExhausted";
    json_t *context = json_pack("{s:s, s:s, s:I, s:o, s:o, s:I}", "trigger", trigger, "condition",
                                condition, "approximateInvokeCount", (json_int_t)delivery->attempts,
                                "firstSequencer", json_sprintf("%016" PRIX64, delivery->first),
                                "lastSequencer", json_sprintf("%016" PRIX64, delivery->last),
                                "events", (json_int_t)delivery->n_events);
    json_t *record =
        json_pack("{s:s, s:s, s:o, s:{s:o}, s:{s:s}}", "version", "1.0", "timestamp",
                  clock_format_millis(now_us, now), "requestContext", context, "requestPayload",
                  "Records", trigger_payload_records(delivery->input), "responsePayload",
                  "errorMessage", delivery->error);
    char *text = json_dumps(record, JSON_COMPACT);

    json_decref(record);
    return text;
}

static int open_folder(int state_fd, const char *folder, GError **error)
{
    if (folder[0] != '/')
        return trusted_open_folder(state_fd, folder, true, error);
    if (!file_make_folders(AT_FDCWD, folder, error))
        return -1;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        error_set_errno(error, errno, "cannot open the folder of dead letters", folder);
    return fd;
}

/* Writes the text to a file in the folder. The mode lets other users read it in an absolute folder.
 * */
static bool write_file(int folder_fd, const char *name, mode_t mode, const char *text)
{
    autofd fd =
        openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);

    return fd >= 0 && dprintf(fd, "%s\n", text) >= 0 && fsync(fd) == 0;
}

bool trigger_letter_write(int state_fd, const char *folder, const char *trigger,
                          const Delivery *delivery, int64_t now_us, GError **error)
{
    g_autofree char *name = g_strdup_printf("%s-%016" PRIX64 ".json", trigger, delivery->first);
    g_autofree char *temporary = g_strdup_printf(".%s.tmp", name);
    autofd folder_fd = open_folder(state_fd, folder, error);

    if (folder_fd < 0)
        return false;
    char *text = trigger_letter_text(trigger, delivery, now_us);
    bool ok = write_file(folder_fd, temporary, folder[0] == '/' ? 0666 : 0600, text) &&
              renameat(folder_fd, temporary, folder_fd, name) == 0 && fsync(folder_fd) == 0;
    free(text);
    if (!ok) {
        g_autofree char *path = g_strdup_printf("%s/%s", folder, name);
        error_set_errno(error, errno, "cannot write the dead letter", path);
        /* Readers ignore a temporary file that stays. */
        (void)unlinkat(folder_fd, temporary, 0);
    }
    return ok;
}

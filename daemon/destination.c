/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_private.h"

#include "clock.h"
#include "error.h"
#include "failpoint.h"
#include "file.h"
#include "layout.h"
#include "log.h"
#include "s3_event.h"
#include "trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As 'thumbq list --json' has them. */
static json_t *thumbnails_json(const Record *record, const char *prefix, const char *key)
{
    json_t *thumbnails = json_array();

    for (size_t i = 0; i < record->n_thumbnails; i++) {
        const RecordThumbnail *made = &record->thumbnails[i];
        const ThumbnailFacts *facts = &made->facts;
        bool encoded;
        g_autofree char *path = layout_thumbnail_key(prefix, made->rendition, key, facts->type);
        g_autofree char *text = object_key_to_text(path, &encoded);
        json_t *thumbnail =
            json_pack("{s:s, s:s, s:s, s:i, s:i, s:I}", "rendition", made->rendition, "path", text,
                      "type", image_type_name(facts->type), "width", facts->width, "height",
                      facts->height, "size", (json_int_t)facts->size);
        if (encoded)
            json_object_set_new(thumbnail, "path_encoding", json_string("percent"));
        json_array_append_new(thumbnails, thumbnail);
    }
    return thumbnails;
}

static json_t *payload_json(const Job *job, const Record *record)
{
    if (record->state != STATE_DEAD)
        return json_pack("{s:o}", "thumbnails",
                         thumbnails_json(record, job->daemon->config->prefix, job->key));
    g_autofree char *message = g_utf8_make_valid(record->message, -1);
    return json_pack("{s:s, s:s}", "errorMessage", message, "errorType", error_name(record->error));
}

/* Lambda has no name for what is given up without a retry. */
static const char *condition_of(const Record *record)
{
    if (record->state != STATE_DEAD)
        return "Success";
    return error_class(record->error) == ERROR_CLASS_REJECT ? "Rejected" : "RetriesExhausted";
}

/* Lambda's record of an asynchronous invocation; source: AWS Lambda developer guide,
 * "Destinations". */
static json_t *record_json(const Job *job, const Record *record)
{
    char now[CLOCK_TEXT_MAX];
    g_autofree char *id = record_request_id(job->request_id);
    bool failed = record->state == STATE_DEAD;
    const StoreEvent event = {
        .sequencer = record->sequencer,
        .time_us = record->uploaded_us,
        .type = STORE_EVENT_CREATED,
        .object_id = record->id,
        .size = record->version.size,
        .key = job->key,
    };

    json_t *context = json_pack("{s:s, s:s, s:s, s:i}", "requestId", id, "functionArn",
                                "arn:aws:lambda:local:0:function:thumbnail:$LATEST", "condition",
                                condition_of(record), "approximateInvokeCount", record->attempts);
    json_t *response = json_pack("{s:i, s:s}", "statusCode", 200, "executedVersion", "$LATEST");
    if (failed)
        json_object_set_new(response, "functionError", json_string("Unhandled"));
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "version", "1.0", "timestamp",
                     clock_format_millis(clock_wall_us(), now), "requestContext", context,
                     "requestPayload", s3_event_json(&event, job->daemon->options->bucket, NULL),
                     "responseContext", response, "responsePayload", payload_json(job, record));
}

int destination_open_folder(const Daemon *daemon, const char *setting, bool make, GError **error)
{
    if (setting[0] != '/')
        return trusted_open_folder(daemon->lock.folder_fd, setting, make, error);
    if (make && !file_make_folders(AT_FDCWD, setting, error))
        return -1;
    int fd = open(setting, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        error_set_errno(error, errno, "cannot open the folder of destination records", setting);
    return fd;
}

/* Under a name that readers overlook until it is whole. */
static bool write_file(const Daemon *daemon, const char *setting, const char *id, const char *text,
                       GError **error)
{
    g_autofree char *temporary = g_strdup_printf(".%s.tmp", id);
    g_autofree char *name = g_strdup_printf("%s.json", id);
    autofd folder_fd = destination_open_folder(daemon, setting, true, error);
    if (folder_fd < 0)
        return false;
    autofd fd = openat(folder_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                       setting[0] == '/' ? 0666 : 0600);

    if (fd < 0 || FAILPOINT("destination.write", dprintf(fd, "%s\n", text)) < 0 ||
        FAILPOINT("destination.sync", fdatasync(fd)) != 0 ||
        FAILPOINT("destination.rename", renameat(folder_fd, temporary, folder_fd, name)) != 0) {
        int errnum = errno;
        g_autofree char *path = g_build_filename(setting, name, NULL);
        error_set_errno(error, errnum, "cannot write the destination record", path);
        return false;
    }
    return true;
}

void destination_write(const Job *job, const Record *record)
{
    const Config *config = job->daemon->config;
    g_autoptr(GError) error = NULL;
    const char *setting = record->state == STATE_DEAD   ? config->on_failure
                          : record->state == STATE_DONE ? config->on_success
                                                        : "";

    if (!*setting)
        return;
    g_autofree char *id = record_request_id(job->request_id);
    json_t *json = record_json(job, record);
    char *text = json_dumps(json, JSON_COMPACT);

    /* The work itself is done: a destination that fails is said, and holds nothing up. */
    if (!write_file(job->daemon, setting, id, text, &error)) {
        log_warning("%s", error->message);
        store_measure(job->daemon->store, METRIC_DEAD_LETTER_ERRORS, clock_wall_us(), 1);
    }
    free(text);
    json_decref(json);
}

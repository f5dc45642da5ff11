/* SPDX-License-Identifier: Apache-2.0 */
#include "control/control_request.h"

#include "control_fields.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#define FIELDS_MAX 16

typedef enum {
    PAYLOAD_NONE = 0,
    /* A sequence of texts, at least one. */
    PAYLOAD_WORDS,
    /* One text that is not empty. */
    PAYLOAD_TEXT,
} PayloadKind;

#define OF_REQUEST(kind, member, min, max)                                                         \
    {                                                                                              \
        FIELD_##kind, offsetof(ControlRequest, member), min, max                                   \
    }
#define OF_ANSWER(kind, member, min, max)                                                          \
    {                                                                                              \
        FIELD_##kind, offsetof(ControlAnswer, member), min, max                                    \
    }

/* The fields of a ControlJobAnswer. */
#define JOB_FIELDS                                                                                 \
    {                                                                                              \
        OF_ANSWER(U32, job.id, 1, UINT32_MAX), OF_ANSWER(U32, job.state, 1, UINT8_MAX),            \
            OF_ANSWER(BOOL, job.is_cancelled, 0, 1), OF_ANSWER(U64, job.total, 0, UINT64_MAX),     \
            OF_ANSWER(U64, job.queued, 0, UINT64_MAX), OF_ANSWER(U64, job.done, 0, UINT64_MAX),    \
            OF_ANSWER(U64, job.failed, 0, UINT64_MAX), OF_ANSWER(U64, job.gone, 0, UINT64_MAX),    \
            OF_ANSWER(U64, job.submitted_us, 0, INT64_MAX),                                        \
            OF_ANSWER(U64, job.started_us, 0, INT64_MAX),                                          \
            OF_ANSWER(U64, job.ended_us, 0, INT64_MAX),                                            \
            OF_ANSWER(SENTENCE, job.filter, 0, CONTROL_FILTER_MAX - 1),                            \
            OF_ANSWER(BOOL, job.is_new, 0, 1), OF_ANSWER(BOOL, job.changed, 0, 1)                  \
    }

typedef struct {
    const char *name;
    uint16_t version;
    ControlFlags flags;
    PayloadKind payload;
    RequestField request[FIELDS_MAX];
    RequestField answer[FIELDS_MAX];
} RequestRow;

static const RequestRow rows[CONTROL_TYPES] = {
    [CONTROL_SYNC] = {"sync", 1, CONTROL_CHANGES, PAYLOAD_NONE, {{0}}, {{0}}},
    [CONTROL_SWEEP] = {"sweep",
                       1,
                       CONTROL_CHANGES,
                       PAYLOAD_NONE,
                       {OF_REQUEST(TEXT, sweep.kinds, 1, 64), OF_REQUEST(BOOL, sweep.dry_run, 0, 1),
                        OF_REQUEST(BOOL, sweep.include_away, 0, 1),
                        OF_REQUEST(BOOL, sweep.is_verbose, 0, 1)},
                       {OF_ANSWER(SENTENCE, sweep.text, 0, CONTROL_SENTENCE_MAX - 1)}},
    [CONTROL_EDIT] = {"edit",
                      2,
                      CONTROL_CHANGES,
                      PAYLOAD_NONE,
                      {OF_REQUEST(U32, edit.action, CONTROL_EDIT_RETRY, CONTROL_EDIT_DROP),
                       OF_REQUEST(TEXT, edit.filter, 0, CONTROL_FILTER_MAX - 1)},
                      {OF_ANSWER(U64, edit.changed, 0, UINT64_MAX)}},
    [CONTROL_JOB_SUBMIT] = {"job submit",
                            2,
                            CONTROL_CHANGES,
                            PAYLOAD_NONE,
                            {OF_REQUEST(U64, job_submit.total, 0, UINT64_MAX),
                             OF_REQUEST(TEXT, job_submit.filter, 0, CONTROL_FILTER_MAX - 1)},
                            JOB_FIELDS},
    [CONTROL_JOB_WAIT] = {"job wait",
                          2,
                          CONTROL_CHANGES,
                          PAYLOAD_NONE,
                          {OF_REQUEST(U32, job.id, 1, UINT32_MAX)},
                          JOB_FIELDS},
    [CONTROL_JOB_CANCEL] = {"job cancel",
                            2,
                            CONTROL_CHANGES,
                            PAYLOAD_NONE,
                            {OF_REQUEST(U32, job.id, 1, UINT32_MAX)},
                            JOB_FIELDS},
    [CONTROL_QUESTION] = {"question",
                          1,
                          CONTROL_READS,
                          PAYLOAD_WORDS,
                          {OF_REQUEST(TEXT, question.after, 0, CONTROL_TEXT_MAX - 1),
                           OF_REQUEST(U32, question.rows, 1, CONTROL_ROWS_MAX),
                           OF_REQUEST(U32, question.style, 0, CONTROL_STYLES),
                           OF_REQUEST(U32, question.width, 0, UINT16_MAX),
                           OF_REQUEST(BOOL, question.wait, 0, 1)},
                          {OF_ANSWER(U32, question.status, 0, UINT8_MAX),
                           OF_ANSWER(BOOL, question.reset, 0, 1)}},
    [CONTROL_TRIGGER] = {"trigger",
                         1,
                         CONTROL_CHANGES,
                         PAYLOAD_NONE,
                         {OF_REQUEST(U32, trigger.action, CONTROL_TRIGGER_PAUSE,
                                     CONTROL_TRIGGER_DROP),
                          OF_REQUEST(U64, trigger.to, 0, INT64_MAX),
                          OF_REQUEST(TEXT, trigger.name, 0, 31)},
                         {OF_ANSWER(U64, trigger.changed, 0, UINT64_MAX)}},
    [CONTROL_COMMIT] = {"commit", 1, CONTROL_CHANGES, PAYLOAD_NONE, {{0}}, {{0}}},
    [CONTROL_INVOKE] =
        {"invoke",
         2,
         CONTROL_INVOKES,
         PAYLOAD_TEXT,
         {OF_REQUEST(TEXT, invoke.function, 1, CONTROL_FUNCTION_MAX - 1),
          OF_REQUEST(TEXT, invoke.bucket, 1, PATH_MAX - 1), OF_REQUEST(TEXT, invoke.trigger, 1, 31),
          OF_REQUEST(U64, invoke.epoch, 0, UINT64_MAX),
          OF_REQUEST(U64, invoke.first, 1, UINT64_MAX), OF_REQUEST(U64, invoke.last, 1, UINT64_MAX),
          OF_REQUEST(U32, invoke.generation, 0, UINT32_MAX),
          OF_REQUEST(U32, invoke.n_events, 1, UINT32_MAX),
          OF_REQUEST(U64, invoke.events_hash, 0, UINT64_MAX)},
         {OF_ANSWER(U32, invoke.verdict, CONTROL_INVOKE_ACCEPTED, CONTROL_INVOKE_REFUSED),
          OF_ANSWER(U64, invoke.first, 1, UINT64_MAX), OF_ANSWER(U64, invoke.last, 1, UINT64_MAX),
          OF_ANSWER(U32, invoke.generation, 0, UINT32_MAX),
          OF_ANSWER(U32, invoke.retry_ms, 0, CONTROL_INVOKE_RETRY_MAX_MS),
          OF_ANSWER(SENTENCE, invoke.text, 0, CONTROL_SENTENCE_MAX - 1)}},
};

static const RequestField progress_fields[] = {
    {FIELD_U64, offsetof(ProgressCount, done), 0, UINT64_MAX},
    {FIELD_U64, offsetof(ProgressCount, total), 0, UINT64_MAX},
    {FIELD_U64, offsetof(ProgressCount, failed), 0, UINT64_MAX},
    {FIELD_BOOL, offsetof(ProgressCount, is_growing), 0, 1},
    {0},
};

typedef struct {
    const char *text;
} Item;

static const RequestField item_fields[] = {
    {FIELD_TEXT, offsetof(Item, text), 0, CONTROL_TEXT_MAX - 1},
    {0},
};

typedef struct {
    uint32_t code;
    char text[CONTROL_SENTENCE_MAX];
} Refusal;

static const RequestField refusal_fields[] = {
    {FIELD_U32, offsetof(Refusal, code), 1, UINT16_MAX},
    {FIELD_SENTENCE, offsetof(Refusal, text), 0, CONTROL_SENTENCE_MAX - 1},
    {0},
};

static const RequestRow *find_row(unsigned type)
{
    return type < CONTROL_TYPES && rows[type].name ? &rows[type] : NULL;
}

const char *control_request_name(unsigned type)
{
    const RequestRow *row = find_row(type);
    return row ? row->name : NULL;
}

ControlFlags control_request_flags(ControlType type)
{
    return rows[type].flags;
}

/* Checks that the payload is of its kind, and each text has its final NUL. */
static bool payload_fits(PayloadKind kind, const char *payload, size_t len)
{
    switch (kind) {
    case PAYLOAD_WORDS:
        return len > 0 && payload[len - 1] == '\0';
    case PAYLOAD_TEXT:
        return len > 1 && memchr(payload, '\0', len) == payload + len - 1;
    case PAYLOAD_NONE:
        break;
    }
    return len == 0;
}

const char *control_request_next(const ControlRequest *request, const char *text)
{
    size_t at = text ? (size_t)(text - request->payload) + strlen(text) + 1 : 0;

    return at < request->payload_len ? request->payload + at : NULL;
}

static bool make_packet(uint16_t type, uint16_t version, const RequestField *fields,
                        const void *data, const char *payload, size_t payload_len,
                        ControlPacket *ret_packet, GError **error)
{
    uint8_t buffer[CONTROL_FIELDS_MAX];
    ControlFrame frame = {.type = type,
                          .row_version = version,
                          .fields = buffer,
                          .payload = (const uint8_t *)payload,
                          .payload_len = payload_len};

    if (!control_fields_pack(fields, data, buffer, &frame.fields_len)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "a value is too long, or not within limits");
        return false;
    }
    return control_packet_make(frame, ret_packet, error);
}

bool control_request_format(const ControlRequest *request, ControlPacket *ret_packet,
                            GError **error)
{
    const RequestRow *row = find_row(request->type);
    bool fits = row && payload_fits(row->payload, request->payload, request->payload_len);

    if (!fits || request->payload_len > CONTROL_PAYLOAD_MAX) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "there is no such request");
        return false;
    }
    return make_packet((uint16_t)request->type, row->version, row->request, request,
                       request->payload, request->payload_len, ret_packet, error);
}

static bool check_row(const RequestRow *row, const ControlFrame *frame, const char *what,
                      GError **error)
{
    if (!row) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "unknown request");
        return false;
    }
    if (frame->row_version == row->version)
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "%s '%s' is of another version of thumbq", what,
                row->name);
    return false;
}

bool control_request_parse(const ControlFrame *frame, ControlRequest *ret_request, GError **error)
{
    const RequestRow *row = find_row(frame->type);
    ControlRequest request = {.type = frame->type};

    if (!check_row(row, frame, "the request", error))
        return false;
    if (!control_fields_unpack(row->request, frame, &request) ||
        !payload_fits(row->payload, (const char *)frame->payload, frame->payload_len)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_PROTOCOL, "the request '%s' is malformed",
                    row->name);
        return false;
    }
    request.payload = row->payload != PAYLOAD_NONE ? (const char *)frame->payload : NULL;
    request.payload_len = frame->payload_len;
    *ret_request = request;
    return true;
}

bool control_answer_format(ControlType type, const ControlAnswer *answer, ControlPacket *ret_packet,
                           GError **error)
{
    const RequestRow *row = find_row(type);

    g_assert(row);
    if (type != CONTROL_QUESTION)
        return make_packet(CONTROL_FRAME_ANSWER, row->version, row->answer, answer, NULL, 0,
                           ret_packet, error);
    /* The payload is `next`, a NUL, then the output. */
    g_autoptr(GString) payload = g_string_sized_new(answer->question.output_len + 64);
    g_string_append_len(payload, answer->question.next, (gssize)strlen(answer->question.next) + 1);
    g_string_append_len(payload, answer->question.output, (gssize)answer->question.output_len);
    if (payload->len > CONTROL_PAYLOAD_MAX) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "the answer is too long");
        return false;
    }
    return make_packet(CONTROL_FRAME_ANSWER, row->version, row->answer, answer, payload->str,
                       payload->len, ret_packet, error);
}

bool control_answer_parse(ControlType type, const ControlFrame *frame, ControlAnswer *ret_answer,
                          GError **error)
{
    const RequestRow *row = find_row(type);
    ControlAnswer answer = {0};

    g_assert(row);
    bool has_payload = type == CONTROL_QUESTION;
    size_t next_len = has_payload && frame->payload
                          ? strnlen((const char *)frame->payload, frame->payload_len)
                          : 0;
    if (frame->type != CONTROL_FRAME_ANSWER || (!has_payload && frame->payload_len > 0)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_PROTOCOL, "the packet is not an answer");
        return false;
    }
    if (!check_row(row, frame, "the answer to", error))
        return false;
    if (!control_fields_unpack(row->answer, frame, &answer) ||
        (has_payload && (next_len >= frame->payload_len || next_len >= CONTROL_TEXT_MAX))) {
        g_set_error(error, THUMBQ_ERROR, ERROR_PROTOCOL, "the answer to '%s' is malformed",
                    row->name);
        return false;
    }
    if (has_payload) {
        const char *payload = (const char *)frame->payload;
        answer.question.next = g_strndup(payload, next_len);
        answer.question.output_len = frame->payload_len - next_len - 1;
        answer.question.output = g_malloc(answer.question.output_len + 1);
        memcpy(answer.question.output, payload + next_len + 1, answer.question.output_len);
        answer.question.output[answer.question.output_len] = '\0';
    }
    *ret_answer = answer;
    return true;
}

void control_answer_clear(ControlType type, ControlAnswer *answer)
{
    if (type == CONTROL_QUESTION) {
        g_free(answer->question.next);
        g_free(answer->question.output);
    }
    *answer = (ControlAnswer){0};
}

bool control_progress_format(const ProgressCount *count, ControlPacket *ret_packet, GError **error)
{
    return make_packet(CONTROL_FRAME_PROGRESS, 0, progress_fields, count, NULL, 0, ret_packet,
                       error);
}

static bool parse_news(const ControlFrame *frame, unsigned type, const RequestField *fields,
                       void *ret_data)
{
    return frame->type == type && frame->row_version == 0 && frame->payload_len == 0 &&
           control_fields_unpack(fields, frame, ret_data);
}

bool control_progress_parse(const ControlFrame *frame, ProgressCount *ret_count)
{
    ProgressCount count = {0};

    if (!parse_news(frame, CONTROL_FRAME_PROGRESS, progress_fields, &count))
        return false;
    *ret_count = count;
    return true;
}

bool control_item_format(const char *text, ControlPacket *ret_packet, GError **error)
{
    g_autofree char *cut = g_strndup(text, CONTROL_TEXT_MAX - 1);
    const Item item = {cut};

    return make_packet(CONTROL_FRAME_ITEM, 0, item_fields, &item, NULL, 0, ret_packet, error);
}

bool control_item_parse(const ControlFrame *frame, char ret_text[static CONTROL_TEXT_MAX])
{
    Item item;

    if (!parse_news(frame, CONTROL_FRAME_ITEM, item_fields, &item))
        return false;
    g_strlcpy(ret_text, item.text, CONTROL_TEXT_MAX);
    return true;
}

bool control_error_format(ErrorCode code, const char *text, ControlPacket *ret_packet,
                          GError **error)
{
    Refusal refusal = {.code = (uint32_t)code};

    g_strlcpy(refusal.text, text, sizeof refusal.text);
    return make_packet(CONTROL_FRAME_ERROR, 0, refusal_fields, &refusal, NULL, 0, ret_packet,
                       error);
}

bool control_error_parse(const ControlFrame *frame, ErrorCode *ret_code,
                         char ret_text[static CONTROL_SENTENCE_MAX])
{
    Refusal refusal = {0};

    if (!parse_news(frame, CONTROL_FRAME_ERROR, refusal_fields, &refusal))
        return false;
    *ret_code = (ErrorCode)refusal.code;
    g_strlcpy(ret_text, refusal.text, CONTROL_SENTENCE_MAX);
    return true;
}

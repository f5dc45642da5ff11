/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests that a running process answers. One table in control_request.c has a row for each
 * request: its version, its fields and the fields of its answer. Commands format requests with it,
 * servers parse requests with it, and work without a daemon uses the same structs. A process that
 * runs a request registers a function for its row (control_server.h, work.h): this room knows no
 * daemon.
 *
 * The parser refuses integers outside of the range in their row, and all bytes that the encoder
 * would not write. Parsed texts are borrowed from the frame.
 */
#pragma once

#include "base/progress_count.h"
#include "control/control_frame.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Types of requests. Values are added, never renumbered. */
typedef enum {
    /* Answered when all objects that were in the bucket at the time of the request are handled. */
    CONTROL_SYNC = 1,
    /* Runs sweeps. With `is_verbose`, each item is a line "KIND TAB NAME TAB REASON". */
    CONTROL_SWEEP = 2,
    /* Retries the dead objects that a filter selects, or gives them up for good. Answered when the
     * change is on disk. */
    CONTROL_EDIT = 3,
    /* Submits a back-fill job. Answered when the job is on disk. */
    CONTROL_JOB_SUBMIT = 4,
    CONTROL_JOB_WAIT = 5,
    CONTROL_JOB_CANCEL = 6,
    /*
     * Answered when all changes before the request are on disk and visible to readers of the store.
     */
    CONTROL_COMMIT = 7,
    /* Returns one page of the output of a command that only reads. Sent to a query socket. */
    CONTROL_QUESTION = 8,
    /* Changes a trigger or its dead letters. Answered when the change is on disk. */
    CONTROL_TRIGGER = 9,
    /* Calls a function later. Accepted when the call is in the receiver's queue, on disk. Sent to
     * an invoke socket (invoke_socket.h). */
    CONTROL_INVOKE = 10,
} ControlType;
#define CONTROL_TYPES 11

typedef enum {
    /* Changes nothing: allowed at a query socket. */
    CONTROL_READS = 1 << 0,
    /* Changes the store. */
    CONTROL_CHANGES = 1 << 1,
    /* Calls a function: allowed at an invoke socket alone. */
    CONTROL_INVOKES = 1 << 2,
} ControlFlags;

/* Bytes of a text in a request, with the final NUL. */
#define CONTROL_TEXT_MAX 16384
/* Bytes of a text in an answer, with the final NUL. */
#define CONTROL_SENTENCE_MAX 1024
/* Bytes of a filter, with the final NUL. */
#define CONTROL_FILTER_MAX 4096

typedef struct {
    /* "all", "orphans" and so on, as in sweep.h. */
    const char *kinds;
    bool dry_run, include_away;
    /* Send an item for each change that is made, or would be made. */
    bool is_verbose;
} ControlSweep;

/* Sent, but not stored. Values are never renumbered. */
typedef enum { CONTROL_EDIT_RETRY = 0, CONTROL_EDIT_DROP = 1 } ControlEditAction;

typedef struct {
    /* A ControlEditAction. */
    uint32_t action;
    /* Text form of the filter, as in filter_text.h. */
    const char *filter;
} ControlEdit;

/* Sent, but not stored. Values are never renumbered. */
typedef enum {
    CONTROL_TRIGGER_PAUSE = 0,
    CONTROL_TRIGGER_RESUME = 1,
    /* Sets the cursor back to `to`. */
    CONTROL_TRIGGER_REWIND = 2,
    /* Tries its dead letters again, or removes them. */
    CONTROL_TRIGGER_RETRY = 3,
    CONTROL_TRIGGER_DROP = 4,
} ControlTriggerAction;

typedef struct {
    /* A ControlTriggerAction. */
    uint32_t action;
    /* Sequencer, see store/store_triggers.h. */
    uint64_t to;
    /* "" for dead letters of all triggers. */
    const char *name;
} ControlTrigger;

typedef struct {
    /* Estimated number of objects; 0 if the client has not counted them. */
    uint64_t total;
    /* Text form of the filter, as in filter_text.h. */
    const char *filter;
} ControlJobSubmit;

typedef struct {
    /* From 1 on. */
    uint32_t id;
} ControlJob;

/* Properties of the terminal, or other output, that shows the answer. */
typedef enum {
    /* The output is a terminal. */
    CONTROL_STYLE_INTERACTIVE = 1 << 0,
    CONTROL_STYLE_COLOR = 1 << 1,
    CONTROL_STYLE_TRUECOLOR = 1 << 2,
    CONTROL_STYLE_UNICODE = 1 << 3,
} ControlStyle;
#define CONTROL_STYLES 15

/* Rows of a page, at most. */
#define CONTROL_ROWS_MAX 1000

/* Bytes of "NAME" or "NAME:ALIAS" of a function, with the final NUL. */
#define CONTROL_FUNCTION_MAX 132

/*
 * A batch of events of a trigger, for a function. The payload of the request has the events as one
 * JSON object in the form of S3.
 *
 * A caller that got no answer sends the batch again. A receiver has the batch already if all fields
 * are those of a batch in its queue. After a crash of the caller, or with another configuration of
 * the trigger, a batch may begin with the same event and have others behind it.
 */
typedef struct {
    /* "NAME" or "NAME:ALIAS". */
    const char *function;
    /* Path of the bucket. */
    const char *bucket;
    const char *trigger;
    /* Epoch of the store and sequencers of the first and the last event. EPOCH-SEQUENCER is the id
     * of an event. */
    uint64_t epoch, first, last;
    /* Raised when events are delivered once more on request. */
    uint32_t generation;
    /* Number of events, from 1 on. */
    uint32_t n_events;
    /* A hash of the sequencers of all events: with another filter a batch may have the same ends
     * and the same number, and other events between. */
    uint64_t events_hash;
} ControlInvoke;

/* Sent, but not stored. Values are never renumbered. */
typedef enum {
    /* The batch is in the receiver's queue, on disk. */
    CONTROL_INVOKE_ACCEPTED = 0,
    /* The batch was there already. */
    CONTROL_INVOKE_KNOWN = 1,
    /* The receiver has no room now: 429. The caller sends the batch again later. */
    CONTROL_INVOKE_THROTTLED = 2,
    /* The receiver can never take this batch: there is no such function. */
    CONTROL_INVOKE_REFUSED = 3,
} ControlInvokeVerdict;

/* The longest time after which a throttled caller sends again. */
#define CONTROL_INVOKE_RETRY_MAX_MS 60000

/*
 * The payload of the request has the words of the command line, without those that name a bucket.
 */
typedef struct {
    /* Where the page begins: `next` of the page before, or "" for the first page. */
    const char *after;
    /* Rows of the page, at most. */
    uint32_t rows;
    /* Bits of ControlStyle. */
    uint32_t style;
    /* Width of the terminal, in columns. */
    uint32_t width;
    /* For events: answer only when there are events after `after`. */
    bool wait;
} ControlQuestion;

typedef struct {
    ControlType type;
    union {
        ControlSweep sweep;
        ControlEdit edit;
        ControlTrigger trigger;
        ControlJobSubmit job_submit;
        /* Of CONTROL_JOB_WAIT and CONTROL_JOB_CANCEL. */
        ControlJob job;
        ControlQuestion question;
        ControlInvoke invoke;
    };
    /* Consecutive texts, each with its final NUL. Borrowed. */
    const char *payload;
    size_t payload_len;
} ControlRequest;

/* A job as the store has it when the request is answered. */
typedef struct {
    uint32_t id;
    /* A JobState of store/jobs.h. */
    uint32_t state;
    bool is_cancelled;
    /* Numbers of objects. */
    uint64_t total, queued, done, failed, gone;
    /* Microseconds of the wall clock; 0 if it has not happened yet. */
    uint64_t submitted_us, started_us, ended_us;
    /* Text form of the filter. */
    char filter[CONTROL_FILTER_MAX];
    /* CONTROL_JOB_SUBMIT: false if a job with the same filter was under way already. */
    bool is_new;
    /* CONTROL_JOB_CANCEL: false if the job had ended. */
    bool changed;
} ControlJobAnswer;

typedef union {
    struct {
        /* From sweep_describe. */
        char text[CONTROL_SENTENCE_MAX];
    } sweep;
    struct {
        /* Number of objects. */
        uint64_t changed;
    } edit;
    struct {
        /* Number of triggers or dead letters. */
        uint64_t changed;
    } trigger;
    /* The answer to CONTROL_JOB_SUBMIT, CONTROL_JOB_WAIT and CONTROL_JOB_CANCEL. */
    ControlJobAnswer job;
    struct {
        /* A ControlInvokeVerdict. */
        uint32_t verdict;
        /* Those of the request. */
        uint64_t first, last;
        uint32_t generation;
        /* CONTROL_INVOKE_THROTTLED: time until the caller sends again; 0: the caller decides. */
        uint32_t retry_ms;
        /* The reason; "" for an accepted batch. */
        char text[CONTROL_SENTENCE_MAX];
    } invoke;
    struct {
        /* Exit status of the command. */
        uint32_t status;
        /* For events: `after` is unknown or no longer in the log; `next` is the newest event. */
        bool reset;
        /* Owned. "" means that this is the last page. */
        char *next;
        /* Owned, with a NUL after `output_len` bytes. */
        char *output;
        size_t output_len;
    } question;
} ControlAnswer;

/* Frees what the answer to a request of `type` owns. */
void control_answer_clear(ControlType type, ControlAnswer *answer);

/* Returns the name of a request for messages, such as "sweep"; NULL for an unknown type. Static. */
const char *control_request_name(unsigned type);

/* Returns the flags in the row of `type`. */
ControlFlags control_request_flags(ControlType type);

/* Returns the text after `text` in the payload, or the first text if `text` is NULL. Returns NULL
 * at the end. */
const char *control_request_next(const ControlRequest *request, const char *text);

/* Encodes a request. Owner: control_packet_clear. Errors: ERROR_USAGE for a request beyond the
 * limits of its row; those of control_packet_make. */
bool control_request_format(const ControlRequest *request, ControlPacket *ret_packet,
                            GError **error);

/* Parses a request. The result borrows from the frame. Errors: ERROR_USAGE for a type that has no
 * row, ERROR_CONFIG for another version of a row, ERROR_PROTOCOL for wrong bytes. */
bool control_request_parse(const ControlFrame *frame, ControlRequest *ret_request, GError **error);

/* Encodes and parses the answer to a request of `type`. Owners: control_packet_clear,
 * control_answer_clear. Errors: as for requests. */
bool control_answer_format(ControlType type, const ControlAnswer *answer, ControlPacket *ret_packet,
                           GError **error);
bool control_answer_parse(ControlType type, const ControlFrame *frame, ControlAnswer *ret_answer,
                          GError **error);

/* Encodes and parses a progress frame. control_progress_parse returns false for any other frame. */
bool control_progress_format(const ProgressCount *count, ControlPacket *ret_packet, GError **error);
bool control_progress_parse(const ControlFrame *frame, ProgressCount *ret_count);

/* Encodes and parses an item, a line of text that precedes the answer. A text that is too long is
 * cut off. control_item_parse returns false for any other frame. */
bool control_item_format(const char *text, ControlPacket *ret_packet, GError **error);
bool control_item_parse(const ControlFrame *frame, char ret_text[static CONTROL_TEXT_MAX]);

/* Encodes and parses an error, which is sent instead of an answer. A text that is too long is cut
 * off. control_error_parse returns false for any other frame. */
bool control_error_format(ErrorCode code, const char *text, ControlPacket *ret_packet,
                          GError **error);
bool control_error_parse(const ControlFrame *frame, ErrorCode *ret_code,
                         char ret_text[static CONTROL_SENTENCE_MAX]);

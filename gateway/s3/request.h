/* SPDX-License-Identifier: Apache-2.0 */
/* A request to S3, from its head to its answer. Private to s3. */
#pragma once

#include "gateway_config.h"
#include "gateway_keys.h"
#include "http/server.h"
#include "http/signature.h"
#include "plans.h"
#include "s3/body.h"
#include "s3/buckets.h"
#include "s3/conditions.h"
#include "s3/list_page.h"
#include "s3/multipart.h"
#include "s3/upload.h"

typedef struct S3 S3;
typedef struct S3Request S3Request;

/* An operation of S3. */
typedef struct {
    /* Name of the operation: "GetObject". */
    const char *name;
    Rights right;
    /* The body is a document, which is collected in memory. */
    bool has_body;
    /* Called before the body; NULL: there is nothing to do. */
    S3Fault (*begin)(S3Request *request);
    /* Called in the loop when the body is complete. Answers, or starts work. */
    void (*run)(S3Request *request);
} S3Operation;

struct S3Request {
    S3 *s3;
    HttpExchange *exchange;
    const S3Operation *operation;
    /* The bucket; NULL: the request has none. */
    S3Bucket *bucket;
    char *bucket_name, *key;
    /* Id of the key that has signed; "": no right signature was found. */
    char key_id[SIGNATURE_KEY_ID_MAX];
    /* Verdict of the key's usage plan. */
    PlanVerdict plan;
    Body *body;
    GByteArray *document;
    Upload *upload;
    /* State of the work. */
    S3Fault fault;
    ListQuestion question;
    /* Texts that `question` and `uploads_question` borrow, owned. */
    GPtrArray *texts;
    ListPage *page;
    /* Elements: as remove.c has them. The objects to remove. */
    GArray *removals;
    /* The answer to the removals has errors only. */
    bool is_quiet;
    char md5[33];
    WriteCondition condition;
    /* The root in which a bucket is made (-1: none is made), and the most buckets in it. */
    int root_fd, max_buckets;
    /* Source of a copy; -1: there is none. */
    int source_fd;
    /* The bytes to copy. */
    int64_t source_offset, source_len;
    Multipart multipart;
    /* Id of a new multipart upload. */
    char *upload_id;
    unsigned part_number;
    /* Metadata of an object that the same upload has made before. */
    Meta completed;
    /* Elements: MultipartPart. The parts to join, or to list. */
    GArray *parts;
    MultipartQuestion uploads_question;
    /* Elements: MultipartEntry. The uploads to list. */
    GArray *entries;
};

struct S3 {
    Buckets *buckets;
    FolderNames *names;
    /* Id of the timer that forgets names; 0: it does not run. */
    guint forgetting;
    Keys *keys;
    Plans *plans;
    const GatewayConfig *config;
    /* The thread of s3_sweep; NULL: none was started. */
    GThread *sweep;
    /* Read and set atomically: the thread has ended; it and all copies have to end. */
    gint sweep_is_done, is_stopped;
};

/* Answers with the document of an error. `detail` NULL: the text of the fault. */
void s3_refuse(S3Request *request, S3Fault fault, const char *detail);

/* Adds the checksum among `kept` to the answer. */
void s3_add_checksum(S3Request *request, const HttpHead *kept);

/* Type of a checksum: "COMPOSITE" for one of the parts' checksums, whose value ends in their
 * number. Static. */
const char *s3_checksum_type(const char *value);

/* Name of the element for the checksum in the header x-amz-checksum-NAME. Owner: the caller frees.
 */
char *s3_checksum_element(const char *header);

/* Adds the checksum in the header `header` to a document. */
void s3_add_checksum_xml(GString *xml, const HttpHeader *header);

/* Reads the checksum of the part `number` of an object, which is of the kind of `ret_header`, the
 * object's own. NULL: it is not known. Owner: the caller frees. */
char *s3_part_checksum(const HttpHead *kept, unsigned number, const HttpHeader **ret_header);

/* Adds `x-thumbq-ignored: 1` to the answer if the daemon ignores the object. */
void s3_add_ignored(S3Request *request);

/* Adds a key to XML, percent-encoded if the client asks for that: XML cannot hold every key. */
void s3_add_name(const S3Request *request, GString *xml, const char *element, const char *name);

/* Forgets the names of large folders when they have not been listed for a while. Called after a
 * list. */
void s3_forget_later(S3 *s3);

/* Opens the multipart upload that the query names. */
S3Fault s3_open_upload(S3Request *request);
/* Opens it, and begins the part that the query names. */
S3Fault s3_open_part(S3Request *request);

/* Answers a PUT with the ETag of its bytes, or with its fault. */
void s3_put_done(HttpExchange *exchange, void *data);

/* Answers with `xml`, and frees it. */
void s3_answer_xml(S3Request *request, GString *xml);

/* Value of the first query parameter with this name; NULL: there is none. Borrowed. */
const char *s3_parameter(const S3Request *request, const char *name);

/*
 * Finds the operation of a request by its method, its target and its headers. NULL: there is none.
 */
const S3Operation *s3_find_operation(const HttpHead *head, bool has_bucket, bool has_key);

extern const S3Operation s3_list_buckets, s3_head_bucket, s3_create_bucket, s3_delete_bucket,
    s3_bucket_location, s3_list_objects, s3_list_versions, s3_delete_objects, s3_get_object,
    s3_get_attributes, s3_put_object, s3_delete_object, s3_canned, s3_copy_object,
    s3_upload_part_copy, s3_create_multipart, s3_upload_part, s3_complete_multipart,
    s3_abort_multipart, s3_list_parts, s3_list_uploads;

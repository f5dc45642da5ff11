/* SPDX-License-Identifier: Apache-2.0 */
/* The structures and functions that server.c and exchange.c share. Private to http. */
#pragma once

#include "http/server.h"

#include <microhttpd.h>

/* A connection. Its requests come one after another. */
typedef struct {
    HttpServer *server;
    int fd;
    /* Deadline of the head that the server waits for; 0: it waits for none. */
    int64_t deadline_us;
    bool had_request;
    char address[HTTP_ADDRESS_MAX];
} Peer;

struct HttpExchange {
    HttpServer *server;
    /* The connection; NULL: it has gone. */
    Peer *peer;
    struct MHD_Connection *connection;
    char id[HTTP_ID_MAX];
    char *raw_target;
    HttpHead head;
    int64_t length, taken, begun_us, body_begun_us;
    /* The head has passed the fence, and the handler has seen it. */
    bool has_head;
    bool is_suspended, is_working;
    bool reads_body;
    /* The answer while it is ready and not queued yet; else NULL. */
    struct MHD_Response *answer;
    bool is_answered, is_queued;
    unsigned status;
    int64_t answer_len;
    /* The file that the kernel sends, which belongs to the answer, and the offset at which its last
     * byte ends; -1: there is none. */
    int file_fd;
    int64_t file_end;
    /* Headers of the answer: names and values in turn. */
    GPtrArray *headers;
    void *state;
    GDestroyNotify destroy;
};

struct HttpServer {
    struct MHD_Daemon *daemon;
    HttpLimits limits;
    const HttpHandler *handler;
    void *data;
    GSource *source;
    guint tick;
    GThreadPool *threads, *long_threads;
    /* Elements: Task. Long work that waits for its turn. */
    GQueue long_waiting;
    /* Owner -> number of its long works that run. */
    GHashTable *long_running;
    unsigned n_long_running;
    /* Set of Peer. */
    GHashTable *peers;
    /* Number of the next request. The first one is random, so that no two processes give the same
     * id. */
    uint64_t next_number;
    /* Set of HttpExchange. */
    GHashTable *exchanges;
    /* The library runs. */
    bool is_running;
    /* A connection was closed during this run of the library. */
    bool has_closed;
    /* Exchanges whose work is not done. */
    unsigned n_working;
    /* The listening socket. The library closes it, unless it has been told to stop accepting. */
    int listen_fd;
    bool has_stopped;
    /* No long work may begin. */
    bool is_ending;
    /* First message of the library; NULL: there was none. */
    char *message;
};

/* True if each line of the head ends in CRLF and no line is folded. The places of the lines in the
 * library's buffer show this. `method` and `version` are the library's own texts. */
bool http_lines_are_whole(struct MHD_Connection *connection, const char *method,
                          const char *version);

/* The library calls this for the head, for each part of the body, and at the end of the body. */
enum MHD_Result http_server_handle(void *cls, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *version, const char *upload,
                                   size_t *upload_len, void **con_cls);
/* The library calls this with the target of a new request. Returns the exchange. */
void *http_server_see_target(void *cls, const char *uri, struct MHD_Connection *connection);
/* The library calls this when a request has ended. Frees the exchange. */
void http_server_end_request(void *cls, struct MHD_Connection *connection, void **con_cls,
                             enum MHD_RequestTerminationCode code);

void http_work_init(HttpServer *server);
/* Answers long work that waits for its turn with 503. */
void http_work_give_up(HttpServer *server);
/* No work may be left. */
void http_work_clear(HttpServer *server);

/* Cuts connections that have missed a deadline and those whose body comes too slowly. `now_us` is
 * of the monotonic clock. */
void http_server_cut_slow(HttpServer *server, int64_t now_us);

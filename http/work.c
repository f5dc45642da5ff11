/* SPDX-License-Identifier: Apache-2.0 */
/* Work of exchanges in threads: short work, and long work whose owners take turns. */
#include "server_private.h"

#include <string.h>

#define WORKERS        8
#define LONG_WORKERS   4
#define LONG_OWNER_MAX (LONG_WORKERS / 2)
#define TEXT_TYPE      "text/plain; charset=utf-8"

typedef struct {
    HttpExchange *exchange;
    HttpWork work;
    HttpWorkDone done;
    void *data;
    /* Owner of long work; NULL: the work is short. */
    char *owner;
} Task;

static unsigned running_of(const HttpServer *server, const char *owner)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(server->long_running, owner));
}

static void set_running(HttpServer *server, const char *owner, unsigned n)
{
    if (n > 0)
        g_hash_table_replace(server->long_running, g_strdup(owner), GUINT_TO_POINTER(n));
    else
        g_hash_table_remove(server->long_running, owner);
}

/* The first task whose owner has the fewest running ones. NULL: none may run. */
static GList *find_turn(HttpServer *server)
{
    unsigned fewest = LONG_OWNER_MAX;
    GList *turn = NULL;

    for (GList *at = server->long_waiting.head; at; at = at->next) {
        const Task *task = at->data;
        unsigned n = running_of(server, task->owner);
        if (n >= fewest)
            continue;
        fewest = n;
        turn = at;
    }
    return turn;
}

static void start_long(HttpServer *server)
{
    GList *turn;

    while (server->n_long_running < LONG_WORKERS && (turn = find_turn(server))) {
        Task *task = turn->data;
        g_queue_delete_link(&server->long_waiting, turn);
        set_running(server, task->owner, running_of(server, task->owner) + 1);
        server->n_long_running++;
        /* If no new thread can be started, the task waits for a running one. */
        (void)g_thread_pool_push(server->long_threads, task, NULL);
    }
}

static void end_long(HttpServer *server, const char *owner)
{
    set_running(server, owner, running_of(server, owner) - 1);
    server->n_long_running--;
    start_long(server);
}

static void resume(HttpExchange *exchange)
{
    exchange->is_suspended = false;
    MHD_resume_connection(exchange->connection);
    /* A resumed connection shows at no descriptor: wake the source. */
    g_source_set_ready_time(exchange->server->source, 0);
}

static void refuse(HttpExchange *exchange)
{
    static const char text[] = "503 Service Unavailable: the server is stopping\n";

    http_exchange_answer(exchange, 503, TEXT_TYPE, text, strlen(text));
}

void http_work_give_up(HttpServer *server)
{
    for (Task *task; (task = g_queue_pop_head(&server->long_waiting));) {
        server->n_working--;
        task->exchange->is_working = false;
        refuse(task->exchange);
        resume(task->exchange);
        g_free(task->owner);
        g_free(task);
    }
}

static gboolean finish_task(void *data)
{
    Task *task = data;
    HttpExchange *exchange = task->exchange;

    exchange->server->n_working--;
    exchange->is_working = false;
    if (task->owner)
        end_long(exchange->server, task->owner);
    task->done(exchange, task->data);
    g_free(task->owner);
    g_free(task);
    /* `done` may have started more work. */
    if (!exchange->is_working)
        resume(exchange);
    return G_SOURCE_REMOVE;
}

static void run_task(void *data, void *user_data)
{
    Task *task = data;

    (void)user_data;
    task->work(task->data);
    g_idle_add_full(G_PRIORITY_DEFAULT, finish_task, task, NULL);
}

static Task *new_task(HttpExchange *exchange, HttpWork work, HttpWorkDone done, void *data)
{
    Task *task = g_new0(Task, 1);

    *task = (Task){exchange, work, done, data, NULL};
    if (!exchange->is_suspended)
        MHD_suspend_connection(exchange->connection);
    exchange->is_suspended = exchange->is_working = true;
    exchange->server->n_working++;
    return task;
}

void http_exchange_work(HttpExchange *exchange, HttpWork work, HttpWorkDone done, void *data)
{
    /* If no new thread can be started, the task waits for a running one. */
    (void)g_thread_pool_push(exchange->server->threads, new_task(exchange, work, done, data), NULL);
}

void http_exchange_work_long(HttpExchange *exchange, HttpWork work, HttpWorkDone done, void *data,
                             const char *owner)
{
    if (exchange->server->is_ending) {
        refuse(exchange);
        return;
    }
    Task *task = new_task(exchange, work, done, data);
    task->owner = g_strdup(owner);
    g_queue_push_tail(&exchange->server->long_waiting, task);
    start_long(exchange->server);
}

void http_work_init(HttpServer *server)
{
    server->threads = g_thread_pool_new(run_task, NULL, WORKERS, FALSE, NULL);
    server->long_threads = g_thread_pool_new(run_task, NULL, LONG_WORKERS, FALSE, NULL);
    server->long_running = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_queue_init(&server->long_waiting);
}

void http_work_clear(HttpServer *server)
{
    g_thread_pool_free(server->threads, FALSE, TRUE);
    g_thread_pool_free(server->long_threads, FALSE, TRUE);
    g_hash_table_destroy(server->long_running);
}

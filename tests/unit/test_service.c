/* SPDX-License-Identifier: Apache-2.0 */
/* The messages to the service manager. A datagram socket of the test stands for it. */
#include "base/service.h"

#include "base/error.h"
#include "base/file.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

typedef struct {
    char *folder, *path;
    int fd;
} Manager;

static void manager_open(Manager *manager, const char *variable)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    manager->folder = g_dir_make_tmp("thumbq-service-XXXXXX", NULL);
    manager->path = g_build_filename(manager->folder, "socket", NULL);
    g_assert_cmpuint(strlen(manager->path), <, sizeof address.sun_path);
    strcpy(address.sun_path, manager->path);
    manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_assert_cmpint(bind(manager->fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_setenv("NOTIFY_SOCKET", variable ? variable : manager->path, TRUE);
}

static void manager_close(Manager *manager)
{
    fd_clear(&manager->fd);
    g_unlink(manager->path);
    g_rmdir(manager->folder);
    g_free(manager->path);
    g_free(manager->folder);
}

/* Waits for the next datagram and returns it. Owner: the caller frees. */
static char *hear(Manager *manager)
{
    char text[8192];
    ssize_t len;

    while ((len = recv(manager->fd, text, sizeof text - 1, 0)) < 0) {
        g_assert_cmpint(errno, ==, EAGAIN);
        g_main_context_iteration(NULL, TRUE);
    }
    return g_strndup(text, (size_t)len);
}

static void assert_heard(Manager *manager, const char *expected)
{
    g_autofree char *text = hear(manager);
    g_assert_cmpstr(text, ==, expected);
}

static void assert_silent(Manager *manager)
{
    char text[8192];
    g_assert_cmpint(recv(manager->fd, text, sizeof text, 0), ==, -1);
    g_assert_cmpint(errno, ==, EAGAIN);
}

static Service *open_service(void)
{
    g_autoptr(GError) error = NULL;
    Service *service = NULL;

    g_assert_true(service_open(NULL, NULL, &service, &error));
    g_assert_no_error(error);
    return service;
}

static void test_nobody_listens(void)
{
    g_unsetenv("NOTIFY_SOCKET");
    g_assert_null(open_service());
    g_setenv("NOTIFY_SOCKET", "", TRUE);
    g_assert_null(open_service());
    service_ready(NULL);
    service_status(NULL, "%d", 1);
    service_reloading(NULL);
    service_stopping(NULL, "stopping");
    service_free(NULL);
}

static void test_life(void)
{
    Manager manager;

    manager_open(&manager, NULL);
    g_autoptr(Service) service = open_service();
    g_assert_null(g_getenv("NOTIFY_SOCKET"));
    service_status(service, "scanning");
    assert_heard(&manager, "STATUS=scanning");
    service_status(service, "scanning");
    service_ready(service);
    assert_heard(&manager, "READY=1");
    service_ready(service);
    service_status(service, "%d objects\nREADY=0", 5);
    assert_heard(&manager, "STATUS=5 objects READY=0");
    service_reloading(service);
    g_autofree char *reloading = hear(&manager);
    g_assert_true(g_str_has_prefix(reloading, "RELOADING=1\nMONOTONIC_USEC="));
    service_ready(service);
    assert_heard(&manager, "READY=1");
    service_stopping(service, "stopping");
    assert_heard(&manager, "STOPPING=1");
    g_autofree char *status = hear(&manager);
    g_assert_true(g_str_has_prefix(status, "STATUS=stopping"));
    assert_silent(&manager);
    manager_close(&manager);
}

static void test_watchdog(void)
{
    Manager manager;

    manager_open(&manager, NULL);
    g_setenv("WATCHDOG_USEC", "30000", TRUE);
    g_autofree char *pid = g_strdup_printf("%d", getpid());
    g_setenv("WATCHDOG_PID", pid, TRUE);
    g_autoptr(Service) service = open_service();
    g_assert_null(g_getenv("WATCHDOG_USEC"));
    g_assert_null(g_getenv("WATCHDOG_PID"));
    /* During the start, the daemon asks for more time. */
    assert_heard(&manager, "WATCHDOG=1");
    assert_heard(&manager, "EXTEND_TIMEOUT_USEC=60000000");
    service_ready(service);
    assert_heard(&manager, "READY=1");
    for (int i = 0; i < 3; i++)
        assert_heard(&manager, "WATCHDOG=1");
    manager_close(&manager);
}

/* No ping is sent if the watchdog is for another process or if the variables are not numbers. */
static void test_no_watchdog(const void *data)
{
    g_auto(GStrv) row = g_strsplit(data, " ", 2);
    Manager manager;

    manager_open(&manager, NULL);
    g_setenv("WATCHDOG_USEC", row[0], TRUE);
    g_setenv("WATCHDOG_PID", row[1], TRUE);
    g_autoptr(Service) service = open_service();
    service_ready(service);
    assert_heard(&manager, "READY=1");
    assert_silent(&manager);
    manager_close(&manager);
}

/* A manager that does not read for a while misses only old news. */
static void test_full(void)
{
    Manager manager;

    manager_open(&manager, NULL);
    g_autoptr(Service) service = open_service();
    /* The messages are more than the queue of the manager holds. */
    for (int i = 0; i < 1000; i++)
        service_status(service, "%d", i);
    service_ready(service);
    service_stopping(service, "stopping");
    g_autofree char *text = NULL;
    for (int i = 0; i == 0 || g_str_has_prefix(text, "STATUS="); i++) {
        g_autofree char *expected = g_strdup_printf("STATUS=%d", i);
        g_free(text);
        text = hear(&manager);
        if (g_str_has_prefix(text, "STATUS="))
            g_assert_cmpstr(text, ==, expected);
    }
    g_assert_cmpstr(text, ==, "READY=1\nSTOPPING=1");
    g_autofree char *last = hear(&manager);
    g_assert_true(g_str_has_prefix(last, "STATUS=stopping"));
    assert_silent(&manager);
    manager_close(&manager);
}

static void test_bad_address(const void *data)
{
    g_autoptr(GError) error = NULL;
    Service *service = NULL;

    g_setenv("NOTIFY_SOCKET", data, TRUE);
    g_assert_false(service_open(NULL, NULL, &service, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_USAGE);
    g_assert_null(service);
    g_assert_null(g_getenv("NOTIFY_SOCKET"));
}

/* Sockets are taken only if the variables are for this process and hold numbers. */
static void test_sockets(void)
{
    static const struct {
        const char *pid, *fds;
        int expected;
    } rows[] = {{NULL, "1", 0},  {"own", NULL, 0}, {"1", "1", 0},    {"own", "0", 0},
                {"own", "x", 0}, {"own", "-1", 0}, {"own", "65", 0}, {"own", "1", 1}};
    g_autofree char *own = g_strdup_printf("%d", getpid());

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_unsetenv("LISTEN_PID");
        g_unsetenv("LISTEN_FDS");
        if (rows[i].pid)
            g_setenv("LISTEN_PID", strcmp(rows[i].pid, "own") == 0 ? own : rows[i].pid, TRUE);
        if (rows[i].fds)
            g_setenv("LISTEN_FDS", rows[i].fds, TRUE);
        g_setenv("LISTEN_FDNAMES", "http", TRUE);
        g_assert_cmpint(service_claim_sockets(), ==, rows[i].expected);
        g_assert_null(g_getenv("LISTEN_PID"));
        g_assert_null(g_getenv("LISTEN_FDS"));
        g_assert_null(g_getenv("LISTEN_FDNAMES"));
    }
}

/* A missing manager causes no error. */
static void test_gone(void)
{
    Manager manager;

    manager_open(&manager, NULL);
    g_autoptr(Service) service = open_service();
    manager_close(&manager);
    service_ready(service);
    service_status(service, "still here");
}

static void test_abstract(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_autofree char *name = g_strdup_printf("@thumbq-test-%d", getpid());
    Manager manager = {.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};

    memcpy(address.sun_path + 1, name + 1, strlen(name) - 1);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    g_assert_cmpint(bind(manager.fd, (struct sockaddr *)&address, len), ==, 0);
    g_setenv("NOTIFY_SOCKET", name, TRUE);
    g_autoptr(Service) service = open_service();
    service_ready(service);
    assert_heard(&manager, "READY=1");
    fd_clear(&manager.fd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/service/nobody-listens", test_nobody_listens);
    g_test_add_func("/service/life", test_life);
    g_test_add_func("/service/watchdog", test_watchdog);
    g_test_add_data_func("/service/watchdog/of-another-process", "30000 1", test_no_watchdog);
    g_test_add_data_func("/service/watchdog/no-number", "soon 0", test_no_watchdog);
    g_test_add_data_func("/service/watchdog/zero", "0 0", test_no_watchdog);
    g_test_add_func("/service/full", test_full);
    g_test_add_func("/service/gone", test_gone);
    g_test_add_func("/service/abstract", test_abstract);
    g_test_add_func("/service/sockets", test_sockets);
    g_test_add_data_func("/service/address/relative", "run/service", test_bad_address);
    g_test_add_data_func("/service/address/vsock", "vsock:2:1234", test_bad_address);
    g_test_add_data_func("/service/address/short", "/", test_bad_address);
    return g_test_run();
}

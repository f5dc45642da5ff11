/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to the program that runs functions: its folder is trusted, or no call is made. */
#include "control/invoke_socket.h"

#include "base/error.h"
#include "base/file.h"
#include "control/socket.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct {
    char *root, *folder;
    int folder_fd;
} Fixture;

static void set_up(Fixture *fixture)
{
    fixture->root = g_dir_make_tmp("thumbq-invoke-XXXXXX", NULL);
    fixture->folder = g_build_filename(fixture->root, "functions", NULL);
    g_assert_cmpint(g_mkdir(fixture->folder, 0700), ==, 0);
    fixture->folder_fd = open(fixture->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_assert_cmpint(fixture->folder_fd, >=, 0);
    g_setenv("THUMBQ_FUNCTIONS", fixture->folder, TRUE);
}

static void tear_down(Fixture *fixture)
{
    (void)unlinkat(fixture->folder_fd, CONTROL_INVOKE_NAME, 0);
    fd_clear(&fixture->folder_fd);
    g_assert_cmpint(g_rmdir(fixture->folder), ==, 0);
    g_assert_cmpint(g_rmdir(fixture->root), ==, 0);
    g_free(fixture->folder);
    g_free(fixture->root);
}

static void check_refused(ErrorCode code)
{
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(control_connect_invoke(&error), ==, -1);
    g_assert_error(error, THUMBQ_ERROR, (int)code);
}

static int listen_there(const Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    int fd = control_listen(fixture->folder_fd, CONTROL_INVOKE_NAME, 0600, fixture->folder, &error);

    g_assert_no_error(error);
    return fd;
}

static void test_connected(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    set_up(&fixture);
    autofd listener = listen_there(&fixture);
    autofd fd = control_connect_invoke(&error);
    g_assert_no_error(error);
    /* No call on the socket waits. */
    g_assert_cmpint(fcntl(fd, F_GETFL) & O_NONBLOCK, !=, 0);
    autofd other = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    g_assert_cmpint(other, >=, 0);
    tear_down(&fixture);
}

/* No folder, no name, and a name that a killed program has left. */
static void test_nobody(void)
{
    Fixture fixture;

    set_up(&fixture);
    check_refused(ERROR_NOT_FOUND);
    int listener = listen_there(&fixture);
    fd_clear(&listener);
    check_refused(ERROR_NOT_FOUND);
    g_setenv("THUMBQ_FUNCTIONS", "/nonexistent/functions", TRUE);
    check_refused(ERROR_NOT_FOUND);
    tear_down(&fixture);
}

/* Other users may put a socket of theirs into an open folder; a link leads to another folder. */
static void test_not_trusted(void)
{
    Fixture fixture;
    g_autofree char *link = NULL;

    set_up(&fixture);
    autofd listener = listen_there(&fixture);
    g_assert_cmpint(chmod(fixture.folder, 0777), ==, 0);
    check_refused(ERROR_NOT_TRUSTED);
    g_assert_cmpint(chmod(fixture.folder, 0700), ==, 0);
    link = g_build_filename(fixture.root, "link", NULL);
    g_assert_cmpint(symlink(fixture.folder, link), ==, 0);
    g_setenv("THUMBQ_FUNCTIONS", link, TRUE);
    check_refused(ERROR_NOT_TRUSTED);
    g_assert_cmpint(g_unlink(link), ==, 0);
    tear_down(&fixture);
}

/* A listener that accepts no connection delays nothing. */
static void test_full(void)
{
    g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(int));
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    set_up(&fixture);
    autofd listener = listen_there(&fixture);
    while (!error) {
        int fd = control_connect_invoke(&error);
        g_assert_true((fd >= 0) == (error == NULL));
        if (fd >= 0)
            g_array_append_val(fds, fd);
        g_assert_cmpuint(fds->len, <, 1000);
    }
    g_assert_error(error, THUMBQ_ERROR, ERROR_SHORTAGE);
    for (guint i = 0; i < fds->len; i++)
        fd_clear(&g_array_index(fds, int, i));
    tear_down(&fixture);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/invoke-socket/connected", test_connected);
    g_test_add_func("/invoke-socket/nobody", test_nobody);
    g_test_add_func("/invoke-socket/not-trusted", test_not_trusted);
    g_test_add_func("/invoke-socket/full", test_full);
    return g_test_run();
}

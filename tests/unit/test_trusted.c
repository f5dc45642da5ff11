/* SPDX-License-Identifier: Apache-2.0 */
/* Opening state and configuration: files that another user may have put there are refused. */
#include "base/error.h"
#include "base/file.h"
#include "base/trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define STRANGER 12345

/* The test's folder; its path has no links. */
static char *base;

static char *in_base(const char *name)
{
    return g_build_filename(base, name, NULL);
}

static mode_t mode_of(const char *name)
{
    g_autofree char *path = in_base(name);
    struct stat st;
    g_assert_cmpint(lstat(path, &st), ==, 0);
    return st.st_mode & 07777;
}

static void run(const char *script)
{
    g_autofree char *command = g_strdup_printf("cd '%s' && %s", base, script);
    g_assert_cmpint(system(command), ==, 0);
}

/* An entry with the name `x`, which a shell makes in an empty folder. */
typedef struct {
    const char *name;
    const char *script;
    /* Expected errors of an open as a folder and as a file; ERROR_NONE: it succeeds. */
    int code;
    int file_code;
    bool needs_root;
    /* Pattern of the message. */
    const char *says;
} Case;

static const Case cases[] = {
    {"nothing", "true", ERROR_NOT_FOUND, ERROR_NOT_FOUND, false, "*"},
    {"folder", "mkdir -m 755 x", ERROR_NONE, ERROR_NOT_TRUSTED, false, "*no regular file*"},
    {"file", "echo 1 > x; chmod 644 x", ERROR_NOT_TRUSTED, ERROR_NONE, false, "*no folder*"},
    {"link-to-folder", "mkdir y; ln -s y x", ERROR_NOT_TRUSTED, ERROR_NOT_TRUSTED, false,
     "*symbolic link*"},
    {"link-to-file", "echo 1 > y; ln -s y x", ERROR_NOT_TRUSTED, ERROR_NOT_TRUSTED, false,
     "*symbolic link*"},
    {"link-to-nothing", "ln -s y x", ERROR_NOT_TRUSTED, ERROR_NOT_TRUSTED, false,
     "*symbolic link*"},
    {"fifo", "mkfifo x", ERROR_NOT_TRUSTED, ERROR_NOT_TRUSTED, false, "*no *"},
    {"group-writes-folder", "mkdir -m 775 x", ERROR_NOT_TRUSTED, ERROR_NOT_TRUSTED, false,
     "*chmod go-w*"},
    {"all-write-folder", "mkdir -m 1777 x", ERROR_NOT_TRUSTED, ERROR_NOT_TRUSTED, false, "*"},
    {"group-writes-file", "echo 1 > x; chmod 664 x", ERROR_NOT_TRUSTED, ERROR_NOT_TRUSTED, false,
     "*"},
    {"stranger's-folder", "mkdir x; chown 12345 x", ERROR_NOT_TRUSTED, ERROR_NOT_TRUSTED, true,
     "*belongs to the user 12345*"},
    {"stranger's-file", "echo 1 > x; chown 12345 x", ERROR_NOT_TRUSTED, ERROR_NOT_TRUSTED, true,
     "*"},
};

static void assert_code(const GError *error, int code, const char *says)
{
    g_assert_cmpint(error_code(error), ==, code);
    if (error)
        g_assert_true(g_pattern_match_simple("*'*'*", error->message));
    if (error && code == ERROR_NOT_TRUSTED && strcmp(says, "*") != 0)
        g_test_message("%s", error->message);
}

static void test_case(const void *data)
{
    const Case *row = data;
    g_autoptr(GError) folder_error = NULL, file_error = NULL, create_error = NULL;
    g_autofree char *path = in_base("x");

    if (row->needs_root && geteuid() != 0) {
        g_test_skip("only root can give a file away");
        return;
    }
    run("rm -rf x y");
    run(row->script);
    autofd folder = trusted_open_folder(AT_FDCWD, path, false, &folder_error);
    assert_code(folder_error, row->code, row->says);
    g_assert_cmpint(folder >= 0, ==, row->code == ERROR_NONE);
    autofd file = trusted_open_file(AT_FDCWD, path, O_RDONLY, &file_error);
    assert_code(file_error, row->file_code, row->says);
    g_assert_cmpint(file >= 0, ==, row->file_code == ERROR_NONE);
    const GError *refusal = row->code == ERROR_NOT_TRUSTED ? folder_error : file_error;
    if (row->code == ERROR_NOT_TRUSTED && row->file_code == ERROR_NOT_TRUSTED)
        g_assert_true(g_pattern_match_simple(row->says, refusal->message));
    if (row->file_code != ERROR_NOT_TRUSTED)
        return;
    /* The file is neither written to nor truncated. */
    autofd created = trusted_open_file(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, &create_error);
    g_assert_cmpint(created, ==, -1);
    g_assert_error(create_error, THUMBQ_ERROR, ERROR_NOT_TRUSTED);
}

/* A link in the middle of the path is refused like one at its end. */
static void test_link_above(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = in_base("x/state");

    run("rm -rf x y && mkdir -p y/state && ln -s y x");
    g_assert_cmpint(trusted_open_folder(AT_FDCWD, path, true, &error), ==, -1);
    g_assert_error(error, THUMBQ_ERROR, ERROR_NOT_TRUSTED);
}

static void test_make(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = in_base("x/deep/state");
    mode_t before = umask(0);

    run("rm -rf x y");
    autofd fd = trusted_open_folder(AT_FDCWD, path, true, &error);
    g_assert_no_error(error);
    g_assert_cmpint(mode_of("x/deep/state"), ==, 0700);
    g_assert_cmpint(mode_of("x/deep"), ==, 0755);
    autofd file = trusted_open_file(fd, "lock", O_RDWR | O_CREAT, &error);
    g_assert_no_error(error);
    g_assert_cmpint(mode_of("x/deep/state/lock"), ==, 0600);
    (void)umask(before);
}

/*
 * Files that an older version left readable to others are closed to them, and keep their content.
 */
static void test_close_to_others(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = in_base("x");

    run("rm -rf x y && mkdir -m 755 x && echo 12 > x/lock && echo 1 > x/data && chmod 644 x/*");
    autofd fd = trusted_open_folder(AT_FDCWD, path, false, &error);
    g_assert_no_error(error);
    g_assert_cmpint(mode_of("x"), ==, 0755);
    autofd made = trusted_open_folder(AT_FDCWD, path, true, &error);
    g_assert_no_error(error);
    g_assert_cmpint(mode_of("x"), ==, 0700);
    autofd file = trusted_open_file(fd, "lock", O_RDWR | O_CREAT, &error);
    g_assert_no_error(error);
    g_assert_cmpint(mode_of("x/lock"), ==, 0600);
    g_autofree char *text = trusted_read(fd, "lock", 10, NULL, &error);
    g_assert_cmpstr(text, ==, "12\n");
    g_assert_true(trusted_check_file(fd, "data", true, &error));
    g_assert_cmpint(mode_of("x/data"), ==, 0600);
    g_assert_true(trusted_check_file(fd, "nothing", true, &error));
}

/*
 * Files below a folder are opened below its descriptor, even if its name leads elsewhere by then.
 */
static void test_held(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = in_base("x");

    run("rm -rf x y && mkdir x && echo mine > x/session");
    autofd fd = trusted_open_folder(AT_FDCWD, path, false, &error);
    g_assert_no_error(error);
    run("mv x y && mkdir x && echo theirs > x/session");
    g_autofree char *text = trusted_read(fd, "session", 10, NULL, &error);
    g_assert_cmpstr(text, ==, "mine\n");
    g_assert_cmpint(trusted_open_file(fd, "../x/session", O_RDONLY, NULL), ==, -1);
}

/* The peer of a socket is the process that has connected, or that listens. */
static void test_peer(void)
{
    g_autoptr(GError) error = NULL;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), ==, 0);
    g_assert_true(trusted_peer(fds[0], &error));
    g_assert_no_error(error);
    (void)close(fds[0]);
    (void)close(fds[1]);
    g_assert_false(trusted_peer(-1, &error));
    g_assert_error(error, THUMBQ_ERROR, ERROR_IO);
}

/* Runs in a separate process, because the change of user cannot be undone. */
static int become_and_look(const char *path)
{
    uid_t real, effective, saved;
    g_autoptr(GError) error = NULL;

    if (!trusted_become_owner(path, &error) || getresuid(&real, &effective, &saved) != 0)
        return 1;
    return real == STRANGER && effective == STRANGER && saved == STRANGER && setuid(0) != 0 ? 0 : 2;
}

static void test_become_owner(void)
{
    g_autofree char *path = in_base("x");
    g_autofree char *missing = in_base("y");
    int status;

    if (geteuid() != 0) {
        g_test_skip("only root can become somebody else");
        return;
    }
    run("rm -rf x y && mkdir x");
    g_assert_true(trusted_become_owner(missing, NULL));
    g_assert_true(trusted_become_owner(path, NULL));
    g_assert_cmpint(geteuid(), ==, 0);
    run("chown 12345:12345 x");
    pid_t pid = fork();
    if (pid == 0)
        _exit(become_and_look(path));
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autofree char *made = g_dir_make_tmp("thumbq-trusted-XXXXXX", NULL);
    base = realpath(made, NULL);
    g_assert_nonnull(base);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *name = g_strconcat("/trusted/", cases[i].name, NULL);
        g_test_add_data_func(name, &cases[i], test_case);
    }
    g_test_add_func("/trusted/link-above", test_link_above);
    g_test_add_func("/trusted/make", test_make);
    g_test_add_func("/trusted/close-to-others", test_close_to_others);
    g_test_add_func("/trusted/held", test_held);
    g_test_add_func("/trusted/peer", test_peer);
    g_test_add_func("/trusted/become-owner", test_become_owner);
    int status = g_test_run();
    run("rm -rf x y");
    g_assert_cmpint(rmdir(base), ==, 0);
    free(base);
    return status;
}

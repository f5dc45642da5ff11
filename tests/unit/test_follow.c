/* SPDX-License-Identifier: Apache-2.0 */
/* `thumbq events --follow` shows later commits, and ends with its reader or with the store. */
#include "command_store.h"
#include "folders.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

typedef struct {
    GPid pid;
    FILE *out;
} Follower;

static Follower start_follower(const char *folder)
{
    g_autoptr(GError) error = NULL;
    Follower follower = {0};
    int out = -1;
    char *words[] = {(char *)THUMBQ_PROGRAM, (char *)"events", (char *)"--follow",
                     (char *)"--limit=1",    (char *)folder,   NULL};
    g_spawn_async_with_pipes(NULL, words, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                             &follower.pid, NULL, &out, NULL, &error);
    g_assert_no_error(error);
    follower.out = fdopen(out, "r");
    g_assert_nonnull(follower.out);
    return follower;
}

/* Waits for the next line, which must contain `part`. */
static void expect_line(const Follower *follower, const char *part)
{
    char line[512];
    g_assert_nonnull(fgets(line, sizeof(line), follower->out));
    g_test_message("'%s' in '%s'", part, line);
    g_assert_nonnull(strstr(line, part));
}

static int wait_for_end(const Follower *follower)
{
    int wait_status = 0;
    g_assert_cmpint(waitpid(follower->pid, &wait_status, 0), ==, follower->pid);
    g_assert_true(WIFEXITED(wait_status));
    return WEXITSTATUS(wait_status);
}

/* Makes a bucket, and follows its events. The line of the object `first.jpg` shows that the command
 * watches the store. Owner: the caller frees the folder. */
static Follower follow(char **ret_folder)
{
    char *folder = g_dir_make_tmp("thumbq-follow-XXXXXX", NULL);
    command_store_make(folder);
    Follower follower = start_follower(folder);
    expect_line(&follower, "time");
    expect_line(&follower, "waiting.jpg");
    command_store_add(folder, "first.jpg");
    expect_line(&follower, "first.jpg");
    *ret_folder = folder;
    return follower;
}

/* Later commits appear. If the reader of the output leaves, the command ends without a message. */
static void test_follow(void)
{
    g_autofree char *folder = NULL;
    Follower follower = follow(&folder);
    command_store_add(folder, "second.jpg");
    expect_line(&follower, "second.jpg");
    fclose(follower.out);
    g_assert_cmpint(wait_for_end(&follower), ==, 0);
    folders_remove(folder);
}

/* The command ends if the store is deleted: it will never change again. */
static void test_follow_gone(void)
{
    g_autofree char *folder = NULL;
    Follower follower = follow(&folder);
    folders_remove(folder);
    g_assert_cmpint(wait_for_end(&follower), ==, 3);
    fclose(follower.out);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/commands/follow/new", test_follow);
    g_test_add_func("/commands/follow/gone", test_follow_gone);
    return g_test_run();
}

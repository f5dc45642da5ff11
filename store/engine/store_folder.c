/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The place of the store. Its folder is opened once, with the checks of trusted.h, and LMDB opens
 * the files through the descriptor. If another folder or file replaces one of these later, the
 * store notices.
 */
#include "engine/store_folder.h"

#include "base/error.h"
#include "base/file.h"
#include "base/trusted.h"
#include "engine/env.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static const char *const file_names[] = {"data.mdb", "lock.mdb"};

/*
 * True if the store has content. The file of a store that another process is just making is empty.
 */
static bool is_there(const Store *store, GError **error)
{
    struct stat st;

    if (fstatat(store->folder_fd, "data.mdb", &st, AT_SYMLINK_NOFOLLOW) != 0) {
        error_set_errno(error, errno, "cannot open store", store->directory);
        return false;
    }
    if (st.st_size > 0)
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_NOT_FOUND, "store '%s' is empty", store->directory);
    return false;
}

bool store_folder_open(Store *store, int dir_fd, const char *directory, GError **error)
{
    bool writes = store->mode == STORE_WRITE;

    store->directory = trusted_path(dir_fd, directory);
    store->folder_fd = trusted_open_folder(dir_fd, directory, writes, error);
    if (store->folder_fd < 0)
        return false;
    g_snprintf(store->lmdb_path, sizeof store->lmdb_path, "/proc/self/fd/%d", store->folder_fd);
    /* From here on no other user can change the names: the folder is private to its owner. */
    for (size_t i = 0; i < G_N_ELEMENTS(file_names); i++) {
        if (!trusted_check_file(store->folder_fd, file_names[i], writes, error))
            return false;
    }
    return writes || is_there(store, error);
}

void store_folder_record_files(Store *store)
{
    for (size_t i = 0; i < G_N_ELEMENTS(file_names); i++) {
        /* A missing file has all zeros, which no existing file has. */
        if (fstatat(store->folder_fd, file_names[i], &store->files[i], AT_SYMLINK_NOFOLLOW) != 0)
            store->files[i] = (struct stat){0};
    }
}

void place_close(Store *store)
{
    fd_clear(&store->folder_fd);
}

bool store_is_in_place(const Store *store, int dir_fd, const char *directory)
{
    struct stat held, named;

    if (fstat(store->folder_fd, &held) != 0 ||
        fstatat(dir_fd, directory, &named, AT_SYMLINK_NOFOLLOW) != 0 ||
        !file_is_same(&held, &named))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(file_names); i++) {
        if (fstatat(store->folder_fd, file_names[i], &named, AT_SYMLINK_NOFOLLOW) != 0 ||
            !file_is_same(&store->files[i], &named))
            return false;
    }
    return true;
}

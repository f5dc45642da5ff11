/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/published.h"

#include "base/file.h"
#include "journal/content.h"
#include "journal/folder.h"
#include "model/layout.h"

#include <fcntl.h>
#include <sys/stat.h>

static int open_thumbnail(const Publisher *publisher, const char *path)
{
    return folder_open_beneath(publisher_folder_fd(publisher), path,
                               O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
}

/* Opens a thumbnail at the place that an older version used, for a dry run, which does not move
 * it. */
static int open_old(const Publisher *publisher, const char *rendition, const char *key,
                    ImageType type)
{
    g_autofree char *path = layout_old_thumbnail_path(rendition, key, type);
    return open_thumbnail(publisher, path);
}

PublishedState published_state(Publisher *publisher, const char *rendition, const char *key,
                               ImageType type, int64_t size_bytes, bool dry_run)
{
    g_autofree char *path = layout_thumbnail_path(rendition, key, type);
    autofd fd = open_thumbnail(publisher, path);
    struct stat st;

    if (fd < 0 && dry_run)
        fd = open_old(publisher, rendition, key, type);
    else if (fd < 0 && publisher_move_old(publisher, rendition, key, type))
        fd = open_thumbnail(publisher, path);
    if (fd < 0 || fstat(fd, &st) != 0)
        return PUBLISHED_GONE;
    if (!S_ISREG(st.st_mode) || st.st_size != size_bytes ||
        !mark_is_unchanged(publisher_mark(publisher), fd, key))
        return PUBLISHED_CHANGED;
    return PUBLISHED_THERE;
}

bool published_adopt(Publisher *publisher, const char *rendition, const char *key, ImageType type,
                     int64_t size_bytes, uint64_t hash, bool dry_run)
{
    g_autofree char *path = layout_thumbnail_path(rendition, key, type);
    autofd fd = open_thumbnail(publisher, path);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size != size_bytes ||
        content_hash(fd, size_bytes) != hash)
        return false;
    return dry_run || mark_set(publisher_mark(publisher), fd, key, NULL) == 0;
}

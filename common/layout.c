#include "layout.h"

char *layout_thumbnail_key(const char *prefix, const char *rendition, const char *key,
                           ImageType type)
{
    return g_strdup_printf("%s/%s/%s.%s", prefix, rendition, key, image_type_extension(type));
}

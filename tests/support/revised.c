/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thumbq with a corrected decoder: the revision of the type that $THUMBQ_REVISED names is one
 * higher than in this build. It replaces image_type_revision (the linker's --wrap), so that the
 * program itself has no way to change a revision.
 */
#include "model/image.h"

#include <stdlib.h>
#include <string.h>

int __real_image_type_revision(ImageType type);
int __wrap_image_type_revision(ImageType type);

int __wrap_image_type_revision(ImageType type)
{
    const char *name = getenv("THUMBQ_REVISED");
    bool is_mended = name != NULL && strcmp(name, image_type_name(type)) == 0;

    return __real_image_type_revision(type) + is_mended;
}

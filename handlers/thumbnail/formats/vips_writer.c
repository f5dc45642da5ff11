/* SPDX-License-Identifier: Apache-2.0 */
#include "formats/vips_writer.h"

#include "formats/frame.h"
#include "sandbox/worker_fault.h"

bool vips_writer_has(const char *saver)
{
    return vips_type_find("VipsOperation", saver) != 0;
}

GBytes *vips_writer_encode(VipsSave *save, const Picture *picture, int quality, GError **error)
{
    VipsImage *image = frame_wrap(picture, false, error);
    if (image == NULL)
        return NULL;
    void *data = NULL;
    size_t size = 0;
    int status = save(image, quality, &data, &size);
    g_object_unref(image);
    if (status != 0) {
        fault_set_error(ERROR_INTERNAL, error);
        return NULL;
    }
    return g_bytes_new_take(data, size);
}

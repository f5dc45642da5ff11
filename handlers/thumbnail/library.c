/* SPDX-License-Identifier: Apache-2.0 */
#include "library.h"

#include "formats/codec_budget.h"
#include "formats/file_format.h"
#include "formats/frame.h"
#include "formats/jpeg.h"
#include "formats/webp.h"
#include "jpeg/jpeg_hook.h"
#include "pixels/thumbhash.h"
#include "sandbox/shortage.h"
#include "sandbox/worker_fault.h"

#include <dlfcn.h>
#include <gmodule.h>
#include <libexif/exif-data.h>
#include <stdlib.h>
#include <string.h>
#include <vips/vips.h>

/*
 * The environment of libvips and libtiff. VIPSHOME, where libvips searches for modules, does not
 * exist: loading all of them takes 20 ms and adds ImageMagick, poppler and openslide, which are not
 * used. VIPS_NOVECTOR and ORC_CODE: no code made at run time, which a sandbox must not allow.
 * VIPS_DISC_THRESHOLD: never a temporary file, as there is no folder for it. libtiff: the most
 * scans of a JPEG in a TIFF; progressive ones in full colour have 10.
 */
static const char *const environment[][2] = {
    {"VIPSHOME", "/nonexistent"},
    {"VIPS_NOVECTOR", "1"},
    {"ORC_CODE", "emulate"},
    {"VIPS_DISC_THRESHOLD", "1000g"},
    {"LIBTIFF_JPEG_MAX_ALLOWED_SCAN_NUMBER", "20"},
};

bool library_sets_variable(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(environment); i++) {
        if (strcmp(environment[i][0], name) == 0)
            return true;
    }
    return false;
}

/*
 * Replaces libexif's own function, as a program's symbols come before those of its libraries.
 * libvips has each EXIF block parsed that it reads, and libexif visits directories that point at
 * themselves for minutes. Its results are not used: exif.c reads the two facts that are, and
 * metadata.c keeps the block as it is.
 */
void exif_data_load_data(ExifData *data, const unsigned char *bytes, unsigned int size)
{
    (void)data;
    (void)bytes;
    (void)size;
}

/* Returns the folder that libvips was built to take modules from: beside the library itself. */
static char *module_folder(void)
{
    Dl_info info;
    if (dladdr((void *)(uintptr_t)vips_init, &info) == 0 || info.dli_fname == NULL)
        return NULL;
    g_autofree char *folder = g_path_get_dirname(info.dli_fname);
    return g_strdup_printf("%s/vips-modules-%d.%d", folder, vips_version(0), vips_version(1));
}

/* Loads a module. A second call for one module loads nothing. */
static void load_module(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    GModule *module = g_module_open(path, G_MODULE_BIND_LAZY);
    /* The types of a module can never be unregistered. */
    if (module != NULL)
        g_module_make_resident(module);
}

static void load_modules(void)
{
    g_autofree char *folder = module_folder();
    const FileFormat *format;
    for (size_t i = 0; folder != NULL && (format = file_format_at(i)) != NULL; i++) {
        for (const char *const *name = format->modules; name != NULL && *name != NULL; name++)
            load_module(folder, *name);
    }
}

/* Unblocks these classes of libvips, as far as it has them. */
static void allow(const char *const *classes)
{
    for (; classes != NULL && *classes != NULL; classes++) {
        if (g_type_from_name(*classes) != 0)
            vips_operation_block_set(*classes, FALSE);
    }
}

/*
 * Blocks all loaders and savers but those of the rows; also loaders that libvips does not trust.
 * JPEG, and WebP output, need none.
 */
static void block_operations(void)
{
    const FileFormat *format;
    vips_operation_block_set("VipsForeign", TRUE);
    for (size_t i = 0; (format = file_format_at(i)) != NULL; i++)
        allow(format->loader_classes);
    vips_block_untrusted_set(TRUE);
    for (size_t i = 0; (format = file_format_at(i)) != NULL; i++)
        allow(format->saver_classes);
}

/*
 * Does the commonest invocation once, with pixels that it makes up. It may not start a thread:
 * processes forked from one with threads can hang.
 */
static bool warm(GError **error)
{
    g_autoptr(Picture) picture = picture_new(64, 64, 3, error);
    if (picture == NULL)
        return false;
    size_t n = picture_stride(picture) * 64;
    for (size_t i = 0; i < n; i++)
        picture->pixels[i] = (uint8_t)(i * 7);
    g_autoptr(GBytes) jpeg = jpeg_encode(picture, 80, error);
    if (jpeg == NULL)
        return false;

    size_t size;
    const void *data = g_bytes_get_data(jpeg, &size);
    g_auto(JpegImage) decoded = {0};
    if (!jpeg_decode(data, size, 16, 16, false, &decoded, error))
        return false;
    VipsImage *image = frame_wrap(decoded.picture, false, error);
    if (image == NULL)
        return false;
    g_autoptr(Picture) small = frame_pull(image, 10, 10, FRAME_SRGB, error);
    g_object_unref(image);
    if (small == NULL)
        return false;
    g_autoptr(GBytes) webp = webp_encode(small, 80, error);
    if (webp == NULL)
        return false;
    uint8_t hash[THUMBHASH_MAX];
    uint8_t rgba[4] = {0};
    (void)thumbhash_encode(rgba, 1, 1, hash);
    exif_data_unref(exif_data_new());
    /* Workers inherit the answer, and the tables that most files have. */
    (void)jpeg_hook_works();
    return true;
}

bool library_start(GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(environment); i++)
        g_setenv(environment[i][0], environment[i][1], TRUE);
    /* The variable would have libvips start threads at once. */
    g_unsetenv("VIPS_MAX_THREADS");
    if (vips_init("thumbq-thumbnail") != 0) {
        fault_set_error(ERROR_INTERNAL, error);
        return false;
    }
    /* Processes use all cores already. */
    vips_concurrency_set(1);
    vips_cache_set_max(0);
    load_modules();
    codec_budget_start();
    shortage_start();
    block_operations();
    vips_error_clear();
    return warm(error);
}

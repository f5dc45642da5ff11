/* SPDX-License-Identifier: Apache-2.0 */
#include "library.h"

#include "encode.h"
#include "fault.h"
#include "frame.h"
#include "jpeg.h"
#include "thumbhash.h"
#include "webp.h"

#include <dlfcn.h>
#include <gmodule.h>
#include <libexif/exif-data.h>
#include <stdlib.h>
#include <string.h>
#include <vips/vips.h>

/*
 * What libvips reads from the environment while it starts:
 * VIPSHOME, where it would find modules: nowhere, as loading all of them takes 20 ms and brings in
 * ImageMagick, poppler and openslide, of which nothing is wanted;
 * VIPS_NOVECTOR, no code made at run time, which a sandbox must not allow;
 * VIPS_DISC_THRESHOLD, never a temporary file, as there is no folder to make it in.
 */
static const char *const environment[][2] = {
    {"VIPSHOME", "/nonexistent"},
    {"VIPS_NOVECTOR", "1"},
    {"ORC_CODE", "emulate"},
    {"VIPS_DISC_THRESHOLD", "1000g"},
};

bool library_sets_variable(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(environment); i++) {
        if (strcmp(environment[i][0], name) == 0)
            return true;
    }
    return false;
}

/* The modules that are wanted; each may be missing. */
static const char *const modules[] = {"vips-heif.so", "vips-jxl.so"};

/* The only loaders and savers there are; all others are blocked. JPEG in and out, and WebP out,
 * need none. */
static const char *const allowed[] = {
    "VipsForeignLoadPng",  "VipsForeignLoadWebp", "VipsForeignLoadNsgif",
    "VipsForeignLoadTiff", "VipsForeignLoadHeif", "VipsForeignSavePng",
    "VipsForeignSaveSpng", "VipsForeignSaveHeif", "VipsForeignSaveJxl",
};

/*
 * Takes the place of libexif's own function, as a program's symbols come before those of its
 * libraries: libvips has each EXIF block parsed that it reads, and libexif visits directories that
 * point at themselves for minutes. Nothing is wanted of what it finds: exif.c reads the two facts
 * that are, and metadata.c keeps the block as it is.
 */
void exif_data_load_data(ExifData *data, const unsigned char *bytes, unsigned int size)
{
    (void)data;
    (void)bytes;
    (void)size;
}

/* The folder libvips was built to take modules from: beside the library itself. */
static char *module_folder(void)
{
    Dl_info info;
    if (dladdr((void *)(uintptr_t)vips_init, &info) == 0 || info.dli_fname == NULL)
        return NULL;
    g_autofree char *folder = g_path_get_dirname(info.dli_fname);
    return g_strdup_printf("%s/vips-modules-%d.%d", folder, vips_version(0), vips_version(1));
}

static void load_modules(void)
{
    g_autofree char *folder = module_folder();
    for (size_t i = 0; folder != NULL && i < G_N_ELEMENTS(modules); i++) {
        g_autofree char *path = g_build_filename(folder, modules[i], NULL);
        GModule *module = g_module_open(path, G_MODULE_BIND_LAZY);
        if (module != NULL)
            g_module_make_resident(module); /* its types can never be unregistered */
    }
}

static void block_operations(void)
{
    vips_operation_block_set("VipsForeign", TRUE);
    for (size_t i = 0; i < G_N_ELEMENTS(allowed); i++) {
        if (g_type_from_name(allowed[i]) != 0)
            vips_operation_block_set(allowed[i], FALSE);
    }
    vips_block_untrusted_set(TRUE);
    if (g_type_from_name("VipsForeignSaveJxl") != 0)
        vips_operation_block_set("VipsForeignSaveJxl", FALSE); /* the loader is what is untrusted */
}

/*
 * Goes once through what the commonest job does, with pixels of our own. Nothing here may start a
 * thread: processes forked from a threaded one can hang.
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
    if (!jpeg_decode(data, size, 16, 16, &decoded, error))
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
    return true;
}

bool library_start(GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(environment); i++)
        g_setenv(environment[i][0], environment[i][1], TRUE);
    g_unsetenv("VIPS_MAX_THREADS"); /* would start threads at once */
    if (vips_init("thumbq-thumbnail") != 0) {
        fault_take(ERROR_INTERNAL, error);
        return false;
    }
    vips_concurrency_set(1); /* the cores are filled by processes */
    vips_cache_set_max(0);
    load_modules();
    block_operations();
    vips_error_clear();
    return warm(error);
}

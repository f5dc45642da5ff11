/* SPDX-License-Identifier: Apache-2.0 */
#include "jpeg/libjpeg_version.h"

#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#define TEXT_OF_(version) #version
#define TEXT_OF(version)  TEXT_OF_(version)

#ifdef LIBJPEG_TURBO_VERSION
static const char version_text[] = "libjpeg-turbo version " TEXT_OF(LIBJPEG_TURBO_VERSION) " ";
#else
static const char version_text[] = "";
#endif

typedef struct {
    /* The object is searched in which this address lies. */
    uintptr_t inside;
    /* Tested for each part of that object. */
    bool (*test)(const struct dl_phdr_info *object, const ElfW(Phdr) * part, const void *data);
    const void *data;
    bool found;
} VersionSearch;

static uintptr_t start_of(const struct dl_phdr_info *object, const ElfW(Phdr) * part)
{
    return (uintptr_t)(object->dlpi_addr + part->p_vaddr);
}

static bool covers(const struct dl_phdr_info *object, const ElfW(Phdr) * part, uintptr_t address)
{
    uintptr_t start = start_of(object, part);
    return part->p_type == PT_LOAD && address >= start && address - start < part->p_memsz;
}

/*
 * Tests the parts of a loaded object if the address searched for lies in it. Returns 1 then, which
 * ends the walk.
 */
static int visit(struct dl_phdr_info *object, size_t size, void *data)
{
    VersionSearch *search = data;
    bool is_it = false;
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++)
        is_it = is_it || covers(object, &object->dlpi_phdr[i], search->inside);
    for (int i = 0; is_it && i < object->dlpi_phnum; i++)
        search->found = search->found || search->test(object, &object->dlpi_phdr[i], search->data);
    return is_it;
}

/* Searches the object that has libjpeg's functions. */
static bool search_libjpeg(bool (*test)(const struct dl_phdr_info *object, const ElfW(Phdr) * part,
                                        const void *data),
                           const void *data)
{
    struct jpeg_error_mgr errors;
    /* The library sets it to a function of its own. */
    uintptr_t inside = (uintptr_t)jpeg_std_error(&errors)->error_exit;
    VersionSearch search = {.inside = inside, .test = test, .data = data};
    (void)dl_iterate_phdr(visit, &search);
    return search.found;
}

static bool holds_text(const struct dl_phdr_info *object, const ElfW(Phdr) * part, const void *data)
{
    if (part->p_type != PT_LOAD || (part->p_flags & (PF_R | PF_W)) != PF_R)
        return false;
    return memmem((const void *)start_of(object, part), part->p_filesz, data, strlen(data)) != NULL;
}

static bool is_code(const struct dl_phdr_info *object, const ElfW(Phdr) * part, const void *data)
{
    return (part->p_flags & PF_X) != 0 && covers(object, part, (uintptr_t)data);
}

bool libjpeg_is_as_compiled(void)
{
    return version_text[0] != '\0' && search_libjpeg(holds_text, version_text);
}

bool libjpeg_has(const void *address)
{
    return search_libjpeg(is_code, address);
}

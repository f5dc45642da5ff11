/* SPDX-License-Identifier: Apache-2.0 */
#include "query/selection.h"

#include <string.h>

static void clear_selected(gpointer item)
{
    g_free(((Selected *)item)->key);
}

void selection_init(Selection *selection, StoreSort sort, bool reverse, uint64_t max)
{
    selection->sort = sort;
    selection->reverse = reverse;
    selection->max = max;
    selection->after.key = NULL;
    selection->items = g_array_new(FALSE, FALSE, sizeof(Selected));
    g_array_set_clear_func(selection->items, clear_selected);
}

void selection_clear(Selection *selection)
{
    g_array_unref(selection->items);
    g_free(selection->after.key);
}

void selection_empty(Selection *selection)
{
    g_array_set_size(selection->items, 0);
}

static int64_t value_of(const Record *record, StoreSort sort)
{
    switch (sort) {
    case STORE_SORT_SIZE:
        return record->version.size;
    case STORE_SORT_DATE:
        return record_date_us(record);
    case STORE_SORT_DURATION:
        return record->duration_us;
    case STORE_SORT_NAME:
        break;
    }
    return 0;
}

/* Makes the item of a record. The key is borrowed from the record. */
static Selected selected_of(const Record *record, StoreSort sort)
{
    return (Selected){
        .value = value_of(record, sort), .id = record->id, .key = (char *)record->key};
}

/* Compares in the order of the indexes: by value, then by id. */
static int compare(const Selection *selection, const Selected *a, const Selected *b)
{
    int order;

    if (selection->sort == STORE_SORT_NAME)
        order = strcmp(a->key, b->key);
    else if (a->value != b->value)
        order = a->value < b->value ? -1 : 1;
    else
        order = (a->id > b->id) - (a->id < b->id);
    return selection->reverse ? -order : order;
}

static int compare_items(gconstpointer a, gconstpointer b, gpointer selection)
{
    return compare(selection, a, b);
}

static Selected *at(const Selection *selection, size_t i)
{
    return &g_array_index(selection->items, Selected, i);
}

static void swap(Selected *a, Selected *b)
{
    Selected other = *a;

    *a = *b;
    *b = other;
}

/* Moves the last item up until no item above it sorts before it. */
static void sift_up(Selection *selection)
{
    size_t i = selection->items->len - 1;

    while (i > 0 && compare(selection, at(selection, (i - 1) / 2), at(selection, i)) < 0) {
        swap(at(selection, (i - 1) / 2), at(selection, i));
        i = (i - 1) / 2;
    }
}

/* Moves the root down until no item below it sorts after it. */
static void sift_down(Selection *selection)
{
    size_t n = selection->items->len;

    for (size_t i = 0, child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && compare(selection, at(selection, child), at(selection, child + 1)) < 0)
            child++;
        if (compare(selection, at(selection, i), at(selection, child)) >= 0)
            break;
        swap(at(selection, i), at(selection, child));
    }
}

bool selection_is_full(const Selection *selection)
{
    return selection->max > 0 && selection->items->len >= selection->max;
}

/* True if the item belongs to this pass and sorts before the last item that is kept. */
static bool is_wanted(const Selection *selection, const Selected *item)
{
    return (!selection->after.key || compare(selection, item, &selection->after) > 0) &&
           (!selection_is_full(selection) || compare(selection, item, at(selection, 0)) < 0);
}

/* Adds an item, and copies its key only if the item is kept. */
static void add(Selection *selection, Selected item)
{
    if (!is_wanted(selection, &item))
        return;
    item.key = g_strdup(item.key);
    if (selection_is_full(selection)) {
        g_free(at(selection, 0)->key);
        *at(selection, 0) = item;
        sift_down(selection);
    } else {
        g_array_append_val(selection->items, item);
        if (selection->max > 0)
            sift_up(selection);
    }
}

void selection_add(Selection *selection, const Record *record)
{
    add(selection, selected_of(record, selection->sort));
}

void selection_add_name(Selection *selection, const char *key)
{
    add(selection, (Selected){.key = (char *)key});
}

void selection_sort(Selection *selection)
{
    g_array_sort_with_data(selection->items, compare_items, selection);
}

/* Remembers the last item of this pass. Takes the item. */
static void set_after(Selection *selection, Selected item)
{
    g_free(selection->after.key);
    selection->after = item;
}

void selection_begin_behind(Selection *selection, const Record *record)
{
    Selected item = selected_of(record, selection->sort);

    item.key = g_strdup(item.key);
    set_after(selection, item);
}

void selection_begin_behind_place(Selection *selection, const StoreCursor *place)
{
    set_after(selection,
              (Selected){.value = place->value, .id = place->id, .key = g_strdup(place->key)});
}

bool selection_is_behind(const Selection *selection, const Record *record, const StoreCursor *place)
{
    const Selected own = selected_of(record, selection->sort);
    const Selected other = {.value = place->value, .id = place->id, .key = (char *)place->key};

    return compare(selection, &own, &other) > 0;
}

StoreCursor store_cursor_of(const Record *record, StoreSort sort)
{
    return (StoreCursor){value_of(record, sort), record->id, record->key};
}

void selection_advance(Selection *selection)
{
    guint n = selection->items->len;

    if (n > 0) {
        set_after(selection, *at(selection, n - 1));
        at(selection, n - 1)->key = NULL;
    }
    selection_empty(selection);
}

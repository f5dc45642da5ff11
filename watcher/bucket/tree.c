/* SPDX-License-Identifier: Apache-2.0 */
#include "bucket/tree.h"

#include <string.h>

static guint node_hash(gconstpointer p)
{
    const TreeNode *node = p;
    return g_str_hash(node->name) * 31 + g_direct_hash(node->parent);
}

static gboolean node_equal(gconstpointer a, gconstpointer b)
{
    const TreeNode *x = a, *y = b;
    return x->parent == y->parent && strcmp(x->name, y->name) == 0;
}

static TreeNode *node_new(const char *name)
{
    TreeNode *node = g_new0(TreeNode, 1);
    node->name = g_strdup(name);
    node->wd = TREE_NO_WATCH;
    node->link.data = node;
    return node;
}

static void node_free(TreeNode *node)
{
    g_free(node->name);
    g_free(node);
}

void tree_init(Tree *tree)
{
    *tree = (Tree){
        .root = node_new(""),
        .by_name = g_hash_table_new(node_hash, node_equal),
        .by_watch = g_hash_table_new(g_direct_hash, g_direct_equal),
        .n_nodes = 1,
    };
}

void tree_clear(Tree *tree)
{
    if (tree->root)
        tree_drop(tree, tree->root, NULL, NULL);
    g_clear_pointer(&tree->by_name, g_hash_table_unref);
    g_clear_pointer(&tree->by_watch, g_hash_table_unref);
    tree->root = NULL;
}

TreeNode *tree_child(const Tree *tree, const TreeNode *parent, const char *name)
{
    const TreeNode wanted = {.parent = (TreeNode *)parent, .name = (char *)name};
    return g_hash_table_lookup(tree->by_name, &wanted);
}

TreeNode *tree_lookup(const Tree *tree, const char *key)
{
    TreeNode *node = tree->root;
    TreePath name;
    while (node && *key) {
        size_t len = strcspn(key, "/");
        if (len >= sizeof name)
            return NULL;
        memcpy(name, key, len);
        name[len] = '\0';
        node = tree_child(tree, node, name);
        key += len;
        key += *key == '/';
    }
    return node;
}

void tree_attach(Tree *tree, TreeNode *node, TreeNode *parent, const char *name)
{
    char *own_name = g_strdup(name);
    g_free(node->name);
    node->name = own_name;
    node->parent = parent;
    node->prev = NULL;
    node->next = parent->first_child;
    if (node->next)
        node->next->prev = node;
    parent->first_child = node;
    g_hash_table_add(tree->by_name, node);
}

TreeNode *tree_add(Tree *tree, TreeNode *parent, const char *name)
{
    TreeNode *node = node_new("");
    tree_attach(tree, node, parent, name);
    tree->n_nodes++;
    return node;
}

void tree_detach(Tree *tree, TreeNode *node)
{
    if (!node->parent)
        return;
    g_hash_table_remove(tree->by_name, node);
    if (node->prev)
        node->prev->next = node->next;
    else
        node->parent->first_child = node->next;
    if (node->next)
        node->next->prev = node->prev;
    node->parent = node->next = node->prev = NULL;
}

/* Frees the leaves first and without recursion: a tree may be two thousand folders deep. */
void tree_drop(Tree *tree, TreeNode *top, TreeForget forget, void *data)
{
    tree_detach(tree, top);
    TreeNode *node = top;
    while (node) {
        if (node->first_child) {
            node = node->first_child;
            continue;
        }
        TreeNode *parent = node->parent;
        if (forget)
            forget(node, data);
        /* `forget` has taken the descriptor if the caller needs it. */
        (void)tree_remove_watch(tree, node);
        tree_detach(tree, node);
        tree->n_nodes--;
        node_free(node);
        node = parent;
    }
}

bool tree_is_attached(const Tree *tree, const TreeNode *node)
{
    while (node->parent)
        node = node->parent;
    return node == tree->root;
}

bool tree_path(const TreeNode *node, const char *name, TreePath ret_path)
{
    size_t len = strlen(name);
    for (const TreeNode *n = node; n->parent; n = n->parent)
        len += strlen(n->name) + (len > 0);
    if (len > OBJECT_KEY_MAX)
        return false;

    char *end = ret_path + len;
    *end = '\0';
    end -= strlen(name);
    memcpy(end, name, strlen(name));
    for (const TreeNode *n = node; n->parent; n = n->parent) {
        if (*end)
            *--end = '/';
        size_t n_bytes = strlen(n->name);
        end -= n_bytes;
        memcpy(end, n->name, n_bytes);
    }
    return true;
}

TreeNode *tree_by_watch(const Tree *tree, int wd)
{
    return g_hash_table_lookup(tree->by_watch, GINT_TO_POINTER(wd));
}

void tree_set_watch(Tree *tree, TreeNode *node, int wd)
{
    TreeNode *other = tree_by_watch(tree, wd);
    if (other)
        other->wd = TREE_NO_WATCH;
    node->wd = wd;
    g_hash_table_insert(tree->by_watch, GINT_TO_POINTER(wd), node);
}

int tree_remove_watch(Tree *tree, TreeNode *node)
{
    int wd = node->wd;
    if (wd != TREE_NO_WATCH)
        g_hash_table_remove(tree->by_watch, GINT_TO_POINTER(wd));
    node->wd = TREE_NO_WATCH;
    return wd;
}

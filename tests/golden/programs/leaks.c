/* A program that loses memory in each of the ways that leak checkers tell apart, and keeps some. */
#include <stdlib.h>
#include <string.h>

struct node {
    struct node *next;
    char rest[56];
};

static void *volatile kept;
static char *volatile inside;

static __attribute__((noinline)) void *grab(size_t size) {
    void *block = malloc(size);
    memset(block, 0, size);
    return block;
}

/* The last node is lost, and the others with it. */
static __attribute__((noinline)) void lose_list(int nodes) {
    struct node *head = NULL;
    for (int i = 0; i < nodes; i++) {
        struct node *node = grab(sizeof *node);
        node->next = head;
        head = node;
    }
}

static __attribute__((noinline)) void lose_blocks(int blocks) {
    for (int i = 0; i < blocks; i++) grab(1000 + i);
}

/* Only a pointer into the block is left. */
static __attribute__((noinline)) void hold_inside(void) { inside = (char *)grab(4096) + 100; }

static __attribute__((noinline)) void keep(void) { kept = grab(12345); }

/* So that no pointer is left in a register or on the stack. */
static __attribute__((noinline)) int wipe(int depth) {
    volatile char stack[1024];
    memset((char *)stack, depth, sizeof stack);
    return depth == 0 ? stack[7] : wipe(depth - 1) + stack[9];
}

int main(void) {
    lose_list(5);
    lose_blocks(7);
    hold_inside();
    keep();
    return wipe(8) == 12345;
}

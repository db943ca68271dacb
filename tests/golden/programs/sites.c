/* The program whose heap the goldens of C allocators show: twelve sites whose blocks grow in size and shrink in
 * number, half of them freed again, and a recursion. With an argument and tcmalloc_samples.cc it writes tcmalloc's own
 * samples to that file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITES 12
#define BLOCKS 20000

static void *kept[SITES * BLOCKS];
static int blocks;

static __attribute__((noinline)) void *grab(size_t size) {
    void *block = malloc(size);
    memset(block, 1, size);
    return kept[blocks++] = block;
}

/* Each site is a function of its own: the numbers of its blocks are what a test can work out. */
#define SITE(number) \
    static __attribute__((noinline)) void site_##number(void) { \
        int first = blocks; \
        for (int i = 0; i < BLOCKS >> number; i++) grab((size_t)24 << number); \
        for (int i = first; i < blocks; i += 2) { free(kept[i]); kept[i] = NULL; } \
    }
SITE(0) SITE(1) SITE(2) SITE(3) SITE(4) SITE(5) SITE(6) SITE(7) SITE(8) SITE(9) SITE(10) SITE(11)

static __attribute__((noinline)) void descend(int levels) {
    if (levels > 0) descend(levels - 1);
    grab(1000);
}

/* There with tcmalloc_samples.cc only. */
void begin_samples(void) __attribute__((weak));
void write_samples(const char *path) __attribute__((weak));

int main(int count, char **arguments) {
    if (begin_samples) begin_samples();
    site_0(); site_1(); site_2(); site_3(); site_4(); site_5();
    site_6(); site_7(); site_8(); site_9(); site_10(); site_11();
    for (int i = 0; i < 20; i++) descend(i);
    if (count > 1 && write_samples) write_samples(arguments[1]);
    printf("%p\n", kept[blocks - 1]);
    return 0;
}

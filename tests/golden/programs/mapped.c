/* A program that maps memory and gives it back in parts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LENGTH (1 << 20)

static __attribute__((noinline)) char *map(void) {
    return mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static __attribute__((noinline)) void in_parts(void) {
    char *start = map();
    munmap(start, LENGTH / 2);
    munmap(start + LENGTH / 2, LENGTH / 2);
}

static __attribute__((noinline)) void all_but_the_end(void) {
    char *start = map();
    munmap(start, LENGTH - 8192);
}

static __attribute__((noinline)) void keep(void) { memset(map(), 1, LENGTH); }

int main(void) {
    in_parts();
    all_but_the_end();
    keep();
    printf("%p\n", malloc(12345));
    return 0;
}

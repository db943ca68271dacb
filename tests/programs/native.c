// A program in C that counts what it asks of malloc and its like, for the test of `highwater run`, which compiles it. The first argument
// says how it ends. It prints the blocks and bytes that it allocated, freed, and had at most.
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t blocks, bytes, freed_blocks, freed_bytes, peak;

static void grown(size_t size) {
    blocks++;
    bytes += size;
    if (bytes - freed_bytes > peak) peak = bytes - freed_bytes;
}

static void shrunk(size_t size) {
    freed_blocks++;
    freed_bytes += size;
}

// Fills a block to its end: what stands behind it must survive, and be told from it.
static void *got(void *block, size_t size, size_t align) {
    if (!block || (uintptr_t)block % align || malloc_usable_size(block) < size) {
        dprintf(2, "a block of %zu bytes at %p, to be aligned to %zu, has %zu\n", size, block, align, malloc_usable_size(block));
        exit(99);
    }
    memset(block, 0x5a, malloc_usable_size(block));
    grown(size);
    return block;
}

static void give(void *block, size_t size) {
    free(block);
    shrunk(size);
}

static void *zeroed(size_t count, size_t size) {
    char *block = calloc(count, size);
    for (size_t at = 0; at < count * size; at++)
        if (block[at]) exit(98);
    return got(block, count * size, 16);
}

static void *resized(void *block, size_t before, size_t size) {
    void *moved = realloc(block, size);
    for (size_t at = 0; at < (before < size ? before : size); at++)
        if (((char *)moved)[at] != 0x5a) exit(97);
    shrunk(before);
    return got(moved, size, 16);
}

// Everything that there is; or what valgrind and heaptrack count in the same way.
static void family(int is_plain) {
    static const size_t SIZES[] = {0, 1, 7, 8, 16, 24, 25, 40, 100, 1000, 4000, 4096, 30000, 32255, 32256, 32257, 32760, 32768, 33000, 100000, 200000, 3000000};
    void *kept = got(malloc(12345), 12345, 16);
    for (size_t at = 0; at < sizeof SIZES / sizeof *SIZES; at++) {
        size_t size = SIZES[at];
        give(got(malloc(size), size, 16), size);
        give(zeroed(1, size), size);
        for (size_t to = 0; to < sizeof SIZES / sizeof *SIZES; to++)
            if (SIZES[to]) give(resized(got(malloc(size), size, 16), size, SIZES[to]), SIZES[to]);
        if (is_plain) continue;
        for (size_t align = 16; align <= 65536; align *= 4) {
            void *block = NULL;
            give(got(memalign(align, size), size, align), size);
            give(got(aligned_alloc(align, size), size, align), size);
            if (posix_memalign(&block, align, size)) exit(96);
            give(resized(got(block, size, align), size, size + 1), size + 1);
        }
        give(got(valloc(size), size, 4096), size);
        size_t pages = (size + 4095) / 4096 * 4096;
        give(got(pvalloc(size), pages, 4096), pages);
    }
    if (!is_plain) {
        give(got(reallocarray(NULL, 30, 30), 900, 16), 900);
        void *empty = got(malloc(5), 5, 16);
        if (realloc(empty, 0)) exit(95);
        shrunk(5);
    }
    char *copy = strdup("a copy");
    grown(7);
    give(copy, 7);
    if (!is_plain && (posix_memalign(&kept, 24, 10) == 0 || calloc(SIZE_MAX / 2, 3) || malloc(SIZE_MAX - 20) || reallocarray(NULL, SIZE_MAX / 2, 3))) exit(94);
    // Many small blocks, a third of which stay.
    for (size_t at = 0; at < 30000; at++) {
        void *block = got(malloc(at % 300), at % 300, 16);
        if (at % 3) give(block, at % 300);
    }
}

// Before main, and before the C library's own set-up has come to its end for this program.
__attribute__((constructor)) static void early(void) {
    got(malloc(321), 321, 16);
}

static void *work(void *blocks_of_thread) {
    for (size_t at = 0; at < (size_t)blocks_of_thread; at++) free(malloc(at % 500 + 1));
    return NULL;
}

static void threads(size_t count, size_t each) {
    pthread_t all[64];
    for (size_t at = 0; at < count; at++) pthread_create(&all[at], NULL, work, (void *)each);
    for (size_t at = 0; at < count; at++) pthread_join(all[at], NULL);
    for (size_t at = 0; at < count * each; at++) {
        blocks++;
        freed_blocks++;
        bytes += at % each % 500 + 1;
        freed_bytes += at % each % 500 + 1;
    }
}

static void say(void) {
    // By write alone: printf has a buffer of its own, which is allocated.
    char line[200];
    int length = snprintf(line, sizeof line, "%zu %zu %zu %zu %zu\n", blocks, bytes, freed_blocks, freed_bytes, peak);
    if (write(1, line, length) != length) exit(90);
}

int main(int count, char **arguments) {
    const char *end = count > 1 ? arguments[1] : "return";
    family(!strcmp(end, "plain"));
    if (!strcmp(end, "threads")) threads(8, 5000);
    if (!strcmp(end, "fork") || !strcmp(end, "vfork")) {
        pid_t child = !strcmp(end, "fork") ? fork() : vfork();
        if (child == 0) _exit(4);
        int status = 0;
        waitpid(child, &status, 0);
        if (WEXITSTATUS(status) != 4) exit(93);
    }
    if (!strcmp(end, "default")) {
        // What the program knows of its signals is what it would know without a recorder.
        struct sigaction action;
        sigaction(SIGTERM, NULL, &action);
        if (action.sa_handler != SIG_DFL || signal(SIGINT, SIG_IGN) != SIG_DFL || signal(SIGINT, SIG_DFL) != SIG_IGN) exit(92);
        if (getenv("LD_PRELOAD") || getenv("HIGHWATER_RUN")) exit(91);
    }
    say();
    if (!strcmp(end, "_exit")) _exit(7);
    if (!strcmp(end, "quick_exit")) quick_exit(7);
    if (!strcmp(end, "abort")) abort();
    if (!strcmp(end, "assert")) kill(getpid(), SIGABRT);
    if (!strcmp(end, "term")) kill(getpid(), SIGTERM);
    if (!strcmp(end, "kill")) kill(getpid(), SIGKILL);
    if (!strcmp(end, "execv")) execv(arguments[2], arguments + 2);
    if (!strcmp(end, "execl")) execl(arguments[2], arguments[2], arguments[3], NULL);
    if (!strcmp(end, "execfail")) execlp("no-such-program-anywhere", "x", NULL);
    return 7;
}

// Writes what tcmalloc has sampled; part of sites.c.
#include <cstdio>
#include <gperftools/malloc_extension.h>
#include <string>

// tcmalloc's sampler is asleep for the first 16 MiB, whatever its interval: it starts before the variable is read.
extern "C" void begin_samples() {
    for (int i = 0; i < 1 << 15; i++) ::operator delete(::operator new(1 << 10));
}

extern "C" void write_samples(const char *path) {
    std::string text;
    MallocExtension::instance()->GetHeapSample(&text);
    FILE *file = std::fopen(path, "w");
    std::fwrite(text.data(), 1, text.size(), file);
    std::fclose(file);
}

// With sites.c: writes where tcmalloc took memory from the system.
#include <fstream>
#include <string>

#include <gperftools/malloc_extension.h>

extern "C" void begin_samples(void) {}

extern "C" void write_samples(const char *path) {
    std::string stacks;
    MallocExtension::instance()->GetHeapGrowthStacks(&stacks);
    std::ofstream(path) << stacks;
}

package av

/*
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

// cp_bound_malloc and cp_trim_malloc: see BoundAllocator and TrimAllocator.
static void cp_bound_malloc(int large) {
#ifdef __GLIBC__
	mallopt(M_MMAP_THRESHOLD, large);
	mallopt(M_TRIM_THRESHOLD, 4 * large); // not at every few packets that are freed
#endif
}

static void cp_trim_malloc(void) {
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}
*/
import "C"

// largeBlock is from how many bytes on a block of C's has pages of its own. A picture of
// 720p has 1.4 MB; a packet hardly ever so much.
const largeBlock = 1 << 20

// BoundAllocator has pictures that libav and the encoders free go back to the system:
// glibc's allocator raises by itself the size from which a block is mapped, and keeps holes
// of pictures in its heaps then (mallopt(3)). Other C libraries are left as they are. It is
// for the beginning of a program.
func BoundAllocator() { C.cp_bound_malloc(largeBlock) }

// TrimAllocator gives the system the pages between what is in use in C's heaps
// (malloc_trim(3)): packets of all lengths, which one thread makes and another frees, leave
// holes that would be as large as what is used. It takes about a millisecond of the calling
// thread, and threads that ask for memory meanwhile may wait for a part of it.
func TrimAllocator() { C.cp_trim_malloc() }

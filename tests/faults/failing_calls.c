/* System calls that fail now and then: those on files below FAIL_BELOW, on anonymous memory called
 * "runlog", and on sockets to the port FAIL_PORT.
 *
 * FAIL_CALLS is a list of "call:errno:thousandths:burst,"; an errno of 0 means that half of it is
 * done. The n-th call fails or not by FAIL_SEED alone, after the first FAIL_AFTER of them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NOTHING, FAILS, HALF };
#define FILES 1
#define FOLDER 2
#define SOCKET 4
#define MOST 4096
#define MOST_RULES 16

struct rule {
    char call[16];
    int error, thousandths, burst;
    atomic_int left;
};

static struct rule rules[MOST_RULES];
static int count, port;
static unsigned long seed, after;
static const char *below;
static atomic_ulong calls;
static unsigned char marks[MOST];

__attribute__((constructor)) static void read_rules(void) {
    const char *text = getenv("FAIL_CALLS");
    below = getenv("FAIL_BELOW");
    seed = strtoul(getenv("FAIL_SEED"), NULL, 10);
    after = strtoul(getenv("FAIL_AFTER"), NULL, 10);
    port = atoi(getenv("FAIL_PORT"));
    while (text && *text && count < MOST_RULES) {
        struct rule *rule = &rules[count];
        if (sscanf(text, "%15[a-z]:%d:%d:%d", rule->call, &rule->error, &rule->thousandths,
                   &rule->burst) == 4)
            count++;
        text = strchr(text, ',');
        if (text) text++;
    }
}

static unsigned long scatter(unsigned long number) {
    number ^= number >> 31;
    number *= 0x7fb5d329728ea185UL;
    number ^= number >> 27;
    number *= 0x81dadef4bc2dd44dUL;
    return number ^ number >> 33;
}

/* What becomes of this call; sets errno where it fails. */
static int fate(const char *call) {
    unsigned long number = atomic_fetch_add(&calls, 1);
    if (number < after) return NOTHING;
    for (int each = 0; each < count; each++) {
        struct rule *rule = &rules[each];
        if (strcmp(rule->call, call)) continue;
        if (atomic_load(&rule->left) > 0)
            atomic_fetch_sub(&rule->left, 1);
        else if (scatter(seed * 2654435761UL + number * 40503UL + each) % 1000 <
                 (unsigned long)rule->thousandths)
            atomic_store(&rule->left, rule->burst - 1);
        else
            continue;
        errno = rule->error;
        return rule->error ? FAILS : HALF;
    }
    return NOTHING;
}

static int is_below(const char *path) {
    return below && path && !strncmp(path, below, strlen(below));
}

static int mark_of(int fd) { return fd >= 0 && fd < MOST ? marks[fd] : 0; }

static int marked(int fd, int mark) {
    if (fd >= 0 && fd < MOST) marks[fd] = mark;
    return fd;
}

static int opened(int folder, const char *path, int flags, mode_t mode) {
    int ours = path && path[0] == '/' ? is_below(path) : mark_of(folder) & FOLDER;
    if (ours && fate("open") == FAILS) return -1;
    int fd = syscall(SYS_openat, folder, path, flags, mode);
    return marked(fd, !ours ? 0 : flags & O_DIRECTORY ? FOLDER : FILES);
}

#define OPENS(name, folder, first)                                                                 \
    int name(first const char *path, int flags, ...) {                                             \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        mode_t mode = va_arg(more, mode_t);                                                        \
        va_end(more);                                                                              \
        return opened(folder, path, flags, mode);                                                  \
    }
#define NONE
#define COMMA_FOLDER int place,
OPENS(open, AT_FDCWD, NONE)
OPENS(open64, AT_FDCWD, NONE)
OPENS(openat, place, COMMA_FOLDER)
OPENS(openat64, place, COMMA_FOLDER)

int close(int fd) {
    marked(fd, 0);
    return syscall(SYS_close, fd);
}

ssize_t write(int fd, const void *data, size_t size) {
    int what = mark_of(fd) & FILES ? fate("write") : NOTHING;
    if (what == FAILS) return -1;
    return syscall(SYS_write, fd, data, what == HALF && size > 1 ? size / 2 : size);
}

ssize_t pread64(int fd, void *data, size_t size, off64_t offset) {
    int what = mark_of(fd) & FILES ? fate("pread") : NOTHING;
    if (what == FAILS) return -1;
    return syscall(SYS_pread64, fd, data, what == HALF && size > 1 ? size / 2 : size, offset);
}

ssize_t pread(int fd, void *data, size_t size, off_t offset) {
    return pread64(fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    int what = mark_of(fd) & FILES ? fate("pwrite") : NOTHING;
    if (what == FAILS) return -1;
    return syscall(SYS_pwrite64, fd, data, what == HALF && size > 1 ? size / 2 : size, offset);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    return pwrite64(fd, data, size, offset);
}

int flock(int fd, int operation) {
    if (mark_of(fd) & FILES && fate("flock") == FAILS) return -1;
    return syscall(SYS_flock, fd, operation);
}

int rename(const char *from, const char *to) {
    if (is_below(to) && fate("rename") == FAILS) return -1;
    return syscall(SYS_rename, from, to);
}

int unlink(const char *path) {
    if (is_below(path) && fate("unlink") == FAILS) return -1;
    return syscall(SYS_unlink, path);
}

int unlinkat(int folder, const char *path, int flags) {
    if ((is_below(path) || mark_of(folder) & FOLDER) && fate("unlink") == FAILS) return -1;
    return syscall(SYS_unlinkat, folder, path, flags);
}

int mkdir(const char *path, mode_t mode) {
    if (is_below(path) && fate("mkdir") == FAILS) return -1;
    return syscall(SYS_mkdir, path, mode);
}

int fstat(int fd, struct stat *facts) {
    static int (*real)(int, struct stat *);
    if (!real) real = dlsym(RTLD_NEXT, "fstat");
    if (mark_of(fd) && fate("stat") == FAILS) return -1;
    return real(fd, facts);
}

int fstat64(int fd, struct stat64 *facts) { return fstat(fd, (struct stat *)facts); }

int dup(int fd) {
    if (mark_of(fd) & FILES && fate("dup") == FAILS) return -1;
    return marked(syscall(SYS_dup, fd), mark_of(fd));
}

int dup3(int fd, int other, int flags) {
    if (mark_of(fd) & FILES && fate("dup") == FAILS) return -1;
    return marked(syscall(SYS_dup3, fd, other, flags), mark_of(fd));
}

int dup2(int fd, int other) { return fd == other ? fd : dup3(fd, other, 0); }

int fcntl64(int fd, int command, ...) {
    va_list more;
    va_start(more, command);
    long value = va_arg(more, long);
    va_end(more);
    int is_dup = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
    if (is_dup && mark_of(fd) & FILES && fate("dup") == FAILS) return -1;
    int result = syscall(SYS_fcntl, fd, command, value);
    return is_dup ? marked(result, mark_of(fd)) : result;
}

int fcntl(int fd, int command, ...) {
    va_list more;
    va_start(more, command);
    long value = va_arg(more, long);
    va_end(more);
    return fcntl64(fd, command, value);
}

int memfd_create(const char *name, unsigned flags) {
    int ours = !strcmp(name, "runlog");
    if (ours && fate("memory") == FAILS) return -1;
    return marked(syscall(SYS_memfd_create, name, flags), ours ? FILES : 0);
}

int connect(int fd, const struct sockaddr *address, socklen_t size) {
    const struct sockaddr_in *place = (const struct sockaddr_in *)address;
    int ours = place && place->sin_family == AF_INET && ntohs(place->sin_port) == port;
    if (ours && fate("connect") == FAILS) return -1;
    if (ours) marked(fd, SOCKET);
    return syscall(SYS_connect, fd, address, size);
}

ssize_t send(int fd, const void *data, size_t size, int flags) {
    int what = mark_of(fd) & SOCKET ? fate("send") : NOTHING;
    if (what == FAILS) return -1;
    return syscall(SYS_sendto, fd, data, what == HALF && size > 1 ? size / 2 : size, flags, 0, 0);
}

ssize_t recv(int fd, void *data, size_t size, int flags) {
    if (mark_of(fd) & SOCKET && fate("recv") == FAILS) return -1;
    return syscall(SYS_recvfrom, fd, data, size, flags, 0, 0);
}
